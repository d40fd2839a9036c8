/* CPU: splines, forward and inverse, with the linear layer before them. */
#include <math.h>
#include <string.h>

#include "cpu_bins.h"

static size_t
cpu_spline_keep(struct nf_dev *d, uint32_t n, const struct nf_spline *s)
{
	(void)d;
	return (n + TILE - 1) / TILE * cpu_kept_size(s);
}

/* Rows on their way: a tile of all features. */
struct tile {
	const struct nf_spline *s;
	uint32_t nrow;
	struct nf_mat h, x;		/* of the whole batch */
	uint64_t first;			/* the tile's first row in them */
	double *logdet;
	void *keep;
	int inverse;
	uint64_t clamped;
	nf_real *hidden, *logit;	/* packed h, one feature's logits */
};

/* The bins of LANES values, on the way to what becomes of those. */
struct bins {
	double v[LANES];		/* the argument; outside the box, 0 */
	double x[LANES], w[LANES], y[LANES], h[LANES];
	double d[2][LANES];		/* derivatives; first their logits */
	double slope[2][LANES];		/* of their softplus */
	double inv[2][LANES], before[2][LANES];		/* as cpu_kept's */
	int32_t k[LANES];		/* the bin; outside the box, -1 */
};

/* ---- the values' bins ------------------------------------------------- */

/* Bound the logits of widths and heights; count those of rows in the box. */
static void
bound_logits(struct tile *t, const struct bins *q, nf_real *e)
{
	uint64_t count;
	uint32_t r, m;

	if (all_finite(2 * t->s->bins, e))
		return;
	for (r = 0; r < LANES; r++) {
		count = 0;
		for (m = 0; m < 2 * t->s->bins; m++)
			e[m * TILE + r] = bound_logit(e[m * TILE + r], &count);
		t->clamped += q->k[r] < 0 ? 0 : count;
	}
}

static void
search(const struct tile *t, struct bins *q, nf_real *e)
{
	const struct nf_spline *s = t->s;
	double least[2] = { s->min_width, s->min_height };
	nf_real *axis[2] = { e, e + (size_t)s->bins * TILE };
	double u[LANES], T = s->tail_bound;
	uint32_t K = s->bins, by = t->inverse, r;
	int32_t k[LANES];

	exponentials(K, (nf_real)s->logit_scale, axis[0]);
	exponentials(K, (nf_real)s->logit_scale, axis[1]);
#pragma omp simd
	for (r = 0; r < LANES; r++)
		u[r] = (q->v[r] + T) / (2 * T);
	add_up(K, axis[by], q->inv[by]);
	find_bins(K, least[by], axis[by], q->inv[by], u, k, q->before[by]);
	add_before(K, axis[!by], k, q->inv[!by], q->before[!by]);
	place_bins(K, least[0], T, axis[0], k, q->inv[0], q->before[0], q->x,
	    q->w);
	place_bins(K, least[1], T, axis[1], k, q->inv[1], q->before[1], q->y,
	    q->h);
	for (r = 0; r < LANES; r++)
		q->k[r] = q->k[r] < 0 ? -1 : k[r];
}

/* ---- their derivatives ------------------------------------------------ */

/* Logits of the derivatives at both ends of a bin, where those are inside. */
static void
look_up(const struct nf_spline *s, struct bins *q, const nf_real *e)
{
	uint32_t last = s->bins - 2, r, lo, hi;

	e += 2 * (size_t)s->bins * TILE;
	for (r = 0; r < LANES; r++) {
		lo = q->k[r] > 0 ? (uint32_t)q->k[r] - 1 : 0;
		hi = q->k[r] < 0 ? 0 : (uint32_t)q->k[r];
		hi = hi < last ? hi : last;
		q->d[0][r] = (double)e[lo * TILE + r];
		q->d[1][r] = (double)e[hi * TILE + r];
	}
}

/* h times a and times b, each in LANES sums. */
static void
two_dots(uint32_t n, const nf_real *h, const nf_real *a, const nf_real *b,
    nf_real *ha, nf_real *hb)
{
	nf_real s[LANES] = { 0 }, t[LANES] = { 0 };
	uint32_t j, m;

	for (; n >= LANES; n -= LANES, h += LANES, a += LANES, b += LANES)
#pragma omp simd
		for (j = 0; j < LANES; j++) {
			s[j] = NF_FMA(h[j], a[j], s[j]);
			t[j] = NF_FMA(h[j], b[j], t[j]);
		}
	for (j = 0; j < n; j++) {
		s[j] = NF_FMA(h[j], a[j], s[j]);
		t[j] = NF_FMA(h[j], b[j], t[j]);
	}
#pragma GCC unroll 4
	for (m = LANES / 2; m > 0; m /= 2)
#pragma GCC unroll 8
		for (j = 0; j < m; j++) {
			s[j] += s[j + m];
			t[j] += t[j + m];
		}
	*ha = s[0];
	*hb = t[0];
}

/* The same logits where the product left them out; h: the first row's. */
static void
multiply_out(const struct tile *t, uint32_t f, const nf_real *h,
    struct bins *q)
{
	const struct nf_linear *l = &t->s->final;
	size_t row0 = (size_t)f * (3 * t->s->bins - 1) + 2 * t->s->bins;
	size_t H = l->nin, lo, hi, last = t->s->bins - 2;
	nf_real a, b;
	uint32_t r;

	for (r = 0; r < LANES; r++, h += t->h.ld) {
		q->d[0][r] = q->d[1][r] = 0;
		if (q->k[r] < 0)
			continue;
		lo = row0 + (q->k[r] > 0 ? (size_t)q->k[r] - 1 : 0);
		hi = row0 + ((size_t)q->k[r] < last ? (size_t)q->k[r] : last);
		two_dots(l->nin, h, l->w + lo * H, l->w + hi * H, &a, &b);
		q->d[0][r] = (double)(l->b[lo] + a);
		q->d[1][r] = (double)(l->b[hi] + b);
	}
}

static void
bound_derivatives(struct tile *t, struct bins *q)
{
	int32_t last = (int32_t)t->s->bins - 1;
	uint64_t low, high;
	uint32_t r;

	for (r = 0; r < LANES; r++) {
		if (isfinite(q->d[0][r] + q->d[1][r]))
			continue;
		low = high = 0;
		q->d[0][r] = (double)bound_logit((nf_real)q->d[0][r], &low);
		q->d[1][r] = (double)bound_logit((nf_real)q->d[1][r], &high);
		t->clamped += q->k[r] > 0 ? low : 0;
		t->clamped += q->k[r] >= 0 && q->k[r] < last ? high : 0;
	}
}

/* Derivatives from their logits; 1, and no slope, at the box's ends. */
static void
find_derivatives(struct bins *q, double least, int32_t last)
{
	double s0, s1, d0, d1;
	uint32_t r;

#pragma omp simd
	for (r = 0; r < LANES; r++) {
		d0 = least + nf_softplus_both(q->d[0][r], &s0);
		d1 = least + nf_softplus_both(q->d[1][r], &s1);
		q->d[0][r] = q->k[r] <= 0 ? 1 : d0;
		q->d[1][r] = q->k[r] == last ? 1 : d1;
		q->slope[0][r] = q->k[r] <= 0 ? 0 : s0;
		q->slope[1][r] = q->k[r] == last ? 0 : s1;
	}
}

/* ---- values ----------------------------------------------------------- */

/* What becomes of LANES values. */
struct outcome {
	double v[LANES], logdet[LANES];
	uint64_t clamped[LANES];
};

static void
evaluate(const struct bins *q, struct outcome *o, int inverse)
{
	uint32_t r;

	if (inverse)
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			struct nf_bin b = { q->x[r], q->w[r], q->y[r],
				q->h[r], q->d[0][r], q->d[1][r] };
			uint64_t clamped = 0;

			o->v[r] = nf_rqs_inverse(&b, q->v[r], &o->logdet[r],
			    &clamped);
			o->clamped[r] = clamped;
		}
	else
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			struct nf_bin b = { q->x[r], q->w[r], q->y[r],
				q->h[r], q->d[0][r], q->d[1][r] };

			o->v[r] = nf_rqs_forward(&b, q->v[r], &o->logdet[r]);
			o->clamped[r] = 0;
		}
}

/*
 * Feature f of n rows from i.  Lanes without a row are outside the box, and
 * their logits are numbers.
 */
static void
get_values(const struct tile *t, uint32_t f, uint64_t i, uint32_t n,
    struct bins *q, nf_real *e)
{
	const nf_real *x = t->x.x + i * t->x.ld + f;
	uint32_t r, m;

	for (r = 0; r < LANES; r++) {
		q->v[r] = r < n ? (double)x[r * (size_t)t->x.ld] : HUGE_VAL;
		q->k[r] = fabs(q->v[r]) <= t->s->tail_bound ? 0 : -1;
		q->v[r] = q->k[r] < 0 ? 0 : q->v[r];
	}
	for (m = 0; n < LANES && m < cpu_wide(t->s); m++)
		memset(e + m * TILE + n, 0, (LANES - n) * sizeof(*e));
}

/* What leaves the box is left as it is. */
static void
put_values(struct tile *t, uint32_t f, uint64_t i, const struct bins *q,
    const struct outcome *o)
{
	uint32_t r;

	for (r = 0; r < LANES; r++) {
		if (q->k[r] < 0)
			continue;
		t->x.x[(i + r) * t->x.ld + f] = (nf_real)o->v[r];
		t->logdet[i + r] += o->logdet[r];
		t->clamped += o->clamped[r];
	}
}

static void
keep_bins(const struct bins *q, struct cpu_kept *kept)
{
	uint32_t r, j;

#pragma omp simd
	for (r = 0; r < LANES; r++) {
		kept->a[r] = (nf_real)nf_fraction((q->v[r] - q->x[r]) /
		    q->w[r]);
		kept->w[r] = q->w[r];
		kept->h[r] = q->h[r];
		kept->k[r] = q->k[r];
	}
	for (j = 0; j < 2; j++)
#pragma omp simd
		for (r = 0; r < LANES; r++) {
			kept->d[j][r] = (nf_real)q->d[j][r];
			kept->slope[j][r] = (nf_real)q->slope[j][r];
			kept->inv[j][r] = (nf_real)q->inv[j][r];
			kept->before[j][r] = (nf_real)q->before[j][r];
		}
}

/* n rows from i, at most LANES, of feature f; e: their columns of logits. */
static void
one_group(struct tile *t, uint32_t f, uint64_t i, uint32_t n, nf_real *e,
    struct cpu_kept *kept)
{
	const struct nf_spline *s = t->s;
	struct outcome o;
	struct bins q;

	get_values(t, f, i, n, &q, e);
	if (kept == NULL)
		bound_logits(t, &q, e);
	search(t, &q, e);
	if (s->bins <= FEW_BINS)
		look_up(s, &q, e);
	else
		multiply_out(t, f, t->h.x + i * t->h.ld, &q);
	if (kept == NULL)
		bound_derivatives(t, &q);
	find_derivatives(&q, s->min_derivative, (int32_t)s->bins - 1);
	evaluate(&q, &o, t->inverse);
	put_values(t, f, i, &q, &o);
	if (kept != NULL)
		keep_bins(&q, kept);
}

/* ---- tiles ------------------------------------------------------------ */

static void
one_tile(struct tile *t)
{
	const struct nf_spline *s = t->s;
	uint32_t H = s->final.nin, wide = cpu_wide(s), f, g;
	struct cpu_kept *kept = NULL;
	nf_real *logit = t->logit;
	size_t row = 0;

	if (t->keep != NULL) {
		logit = cpu_kept_logits(s, t->keep, t->first / TILE);
		kept = cpu_kept_bins(s, t->keep, t->first / TILE);
	}
	cpu_pack(1, H, t->nrow, t->h.x + t->first * t->h.ld, t->h.ld,
	    t->hidden);
	for (f = 0; f < s->nt; f++, row += 3 * s->bins - 1) {
		cpu_product_side(wide, t->nrow, H, s->final.w + row * H, H,
		    t->hidden, s->final.b + row, logit, TILE);
		for (g = 0; g < t->nrow; g += LANES)
			one_group(t, f, t->first + g, t->nrow - g < LANES ?
			    t->nrow - g : LANES, logit + g,
			    kept == NULL ? NULL : kept + g / LANES);
		if (kept != NULL) {
			logit += (size_t)wide * TILE;
			kept += NGROUP;
		}
	}
}

static void
all_tiles(struct nf_dev *d, uint32_t n, const struct tile *all)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint64_t clamped = 0;
	uint32_t me;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1) reduction(+ : clamped)
	for (me = 0; me < c->nthread; me++) {
		struct tile t = *all;
		size_t nhidden = cpu_packed_size(t.s->final.nin, TILE);
		uint64_t hi;

		t.hidden = cpu_scratch(c, me, sizeof(nf_real) *
		    (nhidden + cpu_wide(t.s) * TILE));
		if (t.hidden == NULL)
			continue;
		t.logit = t.hidden + nhidden;
		cpu_split(n, me, c->nthread, TILE, &t.first, &hi);
		for (; t.first < hi; t.first += t.nrow) {
			t.nrow = hi - t.first < TILE ?
			    (uint32_t)(hi - t.first) : TILE;
			one_tile(&t);
		}
		clamped += t.clamped;
	}
	d->clamped += clamped;
}

static void
cpu_spline(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet, void *keep)
{
	struct tile t = { .s = s, .h = h, .x = x, .logdet = logdet,
		.keep = keep };

	all_tiles(d, n, &t);
}

static void
cpu_spline_inverse(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet)
{
	struct tile t = { .s = s, .h = h, .x = x, .logdet = logdet,
		.inverse = 1 };

	all_tiles(d, n, &t);
}

void
cpu_spline_ops(struct nf_ops *t)
{
	t->spline_keep = cpu_spline_keep;
	t->spline = cpu_spline;
	t->spline_inverse = cpu_spline_inverse;
}
