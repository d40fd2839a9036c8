/* Passes over the rows of a training. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass.h"
#include "philox.h"

void
nf_pass_choose(struct nf_pass *p, double fraction)
{
	uint64_t n = p->store->nrow, count = 0, i;
	uint64_t bound = fraction <= 0 ? 0 : (uint64_t)ldexp(fraction, 64);

#pragma omp parallel for num_threads(p->d->nthread) reduction(+:count) \
    if (n > 10000)
	for (i = 0; i < n; i++)
		count += nf_philox_u64(p->seed, NF_FOR_VALID, i, 0) < bound;
	p->bound = count == n ? 0 : bound;
	p->d->nvalid = count == n ? 0 : count;
	p->d->ntrain = n - p->d->nvalid;
}

/* Have the next rows at hand: 1, or 0 after the last. */
static int
advance(struct nf_pass *p, struct nf_err *err)
{
	uint64_t i;

	p->first += p->n;
	p->n = 0;
	if (p->first == p->store->nrow) {
		p->first = 0;		/* for another pass */
		return 0;
	}
	if (nf_store_rows(p->store, p->first, &p->x, &p->n, err) == -1)
		return -1;
	if (p->valid == NULL)		/* the first are the most */
		p->valid = nf_alloc(p->n, sizeof(*p->valid), "rows", err);
	if (p->place == NULL)
		p->place = nf_alloc(p->n, sizeof(*p->place), "rows", err);
	if (p->valid == NULL || p->place == NULL)
		return -1;
#pragma omp parallel for num_threads(p->d->nthread) if (p->n > 10000)
	for (i = 0; i < p->n; i++)
		p->valid[i] = p->bound > 0 && nf_philox_u64(p->seed,
		    NF_FOR_VALID, p->first + i, 0) < p->bound;
	return 1;
}

/* Columns of the rows at hand from column j on. */
static struct nf_prep_rows
columns(const struct nf_pass *p, uint32_t j)
{
	size_t size = nf_type_size(p->store->type);

	return (struct nf_prep_rows){ .x = (const char *)p->x + j * size,
		.wide = p->store->type == NF_F64, .ld = p->store->ncol,
		.nrow = p->n, .first = p->first };
}

/* The two recipes on their way, and whether they need another round. */
struct fitting {
	struct nf_fitting *f[2];
	int more[2];
};

/* Show the rows at hand to those that want them. */
static int
show(const struct nf_pass *p, const struct fitting *g, struct nf_err *err)
{
	struct nf_prep_rows rows;
	int k;

	for (k = 0; k < 2; k++) {
		rows = columns(p, k == 0 ? 0 : p->c->ncontext);
		rows.skip = p->valid;
		if (g->more[k] && nf_fitting_rows(g->f[k], &rows, err) == -1)
			return -1;
	}
	return 0;
}

static int
fit_round(struct nf_pass *p, struct fitting *g, struct nf_err *err)
{
	int rc, k;

	while ((rc = advance(p, err)) == 1)
		if (show(p, g, err) == -1)
			return -1;
	for (k = 0; k < 2 && rc != -1; k++)
		if (g->more[k])
			rc = g->more[k] = nf_fitting_round(g->f[k], err);
	return rc == -1 ? -1 : 0;
}

int
nf_pass_fit(struct nf_pass *p, struct nf_err *err)
{
	struct nf_prep *prep[2] = { p->d->context, p->d->target };
	struct fitting g = { { NULL, NULL }, { 0, 0 } };
	int rc = 0, k;

	for (k = 0; k < 2 && rc != -1; k++)
		rc = g.more[k] = nf_fitting_new(&g.f[k], prep[k], err);
	while (rc != -1 && (g.more[0] || g.more[1]))
		rc = fit_round(p, &g, err);
	nf_fitting_free(g.f[0]);
	nf_fitting_free(g.f[1]);
	return rc == -1 ? -1 : 0;
}

/* ---- preparing ---------------------------------------------------------- */

/* Where prepared rows go, the i-th to place[i]. */
struct dest {
	nf_real *x, *context, *weight;
	size_t ldx, ldcontext, ldweight;
	const uint64_t *place;		/* or NULL: to i */
};

static int
take_weights(const struct nf_pass *p, const struct dest *to,
    struct nf_err *err)
{
	struct nf_prep_rows r = columns(p, p->c->ncontext + p->c->ntarget);
	uint64_t i;
	double w;

	for (i = 0; i < p->n; i++) {
		w = nf_prep_raw(&r, i, 0);
		if (!(fabs(w) <= FLT_MAX))
			return nf_fail(err, NF_EDATA, "row %llu: weight is %g, "
			    "want a finite number",
			    (unsigned long long)(p->first + i), w);
		to->weight[(to->place == NULL ? i : to->place[i]) *
		    to->ldweight] = (nf_real)w;
	}
	return 0;
}

/* The rows at hand. */
static int
take(const struct nf_pass *p, const struct dest *to, struct nf_err *err)
{
	const struct nf_dataset *d = p->d;
	struct nf_prep_rows context = columns(p, 0);
	struct nf_prep_rows target = columns(p, p->c->ncontext);
	int wide = sizeof(nf_real) == sizeof(double);
	struct nf_prep_out y = { to->context, wide, to->ldcontext, to->place };
	struct nf_prep_out x = { to->x, wide, to->ldx, to->place };

	if (nf_prep_apply(d->context, p->seed, &context, &y, NULL,
	    err) == -1 ||
	    nf_prep_apply(d->target, p->seed, &target, &x, NULL, err) == -1)
		return -1;
	return p->c->nweight == 0 ? 0 : take_weights(p, to, err);
}

int
nf_pass_hold(struct nf_pass *p, struct nf_held *h, struct nf_err *err)
{
	uint64_t next[2] = { 0, p->d->ntrain }, i;
	struct dest to = { h->mem[0].p, h->mem[1].p, h->mem[2].p, p->d->D,
		p->d->C, 1, NULL };
	int rc;

	while ((rc = advance(p, err)) == 1) {
		for (i = 0; i < p->n; i++)
			p->place[i] = next[p->valid[i]]++;
		to.place = p->place;
		if (take(p, &to, err) == -1)
			return -1;
	}
	return rc;
}

/* A row that validates, to place i of those that are held. */
static void
hold_one(const struct nf_pass *p, const nf_real *row, uint64_t i)
{
	struct nf_dataset *d = p->d;
	struct nf_grow *m = d->all.mem;

	memcpy((nf_real *)m[0].p + i * d->D, row, d->D * sizeof(*row));
	memcpy((nf_real *)m[1].p + i * d->C, row + d->D, d->C * sizeof(*row));
	if (p->c->nweight > 0)
		((nf_real *)m[2].p)[i] = row[d->D + d->C];
}

/* The records of the rows at hand: runs of those that train to the spool. */
static int
put_records(const struct nf_pass *p, size_t ncol, uint64_t *nvalid,
    struct nf_err *err)
{
	uint64_t i, n;

	for (i = 0; i < p->n; i += n) {
		for (n = 0; i + n < p->n && !p->valid[i + n]; n++)
			;
		if (n > 0) {
			if (nf_spool_put(p->d->spool, p->record + i * ncol, n,
			    err) == -1)
				return -1;
			continue;
		}
		hold_one(p, p->record + i * ncol, (*nvalid)++);
		n = 1;
	}
	return 0;
}

int
nf_pass_spool(struct nf_pass *p, struct nf_err *err)
{
	struct nf_dataset *d = p->d;
	size_t ncol = (size_t)d->D + d->C + p->c->nweight;
	struct dest to = { NULL, NULL, NULL, ncol, ncol, ncol, NULL };
	uint64_t nvalid = 0;
	int rc;

	while ((rc = advance(p, err)) == 1) {
		if (p->record == NULL && (p->record = nf_alloc(p->n, ncol *
		    sizeof(*p->record), "rows", err)) == NULL)
			return -1;
		to.x = p->record;
		to.context = to.x + d->D;
		to.weight = to.context + d->C;
		if (take(p, &to, err) == -1 ||
		    put_records(p, ncol, &nvalid, err) == -1)
			return -1;
	}
	return rc;
}

void
nf_pass_free(struct nf_pass *p)
{
	nf_free(p->valid);
	nf_free(p->place);
	nf_free(p->record);
}
