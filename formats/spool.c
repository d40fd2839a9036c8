/* Training rows on disk: shuffled once, read by windows, ahead of time. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shuffle.h"
#include "spool.h"

#define MIN_BLOCK	(64u << 10)	/* bytes: a disk's worth of seeking */
#define MAX_BLOCK	(1u << 20)	/* more is no faster */
#define MIX		16		/* blocks of a window, at least */
/* Sorting a row, and its place. */
#define COST		(2 * sizeof(struct nf_order) + sizeof(uint32_t))

static const char temp_name[] = "a temporary file";

struct nf_spool {
	uint32_t D, C, weighted;
	size_t ncol;			/* numbers of a row */
	struct nf_spool_size size;
	uint64_t seed, nrow, nfull;	/* nfull: whole blocks */
	double sum_weight;
	struct nf_permuter *shuffle;
	int fd;
	nf_real *raw;			/* [window * ncol], as read */
	uint32_t *index;		/* [window]: their order */
	struct nf_order *sort;
	uint32_t *order;		/* [nfull], of order_epoch */
	uint64_t order_epoch;
	nf_real *x, *context, *weight;	/* the window that is lent */

	pthread_t thread;		/* while ahead: reads this one */
	bool ahead;
	uint32_t epoch;
	uint64_t window, nread;
	int rc;
	struct nf_err err;
};

/* ---- sizes ------------------------------------------------------------ */

uint64_t
nf_spool_memory(const struct nf_spool_size *s, uint32_t ncol)
{
	return s->window * (3 * ncol * sizeof(nf_real) + COST);
}

int
nf_spool_fit(struct nf_spool_size *s, uint32_t ncol, uint32_t batch,
    uint64_t memory, struct nf_err *err)
{
	struct nf_spool_size one = { 1, 1 };
	uint64_t most = memory / nf_spool_memory(&one, ncol), block;

	most = most > UINT32_MAX / 2 ? UINT32_MAX / 2 : most;
	block = most / MIX * ncol * sizeof(nf_real);
	block = block < MIN_BLOCK ? MIN_BLOCK : block;
	block = block > MAX_BLOCK ? MAX_BLOCK : block;
	block = (block / (ncol * sizeof(nf_real)) / batch + 1) * batch;
	if (most < 2 * block)
		block = batch;
	if (most < 2 * block)
		return nf_fail(err, NF_ESYS, "%.3g MB of memory are left for "
		    "rows, but two batches take %.3g: give it more, or take "
		    "smaller batches", (double)memory / 1e6, 2.0 * batch *
		    (double)nf_spool_memory(&one, ncol) / 1e6);
	s->block = block;
	s->window = most / block * block;
	return 0;
}

/* ---- writing ---------------------------------------------------------- */

int
nf_spool_new(struct nf_spool **spool, uint32_t D, uint32_t C, int weighted,
    const struct nf_spool_size *size, uint64_t seed, uint64_t memory,
    struct nf_err *err)
{
	struct nf_spool *s;

	*spool = s = nf_alloc(1, sizeof(*s), "rows on disk", err);
	if (s == NULL)
		return -1;
	s->fd = -1;
	s->D = D;
	s->C = C;
	s->weighted = weighted != 0;
	s->ncol = (size_t)D + C + s->weighted;
	s->size = *size;
	s->seed = seed;
	s->order_epoch = UINT64_MAX;
	if (nf_permuter_open(&s->shuffle, s->ncol * sizeof(nf_real), seed,
	    false, memory, err) == 0 && nf_temp_open(&s->fd, err) == 0)
		return 0;
	nf_spool_close(s);
	*spool = NULL;
	return -1;
}

int
nf_spool_put(struct nf_spool *s, const nf_real *rows, uint64_t nrow,
    struct nf_err *err)
{
	uint64_t i;

	for (i = 0; s->weighted && i < nrow; i++)
		s->sum_weight += (double)rows[(i + 1) * s->ncol - 1];
	s->nrow += nrow;
	return nf_permuter_put(s->shuffle, rows, nrow, err);
}

static int
make_room(struct nf_spool *s, struct nf_err *err)
{
	uint64_t n = s->size.window;

	s->raw = nf_alloc(n, s->ncol * sizeof(*s->raw), "a window", err);
	s->x = nf_alloc(n, s->ncol * sizeof(*s->x), "a window", err);
	s->index = nf_alloc(n, sizeof(*s->index), "a window", err);
	s->sort = nf_alloc(n, 2 * sizeof(*s->sort), "a window", err);
	s->order = nf_alloc(s->nfull, sizeof(*s->order), "blocks", err);
	if (s->raw == NULL || s->x == NULL || s->index == NULL ||
	    s->sort == NULL || s->order == NULL)
		return -1;
	s->context = s->x + n * s->D;
	s->weight = s->context + n * s->C;
	return 0;
}

/* ---- reading ---------------------------------------------------------- */

static int
read_block(struct nf_spool *s, uint64_t block, uint64_t nrow, nf_real *to,
    struct nf_err *err)
{
	size_t size = s->ncol * sizeof(nf_real), got;

	if (lseek(s->fd, (off_t)(block * s->size.block * size), SEEK_SET) ==
	    -1)
		return nf_fail(err, NF_ESYS, "%s: %s", temp_name,
		    strerror(errno));
	if (nf_read_full(s->fd, to, nrow * size, &got, temp_name, err) == -1)
		return -1;
	return got == nrow * size ? 0 : nf_fail(err, NF_ESYS,
	    "%s became shorter", temp_name);
}

/* The blocks' order in an epoch: Durstenfeld, "Algorithm 235", 1964. */
static void
order_blocks(struct nf_spool *s, uint32_t epoch)
{
	uint32_t n = (uint32_t)s->nfull, i, k, t;

	if (s->order_epoch == epoch)
		return;
	for (i = 0; i < n; i++)
		s->order[i] = i;
	for (i = n; i > 1; i--) {
		k = (uint32_t)(nf_philox_u64(s->seed, NF_FOR_WINDOW,
		    UINT64_MAX - i, epoch) % i);
		t = s->order[i - 1];
		s->order[i - 1] = s->order[k];
		s->order[k] = t;
	}
	s->order_epoch = epoch;
}

/* A window's rows to raw, and their order to index. */
static int
read_window(struct nf_spool *s, struct nf_err *err)
{
	uint64_t per = s->size.window / s->size.block, b, n = 0, tail;
	uint64_t first = s->window * per, i;
	struct nf_order *a = s->sort, *sorted;

	order_blocks(s, s->epoch);
	for (b = first; b < first + per && b < s->nfull; b++) {
		if (read_block(s, s->order[b], s->size.block,
		    s->raw + n * s->ncol, err) == -1)
			return -1;
		n += s->size.block;
	}
	tail = s->nrow - s->nfull * s->size.block;
	if (b == s->nfull && b < first + per && tail > 0) {
		if (read_block(s, b, tail, s->raw + n * s->ncol, err) == -1)
			return -1;
		n += tail;
	}
	for (i = 0; i < n; i++)
		a[i] = (struct nf_order){ nf_philox_u64(s->seed,
		    NF_FOR_WINDOW, first * s->size.block + i, s->epoch),
		    (uint32_t)i };
	sorted = nf_order_sort(a, a + n, (uint32_t)n);
	for (i = 0; i < n; i++)
		s->index[i] = sorted[i].row;
	s->nread = n;
	return 0;
}

static void *
read_ahead(void *arg)
{
	struct nf_spool *s = arg;

	s->rc = read_window(s, &s->err);
	return NULL;
}

/* The window that follows, by a thread; without one it is read when due. */
static void
begin_ahead(struct nf_spool *s)
{
	sigset_t all, was;

	if (++s->window * s->size.window >= s->nrow) {
		s->window = 0;
		s->epoch++;
	}
	/* Signals are for those who wait. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	s->ahead = pthread_create(&s->thread, NULL, read_ahead, s) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

static void
end_ahead(struct nf_spool *s)
{
	if (s->ahead)
		pthread_join(s->thread, NULL);
	s->ahead = false;
}

static void
hand_out(struct nf_spool *s, struct nf_rowset *rows)
{
	uint64_t n = s->nread, i;

#pragma omp parallel for if (n > 1000)
	for (i = 0; i < n; i++) {
		const nf_real *row = s->raw + s->index[i] * s->ncol;

		memcpy(s->x + i * s->D, row, s->D * sizeof(*row));
		memcpy(s->context + i * s->C, row + s->D,
		    s->C * sizeof(*row));
		if (s->weighted)
			s->weight[i] = row[s->D + s->C];
	}
	*rows = (struct nf_rowset){ n, s->x, s->C > 0 ? s->context : NULL,
		s->weighted ? s->weight : NULL };
}

static int
load(void *arg, uint32_t epoch, uint64_t window, struct nf_rowset *rows,
    struct nf_err *err)
{
	struct nf_spool *s = arg;
	bool was = s->ahead;

	end_ahead(s);
	if (!was || s->epoch != epoch || s->window != window) {
		s->epoch = epoch;
		s->window = window;
		s->rc = read_window(s, &s->err);
	}
	if (s->rc == -1) {
		if (err != NULL)
			*err = s->err;
		return -1;
	}
	hand_out(s, rows);
	begin_ahead(s);
	return 0;
}

int
nf_spool_done(struct nf_spool *s, struct nf_windows *w, struct nf_err *err)
{
	const void *rows;
	uint64_t n;
	int rc;

	while ((rc = nf_permuter_next(s->shuffle, &rows, &n, err)) == 1)
		if (nf_write_full(s->fd, rows, n * s->ncol * sizeof(nf_real),
		    temp_name, err) == -1)
			return -1;
	nf_permuter_close(s->shuffle);
	s->shuffle = NULL;
	s->nfull = s->nrow / s->size.block;
	if (rc == -1 || make_room(s, err) == -1)
		return -1;
	*w = (struct nf_windows){ s->nrow, s->size.window,
		s->weighted ? s->sum_weight / (double)s->nrow : 1,
		(int)s->weighted, load, s };
	return 0;
}

void
nf_spool_close(struct nf_spool *s)
{
	if (s == NULL)
		return;
	end_ahead(s);
	nf_permuter_close(s->shuffle);
	if (s->fd != -1)
		close(s->fd);
	nf_free(s->raw);
	nf_free(s->x);
	nf_free(s->index);
	nf_free(s->sort);
	nf_free(s->order);
	nf_free(s);
}
