/* Inside of plot*.c: how a histogram's panel is divided, and its words. */
#ifndef NF_PANEL_H
#define NF_PANEL_H

#include "pen.h"

/* A panel: what it shows, and how its lines are divided. */
struct nf_panel {
	struct nf_pen pen;
	const struct nf_hist *h, *ref;
	double scale;		/* of the reference */
	double floor, top;	/* of the bars: contents at both ends */
	int label, bar, count, ratio, side;	/* widths; 0: left out */
	int places;		/* decimals of the ratio */
	int fixed;		/* nf_label_places of the axis */
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

#endif
