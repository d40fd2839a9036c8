/*
 * A sample as it passes: the moments of all its rows, and rows that stand
 * for it, all of them where they fit.  Each row belongs to one of two halves,
 * by lot, that are samples of the same thing.
 */
#ifndef NF_SAMPLE_H
#define NF_SAMPLE_H

#include <stdbool.h>

#include "fault.h"
#include "grow.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_KEEP_ROWS	(1u << 18)	/* of one sample, at most */
#define NF_KEEP_VALUES	(1u << 25)	/* in these rows, at most */

/* Sums about an origin of weighted rows. */
struct nf_moments {
	uint32_t ncol;
	uint64_t n;
	double sum;			/* of weights */
	const double *origin;		/* [ncol], the caller's */
	double *s;			/* [ncol] of w d, d = x - origin */
	double *ss;			/* [ncol * ncol] of w d_i d_j, i <= j */
	double *d;			/* [ncol] ours */
};

int nf_moments_init(struct nf_moments *m, uint32_t ncol,
    const double *origin, struct nf_err *err) NF_CHECKED;
void nf_moments_free(struct nf_moments *m);
void nf_moments_add(struct nf_moments *m, const double *x, double w);
/* Add what another of the same origin has summed. */
void nf_moments_merge(struct nf_moments *to, const struct nf_moments *from);

/* Means and covariances (over n, not n - 1); NAN unless sum is above 0. */
double nf_moments_mean(const struct nf_moments *m, uint32_t j);
double nf_moments_cov(const struct nf_moments *m, uint32_t i, uint32_t j);
double nf_moments_std(const struct nf_moments *m, uint32_t j);

struct nf_sample {
	uint32_t ncol;
	uint64_t seed;
	uint32_t id;			/* tells samples of one seed apart */
	uint64_t nrow, room, nkept;	/* rows seen, kept at most, kept */
	bool weighted, negative;	/* a weight was not 1; was below 0 */
	double *origin;			/* the first row */
	struct nf_moments half[2];	/* of all rows */
	struct nf_grow kept;
};

/* room: rows to keep, 0 for as many as the bounds above allow. */
int nf_sample_init(struct nf_sample *s, uint32_t ncol, uint64_t room,
    uint64_t seed, uint32_t id, struct nf_err *err) NF_CHECKED;
void nf_sample_free(struct nf_sample *s);
/* Take a row x[ncol] of weight w and condition by; all finite. */
int nf_sample_add(struct nf_sample *s, const double *x, double w, double by,
    struct nf_err *err) NF_CHECKED;
/* A sample of the rows that from has kept with lo <= by < hi. */
int nf_sample_cut(struct nf_sample *s, const struct nf_sample *from,
    double lo, double hi, struct nf_err *err) NF_CHECKED;
/* The moments of all rows, both halves merged. */
int nf_sample_moments(const struct nf_sample *s, struct nf_moments *m,
    struct nf_err *err) NF_CHECKED;

/* A kept row: ncol values, and behind them what nf_row_ tells. */
static inline const double *
nf_sample_row(const struct nf_sample *s, uint64_t i)
{
	return (const double *)s->kept.p + i * (s->ncol + 3);
}

static inline double
nf_row_weight(const struct nf_sample *s, const double *row)
{
	return row[s->ncol];
}

static inline int
nf_row_half(const struct nf_sample *s, const double *row)
{
	return row[s->ncol + 1] > 0;
}

static inline double
nf_row_by(const struct nf_sample *s, const double *row)
{
	return row[s->ncol + 2];
}

#ifdef __cplusplus
}
#endif
#endif
