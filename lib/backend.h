/*
 * The table of device operations.  flow programs (net.c, eval.c, trainer.c)
 * are written once in terms of it; lib/cpu_*.c is one implementation,
 * those of cuda/ the other.
 *
 * Operations return nothing: a device keeps its first fault and sync tells.
 * Matrices are row-major in device memory; n is the number of rows.
 */
#ifndef NF_BACKEND_H
#define NF_BACKEND_H

#include "flow.h"
#include "tally.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_dev;

#define NF_WAYS	2			/* of copies beside the work */

/*
 * How a GPU multiplies matrices: in float32, or with the operands rounded to
 * 10 or 7 bits behind the point.  Sums are float32 in all, and so is what is
 * marked exact.
 */
enum nf_precision { NF_FP32, NF_TF32, NF_BF16 };

/* Rows of ncol numbers, ld apart. */
struct nf_mat {
	nf_real *x;
	uint32_t ncol, ld;
};

static inline struct nf_mat
nf_mat(nf_real *x, uint32_t ncol, uint32_t ld)
{
	struct nf_mat m = { x, ncol, ld };

	return m;
}

/* y = x W^T + b, W [nout][nin] without gaps; b may be NULL. */
struct nf_linear {
	const nf_real *w, *b;
	const void *packed;		/* w as `pack` left it, or NULL */
	uint32_t nin, nout;
	int exact;			/* a flow's own values: float32 */
};

/* How norm finds its statistics. */
enum nf_norm_mode {
	NF_NORM_EVAL,			/* the running ones */
	NF_NORM_TRAIN,			/* the batch's, which it computes */
	NF_NORM_AGAIN			/* the batch's, computed before */
};

/* Batch norm before an activation; weight NULL: the activation alone. */
struct nf_norm {
	const nf_real *weight, *bias;
	const nf_real *running_mean, *running_var;
	nf_real *mean, *var;		/* the batch's, var unbiased */
	nf_real *invstd;		/* from the biased one */
	enum nf_act act;
	double dropout;			/* after the activation; 0: none */
	uint32_t layer;			/* which mask */
	uint32_t row0;			/* of the batch: number of row 0 */
	const struct nf_tally *tally;	/* dropout's seed and time */
};

/* A residual block: what it is made of, and where its values stand. */
struct nf_residual {
	struct nf_norm norm[2], next;	/* next: takes `to`, unless last */
	struct nf_linear linear[2], gate;
	struct nf_mat context, t, v, w, to;
	struct nf_mat u[2];		/* what the norms leave; scratch
					 * unless kept */
	int kept, first, last;		/* of its network's blocks */
};

/* Where its gradients go. */
struct nf_residual_grad {
	nf_real *linear_w[2], *linear_b[2];
	nf_real *norm_w[2], *norm_b[2];	/* NULL without a norm */
	nf_real *gate_w, *gate_b;
	/* Unless it is the last block: room[3] of the next one, and where the
	 * gradients of its first norm are by now. */
	struct nf_mat behind;
	nf_real *behind_w, *behind_b;
};

/*
 * The end of a coupling layer: out = linear(h), split into nt splines of
 * 3 bins - 1 logits each (model.md section 3).
 */
struct nf_spline {
	struct nf_linear final;
	uint32_t nt, bins;
	double tail_bound, min_width, min_height, min_derivative;
	double logit_scale;		/* widths and heights: 1 / sqrt(H) */
};

/* All permutations and LUs of a flow; arrays in device memory. */
struct nf_lu {
	uint32_t features, nlayer;	/* nlayer = steps + 1 */
	const nf_real *param;
	const struct nf_lu_at *at;	/* [nlayer] */
	const int32_t *row, *col;	/* [nlayer][features]: see lu_fold */
};

/* Rows of a noise matrix: output row first + i is draw
 * draw + (first + i) % repeat of row (first + i) / repeat. */
struct nf_noise {
	uint64_t seed, first;
	uint32_t repeat, draw;
	double temperature;		/* noise is multiplied by it */
};

struct nf_ops {
	/* -- memory ---------------------------------------------------- */
	/* Zeroed when it returns. */
	void *(*alloc)(struct nf_dev *d, size_t nbyte);
	void (*free)(struct nf_dev *d, void *p);
	/* What from holds may change once upload has returned. */
	void (*upload)(struct nf_dev *d, void *to, const void *from, size_t n);
	void (*download)(struct nf_dev *d, void *to, const void *from,
	    size_t n);
	void (*copy)(struct nf_dev *d, void *to, const void *from, size_t n);
	void (*zero)(struct nf_dev *d, void *p, size_t nbyte);
	/*
	 * Copies beside the work, on NF_WAYS ways.  What is sent on a way
	 * arrives after all that was asked before its last `leave`, and before
	 * what is asked after the next `sent`.  Of what is fetched, once all
	 * that was asked is done, the host has nothing before `fetched`, and
	 * until then neither end may change.  from as with upload.
	 */
	void (*send)(struct nf_dev *d, uint32_t way, void *to,
	    const void *from, size_t n);
	void (*sent)(struct nf_dev *d, uint32_t way);
	void (*leave)(struct nf_dev *d, uint32_t way);
	void (*fetch)(struct nf_dev *d, uint32_t way, void *to,
	    const void *from, size_t n);
	void (*fetched)(struct nf_dev *d, uint32_t way);
	/* Bytes of its memory that are free; NULL where that is the host's. */
	uint64_t (*spare)(struct nf_dev *d);
	/* Bytes that shuffle takes of it for n rows; NULL likewise. */
	uint64_t (*shuffle_room)(struct nf_dev *d, uint32_t n);
	/* Wait for all that was asked; the first fault, if any. */
	int (*sync)(struct nf_dev *d, struct nf_err *err);
	void (*close)(struct nf_dev *d);

	/*
	 * Run njob jobs, each on some lane: a device of its own that works
	 * beside the other lanes (a thread, a stream).  Results must not
	 * depend on which lane gets which job.
	 */
	void (*each)(struct nf_dev *d, uint64_t njob,
	    void (*job)(void *arg, struct nf_dev *lane, uint32_t ilane,
	    uint64_t ijob), void *arg);

	/*
	 * Keep the operations between begin and end as one unit, so that
	 * replay repeats them with what their operands then hold.  The same
	 * have run before, so that there is nothing left to allocate.  begin
	 * returns 0 where the device cannot: operations then run at once.
	 */
	int (*capture_begin)(struct nf_dev *d);
	void *(*capture_end)(struct nf_dev *d);
	void (*replay)(struct nf_dev *d, void *unit);
	void (*capture_free)(struct nf_dev *d, void *unit);

	/* -- rows ------------------------------------------------------ */
	/* A uniform permutation of 0..n-1 for this epoch. */
	void (*shuffle)(struct nf_dev *d, uint64_t seed, uint32_t epoch,
	    uint32_t n, uint32_t *index);
	/* to[i] = from[index[tally->batch * n + i]] */
	void (*gather)(struct nf_dev *d, uint32_t n, const uint32_t *index,
	    const struct nf_tally *tally, struct nf_mat from,
	    struct nf_mat to);
	/* to[i] = from[(first + i) / repeat - first / repeat], of each of nto
	 * matrices with as many columns. */
	void (*spread)(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
	    struct nf_mat from, uint32_t nto, const struct nf_mat *to);
	/* Standard normal numbers, times g->temperature. */
	void (*noise)(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
	    struct nf_mat z);

	/* -- linear layers --------------------------------------------- */
	/*
	 * Weights that stay as they are can be brought into the order that
	 * products want, once: pack_size bytes (0: no use), of a linear
	 * layer or of one that ends in splines (s not NULL).
	 */
	size_t (*pack_size)(struct nf_dev *d, const struct nf_linear *l,
	    const struct nf_spline *s);
	void (*pack)(struct nf_dev *d, const struct nf_linear *l,
	    const struct nf_spline *s, void *packed);
	void (*linear)(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
	    struct nf_mat x, struct nf_mat y);
	/*
	 * dw, db = gradients of the weights (overwritten); dx, unless
	 * dx.x is NULL, = dy W (its first dx.ncol columns), added to what
	 * is there if add.
	 */
	void (*linear_grad)(struct nf_dev *d, uint32_t n,
	    const struct nf_linear *l, struct nf_mat x, struct nf_mat dy,
	    struct nf_mat dx, int add, nf_real *dw, nf_real *db);

	/* -- batch norm, activation, dropout --------------------------- */
	/* u = dropout(act(norm(t))); u may be t.  No dropout in EVAL. */
	void (*norm)(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
	    enum nf_norm_mode mode, struct nf_mat t, struct nf_mat u);
	/* dt (may be du) from du; added to dt if add.  dweight, dbias. */
	void (*norm_grad)(struct nf_dev *d, uint32_t n,
	    const struct nf_norm *m, struct nf_mat t, struct nf_mat du,
	    struct nf_mat dt, int add, nf_real *dweight, nf_real *dbias);
	/* running += momentum (batch - running), unless tally->scale is 0. */
	void (*norm_update)(struct nf_dev *d, size_t n, const nf_real *batch,
	    const struct nf_tally *tally, nf_real *running);

	/* -- gate and residual ----------------------------------------- */
	/* to = t + w * sigmoid(gate(context)); without context (ncol 0)
	 * to = t + w.  to may be t. */
	void (*gate)(struct nf_dev *d, uint32_t n, const struct nf_linear *g,
	    struct nf_mat context, struct nf_mat w, struct nf_mat t,
	    struct nf_mat to);
	/* dw from dt, and the gate's gradients; dt itself passes on. */
	void (*gate_grad)(struct nf_dev *d, uint32_t n,
	    const struct nf_linear *g, struct nf_mat context, struct nf_mat w,
	    struct nf_mat dt, struct nf_mat dw, nf_real *dgw, nf_real *dgb);

	/*
	 * A whole block, as norm, linear and gate make it one by one.  It
	 * returns 0, and nothing is done, where the device would rather have
	 * it so; then for all blocks of a network.  NULL: always.
	 */
	int (*residual)(struct nf_dev *d, uint32_t n,
	    const struct nf_residual *r, enum nf_norm_mode mode);
	/*
	 * dt from the gradient of `to` to that of t; room [4], as large as
	 * t.  Likewise.  Of a network's blocks the last comes first, and dt
	 * need not be whole before the first is done.
	 */
	int (*residual_grad)(struct nf_dev *d, uint32_t n,
	    const struct nf_residual *r, struct nf_mat dt,
	    const struct nf_mat *room, const struct nf_residual_grad *to);

	/* -- splines: the final linear layer and what it drives --------- */
	/* Bytes that forward leaves for grad, for n rows. */
	size_t (*spline_keep)(struct nf_dev *d, uint32_t n,
	    const struct nf_spline *s);
	/*
	 * x becomes the splines' value, its first nt columns, and logdet +=.
	 * With keep a gradient follows; without, logits that overflowed are
	 * bounded and counted, so that the result is finite.
	 */
	void (*spline)(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
	    struct nf_mat h, struct nf_mat x, double *logdet, void *keep);
	/* The inverse, in place; logdet += its own. */
	void (*spline_inverse)(struct nf_dev *d, uint32_t n,
	    const struct nf_spline *s, struct nf_mat h, struct nf_mat x,
	    double *logdet);
	/* dx from the values' gradient to the argument's, in place, given
	 * dlogdet [n]; dh, dw, db; keep is used up. */
	void (*spline_grad)(struct nf_dev *d, uint32_t n,
	    const struct nf_spline *s, struct nf_mat h, void *keep,
	    const nf_real *dlogdet, struct nf_mat dx, struct nf_mat dh,
	    nf_real *dw, nf_real *db);

	/* -- permutation and LU, folded to one matrix a layer ----------- */
	/*
	 * m [nlayer][D][D]: m[r][c] = (LU)[row[r]][col[c]], so that one
	 * product does permutation and LU and leaves the features in the
	 * order row; bias [nlayer][D] likewise.  inverse: the inverse map of
	 * the same.  *logdet = the sum of all log diagonals, of the forward
	 * map in both cases.
	 */
	void (*lu_fold)(struct nf_dev *d, const struct nf_lu *l, int inverse,
	    nf_real *m, nf_real *bias, double *logdet);
	/*
	 * From dm, dbias and the rows' summed dlogdet (sums[0] times minus
	 * tally->weight_norm) to the gradients of lower, upper, diag and
	 * bias, at their places in grad.
	 */
	void (*lu_grad)(struct nf_dev *d, const struct nf_lu *l,
	    const nf_real *dm, const nf_real *dbias, const double *sums,
	    const struct nf_tally *tally, nf_real *grad);

	/* -- loss and optimiser ---------------------------------------- */
	/* logp[i] = log N(z[i]) + logdet[i] + *constant. */
	void (*log_normal)(struct nf_dev *d, uint32_t n, struct nf_mat z,
	    const double *logdet, const double *constant, double *logp);
	/*
	 * The loss, sum of -w logp times tally->weight_norm, begun backward:
	 * dz, dlogdet; sums[0] = sum w, sums[1] = sum -w logp.  weight NULL:
	 * all 1.
	 */
	void (*loss_grad)(struct nf_dev *d, uint32_t n, struct nf_mat z,
	    const double *logp, const nf_real *weight,
	    const struct nf_tally *tally, struct nf_mat dz, nf_real *dlogdet,
	    double *sums);
	/*
	 * Add the gradient [n] and the two sums (see loss_grad) of one share
	 * of a batch to another's.  NULL where it does not pay to share a
	 * training step's rows among the lanes.
	 */
	void (*add_share)(struct nf_dev *d, size_t n, const nf_real *grad,
	    const double *sums, nf_real *to_grad, double *to_sums);
	/* *sum = sum of squares; not finite if any is not. */
	void (*sum_squares)(struct nf_dev *d, size_t n, const nf_real *x,
	    double *sum);
	/* Count the batch in, or out if it is not finite. */
	void (*judge)(struct nf_dev *d, const double *sums,
	    const double *sum_squares, struct nf_tally *tally);
	/* One pass over all parameters, unless tally->scale is 0. */
	void (*adam)(struct nf_dev *d, size_t n, const struct nf_tally *tally,
	    nf_real *param, const nf_real *grad, nf_real *m, nf_real *v);
};

/* What every device is; implementations append their own. */
struct nf_dev {
	const struct nf_ops *ops;
	char name[128];			/* "cpu (2 threads, avx512)" */
	uint32_t nlane;
	uint32_t tile;			/* rows a lane takes at a time */
	uint32_t pad;			/* rows begin at multiples of this */
	int host;			/* its memory is the host's own */
	uint64_t row_memory;		/* of it, rows that train take at most
					 * this; 0: what can be spared.  The
					 * caller may set it */
	uint64_t clamped;		/* values a spline had to clamp */
	enum nf_precision precision;	/* of products; the caller may set it,
					 * and a CPU's are float32 whatever */
	char passed[256];		/* why auto did not take the GPU that
					 * there is; else empty */
	char uncaptured[160];		/* why nothing is captured, and slower
					 * for it; else empty */
};

/*
 * name is "auto", "cpu", "cuda" or "cuda:N", the N-th GPU from 0; nthread of
 * the CPU, 0: as many as may run.  auto takes a GPU where one can be used.
 * A GPU is reached through libnf-cuda.so, which is looked for beside libnf.so
 * or the program, in its ../lib, and where the system's libraries are; or it
 * is the file that the environment's NF_CUDA_LIB names.
 */
int nf_dev_open(struct nf_dev **d, const char *name, uint32_t nthread,
    struct nf_err *err) NF_CHECKED;
void nf_dev_close(struct nf_dev *d);		/* may be NULL */

/* A device that this machine has, or might have had. */
struct nf_dev_info {
	char name[32];		/* as nf_dev_open takes it: "cuda:0" */
	char about[512];	/* what it is, or why it cannot be used */
	uint64_t memory;	/* bytes of its own; 0: the machine's */
	int usable;
};
/* Up to max devices, the CPU first; returns how many. */
uint32_t nf_dev_list(struct nf_dev_info *info, uint32_t max);

int nf_cpu_open(struct nf_dev **d, uint32_t nthread, struct nf_err *err)
    NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
