/*
 * From logits to bins: exponentials, their sums, and the search for the bin
 * that holds a value.  Of LANES rows at a time, one axis, logits [bins][TILE]
 * (cpu_spline.h).  Sums are double, each row's in the order of its bins.
 */
#ifndef NF_CPU_BINS_H
#define NF_CPU_BINS_H

#include <float.h>
#include <math.h>

#include "cpu_spline.h"
#include "fastmath.h"

/* Logits become exponentials of scaled distances to each row's greatest. */
static inline void
exponentials(uint32_t bins, nf_real scale, nf_real *e)
{
	nf_real top[LANES], *x;
	uint32_t m, r;

#pragma omp simd
	for (r = 0; r < LANES; r++)
		top[r] = e[r];
	for (m = 1, x = e + TILE; m < bins; m++, x += TILE)
#pragma omp simd
		for (r = 0; r < LANES; r++)
			top[r] = x[r] > top[r] ? x[r] : top[r];
	for (m = 0, x = e; m < bins; m++, x += TILE)
#pragma omp simd
		for (r = 0; r < LANES; r++)
			x[r] = nf_exp((x[r] - top[r]) * scale);
}

static inline void
add_up(uint32_t bins, const nf_real *e, double *total)
{
	double sum[LANES] = { 0 };
	uint32_t m, r;

	for (m = 0; m < bins; m++, e += TILE)
#pragma omp simd
		for (r = 0; r < LANES; r++)
			sum[r] += (double)e[r];
#pragma omp simd
	for (r = 0; r < LANES; r++)
		total[r] = sum[r];
}

/*
 * k: the last bin whose lower knot is not above u, 0 <= u <= 1; before: the
 * sum of exponentials before it.  Knots only rise, so those not above are
 * the first ones, and it is enough to count them.
 */
static inline void
find_bins(uint32_t bins, double least, const nf_real *e, const double *total,
    const double *u, int32_t *k, double *before)
{
	double c[LANES] = { 0 }, last[LANES] = { 0 }, n[LANES] = { 0 };
	double scale[LANES];
	uint32_t m, r;

#pragma omp simd
	for (r = 0; r < LANES; r++)
		scale[r] = (1 - least * bins) / total[r];
	for (m = 0; m + 1 < bins; m++, e += TILE) {
		double at = least * (m + 1);

#pragma omp simd
		for (r = 0; r < LANES; r++) {
			c[r] += (double)e[r];
			n[r] += at + scale[r] * c[r] <= u[r] ? 1 : 0;
			last[r] = at + scale[r] * c[r] <= u[r] ? c[r] :
			    last[r];
		}
	}
#pragma omp simd
	for (r = 0; r < LANES; r++) {
		k[r] = (int32_t)n[r];
		before[r] = last[r];
	}
}

/* The other axis: total, and the sum before a bin that is known. */
static inline void
add_before(uint32_t bins, const nf_real *e, const int32_t *k, double *total,
    double *before)
{
	double sum[LANES] = { 0 }, part[LANES] = { 0 }, n[LANES];
	uint32_t m, r;

#pragma omp simd
	for (r = 0; r < LANES; r++)
		n[r] = k[r];
	for (m = 0; m < bins; m++, e += TILE) {
		double at = m;

#pragma omp simd
		for (r = 0; r < LANES; r++) {
			sum[r] += (double)e[r];
			part[r] += at < n[r] ? (double)e[r] : 0;
		}
	}
#pragma omp simd
	for (r = 0; r < LANES; r++) {
		total[r] = sum[r];
		before[r] = part[r];
	}
}

/*
 * Bin k's lower knot and size in a box from -T to T.  total becomes its
 * inverse, before the probability before the bin.
 */
static inline void
place_bins(uint32_t bins, double least, double T, const nf_real *e,
    const int32_t *k, double *total, double *before, double *lo, double *size)
{
	double at[LANES], room = 1 - least * bins;
	uint32_t r;

	for (r = 0; r < LANES; r++)
		at[r] = (double)e[(size_t)k[r] * TILE + r];
#pragma omp simd
	for (r = 0; r < LANES; r++) {
		double inv = 1 / total[r], p = before[r] * inv;

		total[r] = inv;
		before[r] = p;
		lo[r] = 2 * T * (least * k[r] + room * p) - T;
		size[r] = 2 * T * (least + room * at[r] * inv);
	}
}

/* ---- logits that overflowed ------------------------------------------- */

/* Is every number finite, in all of the first LANES columns? */
static inline int
all_finite(uint32_t n, const nf_real *x)
{
	nf_real sum[LANES] = { 0 }, all = 0;
	uint32_t m, r;

	for (m = 0; m < n; m++, x += TILE)
#pragma omp simd
		for (r = 0; r < LANES; r++)
			sum[r] = NF_FMA(x[r], 0, sum[r]);
	for (r = 0; r < LANES; r++)
		all += sum[r];
	return all == 0;
}

/* The largest float for what overflowed, 0 for a NaN; *count is raised. */
static inline nf_real
bound_logit(nf_real x, uint64_t *count)
{
	if (isfinite(x))
		return x;
	*count += 1;
	return isnan(x) ? 0 : x > 0 ? FLT_MAX : -FLT_MAX;
}

#endif
