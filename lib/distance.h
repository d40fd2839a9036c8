/* How far two samples of one number differ, exactly: from their values. */
#ifndef NF_DISTANCE_H
#define NF_DISTANCE_H

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_entry {
	double x, w;
};

struct nf_distance {
	double w1;		/* area between both distribution functions */
	double ks, ks_p;	/* their largest difference, and its chance */
	double auc;		/* that a value of b is above one of a */
};

void nf_entry_sort(struct nf_entry *e, size_t n);
/* out[0..na + nb) = sorted a and b together. */
void nf_entry_merge(const struct nf_entry *a, size_t na,
    const struct nf_entry *b, size_t nb, struct nf_entry *out);

/* Of sorted e from the standard normal distribution; no auc. */
struct nf_distance nf_distance_normal(const struct nf_entry *e, size_t n);

/*
 * Of sorted a and b, each normalized to the sum of its weights; all NAN
 * unless both sums are above 0.  Equal values count for auc by half.  For
 * weights of either sign the figures are what the formulas give.
 */
struct nf_distance nf_distance(const struct nf_entry *a, size_t na,
    const struct nf_entry *b, size_t nb);

#ifdef __cplusplus
}
#endif
#endif
