/*
 * Pictures of a table's columns, for a sample and a reference that share
 * their axes, in one pass and constant memory: the first rows are kept until
 * nf_views_fit has chosen the bins from them.
 */
#ifndef NF_VIEWS_H
#define NF_VIEWS_H

#include "view.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_TILE		256		/* rows of one nf_views_put */
#define NF_VIEWS_HEAD	(1u << 17)	/* rows of a side that choose bins */
#define NF_VIEWS_BINS	(1u << 22)	/* of all views */

struct nf_views {
	uint32_t ncol, nview;
	struct nf_view *view;
	struct nf_views_side {
		bool used;
		struct nf_weighing how;
		uint64_t nrow;
		uint32_t ntile;
		struct nf_views_tile {
			uint32_t nrow;
			double *x;	/* [ncol + 2][NF_TILE] */
		} *tile;		/* the rows kept */
	} side[2];
};

/*
 * One view of kind of the first two columns, or a histogram of each of ncol
 * columns.  ncol, kind's needs included, is what nf_views_put brings.
 */
int nf_views_init(struct nf_views *t, enum nf_view_kind kind, uint32_t ncol,
    struct nf_err *err) NF_CHECKED;
/* Announce a side.  absent[ncol] tells columns that it lacks; or NULL. */
int nf_views_side(struct nf_views *t, enum nf_side side,
    const struct nf_weighing *how, const bool *absent, struct nf_err *err)
    NF_CHECKED;
/* More rows of this side are wanted before nf_views_fit. */
bool nf_views_wants(const struct nf_views *t, enum nf_side side);

/*
 * Take nrow rows, at most NF_TILE: x[j * NF_TILE + i] is column j's.  If the
 * side is weighted the weights follow the columns, if folded the events
 * follow those.  Before nf_views_fit, only while more are wanted.  A weight
 * that is not finite is NF_EDATA.
 */
int nf_views_put(struct nf_views *t, enum nf_side side, const double *x,
    uint32_t nrow, struct nf_err *err) NF_CHECKED;
/* Choose every axis, and count what was kept. */
int nf_views_fit(struct nf_views *t, const struct nf_binning *bx,
    const struct nf_binning *by, struct nf_err *err) NF_CHECKED;
void nf_views_end(struct nf_views *t);		/* after the last row */
void nf_views_free(struct nf_views *t);

#ifdef __cplusplus
}
#endif
#endif
