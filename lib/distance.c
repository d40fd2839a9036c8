/* How far two samples of one number differ, exactly: from their values. */
#include <math.h>
#include <stdlib.h>

#include "distance.h"
#include "pvalue.h"

static int
by_value(const void *a, const void *b)
{
	double x = ((const struct nf_entry *)a)->x;
	double y = ((const struct nf_entry *)b)->x;

	return (x > y) - (x < y);
}

void
nf_entry_sort(struct nf_entry *e, size_t n)
{
	if (n > 0)
		qsort(e, n, sizeof(*e), by_value);
}

void
nf_entry_merge(const struct nf_entry *a, size_t na, const struct nf_entry *b,
    size_t nb, struct nf_entry *out)
{
	size_t i = 0, j = 0;

	while (i < na || j < nb)
		*out++ = j == nb || (i < na && a[i].x <= b[j].x) ?
		    a[i++] : b[j++];
}

/* The sum of weights, and how many weights of 1 would be as precise. */
static double
total(const struct nf_entry *e, size_t n, double *effective)
{
	double sum = 0, sum2 = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += e[i].w;
		sum2 += e[i].w * e[i].w;
	}
	*effective = sum2 > 0 ? sum * sum / sum2 : 0;
	return sum;
}

/* The weight of all entries from *i on with value x. */
static double
at_value(const struct nf_entry *e, size_t n, size_t *i, double x)
{
	double w = 0;

	for (; *i < n && e[*i].x == x; ++*i)
		w += e[*i].w;
	return w;
}

struct nf_distance
nf_distance(const struct nf_entry *a, size_t na, const struct nf_entry *b,
    size_t nb)
{
	struct nf_distance r = { NAN, NAN, NAN, NAN };
	double ea, eb, sa = total(a, na, &ea), sb = total(b, nb, &eb);
	double fa = 0, fb = 0, x, last = 0, wa, wb;
	size_t i = 0, j = 0;

	if (!(sa > 0) || !(sb > 0))
		return r;
	r.w1 = r.ks = r.auc = 0;
	while (i < na || j < nb) {
		x = j == nb || (i < na && a[i].x < b[j].x) ? a[i].x : b[j].x;
		if (i + j > 0)
			r.w1 += fabs(fa - fb) * (x - last);
		wa = at_value(a, na, &i, x) / sa;
		wb = at_value(b, nb, &j, x) / sb;
		r.auc += wb * (fa + wa / 2);
		fa += wa;
		fb += wb;
		r.ks = fmax(r.ks, fabs(fa - fb));
		last = x;
	}
	/* What rounding leaves where both end at 1 is no difference. */
	r.ks = r.ks < 1e-12 ? 0 : r.ks;
	r.ks_p = nf_kolmogorov_p(r.ks, ea, eb);
	return r;
}

/* ---- from the standard normal distribution ----------------------------- */

/* The integral of its upper tail from x on. */
static double
tail_area(double x)
{
	return exp(-0.5 * x * x) / sqrt(2 * M_PI) - x * nf_normal_cdf(-x);
}

/* The integral of f - (distribution function) from a to b, by its tails. */
static double
area(double a, double b, double f)
{
	if (a >= 0)
		return (f - 1) * (b - a) + tail_area(a) - tail_area(b);
	if (b <= 0)
		return f * (b - a) - tail_area(-b) + tail_area(-a);
	return area(a, 0, f) + area(0, b, f);
}

/* The same of its size: the functions cross once at most. */
static double
gap_area(double a, double b, double f)
{
	double x = f > 0 && f < 1 ? nf_normal_quantile(f) : a;

	if (x <= a || x >= b)
		return fabs(area(a, b, f));
	return fabs(area(a, x, f)) + fabs(area(x, b, f));
}

struct nf_distance
nf_distance_normal(const struct nf_entry *e, size_t n)
{
	struct nf_distance r = { NAN, NAN, NAN, NAN };
	double effective, sum = total(e, n, &effective), f = 0, x, p;
	size_t i = 0;

	if (!(sum > 0))
		return r;
	r.w1 = tail_area(-e[0].x) + tail_area(e[n - 1].x);
	r.ks = 0;
	while (i < n) {
		x = e[i].x;
		p = nf_normal_cdf(x);
		r.ks = fmax(r.ks, fabs(p - f));
		f += at_value(e, n, &i, x) / sum;
		r.ks = fmax(r.ks, fabs(p - f));
		if (i < n)
			r.w1 += gap_area(x, e[i].x, f);
	}
	r.ks_p = nf_kolmogorov_p(r.ks, effective, INFINITY);
	return r;
}
