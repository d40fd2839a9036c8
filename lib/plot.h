/*
 * Histograms as text for a terminal, and as tab-separated values.  Pure:
 * everything goes into a struct nf_page.
 */
#ifndef NF_PLOT_H
#define NF_PLOT_H

#include "hist.h"
#include "page.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_PLOT_MIN	40	/* columns of the narrowest panel */
#define NF_PLOT_MAX	1000

struct nf_plot {
	int width;		/* columns, NF_PLOT_MIN to NF_PLOT_MAX */
	bool ascii;		/* no character beyond ASCII */
	bool log;		/* bars show the logarithm */
	bool colour;		/* ANSI colours */
	bool pull;		/* pulls instead of ratios */
	bool unscaled;		/* the reference keeps its own area */
};

/*
 * Append a panel: title, moments, a line a bin with the sample's bar, the
 * reference's mark, the count and their ratio.  ref may be NULL.
 */
void nf_plot_hist(struct nf_page *t, const struct nf_plot *p,
    const char *name, const struct nf_hist *h, const struct nf_hist *ref);

/*
 * A line that names the fields, then a line a slot: column, low, high,
 * count, error, and of the scaled reference the same, ratio and its error.
 */
void nf_plot_tsv_head(struct nf_page *t);
void nf_plot_tsv(struct nf_page *t, const struct nf_plot *p,
    const char *name, const struct nf_hist *h, const struct nf_hist *ref);

#ifdef __cplusplus
}
#endif
#endif
