/*
 * Rows in the host's memory that come by windows, for a device that has no
 * room for all: an epoch's order is the very one that it has where all are on
 * the device, so windows of any size give the same training.
 */
#ifndef NF_TRAIN_MIX_H
#define NF_TRAIN_MIX_H

#include "train.h"

struct nf_mix;

/*
 * *w gives windows of nwindow rows in the order of seed and epoch.  What rows
 * points to is kept by reference.
 */
int nf_mix_new(struct nf_mix **m, const struct nf_rowset *rows,
    const struct nf_shape *s, uint64_t seed, uint64_t nwindow,
    struct nf_windows *w, struct nf_err *err) NF_CHECKED;
/* Have an epoch's order ready before its first window is asked for. */
int nf_mix_order(struct nf_mix *m, uint32_t epoch, struct nf_err *err)
    NF_CHECKED;
void nf_mix_free(struct nf_mix *m);		/* accepts NULL */

#endif
