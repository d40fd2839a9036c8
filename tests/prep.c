/* Recipes: every op there and back, its slope, its text and its refusals. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "prep.h"
#include "tap.h"

#define NROW	2000
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static struct nf_err err;

static struct nf_prep *
recipe(const char *line, int context)
{
	static const char *const name[] = { "x" };
	struct nf_prep *p;

	if (nf_prep_new(&p, name, 1, &line, 1, NULL, context, NULL,
	    &err) == -1) {
		printf("# %s: %s\n", line, err.msg);
		return NULL;
	}
	return p;
}

static struct nf_prep *
fitted(const char *line, const double *x, uint64_t n)
{
	struct nf_prep *p = recipe(line, 0);

	if (p != NULL && nf_prep_fit(p, x, 1, n, NULL, &err) == -1) {
		printf("# %s: %s\n", line, err.msg);
		nf_prep_free(p);
		return NULL;
	}
	return p;
}

/* A spread of numbers in [lo, hi], ends included. */
static void
ramp(double *x, uint64_t n, double lo, double hi)
{
	uint64_t i;

	for (i = 0; i < n; i++)
		x[i] = lo + (hi - lo) * (double)((i * 7919) % n) /
		    (double)(n - 1);
}

/* ---- formulas ----------------------------------------------------------- */

static const struct {
	const char *line;
	double lo, hi;
} formulas[] = {
	{ "x = none", -5, 5 },
	{ "x = log", 1e-3, 1e3 },
	{ "x = log 2", 1e-3, 1e3 },
	{ "x = log 1 1e-3", 0, 10 },
	{ "x = log -1 1.001", -3, 1 },
	{ "x = log1p", -0.999, 100 },
	{ "x = logit 0 1", 1e-6, 0.9999 },
	{ "x = logit -1.01 1.02", -1, 1 },
	{ "x = atan", -20, 20 },
	{ "x = atan -150 0.5", -0.5, 0.5 },
	{ "x = affine -3 7", -10, 10 },
	{ "x = scale", -8, 4 },
	{ "x = standardize", 90, 110 },
	{ "x = wrap", -3.14, 3.14 },
	{ "x = clip -1 1", -0.9, 0.8 },
	{ "x = log 1 0.1, standardize, atan 2, affine 3 1", 0, 50 },
	{ "x = clip 0 1, logit -0.001 1.001, standardize, scale", 0, 1 },
};

static void
test_formula(const char *line, double lo, double hi)
{
	static double x[NROW], y[NROW], z[NROW], jac[NROW];
	struct nf_prep *p;
	double worst = 0, off = 0, h, v[3], w[3];
	int i, bad = 0;

	ramp(x, NROW, lo, hi);
	p = fitted(line, x, NROW);
	if (!ok(p != NULL, "%s: fits", line))
		return;
	memset(jac, 0, sizeof(jac));
	bad |= nf_prep_forward(p, 1, 0, NROW, x, 1, y, 1, jac, &err);
	bad |= nf_prep_inverse(p, NROW, y, 1, z, 1) != 0;
	for (i = 0; i < NROW; i++)
		worst = fmax(worst, fabs(z[i] - x[i]) /
		    fmax(fabs(x[i]), 1e-3 * fmax(fabs(lo), fabs(hi))));
	for (i = 0; i < NROW; i += 13) {
		h = 1e-6 * (hi - lo);
		if (x[i] - h < lo || x[i] + h > hi)
			continue;
		h *= fmin(1, (x[i] - lo) / (hi - lo));
		v[0] = x[i] - h;
		v[1] = x[i] + h;
		bad |= nf_prep_forward(p, 1, 0, 2, v, 1, w, 1, NULL, &err);
		off = fmax(off, fabs(log(fabs((w[1] - w[0]) / (v[1] - v[0])))
		    - jac[i]));
	}
	ok(!bad, "%s: forward and back", line);
	near(worst, 0, 1e-9, "%s: the way back, relative", line);
	near(off, 0, 1e-5, "%s: the slope against differences", line);
	nf_prep_free(p);
}

static void
test_known(void)
{
	static const struct {
		const char *line;
		double x, y;
	} known[] = {
		{ "x = log 2 1", 1, 1.0986122886681098 },
		{ "x = log1p", 1e-10, 9.9999999995e-11 },
		{ "x = atan 10 -10", 1.1, 0.78539816339744828 },
		{ "x = affine 2 3", 4, 11 },
		{ "x = scale", 4, 0.5 },		/* of -8 to 4 */
		{ "x = clip 0 3", 4, 3 },
		{ "x = wrap", 4, 4 - 2 * M_PI },
		{ "x = wrap", -M_PI, M_PI },
		{ "x = wrap", 0.5 + 4 * M_PI, 0.5 },
		{ "x = logit 0 4", 3, 1.0986122886681098 },
		{ "x = standardize 1 2", 4, 1.5 },
	};
	double x[3] = { 0, 3, 0 }, y;
	struct nf_prep *p;
	size_t i;

	for (i = 0; i < NELEM(known); i++) {
		x[0] = known[i].x;
		x[2] = strstr(known[i].line, "scale") != NULL ? -8 : 1;
		p = fitted(known[i].line, x, 3);
		ok(p != NULL && nf_prep_forward(p, 0, 0, 1, x, 1, &y, 1, NULL,
		    &err) == 0, "%s of %g", known[i].line, x[0]);
		near(y, known[i].y, 1e-14, "%s of %g: value", known[i].line,
		    x[0]);
		nf_prep_free(p);
	}
}

static void
test_standardized(void)
{
	static double x[NROW], y[NROW];
	double sum = 0, sum2 = 0;
	struct nf_prep *p;
	int i;

	for (i = 0; i < NROW; i++)	/* a mean that hides its spread */
		x[i] = 1e6 + 1e-3 * ((i * 7919) % NROW);
	p = fitted("x = standardize", x, NROW);
	ok(nf_prep_forward(p, 0, 0, NROW, x, 1, y, 1, NULL, &err) == 0,
	    "standardize: far from 0");
	for (i = 0; i < NROW; i++) {
		sum += y[i];
		sum2 += y[i] * y[i];
	}
	near(sum / NROW, 0, 1e-6, "standardize: mean 0");
	near(sum2 / NROW, 1, 1e-6, "standardize: variance 1");
	nf_prep_free(p);
}

/* ---- draws -------------------------------------------------------------- */

/* Values of v come back exactly, through a float and ops that follow. */
static struct nf_prep *
exact(const char *line, const double *x, int n, double *y)
{
	double *z = calloc((size_t)n, sizeof(*z));
	struct nf_prep *p = fitted(line, x, (uint64_t)n);
	int i, bad = -1, wrong = 0;

	if (p != NULL) {
		bad = nf_prep_forward(p, 7, 0, (uint64_t)n, x, 1, y, 1, NULL,
		    &err);
		for (i = 0; i < n; i++)
			z[i] = (float)y[i];
		bad |= nf_prep_inverse(p, (uint64_t)n, z, 1, z, 1) != 0;
		for (i = 0; i < n; i++)
			wrong += z[i] != x[i];
	}
	ok(bad == 0 && wrong == 0, "%s: exact, %d of %d wrong", line, wrong,
	    n);
	free(z);
	return p;
}

static void
test_integers(void)
{
	static const char *const lines[] = {
		"x = uniform 0.5", "x = uniform 0.5, standardize",
		"x = gauss 0.1", "x = gauss 0.5, log 1 1, scale",
		"x = uniform 0.2, atan 0.1",
	};
	static double x[NROW], y[NROW];
	double in[6] = { -1e30, 0.49, 57.2, 1e30, -INFINITY, INFINITY };
	double out[6], sum = 0, lo = 1, hi = -1, d;
	struct nf_prep *p;
	size_t k;
	int i;

	for (i = 0; i < NROW; i++)
		x[i] = i % 57 + 1;
	for (k = 0; k < NELEM(lines); k++)
		nf_prep_free(exact(lines[k], x, NROW, y));
	p = exact("x = uniform 0.5", x, NROW, y);
	for (i = 0; i < NROW; i++) {
		d = y[i] - x[i];
		sum += d * d;
		lo = fmin(lo, d);
		hi = fmax(hi, d);
	}
	near(sum / NROW, 1.0 / 12, 5e-3, "uniform: its variance");
	ok(lo < -0.49 && lo > -0.5 && hi > 0.49 && hi < 0.5,
	    "uniform: from end to end");
	ok(nf_prep_inverse(p, 6, in, 1, out, 1) == 0 && out[0] == 1 &&
	    out[1] == 1 && out[2] == 57 && out[3] == 57 && out[4] == 1 &&
	    out[5] == 57, "uniform: nothing outside the range seen");
	nf_prep_free(p);
	p = exact("x = gauss 0.1", x, NROW, y);
	for (sum = 0, i = 0; i < NROW; i++)
		sum += (y[i] - x[i]) * (y[i] - x[i]);
	near(sum / NROW, 0.01, 1e-3, "gauss: its variance");
	nf_prep_free(p);
	for (i = 0; i < NROW; i++)
		x[i] = 100000 + i;
	nf_prep_free(exact("x = uniform 0.5", x, NROW, y));
	p = fitted("x = uniform 0.5 0 9", x, NROW);
	x[3] = 2.5;
	ok(nf_prep_forward(p, 0, 0, 4, x, 1, y, 1, NULL, &err) == -1 &&
	    strcmp(err.msg, "row 3, column x: uniform 0.5 0 9 cannot take "
	    "2.5: want a whole number; levels takes others") == 0 &&
	    err.code == NF_EDATA, "uniform: whole numbers only");
	nf_prep_free(p);
	ok(fitted("x = uniform 0.5, standardize", x, NROW) == NULL &&
	    strncmp(err.msg, "row 3, column x: uniform 0.5 cannot take 2.5",
	    44) == 0, "uniform: and while fitting: %s", err.msg);
}

static void
test_levels(void)
{
	static double x[NROW], y[NROW];
	static const double v[] = { 6, 0, 2, 0.1, -1 };
	double sum = 0, sum2 = 0, top = -99, below = 99;
	double in[4] = { -40, 40, -INFINITY, INFINITY }, out[4];
	struct nf_prep *p;
	int i;

	for (i = 0; i < NROW; i++)
		x[i] = i % 40 == 0 ? 6 : 0;	/* 2.5 % */
	p = exact("x = levels 0 6", x, NROW, y);
	for (i = 0; i < NROW; i++)
		if (x[i] == 0)
			top = fmax(top, y[i]);
		else
			below = fmin(below, y[i]);
	ok(top < 1.959963984540054 && below > 1.959963984540054 &&
	    below - top < 0.1, "levels: the cells meet at the quantile");
	nf_prep_free(p);

	for (i = 0; i < NROW; i++)	/* in no order, one of them rare */
		x[i] = i == 77 ? 0.1 : v[i * 7919 % NROW % 3];
	p = exact("x = levels 6 0 2 0.1 -1, standardize", x, NROW, y);
	for (i = 0; i < NROW; i++) {
		sum += y[i];
		sum2 += y[i] * y[i];
	}
	near(sum / NROW, 0, 0.05, "levels: together normal, mean");
	near(sum2 / NROW, 1, 0.1, "levels: together normal, variance");
	ok(nf_prep_inverse(p, 4, in, 1, out, 1) == 0 && out[0] == 6 &&
	    out[1] == -1 && out[2] == 6 && out[3] == -1,
	    "levels: past the ends, the last");
	x[5] = 3;
	ok(nf_prep_forward(p, 0, 100, NROW, x, 1, y, 1, NULL, &err) == -1 &&
	    strstr(err.msg, "row 105, column x: levels 6:") != NULL &&
	    strstr(err.msg, " cannot take 3: it is none of the levels: add it "
	    "to them") != NULL, "levels: another value is refused");
	nf_prep_free(p);
	x[5] = (float)0.1;
	nf_prep_free(exact("x = levels 6 0 2 0.100000001490116119384765625",
	    x + 5, 1, y));
	p = fitted("x = levels 6 0 2 0.1", x + 5, 1);
	ok(p != NULL, "levels: a float's 0.1 is 0.1");
	nf_prep_free(p);
}

static void
test_spike(void)
{
	static const char *const lines[] = {
		"x = spike -1", "x = spike -1, standardize",
		"x = spike -1 0.01 -0.1", "x = spike -1 0.02 1.3",
		"x = clip 0 1, logit -0.01 1.01, spike -1, standardize",
		"x = log 1 0.001, spike -1, scale",
		"x = log -1 1.001, spike -1",
		"x = spike -1, spike 1, standardize",
	};
	static double x[NROW], y[NROW];
	double in[NROW], out[NROW];
	struct nf_prep *p;
	size_t k;
	int i, wrong = 0, n = 0;

	ramp(x, NROW, 0, 1);
	for (i = 0; i < NROW; i += 3)
		x[i] = -1;
	for (k = 0; k < NELEM(lines); k++) {
		p = fitted(lines[k], x, NROW);
		ok(p != NULL && nf_prep_forward(p, 3, 0, NROW, x, 1, y, 1,
		    NULL, &err) == 0, "%s: forward", lines[k]);
		for (i = 0; i < NROW; i++)
			in[i] = (float)y[i];
		ok(nf_prep_inverse(p, NROW, in, 1, out, 1) == 0,
		    "%s: back", lines[k]);
		for (wrong = 0, i = 0; i < NROW; i++)
			wrong += x[i] == -1 ? out[i] != -1 :
			    !(fabs(out[i] - x[i]) < 1e-6);
		ok(wrong == 0, "%s: %d of %d wrong", lines[k], wrong, NROW);
		nf_prep_free(p);
	}
	p = fitted("x = spike -1 0.01 -0.1", x, NROW);
	ramp(in, NROW, -1, 1);
	ok(nf_prep_inverse(p, NROW, in, 1, out, 1) == 0, "spike: a sweep");
	for (wrong = 0, i = 0; i < NROW; i++) {
		n += out[i] == -1;
		wrong += out[i] != -1 && !(out[i] >= x[1] || out[i] >= 0);
		wrong += in[i] < -0.06 && out[i] != -1;
		wrong += in[i] > -0.04 && out[i] == -1;
	}
	ok(wrong == 0 && n > 900 && n < 1000,
	    "spike: either V or in the others' range");
	in[0] = -0.9;			/* training had none below 0 */
	in[1] = -1;
	ok(nf_prep_forward(p, 0, 0, 2, in, 1, y, 1, NULL, &err) == 0 &&
	    nf_prep_inverse(p, 2, y, 1, out, 1) == 0 && out[0] != -1 &&
	    out[0] < 0.01 && out[1] == -1, "spike: others never become it");
	nf_prep_free(p);
	ok(fitted("x = spike -1 0.1 -0.1", x, NROW) == NULL &&
	    strcmp(err.msg, "recipe of column x: spike -1 0.1 -0.1: the other "
	    "values reach from 0.000500250125 to 0.996998499 there; AT must "
	    "be "
	    "-0.59949975 or less, or 1.5969985 or more, or left out") == 0,
	    "spike: too near is refused: %s", err.msg);
	ok(fitted("x = spike -1 0.01 0.5", x, NROW) == NULL,
	    "spike: among the others is refused");
	for (i = 0; i < NROW; i++)
		x[i] = -1;
	nf_prep_free(exact("x = spike -1, standardize", x, NROW, y));
	nf_prep_free(exact("x = log, spike -1, scale", x, 1, y));
	nf_prep_free(exact("x = spike 0, standardize", x, NROW, y));
}

int
main(void)
{
	size_t i;

	for (i = 0; i < NELEM(formulas); i++)
		test_formula(formulas[i].line, formulas[i].lo,
		    formulas[i].hi);
	test_known();
	test_standardized();
	test_integers();
	test_levels();
	test_spike();
	return done();
}
