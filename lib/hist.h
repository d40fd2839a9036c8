/*
 * Histograms: counts or sums of weights in the slots of an axis, with the
 * mean and spread of all finite values.
 */
#ifndef NF_HIST_H
#define NF_HIST_H

#include "axis.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_hist {
	const struct nf_axis *axis;	/* the caller's */
	uint64_t *n;			/* entries, a slot of the axis each */
	double *w, *w2;			/* sums of weights, of their squares;
					 * NULL: every weight is 1 */
	double origin;			/* of the moments, for accuracy */
	double sum, sumx, sumxx;	/* of weights of finite values */
};

int nf_hist_init(struct nf_hist *h, const struct nf_axis *axis,
    bool weighted, struct nf_err *err) NF_CHECKED;
void nf_hist_free(struct nf_hist *h);

/* Count x[0..n), with weights w[0..n) (finite) if h is weighted. */
void nf_hist_add(struct nf_hist *h, const double *x, const double *w,
    size_t n);
/* Add what another histogram of the same axis and kind has counted. */
void nf_hist_merge(struct nf_hist *to, const struct nf_hist *from);

/* A slot's content and its variance: the sums of w and of w^2. */
static inline double
nf_hist_content(const struct nf_hist *h, int k)
{
	return h->w != NULL ? h->w[k] : (double)h->n[k];
}

static inline double
nf_hist_variance(const struct nf_hist *h, int k)
{
	return h->w2 != NULL ? h->w2[k] : (double)h->n[k];
}

uint64_t nf_hist_finite(const struct nf_hist *h);	/* entries */
double nf_hist_mean(const struct nf_hist *h);		/* NAN without any */
double nf_hist_std(const struct nf_hist *h);

/* A sample against a reference of the same axis, scaled to its area. */
struct nf_ratio {
	double ref, ref_error;		/* the reference, scaled */
	double value, error;		/* sample / reference; NAN without */
	double pull;			/* difference / its error; NAN if 0 */
};

/* The factor that gives the reference the sample's area; 1 without one. */
double nf_hist_scale(const struct nf_hist *h, const struct nf_hist *ref);
/* The ratio in slot k, for a reference multiplied by scale. */
struct nf_ratio nf_hist_ratio(const struct nf_hist *h,
    const struct nf_hist *ref, double scale, int k);

#ifdef __cplusplus
}
#endif
#endif
