/* Characters, colours, and the words of an axis. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pen.h"

static const struct nf_glyphs unicode = {
	{ " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" },
	"┃", "●", "─", "┊", "┼", "◂", "▸", "±", "…", "⋮",
	{ " ", "░", "▒", "▓", "█" }, "·", "+"
};
static const struct nf_glyphs ascii = {
	{ " ", " ", " ", " ", "#", "#", "#", "#", "#" },
	"|", "o", "-", ":", "+", "<", ">", "+-", "~", ":",
	{ " ", ".", "o", "O", "@" }, ".", "+"
};

static const char *const sgr[] = {
	[NF_INK] = "", [NF_INK_FAINT] = "2", [NF_INK_TITLE] = "1",
	[NF_INK_BAR] = "34", [NF_INK_MARK] = "1;31",
	[NF_INK_BOTH] = "1;31;44", [NF_INK_GOOD] = "32",
	[NF_INK_FAIR] = "33", [NF_INK_POOR] = "1;31"
};

void
nf_pen_init(struct nf_pen *pen, struct nf_page *t, const struct nf_plot *p)
{
	*pen = (struct nf_pen){ .p = p, .t = t };
	pen->g = p->ascii ? &ascii : &unicode;
}

static void
change(struct nf_pen *pen, enum nf_ink ink)
{
	if (!pen->p->colour || ink == pen->ink)
		return;
	if (pen->ink != NF_INK)
		nf_page_add(pen->t, "\033[m");
	if (ink != NF_INK)
		nf_page_add(pen->t, "\033[%sm", sgr[ink]);
	pen->ink = ink;
}

void
nf_pen_put(struct nf_pen *pen, enum nf_ink ink, const char *s)
{
	change(pen, ink);
	nf_page_add(pen->t, "%s", s);
}

void
nf_pen_word(struct nf_pen *pen, int *room, const char *fmt, ...)
{
	char s[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	*room -= nf_page_width(s, strlen(s));
	if (*room >= 0)
		nf_page_add(pen->t, "%s", s);
}

void
nf_pen_end(struct nf_pen *pen)
{
	change(pen, NF_INK);
	while (pen->t->n > 0 && pen->t->s[pen->t->n - 1] == ' ')
		pen->t->n--;
	nf_page_add(pen->t, "\n");
}

void
nf_pen_title(struct nf_pen *pen, const char *name, const char *what)
{
	int room = pen->p->width - nf_page_width(what, strlen(what));

	nf_pen_put(pen, NF_INK_TITLE, "");
	if (nf_page_width(name, strlen(name)) > room) {
		nf_page_left(pen->t, name, room - 1);
		nf_page_add(pen->t, "%s", pen->g->dots);
	} else
		nf_page_left(pen->t, name, room);
	nf_pen_put(pen, NF_INK_FAINT, what);
	nf_pen_end(pen);
}

void
nf_pen_side(struct nf_pen *pen, int *room, bool ref, uint64_t n)
{
	*room = pen->p->width - 1;
	nf_pen_put(pen, ref ? NF_INK_MARK : NF_INK_BAR,
	    ref ? pen->g->mark : pen->g->eighth[8]);
	nf_pen_put(pen, NF_INK, "");
	nf_pen_word(pen, room, " %-9s  %llu %s", ref ? "reference" : "sample",
	    (unsigned long long)n, n == 1 ? "entry" : "entries");
}

void
nf_pen_bar(struct nf_pen *pen, int cells, double reach, double mark)
{
	int full = reach < 0 ? 0 : (int)lrint(8 * cells * reach), cell, n;
	int at = mark < 0 ? -1 : (int)(cells * mark);

	if (full == 0 && reach >= 0)
		full = 1;		/* something is not nothing */
	for (cell = 0; cell <= cells; cell++) {
		n = full - 8 * cell;
		n = n < 0 ? 0 : n > 8 ? 8 : n;
		if (cell == at)
			nf_pen_put(pen, n == 8 ? NF_INK_BOTH : NF_INK_MARK,
			    pen->g->mark);
		else if (n == 0)
			nf_pen_put(pen, NF_INK, " ");
		else
			nf_pen_put(pen, NF_INK_BAR, pen->g->eighth[n]);
	}
	nf_pen_put(pen, NF_INK, "");
}

/* What stands in cell i, or NULL for nothing of the point. */
static const char *
spot_glyph(const struct nf_pen *pen, int cells, const struct nf_spot *s,
    int i)
{
	if (s->none)
		return NULL;
	if (i == s->at)
		return pen->g->dot;
	if (i == 0 && s->at < 0)
		return pen->g->left;
	if (i == cells - 1 && s->at > i)
		return pen->g->right;
	if (i == s->mark)
		return NULL;
	if (i >= s->from && i <= s->to)
		return i == s->mid ? pen->g->cross : pen->g->whisker;
	return NULL;
}

void
nf_pen_spot(struct nf_pen *pen, int cells, const struct nf_spot *s,
    enum nf_ink ink)
{
	const char *glyph;
	int i;

	for (i = 0; i < cells; i++) {
		glyph = spot_glyph(pen, cells, s, i);
		if (glyph != NULL)
			nf_pen_put(pen, ink, glyph);
		else if (i == s->mark)
			nf_pen_put(pen, NF_INK_MARK, pen->g->mark);
		else
			nf_pen_put(pen, NF_INK_FAINT,
			    i == s->mid ? pen->g->one : " ");
	}
	nf_pen_put(pen, NF_INK, "");
}

enum nf_ink
nf_pen_judge(double pull)
{
	return fabs(pull) < 2 ? NF_INK_GOOD : fabs(pull) < 3 ? NF_INK_FAIR :
	    NF_INK_POOR;
}

/* ---- words ------------------------------------------------------------ */

int
nf_label_places(const struct nf_axis *a)
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

void
nf_label_value(const struct nf_axis *a, int places, double x, char *s,
    size_t size)
{
	if (places >= 0)
		snprintf(s, size, "%.*f", places, x == 0 ? 0 : x);
	else
		snprintf(s, size, "%.*g", label_digits(a), x);
}

void
nf_label_slot(const struct nf_axis *a, int places, int k, char *s,
    size_t size)
{
	char edge[32];

	if (k > a->nbin + 1)
		snprintf(s, size, "%s", k == nf_axis_nan(a) ? "nan" : "inf");
	else if (a->kind == NF_AXIS_LEVELS && k > 0 && k <= a->nbin &&
	    !nf_axis_is_level(a, k))
		snprintf(s, size, "between");
	else {
		nf_label_value(a, places, k == 0 ? a->lo : nf_axis_low(a, k),
		    edge, sizeof(edge));
		snprintf(s, size, "%s%s", k == 0 ? "< " :
		    k == a->nbin + 1 ? "> " : "", edge);
	}
}

int
nf_label_width(const struct nf_axis *a, int places)
{
	int k, width = 0, n;
	char s[64];

	for (k = 0; k <= a->nbin + 1; k++) {
		nf_label_slot(a, places, k, s, sizeof(s));
		n = (int)strlen(s);
		width = n > width ? n : width;
	}
	return width;
}

void
nf_label_error(const struct nf_pen *pen, double x, double error, int places,
    char *s, size_t size)
{
	double largest = fmax(fabs(x), error);

	if (largest >= 10)
		places = largest >= 100 ? 0 : 1;
	if (largest >= 1e4)
		snprintf(s, size, "%.0e", x);
	else
		snprintf(s, size, "%.*f %s%.*f", places, x,
		    pen->g->plus_minus, places, error);
}
