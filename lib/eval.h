/*
 * A flow at work: densities and draws of any number of rows, in host memory.
 *
 * Rows go through the network in tiles, each tile on one lane.  What comes
 * out of a row does not depend on its neighbours: not on how the rows were
 * cut into calls and tiles, or on the number of lanes.
 */
#ifndef NF_EVAL_H
#define NF_EVAL_H

#include "net.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_eval;

/* Of a net that is kept by reference. */
int nf_eval_new(struct nf_eval **e, struct nf_net *net, struct nf_err *err)
    NF_CHECKED;
void nf_eval_free(struct nf_eval *e);
/* After the net's parameters have changed. */
void nf_eval_refresh(struct nf_eval *e);

/*
 * n rows of x [n][D] and context [n][C]: their latents z [n][D] and log
 * densities logp [n], either NULL if not wanted.
 */
int nf_eval_density(struct nf_eval *e, uint64_t n,
    const nf_real *x, const nf_real *context, nf_real *z, double *logp,
    struct nf_err *err) NF_CHECKED;

/*
 * The mean of -log density of n rows, by weight [n] unless that is NULL.
 * here: x and context lie in the device's memory.
 */
int nf_eval_nll(struct nf_eval *e, int here, uint64_t n, const nf_real *x,
    const nf_real *context, const nf_real *weight, double *nll,
    struct nf_err *err) NF_CHECKED;

/*
 * Draws g->first .. g->first + n (see struct nf_noise).  context begins with
 * the row of the first draw, g->first / g->repeat; x [n][D].
 */
int nf_eval_sample(struct nf_eval *e, const struct nf_noise *g, uint64_t n,
    const nf_real *context, nf_real *x, struct nf_err *err) NF_CHECKED;

/*
 * The way back of nf_eval_density: latents z [n][D] of rows context [n][C]
 * to x [n][D], which may be z.
 */
int nf_eval_invert(struct nf_eval *e, uint64_t n, const nf_real *z,
    const nf_real *context, nf_real *x, struct nf_err *err) NF_CHECKED;

/*
 * How many numbers had to be bounded since the last call: logits and latents
 * that overflowed, discriminants that rounding made negative.
 */
uint64_t nf_eval_clamped(struct nf_eval *e);

#ifdef __cplusplus
}
#endif
#endif
