/* nftrain's run: batches, the clock, signals and checkpoints. */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

#include "tool_log.h"

/*
 * Train until nf_fit_done (1), or stop early (0) at the first step's end
 * after the deadline, by tool_seconds, or after SIGINT or SIGTERM.  Each way
 * a checkpoint is left, and from time to time before.
 */
int tool_run(struct nf_fit *f, struct tool_log *log, double deadline,
    struct nf_err *err) NF_CHECKED;

int tool_signal(void);			/* what stopped it, or 0 */

#endif
