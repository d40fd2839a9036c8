/*
 * Histograms: counts or sums of weights in the slots of an axis, with the
 * mean and spread of all finite values.
 */
#ifndef NF_HIST_H
#define NF_HIST_H

#include "axis.h"
#include "bins.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_hist {
	const struct nf_axis *axis;	/* the caller's */
	struct nf_bins b;		/* a slot of the axis each */
	double origin;			/* of the moments, for accuracy */
	double sum, sumx, sumxx;	/* of weights of finite values */
};

int nf_hist_init(struct nf_hist *h, const struct nf_axis *axis,
    bool weighted, struct nf_err *err) NF_CHECKED;
void nf_hist_free(struct nf_hist *h);

/* Count x[0..n), with weights w[0..n) (finite) if h is weighted. */
void nf_hist_add(struct nf_hist *h, const double *x, const double *w,
    size_t n);
/* The same for entries that are draws of events id: h is weighted, w not. */
void nf_hist_fold(struct nf_hist *h, struct nf_fold *f, const double *x,
    const double *w, const double *id, size_t n);
/* Add what another histogram of the same axis and kind has counted. */
void nf_hist_merge(struct nf_hist *to, const struct nf_hist *from);

/* A slot's content and its variance: the sums of w and of w^2. */
static inline double
nf_hist_content(const struct nf_hist *h, int k)
{
	return nf_bins_content(&h->b, (size_t)k);
}

static inline double
nf_hist_variance(const struct nf_hist *h, int k)
{
	return nf_bins_variance(&h->b, (size_t)k);
}

uint64_t nf_hist_finite(const struct nf_hist *h);	/* entries */
double nf_hist_area(const struct nf_hist *h);		/* their content */
double nf_hist_mean(const struct nf_hist *h);		/* NAN without any */
double nf_hist_std(const struct nf_hist *h);

/* The factor that gives the reference the sample's area; 1 without one. */
double nf_hist_scale(const struct nf_hist *h, const struct nf_hist *ref);
/* The ratio in slot k, for a reference multiplied by scale. */
struct nf_ratio nf_hist_ratio(const struct nf_hist *h,
    const struct nf_hist *ref, double scale, int k);

#ifdef __cplusplus
}
#endif
#endif
