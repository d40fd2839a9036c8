/* Histograms as tab-separated values. */
#include <math.h>

#include "plot.h"

void
nf_plot_tsv_head(struct nf_page *t)
{
	nf_page_add(t, "column\tlow\thigh\tcount\terror\treference\t"
	    "reference_error\tratio\tratio_error\n");
}

static void
put(struct nf_page *t, double x, const char *after)
{
	nf_page_number(t, x);
	nf_page_add(t, "%s", after);
}

static void
put_slot(struct nf_page *t, const struct nf_hist *h, const struct nf_hist *ref,
    double scale, int k)
{
	int nan = nf_axis_nan(h->axis);
	struct nf_ratio r = { NAN, NAN, NAN, NAN, NAN };

	if (ref != NULL)
		r = nf_hist_ratio(h, ref, scale, k);
	if (k >= nan)
		nf_page_add(t, k == nan ? "nan\tnan\t" : "-inf\tinf\t");
	else {
		put(t, nf_axis_low(h->axis, k), "\t");
		put(t, nf_axis_high(h->axis, k), "\t");
	}
	put(t, nf_hist_content(h, k), "\t");
	put(t, sqrt(nf_hist_variance(h, k)), "\t");
	put(t, r.ref, "\t");
	put(t, r.ref_error, "\t");
	put(t, r.value, "\t");
	put(t, r.error, "\n");
}

void
nf_plot_tsv(struct nf_page *t, const struct nf_plot *p, const char *name,
    const struct nf_hist *h, const struct nf_hist *ref)
{
	const struct nf_axis *a = h->axis;
	double scale = ref == NULL || p->unscaled ? 1 : nf_hist_scale(h, ref);
	int k;

	for (k = 0; k < nf_axis_nslot(a); k++) {
		/* Between levels there is nothing unless something fell. */
		if (a->kind == NF_AXIS_LEVELS && k >= 1 && k <= a->nbin &&
		    !nf_axis_is_level(a, k) && h->n[k] == 0 &&
		    (ref == NULL || ref->n[k] == 0))
			continue;
		nf_page_add(t, "%s\t", name);
		put_slot(t, h, ref, scale, k);
	}
}
