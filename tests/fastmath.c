/*
 * lib/fastmath.h against libm in double, over the whole range: the accuracy
 * that the header states, and what comes of arguments beyond it.
 */
#include <float.h>
#include <string.h>

#include "fastmath.h"
#include "tap.h"

#define STRIDE	1009		/* of all floats, one in so many is tried */

static float
from_bits(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Error in units of the last place of want, a normal float. */
static double
ulps(float got, double want)
{
	int e;

	frexp(want, &e);
	return fabs((double)got - want) / ldexp(1, e - FLT_MANT_DIG);
}

/* All floats between 0 and top, of both signs. */
static double
worst(double (*error)(float), float top, float *at)
{
	uint32_t bits, end, sign;
	double e, most = 0;

	memcpy(&end, &top, sizeof(end));
	for (bits = 0; bits <= end; bits += STRIDE)
		for (sign = 0; sign < 2; sign++) {
			e = error(from_bits(bits | sign << 31));
			if (!(e <= most)) {
				most = e;
				*at = from_bits(bits | sign << 31);
			}
		}
	return most;
}

static double
exp_error(float x)
{
	return ulps(nf_expf(x), exp((double)x));
}

static double
sigmoid_error(float x)
{
	return ulps((float)nf_sigmoid(x), 1 / (1 + exp(-(double)x)));
}

static void
test_accuracy(void)
{
	float at = 0;
	double e;

	e = worst(exp_error, 87.3f, &at);
	ok(e <= 1.5, "nf_exp: %.3f ulp at %.9g, want 1.5", e, (double)at);
	e = worst(sigmoid_error, 87.3f, &at);
	ok(e <= 3, "nf_sigmoid: %.3f ulp at %.9g, want 3", e, (double)at);
}

static void
test_ends(void)
{
	static const float far[] = { 87.3f, 87.30001f, 88.8f, 104, 1e10f,
		FLT_MAX, INFINITY };
	float top = nf_expf(87.3f), low = nf_expf(-87.3f);
	int good = 1, i;

	ok(isfinite(top) && low >= FLT_MIN, "the ends are normal floats");
	for (i = 0; i < 7; i++)
		good &= nf_expf(far[i]) == top && nf_expf(-far[i]) == low &&
		    nf_sigmoid(far[i]) == 1 && nf_sigmoid(-far[i]) > 0 &&
		    (double)nf_sigmoid(-far[i]) < 1.3e-38;
	ok(good, "beyond them nothing changes");
	ok(nf_expf(0) == 1 && nf_expf(-0.0f) == 1 && nf_sigmoid(0) == 0.5f,
	    "e^0 is 1");
	ok(nf_expf(1e-40f) == 1 && nf_expf(-1e-40f) == 1,
	    "so is e to a subnormal");
	ok(isnan(nf_expf(NAN)) && isnan(nf_sigmoid(NAN)), "NaN stays");
}

static void
test_activations(void)
{
	double x, slope, ex, elu = 0, elu_slope = 0;
	int good = 1;

	for (x = -90; x < 90; x += 0.37) {
		nf_real v = (nf_real)x;

		good &= nf_act(NF_RELU, v) == (v > 0 ? v : 0) &&
		    nf_act_slope(NF_RELU, v) == (v > 0) &&
		    nf_act(NF_LEAKY_RELU, v) == (v > 0 ? v :
		    (nf_real)NF_LEAKY_SLOPE * v) &&
		    nf_act_slope(NF_LEAKY_RELU, v) == (v > 0 ? 1 :
		    (nf_real)NF_LEAKY_SLOPE);
		ex = v > 0 ? (double)v : expm1((double)v);
		slope = v > 0 ? 1 : exp((double)v);
		elu = fmax(elu, fabs((double)nf_act(NF_ELU, v) - ex));
		elu_slope = fmax(elu_slope,
		    fabs((double)nf_act_slope(NF_ELU, v) - slope));
	}
	ok(good, "relu and leaky relu, and their slopes");
	ok(elu <= 2e-7 && elu_slope <= 2e-7, "elu is good to %.1g, its slope "
	    "to %.1g", elu, elu_slope);
	ok(nf_act(NF_ELU, 0) == 0 && nf_act_slope(NF_ELU, 0) == 1,
	    "elu at 0");
}

static void
test_softplus(void)
{
	double x, e = 0, es = 0;

	for (x = -700; x < 700; x += 0.13) {
		e = fmax(e, fabs(nf_softplus(x) / (double)(x > 0 ?
		    x + log1pl(expl(-x)) : log1pl(expl(x))) - 1));
		es = fmax(es, fabs(nf_softplus_slope(x) /
		    (double)(1 / (1 + expl(-x))) - 1));
	}
	/* Linear from 20 up, as the models were trained: 2e-9 of e^-20. */
	ok(e <= 1.1e-10 && es <= 2.1e-9, "softplus is good to %.1g, its slope "
	    "to %.1g", e, es);
	ok(nf_softplus(1e30) == 1e30 && nf_softplus(-1e30) == 0 &&
	    nf_softplus_slope(1e30) == 1 && nf_softplus_slope(-1e30) == 0,
	    "softplus of huge numbers");
}

/* Those in double: against long double, in units of 2^-53 of the result. */
static void
test_doubles(void)
{
	const double unit = 0x1p-53;
	double x, slope, e = 0, l = 0, s = 0, ss = 0;
	long double want;
	int k;

	for (x = -700; x <= 700; x += 0.0137)
		e = fmax(e, fabs((double)((long double)nf_exp64(x) /
		    expl((long double)x) - 1)) / unit);
	/* Near 1 a logarithm is judged by its argument. */
	for (k = -1021; k < 1024; k++)
		for (x = 1; x < 2; x += 0.00173) {
			want = logl((long double)ldexp(x, k));
			l = fmax(l, (double)fabsl(nf_log64(ldexp(x, k)) -
			    want) / (unit * fmax(1, (double)fabsl(want))));
		}
	for (x = -800; x < 800; x += 0.0137) {
		want = x > 0 ? x + log1pl(expl(-(long double)x)) :
		    log1pl(expl((long double)x));
		s = fmax(s, (double)fabsl(nf_softplus_both(x, &slope) -
		    want) / (unit * fmax(1, x)));
		want = 1 / (1 + expl(-(long double)fmax(x, -700)));
		ss = fmax(ss, fabs((double)(slope / want - 1)) / unit);
	}
	ok(e <= 2, "nf_exp64: %.2f units, want 2", e);
	ok(l <= 3, "nf_log64: %.2f units, want 3", l);
	ok(s <= 2 && ss <= 4, "nf_softplus_both: %.2f units, its slope %.2f, "
	    "want 2 and 4", s, ss);
	ok(nf_exp64(0) == 1 && nf_log64(1) == 0 &&
	    nf_softplus_both(1e300, &slope) == 1e300 && slope == 1 &&
	    nf_softplus_both(-1e300, &slope) >= 0 && slope > 0,
	    "their ends");
}

int
main(void)
{
	test_accuracy();
	test_doubles();
	test_ends();
	test_activations();
	test_softplus();
	return done();
}
