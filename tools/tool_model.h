/* What the programs share that apply a model: its columns, what it says. */
#ifndef TOOL_MODEL_H
#define TOOL_MODEL_H

#include "handle.h"
#include "tool_device.h"

/* nf_handle_init; precision: of products on a GPU. */
int tool_model_open(struct nf_handle *m, const char *path, int plain,
    const char *device, uint32_t nthread, enum nf_precision precision,
    struct nf_err *err) NF_CHECKED;
/* Where the names stand in a stream's columns; col is allocated. */
int tool_model_find(const struct nf_handle *m, const struct nf_list *names,
    const struct nf_reader *r, uint32_t **col, struct nf_err *err)
    NF_CHECKED;

/* Say on standard error what had to be bounded. */
void tool_model_warn(const struct nf_handle *m);

/* The note that a stream gets: what made it. */
int tool_model_note(const struct nf_handle *m, struct nf_schema *s,
    uint64_t seed, struct nf_err *err) NF_CHECKED;

#endif
