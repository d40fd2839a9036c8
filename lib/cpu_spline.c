/* CPU: splines, forward and inverse, with the linear layer before them. */
#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "cpu_spline.h"
#include "fastmath.h"

#define MANY_ROWS	512

static size_t
cpu_spline_keep(struct nf_dev *d, uint32_t n, const struct nf_spline *s)
{
	(void)d;
	return (size_t)n * s->nt * (2 * s->bins * sizeof(nf_real) +
	    sizeof(struct cpu_kept));
}

/*
 * Logits become exponentials of their distance to the greatest; cum[b] is
 * the sum of those before block b, in double.
 */
static void
exponentials(uint32_t bins, nf_real scale, nf_real *e, double *cum)
{
	uint32_t m, j, b = 0, nb;
	nf_real top = e[0];
	double sum;

#pragma omp simd reduction(max : top)
	for (m = 0; m < bins; m++)
		top = e[m] > top ? e[m] : top;
	cum[0] = 0;
	for (m = 0; m < bins; m += nb) {
		nb = bins - m < BLOCK ? bins - m : BLOCK;
		sum = 0;
#pragma omp simd reduction(+ : sum)
		for (j = m; j < m + nb; j++) {
			e[j] = nf_exp((e[j] - top) * scale);
			sum += (double)e[j];
		}
		cum[b + 1] = cum[b] + sum;
		b++;
	}
}

/*
 * Logits that overflowed become the largest float, or 0 for a NaN, so that
 * the rest stays finite whatever the weights; returns how many.
 */
static uint32_t
bound_logits(uint32_t n, nf_real *logit)
{
	nf_real sum = 0;
	uint32_t m, count = 0;

#pragma omp simd reduction(+ : sum)
	for (m = 0; m < n; m++)
		sum += logit[m] * 0;
	if (sum == 0)
		return 0;
	for (m = 0; m < n; m++) {
		if (isfinite(logit[m]))
			continue;
		logit[m] = isnan(logit[m]) ? 0 :
		    logit[m] > 0 ? FLT_MAX : -FLT_MAX;
		count++;
	}
	return count;
}

/* One axis of the box as fractions of it: the bin's lower knot and size. */
struct side {
	double lo, size, before, inv;
};

/* Bin k's side, cum being what exponentials left. */
static struct side
side_of(uint32_t bins, double least, const nf_real *e, const double *cum,
    uint32_t k)
{
	double c = cum[k / BLOCK], room = 1 - least * bins;
	struct side s;
	uint32_t m;

	for (m = k / BLOCK * BLOCK; m < k; m++)
		c += (double)e[m];
	s.inv = 1 / cum[(bins + BLOCK - 1) / BLOCK];
	s.before = c * s.inv;
	s.lo = least * k + room * s.before;
	s.size = least + room * (double)e[k] * s.inv;
	return s;
}

/* The last bin whose lower knot is not above u, 0 <= u <= 1. */
static uint32_t
find_bin(uint32_t bins, double least, const nf_real *e, const double *cum,
    double u)
{
	uint32_t lo = 0, hi = (bins + BLOCK - 1) / BLOCK, b, k, end;
	double room = (1 - least * bins) / cum[hi], c;

	while (hi - lo > 1) {
		b = (lo + hi) / 2;
		if (least * (b * BLOCK) + room * cum[b] <= u)
			lo = b;
		else
			hi = b;
	}
	k = lo * BLOCK;
	end = k + BLOCK < bins ? k + BLOCK : bins;
	c = cum[lo];
	while (k + 1 < end) {
		c += (double)e[k];
		if (least * (k + 1) + room * c > u)
			break;
		k++;
	}
	return k;
}

/* In 16 sums, whatever the instruction set, so that all agree. */
typedef nf_real sums __attribute__((vector_size(16 * sizeof(nf_real)),
    aligned(sizeof(nf_real)), may_alias));

static nf_real
dot(uint32_t n, const nf_real *a, const nf_real *b)
{
	sums s = { 0 };
	uint32_t i, j;

	for (i = 0; i + 16 <= n; i += 16)
		s += *(const sums *)(a + i) * *(const sums *)(b + i);
	for (j = 0; i + j < n; j++)
		s[j] += a[i + j] * b[i + j];
	for (i = 8; i > 0; i /= 2)
		for (j = 0; j < i; j++)
			s[j] += s[j + i];
	return s[0];
}

/* The derivative at inner knot j of feature f, and its slope by the logit. */
static double
derivative(const struct nf_spline *s, uint32_t f, uint32_t j,
    const nf_real *h, int bound, double *slope)
{
	size_t row = (size_t)f * (3 * s->bins - 1) + 2 * s->bins + j;
	nf_real raw = s->final.b[row] +
	    dot(s->final.nin, h, s->final.w + row * s->final.nin);
	double logit;

	if (bound)
		bound_logits(1, &raw);
	logit = (double)raw;
	*slope = nf_softplus_slope(logit);
	return s->min_derivative + nf_softplus(logit);
}

/* The bin of v on the axis by (0 widths: forward, 1 heights: inverse). */
static void
make_bin(const struct nf_spline *s, uint32_t f, const nf_real *h, nf_real *e,
    double v, int by, int bound, struct cpu_kept *kept)
{
	double cum[2][MAX_BLOCK + 1], T = s->tail_bound;
	double least[2] = { s->min_width, s->min_height };
	struct nf_bin *b = &kept->bin;
	uint32_t K = s->bins, k;
	struct side x, y;

	exponentials(K, (nf_real)s->logit_scale, e, cum[0]);
	exponentials(K, (nf_real)s->logit_scale, e + K, cum[1]);
	k = find_bin(K, least[by], e + by * K, cum[by], (v + T) / (2 * T));
	x = side_of(K, least[0], e, cum[0], k);
	y = side_of(K, least[1], e + K, cum[1], k);
	b->x = 2 * T * x.lo - T;
	b->w = 2 * T * x.size;
	b->y = 2 * T * y.lo - T;
	b->h = 2 * T * y.size;
	kept->slope[0] = kept->slope[1] = 0;
	b->d0 = k == 0 ? 1 :
	    derivative(s, f, k - 1, h, bound, &kept->slope[0]);
	b->d1 = k == K - 1 ? 1 :
	    derivative(s, f, k, h, bound, &kept->slope[1]);
	kept->inv[0] = x.inv;
	kept->inv[1] = y.inv;
	kept->before[0] = x.before;
	kept->before[1] = y.before;
	kept->k = (int32_t)k;
}

/* A run of rows: one tile, all features. */
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

/* One value through its spline: what leaves the box is left as it is. */
static void
one_value(struct tile *t, uint32_t f, uint64_t i, nf_real *e,
    struct cpu_kept *kept)
{
	nf_real *x = t->x.x + i * t->x.ld + f;
	double v = (double)*x, ld;

	if (!(v >= -t->s->tail_bound && v <= t->s->tail_bound)) {
		kept->k = -1;
		return;
	}
	if (t->keep == NULL)
		t->clamped += bound_logits(2 * t->s->bins, e);
	kept->v = v;
	make_bin(t->s, f, t->h.x + i * t->h.ld, e, v, t->inverse,
	    t->keep == NULL, kept);
	*x = (nf_real)(t->inverse ?
	    nf_rqs_inverse(&kept->bin, v, &ld, &t->clamped) :
	    nf_rqs_forward(&kept->bin, v, &ld));
	t->logdet[i] += ld;
}

/* The logits of widths and heights of feature f, the tile's rows. */
static void
product(const struct tile *t, uint32_t f, nf_real *logit, size_t ld)
{
	const struct nf_linear *l = &t->s->final;
	size_t row = (size_t)f * (3 * t->s->bins - 1);
	const nf_real *h = t->h.x + t->first * t->h.ld;
	uint32_t wide = 2 * t->s->bins;

	if (l->packed != NULL)
		cpu_product(t->nrow, wide, l->nin, h, t->h.ld,
		    (const nf_real *)l->packed +
		    f * cpu_packed_size(l->nin, wide), l->b + row, 0, logit,
		    ld);
	else
		cpu_product_pack(1, t->nrow, wide, l->nin, h, t->h.ld,
		    l->w + row * l->nin, l->nin, l->b + row, 0, logit, ld,
		    t->room);
}

static void
one_tile(struct tile *t, nf_real *logit)
{
	const struct nf_spline *s = t->s;
	size_t wide = 2 * s->bins, ld = t->keep != NULL ? s->nt * wide : wide;
	struct cpu_kept *kept = cpu_kept(t->n, s, t->keep), one;
	uint32_t f, k;
	uint64_t i;

	for (f = 0; f < s->nt; f++) {
		if (t->keep != NULL)
			logit = (nf_real *)t->keep +
			    (t->first * s->nt + f) * wide;
		product(t, f, logit, ld);
		for (k = 0; k < t->nrow; k++) {
			i = t->first + k;
			one_value(t, f, i, logit + k * ld, t->keep != NULL ?
			    &kept[i * s->nt + f] : &one);
		}
	}
}

static void
all_tiles(struct nf_dev *d, const struct tile *all)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint64_t clamped = 0;

#pragma omp parallel num_threads(c->nthread) if (c->nthread > 1) \
    reduction(+ : clamped)
	{
		uint32_t me = (uint32_t)omp_get_thread_num();
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
