/*
 * A flow's shape and its numbers, on the host.
 *
 * All parameters lie in one contiguous array, the running statistics of the
 * batch norms behind them, and a table says where each tensor is.  So the
 * optimiser, a checkpoint and a copy to a device are each one line.
 *
 * D features (targets), C context columns, S steps, H hidden, B blocks,
 * K bins, P = 3K-1.  Step i is permutation, LU, coupling; a last permutation
 * and LU follow the S steps.  model.md of the design: nfmodel(5), nf(3).
 */
#ifndef NF_FLOW_H
#define NF_FLOW_H

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The precision of parameters and rows.  The library is float; the tests
 * build it a second time in double, as the reference for the first.
 */
#ifdef NF_REF
typedef double nf_real;
#else
typedef float nf_real;
#endif

/* Bounds of a shape (nf_shape_check). */
#define NF_MAX_BINS	1024
#define NF_MAX_FEATURES	4096

enum nf_act { NF_RELU, NF_ELU, NF_LEAKY_RELU };
#define NF_LEAKY_SLOPE	0.01
#define NF_LU_EPS	1e-3		/* added to the diagonal's softplus */
#define NF_NORM_EPS	1e-3
#define NF_NORM_MOMENTUM 0.1

struct nf_shape {
	uint32_t features;		/* D >= 2 */
	uint32_t context;		/* C, may be 0 */
	uint32_t steps, hidden, blocks, bins;
	double tail_bound;
	double dropout;			/* probability, training only */
	double min_bin_width, min_bin_height, min_derivative;
	enum nf_act activation;
	int batch_norm;
};

/* 8 steps, hidden 128, 2 blocks, 32 bins; for the rest model.md's defaults:
 * tail bound 1, minima 1e-3, relu, batch norm.  Features and context are 0. */
void nf_shape_default(struct nf_shape *s);
/* Bounds of every field and of the whole; names the field. */
int nf_shape_check(const struct nf_shape *s, struct nf_err *err) NF_CHECKED;
/* Trained numbers of a flow of this shape; a double cannot wrap. */
double nf_shape_count(const struct nf_shape *s);
int nf_act_find(const char *name);	/* or -1 */
const char *nf_act_name(enum nf_act act);

/* Transformed by coupling i: features whose index has i's parity. */
static inline uint32_t
nf_ntransform(const struct nf_shape *s, uint32_t step)
{
	return (s->features + (step % 2 == 0)) / 2;
}

/* One named tensor; name is its path below /flow in the model file. */
struct nf_tensor {
	char name[48];			/* "step_00/net/initial/weight" */
	uint32_t ndim, shape[2];
	size_t offset, n;		/* in elements of the array */
	int stat;			/* a running statistic, not trained */
};

/*
 * Where the tensors of step i stand in the array; offsets.  Index [b][j]:
 * block b, layer j.  Absent tensors have the offset SIZE_MAX.
 */
struct nf_block_at {
	size_t norm_weight[2], norm_bias[2], norm_mean[2], norm_var[2];
	size_t linear_weight[2], linear_bias[2];
	size_t context_weight, context_bias;
};
struct nf_lu_at {
	size_t bias, lower, upper, diag;
};
struct nf_step_at {
	struct nf_lu_at lu;
	size_t initial_weight, initial_bias;
	struct nf_block_at *block;	/* [blocks] */
	size_t final_weight, final_bias;
};

struct nf_flow {
	struct nf_shape shape;
	/* Every tensor starts at a multiple of 16; what lies between is 0. */
	size_t nparam;			/* trained numbers, first */
	size_t nall;			/* with the running statistics */
	uint32_t ntensor;
	struct nf_tensor *tensor;	/* in the order of model.md section 6 */
	struct nf_step_at *step;	/* [steps + 1]; the last has lu alone */
	nf_real *param;			/* [nall] */
	int32_t *perm;			/* [steps + 1][features] */
};

/* Everything allocated, param 0, running variances 1, identity perms. */
int nf_flow_new(struct nf_flow **f, const struct nf_shape *s,
    struct nf_err *err) NF_CHECKED;
void nf_flow_free(struct nf_flow *f);
const struct nf_tensor *nf_flow_tensor(const struct nf_flow *f,
    const char *name);			/* or NULL */

enum nf_init { NF_INIT_IDENTITY, NF_INIT_NFLOWS };
enum nf_perm { NF_PERM_RANDOM, NF_PERM_REVERSE };
/* Initial weights (model.md section 2) and permutations, by seed. */
void nf_flow_init(struct nf_flow *f, enum nf_init init, enum nf_perm perm,
    uint64_t seed);

/*
 * Permutations valid, every number finite and no variance below 0; names
 * the tensor by its path in a model file and the element.
 */
int nf_flow_check(const struct nf_flow *f, struct nf_err *err) NF_CHECKED;
/* The first of n numbers that is not finite, or n. */
size_t nf_finite(const nf_real *x, size_t n);

/* What a tensor's numbers are like. */
struct nf_summary {
	double min, max, mean, std;
};
void nf_flow_summary(const struct nf_flow *f, const struct nf_tensor *t,
    struct nf_summary *s);

#ifdef __cplusplus
}
#endif
#endif
