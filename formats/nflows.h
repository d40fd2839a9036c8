/* A flow's tensors under the names that nflows gives them. */
#ifndef NFLOWS_H
#define NFLOWS_H

#include "nfio.h"

#define NF_NFLOWS_NAME	128

enum nf_nflows_kind {
	NF_NFLOWS_FLOATS,		/* one of the flow's tensors */
	/* These are int64. */
	NF_NFLOWS_PERM,			/* [D] */
	NF_NFLOWS_IDENTITY,		/* features that pass through */
	NF_NFLOWS_TRANSFORM,		/* features that are transformed */
	NF_NFLOWS_BATCHES		/* batches a norm has seen: a scalar */
};

struct nf_nflows_entry {
	char name[NF_NFLOWS_NAME];
	enum nf_nflows_kind kind;
	const struct nf_tensor *tensor;	/* of FLOATS */
	uint32_t step;
	uint32_t ndim, shape[2];
};

/* The state_dict of a module of this flow: its entries, in its order. */
struct nf_nflows {
	uint32_t n;
	struct nf_nflows_entry *entry;
};

int nf_nflows_make(struct nf_nflows *a, const struct nf_flow *f,
    struct nf_err *err) NF_CHECKED;
void nf_nflows_free(struct nf_nflows *a);
/*
 * The integers of an entry that is not FLOATS, [shape]; of BATCHES, batches.
 */
void nf_nflows_integers(const struct nf_flow *f,
    const struct nf_nflows_entry *e, uint64_t batches, int64_t *x);

#endif
