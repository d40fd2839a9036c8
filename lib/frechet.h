/* The Frechet distance of normal distributions, and what it is built from. */
#ifndef NF_FRECHET_H
#define NF_FRECHET_H

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The eigenvalues of the symmetric a[n * n], of which the lower half is read
 * and all is spoilt, into value[n], in no order; tmp[2 * n] is room.
 */
void nf_eigenvalues(double *a, uint32_t n, double *value, double *tmp);

/*
 * |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) for covariances cov_a and
 * cov_b [n * n]: cov_a is spoilt.  NAN where anything is not finite.
 */
int nf_frechet(const double *mean_a, double *cov_a, const double *mean_b,
    const double *cov_b, uint32_t n, double *distance, struct nf_err *err)
    NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
