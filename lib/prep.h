/*
 * Column transforms: what is done to a raw column before the flow sees it,
 * and undone when a draw leaves it (nfpipe.cfg(5), section [prep]).
 *
 * A recipe holds, for every raw column, a chain of ops.  Each op is one entry
 * of one table (name, fit, forward, inverse, derivative); a recipe that has
 * been fitted is printed with its fitted numbers and parsed back exactly.
 */
#ifndef NF_PREP_H
#define NF_PREP_H

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_prep;

/*
 * Build the recipe of ncol raw columns from nline lines "NAME = OP, OP..",
 * NAME a column or a glob; where several match, an exact name wins, else
 * the last.  A column that no line matches gets fallback's ops
 * ("standardize", or NULL for none).  A line that matches no column of names
 * is left to the caller: used[line] becomes 1 where it matched and stays as
 * it is elsewhere (NULL: ignored).
 * context: these are conditions, so onehot is allowed and nothing need be
 * undone.
 */
int nf_prep_new(struct nf_prep **p, const char *const *name, uint32_t ncol,
    const char *const *line, uint32_t nline, const char *fallback,
    int context, int *used, struct nf_err *err) NF_CHECKED;
void nf_prep_free(struct nf_prep *p);
/* Share rows among so many threads; 0, as at first: all that may run. */
void nf_prep_threads(struct nf_prep *p, uint32_t nthread);

/* Are these ops, the part of a line behind "=", well formed? */
int nf_prep_check(const char *ops, struct nf_err *err) NF_CHECKED;

/*
 * Where "ratio COLUMN" and "diff COLUMN" find columns that are not p's own:
 * name[i] stands at[i] places from the first of p's columns in a raw row, to
 * the left where negative.  A target may so lean on a condition, which is
 * known while sampling.  A column that leans on another cannot itself be
 * leant on.
 */
int nf_prep_partner(struct nf_prep *p, const char *const *name,
    const ptrdiff_t *at, uint32_t n, struct nf_err *err) NF_CHECKED;

uint32_t nf_prep_ncol(const struct nf_prep *p);		/* raw columns */
uint32_t nf_prep_nout(const struct nf_prep *p);		/* columns it makes */
/* The name of output column k: the raw one's, or NAME:V of onehot. */
char *nf_prep_name(const struct nf_prep *p, uint32_t k, struct nf_err *err);
int nf_prep_fitted(const struct nf_prep *p);		/* nothing to fit */
/* The line of raw column j, with fitted numbers, exactly; allocated. */
char *nf_prep_line(const struct nf_prep *p, uint32_t j, struct nf_err *err);

/* ---- rows ------------------------------------------------------------- */

#define NF_PREP_RUN	1024		/* rows that are taken together */

/* Raw rows in memory. */
struct nf_prep_rows {
	const void *x;			/* of row i, column j: i * ld + j */
	int wide;			/* doubles, else floats */
	size_t ld;
	uint64_t nrow, first;		/* the first one's number, .. */
	const uint64_t *number;		/* .. or the number of each, or NULL */
	const uint8_t *skip;		/* rows to be left out, or NULL */
	const uint32_t *pick;		/* the i-th is row pick[i] of x, and
					 * so numbered, or NULL: row i */
};

static inline uint64_t
nf_prep_at(const struct nf_prep_rows *r, uint64_t i)
{
	return r->pick != NULL ? r->pick[i] : i;
}

static inline double
nf_prep_raw(const struct nf_prep_rows *r, uint64_t i, ptrdiff_t j)
{
	ptrdiff_t k = (ptrdiff_t)(nf_prep_at(r, i) * r->ld) + j;

	return r->wide ? ((const double *)r->x)[k] :
	    (double)((const float *)r->x)[k];
}

/* Where prepared rows go: as nf_prep_rows, the i-th to row place[i]. */
struct nf_prep_out {
	void *x;
	int wide;
	size_t ld;
	const uint64_t *place;		/* or NULL: to row i */
};

/*
 * The rows that validate: those of first to first + n, n at most NF_PREP_RUN,
 * whose random number is below bound become 1 of chosen, the others 0.
 * Returns how many do.
 */
uint64_t nf_prep_choose(uint64_t seed, uint64_t first, uint32_t n,
    uint64_t bound, uint8_t *chosen);

/* ---- fitting ---------------------------------------------------------- */

/*
 * Fit what has not been fitted, by rounds: all rows are shown, in order, and
 * nf_fitting_round then says whether they must be shown again.  Both it and
 * nf_fitting_new return 1 where they must, 0 where nothing is left to fit.
 * The rows of a call are a multiple of NF_PREP_RUN but for the round's last.
 */
struct nf_fitting;
int nf_fitting_new(struct nf_fitting **f, struct nf_prep *p,
    struct nf_err *err) NF_CHECKED;
int nf_fitting_rows(struct nf_fitting *f, const struct nf_prep_rows *rows,
    struct nf_err *err) NF_CHECKED;
int nf_fitting_round(struct nf_fitting *f, struct nf_err *err) NF_CHECKED;
/*
 * After the last round: will nf_prep_apply, whatever the seed, take every row
 * that was shown?  0 where that is not known.
 */
int nf_fitting_sure(const struct nf_fitting *f);
void nf_fitting_free(struct nf_fitting *f);	/* accepts NULL */

/*
 * Fit what has not been fitted to nrow rows of raw values, row-major, ld
 * elements apart, whose numbers are row[..] (NULL: 0, 1, ..).  An error names
 * row, column and op (a constant column under
 * standardize is not one: it is centred and left at scale 1).
 */
int nf_prep_fit(struct nf_prep *p, const double *raw, size_t ld,
    uint64_t nrow, const uint64_t *row, struct nf_err *err) NF_CHECKED;

/* ---- what is lost ----------------------------------------------------- */

#define NF_PREP_OPS	16		/* places of a column's ops */

/* Of an op that does not give back all that it was given. */
struct nf_prep_loss {
	uint64_t count;			/* values that differ .. */
	uint64_t row;			/* .. the first one's row, .. */
	double was, is;			/* .. what it was, and is, there */
};

/*
 * Add to loss [ncol * NF_PREP_OPS] what the way back would lose of rows that
 * nf_prep_forward takes.
 */
void nf_prep_losses(const struct nf_prep *p, uint64_t seed, uint64_t row0,
    uint64_t nrow, const double *raw, size_t ldraw,
    struct nf_prep_loss *loss);
/* loss[k] in a line of text, in s of n bytes; 0 where there is none. */
size_t nf_prep_loss_print(const struct nf_prep *p, uint32_t k,
    const struct nf_prep_loss *loss, char *s, size_t n);

/* ---- forward and back ------------------------------------------------- */

/* As nf_prep_forward, for rows of either type. */
int nf_prep_apply(const struct nf_prep *p, uint64_t seed,
    const struct nf_prep_rows *rows, const struct nf_prep_out *out,
    double *logjac, struct nf_err *err) NF_CHECKED;

/*
 * Forward: raw [nrow][ncol] to out [nrow][nout], in strides ldraw and ldout.
 * Random ops draw by (seed, row0 + i, column), so any split gives the same.
 * logjac, if not NULL, gets += sum over columns of log |d out / d raw|, in
 * which an op that draws or clamps counts as 0.  A raw value that is not
 * finite, or that an op cannot take (log of -1, a value that is none of the
 * levels), is NF_EDATA naming row (row0 + i), column, op and value.
 */
int nf_prep_forward(const struct nf_prep *p, uint64_t seed, uint64_t row0,
    uint64_t nrow, const double *raw, size_t ldraw, double *out,
    size_t ldout, double *logjac, struct nf_err *err) NF_CHECKED;

/*
 * The way back, targets only: never fails and leaves no NaN and nothing that
 * is infinite as a float.  Returns how many values had to be brought back
 * into the range seen in training for that.  Columns that p leans on but
 * does not own must already stand in raw.
 */
uint64_t nf_prep_inverse(const struct nf_prep *p, uint64_t nrow,
    const double *in, size_t ldin, double *raw, size_t ldraw);

#ifdef __cplusplus
}
#endif
#endif
