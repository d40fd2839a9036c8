/*
 * Training: what there is to choose, and the trainer, which holds parameters,
 * Adam's moments and the schedule, and takes epochs over rows in memory.
 */
#ifndef NF_TRAIN_H
#define NF_TRAIN_H

#include "backend.h"
#include "flow.h"

#ifdef __cplusplus
extern "C" {
#endif

enum nf_schedule { NF_CONSTANT, NF_COSINE, NF_COSINE_RESTARTS };

/* [train] of the configuration. */
struct nf_train_opt {
	uint32_t epochs, batch;
	double lr, lr_min;
	enum nf_schedule schedule;
	uint32_t warmup;		/* epochs of linear warm-up */
	uint32_t restart;		/* epochs of the first cosine cycle */
	double restart_mult;		/* each next cycle is longer by this */
	double beta1, beta2, eps;	/* Adam */
	double clip_norm;		/* gradient norm bound, 0: none */
	uint32_t patience;		/* epochs without a better; 0: off */
	uint32_t max_skipped;		/* non-finite batches in a row */
	uint64_t seed;
	enum nf_init init;
	enum nf_perm permutation;
	enum nf_precision precision;
};

void nf_train_default(struct nf_train_opt *o);
/* Learning rate of epoch e (from 0): model.md section 5. */
double nf_train_lr(const struct nf_train_opt *o, uint32_t epoch);
/* Names of the choices above, as a configuration spells them; else NULL. */
const char *nf_schedule_name(int k);
const char *nf_precision_name(int k);
const char *nf_init_name(int k);
const char *nf_perm_name(int k);

/* Rows in the training precision: x [nrow][D], context [nrow][C]. */
struct nf_rowset {
	uint64_t nrow;
	const nf_real *x, *context;
	const nf_real *weight;		/* [nrow], or NULL: all 1 */
};

/* Rows that come to be when they are first wanted: make makes those of
 * row [n], each once. */
struct nf_maker {
	int (*make)(void *arg, const uint32_t *row, uint32_t n,
	    struct nf_err *err);
	void *arg;
};

/*
 * More rows than memory holds: nrow of them, of which load makes nwindow at a
 * time known, in the order of the epoch: those from window * nwindow on, and
 * as many or all that are left, valid until the next call.
 */
struct nf_windows {
	uint64_t nrow, nwindow;		/* nwindow: a multiple of the batch */
	double mean_weight;
	int weighted;
	int (*load)(void *arg, uint32_t epoch, uint64_t window,
	    struct nf_rowset *rows, struct nf_err *err);
	void *arg;
};

struct nf_trainer;

/* Bytes that training on a CPU takes beside flow and rows, roughly. */
double nf_trainer_memory(const struct nf_shape *s, uint32_t batch);

/*
 * A trainer for f on dev.  f and the rows are kept by reference; f's
 * numbers are those of a step that nf_trainer_get has brought, and of some
 * later one (a CPU trains in f itself) once training has gone on.
 */
int nf_trainer_new(struct nf_trainer **t, struct nf_dev *dev,
    struct nf_flow *f, const struct nf_train_opt *o,
    const struct nf_rowset *rows, struct nf_err *err) NF_CHECKED;
/* The same for rows that come by windows. */
int nf_trainer_new_windows(struct nf_trainer **t, struct nf_dev *dev,
    struct nf_flow *f, const struct nf_train_opt *o,
    const struct nf_windows *windows, struct nf_err *err) NF_CHECKED;
/*
 * The same in two parts.  The first makes all but the rows, for batches of
 * o->batch or all nrow, whichever is less; the second, once, takes rows or,
 * where those are not NULL, windows, of which a batch must have as many.
 */
int nf_trainer_open(struct nf_trainer **t, struct nf_dev *dev,
    struct nf_flow *f, const struct nf_train_opt *o, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
/*
 * The rows to be given, but for their weights, come to be that way: in the
 * first epoch, when a batch wants them; or before nf_trainer_rows is over, if
 * they go to a device's own memory.
 */
void nf_trainer_later(struct nf_trainer *t, const struct nf_maker *m);
/* If so many rows will be given, their order need not be made then. */
int nf_trainer_expect(struct nf_trainer *t, uint64_t nrow, struct nf_err *err)
    NF_CHECKED;
int nf_trainer_rows(struct nf_trainer *t, const struct nf_rowset *rows,
    const struct nf_windows *windows, struct nf_err *err) NF_CHECKED;
void nf_trainer_free(struct nf_trainer *t);

/* How far training is: what a checkpoint holds beside the parameters. */
struct nf_train_state {
	uint32_t epoch;			/* epochs done */
	uint64_t batch;			/* batches done of the epoch begun */
	uint64_t step;			/* Adam steps done */
	/* sums over this epoch's batches */
	double sum_weight, sum_nll, sum_norm;
	uint64_t taken;			/* batches in those sums */
	uint64_t skipped, skipped_run;	/* not finite; of those, in a row */
	nf_real *adam_m, *adam_v;	/* [nparam], owned by the holder */
};

/* Parameters to f, the state, and the moments where not NULL. */
int nf_trainer_get(struct nf_trainer *t, struct nf_train_state *st,
    struct nf_err *err) NF_CHECKED;
/* Continue from f's parameters (as they now are) and this state. */
int nf_trainer_set(struct nf_trainer *t, const struct nf_train_state *st,
    struct nf_err *err) NF_CHECKED;

/* Whole batches of an epoch; rows left over wait for another shuffle. */
uint64_t nf_trainer_nbatch(const struct nf_trainer *t);
uint32_t nf_trainer_batch(const struct nf_trainer *t);	/* its rows */
/* Rows that the device has at a time, if it has no room for all; else 0. */
uint64_t nf_trainer_window(const struct nf_trainer *t);

/*
 * Take up to nbatch more batches of the current epoch (a fresh uniform
 * shuffle by seed and epoch).  Returns 1 when the epoch is complete, 0 when
 * batches are left, -1 on error (NF_EDATA: max_skipped batches in a row were
 * not finite).
 */
int nf_trainer_run(struct nf_trainer *t, uint64_t nbatch, struct nf_err *err)
    NF_CHECKED;
/* Begin the next epoch. */
int nf_trainer_next(struct nf_trainer *t, struct nf_err *err) NF_CHECKED;

/* The state's numbers as of the last run, without any array. */
void nf_trainer_tally(const struct nf_trainer *t, struct nf_train_state *st);

/*
 * Rows that nf_trainer_nll will be asked about again and again, kept by
 * reference: a device that has room for them keeps a copy.
 */
int nf_trainer_valid(struct nf_trainer *t, const struct nf_rowset *rows,
    struct nf_err *err) NF_CHECKED;
/* Are they in the device's memory? */
int nf_trainer_valid_here(const struct nf_trainer *t);
/* Mean negative log-likelihood of rows, with the parameters as they are. */
int nf_trainer_nll(struct nf_trainer *t, const struct nf_rowset *rows,
    double *nll, struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
