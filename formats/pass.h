/*
 * Passes over the rows of a training, some at a time: to count, to fit a
 * recipe, to prepare.  Internal to dataset.
 */
#ifndef NF_PASS_H
#define NF_PASS_H

#include "dataset.h"
#include "store.h"

struct nf_fitting;

struct nf_pass {
	struct nf_dataset *d;
	const struct nf_choice *c;
	struct nf_store *store;
	uint64_t seed, bound;		/* rows below it validate */
	void (*begun)(void *arg);	/* of nf_dataset_opt */
	void *arg;
	/* inside: zeroed */
	struct nf_fitting *fit[2];	/* of context and target, .. */
	int more[2];			/* .. whether it needs another round */
	uint64_t seen;			/* rows of the first round so far, .. */
	uint64_t nvalid;		/* .. those that validate .. */
	int rc;				/* .. and how that went */
	uint64_t room;			/* rows that memory was taken for */
	struct nf_err err;
	const void *x;			/* at hand: n rows from first on */
	uint64_t first, n;
	uint8_t *valid;			/* [chunk]: which of them validate */
	uint64_t *place;		/* [chunk]: where they go */
	nf_real *record;		/* [chunk]: on their way to disk */
};

/*
 * Begin to fit both recipes to the rows that do not validate, a fraction.
 * From here on nf_pass_show may be shown rows that have arrived, in order
 * and in whole chunks; what goes wrong is kept for nf_pass_fit.
 */
void nf_pass_begin(struct nf_pass *p, double fraction);
void nf_pass_begun(void *pass);		/* once rows are on their way */
void nf_pass_show(void *pass, const void *x, uint64_t first, uint64_t nrow);
/* Take memory for so many prepared rows and a chunk more, ahead of time. */
void nf_pass_room(void *pass, uint64_t nrow);
/* With all rows there: count those that validate, unless none were left. */
void nf_pass_choose(struct nf_pass *p);
/* Show the others, and again as often as the recipes need. */
int nf_pass_fit(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
/* Prepare all rows into memory: those that train, then the others. */
int nf_pass_hold(struct nf_pass *p, struct nf_held *h, struct nf_err *err)
    NF_CHECKED;
/* Those that train to d->spool, which is new, and the others to d->all. */
int nf_pass_spool(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
void nf_pass_free(struct nf_pass *p);		/* not the store */

#endif
