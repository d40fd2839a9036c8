/*
 * A training run: rows, trainer and the two files that it keeps.
 *
 * MODEL holds the parameters that validated best; MODEL.last is the
 * checkpoint: parameters as they last were, with all that --resume needs.
 */
#ifndef NF_FIT_H
#define NF_FIT_H

#include "dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_fit;

/* What an epoch came to: the history's row, and how fast it went. */
struct nf_epoch {
	double row[NF_HISTORY_NCOL];
	int best;			/* the best so far */
};

/*
 * Does a checkpoint, whose file is name, go with this configuration and
 * these columns?  Refuses (NF_EDATA) a flow of another shape, other columns,
 * another recipe, batch or seed; how long and how fast to train may change.
 */
int nf_fit_agree(const struct nf_model *from, const struct nf_cfg *cfg,
    const struct nf_choice *choice, const char *name, struct nf_err *err)
    NF_CHECKED;

/* Bytes of memory that a run takes beside its rows, roughly. */
double nf_fit_memory(const struct nf_shape *s, uint32_t batch,
    const struct nf_dev *dev);

/*
 * A run that writes path, by a configuration, or that goes on, where from is
 * not NULL, from that checkpoint, which nf_fit_agree has taken.  All are kept
 * by reference.
 */
int nf_fit_open(struct nf_fit **f, const char *path, const struct nf_cfg *cfg,
    struct nf_model *from, struct nf_dev *dev, struct nf_err *err)
    NF_CHECKED;
/*
 * Take the memory of nf_fit_memory ahead of rows, of which nrow are to come,
 * with D targets and C conditions; and, where just so many will train, make
 * an order of them.  May be left out; what goes wrong is kept for
 * nf_fit_begin.
 */
void nf_fit_make(struct nf_fit *f, uint32_t D, uint32_t C, uint64_t nrow,
    int just);
/*
 * Begin with these rows, which must be the checkpoint's.  They are kept by
 * reference; the checkpoint is the run's from then on.
 */
int nf_fit_begin(struct nf_fit *f, const struct nf_choice *choice,
    const struct nf_dataset *data, struct nf_err *err) NF_CHECKED;
void nf_fit_free(struct nf_fit *f);	/* accepts NULL */

uint32_t nf_fit_epoch(const struct nf_fit *f);		/* epochs done */
/* All epochs done, or patience has run out. */
int nf_fit_done(const struct nf_fit *f);
uint64_t nf_fit_batches(const struct nf_fit *f);	/* of an epoch */
uint32_t nf_fit_batch_rows(const struct nf_fit *f);
uint64_t nf_fit_window(const struct nf_fit *f);	/* nf_trainer_window */
int nf_fit_valid_here(const struct nf_fit *f);	/* nf_trainer_valid_here */

/* As nf_trainer_run; *done = batches done of the epoch, *nll its mean loss. */
int nf_fit_run(struct nf_fit *f, uint64_t nbatch, uint64_t *done,
    double *nll, struct nf_err *err) NF_CHECKED;

/* After an epoch's last batch: validate, note it, begin the next. */
int nf_fit_epoch_end(struct nf_fit *f, struct nf_epoch *e,
    struct nf_err *err) NF_CHECKED;

/*
 * Write both files: the best if there is a new one, or the run is done.
 * NF_EDATA, after that, if it is done and no epoch had a finite loss.
 */
int nf_fit_save(struct nf_fit *f, struct nf_err *err) NF_CHECKED;

/* "MODEL.last", allocated. */
char *nf_fit_last_path(const char *path, struct nf_err *err);

#ifdef __cplusplus
}
#endif
#endif
