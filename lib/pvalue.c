/* Distributions: normal, chi-square, Kolmogorov's. */
#include <float.h>
#include <math.h>

#include "prep_math.h"
#include "pvalue.h"

/* The lower incomplete gamma function P(a, x) by its series, for x < a + 1. */
static double
gamma_series(double a, double x)
{
	double term = 1 / a, sum = term, k;
	int sign;

	for (k = a + 1; term > sum * DBL_EPSILON; k++) {
		term *= x / k;
		sum += term;
	}
	return sum * exp(a * log(x) - x - lgamma_r(a, &sign));
}

/* The upper one, Q(a, x), by its continued fraction (Lentz), elsewhere. */
static double
gamma_fraction(double a, double x)
{
	double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, h = d, an, step = 0;
	int i, sign;

	for (i = 1; fabs(step - 1) > DBL_EPSILON && i < 100000; i++) {
		an = -i * (i - a);
		b += 2;
		d = an * d + b;
		d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
		c = b + an / c;
		c = fabs(c) < DBL_MIN ? DBL_MIN : c;
		step = c * d;
		h *= step;
	}
	return h * exp(a * log(x) - x - lgamma_r(a, &sign));
}

double
nf_chi2_p(double x, double ndf)
{
	double a = ndf / 2;

	x /= 2;
	if (!(a > 0))
		return NAN;
	if (!(x > 0))
		return 1;
	if (isinf(x))
		return 0;
	return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

double
nf_normal_cdf(double x)
{
	return nf_vcdf(x);
}

double
nf_normal_quantile(double p)
{
	return nf_vquantile(p);
}

/* By the nearer tail, where probabilities keep their digits. */
double
nf_chi2_normal(double x, double ndf)
{
	double a = ndf / 2;

	if (!(x > 0))
		return nf_normal_quantile(0);
	if (isinf(x))
		return -nf_normal_quantile(0);
	return x / 2 < a + 1 ? nf_normal_quantile(gamma_series(a, x / 2)) :
	    -nf_normal_quantile(gamma_fraction(a, x / 2));
}

double
nf_kolmogorov_p(double d, double n, double m)
{
	double root = sqrt(isinf(m) ? n : n * m / (n + m)), z, p = 0, term;
	int k;

	if (!(n > 0 && m > 0))
		return NAN;
	z = (root + 0.12 + 0.11 / root) * d;	/* Stephens, for small n */
	if (z < 0.2)
		return 1;		/* to 1e-12; the series is slow here */
	for (k = 1; k <= 100; k++) {
		term = 2 * exp(-2.0 * k * k * z * z);
		p += k % 2 == 1 ? term : -term;
		if (term < 1e-17)
			break;
	}
	return fmin(fmax(p, 0), 1);
}
