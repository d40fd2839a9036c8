/* Profiles: the mean and spread of y in bins of x. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pen.h"

struct panel {
	struct nf_pen pen;
	const struct nf_profile *s, *ref;
	double lo, hi;			/* of the line of cells */
	int places, label, cells;
	bool std, mean;			/* columns: its std, reference */
	int digits;			/* of means */
};

static bool
shown(const struct panel *d, int k)
{
	return d->s->b.n[k] > 0 || (d->ref != NULL && d->ref->b.n[k] > 0);
}

/* The line holds every mean with the spread about it. */
static void
measure(struct panel *d)
{
	const struct nf_profile *of[2] = { d->s, d->ref };
	int k, i;

	d->lo = INFINITY;
	d->hi = -INFINITY;
	for (i = 0; i < 2; i++)
		for (k = 0; of[i] != NULL && k <= d->s->axis->nbin + 1; k++) {
			double mean = nf_profile_mean(of[i], k);
			double std = nf_profile_std(of[i], k);

			if (isnan(mean))
				continue;
			d->lo = fmin(d->lo, mean - std);
			d->hi = fmax(d->hi, mean + std);
		}
	if (!(d->lo < d->hi)) {
		d->lo = isfinite(d->lo) ? d->lo - 0.5 : 0;
		d->hi = d->lo + 1;
	}
	d->digits = (int)fmin(fmax(0, 2 - floor(log10(d->hi - d->lo))), 9);
	d->places = nf_label_places(d->s->axis);
	d->label = nf_label_width(d->s->axis, d->places);
	d->label = d->label < 5 ? 5 : d->label;
	/* The mean and its error stay, and so does the pull. */
	d->cells = d->pen.p->width - d->label - 1 - 20 -
	    (d->ref != NULL ? 6 : 0);
	d->mean = d->ref != NULL && d->cells >= 22;
	d->cells -= d->mean ? 10 : 0;
	d->std = d->cells >= 22;
	d->cells -= d->std ? 10 : 0;
	d->cells = d->cells < 3 ? 3 : d->cells;
}

static int
cell(const struct panel *d, double y)
{
	return (int)floor((y - d->lo) / (d->hi - d->lo) * (d->cells - 1) +
	    0.5);
}

/* The difference of both means over its error. */
static double
pull(const struct panel *d, int k)
{
	double e = nf_profile_error(d->s, k), r;

	if (d->ref == NULL)
		return NAN;
	r = nf_profile_error(d->ref, k);
	return (nf_profile_mean(d->s, k) - nf_profile_mean(d->ref, k)) /
	    sqrt(e * e + r * r);
}

static void
put_number(struct panel *d, double x, int width)
{
	char s[64];

	if (!isfinite(x))
		s[0] = '\0';
	else if (fabs(x) >= 1e6)
		snprintf(s, sizeof(s), "%.3g", x);
	else
		snprintf(s, sizeof(s), "%.*f", d->digits, x);
	nf_page_right(d->pen.t, s, width);
}

static void
put_bin(struct panel *d, int k)
{
	double mean = nf_profile_mean(d->s, k), std = nf_profile_std(d->s, k);
	struct nf_spot spot = { .mid = -1, .mark = -1, .none = isnan(mean) };
	double p = pull(d, k);
	char s[64];

	nf_label_slot(d->s->axis, d->places, k, s, sizeof(s));
	nf_page_right(d->pen.t, s, d->label);
	nf_page_add(d->pen.t, " ");
	if (!spot.none) {
		spot.at = cell(d, mean);
		spot.from = cell(d, mean - std);
		spot.to = cell(d, mean + std);
	}
	if (d->ref != NULL && !isnan(nf_profile_mean(d->ref, k)))
		spot.mark = cell(d, nf_profile_mean(d->ref, k));
	nf_pen_spot(&d->pen, d->cells, &spot, isnan(p) ? NF_INK_BAR :
	    nf_pen_judge(p));
	put_number(d, mean, 10);
	if (!isnan(mean)) {
		nf_page_add(d->pen.t, " %s", d->pen.g->plus_minus);
		put_number(d, nf_profile_error(d->s, k),
		    d->pen.p->ascii ? 7 : 8);
	} else
		nf_page_left(d->pen.t, "", 10);
	if (d->std)
		put_number(d, std, 10);
	if (d->mean)
		put_number(d, nf_profile_mean(d->ref, k), 10);
	if (d->ref != NULL) {
		snprintf(s, sizeof(s), "%+.1f", p);
		nf_page_right(d->pen.t, isfinite(p) ? s : "", 6);
	}
	nf_pen_end(&d->pen);
}

static void
put_head(struct panel *d)
{
	char lo[32], hi[32];

	snprintf(lo, sizeof(lo), "%.4g", d->lo);
	snprintf(hi, sizeof(hi), "%.4g", d->hi);
	nf_page_right(d->pen.t, d->s->axis->kind == NF_AXIS_LEVELS ? "value" :
	    "from", d->label);
	nf_page_add(d->pen.t, " ");
	nf_page_left(d->pen.t, lo, d->cells / 2);
	nf_page_right(d->pen.t, hi, d->cells - d->cells / 2);
	nf_page_right(d->pen.t, "mean", 10);
	nf_page_left(d->pen.t, "", 10);
	if (d->std)
		nf_page_right(d->pen.t, "std", 10);
	if (d->mean)
		nf_page_right(d->pen.t, "reference", 10);
	if (d->ref != NULL)
		nf_page_right(d->pen.t, "pull", 6);
	nf_pen_end(&d->pen);
}

static uint64_t
entries(const struct nf_profile *p)
{
	return nf_bins_entries(&p->b, (size_t)nf_axis_nan(p->axis));
}

void
nf_plot_profile(struct nf_page *t, const struct nf_plot *p, const char *x,
    const char *y, const struct nf_profile *s, const struct nf_profile *ref)
{
	struct panel d = { .s = s, .ref = ref };
	char name[600];
	int k, room;

	nf_pen_init(&d.pen, t, p);
	measure(&d);
	snprintf(name, sizeof(name), "%s in bins of %s", y, x);
	nf_pen_title(&d.pen, name, "");
	nf_pen_side(&d.pen, &room, false, entries(s));
	nf_pen_word(&d.pen, &room, "  point mean, line std");
	nf_pen_end(&d.pen);
	if (ref != NULL) {
		nf_pen_side(&d.pen, &room, true, entries(ref));
		nf_pen_end(&d.pen);
	}
	put_head(&d);
	for (k = 0; k <= s->axis->nbin + 1; k++)
		if (shown(&d, k))
			put_bin(&d, k);
}
