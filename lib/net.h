/*
 * A flow on a device, and what its rows need on their way through it.
 *
 * A state is a row [transformed | identity | context], in the order that the
 * next coupling wants: the matrix of each permutation and LU leaves it so,
 * the spline changes the transformed part in place, and the network reads
 * [identity | context] where they stand.  So nothing is ever shuffled.
 */
#ifndef NF_NET_H
#define NF_NET_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_net {
	struct nf_dev *dev;
	const struct nf_flow *flow;
	nf_real *param;			/* [nall], on the device; the flow's
					 * own where that is the host */
	struct nf_lu lu;
	void *index;			/* lu's row, col and at */
	nf_real *fold, *fold_bias;	/* [nlayer][D][D], [nlayer][D] */
	nf_real *back, *back_bias;	/* the inverse maps */
	double *logdet;			/* of all LUs, one number */
	/* Weights as products want them, for evaluation. */
	uint32_t npacked;
	struct nf_packed *packed;	/* in the order of the weights */
	void *pack_memory;
};

struct nf_packed {
	size_t weight, bias;		/* their places among the parameters */
	uint32_t nin, nout;
	int step;			/* whose splines it drives, or -1 */
	void *at;
};

/* Upload f (kept by reference); nf_net_fold follows any change of param. */
int nf_net_new(struct nf_net **net, struct nf_dev *dev,
    const struct nf_flow *f, struct nf_err *err) NF_CHECKED;
void nf_net_free(struct nf_net *net);
void nf_net_fold(struct nf_net *net, struct nf_dev *dev);
void nf_net_fold_inverse(struct nf_net *net, struct nf_dev *dev);
/* Pack all weights as they now are; until then evaluation takes them so. */
int nf_net_pack(struct nf_net *net, struct nf_err *err) NF_CHECKED;

/*
 * A gradient is read by its weights' gradient, too, which on a GPU comes
 * later: so those in two blocks, NF_ROOMS in each, take turns.
 */
#define NF_ROOMS	4
#define NF_TURNS	(2 * NF_ROOMS)

/* Room for n rows on one lane; for training, of all that backward reads. */
struct nf_work {
	uint32_t n;
	int train;
	struct nf_dev *dev;
	void *memory;
	struct nf_mat x, context, z;	/* x in, z out (or the reverse) */
	/*
	 * For evaluation, of tiles that take turns: contexts before they are
	 * spread, the rows that come and those that go.  A device that works
	 * in the host's memory has one turn, and rows come and go where they
	 * are worked on: in and out are NULL.
	 */
	uint32_t nturn;
	struct nf_turn {
		nf_real *condition;	/* [n][C] */
		nf_real *in, *out;	/* [n][D] */
		double *logp;		/* [n] */
	} turn[NF_WAYS];
	struct nf_mat *state;		/* [steps] */
	struct nf_mat *beside;		/* [steps]: the context in each */
	struct nf_mat *t;		/* [steps * (blocks + 1)] */
	struct nf_mat *v, *w;		/* [steps * blocks] */
	/*
	 * [2 * steps * blocks]: what the norms leave.  All the same, and made
	 * again on the way back, unless kept.
	 */
	struct nf_mat *u;
	int kept;
	double *logdet, *logp;		/* [n] */
	/* training alone */
	void **keep;			/* [steps] */
	nf_real *batch_stat, *invstd;	/* as the running statistics */
	const struct nf_tally *tally;	/* not owned */
	uint32_t row0;			/* the first row's number in a batch */
	struct nf_mat dstate[2];	/* of a state and the next */
	struct nf_mat dt[2];		/* of two steps in turn */
	struct nf_mat da[NF_TURNS];	/* of a block's inside, in turn */
	nf_real *dlogdet;		/* [n] */
	nf_real *dfold, *dfold_bias;
	double *sums;			/* [3]: weight, nll, squares */
};

int nf_work_new(struct nf_work **w, const struct nf_net *net,
    struct nf_dev *dev, uint32_t n, int train, struct nf_err *err)
    NF_CHECKED;
/* Bytes of the device's memory that it takes. */
int nf_work_size(const struct nf_net *net, struct nf_dev *dev, uint32_t n,
    int train, uint64_t *nbyte, struct nf_err *err) NF_CHECKED;
void nf_work_free(struct nf_work *w);
/* Put context, once it is there, beside each of nstate (= steps) states. */
void nf_work_context(struct nf_work *w, uint32_t n, uint32_t nstate);

/* x -> z and logp, of n rows. */
void nf_net_forward(const struct nf_net *net, struct nf_work *w, uint32_t n);
/* z -> x. */
void nf_net_inverse(const struct nf_net *net, struct nf_work *w, uint32_t n);
/* After a training forward: all gradients of the loss; see loss_grad. */
void nf_net_backward(const struct nf_net *net, struct nf_work *w, uint32_t n,
    const nf_real *weight, nf_real *grad);

/* What net_backward.c shares with net.c. */
struct nf_linear nf_net_linear(const struct nf_net *net,
    const struct nf_work *w, size_t weight, size_t bias, uint32_t nin,
    uint32_t nout);
struct nf_norm nf_net_norm(const struct nf_net *net, const struct nf_work *w,
    uint32_t step, uint32_t block, uint32_t layer);
struct nf_residual nf_net_block(const struct nf_net *net,
    const struct nf_work *w, uint32_t step, uint32_t block);
struct nf_spline nf_net_spline(const struct nf_net *net,
    const struct nf_work *w, uint32_t step);

#ifdef __cplusplus
}
#endif
#endif
