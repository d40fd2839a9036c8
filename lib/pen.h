/* Inside of plot*.c: characters, colours, and the words of an axis. */
#ifndef NF_PEN_H
#define NF_PEN_H

#include "plot.h"

/* What a character is for; on a terminal each has its colour. */
enum nf_ink {
	NF_INK, NF_INK_FAINT, NF_INK_TITLE, NF_INK_BAR, NF_INK_MARK,
	NF_INK_BOTH, NF_INK_GOOD, NF_INK_FAIR, NF_INK_POOR
};

struct nf_glyphs {
	const char *eighth[9];		/* a cell that is n eighths full */
	const char *mark, *dot, *whisker, *one, *cross, *left, *right;
	const char *plus_minus, *dots, *skip;
	const char *shade[5];		/* from empty to full */
	const char *point, *plus;
};

struct nf_pen {
	const struct nf_plot *p;
	const struct nf_glyphs *g;
	struct nf_page *t;
	enum nf_ink ink;		/* in force */
};

void nf_pen_init(struct nf_pen *pen, struct nf_page *t,
    const struct nf_plot *p);
void nf_pen_put(struct nf_pen *pen, enum nf_ink ink, const char *s);
/* A word, left out where fewer than its columns are left of *room. */
void nf_pen_word(struct nf_pen *pen, int *room, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void nf_pen_end(struct nf_pen *pen);		/* the line */

/* A panel's first line: its name on the left, what else on the right. */
void nf_pen_title(struct nf_pen *pen, const char *name, const char *what);
/* Begin a line about the sample or the reference: its sign, what it is. */
void nf_pen_side(struct nf_pen *pen, int *room, bool ref, uint64_t n);

/*
 * A bar that reaches so far along its cells, and the mark of a reference:
 * 0 to 1, or below 0 for none.  It takes a cell more, for a mark at its end.
 */
void nf_pen_bar(struct nf_pen *pen, int cells, double reach, double mark);

/* A point on a line of cells; what lies beyond the ends is an arrow. */
struct nf_spot {
	bool none;		/* no point */
	int at, from, to;	/* cells of the point and of its error bar */
	int mid, mark;		/* of a line, of a reference; or -1 */
};

void nf_pen_spot(struct nf_pen *pen, int cells, const struct nf_spot *s,
    enum nf_ink ink);

/* The colour of a difference of so many errors. */
enum nf_ink nf_pen_judge(double pull);

/* How an axis writes its edges: decimals, or -1 for significant digits. */
int nf_label_places(const struct nf_axis *a);
/* A value written like an edge; the word for slot k. */
void nf_label_value(const struct nf_axis *a, int places, double x, char *s,
    size_t size);
void nf_label_slot(const struct nf_axis *a, int places, int k, char *s,
    size_t size);
/* Columns that the words of slots 0 to nbin + 1 need, at the most. */
int nf_label_width(const struct nf_axis *a, int places);

/* A measured value with its error: 1.02 +-0.03. */
void nf_label_error(const struct nf_pen *pen, double x, double error,
    int places, char *s, size_t size);

#endif
