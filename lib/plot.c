/* A histogram drawn in characters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agree.h"
#include "panel.h"

/* How far along the bar, 0 to 1, a content reaches; -1 for no content. */
static double
reach(const struct nf_panel *d, double x)
{
	if (!(x > 0) || !(d->top > 0))
		return -1;
	if (!d->pen.p->log)
		return x / d->top;
	if (x <= d->floor)
		return 0;
	return log(x / d->floor) / log(d->top / d->floor);
}

/* The cell of the side panel for a ratio of 0.5 to 1.5 or a pull of +-5. */
static int
side_cell(const struct nf_panel *d, double x)
{
	double at = d->pen.p->pull ? (x + 5) / 10 : x - 0.5;

	return (int)floor(fmin(fmax(at, -1), 2) * (d->side - 1) + 0.5);
}

/* The ratio with its error about 1, or the pull from 0. */
static void
put_side(struct nf_panel *d, const struct nf_ratio *r)
{
	double x = d->pen.p->pull ? r->pull : r->value;
	int mid = d->side / 2;
	struct nf_spot spot = { .mid = mid, .mark = -1, .none = isnan(x) };

	if (!spot.none)
		spot.at = side_cell(d, x);
	if (!spot.none && d->pen.p->pull) {
		spot.from = spot.at < mid ? spot.at : mid;
		spot.to = spot.at > mid ? spot.at : mid;
	} else if (!spot.none) {
		spot.from = side_cell(d, x - r->error);
		spot.to = side_cell(d, x + r->error);
	}
	nf_pen_put(&d->pen, NF_INK, "  ");
	nf_pen_spot(&d->pen, d->side, &spot, nf_pen_judge(r->pull));
}

static void
put_slot(struct nf_panel *d, int k)
{
	int nbin = d->h->axis->nbin;
	struct nf_ratio r;
	char s[80] = "";

	nf_panel_label(d, k, s, sizeof(s));
	nf_page_right(d->pen.t, s, d->label);
	nf_page_add(d->pen.t, " ");
	if (k >= 1 && k <= nbin)
		nf_pen_bar(&d->pen, d->bar, reach(d, nf_hist_content(d->h, k)),
		    reach(d, nf_panel_ref(d, k)));
	else {
		s[0] = '\0';
		if (d->ref != NULL && k > nbin + 1)
			snprintf(s, sizeof(s), "reference: %llu",
			    (unsigned long long)d->ref->b.n[k]);
		nf_page_left(d->pen.t, s, d->bar + 1);
	}
	nf_page_add(d->pen.t, " ");
	nf_panel_count(d, k, s, sizeof(s));
	nf_page_right(d->pen.t, s, d->count);
	if (d->ratio > 0 && k <= nbin + 1) {
		r = nf_hist_ratio(d->h, d->ref, d->scale, k);
		nf_panel_ratio(d, &r, s, sizeof(s));
		nf_page_add(d->pen.t, "  ");
		nf_page_right(d->pen.t, s, d->ratio);
		if (d->side > 0)
			put_side(d, &r);
	}
	nf_pen_end(&d->pen);
}

/* One line for n bins that are empty, the first of them in slot k. */
static void
put_empty(struct nf_panel *d, int n)
{
	char s[32];

	nf_page_right(d->pen.t, d->pen.g->skip, d->label);
	snprintf(s, sizeof(s), " %d empty bins", n);
	nf_pen_put(&d->pen, NF_INK_FAINT, s);
	nf_pen_end(&d->pen);
}

static void
put_head(struct nf_panel *d)
{
	bool level = d->h->axis->kind == NF_AXIS_LEVELS;
	int half = d->side / 2;

	nf_page_right(d->pen.t, level ? "value" : "from", d->label);
	nf_page_left(d->pen.t, "", d->bar + 3);
	nf_page_right(d->pen.t, "count", d->count);
	if (d->ratio > 0) {
		nf_page_add(d->pen.t, "  ");
		nf_page_right(d->pen.t, d->pen.p->pull ? "pull" : "ratio",
		    d->ratio);
	}
	if (d->side > 0) {
		nf_page_add(d->pen.t, "  ");
		nf_page_left(d->pen.t, d->pen.p->pull ? "-5" : "0.5", half);
		nf_page_left(d->pen.t, d->pen.p->pull ? "0" : "1", half - 2);
		nf_page_right(d->pen.t, d->pen.p->pull ? "+5" : "1.5", 3);
	}
	nf_pen_end(&d->pen);
}

static void
put_moments(struct nf_panel *d, const struct nf_hist *h)
{
	bool ref = h == d->ref;
	int room;

	nf_pen_side(&d->pen, &room, ref, nf_hist_finite(h));
	if (h->b.w != NULL)
		nf_pen_word(&d->pen, &room, "  weight %.6g", h->sum);
	if (h->sum != 0)
		nf_pen_word(&d->pen, &room, "  mean %.4g", nf_hist_mean(h));
	if (h->sum != 0)
		nf_pen_word(&d->pen, &room, "  std %.4g", nf_hist_std(h));
	if (ref && !d->pen.p->unscaled)
		nf_pen_word(&d->pen, &room, "  scaled to equal area");
	nf_pen_end(&d->pen);
}

static void
put_agree(struct nf_panel *d)
{
	struct nf_agree a = nf_hist_agree(d->h, d->ref);
	int room = d->pen.p->width;

	if (isnan(a.ks))
		return;
	nf_pen_put(&d->pen, NF_INK_FAINT, "");
	if (!isnan(a.chi2))
		nf_pen_word(&d->pen, &room, "chi2/ndf %.1f/%.0f p %.2g  ",
		    a.chi2, a.ndf, a.chi2_p);
	nf_pen_word(&d->pen, &room, "KS %.2g p %.2g  ", a.ks, a.ks_p);
	nf_pen_word(&d->pen, &room, "W1 %.3g", a.w1);
	nf_pen_end(&d->pen);
}

static void
put_title(struct nf_panel *d, const char *name)
{
	const struct nf_axis *a = d->h->axis;
	char s[64] = "";

	if (a->kind == NF_AXIS_UNIFORM)
		snprintf(s, sizeof(s), "  bins of %.4g",
		    (a->hi - a->lo) / a->nbin);
	if (d->pen.p->log)
		strcat(s, "  log scale");
	nf_pen_title(&d->pen, name, s);
	put_moments(d, d->h);
	if (d->ref != NULL)
		put_moments(d, d->ref);
}

void
nf_plot_hist(struct nf_page *t, const struct nf_plot *p, const char *name,
    const struct nf_hist *h, const struct nf_hist *ref)
{
	int k, run, nslot = nf_axis_nslot(h->axis), nbin = h->axis->nbin;
	struct nf_panel d;

	nf_panel_init(&d, t, p, h, ref);
	put_title(&d, name);
	put_head(&d);
	for (k = 0; k < nslot; k += run > 0 ? run : 1) {
		for (run = 0; k >= 1 && k + run <= nbin; run++)
			if (h->b.n[k + run] > 0 ||
			    (ref != NULL && ref->b.n[k + run] > 0))
				break;
		if (run > 3)
			put_empty(&d, run);
		else {
			run = 1;
			if (nf_panel_shows(&d, k))
				put_slot(&d, k);
		}
	}
	if (ref != NULL)
		put_agree(&d);
}
