/*
 * Histograms as text for a terminal, and as tab-separated values.  Pure:
 * everything goes into a struct nf_page.
 */
#ifndef NF_PLOT_H
#define NF_PLOT_H

#include "page.h"
#include "views.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_PLOT_MIN	40	/* columns of the narrowest panel */
#define NF_PLOT_MAX	1000
#define NF_PLOT_ACROSS	16	/* panels side by side */

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
 * reference's mark, the count and their ratio.  A reference may be NULL.
 */
void nf_plot_hist(struct nf_page *t, const struct nf_plot *p,
    const char *name, const struct nf_hist *h, const struct nf_hist *ref);
/* A shaded block a bin, y up; ref says which of both sides it is. */
void nf_plot_map(struct nf_page *t, const struct nf_plot *p, const char *x,
    const char *y, const struct nf_map *m, bool ref);
/* A line a bin of x: the mean and spread of y, the reference's mean. */
void nf_plot_profile(struct nf_page *t, const struct nf_plot *p,
    const char *x, const char *y, const struct nf_profile *s,
    const struct nf_profile *ref);
/* A line a signal efficiency: the background that passes, their ratio. */
void nf_plot_roc(struct nf_page *t, const struct nf_plot *p,
    const char *score, const char *truth, const struct nf_roc *s,
    const struct nf_roc *ref);

/* All views, whose columns are called name[..], as many across as fit. */
int nf_plot_views(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_views *v, struct nf_err *err)
    NF_CHECKED;
/*
 * The same as tab-separated text: a line that names the fields, then a line
 * a bin.  nfhist(1) says which.
 */
int nf_plot_tsv(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_views *v, struct nf_err *err)
    NF_CHECKED;

/*
 * A training's history, epoch by epoch: number i of each stands at
 * [i * stride], and is NAN where it is not known.
 */
struct nf_losses {
	uint32_t n;
	size_t stride;
	const double *lr, *train, *valid;
	const double *mean;	/* of the validation's last five */
};

/* Losses and learning rate as charts, in at most p->width columns. */
int nf_plot_losses(struct nf_page *t, const struct nf_plot *p,
    const char *name, const struct nf_losses *l, struct nf_err *err)
    NF_CHECKED;

/* A script that makes gnuplot draw the same into an image file. */
enum nf_image { NF_IMAGE_PNG, NF_IMAGE_SVG, NF_IMAGE_PDF };

int nf_plot_gnuplot(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_views *v, enum nf_image image,
    const char *file, struct nf_err *err) NF_CHECKED;

int nf_plot_losses_gnuplot(struct nf_page *t, const char *name,
    const struct nf_losses *l, enum nf_image image, const char *file,
    struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
