/* Recipes at work: applied to runs of rows, and undone. */
#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "prep_kernel.h"

/* What a recipe leans on must have been found. */
int
nf_prep_partners_check(const struct nf_prep *p, struct nf_err *err)
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

int
nf_prep_nthread(const struct nf_prep *p)
{
	return p->nthread > 0 ? (int)p->nthread : omp_get_max_threads();
}

/* ---- forward ------------------------------------------------------------ */

/* Columns on their way out: numbers first to first + n, turned. */
struct panel {
	uint32_t first, n;
	union nf_panel y;
};

static void
flush(const struct nf_run *r, const struct nf_prep_out *out, struct panel *p)
{
	size_t size = out->wide ? sizeof(double) : sizeof(float), row;
	void *to[NF_PREP_RUN];
	uint32_t i;

	for (i = 0; i < r->nrow; i++) {
		row = r->first + r->row[i];
		row = out->place != NULL ? out->place[row] : row;
		to[i] = (char *)out->x + (row * out->ld + p->first) * size;
	}
	r->kernels->store(&p->y, out->wide, r->nrow, p->n, to);
	p->first += p->n;
	p->n = 0;
}

/* A column's numbers, in x, of all rows of the run. */
static void
put(const struct nf_run *r, const struct nf_prep_out *out, struct panel *p,
    const double *x)
{
	if (p->n == nf_panel_size(r->prep->nout - p->first))
		flush(r, out, p);
	if (out->wide)
		memcpy(p->y.d[p->n], x, r->nrow * sizeof(*x));
	else
		r->kernels->narrow(x, r->nrow, p->y.f[p->n]);
	p->n++;
}

/* What column the run is at has become. */
static void
put_column(struct nf_run *r, const struct nf_prep_out *out, struct panel *p)
{
	const struct nf_chain *c = &r->prep->chain[r->column];
	double y[NF_PREP_RUN];
	uint32_t i, k;

	if (c->takes) {			/* some rows were set apart */
		for (i = 0; i < r->n; i++)
			y[r->at[i]] = r->x[i];
		put(r, out, p, y);
	} else if (!(c->op[c->nop - 1].def->flags & NF_OP_WIDE))
		put(r, out, p, r->x);
	else
		for (k = 0; k < c->nout; k++) {
			for (i = 0; i < r->n; i++)
				y[i] = r->x[i] == k ? 1 : 0;
			put(r, out, p, y);
		}
}

static int
forward_run(struct nf_run *r, const struct nf_prep_out *out, double *logjac)
{
	double slope[NF_PREP_RUN] = { 0 }, *s = logjac == NULL ? NULL : slope;
	struct panel p = { .n = 0 };
	uint32_t j, k, i;

	for (j = 0; j < r->prep->ncol; j++) {
		nf_run_column(r, j);
		for (k = 0; k < r->prep->chain[j].nop; k++)
			if (nf_run_op(r, k, s) == -1)
				return -1;
		put_column(r, out, &p);
	}
	flush(r, out, &p);
	for (i = 0; logjac != NULL && i < r->nrow; i++)
		logjac[r->first + r->row[i]] += slope[i];
	return 0;
}

int
nf_prep_apply(const struct nf_prep *p, uint64_t seed,
    const struct nf_prep_rows *rows, const struct nf_prep_out *out,
    double *logjac, struct nf_err *err)
{
	uint64_t n = (rows->nrow + NF_PREP_RUN - 1) / NF_PREP_RUN, b;
	uint64_t first = n;
	int nthread = nf_prep_nthread(p);

	if (nf_prep_partners_check(p, err) == -1)
		return -1;
	if (!nf_prep_fitted(p))
		return nf_fail(err, NF_EUSE, "the recipe has not been fitted");
#pragma omp parallel for num_threads(nthread) schedule(dynamic, 1) if (n > 1)
	for (b = 0; b < n; b++) {
		uint64_t at = b * NF_PREP_RUN, left = rows->nrow - at;
		struct nf_err mine;
		struct nf_run r;

		nf_run_begin(&r, p, rows, seed, at, left < NF_PREP_RUN ?
		    (uint32_t)left : NF_PREP_RUN);
		if (forward_run(&r, out, logjac) == 0)
			continue;
		nf_run_fail(&r, NULL, &mine);
#pragma omp critical(nf_prep)
		if (b < first) {
			first = b;
			if (err != NULL)
				*err = mine;
		}
	}
	return first == n ? 0 : -1;
}

int
nf_prep_forward(const struct nf_prep *p, uint64_t seed, uint64_t row0,
    uint64_t nrow, const double *raw, size_t ldraw, double *out,
    size_t ldout, double *logjac, struct nf_err *err)
{
	struct nf_prep_rows rows = { .x = raw, .wide = 1, .ld = ldraw,
		.nrow = nrow, .first = row0 };
	struct nf_prep_out to = { out, 1, ldout, NULL };

	return nf_prep_apply(p, seed, &rows, &to, logjac, err);
}

/* ---- and back ----------------------------------------------------------- */

uint64_t
nf_prep_inverse(const struct nf_prep *p, uint64_t nrow, const double *in,
    size_t ldin, double *raw, size_t ldraw)
{
	uint64_t clamped = 0, i;
	int nthread = nf_prep_nthread(p);

#pragma omp parallel for reduction(+:clamped) num_threads(nthread) \
    if (nrow > NF_PREP_RUN)
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
