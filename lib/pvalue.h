/* How likely a disagreement is to come from chance alone. */
#ifndef NF_PVALUE_H
#define NF_PVALUE_H

/* The chance that a chi-square of ndf degrees of freedom exceeds x. */
double nf_chi2_p(double x, double ndf);
/*
 * The chance that two samples of one distribution, of n and m entries, have
 * distribution functions further apart than d; asymptotic.
 */
double nf_kolmogorov_p(double d, double n, double m);

#endif
