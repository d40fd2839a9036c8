/* How well a score tells signal from background, at every threshold. */
#ifndef NF_ROC_H
#define NF_ROC_H

#include "map.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Of a map of scores in x and truth in y, whose axis is that of
 * nf_roc_truth: the fraction of signal and of background with a score in
 * slot k of x or above it.  Scores that are NaN are below all.
 */
struct nf_roc {
	int npoint;			/* thresholds, from the highest */
	double *threshold;		/* low edges of the slots */
	double *signal, *background;	/* from 0 on; the last are 1 */
	double nsignal, nbackground;	/* contents; their errors squared: */
	double vsignal, vbackground;
	double auc, auc_error;		/* error by Hanley and McNeil */
};

/* An axis of two values: 0 for background, 1 for signal. */
int nf_roc_truth(struct nf_axis *a, struct nf_err *err) NF_CHECKED;
/* An axis of scores whose bins hold about as many of the values x[0..n). */
int nf_roc_scores(struct nf_axis *a, double *x, size_t n, struct nf_err *err)
    NF_CHECKED;

int nf_roc_init(struct nf_roc *r, const struct nf_map *m, struct nf_err *err)
    NF_CHECKED;
void nf_roc_free(struct nf_roc *r);
/*
 * The background that passes where this much signal does, between two
 * thresholds in proportion; NAN without signal or background.
 */
double nf_roc_background(const struct nf_roc *r, double signal);

#ifdef __cplusplus
}
#endif
#endif
