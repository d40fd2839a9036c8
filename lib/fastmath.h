/*
 * Elementary functions for vector loops, and for both compilers: no branch,
 * no table, no errno.  In the double build they are libm's own.
 *
 * Stated accuracy (tested over the whole range): nf_exp 1.5 ulp, arguments
 * clamped to +-87.3, so never 0, infinite or subnormal; nf_sigmoid 3 ulp.
 */
#ifndef NF_FASTMATH_H
#define NF_FASTMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "flow.h"
#include "philox.h"		/* NF_INLINE */

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
	return y;
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

#endif
