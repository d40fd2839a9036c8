/* What nfmodel prints of a model, on standard output. */
#ifndef TOOL_SHOW_H
#define TOOL_SHOW_H

#include "tool.h"

int tool_show_devices(void);
int tool_show_summary(const struct nf_model *m);
int tool_show_history(const struct nf_model *m, struct nf_err *err)
    NF_CHECKED;
/* path stands in messages. */
int tool_show_config(const struct nf_model *m, const char *path,
    struct nf_err *err) NF_CHECKED;
int tool_show_tensors(const struct nf_model *m);
/* The losses, drawn as plot says, or as an image (a path, or NULL). */
int tool_show_plot(const struct nf_model *m, const char *path,
    struct nf_plot *plot, const char *image, struct nf_err *err) NF_CHECKED;

#endif
