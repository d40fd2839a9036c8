/*
 * The ops of a recipe, behind prep.h: the table, its entries and a column's
 * chain of them.  Internal to lib.
 */
#ifndef NF_PREP_OP_H
#define NF_PREP_OP_H

#include "prep.h"

#define NF_PREP_MAXOP	NF_PREP_OPS	/* ops of a column */
#define NF_PREP_MAXVALUE 4096		/* values of levels or onehot */
#define NF_PREP_MAXTEXT	(1u << 18)	/* bytes of a line */
#define NF_PREP_NOWHERE	PTRDIFF_MIN	/* a partner not yet found */

enum {
	NF_OP_DRAWS = 1,		/* takes a random number */
	NF_OP_VALUES = 2,		/* its numbers are a list of values */
	NF_OP_SHARES = 4,		/* each of which gets a share */
	NF_OP_WIDE = 8,			/* one column a value, context only */
	NF_OP_PARTNER = 16,		/* names another column */
	NF_OP_GIVEN = 32,		/* fit needs no rows */
	NF_OP_FREE = 64,		/* forward needs nothing fitted */
	NF_OP_LOSES = 128,		/* inverse may not give back all */
	NF_OP_MOMENTS = 256,		/* fit needs no more than mean and m2 */
	NF_OP_SURE = 512		/* takes all that its fit has seen */
};

/* Formulas that have a loop of their own: cpu_prep.c. */
enum nf_run_kind {
	NF_RUN_SAME, NF_RUN_AFFINE, NF_RUN_SCALE, NF_RUN_STANDARDIZE,
	NF_RUN_CLIP, NF_RUN_WRAP, NF_RUN_RATIO, NF_RUN_DIFF, NF_RUN_SUM,
	NF_RUN_LOG, NF_RUN_LOG1P, NF_RUN_LOGIT, NF_RUN_ATAN, NF_RUN_UNIFORM,
	NF_RUN_GAUSS, NF_RUN_MANTISSA, NF_RUN_LEVELS, NF_RUN_SPIKE,
	NF_RUN_SPIKE_DRAW, NF_RUN_ONEHOT, NF_RUN_COUNT
};

/* What fit has seen of the values that reach an op. */
struct nf_spread {
	uint64_t n;
	double lo, hi, mean, m2;	/* m2: sum of squares about the mean */
	double raw_lo, raw_hi;		/* the raw values that they come from */
	double at_raw_lo, at_raw_hi;	/* and what these two have become */
	double *count;			/* [narg], for a list of values */
	uint64_t nz;			/* values that the op takes past those
					 * before it, .. */
	double z_mean, z_m2;		/* .. as draws in units of their sigma,
					 * if the op will be as usual */
};

/* An op of a column: an entry of the table with its numbers. */
struct nf_op {
	const struct nf_opdef *def;
	uint32_t narg;
	double *arg;			/* [max(narg, def->full)], owned */
	double *share;			/* levels: [narg], owned */
	double *edge;			/* levels: [narg + 1], owned; then the
					 * shares below, and above, each */
	int fitted;
	char *partner;			/* owned */
	ptrdiff_t at;			/* the partner's place in a raw row,
					 * from this column */
};

/* One value at one op. */
struct nf_step {
	const struct nf_op *op;
	const double *a;		/* op->arg */
	double u;			/* a random number in (0, 1) */
	double partner;
	double x, y;			/* before and after */
};

/*
 * One entry of the table.  forward makes y of x, or returns -1 where it
 * cannot; inverse makes x of y, which is not NaN, and may leave an infinity,
 * which seen brings back; slope is log |dy / dx|, NULL where it is 0 or
 * counts as 0.
 */
struct nf_opdef {
	const char *name;
	const char *args;		/* as a synopsis shows them */
	uint32_t lo, hi;		/* numbers that a recipe may give */
	uint32_t full;			/* those of a fitted one */
	int flags;
	const char *wants;		/* of x, and the way out */
	int (*check)(struct nf_op *o, struct nf_err *err);
	int (*fit)(struct nf_op *o, const struct nf_spread *s,
	    struct nf_err *err);
	int (*forward)(struct nf_step *s);
	enum nf_run_kind run;		/* forward, and .. */
	enum nf_run_kind run_draw;	/* .. draw, for many values */
	void (*inverse)(struct nf_step *s);
	double (*slope)(const struct nf_step *s);
	/* A raw value that the op takes past those before it (the float of
	 * its first number), what it makes of that, and a result that
	 * straight becomes that number. */
	int (*takes)(const struct nf_op *o, double raw);
	int (*draw)(struct nf_step *s);
	int (*gives)(const struct nf_op *o, double y);
	/* Add to what a fitted op has seen what its draws come to: 1, or 0
	 * where they are not as usual, so that they must be seen. */
	int (*mix)(const struct nf_op *o, struct nf_spread *s);
};

/* Chan, Golub, LeVeque, "Updating formulae ..", 1979: add n, mean and m2. */
static inline void
nf_moments_add(uint64_t *n, double *mean, double *m2, uint64_t more,
    double its_mean, double its_m2)
{
	double d = its_mean - *mean, sum = (double)(*n + more);

	if (more == 0)
		return;
	*m2 += its_m2 + d * d * ((double)*n * (double)more / sum);
	*mean += d * ((double)more / sum);
	*n += more;
}

/* The table, in three parts; an entry without a name ends each. */
extern const struct nf_opdef nf_opdefs_curve[];	/* prep_curve.c */
extern const struct nf_opdef nf_opdefs_plain[];	/* prep_ops.c */
extern const struct nf_opdef nf_opdefs_draw[];	/* prep_draw.c */

/* Errors of check: o and what; a factor that is 0; LO not below HI. */
#define NF_OP_TINY	1e-30		/* no divisor is smaller */
int nf_op_bad(const struct nf_op *o, struct nf_err *err, const char *what);
int nf_op_factor_check(struct nf_op *o, struct nf_err *err);
int nf_op_range_check(struct nf_op *o, struct nf_err *err);

/* The value of the list that x is in single precision, or -1. */
int nf_op_value(const struct nf_op *o, double x);

/* A raw column's ops. */
struct nf_chain {
	char *name;			/* owned */
	uint32_t nop;
	struct nf_op *op;		/* [nop], owned */
	uint32_t nout, out;		/* columns made; the first's place */
	int takes;			/* an op does: see nf_opdef */
};

struct nf_prep {
	uint32_t ncol, nout;
	struct nf_chain *chain;		/* [ncol] */
	uint32_t *order;		/* [ncol]: partners before leaners */
	int context;
	uint32_t nthread;		/* 0: as many as may run */
};

/* Parse "OP, OP.." into c, whose ops are freed by nf_chain_clear. */
int nf_chain_parse(struct nf_chain *c, const char *ops, struct nf_err *err);
void nf_chain_clear(struct nf_chain *c);
/* An op as a recipe has it, into s of n bytes; the length it needs. */
size_t nf_op_print(const struct nf_op *o, char *s, size_t n);

/* The place of a value on its way through a chain. */
struct nf_cell {
	uint64_t seed, row;
	uint32_t column;
	int context;
	const struct nf_prep_rows *rows; /* and the place of its row there */
	uint64_t at;
};

/* A number in (0, 1) for op k of the cell's column. */
double nf_cell_draw(const struct nf_cell *cell, uint32_t k);
/* And which of a row's numbers that is. */
static inline uint32_t
nf_draw_which(int context, uint32_t column, uint32_t k)
{
	uint32_t which = column * NF_PREP_MAXOP + k;

	return context ? which | 0x80000000 : which;
}
/* The op that takes a raw value past those before it, or 0. */
uint32_t nf_chain_taker(const struct nf_chain *c, double raw);

/*
 * Take a raw value through ops [0, nop) of c into *y, adding to *slope.
 * Returns 1 where a later op takes that raw value past all these, and -1
 * where one of them cannot take it: the op is *bad, what it was given *y.
 */
int nf_chain_forward(const struct nf_chain *c, uint32_t nop,
    const struct nf_cell *cell, double *y, double *slope, uint32_t *bad);
/* The error of that -1. */
int nf_chain_fail(const struct nf_chain *c, const struct nf_cell *cell,
    uint32_t bad, double x, struct nf_err *err);
/* The way back; partners are found from raw, this column in its row. */
double nf_chain_inverse(const struct nf_chain *c, double y, const double *raw,
    int *clamped);

/* ---- runs of rows ------------------------------------------------------- */

/* Columns of a run that are turned together. */
#define NF_PREP_PANEL	24
/* From one to the next of them: else all would want the same cache lines. */
#define NF_PREP_PITCH	(NF_PREP_RUN + 16)

/* How many of n columns to turn next: about as many each time. */
static inline uint32_t
nf_panel_size(uint32_t n)
{
	uint32_t times = (n + NF_PREP_PANEL - 1) / NF_PREP_PANEL;

	return times == 0 ? 0 : (n + times - 1) / times;
}

union nf_panel {
	float f[NF_PREP_PANEL][NF_PREP_PITCH];
	double d[NF_PREP_PANEL][NF_PREP_PITCH];
};

/*
 * Rows that go through a column's chain together: value i is that of the
 * at[i]-th of them.  late ones join at late_op; until an op has run they
 * stand, raw, behind the others.
 */
struct nf_run {
	const struct nf_prep *prep;
	const struct nf_prep_rows *rows;
	const struct nf_kernels *kernels;
	uint64_t seed, first;		/* the run's first row */
	uint32_t nrow, column, n, nlate;
	uint32_t panel, npanel;		/* columns that stand in turned */
	int in_order;			/* at[i] is i */
	uint32_t row[NF_PREP_RUN];	/* [nrow]: from the first, those not
					 * left out */
	uint32_t at[NF_PREP_RUN], late[NF_PREP_RUN], late_op[NF_PREP_RUN];
	double x[NF_PREP_RUN];		/* [n] */
	double u[NF_PREP_RUN];		/* draws, or partners */
	double raw[NF_PREP_RUN];	/* [nrow]: the column, where an op
					 * takes values past others */
	union nf_panel turned;
};

/* Rows first to first + n of rows, but for those to skip. */
void nf_run_begin(struct nf_run *r, const struct nf_prep *p,
    const struct nf_prep_rows *rows, uint64_t seed, uint64_t first,
    uint32_t n);
/* Begin with column j's raw values. */
void nf_run_column(struct nf_run *r, uint32_t j);
/*
 * What op k will draw for the rows that it takes, in units of its sigma, if
 * it will be as usual; to z[NF_PREP_RUN].  Returns how many.
 */
uint32_t nf_run_draws(struct nf_run *r, uint32_t k, double *z);
/* Op k; adds to slope[at] unless that is NULL.  -1: it cannot. */
int nf_run_op(struct nf_run *r, uint32_t k, double *slope);
/*
 * Why not: the error of the first row, and column of it, that a chain refuses
 * or, while fitting, its first see[column] ops and the list of the next do.
 */
#define NF_RUN_UNSEEN	UINT32_MAX	/* in see: leave the column out */
int nf_run_fail(const struct nf_run *r, const uint32_t *see,
    struct nf_err *err);

/* ---- what fit sees: prep_see.c ------------------------------------------ */

/* What op k, not fitted, sees of a run, to *s.  -1: it cannot. */
int nf_see(struct nf_run *r, uint32_t k, struct nf_spread *s);
/* Does the op behind k want no more than k can tell of what it will make? */
int nf_see_is_mixed(const struct nf_chain *c, uint32_t k);
/* Add to *s what the rows after it show. */
void nf_see_add(struct nf_spread *s, const struct nf_spread *t);

int nf_prep_nthread(const struct nf_prep *p);
int nf_prep_partners_check(const struct nf_prep *p, struct nf_err *err);

#endif
