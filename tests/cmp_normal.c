/* Samples against the standard normal distribution, by its definition. */
#include <stdlib.h>
#include <string.h>

#include "cmp.h"
#include "distance.h"
#include "pvalue.h"
#include "tap.h"

static uint64_t state = 1;

static double
uniform(void)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return ((double)(state >> 11) + 0.5) * 0x1p-53;
}

static double
normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* ---- the distribution --------------------------------------------------- */

static void
test_quantile(void)
{
	double p, off = 0, x;

	near(nf_normal_cdf(1.959963984540054), 0.975, 1e-15, "1.96 is 97.5 %%");
	near(nf_normal_quantile(0.975), 1.959963984540054, 1e-14, "and back");
	near(nf_normal_quantile(1e-300), -37.0471, 1e-4, "deep in a tail");
	for (p = 1e-12; p < 1; p = p < 0.4 ? p * 1.7 : p + 0.013)
		off = fmax(off, fabs(nf_normal_cdf(nf_normal_quantile(p)) / p -
		    1));
	near(off, 0, 1e-12, "one undoes the other");
	for (off = 0, x = 0.01; x < 40; x *= 1.3)
		off = fmax(off, fabs(nf_normal_cdf(-nf_chi2_normal(x, 1)) -
		    2 * nf_normal_cdf(-sqrt(x))));
	near(off, 0, 1e-13, "chi2 of 1: the square of a normal number");
	for (off = 0, x = 0.01; x < 1400; x *= 1.3)
		off = fmax(off, fabs(nf_normal_cdf(-nf_chi2_normal(x, 2)) /
		    exp(-x / 2) - 1));
	near(off, 0, 1e-11, "chi2 of 2: exponential, to 1e-300");
	ok(isfinite(nf_chi2_normal(0, 3)) && isfinite(nf_chi2_normal(1e77,
	    20)) && isfinite(nf_chi2_normal(INFINITY, 3)) &&
	    nf_chi2_normal(1e77, 20) > 30, "finite whatever the latents");
	near(nf_kolmogorov_p(0.1, 100, INFINITY),
	    nf_kolmogorov_p(0.1, 100, 1e15), 1e-9, "one sample: m without end");
}

/* ---- distances ---------------------------------------------------------- */

static double
below(const struct nf_entry *e, int n, double x, int equal)
{
	double sum = 0, in = 0;
	int i;

	for (i = 0; i < n; i++) {
		sum += e[i].w;
		in += e[i].x < x || (equal && e[i].x == x) ? e[i].w : 0;
	}
	return in / sum;
}

static double
slow_ks(const struct nf_entry *e, int n)
{
	double ks = 0, p;
	int i;

	for (i = 0; i < n; i++) {
		p = nf_normal_cdf(e[i].x);
		ks = fmax(ks, fabs(p - below(e, n, e[i].x, 0)));
		ks = fmax(ks, fabs(p - below(e, n, e[i].x, 1)));
	}
	return ks;
}

/* The area between both by rectangles. */
static double
slow_w1(const struct nf_entry *e, int n)
{
	enum { STEPS = 40000 };
	double sum = 0, x;
	int i;

	for (i = 0; i < STEPS; i++) {
		x = -10 + 20 * (i + 0.5) / STEPS;
		sum += fabs(below(e, n, x, 1) - nf_normal_cdf(x)) * 20 / STEPS;
	}
	return sum;
}

static void
test_distance(void)
{
	struct nf_entry e[40];
	struct nf_distance d;
	double off[2] = { 0, 0 };
	int round, i, n;

	for (round = 0; round < 24; round++) {
		n = 1 + (int)(uniform() * 39);
		for (i = 0; i < n; i++) {
			e[i] = (struct nf_entry){ 1 + 2 * normal(), 1 };
			if (round % 2 == 1)
				e[i].x = rint(e[i].x);
			if (round % 3 == 1)
				e[i].w = uniform() < 0.2 ? -0.1 : uniform();
		}
		e[0].w = 7;
		nf_entry_sort(e, (size_t)n);
		d = nf_distance_normal(e, (size_t)n);
		off[0] = fmax(off[0], fabs(d.ks - slow_ks(e, n)));
		off[1] = fmax(off[1], fabs(d.w1 - slow_w1(e, n)));
	}
	near(off[0], 0, 1e-14, "KS by definition, weights of either sign");
	near(off[1], 0, 1e-3, "W1 by definition");
	e[0] = (struct nf_entry){ 0, 1 };
	d = nf_distance_normal(e, 1);
	near(d.w1, sqrt(2 / M_PI), 1e-15, "W1 of a point at 0");
	near(d.ks, 0.5, 1e-15, "KS of a point at 0");
	e[0].x = 1e30;
	d = nf_distance_normal(e, 1);
	near(d.w1, 1e30, 1e15, "W1 of a point far away");
	e[0].w = -1;
	d = nf_distance_normal(e, 1);
	ok(isnan(d.w1) && isnan(d.ks), "no distance of nothing");
	ok(isnan(nf_distance_normal(e, 0).ks), "of no rows");
}

/* ---- samples ------------------------------------------------------------ */

/* n rows of D = 2: z1 has this correlation, shift and spread. */
static struct nf_cmp
compare(int n, double rho, double shift, double spread)
{
	struct nf_sample s;
	struct nf_err err;
	struct nf_cmp c = { 0 };
	double z[3];
	int i, bad = nf_sample_init(&s, 3, 0, 5, 0, &err);

	for (i = 0; i < n && !bad; i++) {
		z[0] = normal();
		z[1] = rho * z[0] + sqrt(1 - rho * rho) * normal();
		z[1] = shift + spread * z[1];
		z[2] = nf_cmp_radius(z, 2);
		bad |= nf_sample_add(&s, z, 1, 0, &err);
	}
	if (bad || nf_cmp_normal(&c, &s, &err) == -1) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	nf_sample_free(&s);
	return c;
}

static void
test_good(void)
{
	struct nf_cmp c = compare(20000, 0, 0, 1);
	const struct nf_figure *f;
	int j, k, bad = 0;

	for (j = 0; j < 3; j++) {
		f = c.column[j];
		for (k = 0; k < 2; k++) {
			bad += !((k ? f[NF_CMP_KS].floor :
			    f[NF_CMP_KS].value) < 0.0145);
			bad += !((k ? f[NF_CMP_W1_STD].floor :
			    f[NF_CMP_W1_STD].value) < 0.03);
			bad += !((k ? f[NF_CMP_CHI2].floor :
			    f[NF_CMP_CHI2].value) < 2.4);
			bad += !(fabs(k ? f[NF_CMP_SHIFT].floor :
			    f[NF_CMP_SHIFT].value) < 0.03);
			bad += !(fabs((k ? f[NF_CMP_SPREAD].floor :
			    f[NF_CMP_SPREAD].value) - 1) < 0.025);
			bad += !((k ? f[NF_CMP_KS_P].floor :
			    f[NF_CMP_KS_P].value) > 1e-4);
		}
	}
	ok(bad == 0, "normal numbers are near normal, as is the floor");
	ok(c.joint[NF_CMP_CORR].value < 0.03 && c.joint[NF_CMP_CORR].floor <
	    0.03 && c.joint[NF_CMP_SLICED].value < 0.02, "also jointly");
	ok(c.ncol == 3 && c.nrow[0] == 20000 && c.nkept[0] == 20000 &&
	    isinf(c.lo) && isinf(c.hi), "of all rows");
	nf_cmp_free(&c);
}

static void
test_bad(void)
{
	struct nf_cmp c = compare(20000, 0, 0.3, 1);

	near(c.column[1][NF_CMP_W1_STD].value, 0.3, 0.02, "W1 of a shift");
	near(c.column[1][NF_CMP_KS].value, 2 * nf_normal_cdf(0.15) - 1, 0.015,
	    "KS of a shift");
	near(c.column[1][NF_CMP_SHIFT].value, 0.3, 0.02, "the mean");
	ok(c.column[1][NF_CMP_CHI2].value > 20 &&
	    c.column[1][NF_CMP_CHI2_P].value < 1e-10, "chi2 sees it");
	ok(c.column[0][NF_CMP_KS].value < 0.0145, "not where it is not");
	nf_cmp_free(&c);
	c = compare(20000, 0, 0, 1.5);
	near(c.column[1][NF_CMP_SPREAD].value, 1.5, 0.03, "the spread");
	near(c.column[1][NF_CMP_W1_STD].value, 0.5 * sqrt(2 / M_PI), 0.02,
	    "W1 of a spread");
	ok(c.column[2][NF_CMP_SHIFT].value > 0.1 &&
	    c.column[2][NF_CMP_KS].value > 0.05, "too far out together");
	nf_cmp_free(&c);
	c = compare(20000, -0.5, 0, 1);
	near(c.joint[NF_CMP_CORR].value, 0.5, 0.02, "the correlation");
	ok(c.pair[0] == 0 && c.pair[1] == 1, "of the only pair");
	ok(c.column[1][NF_CMP_KS].value < 0.0145 &&
	    c.column[2][NF_CMP_KS].value > 0.015,
	    "which only both together show");
	nf_cmp_free(&c);
	c = compare(15, 0, 0, 1);
	ok(isnan(c.column[0][NF_CMP_CHI2].value) &&
	    isfinite(c.column[0][NF_CMP_KS].value), "few rows: no chi2");
	nf_cmp_free(&c);
}

/* ---- weights of either sign --------------------------------------------- */

/*
 * n rows of normal numbers shifted, and where pair is set as many again at
 * another place, of weight 1 or -1 by lot, which stand for nothing.
 */
static struct nf_cloud
cloud(size_t n, double shift, int pair)
{
	struct nf_cloud c = { .ncol = 2, .n = n + (pair ? n : 0) };
	size_t i, k;

	c.x = calloc(c.n * 2, sizeof(*c.x));
	c.w = calloc(c.n, sizeof(*c.w));
	for (i = 0; i < c.n; i++) {
		k = pair ? (size_t)(4 * uniform()) : 0;
		c.x[2 * i] = normal() + (k < 2 ? shift : 3);
		c.x[2 * i + 1] = normal();
		c.w[i] = k == 3 ? -1 : 1;
	}
	return c;
}

static double
auc(const struct nf_cloud *a, const struct nf_cloud *b)
{
	struct nf_err err;
	double v;

	return nf_cmp_auc(a, b, &v, &err) == -1 ? NAN : v;
}

static void
test_auc(void)
{
	struct nf_cloud a = cloud(6000, 0, 0), b = cloud(6000, 0, 1);
	struct nf_cloud c = cloud(6000, 1, 1), d = cloud(6000, 0, 1);
	size_t i;

	near(auc(&a, &b), 0.5, 0.04, "AUC: what weights take away is gone");
	near(auc(&b, &d), 0.5, 0.04, "AUC: in neither sample");
	near(auc(&a, &c), 0.760, 0.04, "AUC of the shift that is left");
	near(auc(&c, &a), 0.760, 0.04, "AUC either way");
	for (i = 0; i < b.n; i++)
		b.w[i] *= 7;
	near(auc(&a, &b), 0.5, 0.04, "AUC: the sum of weights does not count");
	for (i = 0; i < b.n; i++)
		b.w[i] = i % 4 < 2 ? 1 : -1.5;
	ok(isnan(auc(&a, &b)), "AUC: none where weights cancel");
	free(a.x);
	free(a.w);
	free(b.x);
	free(b.w);
	free(c.x);
	free(c.w);
	free(d.x);
	free(d.w);
}

int
main(void)
{
	test_quantile();
	test_distance();
	test_good();
	test_bad();
	test_auc();
	return done();
}
