/*
 * A flow between raw columns: recipe, flow and recipe undone.
 *
 * A raw row is [context | target], in the columns' own units.  Where a model
 * has no recipe, raw and transformed values are the same.
 */
#ifndef NF_RAW_H
#define NF_RAW_H

#include "eval.h"
#include "prep.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_MAX_TEMPERATURE 100		/* of noise that is not absurd */

struct nf_raw;

struct nf_raw_names {
	const char *const *context, *const *target, *const *prep;
	uint32_t ncontext, ntarget, nprep;
};

/*
 * f on dev; f is kept by reference, names are not.  plain: leave the recipe
 * out (--raw); the names are then those of the flow's own columns.  The
 * recipe has to fit the flow's numbers of columns.
 */
int nf_raw_new(struct nf_raw **r, struct nf_dev *dev, const struct nf_flow *f,
    const struct nf_raw_names *names, int plain, struct nf_err *err)
    NF_CHECKED;
void nf_raw_free(struct nf_raw *r);
/* Share the recipe's rows among so many threads; 0: all that may run. */
void nf_raw_threads(struct nf_raw *r, uint32_t nthread);

/* Raw columns of a row. */
uint32_t nf_raw_ncontext(const struct nf_raw *r);
uint32_t nf_raw_ntarget(const struct nf_raw *r);

/*
 * Draw g->first .. g->first + n.  context [..][ncontext] begins with the row
 * of the first draw; target [n][ntarget] is filled.  A condition that is not
 * finite, or that the recipe cannot take, is NF_EDATA naming row and column.
 */
int nf_raw_sample(struct nf_raw *r, const struct nf_noise *g, uint64_t n,
    const double *context, double *target, struct nf_err *err) NF_CHECKED;

/*
 * Densities (per unit of the raw targets) logp [n] and latents z
 * [n][ntarget] of rows first .. first + n of row [n][ncontext + ntarget];
 * either may be NULL.  seed: of the recipe's draws (see nf_prep_forward).
 */
int nf_raw_density(struct nf_raw *r, uint64_t seed, uint64_t first,
    uint64_t n, const double *row, double *z, double *logp,
    struct nf_err *err) NF_CHECKED;

/*
 * The way back of nf_raw_density: targets of latents z [n][ntarget], under
 * context [n][ncontext].  One that is not finite is NF_EDATA.
 */
int nf_raw_invert(struct nf_raw *r, uint64_t seed, uint64_t first,
    uint64_t n, const double *context, const double *z, double *target,
    struct nf_err *err) NF_CHECKED;

/* Values bounded since the last call: in the flow, and by the recipe. */
uint64_t nf_raw_clamped_flow(struct nf_raw *r);
uint64_t nf_raw_clamped_prep(struct nf_raw *r);

#ifdef __cplusplus
}
#endif
#endif
