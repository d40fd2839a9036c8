/* Two-dimensional histograms, drawn as shaded blocks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pen.h"

struct panel {
	struct nf_pen pen;
	const struct nf_map *m;
	double top, floor;		/* contents of the darkest, lightest */
	int px, py;			/* nf_label_places of the axes */
	int label, cell;		/* widths */
	int group;			/* bins of x in a cell */
};

/* Levels are drawn; what lies between them is not. */
static bool
drawn(const struct nf_axis *a, int k)
{
	return a->kind != NF_AXIS_LEVELS || nf_axis_is_level(a, k);
}

static int
ndrawn(const struct nf_axis *a)
{
	return a->kind == NF_AXIS_LEVELS ? (a->nbin + 1) / 2 : a->nbin;
}

static double
content(const struct panel *d, int kx, int ky)
{
	return nf_bins_content(&d->m->b, nf_map_slot(d->m, kx, ky));
}

/* The sum of the bins from kx on that are one cell; *next is after them. */
static double
cell_content(const struct panel *d, int kx, int ky, int *next)
{
	double sum = 0;
	int n;

	for (n = 0; kx <= d->m->ax->nbin && n < d->group; kx++)
		if (drawn(d->m->ax, kx)) {
			sum += content(d, kx, ky);
			n++;
		}
	while (kx <= d->m->ax->nbin && !drawn(d->m->ax, kx))
		kx++;
	*next = kx;
	return sum;
}

/* Where the content of a block lies between none, 0, and the most, 1. */
static double
depth(const struct panel *d, double c)
{
	if (!(c > 0))
		return 0;
	if (!d->pen.p->log || d->top <= d->floor)
		return c / d->top;
	return log(c / d->floor) / log(d->top / d->floor);
}

static void
put_block(struct panel *d, double c)
{
	/* Dark to light, of the terminal's 256 colours. */
	static const int colour[] = { 17, 18, 24, 30, 36, 71, 107, 149, 190,
		226 };
	double at = depth(d, c);
	int i, n;

	if (c > 0 && d->pen.p->colour) {
		n = (int)(at * 9.999);
		nf_page_add(d->pen.t, "\033[48;5;%dm%*s\033[m", colour[n],
		    d->cell, "");
		return;
	}
	n = c > 0 ? 1 + (int)(at * 3.999) : 0;
	for (i = 0; i < d->cell; i++)
		nf_page_add(d->pen.t, "%s", d->pen.g->shade[n]);
}

static void
put_row(struct panel *d, int ky)
{
	char s[64];
	int kx, next;

	nf_label_slot(d->m->ay, d->py, ky, s, sizeof(s));
	nf_page_right(d->pen.t, s, d->label);
	nf_page_add(d->pen.t, " ");
	for (kx = 1; kx <= d->m->ax->nbin; kx = next)
		put_block(d, cell_content(d, kx, ky, &next));
	nf_pen_end(&d->pen);
}

/* Edges of x below the blocks, as many as there is room for. */
static void
put_foot(struct panel *d)
{
	int kx, after, at = 0, next = 0;
	char s[64];

	nf_page_left(d->pen.t, "", d->label + 1);
	for (kx = 1; kx <= d->m->ax->nbin; kx = after) {
		cell_content(d, kx, 1, &after);
		nf_label_slot(d->m->ax, d->px, kx, s, sizeof(s));
		if (at >= next && d->label + 1 + at + (int)strlen(s) <=
		    d->pen.p->width) {
			nf_page_left(d->pen.t, "", at - next);
			nf_page_add(d->pen.t, "%s", s);
			next = at + (int)strlen(s);
			at += d->cell;
			/* A gap before the next one. */
			if (next >= at) {
				nf_page_add(d->pen.t, " ");
				next++;
			}
		} else
			at += d->cell;
	}
	nf_pen_end(&d->pen);
}

static void
measure(struct panel *d)
{
	const struct nf_map *m = d->m;
	double c, least = INFINITY;
	int kx, ky, next, room;
	char s[64];

	d->px = nf_label_places(m->ax);
	d->py = nf_label_places(m->ay);
	for (ky = 1; ky <= m->ay->nbin; ky++) {
		nf_label_slot(m->ay, d->py, ky, s, sizeof(s));
		if (drawn(m->ay, ky) && (int)strlen(s) > d->label)
			d->label = (int)strlen(s);
	}
	room = d->pen.p->width - d->label - 1;
	room = room < 1 ? 1 : room;
	d->group = (ndrawn(m->ax) + room - 1) / room;
	for (kx = 1; kx <= m->ax->nbin; kx = next)
		for (ky = 1; ky <= m->ay->nbin; ky++) {
			c = cell_content(d, kx, ky, &next);
			d->top = fmax(d->top, c);
			least = c > 0 ? fmin(least, c) : least;
		}
	d->floor = fmax(least / 2, d->top / 1e6);
	d->cell = room / ndrawn(m->ax);
	d->cell = d->cell < 1 ? 1 : d->cell > 8 ? 8 : d->cell;
}

/* Everything that is in no block. */
static double
beside(const struct panel *d)
{
	const struct nf_map *m = d->m;
	double sum = 0;
	int kx, ky, nx = nf_axis_nslot(m->ax), ny = nf_axis_nslot(m->ay);

	for (kx = 0; kx < nx; kx++)
		for (ky = 0; ky < ny; ky++)
			if (kx < 1 || kx > m->ax->nbin || !drawn(m->ax, kx) ||
			    ky < 1 || ky > m->ay->nbin || !drawn(m->ay, ky))
				sum += content(d, kx, ky);
	return sum;
}

void
nf_plot_map(struct nf_page *t, const struct nf_plot *p, const char *x,
    const char *y, const struct nf_map *m, bool ref)
{
	struct panel d = { .m = m };
	char name[600];
	int ky, room;

	nf_pen_init(&d.pen, t, p);
	measure(&d);
	snprintf(name, sizeof(name), "%s (up) and %s", y, x);
	nf_pen_title(&d.pen, name, p->log ? "  log scale" : "");
	nf_pen_side(&d.pen, &room, ref, m->nfinite);
	if (!isnan(nf_map_correlation(m)))
		nf_pen_word(&d.pen, &room, "  correlation %.3f",
		    nf_map_correlation(m));
	nf_pen_word(&d.pen, &room, "  darkest %.6g", d.top);
	nf_pen_word(&d.pen, &room, "  beside %.6g", beside(&d));
	nf_pen_end(&d.pen);
	for (ky = m->ay->nbin; ky >= 1; ky--)
		if (drawn(m->ay, ky))
			put_row(&d, ky);
	put_foot(&d);
}
