/*
 * Passes over the rows of a training, some at a time: to count, to fit a
 * recipe, to prepare.  Internal to dataset.
 */
#ifndef NF_PASS_H
#define NF_PASS_H

#include "dataset.h"
#include "store.h"

struct nf_pass {
	struct nf_dataset *d;
	const struct nf_choice *c;
	struct nf_store *store;
	uint64_t seed, bound;		/* rows below it validate */
	/* inside: zeroed */
	const void *x;			/* at hand: n rows from first on */
	uint64_t first, n;
	uint8_t *valid;			/* [chunk]: which of them validate */
	uint64_t *place;		/* [chunk]: where they go */
	nf_real *record;		/* [chunk]: on their way to disk */
};

/* Choose the rows that validate, unless none would be left: sets bound. */
void nf_pass_choose(struct nf_pass *p, double fraction);
/* Fit both recipes to the rows that do not validate. */
int nf_pass_fit(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
/* Prepare all rows into memory: those that train, then the others. */
int nf_pass_hold(struct nf_pass *p, struct nf_held *h, struct nf_err *err)
    NF_CHECKED;
/* Those that train to d->spool, which is new, and the others to d->all. */
int nf_pass_spool(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
void nf_pass_free(struct nf_pass *p);		/* not the store */

#endif
