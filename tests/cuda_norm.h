/* A norm on two devices, with all that it reads and writes. */
#ifndef CUDA_NORM_H
#define CUDA_NORM_H

#include "cuda_pair.h"

struct norm {
	struct area *weight, *bias, *rmean, *rvar, *mean, *var, *invstd;
	struct area *tally;
};

/* Of ncol columns, its biases from `bias` to 2 more: from 20 on activations
 * leave all as it is. */
static inline struct norm
new_norm(uint32_t ncol, double bias)
{
	struct nf_tally t = { .seed = 77, .seen = 0x300000005 };
	struct norm m;

	m.weight = vec(REAL, ncol, -1, 1);
	m.bias = vec(REAL, ncol, bias, bias + 2);
	m.rmean = vec(REAL, ncol, -1, 1);
	m.rvar = vec(REAL, ncol, 0.1, 1);
	m.mean = vec(REAL, ncol, -1, 1);
	m.var = vec(REAL, ncol, 0.1, 1);
	m.invstd = vec(REAL, ncol, 0.5, 2);
	m.tally = vec(WORD, sizeof(t) / 4, 0, 0);
	memcpy(host(m.tally), &t, sizeof(t));
	return m;
}

/* As device k takes it; without `with` it is activation and dropout alone. */
static inline struct nf_norm
norm_on(const struct norm *m, int k, int with, enum nf_act act,
    double dropout)
{
	struct nf_norm r = { .act = act, .dropout = dropout, .layer = 3 };

	r.tally = (struct nf_tally *)(void *)on(m->tally, k);
	if (!with)
		return r;
	r.weight = REAL_ON(m->weight, k);
	r.bias = REAL_ON(m->bias, k);
	r.running_mean = REAL_ON(m->rmean, k);
	r.running_var = REAL_ON(m->rvar, k);
	r.mean = REAL_ON(m->mean, k);
	r.var = REAL_ON(m->var, k);
	r.invstd = REAL_ON(m->invstd, k);
	return r;
}

#endif
