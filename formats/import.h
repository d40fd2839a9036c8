/* Models from PyTorch: checkpoints of FlashSim, and state_dicts. */
#ifndef NF_IMPORT_H
#define NF_IMPORT_H

#include "nfio.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a checkpoint does not say. */
struct nf_import {
	const char *cfg;		/* a configuration, or NULL */
	const char *const *set;		/* overrides, as nf_cfg_read's */
	uint32_t nset;
	/* A table with these columns, to whose rows a recipe is fitted that
	 * leaves something open, read into memory bytes; or NULL. */
	const struct nf_feed *table;
	uint64_t memory;
};

/*
 * Read a checkpoint: the flow and, where they are there, the optimiser's
 * state (has_train, and the moments) and the history.  The configuration
 * becomes what is asked for with what the checkpoint says; a contradiction
 * is NF_EDATA.  Lines about what was left out are added to notes.
 */
int nf_import(struct nf_model **m, const char *path,
    const struct nf_import *how, struct nf_list *notes, struct nf_err *err)
    NF_CHECKED;

/*
 * Write a flow's tensors as nflows calls them: as HDF5 (a path that ends in
 * .h5), or as npz.
 */
int nf_export(const struct nf_model *m, const char *path, struct nf_err *err)
    NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
