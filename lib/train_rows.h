/*
 * A trainer's rows on the device: all, or a window of those on disk, or of
 * those in the host's memory where the device has no room for them.  A device
 * whose memory is the host's works in the caller's rows.
 */
#ifndef NF_TRAIN_ROWS_H
#define NF_TRAIN_ROWS_H

#include "train_mix.h"

struct nf_train_rows {
	struct nf_dev *dev;
	const struct nf_shape *shape;
	uint32_t nrow;
	nf_real *x, *context, *weight;	/* or NULL: none */
	uint32_t *index;		/* [nrow]: an epoch's order of these */
	struct nf_windows windows;	/* nwindow 0: all rows are here */
	uint64_t window;		/* the one that is */
	struct nf_mix *mix;		/* theirs, or NULL */
};

/*
 * Upload rows or, where windows is not NULL, make room for those.  Last of
 * all that a trainer holds there: batches of so many rows go through the rest.
 */
int nf_train_rows_put(struct nf_train_rows *r, struct nf_dev *dev,
    const struct nf_flow *f, uint64_t seed, uint32_t batch,
    const struct nf_rowset *rows, const struct nf_windows *windows,
    struct nf_err *err) NF_CHECKED;
/* Begin an epoch: its order, on the device's own time. */
void nf_train_rows_epoch(struct nf_train_rows *r, uint64_t seed,
    uint32_t epoch);
/* Have the batch here that begins with row of the epoch's order. */
int nf_train_rows_load(struct nf_train_rows *r, uint32_t epoch, uint64_t row,
    struct nf_err *err) NF_CHECKED;
/* What the host can do for that epoch while the device ends another. */
int nf_train_rows_ahead(struct nf_train_rows *r, uint32_t epoch,
    struct nf_err *err) NF_CHECKED;
void nf_train_rows_free(struct nf_train_rows *r);	/* accepts zeroed */

#endif
