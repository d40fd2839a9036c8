/*
 * What a training reads: a table's columns chosen by the configuration, taken
 * through the recipe, as rows in the training precision.
 */
#ifndef NF_DATASET_H
#define NF_DATASET_H

#include "nfio.h"
#include "prep.h"

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

struct nf_dataset {
	struct nf_prep *context, *target;
	uint32_t C, D;			/* columns that the flow sees */
	uint64_t ntrain, nvalid;
	nf_real *x, *y, *w;		/* training rows, then validation's */
	struct nf_rowset train, valid;	/* views of the three */
	uint32_t nthread;		/* that take rows; 0: all there are */
	uint64_t digest;		/* of raw rows, in order, and ntrain */
};

/*
 * Rows to come, of these columns, by the recipe prep, whose lines stand at
 * where in the configuration (NULL: prep is fitted, as a model keeps it).
 * C and D are known from here on.  A line that fits no column is NF_EDATA.
 */
int nf_dataset_new(struct nf_dataset **d, const struct nf_choice *c,
    const struct nf_list *prep, const struct nf_list *where,
    uint32_t nthread, struct nf_err *err) NF_CHECKED;
/*
 * Take the rows of t (doubles, the choice's columns in its order): a uniform
 * fraction, by seed and row, for validation, the rest for training, to which
 * the recipe is fitted.  t's rows are freed as soon as may be.
 */
int nf_dataset_train(struct nf_dataset *d, const struct nf_choice *c,
    struct nf_table *t, double fraction, uint64_t seed, struct nf_err *err)
    NF_CHECKED;
/* Use t for validation instead. */
int nf_dataset_valid(struct nf_dataset *d, const struct nf_choice *c,
    struct nf_table *t, uint64_t seed, struct nf_err *err) NF_CHECKED;
void nf_dataset_free(struct nf_dataset *d);

/* The fitted recipe, a line a column, appended to l. */
int nf_dataset_recipe(const struct nf_dataset *d, struct nf_list *l,
    struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
