/* How a histogram's panel is divided, and the words in it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "panel.h"

static const struct nf_glyphs unicode = {
	{ " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" },
	"┃", "●", "─", "┊", "┼", "◂", "▸", "±", "…", "⋮"
};
static const struct nf_glyphs ascii = {
	{ " ", " ", " ", " ", "#", "#", "#", "#", "#" },
	"|", "o", "-", ":", "+", "<", ">", "+-", "~", ":"
};

static const char *const sgr[] = {
	[NF_INK] = "", [NF_INK_FAINT] = "2", [NF_INK_TITLE] = "1",
	[NF_INK_BAR] = "34", [NF_INK_MARK] = "1;31",
	[NF_INK_BOTH] = "1;31;44", [NF_INK_GOOD] = "32",
	[NF_INK_FAIR] = "33", [NF_INK_POOR] = "1;31"
};

static void
change(struct nf_panel *d, enum nf_ink ink)
{
	if (!d->p->colour || ink == d->ink)
		return;
	if (d->ink != NF_INK)
		nf_page_add(d->t, "\033[m");
	if (ink != NF_INK)
		nf_page_add(d->t, "\033[%sm", sgr[ink]);
	d->ink = ink;
}

void
nf_panel_put(struct nf_panel *d, enum nf_ink ink, const char *s)
{
	change(d, ink);
	nf_page_add(d->t, "%s", s);
}

void
nf_panel_end(struct nf_panel *d)
{
	change(d, NF_INK);
	while (d->t->n > 0 && d->t->s[d->t->n - 1] == ' ')
		d->t->n--;
	nf_page_add(d->t, "\n");
}

/* ---- words ------------------------------------------------------------ */

/* The decimals that write every edge, or -1: they want significant digits. */
static int
label_decimals(const struct nf_axis *a)
{
	double unit = 1, edge, width = (a->hi - a->lo) / a->nbin;
	int d, k;

	if (a->kind != NF_AXIS_UNIFORM ||
	    fmax(fabs(a->lo), fabs(a->hi)) >= 1e6)
		return -1;
	for (d = 0; d <= 5; d++, unit *= 10) {
		for (k = 1; k <= a->nbin + 1; k++) {
			edge = nf_axis_low(a, k) * unit;
			if (fabs(edge - rint(edge)) > 0.02 * width * unit)
				break;
		}
		if (k > a->nbin + 1)
			return d;
	}
	return width > 1e-4 ? 5 : -1;
}

/* Digits that tell neighbouring edges apart. */
static int
label_digits(const struct nf_axis *a)
{
	double width = (a->hi - a->lo) / a->nbin;
	double end = fmax(fabs(a->lo), fabs(a->hi));

	if (a->kind == NF_AXIS_LEVELS)
		return 7;
	if (a->kind == NF_AXIS_EDGES)
		return 4;
	return (int)fmin(fmax(2 + ceil(log10(end / width)), 4), 16);
}

static void
edge_text(const struct nf_panel *d, double x, char *s, size_t size)
{
	if (d->fixed >= 0)
		snprintf(s, size, "%.*f", d->fixed, x == 0 ? 0 : x);
	else
		snprintf(s, size, "%.*g", label_digits(d->h->axis), x);
}

void
nf_panel_label(const struct nf_panel *d, int k, char *s, size_t size)
{
	const struct nf_axis *a = d->h->axis;
	char edge[32];

	if (k > a->nbin + 1)
		snprintf(s, size, "%s", k == nf_axis_nan(a) ? "nan" : "inf");
	else if (a->kind == NF_AXIS_LEVELS && k > 0 && k <= a->nbin &&
	    !nf_axis_is_level(a, k))
		snprintf(s, size, "between");
	else {
		edge_text(d, k == 0 ? a->lo : nf_axis_low(a, k), edge,
		    sizeof(edge));
		snprintf(s, size, "%s%s", k == 0 ? "< " :
		    k == a->nbin + 1 ? "> " : "", edge);
	}
}

void
nf_panel_count(const struct nf_panel *d, int k, char *s, size_t size)
{
	if (d->h->w == NULL)
		snprintf(s, size, "%llu", (unsigned long long)d->h->n[k]);
	else
		snprintf(s, size, "%.5g", d->h->w[k]);
}

void
nf_panel_ratio(const struct nf_panel *d, const struct nf_ratio *r, char *s,
    size_t size)
{
	double largest = fmax(fabs(r->value), r->error);
	int places = d->places;

	s[0] = '\0';
	if (d->p->pull && !isnan(r->pull))
		snprintf(s, size, "%+.1f", r->pull);
	if (d->p->pull || isnan(r->value))
		return;
	if (largest >= 10)
		places = largest >= 100 ? 0 : 1;
	if (largest >= 1e4)
		snprintf(s, size, "%.0e", r->value);
	else
		snprintf(s, size, "%.*f %s%.*f", places, r->value,
		    d->g->plus_minus, places, r->error);
}

/* ---- layout ----------------------------------------------------------- */

double
nf_panel_ref(const struct nf_panel *d, int k)
{
	return d->ref == NULL ? 0 : d->scale * nf_hist_content(d->ref, k);
}

bool
nf_panel_shows(const struct nf_panel *d, int k)
{
	const struct nf_axis *a = d->h->axis;

	if (k >= 1 && k <= a->nbin &&
	    (a->kind != NF_AXIS_LEVELS || nf_axis_is_level(a, k)))
		return true;
	return d->h->n[k] > 0 || (d->ref != NULL && d->ref->n[k] > 0);
}

static int
widest(int width, const char *s)
{
	int n = nf_page_width(s, strlen(s));

	return n > width ? n : width;
}

/* The ends of the bars, and how precise the ratios are. */
static void
measure(struct nf_panel *d)
{
	double a, b, least = INFINITY, error = INFINITY;
	struct nf_ratio r;
	int k;

	for (k = 1; k <= d->h->axis->nbin; k++) {
		a = nf_hist_content(d->h, k);
		b = nf_panel_ref(d, k);
		d->top = fmax(d->top, fmax(a, b));
		least = a > 0 ? fmin(least, a) : least;
		least = b > 0 ? fmin(least, b) : least;
		if (d->ref == NULL)
			continue;
		r = nf_hist_ratio(d->h, d->ref, d->scale, k);
		if (r.error > 0)
			error = fmin(error, r.error);
	}
	d->floor = fmax(least / 2, d->top / 1e6);
	d->places = error < 0.01 ? 3 : 2;
}

static void
measure_words(struct nf_panel *d)
{
	int k, nslot = nf_axis_nslot(d->h->axis);
	struct nf_ratio r;
	char s[80];

	for (k = 0; k < nslot; k++) {
		if (!nf_panel_shows(d, k))
			continue;
		nf_panel_label(d, k, s, sizeof(s));
		d->label = widest(d->label, s);
		nf_panel_count(d, k, s, sizeof(s));
		d->count = widest(d->count, s);
		if (d->ref == NULL || k > d->h->axis->nbin + 1)
			continue;
		r = nf_hist_ratio(d->h, d->ref, d->scale, k);
		nf_panel_ratio(d, &r, s, sizeof(s));
		d->ratio = widest(d->ratio, s);
	}
}

void
nf_panel_init(struct nf_panel *d, struct nf_page *t, const struct nf_plot *p,
    const struct nf_hist *h, const struct nf_hist *ref)
{
	*d = (struct nf_panel){ .p = p, .t = t, .h = h, .ref = ref };
	d->g = p->ascii ? &ascii : &unicode;
	d->scale = ref == NULL || p->unscaled ? 1 : nf_hist_scale(h, ref);
	d->fixed = label_decimals(h->axis);
	d->label = d->count = d->ratio = 5;	/* "value", "count", "ratio" */
	measure(d);
	measure_words(d);
	/* The bar gets what is left, and a cell for a mark at its end. */
	d->bar = p->width - 1 - d->label - 1 - 1 - d->count;
	if (ref == NULL || d->bar - d->ratio - 2 < 10)
		d->ratio = 0;
	else
		d->bar -= d->ratio + 2;
	if (d->ratio > 0 && d->bar >= 38) {
		d->side = p->width >= 120 ? 21 : 11;
		d->bar -= d->side + 2;
	}
	d->bar = d->bar < 1 ? 1 : d->bar;
}
