/*
 * A flow of one of nflows' models in tests/data (README.md there), or of its
 * like elsewhere: its tensors' names, and weights by recipe.
 */
#ifndef PARITY_LOAD_H
#define PARITY_LOAD_H

#include <string.h>

#include "h5get.h"

#define PREFIX	"_transform._transforms."

/* ---- names ------------------------------------------------------------ */

/* Our name of a tensor, and nflows' (model.md section 6). */
static inline void
their_name(const struct nf_flow *f, const char *ours, char *to, size_t n)
{
	static const char *const part[][2] = {
		{ "lu/bias", "bias" }, { "lu/lower", "lower_entries" },
		{ "lu/upper", "upper_entries" },
		{ "lu/diag", "unconstrained_upper_diag" },
	};
	const char *at = strchr(ours, '/') + 1, *leaf = strrchr(ours, '/') + 1;
	unsigned step = f->shape.steps, block, k, len;
	char kind[16];

	sscanf(ours, "step_%u", &step);
	for (k = 0; k < 4; k++)
		if (strcmp(at, part[k][0]) == 0) {
			snprintf(to, n, PREFIX "%u._transforms.%s%s", step,
			    step < f->shape.steps ? "0._transforms.1." : "1.",
			    part[k][1]);
			return;
		}
	len = (unsigned)snprintf(to, n, PREFIX "%u._transforms.1."
	    "transform_net.", step);
	if (sscanf(at, "net/block_%u/%15[a-z]_%u", &block, kind, &k) == 3)
		snprintf(to + len, n - len, "blocks.%u.%s_layers.%u.%s",
		    block, kind[0] == 'n' ? "batch_norm" : "linear", k, leaf);
	else if (sscanf(at, "net/block_%u/context", &block) == 1)
		snprintf(to + len, n - len, "blocks.%u.context_layer.%s",
		    block, leaf);
	else
		snprintf(to + len, n - len, "%s_layer.%s",
		    at[4] == 'i' ? "initial" : "final", leaf);
}

/* Before a batch norm a bias does nothing: its gradient is rounding. */
static inline int
idle(const struct nf_flow *f, const struct nf_tensor *t)
{
	return f->shape.batch_norm &&
	    strstr(t->name, "linear_0/bias") != NULL;
}

/* ---- weights ---------------------------------------------------------- */

static inline uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* The recipe of tests/data/README.md. */
struct recipe {
	char **name;
	hid_t set;
	size_t n;
	double *center, *half, *half_d, *period, *sum;
	uint64_t seed;
	uint32_t bins;
};

static inline void
recipe_open(struct recipe *r, hid_t file)
{
	hid_t type;

	r->set = H5Dopen2(file, "recipe/name", H5P_DEFAULT);
	r->center = get(file, &r->n, "recipe/center");
	r->half = get(file, &r->n, "recipe/half");
	r->half_d = get(file, &r->n, "recipe/half_d");
	r->period = get(file, &r->n, "recipe/period");
	r->sum = get(file, &r->n, "recipe/sum");
	r->name = room(r->n, sizeof(*r->name));
	type = H5Dget_type(r->set);
	H5Dread(r->set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, r->name);
	H5Tclose(type);
	r->seed = (uint64_t)attr(file, "config", "seed", NULL);
	r->bins = (uint32_t)attr(file, "config", "num_bins", NULL);
}

static inline void
recipe_close(struct recipe *r)
{
	hid_t type = H5Dget_type(r->set), space = H5Dget_space(r->set);

	H5Dvlen_reclaim(type, space, H5P_DEFAULT, r->name);
	H5Tclose(type);
	H5Sclose(space);
	H5Dclose(r->set);
	nf_free(r->name);
	nf_free(r->center);
	nf_free(r->half);
	nf_free(r->half_d);
	nf_free(r->period);
	nf_free(r->sum);
}

/* One tensor as its recipe has it; the sum says whether that is right. */
static inline int
recipe_draw(const struct recipe *r, const char *name,
    const struct nf_tensor *t, nf_real *x)
{
	uint64_t key = 0xcbf29ce484222325, row, period;
	double half, u, sum = 0;
	const char *p;
	size_t i, k;

	for (k = 0; k < r->n && strcmp(r->name[k], name) != 0; k++)
		;
	if (k == r->n)
		return 0;
	for (p = name; *p != '\0'; p++)
		key = (key ^ (unsigned char)*p) * 0x100000001b3;
	key = mix(key ^ r->seed * 0x9e3779b97f4a7c15);
	period = (uint64_t)r->period[k];
	for (i = 0; i < t->n; i++) {
		row = t->ndim == 2 ? i / t->shape[1] : i;
		half = period > 0 && row % period >= period - (r->bins - 1) ?
		    r->half_d[k] : r->half[k];
		u = (double)(mix(key + (i + 1) * 0x9e3779b97f4a7c15) >> 40) *
		    0x1p-24;
		x[i] = (nf_real)(float)(r->center[k] + half * (2 * u - 1));
		sum += (double)x[i];
	}
	return fabs(sum - r->sum[k]) <= 1e-9 * (1 + fabs(r->sum[k]));
}

/* Every tensor from the state or, where that is not stored, the recipe. */
static inline void
load_tensors(hid_t file, struct nf_flow *f)
{
	int stored = H5Lexists(file, "state", H5P_DEFAULT) > 0, good = 1;
	struct recipe r;
	char name[256];
	nf_real *drawn;
	double *x;
	uint32_t i;
	size_t n, k;

	recipe_open(&r, file);
	for (i = 0; i < f->ntensor; i++) {
		const struct nf_tensor *t = &f->tensor[i];

		their_name(f, t->name, name, sizeof(name));
		drawn = reals(t->n);
		good &= recipe_draw(&r, name, t, drawn);
		memcpy(f->param + t->offset, drawn, t->n * sizeof(*drawn));
		x = stored ? get(file, &n, "state/%s", name) : NULL;
		if (stored && (x == NULL || n != t->n))
			good = 0;
		for (k = 0; x != NULL && n == t->n && k < n; k++)
			good &= (double)drawn[k] == x[k];
		nf_free(drawn);
		nf_free(x);
	}
	ok(good, "%u tensors, stored or not, are what the recipe gives",
	    f->ntensor);
	recipe_close(&r);
}

static inline void
load_perms(hid_t file, struct nf_flow *f)
{
	const char *group = H5Lexists(file, "state", H5P_DEFAULT) > 0 ?
	    "state" : "state_int";
	uint32_t D = f->shape.features, i, j;
	double *x;
	size_t n;

	for (i = 0; i <= f->shape.steps; i++) {
		x = get(file, &n, "%s/" PREFIX "%u._transforms.0.%s"
		    "_permutation", group, i,
		    i < f->shape.steps ? "_transforms.0." : "");
		for (j = 0; x != NULL && j < D; j++)
			f->perm[i * D + j] = (int32_t)x[j];
		nf_free(x);
	}
}

static inline struct nf_flow *
load_flow(hid_t file)
{
#define CONFIG(name) attr(file, "config", name, NULL)
	struct nf_shape s = {
		.features = (uint32_t)CONFIG("input_dim"),
		.context = (uint32_t)CONFIG("context_dim"),
		.steps = (uint32_t)CONFIG("num_flow_steps"),
		.hidden = (uint32_t)CONFIG("hidden_dim"),
		.blocks = (uint32_t)CONFIG("num_transform_blocks"),
		.bins = (uint32_t)CONFIG("num_bins"),
		.tail_bound = CONFIG("tail_bound"),
		.min_bin_width = CONFIG("min_bin_width"),
		.min_bin_height = CONFIG("min_bin_height"),
		.min_derivative = CONFIG("min_derivative"),
		.batch_norm = (int)CONFIG("batch_norm"),
	};
	struct nf_flow *f;
	struct nf_err err;
	char *act = NULL;

	attr(file, "config", "activation", &act);
	s.activation = (enum nf_act)nf_act_find(act);
	free(act);
	f = flow_of(&s);
	load_perms(file, f);
	load_tensors(file, f);
	must(nf_flow_check(f, &err), &err);
	return f;
}

#endif
