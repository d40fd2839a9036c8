/* CPU: the splines' gradients. */
#include <string.h>

#include "cpu_spline.h"
#include "fastmath.h"

struct job {
	const struct nf_spline *s;
	uint32_t n;
	struct nf_mat h, dx, dh;
	const nf_real *dlogdet;
	void *keep;
	nf_real *dw, *db;
};

/* ---- the logits' ------------------------------------------------------ */

/*
 * The gradients of one axis' logits, over its exponentials, of LANES rows.
 * Before the bin each probability moves the lower knot, in the bin its size;
 * softmax takes away the mean.  scale: box size, room left by the minima,
 * logit scale.
 */
static void
axis_grads(uint32_t bins, nf_real *e, const int32_t *k, const double *inv,
    const double *before, const double *glo, const double *gsize,
    double scale)
{
	nf_real lower[LANES], upper[LANES], here[LANES], in[LANES];
	uint32_t r;
	int32_t m;

	for (r = 0; r < LANES; r++)
		in[r] = k[r] < 0 ? 0 : e[(size_t)k[r] * TILE + r];
#pragma omp simd
	for (r = 0; r < LANES; r++) {
		double p = (double)in[r] * inv[r];
		double mean = before[r] * glo[r] + p * gsize[r];

		lower[r] = (nf_real)((glo[r] - mean) * inv[r] * scale);
		upper[r] = (nf_real)(-mean * inv[r] * scale);
		here[r] = (nf_real)((gsize[r] - mean) * p * scale);
	}
	for (m = 0; m < (int32_t)bins; m++, e += TILE)
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			nf_real g = e[r] * (m < k[r] ? lower[r] : upper[r]);

			g = m == k[r] ? here[r] : g;
			e[r] = k[r] < 0 ? 0 : g;
		}
}

/* All derivatives' logits: but two of a row are 0. */
static void
derivative_grads(uint32_t bins, nf_real *e, const int32_t *k,
    const double *low, const double *high)
{
	nf_real g0[LANES], g1[LANES];
	uint32_t r;
	int32_t m;

#pragma omp simd
	for (r = 0; r < LANES; r++) {
		g0[r] = (nf_real)low[r];
		g1[r] = (nf_real)high[r];
	}
	for (m = 0; m + 1 < (int32_t)bins; m++, e += TILE)
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			nf_real g = m == k[r] ? g1[r] : 0;

			e[r] = m + 1 == k[r] ? g0[r] : g;
		}
}

/* Gradients at LANES values and at their bins. */
struct group {
	double gout[LANES], gld[LANES];
	double v[LANES], x[LANES], w[LANES], y[LANES], h[LANES];
	double d0[LANES], d1[LANES];
};

static void
bin_grads(const struct cpu_bins *q, struct group *o)
{
	uint32_t r;

#pragma omp simd
	for (r = 0; r < LANES; r++) {
		struct nf_bin b = { q->x[r], q->w[r], q->y[r], q->h[r],
			q->d[0][r], q->d[1][r] };
		struct nf_bin_grad d;

		nf_rqs_grad(&b, q->v[r], o->gout[r], o->gld[r], &d);
		o->v[r] = d.v;
		o->x[r] = d.x;
		o->w[r] = d.w;
		o->y[r] = d.y;
		o->h[r] = d.h;
		o->d0[r] = d.d0;
		o->d1[r] = d.d1;
	}
}

/* Feature f of n rows from i, at most LANES; e: their columns of logits. */
static void
group_grads(const struct job *w, uint32_t f, uint64_t i, uint32_t n,
    struct cpu_bins *q, nf_real *e)
{
	const struct nf_spline *s = w->s;
	double box = 2 * s->tail_bound * s->logit_scale;
	nf_real *dx = w->dx.x + i * w->dx.ld + f;
	size_t K = s->bins, ld = w->dx.ld;
	struct group o;
	uint32_t r;

	for (r = 0; r < LANES; r++) {
		o.gout[r] = r < n ? (double)dx[r * ld] : 0;
		o.gld[r] = r < n ? (double)w->dlogdet[i + r] : 0;
	}
	bin_grads(q, &o);
	axis_grads(s->bins, e, q->k, q->inv[0], q->before[0], o.x, o.w,
	    box * (1 - s->min_width * s->bins));
	axis_grads(s->bins, e + K * TILE, q->k, q->inv[1], q->before[1], o.y,
	    o.h, box * (1 - s->min_height * s->bins));
#pragma omp simd
	for (r = 0; r < LANES; r++) {
		q->slope[0][r] *= o.d0[r];
		q->slope[1][r] *= o.d1[r];
	}
	if (K <= FEW_BINS)
		derivative_grads(s->bins, e + 2 * K * TILE, q->k, q->slope[0],
		    q->slope[1]);
	for (r = 0; r < n; r++)
		if (q->k[r] >= 0)
			dx[r * ld] = (nf_real)o.v[r];
}

/* ---- the hidden rows' and the weights' -------------------------------- */

/* y += a x + b z: the rows of a bin's two derivatives, as far as they are. */
static void
add_two(uint32_t n, nf_real a, const nf_real *x, nf_real b, const nf_real *z,
    nf_real *y)
{
	uint32_t j;

#pragma omp simd
	for (j = 0; j < n; j++)
		y[j] = NF_FMA(b, z[j], NF_FMA(a, x[j], y[j]));
}

/* dh of a tile: the products of all features, and two rows each. */
static void
hidden_grad(const struct job *w, uint64_t first, uint32_t n, nf_real *room)
{
	const struct nf_spline *s = w->s;
	const struct cpu_bins *q = cpu_kept_bins(s, w->keep, first / TILE);
	const nf_real *e = cpu_kept_logits(s, w->keep, first / TILE), *row;
	size_t H = s->final.nin, P = 3 * s->bins - 1;
	nf_real *dh = w->dh.x + first * w->dh.ld;
	uint32_t wide = cpu_wide(s), f, r;

	if (wide == P) {
		cpu_product_t(n, s->final.nin, s->nt * wide, e, TILE,
		    s->final.w, H, 0, dh, w->dh.ld, room);
		return;
	}
	for (f = 0; f < s->nt; f++)
		cpu_product_t(n, s->final.nin, wide,
		    e + (size_t)f * wide * TILE, TILE,
		    s->final.w + f * P * H, H, f > 0, dh, w->dh.ld, room);
	for (f = 0; f < s->nt; f++, q += NGROUP)
		for (r = 0; r < n; r++) {
			const struct cpu_bins *b = q + r / LANES;
			int32_t last = (int32_t)s->bins - 2;
			int32_t k = b->k[r % LANES];

			if (k < 0)
				continue;
			/* The end of the box has a slope of 0. */
			row = s->final.w + (f * P + 2 * s->bins) * H;
			add_two(s->final.nin, (nf_real)b->slope[0][r % LANES],
			    row + (size_t)(k > 0 ? k - 1 : 0) * H,
			    (nf_real)b->slope[1][r % LANES],
			    row + (size_t)(k < last ? k : last) * H,
			    dh + r * (size_t)w->dh.ld);
		}
}

/* Rows [lo, hi) of feature f's logits, of those that the product makes. */
static void
weight_grad(const struct job *w, uint32_t f, uint32_t lo, uint32_t hi,
    nf_real *room)
{
	const struct nf_spline *s = w->s;
	size_t H = s->final.nin, row = (size_t)f * (3 * s->bins - 1) + lo;
	const nf_real *e;
	uint32_t n, m, r;
	uint64_t i;

	memset(w->db + row, 0, (hi - lo) * sizeof(*w->db));
	for (i = 0; i < w->n; i += n) {
		n = w->n - i < TILE ? (uint32_t)(w->n - i) : TILE;
		e = cpu_kept_logits(s, w->keep, i / TILE) +
		    ((size_t)f * cpu_wide(s) + lo) * TILE;
		cpu_product_rows(hi - lo, s->final.nin, n, e, TILE,
		    w->h.x + i * w->h.ld, w->h.ld, i > 0, w->dw + row * H, H,
		    room);
		for (m = 0; m < hi - lo; m++, e += TILE) {
			nf_real sum = 0;

			for (r = 0; r < n; r++)
				sum += e[r];
			w->db[row + m] += sum;
		}
	}
}

/* The weights of one feature's derivatives: two rows have a gradient. */
static void
derivative_grad(const struct job *w, uint32_t f)
{
	const struct nf_spline *s = w->s;
	size_t K = s->bins, row = f * (3 * K - 1) + 2 * K, H = s->final.nin;
	nf_real *dw = w->dw + row * H, *db = w->db + row, a, b;
	const struct cpu_bins *q;
	const nf_real *h;
	uint32_t i, j;
	int32_t k;

	memset(dw, 0, (K - 1) * H * sizeof(*dw));
	memset(db, 0, (K - 1) * sizeof(*db));
	for (i = 0; i < w->n; i++) {
		q = cpu_kept_bins(s, w->keep, i / TILE) + f * NGROUP +
		    i % TILE / LANES;
		k = q->k[i % LANES];
		a = (nf_real)q->slope[0][i % LANES];
		b = (nf_real)q->slope[1][i % LANES];
		h = w->h.x + (size_t)i * w->h.ld;
		if (k > 0) {
			nf_real *y = dw + (size_t)(k - 1) * H;

#pragma omp simd
			for (j = 0; j < H; j++)
				y[j] = NF_FMA(a, h[j], y[j]);
			db[k - 1] += a;
		}
		if (k >= 0 && k < (int32_t)K - 1) {
			nf_real *y = dw + (size_t)k * H;

#pragma omp simd
			for (j = 0; j < H; j++)
				y[j] = NF_FMA(b, h[j], y[j]);
			db[k] += b;
		}
	}
}

/* ---- shares of threads ------------------------------------------------ */

static void
tile_grads(const struct job *w, uint64_t first, uint32_t n, nf_real *room)
{
	const struct nf_spline *s = w->s;
	nf_real *e = cpu_kept_logits(s, w->keep, first / TILE);
	struct cpu_bins *q = cpu_kept_bins(s, w->keep, first / TILE);
	uint32_t f, g;

	for (f = 0; f < s->nt; f++, q += NGROUP, e += cpu_wide(s) * TILE)
		for (g = 0; g < n; g += LANES)
			group_grads(w, f, first + g, n - g < LANES ? n - g :
			    LANES, q + g / LANES, e + g);
	hidden_grad(w, first, n, room);
}

/* Thread me's share of all weights: rows of logits, in the order they are. */
static void
share_of_weights(const struct job *w, uint32_t me, uint32_t nthread,
    nf_real *room)
{
	uint32_t wide = cpu_wide(w->s), f, end;
	uint64_t lo, hi;

	cpu_split((uint64_t)w->s->nt * wide, me, nthread, 8, &lo, &hi);
	for (; lo < hi; lo += end - lo % wide) {
		f = (uint32_t)(lo / wide);
		end = hi - (uint64_t)f * wide < wide ?
		    (uint32_t)(hi - (uint64_t)f * wide) : wide;
		weight_grad(w, f, (uint32_t)(lo % wide), end, room);
	}
	if (w->s->bins <= FEW_BINS)
		return;
	cpu_split(w->s->nt, me, nthread, 1, &lo, &hi);
	for (; lo < hi; lo++)
		derivative_grad(w, (uint32_t)lo);
}

static void
cpu_spline_grad(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const nf_real *dlogdet, struct nf_mat dx,
    struct nf_mat dh, nf_real *dw, nf_real *db)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	struct job w = { .s = s, .n = n, .h = h, .dx = dx, .dh = dh,
		.dlogdet = dlogdet, .keep = keep, .dw = dw, .db = db };
	size_t nroom = cpu_product_room(TILE);
	uint32_t me;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		nf_real *room = cpu_scratch(c, me, nroom);
		uint64_t lo, hi;

		cpu_split(n, me, c->nthread, TILE, &lo, &hi);
		for (; lo < hi && room != NULL; lo += TILE)
			tile_grads(&w, lo, hi - lo < TILE ?
			    (uint32_t)(hi - lo) : TILE, room);
	}
	if (c->oom)
		return;
#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++)
		share_of_weights(&w, me, c->nthread, c->scratch[me]);
}

void
cpu_spline_grad_ops(struct nf_ops *t)
{
	t->spline_grad = cpu_spline_grad;
}
