/* nfmodel import: a checkpoint of PyTorch becomes a model. */
#ifndef TOOL_IMPORT_H
#define TOOL_IMPORT_H

#include "import.h"
#include "tool.h"

#define TOOL_IMPORT_SETS 64

struct tool_import {
	const char *cfg, *table;	/* files, or NULL */
	const char *set[TOOL_IMPORT_SETS];
	uint32_t nset;
	char *made[2];			/* of set, to be freed */
};

/* --context and --target are overrides of [data]. */
void tool_import_data(struct tool_import *o, int which, const char *key,
    const char *columns);
/*
 * Read checkpoint, write model and, where the checkpoint has an optimiser's
 * state, MODEL.last, from which nftrain --resume goes on.
 */
int tool_import(struct tool_import *o, const char *checkpoint,
    const char *model, struct nf_err *err) NF_CHECKED;

#endif
