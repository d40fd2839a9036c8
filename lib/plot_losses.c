/* A training's losses and learning rate, as charts of characters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pen.h"

#define ROWS	17			/* of the losses' chart */
#define RATE_ROWS 5			/* of the learning rate's */
#define SETTLED	20			/* part of the epochs that may be off */

/* One curve of a chart, number i at [i * stride]. */
struct curve {
	const double *y;
	const char *glyph;
	enum nf_ink ink;
};

/* A chart, its values lo to hi from the bottom row to the top one. */
struct chart {
	struct nf_pen *pen;
	const struct nf_losses *l;
	int rows, label, cells;		/* columns of words, of points */
	double lo, hi, step;		/* step: from tick to tick */
	const struct curve *curve;
	int ncurve;
};

static double
value(const struct chart *c, const struct curve *v, uint32_t i)
{
	return v->y[i * c->l->stride];
}

/* What is finite, from an epoch on. */
static void
extent(struct chart *c, uint32_t first)
{
	uint32_t i;
	double y;
	int k;

	c->lo = INFINITY;
	c->hi = -INFINITY;
	for (k = 0; k < c->ncurve; k++)
		for (i = first; i < c->l->n; i++) {
			y = value(c, &c->curve[k], i);
			if (!isfinite(y))
				continue;
			c->lo = fmin(c->lo, y);
			c->hi = fmax(c->hi, y);
		}
}

/* 1, 2 or 5 times a power of ten, at least x. */
static double
round_step(double x)
{
	double p = pow(10, floor(log10(x)));

	return x <= p ? p : x <= 2 * p ? 2 * p : x <= 5 * p ? 5 * p : 10 * p;
}

/*
 * The range of what is finite, ticks at its ends; false: nothing is.  The
 * first losses may be high and far off.
 */
static bool
measure(struct chart *c)
{
	double y;

	extent(c, c->rows == ROWS ? c->l->n / SETTLED : 0);
	if (c->lo > c->hi)
		extent(c, 0);
	if (c->lo > c->hi)
		return false;
	if (c->rows == RATE_ROWS)
		c->lo = fmin(c->lo, 0);
	if (!(c->hi - c->lo > 1e-9 * fmax(fabs(c->lo), fabs(c->hi)))) {
		y = c->lo != 0 ? 0.1 * fabs(c->lo) : 1;
		c->lo -= y;
		c->hi += y;
	}
	c->step = round_step((c->hi - c->lo) / (c->rows == ROWS ? 5 : 2));
	c->lo = floor(c->lo / c->step) * c->step;
	c->hi = ceil(c->hi / c->step) * c->step;
	return true;
}

/* The row of a value, from the top; what is beyond stands at the ends. */
static int
row_of(const struct chart *c, double y)
{
	double up = (y - c->lo) / (c->hi - c->lo) * (c->rows - 1);

	return c->rows - 1 - (int)lrint(fmax(0, fmin(up, c->rows - 1)));
}

static int
cell_of(const struct chart *c, uint32_t i)
{
	return c->l->n == 1 ? c->cells / 2 : (int)((double)i /
	    (c->l->n - 1) * (c->cells - 1) + 0.5);
}

/* The word of the tick in a row, if there is one. */
static void
tick(const struct chart *c, int row, char *s, size_t size)
{
	int k, n = (int)lrint((c->hi - c->lo) / c->step), places;
	double y;

	s[0] = '\0';
	for (k = 0; k <= n; k++) {
		y = c->lo + k * c->step;
		if (row_of(c, y) != row)
			continue;
		places = (int)fmax(0, ceil(-log10(c->step) - 1e-9));
		if (places > 5 || fabs(y) >= 1e6)
			snprintf(s, size, "%.3g", fabs(y) < c->step / 2 ? 0 :
			    y);
		else
			snprintf(s, size, "%.*f", places,
			    fabs(y) < c->step / 2 ? 0 : y);
	}
}

/* Mark in at[cells], 1 up, the curve that a row's cells show. */
static void
mark(const struct chart *c, int row, unsigned char *at)
{
	uint32_t i;
	double y;
	int k;

	memset(at, 0, (size_t)c->cells);
	for (k = 0; k < c->ncurve; k++)
		for (i = 0; i < c->l->n; i++) {
			y = value(c, &c->curve[k], i);
			if (isfinite(y) && row_of(c, y) == row)
				at[cell_of(c, i)] = (unsigned char)(k + 1);
		}
}

static void
put_row(const struct chart *c, int row)
{
	unsigned char at[NF_PLOT_MAX];
	struct nf_pen *pen = c->pen;
	char word[32];
	int i;

	tick(c, row, word, sizeof(word));
	nf_pen_put(pen, NF_INK, "");
	nf_page_right(pen->t, word, c->label);
	nf_pen_put(pen, NF_INK_FAINT, word[0] != '\0' ? pen->g->cross :
	    pen->g->one);
	mark(c, row, at);
	for (i = 0; i < c->cells; i++)
		if (at[i] == 0)
			nf_pen_put(pen, NF_INK, " ");
		else
			nf_pen_put(pen, c->curve[at[i] - 1].ink,
			    c->curve[at[i] - 1].glyph);
	nf_pen_end(pen);
}

static void
put_chart(struct chart *c)
{
	char word[32];
	int row, n;

	c->label = 0;
	for (row = 0; row < c->rows; row++) {
		tick(c, row, word, sizeof(word));
		n = (int)strlen(word);
		c->label = n > c->label ? n : c->label;
	}
	c->label = c->label < 9 ? 9 : c->label;
	c->cells = c->pen->p->width - c->label - 1;
	for (row = 0; row < c->rows; row++)
		put_row(c, row);
}

/* The first and the last epoch, below a chart. */
static void
put_epochs(struct chart *c)
{
	const struct nf_losses *l = c->l;
	char last[16];

	snprintf(last, sizeof(last), "%u", l->n);
	nf_pen_put(c->pen, NF_INK, "");
	nf_page_right(c->pen->t, "epoch", c->label);
	nf_page_add(c->pen->t, " ");
	if (l->n == 1)
		nf_page_right(c->pen->t, last, c->cells / 2 + 1);
	else {
		nf_page_left(c->pen->t, "1", c->cells / 2);
		nf_page_right(c->pen->t, last, c->cells - c->cells / 2);
	}
	nf_pen_end(c->pen);
}

static void
put_legend(struct nf_pen *pen, const struct curve *v)
{
	static const char *const word[] = { "train", "validation",
		"mean of 5" };
	int k;

	nf_pen_put(pen, NF_INK, "loss");
	for (k = 0; k < 3; k++) {
		nf_pen_put(pen, NF_INK, "  ");
		nf_pen_put(pen, v[k].ink, v[k].glyph);
		nf_pen_put(pen, NF_INK, " ");
		nf_pen_put(pen, NF_INK, word[k]);
	}
	nf_pen_end(pen);
}

int
nf_plot_losses(struct nf_page *t, const struct nf_plot *p, const char *name,
    const struct nf_losses *l, struct nf_err *err)
{
	struct nf_pen pen;
	struct curve v[4];
	struct chart c = { .pen = &pen, .l = l, .rows = ROWS, .curve = v,
		.ncurve = 3 };
	char what[32];

	nf_pen_init(&pen, t, p);
	v[0] = (struct curve){ l->train, pen.g->plus, NF_INK_BAR };
	v[1] = (struct curve){ l->valid, pen.g->point, NF_INK_MARK };
	v[2] = (struct curve){ l->mean, pen.g->dot, NF_INK_MARK };
	v[3] = (struct curve){ l->lr, pen.g->point, NF_INK };
	snprintf(what, sizeof(what), "%u epoch%s", l->n, l->n == 1 ? "" : "s");
	nf_pen_title(&pen, name, what);
	if (measure(&c)) {
		put_legend(&pen, v);
		put_chart(&c);
		put_epochs(&c);
	} else
		nf_page_add(t, "no finite loss\n");
	c.curve = &v[3];
	c.ncurve = 1;
	c.rows = RATE_ROWS;
	if (measure(&c)) {
		nf_page_add(t, "learning rate\n");
		put_chart(&c);
	}
	return nf_page_check(t, err);
}
