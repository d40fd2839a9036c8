/* Inside of import*.c: a checkpoint on its way to a model. */
#ifndef IMPORT_PART_H
#define IMPORT_PART_H

#include "import.h"
#include "nflows.h"
#include "torch.h"

#define NF_IMPORT_SETS	40		/* what a checkpoint says, at most */

struct nf_importer {
	struct nf_torch *torch;
	const char *path;
	const struct nf_import *how;
	const struct nf_pickle_value *root, *state;	/* state: the tensors */
	const struct nf_pickle_value *kwargs, *outer;	/* hyperparameters */
	const char *prefix;		/* before nflows' names: "module." */
	/* The state's entries sorted by key. */
	struct nf_import_key {
		const struct nf_pickle_text *key;
		uint32_t at;		/* its place in the state */
	} *key;
	uint32_t nkey;
	bool has_tail, has_dropout, has_activation;	/* hyperparameters */
	struct nf_model *model;
	/* Places in the state of the flow's trained tensors, [ntensor]. */
	uint32_t *place;
	struct nf_list set;		/* overrides by the checkpoint */
	struct nf_list *notes;
	struct nf_err *err;
};

/* The state's value of that name (without prefix), or NULL; its place. */
const struct nf_pickle_value *nf_import_find(const struct nf_importer *m,
    const char *name, uint32_t *place);
__attribute__((format(printf, 2, 3)))
int nf_import_note(struct nf_importer *m, const char *fmt, ...) NF_CHECKED;
/* Add SECTION.KEY=VALUE to what the checkpoint says, or nothing if said. */
int nf_import_set(struct nf_importer *m, const struct nf_cfg *base,
    const char *section, const char *key, double value) NF_CHECKED;

/* The flow's shape, from its tensors and the hyperparameters. */
int nf_import_shape(struct nf_importer *m, struct nf_shape *s) NF_CHECKED;
/* The configuration, columns and recipe; may change what s leaves open. */
int nf_import_config(struct nf_importer *m, struct nf_shape *s,
    struct nf_cfg **cfg) NF_CHECKED;
/* The optimiser's state and the history, once the flow is there. */
int nf_import_train(struct nf_importer *m, const struct nf_cfg *cfg)
    NF_CHECKED;
/* What the optimiser and the schedule say about [train]. */
int nf_import_train_sets(struct nf_importer *m, const struct nf_cfg *base)
    NF_CHECKED;
/* Does a configuration's text give this key a value? */
bool nf_import_says(const struct nf_cfg *c, const char *key);

#endif
