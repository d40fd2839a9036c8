/*
 * CPU: matrix products.
 *
 * Every element is one chain of fused multiply-adds, begun with what is added
 * to it and taken in the order of the inner index, in one accumulator.  So
 * its bits depend on its operands alone: not on the number of rows, on its
 * place among them, on the threads or (where there is fma) on the machine,
 * which no BLAS promises.  The kernel holds ROWS x up to 3 vectors in
 * registers; weights come packed in panels as wide as that.
 *
 * This file is compiled with -ffp-contract=fast: a * b + c is the fma.
 */
#include <string.h>

#include "cpu.h"

#if defined(__AVX512F__)
#define VECTOR	64
#define ROWS	8
#elif defined(__AVX2__)
#define VECTOR	32
#define ROWS	4
#elif defined(__aarch64__)
#define VECTOR	16
#define ROWS	8
#else
#define VECTOR	16
#define ROWS	4
#endif

typedef nf_real vec __attribute__((vector_size(VECTOR),
    aligned(sizeof(nf_real)), may_alias));

#define LANES	(VECTOR / sizeof(nf_real))
#define WIDE	(3 * LANES)		/* columns of a full panel */
#define ALWAYS	static inline __attribute__((always_inline))

/* ---- panels ----------------------------------------------------------- */

/*
 * n columns are cut into panels of 3 vectors and, so that none is left with
 * one, of 2 at the end.  All panels before column n0 take n0 * k numbers.
 */
static uint32_t
panel_width(uint32_t n, uint32_t at)
{
	uint32_t left = (uint32_t)((n - at + LANES - 1) / LANES);

	if (left == 4 || left == 2)
		return (uint32_t)(2 * LANES);
	return (uint32_t)((left < 3 ? left : 3) * LANES);
}

size_t
cpu_packed_size(uint32_t k, uint32_t n)
{
	return (size_t)k * ((n + LANES - 1) / LANES * LANES);
}

/* Columns [at, at + wide) of b, of which those from n on are 0. */
static void
pack_panel(int trans, uint32_t k, uint32_t n, const nf_real *b, size_t ldb,
    uint32_t at, uint32_t wide, nf_real *p)
{
	uint32_t m = n - at < wide ? n - at : wide, i, j, i0;

	if (m < wide)
		memset(p, 0, (size_t)k * wide * sizeof(*p));
	if (!trans) {
		for (i = 0; i < k; i++)
			memcpy(p + (size_t)i * wide, b + i * ldb + at,
			    m * sizeof(*p));
		return;
	}
	for (i0 = 0; i0 < k; i0 += 16)	/* a line of b, lines of p in cache */
		for (j = 0; j < m; j++)
			for (i = i0; i < k && i < i0 + 16; i++)
				p[(size_t)i * wide + j] =
				    b[(at + j) * ldb + i];
}

void
cpu_pack_part(int trans, uint32_t k, uint32_t n, const nf_real *b, size_t ldb,
    uint32_t i, uint32_t nthread, nf_real *packed)
{
	uint32_t at, wide, j = 0;

	for (at = 0; at < n; at += wide) {
		wide = panel_width(n, at);
		if (j++ % nthread == i)
			pack_panel(trans, k, n, b, ldb, at, wide,
			    packed + (size_t)at * k);
	}
}

/* ---- kernels ---------------------------------------------------------- */

/* What the accumulators begin with: 0, a bias (of columns, of rows), or what
 * is there. */
enum start { ZERO, BIAS, SIDE, ADD };

struct tile {
	uint32_t k, ncol;		/* inner size; columns to write */
	const nf_real *a;		/* a[i * arow + k * acol] */
	size_t arow, acol;
	uint32_t nrun;			/* the inner sum goes on so often */
	size_t jump;			/* with a that is so much further */
	const nf_real *b;		/* nv vectors a row */
	size_t brow;
	enum start start;
	const nf_real *bias;
	nf_real *c;
	size_t ldc;
};

ALWAYS vec
spread(nf_real x)
{
	return x - (vec){ 0 };
}

/* A vector's worth of c or bias, of which ncol numbers exist. */
ALWAYS vec
load_part(const nf_real *p, uint32_t ncol)
{
	nf_real part[LANES] = { 0 };

	if (ncol >= LANES)
		return *(const vec *)p;
	memcpy(part, p, ncol * sizeof(*p));
	return *(const vec *)part;
}

ALWAYS void
store_part(nf_real *p, uint32_t ncol, vec v)
{
	if (ncol >= LANES)
		*(vec *)p = v;
	else
		memcpy(p, &v, ncol * sizeof(*p));
}

/* Columns of the tile that vector v holds. */
#define HAS(t, v) ((t)->ncol > (v) * LANES ? \
    (uint32_t)((t)->ncol - (v) * LANES) : 0)

ALWAYS void
kernel(const struct tile *t, int rows, int nv)
{
	const nf_real *a = t->a, *b = t->b;
	vec acc[ROWS][3], x[3], y;
	uint32_t k, run = 0;
	int i, v;

	for (i = 0; i < rows; i++)
		for (v = 0; v < nv; v++)
			acc[i][v] = t->start == ZERO ? (vec){ 0 } :
			    t->start == SIDE ? spread(t->bias[i]) :
			    t->start == BIAS ? load_part(t->bias + v * LANES,
			    HAS(t, v)) : load_part(t->c + i * t->ldc +
			    v * LANES, HAS(t, v));
	do {
		for (k = 0; k < t->k; k++) {
#pragma GCC unroll 3
			for (v = 0; v < nv; v++)
				x[v] = *(const vec *)(b + v * LANES);
#pragma GCC unroll 8
			for (i = 0; i < rows; i++) {
				y = a[i * t->arow] - (vec){ 0 };
#pragma GCC unroll 3
				for (v = 0; v < nv; v++)
					acc[i][v] += y * x[v];
			}
			a += t->acol;
			b += t->brow;
		}
		a += t->jump;
	} while (run++ < t->nrun);
	for (i = 0; i < rows; i++)
		for (v = 0; v < nv; v++)
			store_part(t->c + i * t->ldc + v * LANES, HAS(t, v),
			    acc[i][v]);
}

/* The kernel for constants of rows and vectors; acol is 1 or not. */
#define CASE(n)							\
	case n:								\
		kernel(t, n, nv);					\
		break;

ALWAYS void
kernel_rows(const struct tile *t, uint32_t rows, int nv)
{
	switch (rows) {
	CASE(1) CASE(2) CASE(3) CASE(4)
#if ROWS > 4
	CASE(5) CASE(6) CASE(7) CASE(8)
#endif
	}
}

static void __attribute__((noinline))
kernel_any(const struct tile *t, uint32_t rows, uint32_t wide)
{
	if (wide == WIDE)
		kernel_rows(t, rows, 3);
	else if (wide == 2 * LANES)
		kernel_rows(t, rows, 2);
	else
		kernel_rows(t, rows, 1);
}

/* Rows that are wanted soon, brought into cache a few at a time. */
struct ahead {
	uint32_t left, step;		/* rows; how many at a time */
	struct {
		const char *p;
		size_t nbyte, ld;	/* of a row; to the next */
	} part[2];
};

static void
fetch_ahead(struct ahead *h)
{
	uint32_t i, k;
	size_t j;

	for (i = 0; i < h->step && h->left > 0; i++, h->left--)
		for (k = 0; k < 2; h->part[k].p += h->part[k].ld, k++)
			for (j = 0; j < h->part[k].nbyte; j += 64)
				__builtin_prefetch(h->part[k].p + j, 0, 2);
}

/* All m rows of one panel. */
static void
panel_rows(struct tile *t, uint32_t m, uint32_t wide, struct ahead *h)
{
	uint32_t i, rows;

	for (i = 0; i < m; i += rows) {
		rows = m - i < ROWS ? m - i : ROWS;
		kernel_any(t, rows, wide);
		t->a += rows * t->arow;
		t->c += rows * t->ldc;
		if (t->start == SIDE)
			t->bias += rows;
		if (h != NULL && h->left > 0)
			fetch_ahead(h);
	}
}

/* ---- products --------------------------------------------------------- */

#define SOME_ROWS	64		/* of a, that stay in a core's cache */

/* Rows of a and c to be fetched while m x n are made. */
static void
aim(struct ahead *h, uint32_t m, uint32_t n, uint32_t left, const nf_real *a,
    const nf_real *c)
{
	uint32_t ncall = (m + ROWS - 1) / ROWS *
	    (uint32_t)((n + WIDE - 1) / WIDE);

	h->left = left;
	h->step = (left + ncall - 1) / (ncall > 0 ? ncall : 1);
	h->part[0].p = (const char *)a;
	h->part[1].p = (const char *)c;
}

/* bias: of columns, or of rows if that is how the sums start. */
static void
product(enum start start, uint32_t m, uint32_t n, uint32_t k,
    const nf_real *a, size_t lda, const nf_real *packed, const nf_real *bias,
    nf_real *c, size_t ldc)
{
	struct tile t = { .k = k, .arow = lda, .acol = 1, .ldc = ldc,
		.start = start };
	struct ahead h = { .part = {
		{ NULL, k * sizeof(*a), lda * sizeof(*a) },
		{ NULL, n * sizeof(*c), ldc * sizeof(*c) } } };
	uint32_t at, wide, i, some;

	for (i = 0; i < m; i += some, a += some * lda, c += some * ldc) {
		some = m - i < SOME_ROWS ? m - i : SOME_ROWS;
		aim(&h, some, n, m - i - some < SOME_ROWS ? m - i - some :
		    SOME_ROWS, a + some * lda, c + some * ldc);
		for (at = 0; at < n; at += wide) {
			wide = panel_width(n, at);
			t.ncol = n - at < wide ? n - at : wide;
			t.a = a;
			t.b = packed + (size_t)at * k;
			t.brow = wide;
			t.bias = start == SIDE ? bias + i :
			    start == BIAS ? bias + at : NULL;
			t.c = c + at;
			panel_rows(&t, some, wide, &h);
		}
	}
}

void
cpu_product(uint32_t m, uint32_t n, uint32_t k, const nf_real *a, size_t lda,
    const nf_real *packed, const nf_real *bias, int add, nf_real *c,
    size_t ldc)
{
	product(add ? ADD : bias != NULL ? BIAS : ZERO, m, n, k, a, lda,
	    packed, bias, c, ldc);
}

void
cpu_product_side(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *packed, const nf_real *side, nf_real *c,
    size_t ldc)
{
	product(SIDE, m, n, k, a, lda, packed, side, c, ldc);
}

/* The panels of a few rows of the sum; whole ones of b are read in place. */
static void
some_sums(struct tile *t, uint32_t m, uint32_t n, const nf_real *a,
    const nf_real *b, size_t ldb, nf_real *c, nf_real *room, struct ahead *h)
{
	uint32_t at, wide;

	for (at = 0; at < n; at += wide) {
		wide = panel_width(n, at);
		t->ncol = n - at < wide ? n - at : wide;
		t->b = b + at;
		t->brow = ldb;
		if (t->ncol < wide) {
			pack_panel(0, t->k * (t->nrun + 1), n, b, ldb, at,
			    wide, room);
			t->b = room;
			t->brow = wide;
		}
		t->a = a;
		t->c = c + at;
		panel_rows(t, m, wide, h);
	}
}

void
cpu_product_t(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *b, size_t ldb, int add, nf_real *c, size_t ldc,
    nf_real *room)
{
	struct tile t = { .arow = 1, .acol = lda, .ldc = ldc };
	struct ahead h = { .part = {
		{ NULL, m * sizeof(*a), lda * sizeof(*a) },
		{ NULL, n * sizeof(*b), ldb * sizeof(*b) } } };
	uint32_t i;

	for (i = 0; i < k; i += t.k) {
		t.k = k - i < CPU_INNER ? k - i : CPU_INNER;
		t.start = add || i > 0 ? ADD : ZERO;
		aim(&h, m, n, k - i - t.k < CPU_INNER ? k - i - t.k :
		    CPU_INNER, a + (i + t.k) * lda, b + (i + t.k) * ldb);
		some_sums(&t, m, n, a + i * lda, b + i * ldb, ldb, c, room,
		    &h);
	}
}

void
cpu_product_rows(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, uint32_t nrun, size_t next, const nf_real *b, size_t ldb,
    int add, nf_real *c, size_t ldc, nf_real *room)
{
	struct tile t = { .k = k, .arow = lda, .acol = 1, .ldc = ldc,
		.nrun = nrun - 1, .jump = next - k,
		.start = add ? ADD : ZERO };

	some_sums(&t, m, n, a, b, ldb, c, room, NULL);
}

void
cpu_product_columns(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *packed, int add, nf_real *c, size_t ldc)
{
	struct tile t = { .k = k, .arow = 1, .acol = lda, .ldc = ldc,
		.start = add ? ADD : ZERO };
	uint32_t at, wide;

	for (at = 0; at < n; at += wide) {
		wide = panel_width(n, at);
		t.ncol = n - at < wide ? n - at : wide;
		t.a = a;
		t.b = packed + (size_t)at * k;
		t.brow = wide;
		t.c = c + at;
		panel_rows(&t, m, wide, NULL);
	}
}

size_t
cpu_product_room(uint32_t k)
{
	return (k > CPU_INNER ? k : CPU_INNER) * WIDE * sizeof(nf_real);
}
