/* Passes over the rows of a training. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass.h"
#include "prep.h"

#define PAGE	4096			/* bytes; no machine has smaller ones */

/* Which of n rows from first on validate, if chosen asks; how many do. */
static uint64_t
choose(const struct nf_pass *p, uint64_t first, uint64_t n, uint8_t *chosen)
{
	uint64_t nblock = (n + NF_PREP_RUN - 1) / NF_PREP_RUN, count = 0, b;

#pragma omp parallel for num_threads(p->d->nthread) reduction(+:count) \
    if (n > 100000)
	for (b = 0; b < nblock; b++) {
		uint64_t at = b * NF_PREP_RUN, left = n - at;
		uint8_t mine[NF_PREP_RUN];

		count += nf_prep_choose(p->seed, first + at, left <
		    NF_PREP_RUN ? (uint32_t)left : NF_PREP_RUN, p->bound,
		    chosen == NULL ? mine : chosen + at);
	}
	return count;
}

/* The rows at hand: n at x, from first on. */
static int
set_rows(struct nf_pass *p, struct nf_err *err)
{
	if (p->valid == NULL)		/* the first are the most */
		p->valid = nf_alloc(p->n, sizeof(*p->valid), "rows", err);
	if (p->valid == NULL)
		return -1;
	if (p->bound > 0)
		choose(p, p->first, p->n, p->valid);
	else
		memset(p->valid, 0, p->n);
	return 0;
}

/* Have the next rows at hand: 1, or 0 after the last. */
static int
advance(struct nf_pass *p, struct nf_err *err)
{
	p->first += p->n;
	p->n = 0;
	if (p->first == p->store->nrow) {
		p->first = 0;		/* for another pass */
		return 0;
	}
	if (nf_store_rows(p->store, p->first, &p->x, &p->n, err) == -1 ||
	    set_rows(p, err) == -1)
		return -1;
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

/* ---- fitting ------------------------------------------------------------ */

static void
free_fit(struct nf_pass *p)
{
	int k;

	for (k = 0; k < 2; k++) {
		nf_fitting_free(p->fit[k]);
		p->fit[k] = NULL;
	}
}

static void
begin_fit(struct nf_pass *p)
{
	struct nf_prep *prep[2] = { p->d->context, p->d->target };
	int k;

	free_fit(p);
	p->seen = p->nvalid = 0;
	p->rc = 0;
	for (k = 0; k < 2 && p->rc != -1; k++)
		p->rc = p->more[k] = nf_fitting_new(&p->fit[k], prep[k],
		    &p->err);
}

void
nf_pass_begin(struct nf_pass *p, double fraction)
{
	p->bound = fraction <= 0 ? 0 : (uint64_t)ldexp(fraction, 64);
	begin_fit(p);
}

void
nf_pass_begun(void *pass)
{
	struct nf_pass *p = pass;

	if (p->begun != NULL)
		p->begun(p->arg);
}

/* Show the rows at hand to those that want them. */
static int
show(const struct nf_pass *p, struct nf_err *err)
{
	struct nf_prep_rows rows;
	int k;

	for (k = 0; k < 2; k++) {
		rows = columns(p, k == 0 ? 0 : p->c->ncontext);
		rows.skip = p->bound > 0 ? p->valid : NULL;
		if (p->more[k] && nf_fitting_rows(p->fit[k], &rows, err) == -1)
			return -1;
	}
	return 0;
}

/* Beside who reads them: one core for each. */
void
nf_pass_show(void *pass, const void *x, uint64_t first, uint64_t nrow)
{
	struct nf_pass *p = pass;
	struct nf_dataset *d = p->d;
	uint64_t i;

	p->x = x;
	p->first = first;
	p->n = nrow;
	if (p->rc == -1 || (p->rc = set_rows(p, &p->err)) == -1)
		return;
	for (i = 0; i < nrow; i++)
		p->nvalid += p->valid[i];
	nf_prep_threads(d->context, 1);
	nf_prep_threads(d->target, 1);
	p->rc = show(p, &p->err);
	nf_prep_threads(d->context, (uint32_t)d->nthread);
	nf_prep_threads(d->target, (uint32_t)d->nthread);
	p->seen = first + nrow;
}

/* Memory is had by writing to it: once a page, whatever their size. */
static void
touch(char *p, size_t from, size_t to)
{
	size_t at;

	for (at = from; at < to; at += PAGE)
		*(volatile char *)(p + at) = 0;
}

/* What cannot be had is not missed until it is due. */
void
nf_pass_room(void *pass, uint64_t nrow)
{
	struct nf_pass *p = pass;
	struct nf_held *h = &p->d->all;
	size_t size;
	int k;

	nrow += p->store->chunk;	/* more will have come by then */

	for (k = 0; k < 3; k++) {
		size = h->size[k];
		if (size > 0 && nrow * size <= h->mem[k].max &&
		    nf_grow_to(&h->mem[k], nrow * size, "rows", NULL) == 0)
			touch(h->mem[k].p, p->room * size, nrow * size);
	}
	p->room = nrow;
}

void
nf_pass_choose(struct nf_pass *p)
{
	uint64_t n = p->store->nrow;

	if (p->bound > 0 && p->rc != -1)
		p->nvalid += choose(p, p->seen, n - p->seen, NULL);
	if (p->nvalid == n && p->rc != -1) {
		p->bound = 0;
		begin_fit(p);
	}
	p->d->nvalid = p->nvalid;
	p->d->ntrain = n - p->nvalid;
}

static int
fit_round(struct nf_pass *p, struct nf_err *err)
{
	int rc, k;

	while ((rc = advance(p, err)) == 1)
		if (show(p, err) == -1)
			return -1;
	for (k = 0; k < 2 && rc != -1; k++)
		if (p->more[k])
			rc = p->more[k] = nf_fitting_round(p->fit[k], err);
	return rc == -1 ? -1 : 0;
}

int
nf_pass_fit(struct nf_pass *p, struct nf_err *err)
{
	int rc = p->rc;

	if (rc == -1 && err != NULL)
		*err = p->err;
	p->first = p->seen;		/* the first round goes on */
	p->n = 0;
	while (rc != -1 && (p->more[0] || p->more[1]))
		rc = fit_round(p, err);
	free_fit(p);
	p->first = p->n = 0;
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
	uint64_t train = 0, valid = p->d->ntrain, i;
	struct dest to = { h->mem[0].p, h->mem[1].p, h->mem[2].p, p->d->D,
		p->d->C, 1, NULL };
	int rc;

	while ((rc = advance(p, err)) == 1) {
		if (p->place == NULL && (p->place = nf_alloc(p->n,
		    sizeof(*p->place), "rows", err)) == NULL)
			return -1;
		for (i = 0; i < p->n; i++) {	/* without a branch */
			p->place[i] = p->valid[i] ? valid : train;
			valid += p->valid[i];
			train += !p->valid[i];
		}
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
	free_fit(p);
	nf_free(p->valid);
	nf_free(p->place);
	nf_free(p->record);
}
