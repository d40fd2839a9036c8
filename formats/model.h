/* The model file: nfmodel(5).  Included by nfio.h. */
#ifndef NF_MODEL_H
#define NF_MODEL_H

#include "flow.h"
#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The training's history: one row an epoch.  Nothing that a clock says is in
 * it, so that equal trainings leave equal files.
 */
#define NF_HISTORY_NCOL 8
extern const char *const nf_history_column[NF_HISTORY_NCOL];
enum {
	NF_HISTORY_EPOCH, NF_HISTORY_STEP, NF_HISTORY_LR,
	NF_HISTORY_TRAIN_NLL, NF_HISTORY_VALID_NLL, NF_HISTORY_VALID_AVG5,
	NF_HISTORY_GRAD_NORM, NF_HISTORY_SKIPPED
};

struct nf_history {
	uint32_t nrow;
	double (*row)[NF_HISTORY_NCOL];
};

struct nf_model {
	struct nf_list context, target;	/* raw column names */
	struct nf_list prep;		/* fitted recipe lines */
	struct nf_flow *flow;
	char *config;			/* or NULL */
	char *created_by;
	struct nf_history history;
	/* A checkpoint's: train_seed and state are set where has_train. */
	int has_train;
	uint64_t train_seed;
	uint64_t train_rows;		/* digest of the rows; 0: unknown */
	uint64_t train_block;		/* rows on disk: see nf_spool_size */
	uint64_t train_window;		/* 0: all were in memory */
	struct nf_train_state state;	/* moments owned */
};

/*
 * Read a model, checked: every tensor there, of the right shape and finite;
 * what is refused is named by its path inside the file (NF_EDATA).  A file
 * of /flow alone is enough: columns are then y0.. and x0.., prep is empty.
 * with_train: also the checkpoint's moments, which are skipped otherwise.
 */
int nf_model_read(struct nf_model **m, const char *path, int with_train,
    struct nf_err *err) NF_CHECKED;
/*
 * Write it; under its name there is always a whole model.  A checkpoint is
 * written where has_train and the moments are there.  Refuses what
 * nf_model_read would.
 */
int nf_model_write(const struct nf_model *m, const char *path,
    struct nf_err *err) NF_CHECKED;
void nf_model_free(struct nf_model *m);
/* An empty model that takes f over (unless it fails). */
int nf_model_new(struct nf_model **m, struct nf_flow *f, struct nf_err *err)
    NF_CHECKED;
/* The ops of a column's line of the recipe, or NULL. */
const char *nf_model_ops(const struct nf_model *m, const char *column);

int nf_history_add(struct nf_history *h, const double row[NF_HISTORY_NCOL],
    struct nf_err *err) NF_CHECKED;
/* The row of the least validation loss, or NULL where none is finite. */
const double *nf_history_best(const struct nf_history *h);

#ifdef __cplusplus
}
#endif
#endif
