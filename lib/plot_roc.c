/* The background that a score lets pass, against the signal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pen.h"

/* The signal that passes, a line each. */
static const double step[] = { 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8,
	0.85, 0.9, 0.95, 0.98, 0.99, 0.995 };

#define NSTEP	((int)(sizeof(step) / sizeof(step[0])))

struct panel {
	struct nf_pen pen;
	const struct nf_roc *s, *ref;
	double floor;			/* the least background of a bar */
	int bar;
	bool ratio;
};

/* Background is shown by its logarithm, from floor to all. */
static double
reach(const struct panel *d, double b)
{
	if (!(b > 0))
		return -1;
	return fmax(0, log(b / d->floor) / -log(d->floor));
}

/* The error of a fraction of so many entries. */
static double
error(const struct nf_roc *r, double b)
{
	return sqrt(fmax(0, b * (1 - b)) * r->vbackground) / r->nbackground;
}

static void
put_step(struct panel *d, double signal)
{
	double b = nf_roc_background(d->s, signal), r = NAN, e, er, ratio;
	char s[80];

	if (d->ref != NULL)
		r = nf_roc_background(d->ref, signal);
	snprintf(s, sizeof(s), "%.3g", signal);
	nf_page_right(d->pen.t, s, 6);
	nf_page_add(d->pen.t, " ");
	nf_pen_bar(&d->pen, d->bar, reach(d, b), reach(d, r));
	e = error(d->s, b);
	snprintf(s, sizeof(s), "%.5f %s%.5f", b, d->pen.g->plus_minus, e);
	if (b < 5e-6)
		snprintf(s, sizeof(s), "%.2g", b);
	nf_page_right(d->pen.t, s, 20);
	if (d->ratio) {
		s[0] = '\0';
		er = error(d->ref, r);
		ratio = b / r;
		if (r > 0 && b > 0)
			nf_label_error(&d->pen, ratio, sqrt(e * e + ratio *
			    ratio * er * er) / r, 2, s, sizeof(s));
		nf_page_right(d->pen.t, s, 14);
	}
	nf_pen_end(&d->pen);
}

static void
put_side(struct panel *d, const struct nf_roc *r)
{
	char s[32];
	int room = d->pen.p->width - 1;
	bool ref = r == d->ref;

	snprintf(s, sizeof(s), "AUC %.4f %s%.4f", r->auc,
	    d->pen.g->plus_minus, r->auc_error);
	nf_pen_put(&d->pen, ref ? NF_INK_MARK : NF_INK_BAR,
	    ref ? d->pen.g->mark : d->pen.g->eighth[8]);
	nf_pen_put(&d->pen, NF_INK, "");
	nf_pen_word(&d->pen, &room, " %-9s", ref ? "reference" : "sample");
	if (r->npoint > 0)
		nf_pen_word(&d->pen, &room, "  %s", s);
	nf_pen_word(&d->pen, &room, "  signal %.6g", r->nsignal);
	nf_pen_word(&d->pen, &room, "  background %.6g", r->nbackground);
	nf_pen_end(&d->pen);
}

void
nf_plot_roc(struct nf_page *t, const struct nf_plot *p, const char *score,
    const char *truth, const struct nf_roc *s, const struct nf_roc *ref)
{
	struct panel d = { .s = s, .ref = ref };
	char name[600];
	int i;

	nf_pen_init(&d.pen, t, p);
	d.bar = p->width - 7 - 21;
	d.ratio = ref != NULL && d.bar >= 20;
	d.bar -= d.ratio ? 14 : 0;
	d.bar = d.bar < 4 ? 4 : d.bar;
	d.floor = 0.1;
	for (i = 0; i < NSTEP; i++) {
		double b = nf_roc_background(s, step[i]);

		if (b > 0)
			d.floor = fmin(d.floor, b / 2);
	}
	d.floor = fmax(d.floor, 1e-6);
	snprintf(name, sizeof(name), "%s for %s", score, truth);
	nf_pen_title(&d.pen, name, "  log scale");
	put_side(&d, s);
	if (ref != NULL)
		put_side(&d, ref);
	if (s->npoint == 0)
		return;
	nf_page_left(t, "signal", 7 + d.bar + 1);
	nf_page_right(t, "background", 20);
	nf_page_right(t, d.ratio ? "ratio" : "", 14);
	nf_pen_end(&d.pen);
	for (i = 0; i < NSTEP; i++)
		put_step(&d, step[i]);
}
