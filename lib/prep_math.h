/*
 * Elementary functions of columns, for vector loops: no branch, no table, no
 * libm and no fma, so that every instruction set, and one value as well as
 * many, gives the same bits (this needs -ffp-contract=off).
 *
 * Relative accuracy, tested over the whole range: nf_vlog, nf_vlog1p and
 * nf_vatan 1e-15, nf_vcdf and nf_vquantile 2e-15 (a cdf below 1e-300 loses
 * digits with its number's own).  NaN stays NaN.
 *
 * Polynomials without a name are near minimax: interpolated at Chebyshev's
 * nodes.
 */
#ifndef NF_PREP_MATH_H
#define NF_PREP_MATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define NF_VECTOR	static inline __attribute__((always_inline))

NF_VECTOR double
nf_vfrom(int64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

NF_VECTOR int64_t
nf_vbits(double x)
{
	int64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

/* The nearest whole number, halves to even. */
NF_VECTOR double
nf_vrint(double x)
{
	const double big = 4503599627370496.0;		/* 2^52 */
	double a = fabs(x), y = (a + big) - big;

	return a < big ? copysign(y, x) : x;
}

#define NF_LN2_HI	0.693147180369123816490	/* times 2^11: exact */
#define NF_LN2_LO	1.90821492927058770002e-10

/* x = 2^e m with m about 1, ln m = 2 atanh((m - 1) / (m + 1)). */
NF_VECTOR double
nf_vlog(double x)
{
	const double exponent0 = 4503599627370496.0;	/* 2^52 */
	double v = x < DBL_MIN ? x * 0x1p54 : x;	/* subnormal */
	int64_t bits = nf_vbits(v);
	double m = nf_vfrom((bits & 0xfffffffffffff) | 0x3ff0000000000000);
	double e = nf_vfrom((int64_t)((uint64_t)bits >> 52) |
	    0x4330000000000000) - (exponent0 + 1023);
	double t, t2, y, up = m > 1.4142135623730951 ? 1 : 0;

	e += up - (x < DBL_MIN ? 54 : 0);
	m = up > 0 ? m * 0.5 : m;
	t = (m - 1) / (m + 1);
	t2 = t * t;
	y = 0.073096717267563074;
	y = y * t2 + 0.076657436179328672;
	y = y * t2 + 0.090914480917415427;
	y = y * t2 + 0.11111105518908294;
	y = y * t2 + 0.14285714313285103;
	y = y * t2 + 0.19999999999949095;
	y = y * t2 + 0.33333333333333348;
	y = e * NF_LN2_HI + (2 * t + (2 * t * t2 * y + e * NF_LN2_LO));
	y = x > 0 ? y : x == 0 ? -INFINITY : NAN;
	return x <= DBL_MAX ? y : x;		/* infinity, NaN */
}

/* What 1 + x loses is a part of x that is known. */
NF_VECTOR double
nf_vlog1p(double x)
{
	double u = 1 + x, y = nf_vlog(u) + (x - (u - 1)) / u;

	y = u <= DBL_MAX && x > -1 ? y : u;
	y = x == -1 ? -INFINITY : x < -1 ? NAN : y;
	return x == 0 ? x : y;
}

/* By the eighth of a turn: that of 0, of 1 or of infinity. */
NF_VECTOR double
nf_vatan(double x)
{
	double a = fabs(x), far = a > 2.414213562373095 ? 1 : 0;
	double mid = a > 0.41421356237309503 ? 1 - far : 0;
	double num = far > 0 ? -1 : a - mid, den = far > 0 ? a : 1 + mid * a;
	double at = far * 1.5707963267948966 + mid * 0.78539816339744828;
	double lo = far * 6.123233995736766e-17 + mid * 3.061616997868383e-17;
	double t = num / den, t2 = t * t, y;

	y = -0.019175404711104935;
	y = y * t2 + 0.039230447784793093;
	y = y * t2 - 0.050854078345894844;
	y = y * t2 + 0.058581409048663283;
	y = y * t2 - 0.066645105255089362;
	y = y * t2 + 0.076921831253768919;
	y = y * t2 - 0.090909045753064896;
	y = y * t2 + 0.11111111015187018;
	y = y * t2 - 0.14285714284665682;
	y = y * t2 + 0.19999999999995516;
	y = y * t2 - 0.33333333333333331;
	y = at + (t + (t * t2 * y + lo));
	return copysign(y, x);
}

/* e^(h - l), l small beside 1; 0 where h is below -745. */
NF_VECTOR double
nf_vexp(double h, double l)
{
	const double big = 6755399441055744.0;		/* 1.5 * 2^52 */
	double n, half, r, y;

	n = (h * 1.4426950408889634 + big) - big;
	r = ((h - n * NF_LN2_HI) - n * NF_LN2_LO) - l;
	y = 2.510038549551032e-08;
	y = y * r + 2.7620088445409746e-07;
	y = y * r + 2.7557268459997064e-06;
	y = y * r + 2.4801521295954376e-05;
	y = y * r + 0.00019841269863053618;
	y = y * r + 0.0013888888917213717;
	y = y * r + 0.0083333333333300615;
	y = y * r + 0.041666666666624129;
	y = y * r + 0.16666666666666669;
	y = y * r + 0.50000000000000011;
	y = 1 + (r + r * r * y);
	/* By halves: 2^n alone may be too small for a number. */
	half = n * 0.5 + big;
	n = (n - (half - big)) + big;
	return y * nf_vfrom((int64_t)((uint64_t)(nf_vbits(half) + 1023) <<
	    52)) * nf_vfrom((int64_t)((uint64_t)(nf_vbits(n) + 1023) << 52));
}

/*
 * The standard normal distribution below x: of |x| = z, e^(-z z / 2) times a
 * function that is nearly 1 / z and whose argument is brought into [-1, 1).
 */
NF_VECTOR double
nf_vcdf(double x)
{
	double a = fabs(x), z = a < 40 ? a : 40, t = (z - 5) / (z + 5), y;
	double hi = nf_vfrom(nf_vbits(z) & ~(int64_t)0x7ffffff);

	y = 7.018882334880726e-10;
	y = y * t + 3.8326138963468624e-09;
	y = y * t + 3.6519867819815139e-10;
	y = y * t - 3.1540041214487496e-08;
	y = y * t - 2.165149607127978e-08;
	y = y * t + 1.9836921151025195e-07;
	y = y * t + 1.2419440659243141e-07;
	y = y * t - 1.3096763691012849e-06;
	y = y * t - 6.8553357634228151e-08;
	y = y * t + 9.0611088408281774e-06;
	y = y * t - 9.8966474771944165e-06;
	y = y * t - 5.3608027646821829e-05;
	y = y * t + 0.00018233425022320325;
	y = y * t + 7.7916927789601891e-06;
	y = y * t - 0.0016760723565150577;
	y = y * t + 0.0065220006556580331;
	y = y * t - 0.015170415401782841;
	y = y * t + 0.024536963244521971;
	y = y * t - 0.02640104296632766;
	y = y * t + 0.010002352385202569;
	y = y * t + 0.031030368425963819;
	y = y * t - 0.091552281834008792;
	y = y * t + 0.46151582985003775;
	y = nf_vexp(-0.5 * hi * hi, 0.5 * (z - hi) * (z + hi)) * y / (1 + z);
	y = x > 0 ? 1 - y : y;
	return x == x ? y : x;
}

/* One of three constants, as a quantile's place asks. */
NF_VECTOR double
nf_vpick(double mid, double far, double in_mid, double near_end,
    double at_end)
{
	return mid > 0 ? in_mid : far > 0 ? at_end : near_end;
}

/*
 * The number below which a standard normal one lies with probability p,
 * which counts as no nearer to 0 and 1 than DBL_MIN: the three quotients of
 * Wichura, "Algorithm AS 241", Applied Statistics 37, 1988.
 */
NF_VECTOR double
nf_vquantile(double p)
{
	double q = p - 0.5, tail = p < 0.5 ? p : 1 - p, s, r, u, v;
	double mid = fabs(q) <= 0.425 ? 1 : 0, far;

	tail = tail > DBL_MIN ? tail : DBL_MIN;
	s = sqrt(-nf_vlog(tail));
	far = s > 5 ? 1 : 0;
	r = nf_vpick(mid, far, 0.180625 - q * q, s - 1.6, s - 5);
#define PICK(a, b, c)	nf_vpick(mid, far, a, b, c)
	u = PICK(2509.0809287301226727, 7.74545014278341407640e-4,
	    2.01033439929228813265e-7);
	u = u * r + PICK(33430.575583588128105, 0.0227238449892691845833,
	    2.71155556874348757815e-5);
	u = u * r + PICK(67265.770927008700853, 0.241780725177450611770,
	    0.00124266094738807843860);
	u = u * r + PICK(45921.953931549871457, 1.27045825245236838258,
	    0.0265321895265761230930);
	u = u * r + PICK(13731.693765509461125, 3.64784832476320460504,
	    0.296560571828504891230);
	u = u * r + PICK(1971.5909503065514427, 5.76949722146069140550,
	    1.78482653991729133580);
	u = u * r + PICK(133.14166789178437745, 4.63033784615654529590,
	    5.46378491116411436990);
	u = u * r + PICK(3.3871328727963666080, 1.42343711074968357734,
	    6.65790464350110377720);
	v = PICK(5226.4952788528545610, 1.05075007164441684324e-9,
	    2.04426310338993978564e-15);
	v = v * r + PICK(28729.085735721942674, 5.47593808499534494600e-4,
	    1.42151175831644588870e-7);
	v = v * r + PICK(39307.895800092710610, 0.0151986665636164571966,
	    1.84631831751005468180e-5);
	v = v * r + PICK(21213.794301586595867, 0.148103976427480074590,
	    7.86869131145613259100e-4);
	v = v * r + PICK(5394.1960214247511077, 0.689767334985100004550,
	    0.0148753612908506148525);
	v = v * r + PICK(687.18700749205790830, 1.67638483018380384940,
	    0.136929880922735805310);
	v = v * r + PICK(42.313330701600911252, 2.05319162663775882187,
	    0.599832206555887937690);
#undef PICK
	v = v * r + 1;
	u = (mid > 0 ? q : p < 0.5 ? -1 : 1) * (u / v);
	return p == p ? u : p;
}

#endif
