/* One picture of a table's columns: of a sample, and of a reference. */
#ifndef NF_VIEW_H
#define NF_VIEW_H

#include "hist.h"
#include "map.h"
#include "roc.h"

#ifdef __cplusplus
extern "C" {
#endif

enum nf_side { NF_SAMPLE, NF_REFERENCE };

enum nf_view_kind {
	NF_VIEW_HIST,		/* of x */
	NF_VIEW_MAP,		/* of x and y */
	NF_VIEW_PROFILE,	/* y in bins of x */
	NF_VIEW_ROC		/* a map of score x and truth y */
};

struct nf_view {
	enum nf_view_kind kind;
	uint32_t x, y;			/* columns of the table */
	double truth;			/* ROC: y that is signal; NAN: not 0 */
	bool used[2];			/* sides that have the columns */
	struct nf_axis ax, ay;
	struct nf_view_side {
		struct nf_hist hist;	/* one of them, as kind says */
		struct nf_map map;
		struct nf_profile profile;
		bool folded;
		struct nf_fold fold;
	} side[2];
};

/* How a side's rows count. */
struct nf_weighing {
	bool weighted, folded;
};

/* A tile of n rows: two columns and, or NULL, their weights and events. */
struct nf_view_rows {
	size_t n;
	const double *x, *y, *w, *id;
};

/*
 * Choose the axes for the n rows with values x and (unless it is a
 * histogram) y, which are put into another order.
 */
int nf_view_fit(struct nf_view *v, const struct nf_binning *bx,
    const struct nf_binning *by, double *x, double *y, size_t n,
    struct nf_err *err) NF_CHECKED;
/* Make a side ready to count. */
int nf_view_begin(struct nf_view *v, enum nf_side side,
    const struct nf_weighing *how, struct nf_err *err) NF_CHECKED;
void nf_view_add(struct nf_view *v, enum nf_side side,
    const struct nf_view_rows *rows);
void nf_view_end(struct nf_view *v, enum nf_side side);	/* of all rows */
void nf_view_free(struct nf_view *v);
size_t nf_view_nslot(const struct nf_view *v);	/* of a side */

#ifdef __cplusplus
}
#endif
#endif
