/* A flow's tensors: where each stands in the one array, and their start. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "philox.h"

#define ALIGN	16		/* elements at whose multiples tensors start */

/* ---- layout ----------------------------------------------------------- */

/* The ends of the parameters and of the statistics laid so far. */
struct layout {
	struct nf_flow *f;		/* tensor is NULL while counting */
	size_t param, stat;
};

/* Lay a tensor of rows x cols (cols 0: of rows, 1-D) and note where. */
__attribute__((format(printf, 6, 7))) static void
lay(struct layout *l, size_t *at, int stat, uint32_t rows, uint32_t cols,
    const char *fmt, ...)
{
	size_t *end = stat ? &l->stat : &l->param;
	size_t n = (size_t)rows * (cols == 0 ? 1 : cols);
	struct nf_tensor *t;
	va_list ap;

	*at = *end;
	*end += (n + ALIGN - 1) / ALIGN * ALIGN;
	if (l->f->tensor != NULL) {
		t = &l->f->tensor[l->f->ntensor];
		va_start(ap, fmt);
		vsnprintf(t->name, sizeof(t->name), fmt, ap);
		va_end(ap);
		t->ndim = cols == 0 ? 1 : 2;
		t->shape[0] = rows;
		t->shape[1] = cols;
		t->offset = *at;
		t->n = n;
		t->stat = stat;
	}
	l->f->ntensor++;
}

static void
lay_lu(struct layout *l, struct nf_lu_at *at, const char *step)
{
	uint32_t d = l->f->shape.features, tri = (uint32_t)
	    ((uint64_t)d * (d - 1) / 2);

	lay(l, &at->bias, 0, d, 0, "%s/lu/bias", step);
	lay(l, &at->lower, 0, tri, 0, "%s/lu/lower", step);
	lay(l, &at->upper, 0, tri, 0, "%s/lu/upper", step);
	lay(l, &at->diag, 0, d, 0, "%s/lu/diag", step);
}

static void
lay_block(struct layout *l, struct nf_block_at *at, const char *block)
{
	const struct nf_shape *s = &l->f->shape;
	uint32_t h = s->hidden, j;

	for (j = 0; j < 2 && s->batch_norm; j++) {
		lay(l, &at->norm_weight[j], 0, h, 0, "%s/norm_%u/weight",
		    block, j);
		lay(l, &at->norm_bias[j], 0, h, 0, "%s/norm_%u/bias", block,
		    j);
		lay(l, &at->norm_mean[j], 1, h, 0, "%s/norm_%u/running_mean",
		    block, j);
		lay(l, &at->norm_var[j], 1, h, 0, "%s/norm_%u/running_var",
		    block, j);
	}
	if (s->context > 0) {
		lay(l, &at->context_weight, 0, h, s->context,
		    "%s/context/weight", block);
		lay(l, &at->context_bias, 0, h, 0, "%s/context/bias", block);
	}
	for (j = 0; j < 2; j++) {
		lay(l, &at->linear_weight[j], 0, h, h, "%s/linear_%u/weight",
		    block, j);
		lay(l, &at->linear_bias[j], 0, h, 0, "%s/linear_%u/bias",
		    block, j);
	}
}

static void
lay_step(struct layout *l, uint32_t i)
{
	const struct nf_shape *s = &l->f->shape;
	struct nf_step_at *at = &l->f->step[i];
	uint32_t nt = nf_ntransform(s, i), b;
	uint32_t nin = s->features - nt + s->context;
	uint32_t nout = nt * (3 * s->bins - 1);
	char step[16], block[48];

	snprintf(step, sizeof(step), "step_%02u", i);
	lay_lu(l, &at->lu, step);
	lay(l, &at->initial_weight, 0, s->hidden, nin,
	    "%s/net/initial/weight", step);
	lay(l, &at->initial_bias, 0, s->hidden, 0, "%s/net/initial/bias",
	    step);
	for (b = 0; b < s->blocks; b++) {
		snprintf(block, sizeof(block), "%s/net/block_%02u", step, b);
		lay_block(l, &at->block[b], block);
	}
	lay(l, &at->final_weight, 0, nout, s->hidden, "%s/net/final/weight",
	    step);
	lay(l, &at->final_bias, 0, nout, 0, "%s/net/final/bias", step);
}

/* Lay all tensors, the statistics from stat up; counts them. */
static void
lay_all(struct layout *l, size_t stat)
{
	uint32_t i;

	l->param = 0;
	l->stat = stat;
	l->f->ntensor = 0;
	for (i = 0; i < l->f->shape.steps; i++)
		lay_step(l, i);
	lay_lu(l, &l->f->step[i].lu, "last");
}

/* What the layout is noted in; absent tensors stay at SIZE_MAX. */
static int
alloc_steps(struct nf_flow *f, struct nf_err *err)
{
	const struct nf_shape *s = &f->shape;
	struct nf_block_at *block;
	uint32_t i;

	f->step = nf_alloc((size_t)s->steps + 1, sizeof(*f->step),
	    "a flow's steps", err);
	if (f->step == NULL)
		return -1;
	memset(f->step, 0xff, ((size_t)s->steps + 1) * sizeof(*f->step));
	block = nf_alloc((size_t)s->steps * s->blocks, sizeof(*block),
	    "a flow's blocks", err);
	f->step[0].block = block;
	if (block == NULL)
		return -1;
	memset(block, 0xff, (size_t)s->steps * s->blocks * sizeof(*block));
	for (i = 0; i <= s->steps; i++)
		f->step[i].block = i < s->steps ?
		    block + (size_t)i * s->blocks : NULL;
	return 0;
}

static int
alloc_arrays(struct nf_flow *f, struct nf_err *err)
{
	struct layout l = { .f = f };

	lay_all(&l, 0);
	f->nparam = l.param;
	f->nall = l.param + l.stat;
	f->tensor = nf_alloc(f->ntensor, sizeof(*f->tensor),
	    "a flow's tensors", err);
	if (f->tensor == NULL)
		return -1;
	lay_all(&l, f->nparam);
	f->param = nf_alloc(f->nall, sizeof(*f->param), "parameters", err);
	f->perm = nf_alloc(((size_t)f->shape.steps + 1) * f->shape.features,
	    sizeof(*f->perm), "permutations", err);
	return f->param == NULL || f->perm == NULL ? -1 : 0;
}

static void
fill(struct nf_flow *f, size_t at, size_t n, double value)
{
	size_t k;

	for (k = 0; k < n; k++)
		f->param[at + k] = (nf_real)value;
}

/* The statistics of a net that has seen nothing. */
static void
clear_stats(struct nf_flow *f)
{
	const struct nf_shape *s = &f->shape;
	uint32_t i, b, j;

	for (i = 0; i < s->steps && s->batch_norm; i++)
		for (b = 0; b < s->blocks; b++)
			for (j = 0; j < 2; j++) {
				fill(f, f->step[i].block[b].norm_mean[j],
				    s->hidden, 0);
				fill(f, f->step[i].block[b].norm_var[j],
				    s->hidden, 1);
			}
}

int
nf_flow_new(struct nf_flow **out, const struct nf_shape *s,
    struct nf_err *err)
{
	struct nf_flow *f;
	uint32_t i, j;

	*out = NULL;
	if (nf_shape_check(s, err) == -1)
		return -1;
	f = nf_alloc(1, sizeof(*f), "a flow", err);
	if (f == NULL)
		return -1;
	f->shape = *s;
	if (alloc_steps(f, err) == -1 || alloc_arrays(f, err) == -1) {
		nf_flow_free(f);
		return -1;
	}
	for (i = 0; i <= s->steps; i++)
		for (j = 0; j < s->features; j++)
			f->perm[(size_t)i * s->features + j] = (int32_t)j;
	clear_stats(f);
	*out = f;
	return 0;
}

void
nf_flow_free(struct nf_flow *f)
{
	if (f == NULL)
		return;
	if (f->step != NULL)
		nf_free(f->step[0].block);
	nf_free(f->step);
	nf_free(f->tensor);
	nf_free(f->param);
	nf_free(f->perm);
	nf_free(f);
}

const struct nf_tensor *
nf_flow_tensor(const struct nf_flow *f, const char *name)
{
	uint32_t i;

	for (i = 0; i < f->ntensor; i++)
		if (strcmp(f->tensor[i].name, name) == 0)
			return &f->tensor[i];
	return NULL;
}

/* ---- initial values --------------------------------------------------- */

/* The n numbers from at become U(-bound, bound), each by its place alone. */
static void
draw(struct nf_flow *f, uint64_t seed, size_t at, size_t n, double bound)
{
	uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
	uint32_t ctr[4] = { 0, 0, 0, NF_FOR_INIT }, word[4];
	size_t k;

	for (k = 0; k < n; k++) {
		if (k % 4 == 0) {
			/* Tensors start at multiples of ALIGN, so of 4. */
			ctr[0] = (uint32_t)((at + k) / 4);
			ctr[1] = (uint32_t)((uint64_t)(at + k) / 4 >> 32);
			nf_philox(key, ctr, word);
		}
		f->param[at + k] = (nf_real)(bound *
		    (((double)word[k % 4] + 0.5) * 0x1p-31 - 1));
	}
}

/* ln(exp(x) - 1): softplus of it is x. */
static double
softplus_inverse(double x)
{
	return log(expm1(x));
}

static void
init_lu(struct nf_flow *f, const struct nf_lu_at *at)
{
	uint32_t d = f->shape.features;
	size_t tri = (size_t)d * (d - 1) / 2;

	fill(f, at->bias, d, 0);
	fill(f, at->lower, tri, 0);
	fill(f, at->upper, tri, 0);
	fill(f, at->diag, d, softplus_inverse(1 - NF_LU_EPS));
}

static void
init_block(struct nf_flow *f, uint64_t seed, const struct nf_block_at *at)
{
	uint32_t h = f->shape.hidden, c = f->shape.context, j;
	double bound[2] = { 1 / sqrt(h), 1e-3 };

	for (j = 0; j < 2 && f->shape.batch_norm; j++) {
		fill(f, at->norm_weight[j], h, 1);
		fill(f, at->norm_bias[j], h, 0);
	}
	if (c > 0) {
		draw(f, seed, at->context_weight, (size_t)h * c, 1 / sqrt(c));
		draw(f, seed, at->context_bias, h, 1 / sqrt(c));
	}
	for (j = 0; j < 2; j++) {
		draw(f, seed, at->linear_weight[j], (size_t)h * h, bound[j]);
		draw(f, seed, at->linear_bias[j], h, bound[j]);
	}
}

static void
init_step(struct nf_flow *f, enum nf_init init, uint64_t seed, uint32_t i)
{
	const struct nf_shape *s = &f->shape;
	const struct nf_step_at *at = &f->step[i];
	uint32_t nt = nf_ntransform(s, i), b;
	uint32_t nin = s->features - nt + s->context;
	size_t nout = (size_t)nt * (3 * s->bins - 1);
	double bound = 1 / sqrt(s->hidden);

	init_lu(f, &at->lu);
	draw(f, seed, at->initial_weight, (size_t)s->hidden * nin,
	    1 / sqrt(nin));
	draw(f, seed, at->initial_bias, s->hidden, 1 / sqrt(nin));
	for (b = 0; b < s->blocks; b++)
		init_block(f, seed, &at->block[b]);
	if (init == NF_INIT_IDENTITY) {
		/* Equal logits make equal bins; these, a slope of 1. */
		fill(f, at->final_weight, nout * s->hidden, 0);
		fill(f, at->final_bias, nout,
		    softplus_inverse(1 - s->min_derivative));
	} else {
		draw(f, seed, at->final_weight, nout * s->hidden, bound);
		draw(f, seed, at->final_bias, nout, bound);
	}
}

/* Permutation i, uniform among all (Fisher and Yates), or the reversal. */
static void
init_perm(struct nf_flow *f, enum nf_perm how, uint64_t seed, uint32_t i)
{
	uint32_t d = f->shape.features, j, k;
	int32_t *p = f->perm + (size_t)i * d, t;
	uint64_t u;

	for (j = 0; j < d; j++)
		p[j] = (int32_t)(how == NF_PERM_REVERSE ? d - 1 - j : j);
	if (how == NF_PERM_REVERSE)
		return;
	for (j = d - 1; j > 0; j--) {
		u = nf_philox_u64(seed, NF_FOR_PERM, i, j);
		k = (uint32_t)((u >> 32) * (j + 1) >> 32);
		t = p[j];
		p[j] = p[k];
		p[k] = t;
	}
}

void
nf_flow_init(struct nf_flow *f, enum nf_init init, enum nf_perm perm,
    uint64_t seed)
{
	uint32_t i;

	for (i = 0; i <= f->shape.steps; i++)
		init_perm(f, perm, seed, i);
	for (i = 0; i < f->shape.steps; i++)
		init_step(f, init, seed, i);
	init_lu(f, &f->step[i].lu);
	clear_stats(f);
}
