/* A sample against a reference, by their bins. */
#include <math.h>

#include "agree.h"
#include "pvalue.h"

#define FEW	10	/* entries of both below which bins are joined */

/* Bins joined for chi2. */
struct group {
	double a, b, va, vb;
	uint64_t n;
};

static void
group_add(struct group *g, const struct nf_hist *h, const struct nf_hist *ref,
    int k)
{
	g->a += nf_hist_content(h, k);
	g->b += nf_hist_content(ref, k);
	g->va += nf_hist_variance(h, k);
	g->vb += nf_hist_variance(ref, k);
	g->n += h->b.n[k] + ref->b.n[k];
}

/* Of counts, the variance under the hypothesis that both are alike. */
static double
group_chi2(const struct group *g, double scale, bool counts)
{
	double d = g->a - scale * g->b;
	double var = counts ? scale * (g->a + g->b) :
	    g->va + scale * scale * g->vb;

	return var > 0 ? d * d / var : 0;
}

static void
find_chi2(struct nf_agree *r, const struct nf_hist *h,
    const struct nf_hist *ref)
{
	bool counts = h->b.w == NULL && ref->b.w == NULL;
	double scale = nf_hist_scale(h, ref);
	struct group g = { 0 }, last = { 0 };
	int k, ngroup = 0, nslot = nf_axis_nan(h->axis);

	r->chi2 = 0;
	for (k = 0; k < nslot; k++) {
		group_add(&g, h, ref, k);
		if (g.n < FEW)
			continue;
		r->chi2 += group_chi2(&last, scale, counts);
		last = g;
		g = (struct group){ 0 };
		ngroup++;
	}
	/* What is left over joins the last group. */
	last.a += g.a;
	last.b += g.b;
	last.va += g.va;
	last.vb += g.vb;
	r->chi2 += group_chi2(&last, scale, counts);
	r->ndf = ngroup - 1;
	if (r->ndf < 1)
		r->chi2 = r->ndf = NAN;
	r->chi2_p = nf_chi2_p(r->chi2, r->ndf);
}

/* As many entries of weight 1 would be as precise. */
static double
effective(const struct nf_hist *h)
{
	double sum = nf_hist_area(h), sum2 = 0;
	int k;

	for (k = 0; k < nf_axis_nan(h->axis); k++)
		sum2 += nf_hist_variance(h, k);
	return sum2 > 0 ? sum * sum / sum2 : 0;
}

/* The area below |d| where d goes evenly from d0 to d1 over a unit. */
static double
area(double d0, double d1)
{
	double sum = fabs(d0) + fabs(d1);

	if ((d0 < 0) == (d1 < 0) || sum == 0)
		return sum / 2;
	return (d0 * d0 + d1 * d1) / (2 * sum);
}

struct nf_agree
nf_hist_agree(const struct nf_hist *h, const struct nf_hist *ref)
{
	const struct nf_axis *a = h->axis;
	struct nf_agree r = { NAN, NAN, NAN, NAN, NAN, NAN };
	double na = nf_hist_area(h), nb = nf_hist_area(ref);
	double fa = 0, fb = 0, d, last = 0;
	int k;

	if (!(na > 0) || !(nb > 0))
		return r;
	find_chi2(&r, h, ref);
	r.ks = r.w1 = 0;
	for (k = 0; k <= a->nbin; k++) {
		fa += nf_hist_content(h, k) / na;
		fb += nf_hist_content(ref, k) / nb;
		d = fa - fb;
		r.ks = fmax(r.ks, fabs(d));
		if (k >= 1)
			r.w1 += area(last, d) *
			    (nf_axis_high(a, k) - nf_axis_low(a, k));
		last = d;
	}
	r.ks_p = nf_kolmogorov_p(r.ks, effective(h), effective(ref));
	return r;
}
