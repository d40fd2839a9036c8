/* What a training asks of its rows: trainer.c's own. */
#ifndef NF_TRAIN_CHECK_H
#define NF_TRAIN_CHECK_H

#include "train.h"

/* Rows enough, and not too many; NF_EDATA or NF_EUSE says which. */
int nf_train_check(const struct nf_flow *f, const struct nf_train_opt *o,
    uint64_t nrow, struct nf_err *err) NF_CHECKED;

/* The mean weight, by which the loss is divided: more than 0 and finite. */
int nf_train_mean_weight(const struct nf_rowset *rows,
    const struct nf_windows *windows, double *mean, struct nf_err *err)
    NF_CHECKED;

#endif
