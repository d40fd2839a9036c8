/*
 * Rows in another order.  A shuffle sorts them by random keys, one for each
 * row number, so it is the same whether it is done in memory or by buckets of
 * keys in files.  The inverse sorts by the places where rows came from.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "grow.h"
#include "shuffle.h"
#include "spill.h"

#define FRAME		((size_t)1 << 20)
#define MAX_DEPTH	64		/* a bucket has at least one bit */
#define COST		(2 * sizeof(struct nf_order) + sizeof(uint32_t))

struct nf_permuter {
	size_t rowsize;
	uint64_t seed, memory;
	bool inverse, sealed;
	uint64_t nrow;			/* put */
	struct nf_grow rows;		/* while they fit */
	int spool;			/* for the inverse of what does not */

	struct {			/* buckets, and finer ones of one */
		struct nf_spill *spill;
		uint32_t next;		/* bucket to come */
	} stack[MAX_DEPTH];
	int depth;

	uint32_t *order;		/* rows to give back: order[at..n) */
	uint64_t at, n;
	const char *base;		/* row k is at base + k * stride */
	size_t stride;
	char *out;			/* and is copied here */
	char *record;			/* a bucket */
	struct nf_order *sort;
	uint64_t room;			/* records that they hold */
};

int
nf_permuter_open(struct nf_permuter **permuter, size_t rowsize,
    uint64_t seed, bool inverse, uint64_t memory, struct nf_err *err)
{
	struct nf_permuter *p;

	*permuter = p = nf_alloc(1, sizeof(*p), "a shuffle", err);
	if (p == NULL)
		return -1;
	p->rowsize = rowsize;
	p->seed = seed;
	p->inverse = inverse;
	p->memory = memory;
	p->spool = -1;
	p->out = nf_alloc(FRAME / rowsize + 1, rowsize, "rows", err);
	if (p->out == NULL ||
	    nf_grow_open(&p->rows, memory, "rows", err) == -1) {
		nf_permuter_close(p);
		*permuter = NULL;
		return -1;
	}
	return 0;
}

/* Do so many rows of so many bytes fit, with what sorting them takes? */
static bool
fits(const struct nf_permuter *p, uint64_t nrow, size_t size)
{
	return nrow < UINT32_MAX &&
	    nrow <= p->memory / 4 * 3 / (size + COST);
}

/* ---- taking rows ------------------------------------------------------ */

/* Rows from number first on, for which there is no room in memory. */
static int
put_away(struct nf_permuter *p, const char *x, uint64_t first, uint64_t nrow,
    struct nf_err *err)
{
	uint64_t i;

	if (p->inverse)
		return nf_write_full(p->spool, x, nrow * p->rowsize,
		    "a temporary file", err);
	for (i = 0; i < nrow; i++)
		if (nf_spill_put(p->stack[0].spill, nf_philox_u64(p->seed,
		    NF_FOR_ROWS, first + i, 0), x + i * p->rowsize, err) == -1)
			return -1;
	return 0;
}

/* Leave memory for files. */
static int
leave(struct nf_permuter *p, struct nf_err *err)
{
	if (p->inverse) {
		if (nf_temp_open(&p->spool, err) == -1)
			return -1;
	} else {
		if (nf_spill_open(&p->stack[0].spill, p->rowsize, 0,
		    p->memory / 4, err) == -1)
			return -1;
		p->depth = 1;
	}
	if (put_away(p, p->rows.p, 0, p->nrow, err) == -1)
		return -1;
	nf_grow_free(&p->rows);
	return 0;
}

int
nf_permuter_put(struct nf_permuter *p, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	size_t used = p->nrow * p->rowsize, n = nrow * p->rowsize;

	if (p->rows.p != NULL && (used + n > p->rows.max ||
	    !fits(p, p->nrow + nrow, p->rowsize)) && leave(p, err) == -1)
		return -1;
	if (p->rows.p == NULL) {
		if (put_away(p, x, p->nrow, nrow, err) == -1)
			return -1;
	} else {
		if (nf_grow_to(&p->rows, used + n, "rows", err) == -1)
			return -1;
		memcpy((char *)p->rows.p + used, x, n);
	}
	p->nrow += nrow;
	return 0;
}

/* ---- giving them back ------------------------------------------------- */

/* All rows are in memory. */
static int
order_rows(struct nf_permuter *p, struct nf_err *err)
{
	uint32_t *order, *place, i, n = (uint32_t)p->nrow;

	order = nf_alloc(n, sizeof(*order), "an order of rows", err);
	if (order == NULL)
		return -1;
	p->order = order;
	if (nf_shuffle(p->seed, NF_FOR_ROWS, 0, n, order, err) == -1)
		return -1;
	if (p->inverse) {
		place = nf_alloc(n, sizeof(*place), "an order of rows", err);
		if (place == NULL)
			return -1;
		for (i = 0; i < n; i++)
			place[order[i]] = i;
		nf_free(order);
		p->order = place;
	}
	p->base = p->rows.p;
	p->stride = p->rowsize;
	p->n = n;
	return 0;
}

/* Put n row numbers, from 0 up, as if they were rows. */
static int
put_numbers(struct nf_permuter *p, uint64_t n, struct nf_err *err)
{
	uint64_t number[1024], i, k;

	for (i = 0; i < n; i += k) {
		for (k = 0; k < 1024 && k < n - i; k++)
			number[k] = i + k;
		if (nf_permuter_put(p, number, k, err) == -1)
			return -1;
	}
	return 0;
}

/*
 * The inverse: a shuffle of row numbers says where each row of the spool
 * came from, and that place is what buckets are made by.
 */
static int
place_spool(struct nf_permuter *p, struct nf_permuter *from,
    struct nf_err *err)
{
	int shift = p->nrow > 1 ? __builtin_clzll(p->nrow - 1) : 63, rc;
	const void *numbers;
	const uint64_t *place;
	uint64_t n, i, k;
	size_t got;

	if (lseek(p->spool, 0, SEEK_SET) == -1)
		return nf_fail(err, NF_ESYS, "a temporary file: %s",
		    strerror(errno));
	while ((rc = nf_permuter_next(from, &numbers, &n, err)) == 1) {
		place = numbers;
		for (; n > 0; n -= k, place += k) {
			k = FRAME / p->rowsize + 1;
			k = k < n ? k : n;
			if (nf_read_full(p->spool, p->out, k * p->rowsize,
			    &got, "a temporary file", err) == -1)
				return -1;
			if (got < k * p->rowsize)
				return nf_fail(err, NF_ESYS,
				    "a temporary file became shorter");
			for (i = 0; i < k; i++)
				if (nf_spill_put(p->stack[0].spill,
				    place[i] << shift,
				    p->out + i * p->rowsize, err) == -1)
					return -1;
		}
	}
	return rc;
}

static int
seal(struct nf_permuter *p, struct nf_err *err)
{
	struct nf_permuter *from = NULL;
	int rc;

	p->sealed = true;
	if (p->rows.p != NULL)
		return order_rows(p, err);
	if (p->inverse) {
		if (nf_spill_open(&p->stack[0].spill, p->rowsize, 0,
		    p->memory / 4, err) == -1)
			return -1;
		p->depth = 1;
		rc = nf_permuter_open(&from, sizeof(uint64_t), p->seed, false,
		    p->memory / 4, err);
		if (rc == 0)
			rc = put_numbers(from, p->nrow, err);
		if (rc == 0)
			rc = place_spool(p, from, err);
		nf_permuter_close(from);
		close(p->spool);
		p->spool = -1;
		if (rc == -1)
			return -1;
	}
	return nf_spill_done(p->stack[0].spill, err);
}

/* Load a bucket of n records and sort them. */
static int
load(struct nf_permuter *p, struct nf_spill *s, uint32_t bucket, uint64_t n,
    struct nf_err *err)
{
	struct nf_order *sorted;
	uint64_t i;

	p->stride = p->rowsize + NF_SPILL_KEY;
	if (n > p->room) {
		nf_free(p->record);
		nf_free(p->sort);
		nf_free(p->order);
		p->room = 0;
		p->record = nf_alloc(n, p->stride, "rows", err);
		p->sort = nf_alloc(2 * n, sizeof(*p->sort), "rows", err);
		p->order = nf_alloc(n, sizeof(*p->order), "rows", err);
		if (p->record == NULL || p->sort == NULL || p->order == NULL)
			return -1;
		p->room = n;
	}
	if (nf_spill_load(s, bucket, p->record, err) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		memcpy(&p->sort[i].key, p->record + i * p->stride,
		    NF_SPILL_KEY);
		p->sort[i].key <<= nf_spill_used(s) & 63;
		p->sort[i].row = (uint32_t)i;
	}
	sorted = nf_order_sort(p->sort, p->sort + n, (uint32_t)n);
	for (i = 0; i < n; i++)
		p->order[i] = sorted[i].row;
	p->base = p->record + NF_SPILL_KEY;
	p->at = 0;
	p->n = n;
	return 0;
}

/* Load the next bucket that holds rows: 1.  0: there is none. */
static int
advance(struct nf_permuter *p, struct nf_err *err)
{
	struct nf_spill *s;
	uint32_t bucket;
	uint64_t n;

	while (p->depth > 0) {
		s = p->stack[p->depth - 1].spill;
		bucket = p->stack[p->depth - 1].next++;
		if (bucket == nf_spill_nbucket(s)) {
			p->stack[--p->depth].spill = NULL;
			nf_spill_close(s);
			continue;
		}
		n = nf_spill_count(s, bucket);
		if (n == 0)
			continue;
		if (n == 1 || nf_spill_used(s) >= 63 ||
		    fits(p, n, p->rowsize + NF_SPILL_KEY))
			return load(p, s, bucket, n, err) == -1 ? -1 : 1;
		p->stack[p->depth].next = 0;
		if (nf_spill_split(s, bucket, &p->stack[p->depth].spill,
		    p->memory / 4, err) == -1)
			return -1;
		p->depth++;
	}
	return 0;
}

int
nf_permuter_next(struct nf_permuter *p, const void **x, uint64_t *nrow,
    struct nf_err *err)
{
	uint64_t i, n, max = FRAME / p->rowsize + 1;
	int rc;

	if (!p->sealed && seal(p, err) == -1)
		return -1;
	if (p->at == p->n) {
		rc = advance(p, err);
		if (rc != 1)
			return rc;
	}
	n = p->n - p->at < max ? p->n - p->at : max;
	for (i = 0; i < n; i++) {
		/* The order is random: ask for rows ahead of their time. */
		if (i + 16 < n)
			__builtin_prefetch(p->base +
			    p->order[p->at + i + 16] * p->stride);
		memcpy(p->out + i * p->rowsize,
		    p->base + p->order[p->at + i] * p->stride, p->rowsize);
	}
	p->at += n;
	*x = p->out;
	*nrow = n;
	return 1;
}

void
nf_permuter_close(struct nf_permuter *p)
{
	if (p == NULL)
		return;
	while (p->depth > 0)
		nf_spill_close(p->stack[--p->depth].spill);
	if (p->spool != -1)
		close(p->spool);
	nf_grow_free(&p->rows);
	nf_free(p->order);
	nf_free(p->out);
	nf_free(p->record);
	nf_free(p->sort);
	nf_free(p);
}
