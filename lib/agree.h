/*
 * How well a sample agrees with a reference, as far as their bins tell.
 */
#ifndef NF_AGREE_H
#define NF_AGREE_H

#include "hist.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_agree {
	double chi2, ndf, chi2_p;	/* NAN where there is nothing */
	double ks, ks_p;	/* largest difference of both distributions */
	double w1;		/* area between them (Wasserstein), in units */
};

/*
 * Both are taken to have equal area and to be flat within a bin.  Values
 * beside the bins count for chi2 and ks.  Bins of few entries are joined
 * for chi2.  For weights of either sign ks and w1 are what the formulas give.
 */
struct nf_agree nf_hist_agree(const struct nf_hist *h,
    const struct nf_hist *ref);

#ifdef __cplusplus
}
#endif
#endif
