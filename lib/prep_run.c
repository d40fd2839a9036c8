/* Recipes at work: fitted, applied and undone, rows and columns in parallel. */
#include <omp.h>

#include "prep_op.h"

#define BLOCK	1024			/* rows that a thread takes at once */

/* What a recipe leans on must have been found. */
static int
check_partners(const struct nf_prep *p, struct nf_err *err)
{
	const struct nf_op *o;
	uint32_t j, k;

	for (j = 0; j < p->ncol; j++)
		for (k = 0; k < p->chain[j].nop; k++) {
			o = &p->chain[j].op[k];
			if (o->partner != NULL && o->at == NF_PREP_NOWHERE)
				return nf_fail(err, NF_EDATA, "recipe of "
				    "column %s: %s %s: no such column; a "
				    "target may lean on a condition or a "
				    "target, a condition on a condition",
				    p->chain[j].name, o->def->name,
				    o->partner);
		}
	return 0;
}

void
nf_prep_threads(struct nf_prep *p, uint32_t nthread)
{
	p->nthread = nthread;
}

static int
threads(const struct nf_prep *p)
{
	return p->nthread > 0 ? (int)p->nthread : omp_get_max_threads();
}

int
nf_prep_fit(struct nf_prep *p, const double *raw, size_t ld, uint64_t nrow,
    const uint64_t *row, struct nf_err *err)
{
	uint32_t j, first = p->ncol;
	int nthread = threads(p);

	if (check_partners(p, err) == -1)
		return -1;
	if (nrow == 0 && !nf_prep_fitted(p))
		return nf_fail(err, NF_EDATA, "no rows to fit a recipe to");
#pragma omp parallel for schedule(dynamic, 1) num_threads(nthread)
	for (j = 0; j < p->ncol; j++) {
		struct nf_err mine;

		if (nf_chain_fit(&p->chain[j], raw + j, ld, nrow, row, j,
		    p->context, &mine) == 0)
			continue;
#pragma omp critical(nf_prep)
		if (j < first) {
			first = j;
			if (err != NULL)
				*err = mine;
		}
	}
	return first == p->ncol ? 0 : -1;
}

/* Columns of one row, from raw to out; the first value refused is an error. */
static int
forward_row(const struct nf_prep *p, struct nf_cell *cell, double *out,
    double *logjac, struct nf_err *err)
{
	const double *raw = cell->raw;
	const struct nf_chain *c;
	double y, slope = 0;
	uint32_t j, k, bad;

	for (j = 0; j < p->ncol; j++) {
		c = &p->chain[j];
		cell->raw = raw + j;
		cell->column = j;
		if (nf_chain_forward(c, c->nop, cell, &y, &slope, &bad) == -1)
			return nf_chain_fail(c, cell, bad, y, err);
		if (!(c->op[c->nop - 1].def->flags & NF_OP_WIDE)) {
			out[c->out] = y;
			continue;
		}
		for (k = 0; k < c->nout; k++)
			out[c->out + k] = k == (uint32_t)y;
	}
	if (logjac != NULL)
		*logjac += slope;
	return 0;
}

int
nf_prep_forward(const struct nf_prep *p, uint64_t seed, uint64_t row0,
    uint64_t nrow, const double *raw, size_t ldraw, double *out,
    size_t ldout, double *logjac, struct nf_err *err)
{
	uint64_t nblock = (nrow + BLOCK - 1) / BLOCK, b, first = nblock;
	int nthread = threads(p);

	if (check_partners(p, err) == -1)
		return -1;
	if (!nf_prep_fitted(p))
		return nf_fail(err, NF_EUSE, "the recipe has not been fitted");
#pragma omp parallel for schedule(dynamic, 1) num_threads(nthread) \
    if (nblock > 1)
	for (b = 0; b < nblock; b++) {
		struct nf_cell cell = { .seed = seed, .context = p->context };
		struct nf_err mine;
		uint64_t i, end = (b + 1) * BLOCK < nrow ? (b + 1) * BLOCK :
		    nrow;
		int rc = 0;

		for (i = b * BLOCK; i < end && rc == 0; i++) {
			cell.row = row0 + i;
			cell.raw = raw + i * ldraw;
			rc = forward_row(p, &cell, out + i * ldout,
			    logjac != NULL ? logjac + i : NULL, &mine);
		}
#pragma omp critical(nf_prep)
		if (rc == -1 && b < first) {
			first = b;
			if (err != NULL)
				*err = mine;
		}
	}
	return first == nblock ? 0 : -1;
}

uint64_t
nf_prep_inverse(const struct nf_prep *p, uint64_t nrow, const double *in,
    size_t ldin, double *raw, size_t ldraw)
{
	uint64_t clamped = 0, i;
	int nthread = threads(p);

#pragma omp parallel for reduction(+:clamped) num_threads(nthread) \
    if (nrow > BLOCK)
	for (i = 0; i < nrow; i++) {
		double *row = raw + i * ldraw;
		uint32_t k, j;
		int n = 0;

		for (k = 0; k < p->ncol; k++) {
			j = p->order[k];
			row[j] = nf_chain_inverse(&p->chain[j],
			    in[i * ldin + p->chain[j].out], row + j, &n);
		}
		clamped += (uint64_t)n;
	}
	return clamped;
}
