/*
 * Runs of values against values alone: the same bits for every instruction
 * set, length and place; and lib/prep_math.h against long double.
 */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "prep.h"
#include "prep_math.h"
#include "tap.h"

#define NROW	2100			/* two runs and a bit */
#define NCOL	3
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* ---- accuracy ----------------------------------------------------------- */

static uint64_t state;

/* In [0, 1): a congruential generator's upper bits. */
static double
uniform(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) * 0x1p-53;
}

/* A number of any size between 2^lo and 2^hi. */
static double
sized(double lo, double hi)
{
	return exp2(lo + (hi - lo) * uniform());
}

struct worst {
	double off, at;
};

static void
take(struct worst *w, double x, double got, long double want)
{
	double off = (double)fabsl(((long double)got - want) / want);

	if (!(off <= w->off))
		*w = (struct worst){ off, x };
}

static long double
cdf(double x)
{
	return 0.5L * erfcl(-(long double)x * sqrtl(0.5L));
}

/* By how much the distribution at got misses p, as a part of got. */
static double
quantile_off(double p, double got)
{
	long double miss = p < 0.5 ? cdf(got) - (long double)p :
	    (1 - (long double)p) - cdf(-got);
	long double x = (long double)got;

	return (double)(miss * expl(x * x / 2) * 2.50662827463100050242L / x);
}

static void
test_accuracy(void)
{
	struct worst w[5] = { { 0, 0 } };
	double x, off;
	int i;

	for (i = 0; i < 200000; i++) {
		x = i % 2 ? sized(-1074, 1024) : sized(-2, 2);
		take(&w[0], x, nf_vlog(x), logl(x));
		x = i % 2 ? sized(-70, 1024) : -uniform();
		if (x != 0)
			take(&w[1], x, nf_vlog1p(x), log1pl(x));
		x = (i & 1 ? -1 : 1) * (i & 2 ? sized(-70, 70) : sized(-4, 4));
		take(&w[2], x, nf_vatan(x), atanl(x));
		x = 45 * uniform() - 37;
		take(&w[3], x, nf_vcdf(x), cdf(x));
		x = i % 2 ? uniform() : sized(-1000, -1);
		x = i % 8 == 0 ? 1 - x : x;
		off = fabs(quantile_off(x, nf_vquantile(x)));
		if (x > 0 && x < 1 && x != 0.5 && !(off <= w[4].off))
			w[4] = (struct worst){ off, x };
	}
	ok(w[0].off <= 1e-15, "log: off by %.3g at %.9g", w[0].off, w[0].at);
	ok(w[1].off <= 1e-15, "log1p: off by %.3g at %.9g", w[1].off,
	    w[1].at);
	ok(w[2].off <= 1e-15, "atan: off by %.3g at %.9g", w[2].off, w[2].at);
	ok(w[3].off <= 2e-15, "cdf: off by %.3g at %.9g", w[3].off, w[3].at);
	ok(w[4].off <= 2e-15, "quantile: off by %.3g at %.9g", w[4].off,
	    w[4].at);
}

static void
test_ends(void)
{
	ok(nf_vlog(0) == -INFINITY && isnan(nf_vlog(-1)) &&
	    isinf(nf_vlog(INFINITY)) && isnan(nf_vlog(NAN)) &&
	    nf_vlog(1) == 0, "log: ends");
	ok(nf_vlog1p(-1) == -INFINITY && isnan(nf_vlog1p(-2)) &&
	    isinf(nf_vlog1p(INFINITY)) && isnan(nf_vlog1p(NAN)) &&
	    nf_vlog1p(5e-324) == 5e-324 && signbit(nf_vlog1p(-0.0)),
	    "log1p: ends");
	ok(nf_vatan(INFINITY) == M_PI_2 && nf_vatan(-INFINITY) == -M_PI_2 &&
	    isnan(nf_vatan(NAN)) && signbit(nf_vatan(-0.0)) &&
	    nf_vatan(1) == M_PI_4, "atan: ends");
	ok(nf_vcdf(-INFINITY) == 0 && nf_vcdf(INFINITY) == 1 &&
	    isnan(nf_vcdf(NAN)) && nf_vcdf(0) == 0.5, "cdf: ends");
	ok(nf_vquantile(0.5) == 0 && isnan(nf_vquantile(NAN)) &&
	    nf_vquantile(0) == -nf_vquantile(1) && nf_vquantile(0) < -37,
	    "quantile: ends");
	ok(nf_vrint(0.5) == 0 && nf_vrint(-1.5) == -2 &&
	    nf_vrint(4503599627370495.5) == 4503599627370496.0 &&
	    nf_vrint(1e300) == 1e300 && signbit(nf_vrint(-0.2)),
	    "rint: halves to even");
}

/* ---- runs --------------------------------------------------------------- */

static const struct {
	const char *ops;
	double lo, hi;			/* a third are 0 where whole */
	int whole;
} recipes[] = {
	{ "none", -5, 5, 0 },
	{ "affine -3 7, scale", -10, 10, 0 },
	{ "standardize", -10, 10, 0 },
	{ "log 2 1e-3, standardize", 0, 50, 0 },
	{ "log1p", -0.999, 100, 0 },
	{ "clip 0 1, logit -0.001 1.001, spike 0, standardize", -1, 2, 1 },
	{ "atan -150 0.5", -0.5, 0.5, 0 },
	{ "wrap", -9, 9, 0 },
	{ "ratio b", 0, 4, 0 },
	{ "diff b", 0, 4, 0 },
	{ "sum b", 0, 4, 0 },
	{ "mantissa 6, standardize", -3, 5, 0 },
	{ "sum b, mantissa 3, diff b", 0, 9, 1 },
	{ "uniform 0.5, standardize", 0, 90, 1 },
	{ "gauss 0.3", -40, 90, 1 },
	{ "levels 3 0 1 2, scale", 0, 3, 1 },
	{ "spike 0, spike 2, standardize", -1, 5, 1 },
	{ "onehot 0 1 2 3", 0, 3, 1 },
};

static struct nf_prep *
recipe(const char *ops)
{
	static const char *const name[] = { "a", "b", "c" };
	struct nf_prep *p;
	struct nf_err err;
	char line[2][80];
	const char *const lines[] = { line[0], line[1] };

	snprintf(line[0], sizeof(line[0]), "[ac] = %s", ops);
	snprintf(line[1], sizeof(line[1]), "b = none");
	if (nf_prep_new(&p, name, NCOL, lines, 2, NULL, 1, NULL, &err) == 0)
		return p;
	printf("# %s: %s\n", ops, err.msg);
	return NULL;
}

static void
fill(double *x, size_t k)
{
	size_t i;
	double v;

	state = k;
	for (i = 0; i < NROW * NCOL; i++) {
		v = recipes[k].lo + (recipes[k].hi - recipes[k].lo) *
		    uniform();
		v = recipes[k].whole ? rint(v) : v;
		x[i] = i % NCOL == 1 ? 1 + uniform() : i % 9 == 0 &&
		    recipes[k].whole ? 0 : v;
	}
}

/* Rows in calls of n, with or without slopes. */
static int
forward(const struct nf_prep *p, const double *x, double *y, uint64_t n,
    double *jac)
{
	uint32_t nout = nf_prep_nout(p);
	struct nf_err err;
	uint64_t i, m;

	for (i = 0; i < NROW; i += m) {
		m = NROW - i < n ? NROW - i : n;
		if (nf_prep_forward(p, 5, 70 + i, m, x + i * NCOL, NCOL,
		    y + i * nout, nout, jac == NULL ? NULL : jac + i,
		    &err) == -1) {
			printf("# %s\n", err.msg);
			return -1;
		}
	}
	return 0;
}

static void
test_runs(size_t k)
{
	static const char *const isa[] = { "portable", "avx2", "avx512" };
	static double x[NROW * NCOL], want[NROW * 9], y[NROW * 9], jac[NROW];
	struct nf_prep *p = recipe(recipes[k].ops), *q;
	struct nf_err err;
	size_t nbyte, i;
	char *line, *other;

	fill(x, k);
	unsetenv("NF_ISA");
	if (p == NULL || nf_prep_fit(p, x, NCOL, NROW, NULL, &err) == -1) {
		ok(0, "%s: fits", recipes[k].ops);
		return;
	}
	nbyte = NROW * nf_prep_nout(p) * sizeof(*y);
	memset(jac, 0, sizeof(jac));
	ok(forward(p, x, want, NROW, jac) == 0, "%s: one by one",
	    recipes[k].ops);
	ok(forward(p, x, y, 1, NULL) == 0 && memcmp(y, want, nbyte) == 0,
	    "%s: by runs of one", recipes[k].ops);
	line = nf_prep_line(p, 0, &err);
	for (i = 0; i < NELEM(isa); i++) {
		setenv("NF_ISA", isa[i], 1);
		memset(y, 0, sizeof(y));
		ok(forward(p, x, y, 100000, NULL) == 0 &&
		    memcmp(y, want, nbyte) == 0, "%s: by long runs, %s",
		    recipes[k].ops, isa[i]);
		ok(forward(p, x, y, 77, NULL) == 0 &&
		    memcmp(y, want, nbyte) == 0, "%s: by short ones, %s",
		    recipes[k].ops, isa[i]);
		q = recipe(recipes[k].ops);
		ok(nf_prep_fit(q, x, NCOL, NROW, NULL, &err) == 0,
		    "%s: fits, %s", recipes[k].ops, isa[i]);
		other = nf_prep_line(q, 0, &err);
		ok(strcmp(line, other) == 0, "%s: the same numbers, %s",
		    recipes[k].ops, isa[i]);
		nf_free(other);
		nf_prep_free(q);
	}
	nf_free(line);
	nf_prep_free(p);
}

/* ---- a round less ------------------------------------------------------- */

/* MEAN and STD at the end of column a's line. */
static void
fitted(const char *ops, const double *x, double v[2])
{
	struct nf_prep *p = recipe(ops);
	struct nf_err err;
	char *line = NULL;
	const char *s;

	v[0] = v[1] = NAN;
	if (p != NULL && nf_prep_fit(p, x, NCOL, NROW, NULL, &err) == 0 &&
	    (line = nf_prep_line(p, 0, &err)) != NULL &&
	    (s = strstr(line, "standardize")) != NULL)
		sscanf(s, "standardize %lf %lf", &v[0], &v[1]);
	nf_free(line);
	nf_prep_free(p);
}

/*
 * What standardize would see behind a spike is known without another round:
 * with an op between them, which does nothing, it is seen.
 */
static void
test_mixed(void)
{
	static const struct {
		const char *ops, *seen;
	} pairs[] = {
		{ "spike 0, standardize", "spike 0, affine 1 0, standardize" },
		{ "spike 0 0.1, standardize",
		    "spike 0 0.1, affine 1 0, standardize" },
		{ "clip 0 9, log 1 1, spike 5, standardize, scale",
		    "clip 0 9, log 1 1, spike 5, affine 1 0, standardize, "
		    "scale" },
		{ "spike 0 0.1 -7, standardize",
		    "spike 0 0.1 -7, affine 1 0, standardize" },
		{ "spike 0, standardize, spike 5",
		    "spike 0, affine 1 0, standardize, spike 5" },
	};
	static double x[NROW * NCOL];
	double a[2], b[2];
	size_t k, i;

	for (k = 0; k < NELEM(pairs); k++) {
		fill(x, 10);
		for (i = 0; k == 3 && i < NROW * NCOL; i++)
			x[i] = x[i] < 3 ? 0 : x[i];
		fitted(pairs[k].ops, x, a);
		fitted(pairs[k].seen, x, b);
		near(a[0], b[0], 1e-13 * (1 + fabs(b[0])), "%s: mean",
		    pairs[k].ops);
		near(a[1], b[1], 1e-13 * b[1], "%s: spread", pairs[k].ops);
	}
	for (i = 0; i < NROW * NCOL; i++)
		x[i] = i % NCOL == 1;
	fitted("spike 0, standardize", x, a);
	fitted("spike 0, affine 1 0, standardize", x, b);
	ok(a[0] == b[0] && a[1] == b[1], "spike: where it takes every row");
}

int
main(void)
{
	size_t k;

	test_accuracy();
	test_ends();
	for (k = 0; k < NELEM(recipes); k++)
		test_runs(k);
	test_mixed();
	return done();
}
