/* CPU: the splines' gradients. */
#include <string.h>

#include "cpu_spline.h"
#include "fastmath.h"

/*
 * A thread's gradients of the weights, from the tiles that it takes: while a
 * tile's are in cache all is done that they are for.
 */
struct share {
	nf_real *dw;			/* as the whole: [nt P][H] */
	nf_real *db;			/* [nt P][LANES], to be added up */
	nf_real *packed, *room;		/* of products */
};

struct job {
	const struct nf_spline *s;
	struct nf_mat h, dx, dh;
	const nf_real *dlogdet;
	void *keep;
};

/* ---- the logits' ------------------------------------------------------ */

/* Of one axis, over its exponentials, before, behind and in the bin. */
struct slopes {
	nf_real lower[LANES], upper[LANES], here[LANES];
};

/*
 * Before the bin each probability moves the lower knot, in the bin its size;
 * softmax takes away the mean.  scale: box size, room left by the minima,
 * logit scale.
 */
static void
find_slopes(const nf_real *e, const int32_t *k, const nf_real *inv,
    const nf_real *before, const double *glo, const double *gsize,
    double scale, struct slopes *o)
{
	nf_real in[LANES];
	uint32_t r;

	for (r = 0; r < LANES; r++)
		in[r] = k[r] < 0 ? 0 : e[(size_t)k[r] * TILE + r];
#pragma omp simd
	for (r = 0; r < LANES; r++) {
		double all = (double)inv[r], p = (double)in[r] * all;
		double mean = (double)before[r] * glo[r] + p * gsize[r];

		o->lower[r] = (nf_real)((glo[r] - mean) * all * scale);
		o->upper[r] = (nf_real)(-mean * all * scale);
		o->here[r] = (nf_real)((gsize[r] - mean) * p * scale);
	}
}

/* sum [bins][LANES] is raised by what e becomes. */
static void
axis_grads(uint32_t bins, const struct slopes *s, const int32_t *k,
    nf_real *e, nf_real *sum)
{
	uint32_t r;
	int32_t m;

	for (m = 0; m < (int32_t)bins; m++, e += TILE, sum += LANES)
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			nf_real g = e[r] * (m < k[r] ? s->lower[r] :
			    s->upper[r]);

			g = m == k[r] ? s->here[r] : g;
			g = k[r] < 0 ? 0 : g;
			e[r] = g;
			sum[r] += g;
		}
}

/* Of all derivatives: but two of a row are 0. */
static void
derivative_grads(uint32_t bins, const nf_real *low, const nf_real *high,
    const int32_t *k, nf_real *e, nf_real *sum)
{
	uint32_t r;
	int32_t m;

	for (m = 0; m + 1 < (int32_t)bins; m++, e += TILE, sum += LANES)
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			nf_real g = m == k[r] ? high[r] : 0;

			g = m + 1 == k[r] ? low[r] : g;
			e[r] = g;
			sum[r] += g;
		}
}

/* ---- the values' ------------------------------------------------------ */

/* Gradients at LANES values and at their bins. */
struct group {
	double gout[LANES], gld[LANES];
	double v[LANES], x[LANES], w[LANES], y[LANES], h[LANES];
};

/* The kept slopes become the gradients of the two derivatives' logits. */
static void
bin_grads(struct cpu_kept *q, struct group *o)
{
	uint32_t r;

#pragma omp simd
	for (r = 0; r < LANES; r++) {
		struct nf_bin b = { 0, q->w[r], 0, q->h[r],
			(double)q->d[0][r], (double)q->d[1][r] };
		struct nf_bin_grad d;

		nf_rqs_grad(&b, (double)q->a[r] * b.w, o->gout[r], o->gld[r],
		    &d);
		o->v[r] = d.v;
		o->x[r] = d.x;
		o->w[r] = d.w;
		o->y[r] = d.y;
		o->h[r] = d.h;
		q->slope[0][r] *= (nf_real)d.d0;
		q->slope[1][r] *= (nf_real)d.d1;
	}
}

/*
 * Feature f of n rows from i, at most LANES; e: their columns of logits,
 * sum: of the feature's biases.
 */
static void
group_grads(const struct job *w, uint32_t f, uint64_t i, uint32_t n,
    struct cpu_kept *q, nf_real *e, nf_real *sum)
{
	const struct nf_spline *s = w->s;
	double box = 2 * s->tail_bound * s->logit_scale;
	nf_real *dx = w->dx.x + i * w->dx.ld + f;
	size_t K = s->bins, ld = w->dx.ld;
	struct slopes slopes;
	struct group o;
	uint32_t r;

	for (r = 0; r < LANES; r++) {
		o.gout[r] = r < n ? (double)dx[r * ld] : 0;
		o.gld[r] = r < n ? (double)w->dlogdet[i + r] : 0;
	}
	bin_grads(q, &o);
	find_slopes(e, q->k, q->inv[0], q->before[0], o.x, o.w,
	    box * (1 - s->min_width * s->bins), &slopes);
	axis_grads(s->bins, &slopes, q->k, e, sum);
	find_slopes(e + K * TILE, q->k, q->inv[1], q->before[1], o.y, o.h,
	    box * (1 - s->min_height * s->bins), &slopes);
	axis_grads(s->bins, &slopes, q->k, e + K * TILE, sum + K * LANES);
	if (K <= FEW_BINS)
		derivative_grads(s->bins, q->slope[0], q->slope[1], q->k,
		    e + 2 * K * TILE, sum + 2 * K * LANES);
	for (r = 0; r < n; r++)
		if (q->k[r] >= 0)
			dx[r * ld] = (nf_real)o.v[r];
}

/* ---- the hidden rows' and the weights' -------------------------------- */

static void
axpy(uint32_t n, nf_real a, const nf_real *x, nf_real *y)
{
	uint32_t j;

#pragma omp simd
	for (j = 0; j < n; j++)
		y[j] = NF_FMA(a, x[j], y[j]);
}

/*
 * What the two derivatives of each of n rows from i do, where products leave
 * them out; row: the feature's first one's, among all rows of logits.
 */
static void
two_rows(const struct job *w, uint64_t i, uint32_t n,
    const struct cpu_kept *kept, size_t row, const struct share *o)
{
	const struct nf_linear *l = &w->s->final;
	int32_t last = (int32_t)w->s->bins - 1;
	size_t H = l->nin, at;
	const nf_real *h;
	nf_real *dh, g;
	uint32_t r, j;

	for (r = 0; r < n; r++) {
		const struct cpu_kept *q = kept + r / LANES;
		int32_t k = q->k[r % LANES];

		h = w->h.x + (i + r) * w->h.ld;
		dh = w->dh.x + (i + r) * w->dh.ld;
		for (j = 0; k >= 0 && j < 2; j++) {
			if (k == (j == 0 ? 0 : last))
				continue;
			at = row + (size_t)k - 1 + j;
			g = q->slope[j][r % LANES];
			axpy(l->nin, g, l->w + at * H, dh);
			axpy(l->nin, g, h, o->dw + at * H);
			o->db[at * LANES + r % LANES] += g;
		}
	}
}

#define SOME_TILES 4			/* whose gradients stay in cache */

static uint32_t
tile_rows(uint32_t n)
{
	return n < TILE ? n : TILE;
}

/*
 * n rows from i: with the gradients of m rows of logits, `at` in a tile and
 * `row` of all, the hidden rows' and those weights'.  first: the thread's.
 */
static void
products(const struct job *w, uint64_t i, uint32_t n, int first, size_t at,
    uint32_t m, size_t row, const struct share *o)
{
	const struct nf_spline *s = w->s;
	const nf_real *h = w->h.x + i * w->h.ld;
	const nf_real *e = cpu_kept_logits(s, w->keep, i / TILE) + at * TILE;
	nf_real *dh = w->dh.x + i * w->dh.ld;
	size_t next = cpu_kept_size(s) / sizeof(*e), j;
	uint32_t H = s->final.nin, whole = n / TILE, left = n % TILE;

	cpu_pack(0, m, H, s->final.w + row * H, H, o->packed);
	for (j = 0; j * TILE < n; j++)
		cpu_product_columns(tile_rows(n - (uint32_t)j * TILE), H, m,
		    e + j * next, TILE, o->packed, at > 0,
		    dh + j * TILE * w->dh.ld, w->dh.ld);
	if (whole > 0)
		cpu_product_rows(m, H, TILE, e, TILE, whole, next, h,
		    w->h.ld, !first, o->dw + row * H, H, o->room);
	if (left > 0)
		cpu_product_rows(m, H, left, e + whole * next, TILE, 1, left,
		    h + (size_t)whole * TILE * w->h.ld, w->h.ld,
		    !first || whole > 0, o->dw + row * H, H, o->room);
}

/* n rows from i, of SOME_TILES; with few bins one product is for all. */
static void
some_grads(const struct job *w, uint64_t i, uint32_t n, int first,
    const struct share *o)
{
	const struct nf_spline *s = w->s;
	uint32_t wide = cpu_wide(s), P = 3 * s->bins - 1, f, r;
	struct cpu_kept *q;
	nf_real *e;

	for (f = 0; f < s->nt; f++) {
		for (r = 0; r < n; r += LANES) {
			e = cpu_kept_logits(s, w->keep, (i + r) / TILE);
			q = cpu_kept_bins(s, w->keep, (i + r) / TILE);
			group_grads(w, f, i + r, n - r < LANES ? n - r :
			    LANES, q + f * NGROUP + r % TILE / LANES,
			    e + (size_t)f * wide * TILE + r % TILE,
			    o->db + (size_t)f * P * LANES);
		}
		if (wide == P)
			continue;
		products(w, i, n, first, (size_t)f * wide, wide,
		    (size_t)f * P, o);
		for (r = 0; r < n; r += TILE) {
			q = cpu_kept_bins(s, w->keep, (i + r) / TILE);
			two_rows(w, i + r, tile_rows(n - r), q + f * NGROUP,
			    (size_t)f * P + wide, o);
		}
	}
	if (wide == P)
		products(w, i, n, first, 0, s->nt * P, 0, o);
}

/* ---- shares of threads ------------------------------------------------ */

static uint32_t
all_rows(const struct nf_spline *s)
{
	return s->nt * (3 * s->bins - 1);
}

/* Thread me's share; the last writes what all are added to. */
static int
take_share(struct nf_cpu *c, uint32_t me, const struct nf_spline *s,
    nf_real *dw, struct share *o)
{
	size_t row = all_rows(s), H = s->final.nin, f, P = 3 * s->bins - 1;
	size_t nsum = row * LANES, nroom = cpu_product_room(SOME_TILES * TILE);
	size_t nw = me + 1 == c->nthread ? 0 : row * H;
	size_t npacked = cpu_packed_size(P == cpu_wide(s) ? all_rows(s) :
	    cpu_wide(s), s->final.nin);

	o->db = cpu_scratch(c, me, (nsum + nw + npacked) * sizeof(*o->db) +
	    nroom);
	if (o->db == NULL)
		return -1;
	o->dw = nw == 0 ? dw : o->db + nsum;
	o->packed = o->db + nsum + nw;
	o->room = o->packed + npacked;
	memset(o->db, 0, nsum * sizeof(*o->db));
	for (f = 0; P != cpu_wide(s) && f < s->nt; f++)
		memset(o->dw + (f * P + 2 * s->bins) * H, 0,
		    (s->bins - 1) * H * sizeof(*dw));
	return 0;
}

/* Add up all shares of some rows of the weights. */
static void
add_shares(const struct nf_cpu *c, uint32_t n, uint64_t lo, uint64_t hi,
    const struct nf_spline *s, nf_real *dw, nf_real *db)
{
	size_t H = s->final.nin, k;
	uint64_t first, end;
	const nf_real *from;
	uint32_t i, r;

	memset(db + lo, 0, (hi - lo) * sizeof(*db));
	for (i = 0; i < c->nthread; i++) {
		cpu_split(n, i, c->nthread, TILE, &first, &end);
		if (first == end)
			continue;
		from = c->scratch[i];
		for (k = lo; k < hi; k++)
			for (r = 0; r < LANES; r++)
				db[k] += from[k * LANES + r];
		from += (size_t)all_rows(s) * LANES;
		if (i + 1 == c->nthread)
			continue;
#pragma omp simd
		for (k = lo * H; k < hi * H; k++)
			dw[k] += from[k];
	}
}

static void
cpu_spline_grad(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const nf_real *dlogdet, struct nf_mat dx,
    struct nf_mat dh, nf_real *dw, nf_real *db)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	struct job w = { s, h, dx, dh, dlogdet, keep };
	uint32_t me;

#pragma omp parallel num_threads(c->nthread) if (c->nthread > 1)
	{
#pragma omp for schedule(static, 1)
		for (me = 0; me < c->nthread; me++) {
			uint64_t lo, hi, i;
			struct share o;

			cpu_split(n, me, c->nthread, TILE, &lo, &hi);
			if (lo == hi || take_share(c, me, s, dw, &o) == -1)
				continue;
			for (i = lo; i < hi; i += SOME_TILES * TILE)
				some_grads(&w, i, hi - i < SOME_TILES * TILE ?
				    (uint32_t)(hi - i) : SOME_TILES * TILE,
				    i == lo, &o);
		}
#pragma omp for schedule(static, 1)
		for (me = 0; me < c->nthread; me++) {
			uint64_t lo, hi;

			cpu_split(all_rows(s), me, c->nthread, 1, &lo, &hi);
			if (!c->oom)
				add_shares(c, n, lo, hi, s, dw, db);
		}
	}
}

void
cpu_spline_grad_ops(struct nf_ops *t)
{
	t->spline_grad = cpu_spline_grad;
}
