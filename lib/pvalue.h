/* Distributions, and how likely a disagreement is to come from chance. */
#ifndef NF_PVALUE_H
#define NF_PVALUE_H

/* The chance that a standard normal number is below x; and back. */
double nf_normal_cdf(double x);
double nf_normal_quantile(double p);

/* The standard normal number as likely to be exceeded as x is by a chi2. */
double nf_chi2_normal(double x, double ndf);
/* The chance that a chi-square of ndf degrees of freedom exceeds x. */
double nf_chi2_p(double x, double ndf);
/*
 * The chance that two samples of one distribution, of n and m entries, have
 * distribution functions further apart than d; asymptotic.  m INFINITY: a
 * sample of n, and the distribution itself.
 */
double nf_kolmogorov_p(double d, double n, double m);

#endif
