/* CPU: splines, forward and inverse, with the linear layer before them. */
#include <math.h>
#include <string.h>

#include "cpu_bins.h"
#include "cpu_spline.h"

#define MANY_ROWS	512

static size_t
cpu_spline_keep(struct nf_dev *d, uint32_t n, const struct nf_spline *s)
{
	(void)d;
	return (size_t)n * s->nt * (2 * s->bins * sizeof(nf_real) +
	    sizeof(struct cpu_kept));
}

/* ---- a run of rows of one feature ------------------------------------- */

#define LANES	64			/* rows of a run */

/* Their values and bins, each an array, for loops over rows. */
struct run {
	uint32_t n;
	int32_t k[LANES];		/* -1: outside the box */
	double v[LANES], x[LANES], w[LANES], y[LANES], h[LANES];
	double d[2][LANES], slope[2][LANES];	/* logits, then derivatives */
	double inv[2][LANES], before[2][LANES];
	double out[LANES], logdet[LANES];
	uint64_t clamped[LANES];
};

/* Rows on their way: a tile of all features. */
struct tile {
	const struct nf_spline *s;
	uint32_t n, nrow;		/* of the batch, of the tile */
	uint64_t first;
	struct nf_mat h, x;
	double *logdet;
	void *keep;
	int inverse;
	uint64_t clamped;
	uint32_t most;			/* rows of a tile */
	nf_real *room;
};

/* Row r's bin on both axes, found by the value (inverse: on the heights'). */
static void
find_row(const struct tile *t, struct run *q, uint32_t r, const nf_real *e)
{
	const struct nf_spline *s = t->s;
	double cum[2][MAX_BLOCK + 1], T = s->tail_bound;
	double least[2] = { s->min_width, s->min_height };
	uint32_t K = s->bins, k;
	int by = t->inverse;
	struct side x, y;

	add_up(K, e, cum[0]);
	add_up(K, e + K, cum[1]);
	k = find_bin(K, least[by], e + by * K, cum[by],
	    (q->v[r] + T) / (2 * T));
	x = side_of(K, least[0], e, cum[0], k);
	y = side_of(K, least[1], e + K, cum[1], k);
	q->k[r] = (int32_t)k;
	q->x[r] = 2 * T * x.lo - T;
	q->w[r] = 2 * T * x.size;
	q->y[r] = 2 * T * y.lo - T;
	q->h[r] = 2 * T * y.size;
	q->inv[0][r] = x.inv;
	q->inv[1][r] = y.inv;
	q->before[0][r] = x.before;
	q->before[1][r] = y.before;
}

/* The logit of the derivative at inner knot j of feature f. */
static double
derivative_logit(struct tile *t, uint32_t f, uint32_t j, const nf_real *h)
{
	const struct nf_linear *l = &t->s->final;
	size_t row = (size_t)f * (3 * t->s->bins - 1) + 2 * t->s->bins + j;
	nf_real raw = l->b[row] + cpu_dot(l->nin, h, l->w + row * l->nin);

	if (t->keep == NULL)
		t->clamped += bound_logits(1, &raw);
	return (double)raw;
}

/* Bound the logits of n rows; those of values in the box are counted. */
static void
bound_run(struct tile *t, uint32_t n, uint32_t f, uint64_t i, nf_real *e)
{
	size_t wide = 2 * (size_t)t->s->bins;
	uint32_t r, count;

	if (all_finite(n * wide, e))
		return;
	for (r = 0; r < n; r++) {
		count = bound_logits((uint32_t)wide, e + r * wide);
		if (fabs((double)t->x.x[(i + r) * t->x.ld + f]) <=
		    t->s->tail_bound)
			t->clamped += count;
	}
}

/* Bins of the run that begins with row i; e [n][2 bins] are its logits. */
static void
find_bins(struct tile *t, struct run *q, uint32_t f, uint64_t i, nf_real *e)
{
	uint32_t K = t->s->bins, r;
	int32_t last = (int32_t)K - 1;
	const nf_real *h;

	if (t->keep == NULL)
		bound_run(t, q->n, f, i, e);
	exponentials(q->n, K, (nf_real)t->s->logit_scale, e);
	for (r = 0; r < q->n; r++) {
		q->v[r] = (double)t->x.x[(i + r) * t->x.ld + f];
		q->d[0][r] = q->d[1][r] = 0;
		if (!(fabs(q->v[r]) <= t->s->tail_bound)) {
			/* Any bin will do: nothing of it is used. */
			q->k[r] = -1;
			q->x[r] = q->y[r] = 0;
			q->w[r] = q->h[r] = 1;
			continue;
		}
		find_row(t, q, r, e + r * 2 * (size_t)K);
		h = t->h.x + (i + r) * t->h.ld;
		if (q->k[r] > 0)
			q->d[0][r] = derivative_logit(t, f,
			    (uint32_t)q->k[r] - 1, h);
		if (q->k[r] < last)
			q->d[1][r] = derivative_logit(t, f,
			    (uint32_t)q->k[r], h);
	}
}

/* Derivatives from their logits; 1, and no slope, at the box's ends. */
static void
find_derivatives(struct run *q, double least, int32_t last)
{
	double d0, d1, s0, s1;
	uint32_t r;

#pragma omp simd
	for (r = 0; r < q->n; r++) {
		d0 = least + nf_softplus_both(q->d[0][r], &s0);
		d1 = least + nf_softplus_both(q->d[1][r], &s1);
		q->d[0][r] = q->k[r] <= 0 ? 1 : d0;
		q->d[1][r] = q->k[r] < 0 || q->k[r] == last ? 1 : d1;
		q->slope[0][r] = q->k[r] <= 0 ? 0 : s0;
		q->slope[1][r] = q->k[r] < 0 || q->k[r] == last ? 0 : s1;
	}
}

static void
evaluate(struct run *q, int inverse)
{
	uint32_t r;

	if (inverse)
#pragma omp simd
		for (r = 0; r < q->n; r++) {
			struct nf_bin b = { q->x[r], q->w[r], q->y[r],
				q->h[r], q->d[0][r], q->d[1][r] };
			uint64_t clamped = 0;

			q->out[r] = nf_rqs_inverse(&b, q->v[r],
			    &q->logdet[r], &clamped);
			q->clamped[r] = clamped;
		}
	else
#pragma omp simd
		for (r = 0; r < q->n; r++) {
			struct nf_bin b = { q->x[r], q->w[r], q->y[r],
				q->h[r], q->d[0][r], q->d[1][r] };

			q->out[r] = nf_rqs_forward(&b, q->v[r],
			    &q->logdet[r]);
			q->clamped[r] = 0;
		}
}

/* What leaves the box is left as it is. */
static void
put_values(struct tile *t, const struct run *q, uint32_t f, uint64_t i)
{
	uint32_t r;

	for (r = 0; r < q->n; r++) {
		if (q->k[r] < 0)
			continue;
		t->x.x[(i + r) * t->x.ld + f] = (nf_real)q->out[r];
		t->logdet[i + r] += q->logdet[r];
		t->clamped += q->clamped[r];
	}
}

static void
keep_bins(const struct run *q, struct cpu_kept *kept)
{
	uint32_t r;

	for (r = 0; r < q->n; r++) {
		kept[r].bin = (struct nf_bin){ q->x[r], q->w[r], q->y[r],
			q->h[r], q->d[0][r], q->d[1][r] };
		kept[r].v = q->v[r];
		kept[r].inv[0] = q->inv[0][r];
		kept[r].inv[1] = q->inv[1][r];
		kept[r].before[0] = q->before[0][r];
		kept[r].before[1] = q->before[1][r];
		kept[r].slope[0] = q->slope[0][r];
		kept[r].slope[1] = q->slope[1][r];
		kept[r].k = q->k[r];
	}
}

/* ---- tiles ------------------------------------------------------------ */

/* The logits of widths and heights of feature f, the tile's rows. */
static void
product(const struct tile *t, uint32_t f, nf_real *logit)
{
	const struct nf_linear *l = &t->s->final;
	size_t row = (size_t)f * (3 * t->s->bins - 1);
	const nf_real *h = t->h.x + t->first * t->h.ld;
	uint32_t wide = 2 * t->s->bins;

	if (l->packed != NULL)
		cpu_product(t->nrow, wide, l->nin, h, t->h.ld,
		    (const nf_real *)l->packed +
		    f * cpu_packed_size(l->nin, wide), l->b + row, 0, logit,
		    wide);
	else
		cpu_product_pack(1, t->nrow, wide, l->nin, h, t->h.ld,
		    l->w + row * l->nin, l->nin, l->b + row, 0, logit, wide,
		    t->room);
}

static void
one_tile(struct tile *t, nf_real *logit)
{
	const struct nf_spline *s = t->s;
	size_t wide = 2 * s->bins, at;
	struct cpu_kept *kept = cpu_kept(t->n, s, t->keep);
	struct run q;
	uint32_t f, r;

	for (f = 0; f < s->nt; f++) {
		at = f * (size_t)t->n + t->first;
		if (t->keep != NULL)
			logit = (nf_real *)t->keep + at * wide;
		product(t, f, logit);
		for (r = 0; r < t->nrow; r += q.n) {
			q.n = t->nrow - r < LANES ? t->nrow - r : LANES;
			find_bins(t, &q, f, t->first + r, logit + r * wide);
			find_derivatives(&q, s->min_derivative,
			    (int32_t)s->bins - 1);
			evaluate(&q, t->inverse);
			put_values(t, &q, f, t->first + r);
			if (t->keep != NULL)
				keep_bins(&q, &kept[at + r]);
		}
	}
}

static void
all_tiles(struct nf_dev *d, const struct tile *all)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint64_t clamped = 0;
	uint32_t me;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1) reduction(+ : clamped)
	for (me = 0; me < c->nthread; me++) {
		struct tile t = *all;
		nf_real *logit;
		uint64_t lo, hi;

		/* Packing on the way pays with more rows. */
		t.most = t.s->final.packed != NULL ? NF_CPU_TILE : MANY_ROWS;
		logit = cpu_scratch(c, me, sizeof(*logit) * t.most * 2 *
		    t.s->bins + cpu_product_room(t.s->final.nin));
		if (logit != NULL)
			t.room = logit + (size_t)t.most * 2 * t.s->bins;
		cpu_split(t.n, me, c->nthread, 16, &lo, &hi);
		for (t.first = lo; t.first < hi && !c->oom;
		    t.first += t.nrow) {
			t.nrow = hi - t.first < t.most ?
			    (uint32_t)(hi - t.first) : t.most;
			one_tile(&t, logit);
		}
		clamped += t.clamped;
	}
	d->clamped += clamped;
}

static void
cpu_spline(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet, void *keep)
{
	struct tile t = { .s = s, .n = n, .h = h, .x = x, .logdet = logdet,
		.keep = keep };

	all_tiles(d, &t);
}

static void
cpu_spline_inverse(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet)
{
	struct tile t = { .s = s, .n = n, .h = h, .x = x, .logdet = logdet,
		.inverse = 1 };

	all_tiles(d, &t);
}

void
cpu_spline_ops(struct nf_ops *t)
{
	t->spline_keep = cpu_spline_keep;
	t->spline = cpu_spline;
	t->spline_inverse = cpu_spline_inverse;
}
