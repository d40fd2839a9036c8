/*
 * Counts, or sums of weights, in slots; and draws of one event that are
 * counted as one entry.
 */
#ifndef NF_BINS_H
#define NF_BINS_H

#include <stdbool.h>

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_bins {
	size_t nslot;
	uint64_t *n;		/* entries */
	double *w, *w2;		/* sums of weights and of their squares; NULL:
				 * every weight is 1 */
};

int nf_bins_init(struct nf_bins *b, size_t nslot, bool weighted,
    struct nf_err *err) NF_CHECKED;
void nf_bins_free(struct nf_bins *b);
/* An entry in each slot k[0..n), of weight w[0..n) if b is weighted. */
void nf_bins_add(struct nf_bins *b, const int *k, const double *w, size_t n);
/* Add what other bins of the same kind have counted. */
void nf_bins_merge(struct nf_bins *to, const struct nf_bins *from);

/* Entries in the first nslot slots. */
uint64_t nf_bins_entries(const struct nf_bins *b, size_t nslot);

/* A slot's content and its variance. */
static inline double
nf_bins_content(const struct nf_bins *b, size_t k)
{
	return b->w != NULL ? b->w[k] : (double)b->n[k];
}

static inline double
nf_bins_variance(const struct nf_bins *b, size_t k)
{
	return b->w2 != NULL ? b->w2[k] : (double)b->n[k];
}

/* A sample against a reference in a slot. */
struct nf_ratio {
	double ref, ref_error;		/* the reference, scaled */
	double value, error;		/* sample / reference; NAN without */
	double pull;			/* difference / its error; NAN if 0 */
};

/* The ratio in slot k, for a reference multiplied by scale. */
struct nf_ratio nf_bins_ratio(const struct nf_bins *s,
    const struct nf_bins *ref, double scale, size_t k);

/*
 * The event at hand.  An event adds to a slot its draws' weights there
 * divided by the number of its draws, and the square of that to the
 * variance: so all draws in one slot are as good as one.
 */
struct nf_fold {
	double id;		/* the event's, NAN before the first */
	uint64_t event, ndraw;
	size_t nhit;
	uint32_t *hit;		/* slots that it has draws in */
	uint64_t *last;		/* [nslot]: the last event that hit it */
	double *sum;		/* [nslot]: weights of its draws */
};

int nf_fold_init(struct nf_fold *f, size_t nslot, struct nf_err *err)
    NF_CHECKED;
void nf_fold_free(struct nf_fold *f);
/*
 * As nf_bins_add to weighted b, where entries that follow one another with
 * the same id are one event's draws.  w may be NULL.
 */
void nf_fold_add(struct nf_fold *f, struct nf_bins *b, const int *k,
    const double *w, const double *id, size_t n);
/* A draw of the event at hand: the first in its slot?  It adds no entry. */
bool nf_fold_draw(struct nf_fold *f, int k, double w);
void nf_fold_end(struct nf_fold *f, struct nf_bins *b);	/* the last event */

#ifdef __cplusplus
}
#endif
#endif
