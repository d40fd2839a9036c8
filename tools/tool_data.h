/* What nftrain learns from: rows of a pipe, and VALIDATION beside them. */
#ifndef TOOL_DATA_H
#define TOOL_DATA_H

#include "fit.h"
#include "tool.h"

/* Is path a file that begins as HDF5 does?  A pipe is not looked into. */
int tool_is_h5(const char *path);

struct tool_data {
	struct nf_choice choice, valid_choice;
	struct nf_dataset *rows;	/* once they have been read */
	/* inside */
	const struct nf_cfg *cfg;
	const char *valid;
	struct nf_reader *in, *valid_in;
	struct nf_h5 *valid_h5;
	const struct nf_dev *dev;
	struct nf_fit *fit;
	uint64_t memory, nrow;		/* nrow: to come, a batch, or 0 */
	uint32_t threads;		/* to prepare rows; 0: all there are */
};

/*
 * d: zero but for threads.  Open FILE (see tool_open) and valid (NULL: none;
 * a stream or HDF5 file) and find cfg's columns in both; nothing but headers
 * is read.
 */
int tool_data_open(struct tool_data *d, const char *file, const char *valid,
    const struct nf_cfg *cfg, struct nf_err *err) NF_CHECKED;

/*
 * Read all rows, of which training may make a copy, into at most memory
 * bytes that the flow leaves free; refuses before reading (NF_ESYS) where it
 * leaves none.  Meanwhile fit is made.
 * from: a checkpoint, whose recipe goes on, or NULL.
 */
int tool_data_read(struct tool_data *d, uint64_t memory,
    const struct nf_model *from, const struct nf_dev *dev,
    struct nf_fit *fit, struct nf_err *err) NF_CHECKED;
void tool_data_close(struct tool_data *d);

#endif
