/*
 * From logits to bins: exponentials of a run of rows, their sums by blocks,
 * and the search for the bin that holds a value.
 */
#ifndef NF_CPU_BINS_H
#define NF_CPU_BINS_H

#include <float.h>
#include <math.h>

#include "cpu.h"
#include "fastmath.h"

#define BLOCK	16			/* exponentials of one partial sum */
#define MAX_BLOCK (NF_MAX_BINS / BLOCK + 1)

/* One axis of one row: logits become scaled distances to the greatest. */
static inline void
shift(uint32_t bins, nf_real scale, nf_real *e)
{
	nf_real top = e[0];
	uint32_t m;

	if (bins < BLOCK) {		/* too few for vectors to pay */
		for (m = 1; m < bins; m++)
			top = e[m] > top ? e[m] : top;
		for (m = 0; m < bins; m++)
			e[m] = (e[m] - top) * scale;
		return;
	}
#pragma omp simd reduction(max : top)
	for (m = 0; m < bins; m++)
		top = e[m] > top ? e[m] : top;
#pragma omp simd
	for (m = 0; m < bins; m++)
		e[m] = (e[m] - top) * scale;
}

/* The logits of n rows, both axes, become exponentials. */
static inline void
exponentials(uint32_t n, uint32_t bins, nf_real scale, nf_real *e)
{
	size_t k, count = (size_t)n * 2 * bins;

	for (k = 0; k < count; k += bins)
		shift(bins, scale, e + k);
#pragma omp simd
	for (k = 0; k < count; k++)
		e[k] = nf_exp(e[k]);
}

/* cum[b] = the sum of the exponentials before block b. */
static inline void
add_up(uint32_t bins, const nf_real *e, double *cum)
{
	uint32_t m, b = 0, j;
	double sum;

	cum[0] = 0;
	for (m = 0; m + BLOCK <= bins; m += BLOCK, b++) {
		sum = 0;
#pragma omp simd reduction(+ : sum)
		for (j = 0; j < BLOCK; j++)
			sum += (double)e[m + j];
		cum[b + 1] = cum[b] + sum;
	}
	if (m == bins)
		return;
	sum = 0;
	for (; m < bins; m++)
		sum += (double)e[m];
	cum[b + 1] = cum[b] + sum;
}

static inline int
all_finite(size_t n, const nf_real *x)
{
	nf_real sum = 0;
	size_t k;

#pragma omp simd reduction(+ : sum)
	for (k = 0; k < n; k++)
		sum += x[k] * 0;
	return sum == 0;
}

/*
 * Logits that overflowed become the largest float, or 0 for a NaN, so that
 * the rest stays finite whatever the weights; returns how many.
 */
static inline uint32_t
bound_logits(uint32_t n, nf_real *logit)
{
	uint32_t m, count = 0;

	if (all_finite(n, logit))
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
static inline struct side
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
static inline uint32_t
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

#endif
