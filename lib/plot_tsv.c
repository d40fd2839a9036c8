/* Pictures as tab-separated values. */
#include <math.h>
#include <string.h>

#include "plot.h"

static void
put(struct nf_page *t, double x, const char *after)
{
	nf_page_number(t, x);
	nf_page_add(t, "%s", after);
}

/* The edges of a slot; what is not finite has none of its own. */
static void
put_edges(struct nf_page *t, const struct nf_axis *a, int k)
{
	int nan = nf_axis_nan(a);

	put(t, k == nan ? NAN : k > nan ? -INFINITY : nf_axis_low(a, k),
	    "\t");
	put(t, k == nan ? NAN : k > nan ? INFINITY : nf_axis_high(a, k),
	    "\t");
}

/* Between levels there is nothing unless something fell there. */
static bool
is_gap(const struct nf_axis *a, int k)
{
	return a->kind == NF_AXIS_LEVELS && k >= 1 && k <= a->nbin &&
	    !nf_axis_is_level(a, k);
}

static void
put_ratio(struct nf_page *t, const struct nf_bins *b,
    const struct nf_bins *ref, double scale, size_t k)
{
	struct nf_ratio r = { NAN, NAN, NAN, NAN, NAN };

	if (ref != NULL)
		r = nf_bins_ratio(b, ref, scale, k);
	put(t, nf_bins_content(b, k), "\t");
	put(t, sqrt(nf_bins_variance(b, k)), "\t");
	put(t, r.ref, "\t");
	put(t, r.ref_error, "\t");
	put(t, r.value, "\t");
	put(t, r.error, "\n");
}

static void
put_hist(struct nf_page *t, const struct nf_plot *p, const char *name,
    const struct nf_hist *h, const struct nf_hist *ref)
{
	double scale = ref == NULL || p->unscaled ? 1 : nf_hist_scale(h, ref);
	int k;

	for (k = 0; k < nf_axis_nslot(h->axis); k++) {
		if (is_gap(h->axis, k) && h->b.n[k] == 0 &&
		    (ref == NULL || ref->b.n[k] == 0))
			continue;
		nf_page_add(t, "%s\t", name);
		put_edges(t, h->axis, k);
		put_ratio(t, &h->b, ref == NULL ? NULL : &ref->b, scale,
		    (size_t)k);
	}
}

static void
put_map(struct nf_page *t, const struct nf_plot *p, const struct nf_map *m,
    const struct nf_map *ref)
{
	double a = nf_map_area(m), b = ref == NULL ? 0 : nf_map_area(ref);
	double scale = !p->unscaled && a > 0 && b > 0 ? a / b : 1;
	int kx, ky;
	size_t k;

	for (kx = 0; kx < nf_axis_nslot(m->ax); kx++)
		for (ky = 0; ky < nf_axis_nslot(m->ay); ky++) {
			k = nf_map_slot(m, kx, ky);
			if ((is_gap(m->ax, kx) || is_gap(m->ay, ky)) &&
			    m->b.n[k] == 0 && (ref == NULL ||
			    ref->b.n[k] == 0))
				continue;
			put_edges(t, m->ax, kx);
			put_edges(t, m->ay, ky);
			put_ratio(t, &m->b, ref == NULL ? NULL : &ref->b,
			    scale, k);
		}
}

static void
put_mean(struct nf_page *t, const struct nf_profile *p, int k,
    const char *after)
{
	put(t, p == NULL ? NAN : nf_bins_content(&p->b, (size_t)k), "\t");
	put(t, p == NULL ? NAN : nf_profile_mean(p, k), "\t");
	put(t, p == NULL ? NAN : nf_profile_error(p, k), "\t");
	put(t, p == NULL ? NAN : nf_profile_std(p, k), after);
}

static void
put_profile(struct nf_page *t, const struct nf_profile *p,
    const struct nf_profile *ref)
{
	int k;

	for (k = 0; k < nf_axis_nslot(p->axis); k++) {
		if (is_gap(p->axis, k) && p->b.n[k] == 0 &&
		    (ref == NULL || ref->b.n[k] == 0))
			continue;
		put_edges(t, p->axis, k);
		put_mean(t, p, k, "\t");
		put_mean(t, ref, k, "\n");
	}
}

static int
put_roc(struct nf_page *t, const struct nf_view *v, struct nf_err *err)
{
	bool ref = v->used[NF_REFERENCE];
	struct nf_roc roc[2];
	int i, n, rc;

	memset(roc, 0, sizeof(roc));
	rc = nf_roc_init(&roc[0], &v->side[0].map, err);
	if (rc == 0 && ref)
		rc = nf_roc_init(&roc[1], &v->side[1].map, err);
	n = roc[0].npoint > roc[1].npoint ? roc[0].npoint : roc[1].npoint;
	for (i = 0; i < n && rc == 0; i++) {
		put(t, roc[roc[0].npoint == 0].threshold[i], "\t");
		put(t, i < roc[0].npoint ? roc[0].signal[i] : NAN, "\t");
		put(t, i < roc[0].npoint ? roc[0].background[i] : NAN, "\t");
		put(t, i < roc[1].npoint ? roc[1].signal[i] : NAN, "\t");
		put(t, i < roc[1].npoint ? roc[1].background[i] : NAN, "\n");
	}
	nf_roc_free(&roc[0]);
	nf_roc_free(&roc[1]);
	return rc;
}

int
nf_plot_tsv(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_views *v, struct nf_err *err)
{
	static const char *const head[] = {
		[NF_VIEW_HIST] = "column\tlow\thigh\tcount\terror\treference\t"
		    "reference_error\tratio\tratio_error\n",
		[NF_VIEW_MAP] = "low_x\thigh_x\tlow_y\thigh_y\tcount\terror\t"
		    "reference\treference_error\tratio\tratio_error\n",
		[NF_VIEW_PROFILE] = "low\thigh\tcount\tmean\terror\tstd\t"
		    "reference_count\treference\treference_error\t"
		    "reference_std\n",
		[NF_VIEW_ROC] = "threshold\tsignal\tbackground\t"
		    "reference_signal\treference_background\n"
	};
	const struct nf_view *w;
	bool ref;

	nf_page_add(t, "%s", head[v->view[0].kind]);
	for (w = v->view; w < v->view + v->nview; w++) {
		ref = w->used[NF_REFERENCE];
		if (w->kind == NF_VIEW_HIST)
			put_hist(t, p, name[w->x], &w->side[0].hist,
			    ref ? &w->side[1].hist : NULL);
		else if (w->kind == NF_VIEW_MAP)
			put_map(t, p, &w->side[0].map,
			    ref ? &w->side[1].map : NULL);
		else if (w->kind == NF_VIEW_PROFILE)
			put_profile(t, &w->side[0].profile,
			    ref ? &w->side[1].profile : NULL);
		else if (put_roc(t, w, err) == -1)
			return -1;
	}
	return nf_page_check(t, err);
}
