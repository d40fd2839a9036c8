/*
 * The GPU backend's own.  Each file of operations is the twin of its CPU
 * file; the language is C with <<<>>>, so that what a kernel does can be
 * read beside what lib/cpu_*.c does.
 *
 * An operation asks for the stream, launches on it and returns: nothing in
 * it allocates (scratch has grown before), waits or reads what the device
 * wrote, so that a training step can be captured.  Sums are made in an order
 * that depends on sizes alone: two runs give the same bits.
 *
 * A lane is a device with a stream, scratch and staging of its own, and two
 * more streams for what is sent and fetched beside its work (ferry.cu).  The
 * root also has queues aside: a product that nobody waits for, of a weight's
 * gradient, runs there beside the chain of the others (aside.cu).
 */
#ifndef NF_CUDA_CUH
#define NF_CUDA_CUH

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <pthread.h>

#include "plugin.h"

#ifndef NF_LAUNCH_ON
#define NF_LAUNCH_ON(kernel, grid, block, nshared, stream) \
	kernel<<<grid, block, nshared, stream>>>
/* The launch's shared memory, under a name and type. */
#define NF_SHARED(type, name) \
	extern __shared__ __align__(16) unsigned char nf_shared[]; \
	type *name = (type *)nf_shared
#endif
/* A launch by the device c; cuda_launched follows it. */
#define NF_LAUNCH(kernel, grid, block, nshared, stream) \
	NF_LAUNCH_ON(kernel, grid, block, nshared, \
	    cuda_timed(c, #kernel, grid, stream))

#define NF_CUDA_LANE	3		/* lanes, for copies beside work */
#define NF_CUDA_ASIDE	2		/* queues aside */
#define NF_CUDA_PENDING	32		/* pieces of work aside, at most */
#define NF_CUDA_TICKETS	32		/* tiles of columns with last blocks */
#define NF_CUDA_EXACT	64	/* fewer inputs or outputs: float32 */
#define NF_CUDA_STAGE	((size_t)1 << 20)	/* bytes of a staging half */
#define NF_CUDA_LTWORK	((size_t)32 << 20)	/* as cuBLASLt likes it */

/* A stream, and the memory that cuBLASLt works in on it. */
struct cuda_queue {
	cudaStream_t stream;
	void *ltwork;
};

/* Work aside: what it touches must wait for it. */
struct cuda_pending {
	cudaEvent_t done;
	int live;
	const char *lo[4], *hi[4];
};

/* Copies beside the work, for one piece of memory at a time (ferry.cu). */
struct cuda_way {
	char *stage[2];			/* pinned: what is being sent */
	cudaEvent_t staged[2];		/* each half, as last sent */
	int turn;
	cudaEvent_t left, sent;		/* the work; the last of a send */
	char *room;			/* pinned: what is being fetched */
	size_t nroom, used;
	cudaEvent_t made, arrived;	/* the work; the last of a fetch */
	struct cuda_parcel { void *to; size_t n; } parcel[4];
	int nparcel;
};

/* Memory that grows and is kept, by what it is for. */
enum cuda_use {
	CUDA_SORT, CUDA_LOGIT, CUDA_LU, CUDA_PART, CUDA_GATE, CUDA_TILES,
	CUDA_HALF_X, CUDA_HALF_DY, CUDA_NUSE
};

struct cuda_plan;			/* of a product: product.cu */
struct cuda_packs;			/* of weights: pack.cu */
struct cuda_profile;			/* of launches: profile.cu */

struct nf_cuda {
	struct nf_dev dev;		/* first: a nf_dev is one of these */
	struct nf_cuda *root;		/* this one, or whose lane it is */
	struct nf_cuda *lane;		/* [dev.nlane], or NULL in a lane */
	int index;			/* which GPU */
	int nsm;			/* its multiprocessors */
	size_t nl2;			/* bytes of its second-level cache */

	struct cuda_queue main, aside[NF_CUDA_ASIDE];
	struct cuda_pending pending[NF_CUDA_PENDING];
	uint32_t npending, oldest;	/* live ones; which is the oldest */
	uint32_t turn;			/* the next queue aside */
	cudaEvent_t ready;
	cudaStream_t in, out;		/* for copies beside the work */
	struct cuda_way way[NF_WAYS];

	void *scratch[CUDA_NUSE];
	size_t nscratch[CUDA_NUSE];
	void **grave;			/* outgrown scratch: units hold it */
	uint32_t ngrave;
	char *stage[2];			/* pinned */
	cudaEvent_t staged[2];
	uint64_t *count, *host_count;	/* of clamps; pinned */
	uint32_t *ticket;		/* [NF_CUDA_TICKETS], of launches' last
					 * blocks */
	int clamps;			/* count may have changed */

	int capturing;
	int lost;			/* a capture was: no more of them */
	int failed;
	struct nf_err fault;

	cublasLtHandle_t lt;
	struct cuda_plan *plan;
	uint32_t nplan;
	/* the root's */
	pthread_mutex_t lock;		/* of what lanes share */
	pthread_mutex_t gate;		/* a capture, or a choice of
					 * algorithms; before lock */
	struct cuda_packs *packs;
	struct cuda_piece { char *p; size_t n; } *piece;
	uint32_t npiece;
	struct cuda_profile *profile;	/* while launches are timed */
	cudaEvent_t span[2];
};

static inline struct nf_cuda *
cuda_of(struct nf_dev *d)
{
	return (struct nf_cuda *)d;
}

/* ---- faults: the first is kept for sync (cuda.cu) --------------------- */

void cuda_latch(struct nf_cuda *c, cudaError_t e, const char *what);
void cuda_fail(struct nf_cuda *c, const char *what, const char *why);

/* ---- times of launches, when they are asked for (profile.cu) ---------- */

struct cuda_product;
void cuda_profile_before(struct nf_cuda *c, const char *kernel, dim3 grid,
    cudaStream_t s);
void cuda_profile_product(struct nf_cuda *c, const struct cuda_product *p,
    cudaStream_t s);
/* What the launch that was timed last computes and cannot but move. */
void cuda_profile_count(struct nf_cuda *c, double flop, double byte);
void cuda_profile_after(struct nf_cuda *c);

static inline cudaStream_t
cuda_timed(struct nf_cuda *c, const char *kernel, dim3 grid, cudaStream_t s)
{
	if (c->root->profile != NULL)
		cuda_profile_before(c, kernel, grid, s);
	return s;
}

static inline void
cuda_launched(struct nf_cuda *c, const char *what)
{
	cuda_latch(c, cudaGetLastError(), what);
	if (c->root->profile != NULL)
		cuda_profile_after(c);
}

/* ---- memory (memory.cu) ----------------------------------------------- */

/* At least nbyte, of this use alone; NULL and a fault where there is none. */
void *cuda_scratch(struct nf_cuda *c, enum cuda_use use, size_t nbyte);
/* More room in a host array of nold elements; 0 and a fault if there is
 * none.  *p is NULL at first. */
int cuda_grow(struct nf_cuda *c, void **p, size_t nold, size_t nnew,
    size_t size);
/* Pinned memory back; NULL is none, of which cudaFreeHost promises nothing. */
static inline cudaError_t
cuda_free_pinned(void *p)
{
	return p == NULL ? cudaSuccess : cudaFreeHost(p);
}

void cuda_put(struct nf_cuda *c, void *to, const void *from, size_t nbyte);

/* ---- copies beside the work (ferry.cu) -------------------------------- */

int cuda_ferry_open(struct nf_cuda *c);	/* -1 leaves it half made */
void cuda_ferry_close(struct nf_cuda *c);
void cuda_ferry_ops(struct nf_ops *t);

/* ---- streams (aside.cu) ----------------------------------------------- */

/* What this thread asks for from now on is asked of c's GPU. */
void cuda_here(struct nf_cuda *c);
/* The stream, once all work aside is done. */
cudaStream_t cuda_begin(struct nf_cuda *c);
/* The stream for an operation that writes [p, p + nbyte) and reads nothing
 * that was left aside; call it for each piece it writes. */
cudaStream_t cuda_writing(struct nf_cuda *c, const void *p, size_t nbyte);
cudaStream_t cuda_writing_mat(struct nf_cuda *c, uint32_t n,
    struct nf_mat m);
/* A queue beside the stream, which has seen all that the stream has. */
struct cuda_queue *cuda_aside(struct nf_cuda *c);
/* End what was begun on q: it touched these pieces (npiece <= 4). */
void cuda_aside_end(struct nf_cuda *c, struct cuda_queue *q, int npiece,
    const void *const *p, const size_t *nbyte);

static inline size_t
cuda_mat_size(uint32_t n, struct nf_mat m)
{
	return n == 0 ? 0 : (((size_t)n - 1) * m.ld + m.ncol) *
	    sizeof(*m.x);
}

/* ---- products (product.cu) -------------------------------------------- */

/* c = op(a) op(b) + beta c + bias, row-major, m x n, inner size k. */
struct cuda_product {
	int ta, tb;
	uint32_t m, n, k;
	const void *a, *b;		/* bf16 if half */
	size_t lda, ldb;
	float *c;
	size_t ldc;
	float beta;
	const float *bias;		/* [n], or NULL */
	uint32_t batch;			/* 0 counts as 1 */
	size_t sa, sb, sc;		/* from one of the batch to the next */
	enum nf_precision precision;	/* NF_BF16: a and b are bf16 */
	int rows;			/* m is rows: the same algorithm for
					 * any number of them, in a lane */
};

void cuda_multiply(struct nf_cuda *c, struct cuda_queue *q,
    const struct cuda_product *p);

/* ---- weights as products like them (pack.cu) -------------------------- */

/* Rows in groups, each filled up with rows of zeros: see cuda_pack. */
struct cuda_packed {
	const void *w;			/* rows pitch apart, aligned */
	const float *b;
	size_t pitch;
};

/*
 * l's weights, rows aligned, in the precision's own type, in groups of
 * `group` rows (which divides nout) filled up to `filled`.  They are copied
 * when they may have changed.  0, and a fault, where there is no memory.
 */
int cuda_pack(struct nf_cuda *c, const struct nf_linear *l, uint32_t group,
    uint32_t filled, enum nf_precision precision, struct cuda_packed *out);
/* What was written in [p, p + nbyte), or freed, may be weights. */
void cuda_pack_changed(struct nf_cuda *c, const void *p, size_t nbyte);
void cuda_pack_drop(struct nf_cuda *c, const void *p, size_t nbyte);
/* All packs will be made anew; in one launch, those known by now. */
void cuda_pack_stale(struct nf_cuda *c);
void cuda_pack_table(struct nf_cuda *c);
void cuda_pack_refresh(struct nf_cuda *c);
int cuda_pack_settled(struct nf_cuda *c);
void cuda_pack_close(struct nf_cuda *c);

/* x as it goes into a product of this precision, in memory of this use;
 * fp32, and tf32 where use is CUDA_NUSE, as it stands. */
const void *cuda_operand(struct nf_cuda *c, enum cuda_use use, uint32_t n,
    struct nf_mat x, enum nf_precision precision, size_t *ld);

/* The precision that a product with these weights has. */
enum nf_precision cuda_precision(const struct nf_cuda *c,
    const struct nf_linear *l);

/* sum = that of n rows of x, of the first `group` of each `filled` columns
 * alone, on q (strip.cu). */
void cuda_add_columns(struct nf_cuda *c, struct cuda_queue *q, uint32_t n,
    struct nf_mat x, uint32_t group, uint32_t filled, float *sum);

/* dw and db of dy = linear(x), aside (linear.cu). */
void cuda_weight_grad(struct nf_cuda *c, uint32_t n,
    const struct nf_linear *l, struct nf_mat x, struct nf_mat dy, float *dw,
    float *db);
/* Gradients e at a norm's output, and what its own weights' sum up to. */
struct norm_grad {
	struct nf_norm norm;
	struct nf_mat t, e;		/* t: what the norm took */
	float *dweight, *dbias;
};

/* gate_grad (gate.cu); dt first gets what goes back through a norm, if e is
 * not NULL. */
void cuda_gate_grad_after(struct nf_cuda *c, uint32_t n,
    const struct nf_linear *l, struct nf_mat context, struct nf_mat w,
    const struct norm_grad *behind, struct nf_mat dt, struct nf_mat dw,
    float *dgw, float *dgb);

/* ---- each file enters its operations into the table ------------------- */

void cuda_memory_ops(struct nf_ops *t);
void cuda_capture_ops(struct nf_ops *t);
void cuda_row_ops(struct nf_ops *t);
void cuda_linear_ops(struct nf_ops *t);
void cuda_norm_ops(struct nf_ops *t);
void cuda_gate_ops(struct nf_ops *t);
void cuda_residual_ops(struct nf_ops *t);
void cuda_spline_ops(struct nf_ops *t);
void cuda_spline_grad_ops(struct nf_ops *t);
void cuda_lu_ops(struct nf_ops *t);
void cuda_optim_ops(struct nf_ops *t);

/* Blocks of nthread for n things, at most max of them. */
static inline unsigned
cuda_blocks(size_t n, unsigned nthread, size_t max)
{
	size_t nblock = (n + nthread - 1) / nthread;

	return (unsigned)(nblock < 1 ? 1 : nblock < max ? nblock : max);
}

#endif
