/* Rows of a training taken through the recipe, to memory or to disk. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass.h"

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
	struct nf_prep_rows r = nf_pass_columns(p, p->c->ncontext +
	    p->c->ntarget);
	uint64_t i;
	double w;

	for (i = 0; i < p->n; i++) {
		w = nf_prep_raw(&r, i, 0);
		if (!(fabs(w) <= FLT_MAX))
			return nf_fail(err, NF_EDATA, "row %llu: weight is %g, "
			    "want a finite number",
			    (unsigned long long)(p->first + nf_prep_at(&r, i)),
			    w);
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
	struct nf_prep_rows context = nf_pass_columns(p, 0);
	struct nf_prep_rows target = nf_pass_columns(p, p->c->ncontext);
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
nf_pass_take(struct nf_pass *p, const struct nf_held *h, struct nf_err *err)
{
	uint64_t train = p->next[0], valid = p->next[1], i;
	struct dest to = { h->mem[0].p, h->mem[1].p, h->mem[2].p, p->d->D,
		p->d->C, 1, NULL };

	if (p->place == NULL && (p->place = nf_alloc(p->n, sizeof(*p->place),
	    "rows", err)) == NULL)
		return -1;
	for (i = 0; i < p->n; i++) {	/* without a branch */
		p->place[i] = p->valid[i] ? valid : train;
		valid += p->valid[i];
		train += !p->valid[i];
	}
	p->next[0] = train;
	p->next[1] = valid;
	to.place = p->place;
	return take(p, &to, err);
}

int
nf_pass_hold(struct nf_pass *p, struct nf_held *h, struct nf_err *err)
{
	int rc;

	p->first = p->taken;
	if (p->taken == 0) {
		p->next[0] = 0;
		p->next[1] = p->d->ntrain;
	}
	while ((rc = nf_pass_next(p, err)) == 1)
		if (nf_pass_take(p, h, err) == -1)
			return -1;
	return rc;
}

int
nf_pass_pick(struct nf_pass *p, const uint32_t *number,
    const uint64_t *place, uint64_t n, struct nf_err *err)
{
	struct nf_grow *m = p->d->all.mem;
	struct dest to = { m[0].p, m[1].p, m[2].p, p->d->D, p->d->C, 1,
		place };
	uint64_t most;

	p->first = 0;
	p->pick = number;
	if (nf_store_rows(p->store, 0, &p->x, &most, err) == -1)
		return -1;
	p->n = n;
	return take(p, &to, err);
}

int
nf_pass_weights(struct nf_pass *p, struct nf_err *err)
{
	struct dest to = { .weight = p->d->all.mem[2].p, .ldweight = 1 };
	uint64_t most;
	int k;

	p->first = 0;
	for (k = 0; k < 2 && p->c->nweight > 0; k++) {
		p->pick = p->number[k].p;
		p->n = p->nnumber[k];
		if (nf_store_rows(p->store, 0, &p->x, &most, err) == -1 ||
		    take_weights(p, &to, err) == -1)
			return -1;
		to.weight += p->n;
	}
	return 0;
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

	while ((rc = nf_pass_next(p, err)) == 1) {
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
