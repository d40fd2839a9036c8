/* What the programs that apply a model share: open it, find its columns. */
#ifndef TOOL_MODEL_H
#define TOOL_MODEL_H

#include "raw.h"
#include "tool.h"

struct tool_model {
	const char *path;
	struct nf_model *model;
	struct nf_dev *dev;
	struct nf_raw *raw;
	struct nf_list context, target;	/* columns' names */
	struct nf_list target_prep;	/* their recipe */
};

/*
 * Read a model and bring it onto a device.  plain: without its recipe; its
 * conditions are then the columns that the recipe makes.
 */
int tool_model_open(struct tool_model *m, const char *path, int plain,
    const char *device, uint32_t nthread, struct nf_err *err) NF_CHECKED;
void tool_model_close(struct tool_model *m);

/* Where the names stand in a stream's columns; col is allocated. */
int tool_model_find(const struct tool_model *m, const struct nf_list *names,
    const struct nf_reader *r, uint32_t **col, struct nf_err *err)
    NF_CHECKED;

/* Say on standard error what had to be bounded. */
void tool_model_warn(const struct tool_model *m);

/* The note that a stream gets: what made it. */
int tool_model_note(const struct tool_model *m, struct nf_schema *s,
    uint64_t seed, struct nf_err *err) NF_CHECKED;

#endif
