/* A histogram drawn in characters. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "panel.h"

/* How far along the bar, 0 to 1, a content reaches. */
static double
reach(const struct nf_panel *d, double x)
{
	if (!(x > 0) || !(d->top > 0))
		return 0;
	if (!d->p->log)
		return x / d->top;
	return x <= d->floor ? 0 : log(x / d->floor) / log(d->top / d->floor);
}

static void
put_bar(struct nf_panel *d, double a, double b)
{
	int full = (int)lrint(8 * d->bar * reach(d, a)), cell, n;
	int mark = b == 0 ? -1 : (int)(d->bar * reach(d, b));

	if (full == 0 && a > 0)
		full = 1;		/* something is not nothing */
	for (cell = 0; cell <= d->bar; cell++) {
		n = full - 8 * cell;
		n = n < 0 ? 0 : n > 8 ? 8 : n;
		if (cell == mark)
			nf_panel_put(d, n == 8 ? NF_INK_BOTH : NF_INK_MARK,
			    d->g->mark);
		else if (n == 0)
			nf_panel_put(d, NF_INK, " ");
		else
			nf_panel_put(d, NF_INK_BAR, d->g->eighth[n]);
	}
	nf_panel_put(d, NF_INK, "");
}

static enum nf_ink
judge(double pull)
{
	return fabs(pull) < 2 ? NF_INK_GOOD : fabs(pull) < 3 ? NF_INK_FAIR :
	    NF_INK_POOR;
}

/* The cell of the side panel for a ratio of 0.5 to 1.5 or a pull of +-5. */
static int
side_cell(const struct nf_panel *d, double x)
{
	double at = d->p->pull ? (x + 5) / 10 : x - 0.5;

	return (int)floor(fmin(fmax(at, -1), 2) * (d->side - 1) + 0.5);
}

/* What stands in cell i where the point is in at, its line from..to. */
static const char *
side_glyph(const struct nf_panel *d, int i, int at, int from, int to)
{
	int mid = d->side / 2;

	if (i == at)
		return d->g->dot;
	if (i == 0 && at < 0)
		return d->g->left;
	if (i == d->side - 1 && at > i)
		return d->g->right;
	if (i >= from && i <= to)
		return i == mid ? d->g->cross : d->g->whisker;
	return NULL;
}

/* The ratio with its error about 1, or the pull from 0. */
static void
put_side(struct nf_panel *d, const struct nf_ratio *r)
{
	double x = d->p->pull ? r->pull : r->value;
	int mid = d->side / 2, at = d->side + 1, from = at, to = -1, i;
	const char *glyph;

	if (isnan(x))
		;
	else if (d->p->pull) {
		at = side_cell(d, x);
		from = at < mid ? at : mid;
		to = at > mid ? at : mid;
	} else {
		at = side_cell(d, x);
		from = side_cell(d, x - r->error);
		to = side_cell(d, x + r->error);
	}
	nf_panel_put(d, NF_INK, "  ");
	for (i = 0; i < d->side; i++) {
		glyph = isnan(x) ? NULL : side_glyph(d, i, at, from, to);
		if (glyph != NULL)
			nf_panel_put(d, judge(r->pull), glyph);
		else
			nf_panel_put(d, NF_INK_FAINT,
			    i == mid ? d->g->one : " ");
	}
	nf_panel_put(d, NF_INK, "");
}

static void
put_slot(struct nf_panel *d, int k)
{
	int nbin = d->h->axis->nbin;
	struct nf_ratio r;
	char s[80] = "";

	nf_panel_label(d, k, s, sizeof(s));
	nf_page_right(d->t, s, d->label);
	nf_page_add(d->t, " ");
	if (k >= 1 && k <= nbin)
		put_bar(d, nf_hist_content(d->h, k), nf_panel_ref(d, k));
	else {
		s[0] = '\0';
		if (d->ref != NULL && k > nbin + 1)
			snprintf(s, sizeof(s), "reference: %llu",
			    (unsigned long long)d->ref->n[k]);
		nf_page_left(d->t, s, d->bar + 1);
	}
	nf_page_add(d->t, " ");
	nf_panel_count(d, k, s, sizeof(s));
	nf_page_right(d->t, s, d->count);
	if (d->ratio > 0 && k <= nbin + 1) {
		r = nf_hist_ratio(d->h, d->ref, d->scale, k);
		nf_panel_ratio(d, &r, s, sizeof(s));
		nf_page_add(d->t, "  ");
		nf_page_right(d->t, s, d->ratio);
		if (d->side > 0)
			put_side(d, &r);
	}
	nf_panel_end(d);
}

/* One line for n bins that are empty, the first of them in slot k. */
static void
put_empty(struct nf_panel *d, int n)
{
	char s[32];

	nf_page_right(d->t, d->g->skip, d->label);
	snprintf(s, sizeof(s), " %d empty bins", n);
	nf_panel_put(d, NF_INK_FAINT, s);
	nf_panel_end(d);
}

static void
put_head(struct nf_panel *d)
{
	bool level = d->h->axis->kind == NF_AXIS_LEVELS;
	int half = d->side / 2;

	nf_page_right(d->t, level ? "value" : "from", d->label);
	nf_page_left(d->t, "", d->bar + 3);
	nf_page_right(d->t, "count", d->count);
	if (d->ratio > 0) {
		nf_page_add(d->t, "  ");
		nf_page_right(d->t, d->p->pull ? "pull" : "ratio", d->ratio);
	}
	if (d->side > 0) {
		nf_page_add(d->t, "  ");
		nf_page_left(d->t, d->p->pull ? "-5" : "0.5", half);
		nf_page_left(d->t, d->p->pull ? "0" : "1", half - 2);
		nf_page_right(d->t, d->p->pull ? "+5" : "1.5", 3);
	}
	nf_panel_end(d);
}

/* A word that is left out where fewer than its columns are left of *room. */
__attribute__((format(printf, 3, 4))) static void
put_word(struct nf_panel *d, int *room, const char *fmt, ...)
{
	char s[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	*room -= n;
	if (*room >= 0)
		nf_panel_put(d, NF_INK, s);
}

static void
put_moments(struct nf_panel *d, const struct nf_hist *h)
{
	uint64_t n = nf_hist_finite(h);
	bool ref = h == d->ref;
	int room = d->p->width - 1;

	nf_panel_put(d, ref ? NF_INK_MARK : NF_INK_BAR,
	    ref ? d->g->mark : d->g->eighth[8]);
	put_word(d, &room, " %-9s  %llu %s", ref ? "reference" : "sample",
	    (unsigned long long)n, n == 1 ? "entry" : "entries");
	if (h->w != NULL)
		put_word(d, &room, "  weight %.6g", h->sum);
	if (h->sum != 0)
		put_word(d, &room, "  mean %.4g", nf_hist_mean(h));
	if (h->sum != 0)
		put_word(d, &room, "  std %.4g", nf_hist_std(h));
	if (ref && !d->p->unscaled)
		put_word(d, &room, "  scaled to equal area");
	nf_panel_end(d);
}

static void
put_title(struct nf_panel *d, const char *name)
{
	const struct nf_axis *a = d->h->axis;
	char s[64] = "";
	int room;

	if (a->kind == NF_AXIS_UNIFORM)
		snprintf(s, sizeof(s), "  bins of %.4g",
		    (a->hi - a->lo) / a->nbin);
	if (d->p->log)
		strcat(s, "  log scale");
	room = d->p->width - (int)strlen(s);
	nf_panel_put(d, NF_INK_TITLE, "");
	if (nf_page_width(name, strlen(name)) > room) {
		nf_page_left(d->t, name, room - 1);
		nf_panel_put(d, NF_INK_TITLE, d->g->dots);
	} else
		nf_page_left(d->t, name, room);
	nf_panel_put(d, NF_INK_FAINT, s);
	nf_panel_end(d);
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
			if (h->n[k + run] > 0 ||
			    (ref != NULL && ref->n[k + run] > 0))
				break;
		if (run > 3)
			put_empty(&d, run);
		else {
			run = 1;
			if (nf_panel_shows(&d, k))
				put_slot(&d, k);
		}
	}
}
