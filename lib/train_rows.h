/*
 * A trainer's rows on the device: all, or a window of those on disk, or of
 * those in the host's memory where the device has no room for them.  A window
 * goes there in pieces, of which there are two: one comes while steps take
 * the other.  A device whose memory is the host's works in the caller's rows.
 */
#ifndef NF_TRAIN_ROWS_H
#define NF_TRAIN_ROWS_H

#include "train_mix.h"

struct nf_train_rows {
	struct nf_dev *dev;
	const struct nf_shape *shape;
	uint32_t nrow;
	nf_real *x, *context, *weight;	/* or NULL: none */
	uint64_t keep;			/* bytes that steps and validation have
					 * yet to take there: the caller's */
	uint32_t *index;		/* [nrow]: an epoch's order of these */
	uint32_t order;			/* that epoch, .. */
	int ordered;			/* .. once it is there */
	struct nf_windows windows;	/* nwindow 0: all rows are here */
	uint64_t piece;			/* rows of it: whole batches */
	uint64_t window;		/* the one that the host has */
	struct nf_rowset host;		/* that one */
	uint64_t sent, at;		/* pieces of the epoch: the last that
					 * was sent, the one that steps take */
	struct nf_mix *mix;		/* theirs, or NULL */
	struct nf_maker maker;		/* of rows that are not there yet; .. */
	uint32_t made;			/* .. so many are, the first of the
					 * epoch's order */
};

/* Make the first epoch's order of nrow rows, before they are there. */
int nf_train_rows_expect(struct nf_train_rows *r, struct nf_dev *dev,
    uint64_t seed, uint32_t nrow, struct nf_err *err) NF_CHECKED;
/*
 * Send rows there, which the maker, if it is set, makes meanwhile; or, where
 * windows is not NULL, make room for those.  Last of all that a trainer holds
 * there.
 */
int nf_train_rows_put(struct nf_train_rows *r, struct nf_dev *dev,
    const struct nf_flow *f, uint64_t seed, uint32_t batch,
    const struct nf_rowset *rows, const struct nf_windows *windows,
    struct nf_err *err) NF_CHECKED;
/*
 * Keep the rows that are judged after an epoch, weights excepted, where there
 * is room beside train; else leave *r zeroed.
 */
int nf_train_rows_keep(struct nf_train_rows *r,
    const struct nf_train_rows *train, const struct nf_rowset *rows,
    struct nf_err *err) NF_CHECKED;
/* Begin an epoch: its order, on the device's own time. */
void nf_train_rows_epoch(struct nf_train_rows *r, uint64_t seed,
    uint32_t epoch);
/* Have the batch of n here that begins with row of the epoch's order. */
int nf_train_rows_load(struct nf_train_rows *r, uint32_t epoch, uint64_t row,
    uint32_t n, struct nf_err *err) NF_CHECKED;
/* Have the epoch's first n rows made, and some more: batches are small. */
int nf_train_rows_make(struct nf_train_rows *r, uint64_t n,
    struct nf_err *err) NF_CHECKED;
/* What the host can do while the device works: of the epoch's first nrow
 * rows, send the piece that follows; or begin the next epoch. */
int nf_train_rows_ahead(struct nf_train_rows *r, uint32_t epoch,
    uint64_t nrow, struct nf_err *err) NF_CHECKED;
int nf_train_rows_next(struct nf_train_rows *r, uint32_t epoch,
    struct nf_err *err) NF_CHECKED;
void nf_train_rows_free(struct nf_train_rows *r);	/* accepts zeroed */

#endif
