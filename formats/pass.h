/*
 * Passes over the rows of a training, some at a time: to count, to fit a
 * recipe, to prepare.  Internal to dataset.
 */
#ifndef NF_PASS_H
#define NF_PASS_H

#include "dataset.h"
#include "prep.h"
#include "store.h"

struct nf_fitting;

struct nf_pass {
	struct nf_dataset *d;
	const struct nf_choice *c;
	struct nf_store *store;
	uint64_t seed, bound;		/* rows below it validate */
	uint64_t total;			/* rows to come, or 0: not known */
	void (*begun)(void *arg, uint64_t ntrain);	/* nf_dataset_opt's */
	void *arg;
	int keep;			/* note which rows train, and which
					 * do not: see later.h */
	/* inside: zeroed */
	int nthread;			/* that share rows */
	struct nf_fitting *fit[2];	/* of context and target, .. */
	int more[2];			/* .. whether it needs another round */
	uint64_t seen;			/* rows of the first round so far, .. */
	uint64_t nvalid;		/* .. those that validate .. */
	int rc;				/* .. and how that went */
	uint64_t room;			/* rows that memory was taken for */
	struct nf_err err;
	int sure;			/* no row that trains is refused */
	struct nf_grow number[2];	/* of those that train, and others */
	uint64_t nnumber[2];
	const void *x;			/* at hand: n rows from first on .. */
	uint64_t first, n;
	const uint32_t *pick;		/* .. or, if not NULL, these of all */
	const uint8_t *valid;		/* which of them validate: a part of */
	uint8_t *chosen;		/* .. [nchosen] rows, or of their own */
	uint64_t nchosen;
	uint8_t *own;			/* [chunk] */
	uint64_t *place;		/* [chunk]: where they go */
	uint64_t next[2];		/* place of the next that trains, and
					 * of the next that does not */
	int takes;			/* nothing is fitted: rows that are
					 * shown are prepared to d->all .. */
	uint64_t taken;			/* .. so many are */
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
/*
 * Take memory, a part at a time, for so many prepared rows and a chunk more:
 * 1 if that was not all.
 */
int nf_pass_room(void *pass, uint64_t nrow);
/* With all rows there: count those that validate, unless none were left. */
void nf_pass_choose(struct nf_pass *p);
/* Show the others, and again as often as the recipes need. */
int nf_pass_fit(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
/* Prepare the rows at hand: to the next places. */
int nf_pass_take(struct nf_pass *p, const struct nf_held *h,
    struct nf_err *err) NF_CHECKED;
/* Prepare all rows into memory: those that train, then the others. */
int nf_pass_hold(struct nf_pass *p, struct nf_held *h, struct nf_err *err)
    NF_CHECKED;
/* Prepare n rows of those in memory, by number, to these places of d->all. */
int nf_pass_pick(struct nf_pass *p, const uint32_t *number,
    const uint64_t *place, uint64_t n, struct nf_err *err) NF_CHECKED;
/* The weights of all rows whose numbers have been noted. */
int nf_pass_weights(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
/* Those that train to d->spool, which is new, and the others to d->all. */
int nf_pass_spool(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
void nf_pass_free(struct nf_pass *p);		/* not the store */

/* Have the next rows at hand: 1, or 0 after the last. */
int nf_pass_next(struct nf_pass *p, struct nf_err *err) NF_CHECKED;
/* Their columns from column j on. */
struct nf_prep_rows nf_pass_columns(const struct nf_pass *p, uint32_t j);

#endif
