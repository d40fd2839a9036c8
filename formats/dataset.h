/*
 * What a training reads: a table's columns chosen by the configuration, taken
 * through the recipe, as rows in the training precision.
 */
#ifndef NF_DATASET_H
#define NF_DATASET_H

#include "grow.h"
#include "nfio.h"
#include "prep.h"
#include "spool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which columns of a stream a training wants, and in what order. */
struct nf_choice {
	uint32_t ncontext, ntarget, nweight;	/* nweight 0 or 1 */
	uint32_t *col;			/* [sum]: context, target, weight */
	struct nf_list context, target;	/* their names */
};

/*
 * By [data] of the configuration; without `target`, all columns that are
 * neither context nor weight.  Refuses (NF_EDATA) a column in two roles and
 * fewer than two targets.
 */
int nf_choice_make(struct nf_choice *c, const struct nf_cfg *cfg,
    const struct nf_schema *s, struct nf_err *err) NF_CHECKED;
/* The same columns, by name, of another stream (a validation set). */
int nf_choice_match(struct nf_choice *to, const struct nf_choice *from,
    const char *weight, const struct nf_schema *s, struct nf_err *err)
    NF_CHECKED;
void nf_choice_free(struct nf_choice *c);

/* Prepared rows in memory: targets, context and weights. */
struct nf_held {
	struct nf_grow mem[3];
	size_t size[3];			/* bytes of a row in each */
};

struct nf_dataset {
	struct nf_prep *context, *target;
	uint32_t C, D;			/* columns that the flow sees */
	uint64_t ntrain, nvalid;
	struct nf_rowset train, valid;	/* views of what follows, .. */
	struct nf_maker maker;		/* of train, if it is not there yet */
	struct nf_spool *spool;		/* .. where train is not on disk, as */
	struct nf_windows windows;	/* this tells, if spool is not NULL */
	struct nf_spool_size size;
	uint64_t digest;		/* of raw rows, in order, and ntrain */
	/* inside */
	struct nf_held all, extra;
	struct nf_later *later;		/* rows that are not prepared yet */
	int weighted;
	int nthread;			/* that take rows */
};

/*
 * Rows to come, of these columns, by the recipe prep, whose lines stand at
 * where in the configuration (NULL: prep is fitted, as a model keeps it).
 * C and D are known from here on.  A line that fits no column is NF_EDATA.
 */
int nf_dataset_new(struct nf_dataset **d, const struct nf_choice *c,
    const struct nf_list *prep, const struct nf_list *where,
    uint32_t nthread, struct nf_err *err) NF_CHECKED;
/* How to take rows. */
struct nf_dataset_opt {
	double fraction;		/* of them, for validation */
	uint64_t seed;
	uint32_t batch;			/* rows of a batch */
	uint64_t memory;		/* bytes that they may take */
	int resumes;			/* go on with a training that .. */
	struct nf_spool_size size;	/* .. had them on disk, or (0) not */
	int later;			/* those that train may be prepared
					 * when training first wants them */
	void (*begun)(void *arg, uint64_t ntrain);
	void *arg;			/* what can be done while rows come, of
					 * which ntrain will train, or 0: that
					 * is not known yet; or NULL */
};

/*
 * Take f's rows, of which c says the columns: a uniform fraction, by seed and
 * row, for validation, the rest for training, to which the recipe is fitted.
 * Where they do not fit in memory, those for training go to disk.  A row that
 * the recipe cannot take is an error here, later or not.
 */
int nf_dataset_train(struct nf_dataset *d, const struct nf_choice *c,
    const struct nf_feed *f, const struct nf_dataset_opt *o,
    struct nf_err *err) NF_CHECKED;
/* Use f's rows for validation instead, in at most memory bytes. */
int nf_dataset_valid(struct nf_dataset *d, const struct nf_choice *c,
    const struct nf_feed *f, uint64_t seed, uint64_t memory,
    struct nf_err *err) NF_CHECKED;
/* Bytes of memory that its rows take as training begins. */
uint64_t nf_dataset_memory(const struct nf_dataset *d);
void nf_dataset_free(struct nf_dataset *d);

/* The fitted recipe, a line a column, appended to l. */
int nf_dataset_recipe(const struct nf_dataset *d, struct nf_list *l,
    struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
