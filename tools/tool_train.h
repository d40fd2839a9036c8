/* What nftrain needs besides: its log, and VALIDATION. */
#ifndef TOOL_TRAIN_H
#define TOOL_TRAIN_H

#include <stdio.h>

#include "fit.h"
#include "tool.h"

/*
 * All rows of a stream or HDF5 file, of the columns that like names, as
 * doubles; c is made to match.
 */
int tool_table(const char *path, const struct nf_choice *like,
    const char *weight, uint64_t max, struct nf_choice *c, struct nf_table *t,
    struct nf_err *err) NF_CHECKED;

struct tool_log {
	const char *name;
	FILE *file;			/* NULL: none */
	uint32_t epochs;		/* that are to be */
	int quiet;
	double start, rows;		/* this epoch's: seconds, rows so far */
	uint64_t done;			/* batches of this epoch */
};

/* Begin name (NULL: no log) with its header; append: after what it holds. */
int tool_log_open(struct tool_log *l, const char *name, int append,
    struct nf_err *err) NF_CHECKED;
/* An epoch's row in the log, and its line on standard error. */
int tool_log_epoch(struct tool_log *l, const struct nf_epoch *e,
    double seconds, struct nf_err *err) NF_CHECKED;
void tool_log_close(struct tool_log *l);

#endif
