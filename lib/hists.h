/*
 * Histograms of a table's columns, for a sample and a reference that share
 * their axes, in one pass and constant memory: the first rows are kept until
 * nf_hists_fit has chosen the bins from them.
 */
#ifndef NF_HISTS_H
#define NF_HISTS_H

#include "hist.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_TILE		256		/* rows of one nf_hists_put */
#define NF_HISTS_HEAD	(1u << 17)	/* rows of a side that choose bins */
#define NF_HISTS_BINS	(1u << 22)	/* of all columns */

enum nf_side { NF_SAMPLE, NF_REFERENCE };

struct nf_hists {
	uint32_t ncol;
	struct nf_axis *axis;		/* [ncol], from nf_hists_fit on */
	struct nf_hist *hist[2];	/* a side each: [ncol] */
	struct nf_hists_side {
		bool used, weighted;
		bool *absent;		/* [ncol]: columns it has not */
		uint64_t nrow;
		uint32_t ntile;
		struct nf_hists_tile {
			uint32_t nrow;
			double *x;	/* [ncol + 1][NF_TILE] */
		} *tile;		/* the rows kept */
	} side[2];
};

int nf_hists_init(struct nf_hists *t, uint32_t ncol, struct nf_err *err)
    NF_CHECKED;
/* Announce a side.  absent is copied; NULL: it has every column. */
int nf_hists_side(struct nf_hists *t, enum nf_side side, bool weighted,
    const bool *absent, struct nf_err *err) NF_CHECKED;
/* More rows of this side are wanted before nf_hists_fit. */
bool nf_hists_wants(const struct nf_hists *t, enum nf_side side);

/*
 * Take nrow rows, at most NF_TILE: x[j * NF_TILE + i] is column
 * j's, and the weights follow the columns.  Before nf_hists_fit, only while
 * more are wanted.  A weight that is not finite is NF_EDATA.
 */
int nf_hists_put(struct nf_hists *t, enum nf_side side, const double *x,
    uint32_t nrow, struct nf_err *err) NF_CHECKED;
/* Choose every axis, and count what was kept. */
int nf_hists_fit(struct nf_hists *t, const struct nf_binning *b,
    struct nf_err *err) NF_CHECKED;
/* The histogram of column j, or NULL where the side lacks it. */
const struct nf_hist *nf_hists_get(const struct nf_hists *t,
    enum nf_side side, uint32_t j);
void nf_hists_free(struct nf_hists *t);

#ifdef __cplusplus
}
#endif
#endif
