/* Order statistics. */
#ifndef NF_SELECT_H
#define NF_SELECT_H

#include <stddef.h>

/*
 * The value that would stand at x[k] if x[0..n) were sorted, k < n; x is put
 * into another order.  No NaN.  Linear time whatever the order was.
 */
double nf_select(double *x, size_t n, size_t k);
/* All of it ascending; no NaN. */
void nf_sort(double *x, size_t n);

#endif
