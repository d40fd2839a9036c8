/* A flow's shape from the tensors and hyperparameters of a checkpoint. */
#include <stdio.h>
#include <string.h>

#include "import_part.h"

#define STEP	"_transform._transforms.%u."
#define NET	STEP "_transforms.1.transform_net."

/* The tensor of that name, of ndim dimensions, or NULL. */
static const struct nf_pickle_tensor *
tensor(const struct nf_importer *m, uint32_t ndim, const char *fmt,
    uint32_t step, uint32_t block)
{
	const struct nf_pickle_value *v;
	char name[NF_NFLOWS_NAME];

	snprintf(name, sizeof(name), fmt, step, block);
	v = nf_import_find(m, name, NULL);
	return v != NULL && v->kind == NF_PICKLE_TENSOR &&
	    v->u.tensor->ndim == ndim ? v->u.tensor : NULL;
}

static int
bad(const struct nf_importer *m, const char *what)
{
	return nf_fail(m->err, NF_EDATA, "%s: %s: not a flow as FlashSim "
	    "builds it", m->path, what);
}

/* As a count of a shape; what is too large is found too large there. */
static uint32_t
bounded(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* From the first step's tensors, and how many steps and blocks there are. */
static int
take_sizes(struct nf_importer *m, struct nf_shape *s)
{
	const struct nf_pickle_tensor *perm, *initial, *final;
	uint64_t nt, p;

	perm = tensor(m, 1, STEP "_transforms.0._transforms.0._permutation",
	    0, 0);
	initial = tensor(m, 2, NET "initial_layer.weight", 0, 0);
	final = tensor(m, 1, NET "final_layer.bias", 0, 0);
	if (perm == NULL || initial == NULL || final == NULL)
		return bad(m, "the first step lacks a permutation or a "
		    "transform_net");
	s->features = bounded(perm->size[0]);
	s->hidden = bounded(initial->size[0]);
	nt = nf_ntransform(s, 0);
	if (s->features < 2 || s->features > NF_MAX_FEATURES ||
	    initial->size[1] < s->features - nt)
		return bad(m, "the first step's permutation and "
		    "initial_layer do not fit");
	s->context = bounded(initial->size[1] - (s->features - nt));
	p = final->size[0] / nt;
	if (p * nt != final->size[0] || (p + 1) % 3 != 0)
		return bad(m, "the first step's final_layer is not of 3 bins "
		    "- 1 numbers a feature");
	s->bins = bounded((p + 1) / 3);
	for (s->steps = 0; tensor(m, 2, NET "initial_layer.weight", s->steps,
	    0) != NULL; s->steps++)
		;
	for (s->blocks = 0; tensor(m, 2, NET "blocks.%u.linear_layers.0."
	    "weight", 0, s->blocks) != NULL; s->blocks++)
		;
	s->batch_norm = s->blocks == 0 || tensor(m, 1, NET "blocks.%u."
	    "batch_norm_layers.0.weight", 0, 0) != NULL;
	return 0;
}

/* A hyperparameter that is not None, or NULL. */
static const struct nf_pickle_value *
hyper(const struct nf_importer *m, const char *key)
{
	const struct nf_pickle_value *v = NULL;

	if (m->kwargs != NULL)
		v = nf_pickle_get(m->kwargs, key);
	if (v == NULL && m->outer != NULL)
		v = nf_pickle_get(m->outer, key);
	return v == NULL || v->kind == NF_PICKLE_NONE ? NULL : v;
}

static int
hyper_number(struct nf_importer *m, const char *key, double *x, bool *has)
{
	const struct nf_pickle_value *v = hyper(m, key);
	char words[NF_PICKLE_WORDS];

	*has = v != NULL;
	if (v == NULL || nf_pickle_number(v, x))
		return 0;
	return nf_fail(m->err, NF_EDATA, "%s: model_hyperparams: %s is %s, "
	    "want a number", m->path, key, nf_pickle_words(v, words));
}

static int
take_activation(struct nf_importer *m, struct nf_shape *s)
{
	const struct nf_pickle_value *v = hyper(m, "activation");
	char words[NF_PICKLE_WORDS];
	int k;

	m->has_activation = v != NULL;
	if (v == NULL)
		return 0;
	for (k = 0; nf_act_name((enum nf_act)k) != NULL; k++)
		if (nf_pickle_is(v, nf_act_name((enum nf_act)k))) {
			s->activation = (enum nf_act)k;
			return 0;
		}
	return nf_fail(m->err, NF_EDATA, "%s: model_hyperparams: activation "
	    "is %s, want 'relu', 'elu' or 'leaky_relu'", m->path,
	    nf_pickle_words(v, words));
}

static int
check_type(struct nf_importer *m)
{
	const struct nf_pickle_value *v = hyper(m, "base_transform_type");
	char words[NF_PICKLE_WORDS];

	if (v == NULL || nf_pickle_is(v, "rq-coupling"))
		return 0;
	return nf_fail(m->err, NF_EDATA, "%s: model_hyperparams: "
	    "base_transform_type is %s, want 'rq-coupling'", m->path,
	    nf_pickle_words(v, words));
}

int
nf_import_shape(struct nf_importer *m, struct nf_shape *s)
{
	nf_shape_default(s);
	if (check_type(m) == -1 || take_sizes(m, s) == -1 ||
	    hyper_number(m, "tail_bound", &s->tail_bound,
	    &m->has_tail) == -1 ||
	    hyper_number(m, "dropout_probability", &s->dropout,
	    &m->has_dropout) == -1 || take_activation(m, s) == -1)
		return -1;
	if (nf_shape_check(s, m->err) == -1) {
		m->err->code = NF_EDATA;
		return nf_fail_in(m->err, "%s", m->path);
	}
	/* Tensors may say that they are larger than their storages. */
	if (nf_shape_count(s) > (double)nf_torch_nbyte(m->torch))
		return nf_fail(m->err, NF_EDATA, "%s: a flow of %.0f "
		    "parameters, in a file of %llu bytes", m->path,
		    nf_shape_count(s),
		    (unsigned long long)nf_torch_nbyte(m->torch));
	return 0;
}
