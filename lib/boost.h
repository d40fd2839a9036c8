/*
 * Boosted trees that tell the rows of two tables apart: gradient boosting of
 * the logistic loss (Friedman, Ann. Stat. 29, 2001) with trees over values
 * put into bins.  No trees are grown for good: what counts is their scores.
 */
#ifndef NF_BOOST_H
#define NF_BOOST_H

#include <stdint.h>

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_BOOST_BINS	64
#define NF_BOOST_DEPTH	3	/* so up to three columns act together */
#define NF_BOOST_TREES	60
#define NF_BOOST_RATE	0.2	/* of each tree's answer that is used */

/* n rows: bins bin[j * n + i] below NF_BOOST_BINS, row i in column j. */
struct nf_boost {
	uint32_t ncol;
	size_t n;
	const uint8_t *bin;
	const double *w;	/* [n], none below 0 */
	const uint8_t *y;	/* [n]: 0 or 1 */
	const uint8_t *train;	/* [n]: 1 for rows to learn from */
};

/* score[n]: log odds of y = 1 for every row, learnt from those of train. */
int nf_boost_scores(const struct nf_boost *b, double *score,
    struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
