/* A flow between raw columns. */
#include <math.h>
#include <string.h>

#include "raw.h"

#define BLOCK	8192			/* rows held in between, at least */
#define ROOM	((size_t)1 << 28)	/* bytes that more may take */

struct nf_raw {
	struct nf_net *net;
	struct nf_eval *eval;
	struct nf_prep *context, *target;
	int plain;			/* they change nothing */
	uint32_t ncontext, ntarget;	/* raw */
	uint32_t C, D;			/* the flow's */
	uint64_t clamped;
	uint64_t block;			/* rows held in between */
	double *row;			/* [block][ncontext + ntarget] */
	double *wide;			/* [block][max(C, D)] */
	double *slope;			/* [block] */
	nf_real *x, *y;			/* [block][D], [block][C] */
};

/* Tell targets' ops where the conditions they may lean on stand. */
static int
find_partners(struct nf_raw *r, const struct nf_raw_names *n,
    struct nf_err *err)
{
	ptrdiff_t *at = nf_alloc(n->ncontext, sizeof(*at), "partners", err);
	uint32_t j;
	int rc;

	if (at == NULL)
		return -1;
	for (j = 0; j < n->ncontext; j++)
		at[j] = (ptrdiff_t)j - (ptrdiff_t)n->ncontext;
	rc = nf_prep_partner(r->target, n->context, at, n->ncontext, err);
	nf_free(at);
	return rc;
}

/* Without lines a recipe still refuses what is not a finite float. */
static int
make_prep(struct nf_raw *r, const struct nf_raw_names *n, struct nf_err *err)
{
	uint32_t nprep = r->plain ? 0 : n->nprep;

	if (nf_prep_new(&r->context, n->context, n->ncontext, n->prep,
	    nprep, NULL, 1, NULL, err) == -1 ||
	    nf_prep_new(&r->target, n->target, n->ntarget, n->prep, nprep,
	    NULL, 0, NULL, err) == -1 || find_partners(r, n, err) == -1)
		return -1;
	if (nf_prep_nout(r->context) != r->C)
		return nf_fail(err, NF_EDATA, "the recipe makes %u context "
		    "columns, the flow wants %u", nf_prep_nout(r->context),
		    r->C);
	if (!nf_prep_fitted(r->context) || !nf_prep_fitted(r->target))
		return nf_fail(err, NF_EDATA, "the recipe has not been fitted: "
		    "want seen LO HI first in each line, and all numbers of "
		    "its ops");
	return 0;
}

/* Each lane of a device beside the host wants a tile to work on, and the next
 * to follow it. */
static uint64_t
block_rows(const struct nf_raw *r, const struct nf_dev *d, uint32_t wide)
{
	uint64_t n = (uint64_t)d->nlane * d->tile * NF_WAYS, most;

	most = ROOM / (sizeof(double) * ((size_t)r->ncontext + r->ntarget +
	    wide + 1) + sizeof(nf_real) * ((size_t)r->C + r->D));
	n = n < most ? n : most;
	return d->host || n < BLOCK ? BLOCK : n;
}

static int
make_room(struct nf_raw *r, const struct nf_dev *d, struct nf_err *err)
{
	uint32_t wide = r->C > r->D ? r->C : r->D;
	uint64_t n = block_rows(r, d, wide);

	r->block = n;
	r->row = nf_alloc(n * ((size_t)r->ncontext + r->ntarget),
	    sizeof(*r->row), "rows", err);
	r->wide = nf_alloc(n * wide, sizeof(*r->wide), "rows", err);
	r->slope = nf_alloc(n, sizeof(*r->slope), "rows", err);
	r->x = nf_alloc(n * r->D, sizeof(*r->x), "rows", err);
	r->y = nf_alloc(n * r->C, sizeof(*r->y), "rows", err);
	return r->row == NULL || r->wide == NULL || r->slope == NULL ||
	    r->x == NULL || r->y == NULL ? -1 : 0;
}

int
nf_raw_new(struct nf_raw **out, struct nf_dev *dev, const struct nf_flow *f,
    const struct nf_raw_names *n, int plain, struct nf_err *err)
{
	struct nf_raw *r = nf_alloc(1, sizeof(*r), "model", err);

	*out = NULL;
	if (r == NULL)
		return -1;
	r->C = f->shape.context;
	r->D = f->shape.features;
	r->plain = plain || n->nprep == 0;
	r->ncontext = n->ncontext;
	r->ntarget = n->ntarget;
	if (r->ntarget != r->D) {
		nf_fail(err, NF_EDATA, "%u target columns, the flow wants %u",
		    r->ntarget, r->D);
		goto fail;
	}
	if (make_prep(r, n, err) == -1 || make_room(r, dev, err) == -1 ||
	    nf_net_new(&r->net, dev, f, err) == -1 ||
	    nf_eval_new(&r->eval, r->net, err) == -1)
		goto fail;
	*out = r;
	return 0;
fail:
	nf_raw_free(r);
	return -1;
}

void
nf_raw_free(struct nf_raw *r)
{
	if (r == NULL)
		return;
	nf_eval_free(r->eval);
	nf_net_free(r->net);
	nf_prep_free(r->context);
	nf_prep_free(r->target);
	nf_free(r->row);
	nf_free(r->wide);
	nf_free(r->slope);
	nf_free(r->x);
	nf_free(r->y);
	nf_free(r);
}

void
nf_raw_threads(struct nf_raw *r, uint32_t nthread)
{
	nf_prep_threads(r->context, nthread);
	nf_prep_threads(r->target, nthread);
}

uint32_t
nf_raw_ncontext(const struct nf_raw *r)
{
	return r->ncontext;
}

uint32_t
nf_raw_ntarget(const struct nf_raw *r)
{
	return r->ntarget;
}

uint64_t
nf_raw_clamped_flow(struct nf_raw *r)
{
	return nf_eval_clamped(r->eval);
}

uint64_t
nf_raw_clamped_prep(struct nf_raw *r)
{
	uint64_t n = r->clamped;

	r->clamped = 0;
	return n;
}

/* Raw columns of n rows through p to what a flow reads. */
static int
prepare(struct nf_raw *r, const struct nf_prep *p, uint64_t seed,
    uint64_t first, uint64_t n, const double *raw, size_t ld, uint32_t ncol,
    double *slope, nf_real *to, struct nf_err *err)
{
	size_t k;

	if (nf_prep_forward(p, seed, first, n, raw, ld, r->wide, ncol, slope,
	    err) == -1)
		return -1;
	for (k = 0; k < n * ncol; k++)
		to[k] = (nf_real)r->wide[k];
	return 0;
}

/* The flow backwards: of latents z, or draws where that is NULL. */
static int
invert(struct nf_raw *r, const struct nf_noise *g, uint64_t n,
    const double *z, struct nf_err *err)
{
	size_t k;

	if (z == NULL)
		return nf_eval_sample(r->eval, g, n, r->y, r->x, err);
	for (k = 0; k < n * r->D; k++) {
		r->x[k] = (nf_real)z[k];
		if (!isfinite(r->x[k]))
			return nf_fail(err, NF_EDATA, "row %llu, latent %zu: "
			    "%g, want a finite number",
			    (unsigned long long)(g->first + k / r->D),
			    k % r->D, z[k]);
	}
	return nf_eval_invert(r->eval, n, r->x, r->y, r->x, err);
}

/* One block of draws: all of them fit into the room there is. */
static int
sample_block(struct nf_raw *r, const struct nf_noise *g, uint64_t n,
    const double *context, const double *z, double *target,
    struct nf_err *err)
{
	uint64_t row0 = g->first / g->repeat, i;
	uint64_t nrow = (g->first + n - 1) / g->repeat - row0 + 1;
	size_t ld = r->ncontext + r->ntarget, j;

	if (prepare(r, r->context, g->seed, row0, nrow, context, r->ncontext,
	    r->C, NULL, r->y, err) == -1 ||
	    invert(r, g, n, z, err) == -1)
		return -1;
	if (r->plain) {
		for (j = 0; j < n * r->D; j++)
			target[j] = (double)r->x[j];
		return 0;
	}
	for (j = 0; j < n * r->D; j++)
		r->wide[j] = (double)r->x[j];
	for (i = 0; i < n; i++)
		memcpy(r->row + i * ld, context + ((g->first + i) /
		    g->repeat - row0) * r->ncontext,
		    r->ncontext * sizeof(*context));
	r->clamped += nf_prep_inverse(r->target, n, r->wide, r->D,
	    r->row + r->ncontext, ld);
	for (i = 0; i < n; i++)
		memcpy(target + i * r->ntarget, r->row + i * ld + r->ncontext,
		    r->ntarget * sizeof(*target));
	return 0;
}

static int
sample(struct nf_raw *r, const struct nf_noise *g, uint64_t n,
    const double *context, const double *z, double *target,
    struct nf_err *err)
{
	struct nf_noise part = *g;
	uint64_t i, m, row0 = g->first / g->repeat;

	for (i = 0; i < n; i += m) {
		part.first = g->first + i;
		m = r->block - part.first % r->block;
		m = m < n - i ? m : n - i;
		if (sample_block(r, &part, m, context +
		    (part.first / g->repeat - row0) * r->ncontext,
		    z == NULL ? NULL : z + i * r->ntarget,
		    target + i * r->ntarget, err) == -1)
			return -1;
	}
	return 0;
}

int
nf_raw_sample(struct nf_raw *r, const struct nf_noise *g, uint64_t n,
    const double *context, double *target, struct nf_err *err)
{
	return sample(r, g, n, context, NULL, target, err);
}

int
nf_raw_invert(struct nf_raw *r, uint64_t seed, uint64_t first, uint64_t n,
    const double *context, const double *z, double *target,
    struct nf_err *err)
{
	struct nf_noise g = { .seed = seed, .first = first, .repeat = 1 };

	return sample(r, &g, n, context, z, target, err);
}

static int
density_block(struct nf_raw *r, uint64_t seed, uint64_t first, uint64_t n,
    const double *row, double *z, double *logp, struct nf_err *err)
{
	size_t ld = r->ncontext + r->ntarget, j;

	memset(r->slope, 0, n * sizeof(*r->slope));
	if (prepare(r, r->context, seed, first, n, row, ld, r->C, NULL, r->y,
	    err) == -1 ||
	    prepare(r, r->target, seed, first, n, row + r->ncontext, ld,
	    r->D, r->slope, r->x, err) == -1 ||
	    nf_eval_density(r->eval, n, r->x, r->y,
	    z == NULL ? NULL : r->x, logp, err) == -1)
		return -1;
	for (j = 0; z != NULL && j < n * r->D; j++)
		z[j] = (double)r->x[j];
	for (j = 0; logp != NULL && j < n; j++)
		logp[j] += r->slope[j];
	return 0;
}

int
nf_raw_density(struct nf_raw *r, uint64_t seed, uint64_t first, uint64_t n,
    const double *row, double *z, double *logp, struct nf_err *err)
{
	uint64_t i, m;

	for (i = 0; i < n; i += m) {
		m = r->block - (first + i) % r->block;
		m = m < n - i ? m : n - i;
		if (density_block(r, seed, first + i, m,
		    row + i * (r->ncontext + r->ntarget),
		    z == NULL ? NULL : z + i * r->D,
		    logp == NULL ? NULL : logp + i, err) == -1)
			return -1;
	}
	return 0;
}
