/* What nftrain says of its epochs: a line each, and a row in a file. */
#ifndef TOOL_LOG_H
#define TOOL_LOG_H

#include "fit.h"
#include "tool.h"

struct tool_log {
	const char *name;
	FILE *file;			/* NULL: none */
	uint32_t epochs;		/* that are to be */
	int quiet;
};

/*
 * Begin name (NULL: no log) with its header; or, to go on after so many
 * epochs, behind their rows, what follows those being cut off.
 */
int tool_log_open(struct tool_log *l, const char *name, uint32_t done,
    struct nf_err *err) NF_CHECKED;
/* An epoch, of which rows were trained on in so many seconds. */
int tool_log_epoch(struct tool_log *l, const struct nf_epoch *e, double rows,
    double seconds, struct nf_err *err) NF_CHECKED;
void tool_log_close(struct tool_log *l);

#endif
