/* Training rows on disk: an epoch visits each once, in an order of its own. */
#include <stdlib.h>
#include <string.h>

#include "spool.h"
#include "tap.h"

#define D	3
#define C	2
#define N	10007
#define NCOL	(D + C + 1)

static struct nf_err err;

/* Row i, each of whose numbers says so. */
static void
make_row(uint64_t i, nf_real *row)
{
	int j;

	for (j = 0; j < NCOL; j++)
		row[j] = (nf_real)(i * NCOL + (uint64_t)j);
}

static struct nf_spool *
spool(const struct nf_spool_size *size, uint64_t seed, uint64_t memory,
    struct nf_windows *w)
{
	struct nf_spool *s;
	nf_real row[NCOL];
	uint64_t i;

	if (nf_spool_new(&s, D, C, 1, size, seed, memory, &err) == -1)
		return NULL;
	for (i = 0; i < N; i++) {
		make_row(i, row);
		if (nf_spool_put(s, row, 1, &err) == -1)
			break;
	}
	if (i == N && nf_spool_done(s, w, &err) == 0)
		return s;
	nf_spool_close(s);
	return NULL;
}

/* The rows of an epoch in its order; how many windows, or -1. */
static int
visit(const struct nf_windows *w, uint32_t epoch, uint32_t *order)
{
	struct nf_rowset rows;
	nf_real want[NCOL];
	uint64_t n = 0, i, k;

	for (k = 0; n < w->nrow; k++) {
		if (w->load(w->arg, epoch, k, &rows, &err) == -1 ||
		    rows.nrow > w->nrow - n || (rows.nrow != w->nwindow &&
		    n + rows.nrow != w->nrow))
			return -1;
		for (i = 0; i < rows.nrow; i++) {
			order[n] = (uint32_t)(rows.x[i * D] / NCOL);
			make_row(order[n++], want);
			if (memcmp(want, rows.x + i * D, sizeof(*want) * D) ||
			    memcmp(want + D, rows.context + i * C,
			    sizeof(*want) * C) ||
			    want[D + C] != rows.weight[i])
				return -1;
		}
	}
	return (int)k;
}

static int
is_each_once(const uint32_t *order)
{
	static char seen[N];
	uint32_t i;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < N; i++)
		if (order[i] >= N || seen[order[i]]++)
			return 0;
	return 1;
}

/* Means of a window's row numbers lie where those of random rows would. */
static int
is_mixed(const uint32_t *order, uint64_t window)
{
	double mean = 0, sigma = N / sqrt(12.0 * (double)window);
	uint64_t i;

	for (i = 0; i < window; i++)
		mean += order[i];
	return fabs(mean / (double)window - N / 2.0) < 5 * sigma;
}

static void
test_orders(uint64_t block, uint64_t window)
{
	static uint32_t a[N], b[N], c[N];
	struct nf_spool_size size = { block, window };
	struct nf_windows w = { .nrow = 0 }, v;
	struct nf_spool *s = spool(&size, 4, 1 << 20, &w), *t;
	struct nf_rowset rows;
	uint32_t k;
	int nwindow;

	if (!ok(s != NULL && w.nrow == N && w.nwindow == window &&
	    w.weighted && fabs(w.mean_weight - ((N - 1) / 2.0 * NCOL + D + C))
	    < 1e-6 * N, "windows of %llu rows, blocks of %llu",
	    (unsigned long long)window, (unsigned long long)block))
		return;
	nwindow = visit(&w, 0, a);
	ok((uint64_t)nwindow == (N + window - 1) / window &&
	    is_each_once(a), "each row once, in %d windows", nwindow);
	ok(is_mixed(a, window < N ? window : N), "of all parts of the table");
	ok(visit(&w, 1, b) == nwindow && is_each_once(b) &&
	    memcmp(a, b, sizeof(a)) != 0, "another epoch, another order");
	ok(visit(&w, 0, c) == nwindow && memcmp(a, c, sizeof(a)) == 0,
	    "an epoch again, the same order");
	k = (uint32_t)nwindow / 2;
	ok(w.load(w.arg, 1, k, &rows, &err) == 0 &&
	    (uint32_t)(rows.x[0] / NCOL) == b[k * window],
	    "a window by itself, as a resumed training wants it");
	t = spool(&size, 4, 100000, &v);
	ok(t != NULL && visit(&v, 1, c) == nwindow &&
	    memcmp(b, c, sizeof(b)) == 0, "memory does not change the order");
	nf_spool_close(t);
	t = spool(&size, 5, 1 << 20, &v);
	ok(t != NULL && visit(&v, 0, c) == nwindow &&
	    memcmp(a, c, sizeof(a)) != 0, "but the seed does");
	nf_spool_close(t);
	nf_spool_close(s);
}

static void
test_sizes(void)
{
	struct nf_spool_size s, one = { 1, 1 };
	uint64_t memory, row = nf_spool_memory(&one, 44);
	int bad = 0;

	for (memory = 1 << 20; memory < (uint64_t)1 << 40; memory *= 3)
		bad += nf_spool_fit(&s, 44, 500, memory, &err) == -1 ||
		    s.block % 500 != 0 || s.window % s.block != 0 ||
		    s.window < 2 * s.block ||
		    nf_spool_memory(&s, 44) > memory ||
		    (s.window < UINT32_MAX / 4 &&
		    nf_spool_memory(&s, 44) < memory / 3);
	ok(bad == 0, "windows of whole blocks of whole batches fill memory");
	ok(nf_spool_fit(&s, 44, 500, 1000 * row, &err) == 0 &&
	    s.block == 500 && s.window == 1000, "two batches are enough");
	ok(nf_spool_fit(&s, 44, 500, 1000 * row - 1, &err) == -1 &&
	    err.code == NF_ESYS, "less are not: %s", err.msg);
}

int
main(void)
{
	test_sizes();
	test_orders(64, 640);
	test_orders(100, 2500);
	test_orders(1, 3);
	test_orders(10007, 20014);
	test_orders(5000, 10000);
	return done();
}
