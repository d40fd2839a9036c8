/* Inside of plot_gnuplot*.c: a sheet of panels. */
#ifndef NF_SHEET_H
#define NF_SHEET_H

#include "plot.h"

struct nf_sheet {
	struct nf_page *t;
	const struct nf_plot *p;
	const char *const *name;
	int across, down, cell_x, cell_y;
	int at;				/* the panel, from 0 */
	double left, right, bottom, top;	/* its part of the sheet */
};

/* The terminal of an image of this size, the file, and a clean page. */
void nf_gnuplot_begin(struct nf_page *t, enum nf_image image,
    const char *file, int width, int height);
/* Text as an expression, in which gnuplot acts upon nothing. */
void nf_gnuplot_quoted(struct nf_page *t, const char *s);
/* A line of n numbers. */
void nf_gnuplot_numbers(struct nf_page *t, const double *x, int n);
/* Where the next panel goes, and a clean slate. */
void nf_gnuplot_panel(struct nf_sheet *s);
void nf_gnuplot_margins(struct nf_sheet *s, double bottom, double top);

/* Slots of an axis that are drawn, and from where to where. */
bool nf_gnuplot_draws(const struct nf_axis *a, int k);
void nf_gnuplot_edges(const struct nf_axis *a, int k, double *low,
    double *high);
/* Range and scale of axis which ("x", "y"), with or without its words. */
void nf_gnuplot_axis(struct nf_sheet *s, const struct nf_axis *a,
    const char *which, bool words);

void nf_gnuplot_map(struct nf_sheet *s, const struct nf_view *w, int side);
void nf_gnuplot_profile(struct nf_sheet *s, const struct nf_view *w);
int nf_gnuplot_roc(struct nf_sheet *s, const struct nf_view *w,
    struct nf_err *err) NF_CHECKED;

#endif
