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
#include "sorted.h"
#include "stream.h"

#define FRAME		((size_t)1 << 20)
#define COST		(2 * sizeof(uint32_t))	/* of a row in memory */
#define KEYS		256			/* made at once */
#define THREADS		4			/* that read, or write */
#define BUCKETS		128			/* of who knows how many rows */

struct nf_permuter {
	size_t rowsize;
	uint64_t seed, memory, expect;
	uint64_t cache;			/* bytes of a file for the system's */
	bool inverse, sealed;
	uint64_t nrow;			/* put */
	struct nf_grow rows;		/* while they fit */
	struct nf_pool *pool;		/* once they do not */
	bool lent;			/* it is another's */
	struct nf_spill *spill;
	uint32_t *place;		/* the inverse: where each goes .. */
	int spool;			/* .. or rows, till that is known */
	struct nf_sorted *sorted;

	uint32_t *order;		/* of rows in memory */
	struct nf_run run;		/* rows to give back .. */
	uint64_t at;			/* .. from here on */
	char *out;			/* and are copied here */
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
	p->expect = NF_NROW_UNKNOWN;
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

void
nf_permuter_expect(struct nf_permuter *p, uint64_t nrow, uint64_t cache)
{
	p->expect = nrow;
	p->cache = cache;
}

/* Do so many rows fit into memory, with their order? */
static bool
fits(const struct nf_permuter *p, uint64_t nrow)
{
	return nrow < UINT32_MAX &&
	    nrow <= p->memory / 4 * 3 / (p->rowsize + COST);
}

/*
 * Can these rows be kept?  Where it is known that all cannot, they are kept
 * only until they are enough to believe that number, for which the inverse
 * takes memory.
 */
static bool
can_keep(const struct nf_permuter *p, uint64_t nrow)
{
	if (p->expect == NF_NROW_UNKNOWN || fits(p, p->expect))
		return nrow * p->rowsize <= p->rows.max && fits(p, nrow);
	return p->inverse && nrow <= p->memory / 4 / p->rowsize &&
	    nrow * p->rowsize <= p->rows.max;
}

/* ---- taking rows ------------------------------------------------------ */

/* What makes of n places, in order, keys that are spread evenly. */
static uint64_t
spread(uint64_t n)
{
	return n > 0 ? UINT64_MAX / n : 0;
}

/* Rows from number first on, for which there is no room in memory. */
static int
put_away(struct nf_permuter *p, const char *x, uint64_t first, uint64_t nrow,
    struct nf_err *err)
{
	uint64_t key[KEYS], step = spread(p->expect), i, k, n;

	if (p->spill == NULL)
		return nf_write_full(p->spool, x, nrow * p->rowsize,
		    "a temporary file", err);
	for (i = 0; i < nrow; i += n, x += n * p->rowsize) {
		n = nrow - i < KEYS ? nrow - i : KEYS;
		for (k = 0; k < n; k++)
			key[k] = p->inverse ?
			    p->place[first + i + k] * step :
			    nf_philox_u64(p->seed, NF_FOR_ROWS,
			    first + i + k, 0);
		if (nf_spill_put(p->spill, key, x, p->rowsize, n, err) == -1)
			return -1;
	}
	return 0;
}

/*
 * Buckets that will fit into memory, as keys are spread evenly; filled in
 * the memory that is not otherwise in use.
 */
static int
open_spill(struct nf_permuter *p, struct nf_err *err)
{
	uint64_t nrow = p->spool != -1 ? p->nrow : p->expect;
	uint64_t most = nf_sorted_most(p->rowsize, p->memory);
	uint64_t want = nrow == NF_NROW_UNKNOWN ? BUCKETS :
	    nrow / (most - most / 8) + 1;
	uint64_t used = p->rows.size + p->memory / 8 + (p->spool != -1 ?
	    p->memory / 4 : p->place != NULL ? nrow * sizeof(*p->place) : 0);
	uint64_t left = p->memory > used ? p->memory - used : 0;

	if (nrow != NF_NROW_UNKNOWN &&
	    nrow > p->cache / (NF_SPILL_KEY + p->rowsize))
		p->cache = 0;
	return nf_spill_open(&p->spill, p->rowsize, 0, want, left <
	    p->memory / 4 ? p->memory / 4 : left, p->cache, p->pool, err);
}

/* Where each of as many rows as are expected goes, if that fits. */
static int
find_places(struct nf_permuter *p, struct nf_err *err)
{
	if (p->expect >= UINT32_MAX ||
	    p->expect > p->memory / 2 / sizeof(*p->place))
		return 0;
	p->place = nf_alloc(p->expect, sizeof(*p->place), "places", err);
	if (p->place == NULL)
		return -1;
	return nf_shuffle(p->seed, NF_FOR_ROWS, 0, (uint32_t)p->expect,
	    p->place, err);
}

/* Leave memory for files. */
static int
leave(struct nf_permuter *p, struct nf_err *err)
{
	if (p->pool == NULL && nf_pool_waiting(&p->pool, THREADS, err) == -1)
		return -1;
	if (p->inverse && find_places(p, err) == -1)
		return -1;
	if (p->inverse && p->place == NULL ?
	    nf_temp_open(&p->spool, err) == -1 : open_spill(p, err) == -1)
		return -1;
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

	if (nrow > p->expect - p->nrow)
		return nf_fail(err, NF_EDATA, "more rows than the %llu that "
		    "were promised", (unsigned long long)p->expect);
	if (p->rows.p != NULL && !can_keep(p, p->nrow + nrow) &&
	    leave(p, err) == -1)
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
	p->run = (struct nf_run){ p->rows.p, p->rowsize, p->order, n };
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

/* Rows of the spool that were at these places before they were shuffled. */
static int
place_rows(struct nf_permuter *p, const uint64_t *place, uint64_t n,
    uint64_t *at, struct nf_err *err)
{
	uint64_t key[KEYS], step = spread(p->nrow), i, k;
	uint64_t max = FRAME / p->rowsize + 1;

	max = max < KEYS ? max : KEYS;
	for (; n > 0; n -= k, place += k, *at += k) {
		k = n < max ? n : max;
		if (nf_pread_full(p->spool, p->out, k * p->rowsize,
		    *at * p->rowsize, "a temporary file", err) == -1)
			return -1;
		for (i = 0; i < k; i++)
			key[i] = place[i] * step;
		if (nf_spill_put(p->spill, key, p->out, p->rowsize, k,
		    err) == -1)
			return -1;
	}
	return 0;
}

/*
 * The inverse: a shuffle of row numbers says where each row of the spool
 * came from, and that place is what buckets are made by.
 */
static int
place_spool(struct nf_permuter *p, struct nf_err *err)
{
	struct nf_permuter *from = NULL;
	const void *numbers;
	uint64_t n, at = 0;
	int rc;

	if (open_spill(p, err) == -1 || nf_permuter_open(&from,
	    sizeof(uint64_t), p->seed, false, p->memory / 4, err) == -1)
		return -1;
	from->pool = p->pool;
	from->lent = true;
	nf_permuter_expect(from, p->nrow, p->cache);
	rc = put_numbers(from, p->nrow, err);
	while (rc == 0 &&
	    (rc = nf_permuter_next(from, &numbers, &n, err)) == 1)
		rc = place_rows(p, numbers, n, &at, err);
	nf_permuter_close(from);
	close(p->spool);
	p->spool = -1;
	return rc;
}

static int
seal(struct nf_permuter *p, struct nf_err *err)
{
	struct nf_spill *s;

	p->sealed = true;
	if (p->rows.p != NULL)
		return order_rows(p, err);
	if (p->spool != -1 && place_spool(p, err) == -1)
		return -1;
	if (p->place != NULL && p->nrow < p->expect)
		return nf_fail(err, NF_EDATA, "%llu rows, but %llu were "
		    "promised", (unsigned long long)p->nrow,
		    (unsigned long long)p->expect);
	if (nf_spill_done(p->spill, err) == -1)
		return -1;
	nf_free(p->place);
	p->place = NULL;
	s = p->spill;
	p->spill = NULL;
	return nf_sorted_open(&p->sorted, s, p->rowsize, p->memory, p->pool,
	    err);
}

/* Copy rows out, n at most, and say how many. */
static uint64_t
gather(struct nf_permuter *p, char *out, uint64_t n)
{
	const uint32_t *order = p->run.order + p->at;
	size_t stride = p->run.stride, k;
	const char *ahead;
	uint64_t i;

	n = p->run.n - p->at < n ? p->run.n - p->at : n;
	for (i = 0; i < n; i++) {
		/* The order is random: ask for rows ahead of their time. */
		if (i + 16 < n) {
			ahead = p->run.base + order[i + 16] * stride;
			for (k = 0; k < stride && k < 256; k += 64)
				__builtin_prefetch(ahead + k);
		}
		memcpy(out + i * p->rowsize, p->run.base + order[i] * stride,
		    p->rowsize);
	}
	p->at += n;
	return n;
}

/* Frames are given back whole, so that their writer need not copy them. */
int
nf_permuter_next(struct nf_permuter *p, const void **x, uint64_t *nrow,
    struct nf_err *err)
{
	uint64_t n = 0, max = FRAME / p->rowsize;
	int rc;

	max = max > 0 ? max : 1;
	if (!p->sealed && seal(p, err) == -1)
		return -1;
	while (n < max) {
		if (p->at == p->run.n) {
			if (p->sorted == NULL)
				break;
			p->at = p->run.n = 0;
			rc = nf_sorted_next(p->sorted, &p->run, err);
			if (rc == -1)
				return -1;
			if (rc == 0)
				break;
		}
		n += gather(p, p->out + n * p->rowsize, max - n);
	}
	*x = p->out;
	*nrow = n;
	return n > 0;
}

void
nf_permuter_close(struct nf_permuter *p)
{
	if (p == NULL)
		return;
	nf_spill_close(p->spill);
	nf_sorted_close(p->sorted);
	if (!p->lent)
		nf_pool_close(p->pool);
	if (p->spool != -1)
		close(p->spool);
	nf_grow_free(&p->rows);
	nf_free(p->place);
	nf_free(p->order);
	nf_free(p->out);
	nf_free(p);
}
