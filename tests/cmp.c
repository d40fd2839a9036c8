/* Comparisons of samples, against the slow and plain way. */
#include <stdlib.h>
#include <string.h>

#include "cmp.h"
#include "distance.h"
#include "frechet.h"
#include "tap.h"

static uint64_t state = 1;

static double
uniform(void)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (double)(state >> 11) * 0x1p-53;
}

static double
normal(void)
{
	double u = 1 - uniform();

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * uniform());
}

/* A distribution function by its definition. */
static double
below(const struct nf_entry *e, int n, double x)
{
	double sum = 0, in = 0;
	int i;

	for (i = 0; i < n; i++) {
		sum += e[i].w;
		in += e[i].x <= x ? e[i].w : 0;
	}
	return in / sum;
}

static struct nf_distance
slow_distance(const struct nf_entry *a, int na, const struct nf_entry *b,
    int nb)
{
	struct nf_entry *all = calloc((size_t)(na + nb), sizeof(*all));
	struct nf_distance r = { 0, 0, 0, 0 };
	double d, sa = 0, sb = 0;
	int i, j;

	memcpy(all, a, (size_t)na * sizeof(*a));
	memcpy(all + na, b, (size_t)nb * sizeof(*b));
	nf_entry_sort(all, (size_t)(na + nb));
	for (i = 0; i < na + nb; i++) {
		d = fabs(below(a, na, all[i].x) - below(b, nb, all[i].x));
		r.ks = fmax(r.ks, d);
		if (i + 1 < na + nb)
			r.w1 += d * (all[i + 1].x - all[i].x);
	}
	for (i = 0; i < na; i++)
		sa += a[i].w;
	for (j = 0; j < nb; j++)
		sb += b[j].w;
	for (i = 0; i < na; i++)
		for (j = 0; j < nb; j++)
			r.auc += a[i].w / sa * b[j].w / sb *
			    (b[j].x > a[i].x ? 1 : b[j].x == a[i].x ? 0.5 : 0);
	free(all);
	return r;
}

static void
test_distance(void)
{
	struct nf_entry a[61], b[61];
	struct nf_distance got, want;
	double off[3] = { 0, 0, 0 };
	int round, i, na, nb;

	for (round = 0; round < 300; round++) {
		na = 1 + (int)(uniform() * 60);
		nb = 1 + (int)(uniform() * 60);
		for (i = 0; i < na + nb; i++) {
			struct nf_entry e = { normal(), 1 };

			if (round % 2 == 1)	/* ties */
				e.x = rint(2 * e.x);
			if (round % 3 == 1)	/* either sign; sums above 0 */
				e.w = uniform() < 0.2 ? -0.1 : 1 + uniform();
			*(i < na ? &a[i] : &b[i - na]) = e;
		}
		a[0].w = b[0].w = 7;
		nf_entry_sort(a, (size_t)na);
		nf_entry_sort(b, (size_t)nb);
		got = nf_distance(a, (size_t)na, b, (size_t)nb);
		want = slow_distance(a, na, b, nb);
		off[0] = fmax(off[0], fabs(got.w1 - want.w1));
		off[1] = fmax(off[1], fabs(got.ks - want.ks));
		off[2] = fmax(off[2], fabs(got.auc - want.auc));
	}
	near(off[0], 0, 1e-13, "W1 is the area by definition");
	near(off[1], 0, 1e-13, "KS is the largest difference by definition");
	near(off[2], 0, 1e-13, "AUC counts pairs, ties by half");
	got = nf_distance(a, (size_t)na, a, (size_t)na);
	ok(got.w1 == 0 && got.ks == 0 && got.ks_p == 1,
	    "a sample is not far from itself");
	got = nf_distance(a, 0, b, (size_t)nb);
	ok(isnan(got.w1) && isnan(got.ks) && isnan(got.ks_p),
	    "nothing is not compared");
	for (i = 0; i < na; i++)
		a[i].w = -1;
	got = nf_distance(a, (size_t)na, b, (size_t)nb);
	ok(isnan(got.w1), "nor is a sum of weights below 0");
}

/* Moments against sums of squares about the mean, far from 0. */
static void
test_moments(void)
{
	enum { N = 1000, D = 3 };
	static double x[N][D], w[N];
	double mean[D] = { 0 }, sum = 0, want, off = 0;
	struct nf_sample s;
	struct nf_moments m;
	struct nf_err err;
	int i, j, k, bad = 0;

	bad |= nf_sample_init(&s, D, 0, 1, 0, &err);
	for (i = 0; i < N; i++) {
		w[i] = i % 7 == 0 ? -0.5 : 1 + uniform();
		x[i][0] = 1e6 + normal();
		x[i][1] = normal();
		x[i][2] = x[i][0] - 1e6 + 0.3 * x[i][1];
		bad |= nf_sample_add(&s, x[i], w[i], 0, &err);
		sum += w[i];
		for (j = 0; j < D; j++)
			mean[j] += w[i] * x[i][j];
	}
	bad |= nf_sample_moments(&s, &m, &err);
	for (j = 0; j < D; j++) {
		mean[j] /= sum;
		off = fmax(off, fabs(nf_moments_mean(&m, (uint32_t)j) -
		    mean[j]));
	}
	near(off, 0, 1e-8, "means of weighted rows, in two halves");
	for (j = 0, off = 0; j < D; j++)
		for (k = 0; k < D; k++) {
			for (want = 0, i = 0; i < N; i++)
				want += w[i] / sum * (x[i][j] - mean[j]) *
				    (x[i][k] - mean[k]);
			off = fmax(off, fabs(want - nf_moments_cov(&m,
			    (uint32_t)j, (uint32_t)k)));
		}
	near(off, 0, 1e-9, "covariances, either order of columns");
	ok(bad == 0 && s.weighted && s.negative && s.nrow == N &&
	    s.half[0].n + s.half[1].n == N, "every row is in one half");
	nf_moments_free(&m);
	nf_sample_free(&s);
}

/* A row's chance to be kept does not depend on where it stood. */
static void
test_reservoir(void)
{
	enum { N = 1000, ROOM = 100, ROUNDS = 200 };
	double chi2 = 0, x, e = ROUNDS * ROOM / 10.0;
	int tenth[10] = { 0 }, round, i, bad = 0, first = 0;
	struct nf_sample s;
	struct nf_err err;

	for (round = 0; round < ROUNDS; round++) {
		bad |= nf_sample_init(&s, 1, ROOM, (uint64_t)round, 0, &err);
		for (i = 0; i < N; i++) {
			x = i;
			bad |= nf_sample_add(&s, &x, 1, x, &err);
		}
		bad |= s.nkept != ROOM || s.nrow != N;
		for (i = 0; i < ROOM; i++) {
			x = nf_sample_row(&s, (uint64_t)i)[0];
			tenth[(int)x / (N / 10)]++;
			first += nf_row_half(&s, nf_sample_row(&s,
			    (uint64_t)i));
			bad |= nf_row_by(&s, nf_sample_row(&s,
			    (uint64_t)i)) != x;
		}
		nf_sample_free(&s);
	}
	for (i = 0; i < 10; i++)
		chi2 += (tenth[i] - e) * (tenth[i] - e) / e;
	ok(bad == 0, "as many rows are kept as there is room for");
	ok(chi2 < 27.9, "early and late rows alike (chi2 %.1f of 9)", chi2);
	near(first, ROUNDS * ROOM / 2.0, 4 * sqrt(ROUNDS * ROOM / 4.0),
	    "half of them in either half");
}

/* Fill a sample of two columns of normal numbers with this correlation. */
static int
fill(struct nf_sample *s, int n, uint32_t id, double shift, double rho)
{
	struct nf_err err;
	double x[2], w = 1;
	int i, bad = nf_sample_init(s, 2, 0, 5, id, &err);

	for (i = 0; i < n; i++) {
		x[0] = normal();
		x[1] = rho * x[0] + sqrt(1 - rho * rho) * normal();
		x[0] = 10 + 2 * (x[0] + shift);
		bad |= nf_sample_add(s, x, w, x[0], &err);
	}
	return bad;
}

static void
test_compare(void)
{
	struct nf_sample s[2];
	struct nf_cmps t;
	struct nf_err err;
	const struct nf_figure *f;
	uint64_t n = 0;
	int k;

	ok(fill(&s[0], 20000, 0, 0, 0.5) == 0 &&
	    fill(&s[1], 10000, 1, 0.25, -0.5) == 0 &&
	    nf_cmps_init(&t, s, 2, 4, &err) == 0, "two samples are compared");
	f = t.c[0].column[0];
	near(f[NF_CMP_W1].value, 0.5, 0.06, "W1 of a shift is the shift");
	near(f[NF_CMP_W1_STD].value, 0.25, 0.03, "also in std");
	near(f[NF_CMP_SHIFT].value, 0.25, 0.05, "the means say the same");
	near(f[NF_CMP_SPREAD].value, 1, 0.03, "the spreads are alike");
	near(f[NF_CMP_KS].value, 0.0995, 0.02, "KS is 2 Phi(d / 2) - 1");
	ok(f[NF_CMP_KS_P].value < 1e-10 && f[NF_CMP_KS_P].floor > 1e-4,
	    "its chance tells them apart, not the halves");
	ok(f[NF_CMP_CHI2].value > 5 && f[NF_CMP_CHI2].floor < 3,
	    "and so does chi2");
	ok(f[NF_CMP_W1_STD].floor < 0.06, "the floor is low");
	f = t.c[0].joint;
	near(f[NF_CMP_CORR].value, 1, 0.05, "correlations 0.5 and -0.5");
	ok(f[NF_CMP_CORR].floor < 0.06 && t.c[0].pair[0] == 0 &&
	    t.c[0].pair[1] == 1, "of the only pair");
	ok(f[NF_CMP_SLICED].value > 0.1 && f[NF_CMP_SLICED].floor < 0.05,
	    "projections differ");
	ok(t.n == 5, "four bins of the condition");
	for (k = 1; k < t.n; k++)
		n += t.c[k].nrow[0] == 5000;
	ok(n == 4, "of equal numbers of rows");
	ok(t.c[1].nrow[1] + t.c[2].nrow[1] + t.c[3].nrow[1] + t.c[4].nrow[1]
	    == 10000 && t.c[1].hi == t.c[2].lo && isinf(t.c[4].hi),
	    "that hold all of the second");
	nf_cmps_free(&t);
	nf_sample_free(&s[0]);
	nf_sample_free(&s[1]);
}

/* Turn the symmetric a[n * n] by Q = 1 - 2 v v^T, |v| = 1: Q a Q. */
static void
reflect(double *a, int n, const double *v)
{
	double t;
	int i, j;

	for (i = 0; i < n; i++) {
		for (t = 0, j = 0; j < n; j++)
			t += a[i * n + j] * v[j];
		for (j = 0; j < n; j++)
			a[i * n + j] -= 2 * t * v[j];
	}
	for (j = 0; j < n; j++) {
		for (t = 0, i = 0; i < n; i++)
			t += a[i * n + j] * v[i];
		for (i = 0; i < n; i++)
			a[i * n + j] -= 2 * t * v[i];
	}
}

static void
draw_direction(double *v, int n)
{
	double sum = 0;
	int j;

	for (j = 0; j < n; j++) {
		v[j] = normal();
		sum += v[j] * v[j];
	}
	for (j = 0; j < n; j++)
		v[j] /= sqrt(sum);
}

static int
by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Known eigenvalues, of which some are equal, in a frame turned at random. */
static void
test_eigenvalues(void)
{
	static const int size[] = { 1, 2, 3, 7, 40 };
	double a[1600], v[40], want[40], got[40], tmp[80], off = 0;
	size_t s;
	int n, i, round;

	for (s = 0; s < 5; s++)
		for (round = 0; round < 20; round++) {
			n = size[s];
			memset(a, 0, sizeof(a));
			for (i = 0; i < n; i++)
				a[i * n + i] = want[i] = i % 3 == 0 ? 2 :
				    round == 0 ? 0 : normal();
			for (i = 0; i < 3; i++) {
				draw_direction(v, n);
				reflect(a, n, v);
			}
			nf_eigenvalues(a, (uint32_t)n, got, tmp);
			qsort(want, (size_t)n, sizeof(*want), by_number);
			qsort(got, (size_t)n, sizeof(*got), by_number);
			for (i = 0; i < n; i++)
				off = fmax(off, fabs(got[i] - want[i]));
		}
	near(off, 0, 1e-13, "eigenvalues of turned diagonals");
}

/* Where A and B commute the distance is a sum over their common frame. */
static void
test_frechet(void)
{
	enum { N = 9 };
	double a[N * N] = { 0 }, b[N * N] = { 0 }, v[N], want = 0, got, d;
	double ma[N], mb[N];
	struct nf_err err;
	int i, bad;

	for (i = 0; i < N; i++) {
		a[i * N + i] = i == 4 ? 0 : 1 + uniform();
		b[i * N + i] = i == 7 ? 0 : 3 * uniform();
		ma[i] = normal();
		mb[i] = normal();
		d = sqrt(a[i * N + i]) - sqrt(b[i * N + i]);
		want += d * d + (ma[i] - mb[i]) * (ma[i] - mb[i]);
	}
	for (i = 0; i < 3; i++) {
		draw_direction(v, N);
		reflect(a, N, v);
		reflect(b, N, v);
	}
	bad = nf_frechet(ma, a, mb, b, N, &got, &err);
	near(got, want, 1e-6, "Frechet distance of commuting covariances");
	/* A = (2 1; 1 2), B = (1 0; 0 4): det A B = 12, tr A B = 10. */
	bad |= nf_frechet((double[]){ 0, 0 }, (double[]){ 2, 1, 1, 2 },
	    (double[]){ 3, 0 }, (double[]){ 1, 0, 0, 4 }, 2, &got, &err);
	near(got, 9 + 4 + 5 - 2 * sqrt(10 + 2 * sqrt(12)), 1e-12,
	    "and of two that do not");
	bad |= nf_frechet((double[]){ 0 }, (double[]){ NAN }, (double[]){ 0 },
	    (double[]){ 1 }, 1, &got, &err);
	ok(bad == 0 && isnan(got), "there is none of what is not finite");
}

/* A cloud of n rows of two columns; kind 1 differs in what they do jointly. */
static void
make_cloud(struct nf_cloud *c, int n, int kind, double shift)
{
	int i;

	*c = (struct nf_cloud){ .ncol = 2, .n = (size_t)n };
	c->x = calloc(2 * (size_t)n, sizeof(*c->x));
	c->w = calloc((size_t)n, sizeof(*c->w));
	for (i = 0; i < n; i++) {
		c->x[2 * i] = normal();
		c->x[2 * i + 1] = kind == 1 ? copysign(normal(),
		    c->x[2 * i]) : normal();
		c->x[2 * i] += shift;
		c->w[i] = 1;
	}
}

static void
free_cloud(struct nf_cloud *c)
{
	free(c->x);
	free(c->w);
}

static void
test_auc(void)
{
	struct nf_cloud a, b, c, d;
	struct nf_err err;
	double auc, fpd;
	int bad = 0;

	make_cloud(&a, 6000, 0, 0);
	make_cloud(&b, 5000, 0, 0);
	make_cloud(&c, 6000, 0, 1);
	make_cloud(&d, 6000, 1, 0);
	bad |= nf_cmp_auc(&a, &b, &auc, &err);
	near(auc, 0.5, 0.03, "a classifier cannot tell what is alike");
	bad |= nf_cmp_auc(&a, &c, &auc, &err);
	near(auc, 0.760, 0.02, "a shift by 1: Phi(1 / sqrt(2)) at best");
	bad |= nf_cmp_auc(&a, &d, &auc, &err);
	near(auc, 0.75, 0.02, "columns that differ jointly: 3/4 at best");
	bad |= nf_cmp_fpd(&a, &b, &fpd, &err);
	near(fpd, 0, 0.005, "FPD of what is alike");
	bad |= nf_cmp_fpd(&a, &c, &fpd, &err);
	near(fpd, 1, 0.15, "FPD of a shift by 1");
	a.n = 59;
	bad |= nf_cmp_fpd(&a, &b, &fpd, &err);
	ok(isnan(fpd) && bad == 0, "few rows: no FPD");
	free_cloud(&a);
	free_cloud(&b);
	free_cloud(&c);
	free_cloud(&d);
}

int
main(void)
{
	test_distance();
	test_moments();
	test_reservoir();
	test_compare();
	test_eigenvalues();
	test_frechet();
	test_auc();
	return done();
}
