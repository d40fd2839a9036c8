/* The configuration file: nfpipe.cfg(5).  Included by nfio.h. */
#ifndef NF_CFG_H
#define NF_CFG_H

#include "flow.h"
#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_cfg {
	char *context, *target;		/* COLUMNS, or NULL: see below */
	char *weight;			/* a column, or NULL */
	double valid_fraction;
	struct nf_list prep;		/* lines "NAME = OP, OP.." */
	struct nf_list prep_where;	/* "FILE:LINE" of each */
	struct nf_shape flow;		/* features and context not set */
	struct nf_train_opt train;
	char *text;			/* as it was, then each --set line */
};

/*
 * Read path (NULL: defaults alone), then apply nset overrides
 * "SECTION.KEY=VALUE".  Unknown sections and keys, doubled keys and values
 * out of range are NF_EDATA, with file, line and what is allowed (for an
 * override, NF_EUSE and its text).
 */
int nf_cfg_read(struct nf_cfg **c, const char *path, const char *const *set,
    uint32_t nset, struct nf_err *err) NF_CHECKED;
/* The same from text in memory (a model file's), named name in messages. */
int nf_cfg_parse(struct nf_cfg **c, const char *text, const char *name,
    const char *const *set, uint32_t nset, struct nf_err *err) NF_CHECKED;
void nf_cfg_free(struct nf_cfg *c);

#ifdef __cplusplus
}
#endif
#endif
