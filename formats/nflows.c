/* The names that nflows gives to a flow's tensors. */
#include <stdio.h>
#include <string.h>

#include "nflows.h"

#define PREFIX	"_transform._transforms."
#define NET	"_transforms.1.transform_net."

/* Where one of our names differs from theirs. */
static const char *const renamed[][2] = {
	{ "lu/bias", "bias" },
	{ "lu/lower", "lower_entries" },
	{ "lu/upper", "upper_entries" },
	{ "lu/diag", "unconstrained_upper_diag" },
	{ "net/initial/weight", NET "initial_layer.weight" },
	{ "net/initial/bias", NET "initial_layer.bias" },
	{ "net/final/weight", NET "final_layer.weight" },
	{ "net/final/bias", NET "final_layer.bias" },
};

/* A tensor of a block, whose name is "net/block_00/norm_0/weight". */
static void
block_name(char *to, size_t size, const char *name)
{
	const char *leaf = strrchr(name, '/') + 1;
	unsigned b = 0, k = 0;

	if (sscanf(name, "net/block_%u/norm_%u/", &b, &k) == 2)
		snprintf(to, size, NET "blocks.%u.batch_norm_layers.%u.%s", b,
		    k, leaf);
	else if (sscanf(name, "net/block_%u/linear_%u/", &b, &k) == 2)
		snprintf(to, size, NET "blocks.%u.linear_layers.%u.%s", b, k,
		    leaf);
	else
		snprintf(to, size, NET "blocks.%u.context_layer.%s", b, leaf);
}

static struct nf_nflows_entry *
add(struct nf_nflows *a, enum nf_nflows_kind kind, uint32_t step,
    uint32_t ndim, uint32_t n)
{
	struct nf_nflows_entry *e = &a->entry[a->n++];

	e->kind = kind;
	e->step = step;
	e->ndim = ndim;
	e->shape[0] = n;
	return e;
}

/* The step of a tensor's name, and where the rest of it begins. */
static uint32_t
step_of(const struct nf_flow *f, const struct nf_tensor *t,
    const char **rest)
{
	unsigned step = f->shape.steps;

	sscanf(t->name, "step_%u/", &step);
	*rest = strchr(t->name, '/') + 1;
	return step;
}

/* The last permutation and LU stand one level higher. */
static const char *
level(const struct nf_flow *f, uint32_t step)
{
	return step < f->shape.steps ? "_transforms.0." : "";
}

static void
add_tensor(struct nf_nflows *a, const struct nf_flow *f,
    const struct nf_tensor *t)
{
	char part[NF_NFLOWS_NAME - 32];
	const char *name;
	uint32_t step = step_of(f, t, &name);
	struct nf_nflows_entry *e = add(a, NF_NFLOWS_FLOATS, step, t->ndim,
	    t->shape[0]);
	size_t k;

	e->tensor = t;
	e->shape[1] = t->shape[1];
	for (k = 0; k < 8; k++)
		if (strcmp(renamed[k][0], name) == 0)
			break;
	if (k < 8)
		snprintf(part, sizeof(part), "%s%s%s", k < 4 ?
		    level(f, step) : "", k < 4 ? "_transforms.1." : "",
		    renamed[k][1]);
	else
		block_name(part, sizeof(part), name);
	snprintf(e->name, sizeof(e->name), PREFIX "%u.%s", step, part);
}

/* What stands before a step's tensors, or before those of its net. */
static void
add_before(struct nf_nflows *a, const struct nf_flow *f,
    const struct nf_tensor *t)
{
	uint32_t d = f->shape.features, step, nt;
	struct nf_nflows_entry *e;
	const char *name;

	step = step_of(f, t, &name);
	if (strcmp(name, "lu/bias") == 0) {
		e = add(a, NF_NFLOWS_PERM, step, 1, d);
		snprintf(e->name, sizeof(e->name), PREFIX "%u.%s"
		    "_transforms.0._permutation", step, level(f, step));
	} else if (strcmp(name, "net/initial/weight") == 0) {
		nt = nf_ntransform(&f->shape, step);
		e = add(a, NF_NFLOWS_IDENTITY, step, 1, d - nt);
		snprintf(e->name, sizeof(e->name), PREFIX "%u._transforms.1."
		    "identity_features", step);
		e = add(a, NF_NFLOWS_TRANSFORM, step, 1, nt);
		snprintf(e->name, sizeof(e->name), PREFIX "%u._transforms.1."
		    "transform_features", step);
	}
}

/* A norm's count stands behind its variances. */
static void
add_after(struct nf_nflows *a, const struct nf_tensor *t)
{
	const struct nf_nflows_entry *var = &a->entry[a->n - 1];
	struct nf_nflows_entry *e;
	size_t n;

	if (!t->stat || strstr(t->name, "/running_var") == NULL)
		return;
	e = add(a, NF_NFLOWS_BATCHES, var->step, 0, 1);
	n = strlen(var->name) - strlen("running_var");
	memcpy(e->name, var->name, n);
	snprintf(e->name + n, sizeof(e->name) - n, "num_batches_tracked");
}

int
nf_nflows_make(struct nf_nflows *a, const struct nf_flow *f,
    struct nf_err *err)
{
	uint32_t i;

	a->n = 0;
	a->entry = nf_alloc(2 * (size_t)f->ntensor, sizeof(*a->entry),
	    "names", err);
	for (i = 0; a->entry != NULL && i < f->ntensor; i++) {
		add_before(a, f, &f->tensor[i]);
		add_tensor(a, f, &f->tensor[i]);
		add_after(a, &f->tensor[i]);
	}
	return a->entry == NULL ? -1 : 0;
}

void
nf_nflows_free(struct nf_nflows *a)
{
	nf_free(a->entry);
	a->entry = NULL;
}

void
nf_nflows_integers(const struct nf_flow *f, const struct nf_nflows_entry *e,
    uint64_t batches, int64_t *x)
{
	uint32_t j, d = f->shape.features, first;

	if (e->kind == NF_NFLOWS_BATCHES) {
		*x = (int64_t)batches;
		return;
	}
	if (e->kind == NF_NFLOWS_PERM) {
		for (j = 0; j < d; j++)
			x[j] = f->perm[(size_t)e->step * d + j];
		return;
	}
	/* Features of the step's parity are transformed. */
	first = (e->step + (e->kind == NF_NFLOWS_IDENTITY)) % 2;
	for (j = first; j < d; j += 2)
		*x++ = j;
}
