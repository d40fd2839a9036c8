/* How a histogram's panel is divided, and the words in it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "panel.h"

void
nf_panel_label(const struct nf_panel *d, int k, char *s, size_t size)
{
	nf_label_slot(d->h->axis, d->fixed, k, s, size);
}

void
nf_panel_count(const struct nf_panel *d, int k, char *s, size_t size)
{
	if (d->h->b.w == NULL)
		snprintf(s, size, "%llu", (unsigned long long)d->h->b.n[k]);
	else
		snprintf(s, size, "%.5g", d->h->b.w[k]);
}

void
nf_panel_ratio(const struct nf_panel *d, const struct nf_ratio *r, char *s,
    size_t size)
{
	s[0] = '\0';
	if (d->pen.p->pull && !isnan(r->pull))
		snprintf(s, size, "%+.1f", r->pull);
	else if (!d->pen.p->pull && !isnan(r->value))
		nf_label_error(&d->pen, r->value, r->error, d->places, s,
		    size);
}

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
	return d->h->b.n[k] > 0 || (d->ref != NULL && d->ref->b.n[k] > 0);
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
	*d = (struct nf_panel){ .h = h, .ref = ref };
	nf_pen_init(&d->pen, t, p);
	d->scale = ref == NULL || p->unscaled ? 1 : nf_hist_scale(h, ref);
	d->fixed = nf_label_places(h->axis);
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
