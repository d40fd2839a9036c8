/* The configuration file: nfpipe.cfg(5).  Included by nfio.h. */
#ifndef NF_CFG_H
#define NF_CFG_H

#include "flow.h"
#include "prep.h"		/* what its [prep] lines mean */
#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_cfg {
	/* COLUMNS; NULL: no context, and as target all that is neither
	 * context nor weight. */
	char *context, *target;
	char *weight;			/* a column, or NULL */
	double valid_fraction;
	struct nf_list prep;		/* lines "NAME = OP, OP.." */
	struct nf_list prep_where;	/* of each, "FILE:LINE" or "--set .." */
	struct nf_shape flow;		/* features and context not set */
	struct nf_train_opt train;
	/* As it was, then what was set, so that it reads as the same again. */
	char *text;
};

/*
 * Read path (NULL: defaults alone), then apply nset overrides
 * "SECTION.KEY=VALUE".  Unknown sections and keys, doubled keys and values
 * out of range are NF_EDATA, with file, line and what is allowed (for an
 * override, NF_EUSE and its text).  Recipes are checked as far as they can be
 * without the columns; a [prep] line that names none is left to the caller.
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
