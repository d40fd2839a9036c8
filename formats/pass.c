/* Passes over the rows of a training. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "pass.h"
#include "prep.h"

#define PAGE	4096			/* bytes; no machine has smaller ones */
#define PARTS	16			/* of a chunk: memory may be slow */

/* Which of n rows from first on validate, if chosen asks; how many do. */
static uint64_t
choose(const struct nf_pass *p, uint64_t first, uint64_t n, uint8_t *chosen)
{
	uint64_t nblock = (n + NF_PREP_RUN - 1) / NF_PREP_RUN, count = 0, b;

#pragma omp parallel for num_threads(p->nthread) reduction(+:count) \
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

/*
 * Beside who reads them, and who sends them here, one core is enough; and
 * what one thread does alone leaves no others that wait for more, turning.
 */
static void
share(struct nf_pass *p, int nthread)
{
	p->nthread = nthread;
	nf_prep_threads(p->d->context, (uint32_t)nthread);
	nf_prep_threads(p->d->target, (uint32_t)nthread);
}

/* The rows at hand: n at x, from first on. */
static int
set_rows(struct nf_pass *p, struct nf_err *err)
{
	if (p->first + p->n <= p->nchosen) {
		p->valid = p->chosen + p->first;
		return 0;
	}
	if (p->own == NULL)		/* the first are the most */
		p->own = nf_alloc(p->n, sizeof(*p->own), "rows", err);
	p->valid = p->own;
	if (p->own == NULL)
		return -1;
	if (p->bound > 0)
		choose(p, p->first, p->n, p->own);
	else
		memset(p->own, 0, p->n);
	return 0;
}

int
nf_pass_next(struct nf_pass *p, struct nf_err *err)
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

struct nf_prep_rows
nf_pass_columns(const struct nf_pass *p, uint32_t j)
{
	size_t size = nf_type_size(p->store->type);

	return (struct nf_prep_rows){ .x = (const char *)p->x + j * size,
		.wide = p->store->type == NF_F64, .ld = p->store->ncol,
		.nrow = p->n, .first = p->first, .pick = p->pick };
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
	p->nnumber[0] = p->nnumber[1] = 0;
	p->rc = 0;
	for (k = 0; k < 2 && p->rc != -1; k++)
		p->rc = p->more[k] = nf_fitting_new(&p->fit[k], prep[k],
		    &p->err);
}

void
nf_pass_begin(struct nf_pass *p, double fraction)
{
	p->bound = fraction <= 0 ? 0 : (uint64_t)ldexp(fraction, 64);
	p->nthread = p->d->nthread;
	begin_fit(p);
}

/* Is nothing to be fitted, and is there room for rows as they come? */
static int
takes(const struct nf_pass *p)
{
	struct nf_held *h = &p->d->all;
	size_t size;
	int k;

	for (k = 0; k < 3; k++) {
		size = p->total * h->size[k];
		if (size > h->mem[k].max || (size > 0 &&
		    nf_grow_to(&h->mem[k], size, "rows", NULL) == -1))
			return 0;
	}
	return p->rc != -1 && !p->more[0] && !p->more[1];
}

/* Where it is known how many rows come, so is which of them validate. */
void
nf_pass_begun(void *pass)
{
	struct nf_pass *p = pass;
	uint64_t ntrain = 0;
	int most = omp_get_max_threads();

	share(p, 1);
	if (p->total > 0 && (p->chosen = nf_alloc(p->total,
	    sizeof(*p->chosen), "rows", NULL)) != NULL) {
		ntrain = p->total;
		if (p->bound > 0)
			ntrain -= choose(p, 0, p->total, p->chosen);
		p->nchosen = p->total;
	}
	p->next[1] = ntrain;
	p->takes = ntrain > 0 && takes(p);
	p->keep &= !p->takes;
	omp_set_num_threads(1);
	if (p->begun != NULL)
		p->begun(p->arg, ntrain);
	omp_set_num_threads(most);
}

/* Show the rows at hand to those that want them. */
static int
show(const struct nf_pass *p, struct nf_err *err)
{
	struct nf_prep_rows rows;
	int k;

	for (k = 0; k < 2; k++) {
		rows = nf_pass_columns(p, k == 0 ? 0 : p->c->ncontext);
		rows.skip = p->bound > 0 ? p->valid : NULL;
		if (p->more[k] && nf_fitting_rows(p->fit[k], &rows, err) == -1)
			return -1;
	}
	return 0;
}

/* The numbers of the rows at hand, without a branch; once each. */
static void
note(struct nf_pass *p)
{
	uint32_t *to[2], *train, *valid;
	uint64_t i, k;

	if (!p->keep || p->first != p->nnumber[0] + p->nnumber[1])
		return;
	for (k = 0; k < 2; k++) {
		p->keep &= nf_grow_to(&p->number[k], (p->nnumber[k] + p->n) *
		    sizeof(uint32_t), "rows", NULL) == 0;
		to[k] = (uint32_t *)p->number[k].p + p->nnumber[k];
	}
	train = to[0];
	valid = to[1];
	for (i = 0; p->keep && i < p->n; i++) {
		*train = *valid = (uint32_t)(p->first + i);
		train += p->valid[i] == 0;
		valid += p->valid[i] != 0;
	}
	p->nnumber[0] += (uint64_t)(train - to[0]);
	p->nnumber[1] += (uint64_t)(valid - to[1]);
}

void
nf_pass_show(void *pass, const void *x, uint64_t first, uint64_t nrow)
{
	struct nf_pass *p = pass;
	uint64_t i;

	p->x = x;
	p->first = first;
	p->n = nrow;
	if (p->rc == -1 || (p->rc = set_rows(p, &p->err)) == -1)
		return;
	for (i = 0; i < nrow; i++)
		p->nvalid += p->valid[i];
	note(p);
	p->rc = show(p, &p->err);
	p->takes &= first + nrow <= p->total;
	if (p->takes && p->rc != -1) {
		p->rc = nf_pass_take(p, &p->d->all, &p->err);
		p->taken = first + nrow;
	}
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
int
nf_pass_room(void *pass, uint64_t nrow)
{
	struct nf_pass *p = pass;
	struct nf_held *h = &p->d->all;
	uint64_t want = nrow + p->store->chunk;	/* by then more have come */
	uint64_t part = p->store->chunk / PARTS + 1;
	size_t size;
	int k;

	/* Rows that are prepared later take theirs then. */
	if (p->takes || p->keep || p->room >= want)
		return 0;
	part = p->room + part < want ? p->room + part : want;
	for (k = 0; k < 3; k++) {
		size = h->size[k];
		if (size > 0 && part * size <= h->mem[k].max &&
		    nf_grow_to(&h->mem[k], part * size, "rows", NULL) == 0)
			touch(h->mem[k].p, p->room * size, part * size);
	}
	p->room = part;
	return part < want;
}

void
nf_pass_choose(struct nf_pass *p)
{
	uint64_t n = p->store->nrow;

	share(p, p->d->nthread);
	if (p->bound > 0 && p->rc != -1)
		p->nvalid += choose(p, p->seen, n - p->seen, NULL);
	if (p->nvalid == n && p->rc != -1) {
		p->bound = p->nchosen = 0;
		begin_fit(p);
	}
	if (n != p->total)		/* it was told another number */
		p->taken = 0;
	p->d->nvalid = p->nvalid;
	p->d->ntrain = n - p->nvalid;
}

static int
fit_round(struct nf_pass *p, struct nf_err *err)
{
	int rc, k;

	while ((rc = nf_pass_next(p, err)) == 1) {
		note(p);
		if (show(p, err) == -1)
			return -1;
	}
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
	p->sure = p->keep && rc != -1 && nf_fitting_sure(p->fit[0]) &&
	    nf_fitting_sure(p->fit[1]);
	free_fit(p);
	p->first = p->n = 0;
	return rc == -1 ? -1 : 0;
}

void
nf_pass_free(struct nf_pass *p)
{
	free_fit(p);
	nf_grow_free(&p->number[0]);
	nf_grow_free(&p->number[1]);
	nf_free(p->chosen);
	nf_free(p->own);
	nf_free(p->place);
	nf_free(p->record);
}
