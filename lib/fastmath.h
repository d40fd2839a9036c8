/*
 * Elementary functions for vector loops, and for both compilers: no branch,
 * no table, no errno.  In the double build they are libm's own.
 *
 * Stated accuracy (tested over the whole range): nf_exp 1.5 ulp, arguments
 * clamped to +-87.3, so never 0, infinite or subnormal; nf_sigmoid 3 ulp.
 * In units of 2^-53: nf_exp64 2, nf_log64 3 (of 1, where it is less), and
 * nf_softplus_both 2 (likewise) with 4 for its slope.
 */
#ifndef NF_FASTMATH_H
#define NF_FASTMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "flow.h"
#include "inline.h"

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDA_ARCH__)
#define NF_FMAF(a, b, c) fmaf(a, b, c)
#else
#define NF_FMAF(a, b, c) ((a) * (b) + (c))
#endif

/*
 * e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2)/2, where Taylor's
 * series of degree 7 is good to 5e-9.  n is rounded by adding 1.5 * 2^23 and
 * ln 2 is taken away in two parts, the first short enough for n times it to
 * be exact.
 */
NF_INLINE float
nf_expf(float x)
{
	const float big = 12582912.0f;
	float n, r, y;
	int32_t i, k;

	x = x < -87.3f ? -87.3f : x;
	x = x > 87.3f ? 87.3f : x;
	n = NF_FMAF(x, 1.44269504f, big);
	memcpy(&i, &n, sizeof(i));
	n -= big;
	r = NF_FMAF(n, -0.693145752f, x);
	r = NF_FMAF(n, -1.42860677e-6f, r);
	y = 1.0f / 5040;
	y = NF_FMAF(y, r, 1.0f / 720);
	y = NF_FMAF(y, r, 1.0f / 120);
	y = NF_FMAF(y, r, 1.0f / 24);
	y = NF_FMAF(y, r, 1.0f / 6);
	y = NF_FMAF(y, r, 0.5f);
	y = NF_FMAF(y, r, 1.0f);
	y = NF_FMAF(y, r, 1.0f);
	memcpy(&k, &y, sizeof(k));
	k += (int32_t)((uint32_t)i << 23);
	memcpy(&y, &k, sizeof(y));
#ifdef __CUDA_ARCH__
	/* A GPU's NaN has all its bits set, and that sum makes it a number. */
	y = x == x ? y : x;
#endif
	return y;
}

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDA_ARCH__)
#define NF_FMAD(a, b, c) fma(a, b, c)
#else
#define NF_FMAD(a, b, c) ((a) * (b) + (c))
#endif

/* e^x in double, |x| clamped to 700: as nf_expf, the series to degree 13. */
NF_INLINE double
nf_exp64(double x)
{
	const double big = 6755399441055744.0;		/* 1.5 * 2^52 */
	double n, r, y = 1.0 / 6227020800;
	int64_t i, k;

	x = x < -700 ? -700 : x;
	x = x > 700 ? 700 : x;
	n = NF_FMAD(x, 1.4426950408889634, big);
	memcpy(&i, &n, sizeof(i));
	n -= big;
	r = NF_FMAD(n, -0.693147180369123816490, x);
	r = NF_FMAD(n, -1.90821492927058770002e-10, r);
	y = NF_FMAD(y, r, 1.0 / 479001600);
	y = NF_FMAD(y, r, 1.0 / 39916800);
	y = NF_FMAD(y, r, 1.0 / 3628800);
	y = NF_FMAD(y, r, 1.0 / 362880);
	y = NF_FMAD(y, r, 1.0 / 40320);
	y = NF_FMAD(y, r, 1.0 / 5040);
	y = NF_FMAD(y, r, 1.0 / 720);
	y = NF_FMAD(y, r, 1.0 / 120);
	y = NF_FMAD(y, r, 1.0 / 24);
	y = NF_FMAD(y, r, 1.0 / 6);
	y = NF_FMAD(y, r, 0.5);
	y = NF_FMAD(y, r, 1.0);
	y = NF_FMAD(y, r, 1.0);
	memcpy(&k, &y, sizeof(k));
	k += (int64_t)((uint64_t)i << 52);
	memcpy(&y, &k, sizeof(y));
	return y;
}

/*
 * ln of a positive normal number: x = 2^e m with m about 1, and ln m =
 * 2 atanh((m - 1) / (m + 1)).  e becomes a double by its bits.
 */
NF_INLINE double
nf_log64(double x)
{
	const double exponent0 = 4503599627370496.0;	/* 2^52 */
	int64_t bits, ebits;
	double m, e, t, t2, y;

	memcpy(&bits, &x, sizeof(bits));
	ebits = (int64_t)((uint64_t)bits >> 52) | 0x4330000000000000;
	bits = (bits & 0xfffffffffffff) | 0x3ff0000000000000;
	memcpy(&m, &bits, sizeof(m));
	memcpy(&e, &ebits, sizeof(e));
	e -= exponent0 + 1023;
	e = m > 1.4142135623730951 ? e + 1 : e;
	m = m > 1.4142135623730951 ? m * 0.5 : m;
	t = (m - 1) / (m + 1);
	t2 = t * t;
	y = 1.0 / 21;
	y = NF_FMAD(y, t2, 1.0 / 19);
	y = NF_FMAD(y, t2, 1.0 / 17);
	y = NF_FMAD(y, t2, 1.0 / 15);
	y = NF_FMAD(y, t2, 1.0 / 13);
	y = NF_FMAD(y, t2, 1.0 / 11);
	y = NF_FMAD(y, t2, 1.0 / 9);
	y = NF_FMAD(y, t2, 1.0 / 7);
	y = NF_FMAD(y, t2, 1.0 / 5);
	y = NF_FMAD(y, t2, 1.0 / 3);
	y = NF_FMAD(y * t2, t, t);
	return NF_FMAD(e, 0.6931471805599453, 2 * y);
}

#ifdef NF_REF
#define NF_FMA(a, b, c) ((a) * (b) + (c))
#define NF_SQRT sqrt
#else
#define NF_FMA NF_FMAF
#define NF_SQRT sqrtf
#endif

#ifdef NF_REF
NF_INLINE double
nf_exp(double x)
{
	return exp(x);
}
#else
NF_INLINE float
nf_exp(float x)
{
	return nf_expf(x);
}
#endif

NF_INLINE nf_real
nf_sigmoid(nf_real x)
{
	return 1 / (1 + nf_exp(-x));
}

/*
 * Activation, and its derivative at the same argument; written without a
 * condition that a compiler might take for a branch.
 */
NF_INLINE nf_real
nf_act(enum nf_act act, nf_real x)
{
	nf_real up = x > 0 ? x : 0, down = x > 0 ? 0 : x;

	if (act == NF_RELU)
		return up;
	if (act == NF_LEAKY_RELU)
		return up + (nf_real)NF_LEAKY_SLOPE * down;
	return up + (nf_exp(down) - 1);
}

NF_INLINE nf_real
nf_act_slope(enum nf_act act, nf_real x)
{
	const nf_real leaky = (nf_real)NF_LEAKY_SLOPE;

	if (act == NF_RELU)
		return (nf_real)(x > 0);
	if (act == NF_LEAKY_RELU)
		return leaky + (1 - leaky) * (nf_real)(x > 0);
	return nf_exp(x > 0 ? 0 : x);
}

/* ln(1 + e^x), and its derivative; double, for the scalars of a spline. */
NF_INLINE double
nf_softplus(double x)
{
	return x > 20 ? x : log1p(exp(x));
}

NF_INLINE double
nf_softplus_slope(double x)
{
	return x > 20 ? 1 : 1 / (1 + exp(-x));
}

/* Both at once, in a vector loop. */
NF_INLINE double
nf_softplus_both(double x, double *slope)
{
	double e = nf_exp64(x > 0 ? -x : x);

	*slope = (x > 0 ? 1 : e) / (1 + e);
	return (x > 0 ? x : 0) + nf_log64(1 + e);
}

#endif
