/* Inside of plot*.c: how a histogram's panel is divided, and its words. */
#ifndef NF_PANEL_H
#define NF_PANEL_H

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
};

/* A panel: what it shows, and how its lines are divided. */
struct nf_panel {
	const struct nf_plot *p;
	const struct nf_glyphs *g;
	struct nf_page *t;
	const struct nf_hist *h, *ref;
	double scale;		/* of the reference */
	double floor, top;	/* of the bars: contents at both ends */
	enum nf_ink ink;	/* in force */
	int label, bar, count, ratio, side;	/* widths; 0: left out */
	int places;		/* decimals of the ratio */
	int fixed;		/* decimals of labels; -1: significant ones */
};

/* Measure what p asks for; the result points into the arguments. */
void nf_panel_init(struct nf_panel *d, struct nf_page *t,
    const struct nf_plot *p, const struct nf_hist *h,
    const struct nf_hist *ref);

/* The words of slot k: its low edge or value, its count, its ratio (pull). */
void nf_panel_label(const struct nf_panel *d, int k, char *s, size_t size);
void nf_panel_count(const struct nf_panel *d, int k, char *s, size_t size);
void nf_panel_ratio(const struct nf_panel *d, const struct nf_ratio *r,
    char *s, size_t size);
/*
 * Slots beside the bins, and what lies between levels, are shown only where
 * something fell into them.
 */
bool nf_panel_shows(const struct nf_panel *d, int k);
/* The reference's content, scaled; 0 without one. */
double nf_panel_ref(const struct nf_panel *d, int k);

/* Append text in a colour; nf_panel_end ends the line. */
void nf_panel_put(struct nf_panel *d, enum nf_ink ink, const char *s);
void nf_panel_end(struct nf_panel *d);

#endif
