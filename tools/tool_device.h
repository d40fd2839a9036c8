/* Where the programs that run a flow compute. */
#ifndef TOOL_DEVICE_H
#define TOOL_DEVICE_H

#include "backend.h"
#include "tool.h"

/*
 * Where `auto` passed over a GPU that is there, say why on standard error;
 * where there is none, nothing.
 */
void tool_device_warn(const struct nf_dev *d);
/* nf_dev_open, and that. */
int tool_device_open(struct nf_dev **d, const char *name, uint32_t nthread,
    struct nf_err *err) NF_CHECKED;

/* fp32, tf32 or bf16; anything else ends the program with status 2. */
enum nf_precision tool_precision(const char *arg, const char *opt);

/* Rows of ncol doubles to hold at a time: several tiles for every lane. */
uint32_t tool_batch(const struct nf_dev *d, size_t ncol);

#endif
