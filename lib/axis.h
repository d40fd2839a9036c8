/*
 * Where the bins of a histogram lie: given, or chosen from the data.
 *
 * A value falls into a slot: 0 below the first bin, 1 to nbin the bins,
 * nbin + 1 above the last, then one slot for NaN and one for infinities.
 * A bin holds its low edge and not its high one; the last holds both.
 */
#ifndef NF_AXIS_H
#define NF_AXIS_H

#include <stdbool.h>

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_AXIS_MAX_BINS	65536
#define NF_AXIS_MAX_LEVELS	24	/* as many values get one bin a value */
#define NF_AXIS_BINS		25	/* about as many where nobody asked */

enum nf_axis_kind {
	NF_AXIS_UNIFORM,	/* equal widths */
	NF_AXIS_EDGES,		/* any ascending edges */
	NF_AXIS_LEVELS		/* odd slots: one value each; even: between */
};

struct nf_axis {
	enum nf_axis_kind kind;
	int nbin;		/* levels: 2 * values - 1 */
	double lo, hi;		/* of the first and of the last bin */
	double *lim;		/* [nbin + 3]: where each slot begins */
	double scale;		/* uniform: bins a unit */
};

/* What is asked of an axis; what is not asked comes from the data. */
struct nf_binning {
	int nbin;		/* 0: choose */
	double lo, hi;		/* NAN: choose */
	bool log;		/* equal widths of log x */
	bool filled;		/* choose so many that NF_AXIS_BINS hold
				 * something, though others are empty */
	const double *edge;	/* or NULL: [nedge], ascending */
	int nedge;
};

/* Each makes an axis that nf_axis_free frees; NF_EUSE where it cannot be. */
int nf_axis_uniform(struct nf_axis *a, int nbin, double lo, double hi,
    struct nf_err *err) NF_CHECKED;
int nf_axis_log(struct nf_axis *a, int nbin, double lo, double hi,
    struct nf_err *err) NF_CHECKED;
int nf_axis_edges(struct nf_axis *a, const double *edge, int nedge,
    struct nf_err *err) NF_CHECKED;
int nf_axis_levels(struct nf_axis *a, const double *value, int nvalue,
    struct nf_err *err) NF_CHECKED;
void nf_axis_free(struct nf_axis *a);

/*
 * Choose an axis for the n values x, which are put into another order: one
 * bin a value where there are few, else round edges about the values but
 * for far tails.  Needs no values where b leaves no choice.
 */
int nf_axis_fit(struct nf_axis *a, const struct nf_binning *b, double *x,
    size_t n, struct nf_err *err) NF_CHECKED;

static inline int
nf_axis_nslot(const struct nf_axis *a)
{
	return a->nbin + 4;
}

static inline int
nf_axis_nan(const struct nf_axis *a)
{
	return a->nbin + 2;		/* the infinities' slot follows */
}

/* The edges of slot k, 0 to nbin + 1; equal for a level. */
double nf_axis_low(const struct nf_axis *a, int k);
double nf_axis_high(const struct nf_axis *a, int k);
/* Slot k of levels is a value, not what lies between two. */
bool nf_axis_is_level(const struct nf_axis *a, int k);

/* The slots of x[0..n) into k[0..n). */
void nf_axis_find(const struct nf_axis *a, const double *x, int *k, size_t n);

#ifdef __cplusplus
}
#endif
#endif
