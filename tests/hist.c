/* Axes, counting and the choice of bins, against the slow and plain way. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "axis.h"
#include "hist.h"
#include "select.h"
#include "tap.h"
#include "page.h"

static uint64_t seed = 1;

static double
uniform(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (double)(seed >> 11) * 0x1p-53;
}

/* The slot by the definition of a bin. */
static int
slow_slot(const struct nf_axis *a, double x)
{
	int k;

	if (x != x)
		return a->nbin + 2;
	if (isinf(x))
		return a->nbin + 3;
	if (a->kind == NF_AXIS_LEVELS) {
		for (k = 1; k <= a->nbin; k += 2)
			if (x <= nf_axis_low(a, k))
				return x == nf_axis_low(a, k) ? k : k - 1;
		return a->nbin + 1;
	}
	if (x == a->hi)
		return a->nbin;
	for (k = 0; k <= a->nbin; k++)
		if (x < nf_axis_high(a, k))
			return k;
	return a->nbin + 1;
}

/* Values about every edge, far from all, and not finite. */
static void
test_find(const struct nf_axis *a, const char *what)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, 0.0, -0.0,
		DBL_MAX, -DBL_MAX, DBL_MIN, 1e30, -1e30 };
	size_t n = 3 * ((size_t)a->nbin + 1) + 10 + 5000, i, m = 0, bad = 0;
	double *x = malloc(n * sizeof(*x)), edge;
	int *slot = malloc(n * sizeof(*slot)), k;

	for (k = 1; k <= a->nbin + 1; k++) {
		edge = nf_axis_low(a, k);
		x[m++] = nextafter(edge, -INFINITY);
		x[m++] = edge;
		x[m++] = nextafter(edge, INFINITY);
	}
	memcpy(x + m, odd, sizeof(odd));
	m += sizeof(odd) / sizeof(odd[0]);
	for (; m < n; m++)
		x[m] = a->lo + (a->hi - a->lo) * (1.2 * uniform() - 0.1);
	nf_axis_find(a, x, slot, n);
	for (i = 0; i < n; i++)
		bad += slot[i] != slow_slot(a, x[i]);
	ok(bad == 0, "%s: %zu values, %zu in a wrong slot", what, n, bad);
	free(x);
	free(slot);
}

static void
test_axes(void)
{
	static const double range[][2] = { { 0, 1 }, { -0.3, 0.3 },
		{ 1e-290, 3e-290 }, { 1e15, 1e15 + 1000 }, { -1e300, 1e300 },
		{ 0.1, 0.7 }, { 16777216, 16777316 } };
	static const double edge[] = { -3, -1, -0.5, 0, 1e-9, 7, 100, 1e6 };
	static const int nbin[] = { 1, 2, 3, 7, 25, 60, 97 };
	struct nf_axis a;
	struct nf_err err;
	char what[64];
	size_t i, j;

	for (i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		for (j = 0; j < sizeof(nbin) / sizeof(nbin[0]); j++) {
			snprintf(what, sizeof(what), "%d bins of %g:%g",
			    nbin[j], range[i][0], range[i][1]);
			if (!ok(nf_axis_uniform(&a, nbin[j], range[i][0],
			    range[i][1], &err) == 0, "%s", what))
				continue;
			test_find(&a, what);
			nf_axis_free(&a);
		}
	for (i = 2; i <= sizeof(edge) / sizeof(edge[0]); i++) {
		ok(nf_axis_edges(&a, edge, (int)i, &err) == 0, "edges");
		test_find(&a, "edges");
		nf_axis_free(&a);
		ok(nf_axis_levels(&a, edge, (int)i, &err) == 0, "levels");
		test_find(&a, "levels");
		nf_axis_free(&a);
	}
	ok(nf_axis_log(&a, 30, 1e-3, 1e3, &err) == 0, "logarithmic");
	test_find(&a, "logarithmic");
	near(nf_axis_low(&a, 6), 1e-2, 1e-16, "a decade has five bins");
	nf_axis_free(&a);
	ok(nf_axis_uniform(&a, NF_AXIS_MAX_BINS, 0, 1, &err) == 0, "many bins");
	test_find(&a, "many bins");
	nf_axis_free(&a);
}

static void
refused(int rc, const struct nf_err *err, const char *want)
{
	ok(rc == -1 && err->code == NF_EUSE && strstr(err->msg, want) != NULL,
	    "refused: %s", rc == -1 ? err->msg : "(was not)");
}

static void
test_refusals(void)
{
	static const double down[] = { 0, 2, 1 }, inf[] = { 0, INFINITY };
	struct nf_axis a;
	struct nf_err err;

	refused(nf_axis_uniform(&a, 0, 0, 1, &err), &err, "0 bins");
	refused(nf_axis_uniform(&a, NF_AXIS_MAX_BINS + 1, 0, 1, &err), &err,
	    "65537 bins, want 1 to 65536");
	refused(nf_axis_uniform(&a, 5, 1, 1, &err), &err, "empty");
	refused(nf_axis_uniform(&a, 5, 2, 1, &err), &err, "empty");
	refused(nf_axis_uniform(&a, 5, NAN, 1, &err), &err, "range");
	refused(nf_axis_uniform(&a, 5, 0, INFINITY, &err), &err, "range");
	refused(nf_axis_uniform(&a, 5, 1, nextafter(1, 2), &err), &err,
	    "too narrow");
	refused(nf_axis_log(&a, 5, 0, 1, &err), &err, "above 0");
	refused(nf_axis_edges(&a, down, 3, &err), &err, "ascend");
	refused(nf_axis_edges(&a, down, 1, &err), &err, "0 bins");
	refused(nf_axis_edges(&a, inf, 2, &err), &err, "range");
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
test_select(void)
{
	size_t n, i, k, bad = 0;
	double x[300], y[300];
	int kind;

	for (n = 1; n <= 300; n = n * 3 / 2 + 1)
		for (kind = 0; kind < 4; kind++)
			for (k = 0; k < n; k++) {
				for (i = 0; i < n; i++)
					x[i] = kind == 0 ? uniform() :
					    kind == 1 ? (double)i :
					    kind == 2 ? -(double)i :
					    floor(4 * uniform());
				memcpy(y, x, n * sizeof(*x));
				qsort(y, n, sizeof(*y), by_value);
				bad += nf_select(x, n, k) != y[k];
				qsort(x, n, sizeof(*x), by_value);
				bad += memcmp(x, y, n * sizeof(*x)) != 0;
			}
	ok(bad == 0, "selection agrees with sorting");
}

/* Contents, errors and moments of weighted rows, added in uneven parts. */
static void
test_hist(bool weighted)
{
	enum { N = 10007 };
	static double x[N], w[N];
	double sum = 0, mean = 0, var = 0, in = 0, in2 = 0;
	struct nf_axis a;
	struct nf_hist h, part;
	struct nf_err err;
	size_t i, m;

	for (i = 0; i < N; i++) {
		x[i] = 1e6 + uniform();
		w[i] = weighted ? uniform() - 0.2 : 1;
		sum += w[i];
		mean += w[i] * (x[i] - 1e6);
		if (x[i] >= 1e6 + 0.5 && x[i] < 1e6 + 0.75) {
			in += w[i];
			in2 += w[i] * w[i];
		}
	}
	mean /= sum;
	for (i = 0; i < N; i++)
		var += w[i] * pow(x[i] - 1e6 - mean, 2);
	if (nf_axis_uniform(&a, 4, 1e6, 1e6 + 1, &err) != 0 ||
	    nf_hist_init(&h, &a, weighted, &err) != 0 ||
	    nf_hist_init(&part, &a, weighted, &err) != 0)
		exit(1);
	for (i = 0; i < N; i += m) {
		m = i / 3 + 1 < N - i ? i / 3 + 1 : N - i;
		nf_hist_add(i % 2 ? &h : &part, x + i, weighted ? w + i : NULL,
		    m);
	}
	nf_hist_merge(&h, &part);
	ok(nf_hist_finite(&h) == N, "all entries");
	near(h.sum, sum, 1e-9, "sum of weights");
	near(nf_hist_mean(&h), 1e6 + mean, 1e-9, "mean");
	near(nf_hist_std(&h), sqrt(var / sum), 1e-9, "standard deviation");
	near(nf_hist_content(&h, 3), in, 1e-9, "content");
	near(nf_hist_variance(&h, 3), in2, 1e-9, "variance");
	nf_hist_free(&h);
	nf_hist_free(&part);
	nf_axis_free(&a);
}

static void
test_ratio(void)
{
	static const double x[] = { 0, 0, 0, 1, NAN, INFINITY }, y[] = { 0, 1 };
	struct nf_axis a;
	struct nf_hist h, ref;
	struct nf_ratio r;
	struct nf_err err;

	if (nf_axis_uniform(&a, 2, 0, 2, &err) != 0 ||
	    nf_hist_init(&h, &a, false, &err) != 0 ||
	    nf_hist_init(&ref, &a, false, &err) != 0)
		exit(1);
	ok(isnan(nf_hist_mean(&h)) && isnan(nf_hist_std(&h)), "empty");
	near(nf_hist_scale(&h, &ref), 1, 0, "scale of nothing");
	nf_hist_add(&h, x, NULL, 6);
	nf_hist_add(&ref, y, NULL, 2);
	ok(h.b.n[4] == 1 && h.b.n[5] == 1 && nf_hist_finite(&h) == 4,
	    "what is not finite is counted apart");
	near(nf_hist_mean(&h), 0.25, 1e-15, "mean of the finite");
	near(nf_hist_scale(&h, &ref), 2, 0, "equal area");
	r = nf_hist_ratio(&h, &ref, 2, 1);
	near(r.ref, 2, 0, "reference");
	near(r.ref_error, 2, 0, "its error");
	near(r.value, 1.5, 0, "ratio");
	near(r.error, 1.5 * sqrt(1. / 3 + 1), 1e-15, "its error");
	near(r.pull, 1 / sqrt(3. + 4), 1e-15, "pull");
	r = nf_hist_ratio(&h, &ref, 2, 0);
	ok(isnan(r.value) && isnan(r.error) && isnan(r.pull), "0 / 0");
	nf_hist_free(&h);
	nf_hist_free(&ref);
	nf_axis_free(&a);
}

/* ---- the choice of bins ----------------------------------------------- */

static struct nf_axis
fit(const struct nf_binning *b, double *x, size_t n)
{
	static const struct nf_binning none = { .lo = NAN, .hi = NAN };
	struct nf_axis a;
	struct nf_err err;

	if (nf_axis_fit(&a, b == NULL ? &none : b, x, n, &err) != 0) {
		printf("# %s\n", err.msg);
		exit(1);
	}
	return a;
}

static void
test_fit_plain(void)
{
	struct nf_binning b = { .nbin = 7, .lo = NAN, .hi = NAN };
	static double x[50000];
	struct nf_axis a;
	size_t i, n = 50000;

	for (i = 0; i < n; i++)		/* normal, about */
		x[i] = 3 + 0.1 * (uniform() + uniform() + uniform() +
		    uniform() - 2);
	a = fit(NULL, x, n);
	ok(a.kind == NF_AXIS_UNIFORM && a.nbin >= 15 && a.nbin <= 40,
	    "about 25 bins: %d", a.nbin);
	ok(a.lo >= 2.8 && a.lo < 2.9 && a.hi > 3.1 && a.hi <= 3.2,
	    "range %g:%g", a.lo, a.hi);
	near(a.lo * 100, rint(a.lo * 100), 1e-9, "a round edge");
	nf_axis_free(&a);
	a = fit(&b, x, n);
	ok(a.nbin == 7, "as many bins as asked for: %d", a.nbin);
	nf_axis_free(&a);
	x[0] = 1e30;
	x[1] = NAN;
	x[2] = -INFINITY;
	a = fit(NULL, x, n);
	ok(a.hi < 4, "a far value does not stretch the range: %g", a.hi);
	nf_axis_free(&a);
	b.lo = 0;
	a = fit(&b, x, n);
	ok(a.lo == 0 && a.hi < 4 && a.nbin == 7, "the low end alone");
	nf_axis_free(&a);
	b.lo = NAN;
	b.hi = 2.5;
	a = fit(&b, x, n);
	ok(a.lo < a.hi && a.hi == 2.5, "the high end alone, below all");
	nf_axis_free(&a);
	for (i = 0; i < n; i++)
		x[i] = pow(uniform(), -3);
	a = fit(NULL, x, n);
	ok(a.hi < 1e5, "a long tail is cut: %g", a.hi);
	nf_axis_free(&a);
}

static void
test_fit_levels(void)
{
	static double x[1000];
	struct nf_axis a;
	size_t i;

	for (i = 0; i < 1000; i++)
		x[i] = i % 5 == 0 ? 0 : i % 5 == 1 ? 2 : 6;
	a = fit(NULL, x, 1000);
	ok(a.kind == NF_AXIS_LEVELS && a.nbin == 5 &&
	    nf_axis_low(&a, 3) == 2 && nf_axis_low(&a, 5) == 6, "levels");
	nf_axis_free(&a);
	for (i = 0; i < 1000; i++)
		x[i] = (double)(i % NF_AXIS_MAX_LEVELS) / 7;
	a = fit(NULL, x, 1000);
	ok(a.kind == NF_AXIS_LEVELS && a.nbin == 2 * NF_AXIS_MAX_LEVELS - 1,
	    "as many levels as there may be");
	nf_axis_free(&a);
	for (i = 0; i < 1000; i++)
		x[i] = (double)(i % 60);
	a = fit(NULL, x, 1000);
	ok(a.kind == NF_AXIS_UNIFORM && a.lo == 0 && a.hi == 60 &&
	    a.nbin == 20, "whole numbers get bins of as many each: %d of "
	    "%g:%g", a.nbin, a.lo, a.hi);
	nf_axis_free(&a);
	x[0] = 3.25;
	x[1] = 4.5;
	a = fit(NULL, x, 2);
	ok(a.kind == NF_AXIS_UNIFORM && a.lo <= 3.25 && a.hi >= 4.5,
	    "two rows are no levels");
	nf_axis_free(&a);
}

static void
test_fit_odd(void)
{
	struct nf_binning b = { .nbin = 10, .lo = NAN, .hi = NAN };
	static const double one[] = { 0, 1, -5, 1e-300, 1e300, 1e15, 0.1,
		DBL_MAX, -DBL_MAX, 5e-324 };
	double x[3];
	struct nf_axis a;
	size_t i;
	int k;

	for (i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		x[0] = x[1] = one[i];
		a = fit(NULL, x, 2);
		ok(a.kind == NF_AXIS_LEVELS && a.nbin == 1 && a.lo == one[i],
		    "the one value %g", one[i]);
		nf_axis_free(&a);
		x[0] = one[i];
		a = fit(&b, x, 1);
		nf_axis_find(&a, x, &k, 1);
		ok(a.nbin == 10 && (fabs(one[i]) > 1e299 ||
		    (k >= 1 && k <= 10)), "%g in ten bins of %g:%g", one[i],
		    a.lo, a.hi);
		nf_axis_free(&a);
	}
	for (i = 0; i < 3; i++)
		x[i] = i == 0 ? NAN : i == 1 ? INFINITY : -INFINITY;
	a = fit(NULL, x, 3);
	ok(a.lo == 0 && a.hi == 1, "nothing finite");
	nf_axis_free(&a);
	a = fit(NULL, x, 0);
	ok(a.lo == 0 && a.hi == 1, "nothing at all");
	nf_axis_free(&a);
	x[0] = -DBL_MAX;
	x[1] = DBL_MAX;
	x[2] = 0;
	a = fit(NULL, x, 3);
	ok(isfinite(a.hi - a.lo), "the whole range of doubles");
	nf_axis_free(&a);
}

static void
test_fit_log(void)
{
	struct nf_binning b = { .lo = NAN, .hi = NAN, .log = true };
	double x[100];
	struct nf_axis a;
	int i;

	for (i = 0; i < 100; i++)
		x[i] = pow(10, i / 25.) * 0.011;
	x[7] = 0;
	x[8] = -3;
	a = fit(&b, x, 100);
	ok(a.lo == 0.01 && a.hi == 200 && a.nbin == NF_AXIS_BINS,
	    "%d logarithmic bins of %g:%g", a.nbin, a.lo, a.hi);
	nf_axis_free(&a);
	x[0] = -1;
	a = fit(&b, x, 1);
	ok(a.lo > 0 && a.lo < a.hi, "no value above 0");
	nf_axis_free(&a);
	b.hi = 1e-5;
	for (i = 0; i < 100; i++)
		x[i] = 5;
	a = fit(&b, x, 100);
	ok(a.lo > 0 && a.hi == 1e-5, "all above the high end");
	nf_axis_free(&a);
}

static void
test_text(void)
{
	static const double number[] = { 0, 1, -2.5, 0.1, 1e-7, 1e22, 123456,
		1. / 3, 5e-324, DBL_MAX, 1e15, 100 };
	struct nf_page t = { 0 };
	struct nf_err err;
	char s[64];
	size_t i;

	for (i = 0; i < sizeof(number) / sizeof(number[0]); i++) {
		t.n = 0;
		nf_page_number(&t, number[i]);
		ok(strtod(t.s, NULL) == number[i], "%s", t.s);
	}
	t.n = 0;
	nf_page_left(&t, "naïve", 4);
	nf_page_add(&t, "|");
	nf_page_right(&t, "é", 3);
	nf_page_add(&t, "|");
	ok(strcmp(t.s, "naïv|  é|") == 0, "columns are characters: %s", t.s);
	ok(nf_page_width("\033[1;31mab\033[m█", 15) == 3, "escapes take none");
	t.n = 0;
	memset(s, 'x', 63);
	s[63] = '\0';
	for (i = 0; i < 100; i++)
		nf_page_add(&t, "%s", s);
	ok(t.n == 6300 && strlen(t.s) == 6300, "it grows");
	ok(nf_page_check(&t, &err) == 0, "and nothing failed");
	nf_page_free(&t);
}

int
main(void)
{
	test_axes();
	test_refusals();
	test_select();
	test_hist(false);
	test_hist(true);
	test_ratio();
	test_fit_plain();
	test_fit_levels();
	test_fit_odd();
	test_fit_log();
	test_text();
	return done();
}
