/*
 * CUDA: a residual block in as few launches as it takes: in small batches a
 * step waits for launches more than for arithmetic.
 */
#include <math.h>
#include <string.h>

#include "layer.cuh"

#define MOST		768		/* columns: shared memory */

static __device__ __forceinline__ void
forward(const struct layer *p, const int nf, const int after, float *shared)
{
	float4 *column = (float4 *)(shared + NF_MMA_SHARED);
	uint32_t nj = 16 * (uint32_t)nf, j0 = blockIdx.y * nj;
	struct cuda_mma m = { { { { 0 } } } };
	double sum[2], about;

	multiply(p, nf, 0, NORM, column, shared, &m);
	put(p, nf, &m);
	if (after == NOTHING)
		return;
	tile_moments(p, nf, &m, shared);
	if (!cuda_last_block(p->ticket + blockIdx.y))
		return;
	nj = p->nout - j0 < nj ? p->nout - j0 : nj;
	cuda_merge_tiles(CUDA_ABOUT_MEAN, p->n, p->nout, j0, nj, p->part,
	    (double *)shared, sum, &about);
	if (threadIdx.x < nj)
		cuda_statistics(&p->next, p->n, j0 + threadIdx.x, sum, about);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
norm_linear_64(struct layer p)
{
	NF_SHARED(float, shared);

	forward(&p, 4, NOTHING, shared);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
norm_linear_80(struct layer p)
{
	NF_SHARED(float, shared);

	forward(&p, 5, NOTHING, shared);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
norm_linear_sums_64(struct layer p)
{
	NF_SHARED(float, shared);

	forward(&p, 4, STATISTICS, shared);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
norm_linear_sums_80(struct layer p)
{
	NF_SHARED(float, shared);

	forward(&p, 5, STATISTICS, shared);
}

/* The statistics of what nothing in a block has made. */
static __global__ void
statistics(uint32_t n, struct nf_norm m, struct nf_mat t, float *part,
    uint32_t *ticket)
{
	NF_SHARED(double, shared);
	uint32_t j = blockIdx.y * 32 + threadIdx.x % 32, k;
	uint32_t i = blockIdx.x * NF_TILE_ROWS + threadIdx.x / 32;
	float v[8];

#pragma unroll
	for (k = 0; k < 8; k++)
		v[k] = i + 8 * k < n && j < t.ncol ?
		    t.x[(size_t)(i + 8 * k) * t.ld + j] : 0;
	cuda_tile_statistics(&m, n, t.ncol, blockIdx.y * 32, v, shared, part,
	    ticket + blockIdx.y);
}

/* ---- backward --------------------------------------------------------- */

static __device__ __forceinline__ void
backward(const struct layer *p, const int nf, const enum before before,
    float *shared)
{
	float4 *column = (float4 *)(shared + NF_MMA_SHARED);
	uint32_t nj = 16 * (uint32_t)nf, j0 = blockIdx.y * nj;
	struct cuda_mma m = { { { { 0 } } } };
	double sum[2], about;

	multiply(p, nf, 1, before, column, shared, &m);
	put_grad(p, nf, &m, shared);
	if (p->part == NULL || !cuda_last_block(p->ticket + blockIdx.y))
		return;
	nj = p->nout - j0 < nj ? p->nout - j0 : nj;
	cuda_merge_tiles(CUDA_PLAIN, p->n, p->nout, j0, nj, p->part,
	    (double *)shared, sum, &about);
	if (threadIdx.x >= nj)
		return;
	p->to.dbias[j0 + threadIdx.x] = (float)sum[0];
	p->to.dweight[j0 + threadIdx.x] = (float)sum[1];
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
linear_back_64(struct layer p)
{
	NF_SHARED(float, shared);

	backward(&p, 4, AS_IT_IS, shared);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
linear_back_80(struct layer p)
{
	NF_SHARED(float, shared);

	backward(&p, 5, AS_IT_IS, shared);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
norm_back_64(struct layer p)
{
	NF_SHARED(float, shared);

	backward(&p, 4, NORM_GRAD, shared);
}

static __global__ void __launch_bounds__(NF_MMA_THREADS)
norm_back_80(struct layer p)
{
	NF_SHARED(float, shared);

	backward(&p, 5, NORM_GRAD, shared);
}

/* dt += what goes back through the norm, from the gradient at its output. */
static __global__ void
add_norm_grad(uint32_t n, struct norm_grad g, struct nf_mat dt)
{
	uint32_t j = blockIdx.y * 32 + threadIdx.x % 32, k;
	uint32_t i = blockIdx.x * NF_TILE_ROWS + threadIdx.x / 32;
	float x[8], t[8], was[8];
	float4 c;
	int in;

	if (j >= dt.ncol)
		return;
#pragma unroll
	for (k = 0; k < 8; k++) {
		in = i + 8 * k < n;
		x[k] = in ? g.e.x[(size_t)(i + 8 * k) * g.e.ld + j] : 0;
		t[k] = in ? g.t.x[(size_t)(i + 8 * k) * g.t.ld + j] : 0;
		was[k] = in ? dt.x[(size_t)(i + 8 * k) * dt.ld + j] : 0;
	}
	c = norm_column(&g, n, j);
#pragma unroll
	for (k = 0; k < 8; k++)
		if (i + 8 * k < n)
			dt.x[(size_t)(i + 8 * k) * dt.ld + j] = was[k] +
			    (x[k] * c.y - (t[k] - c.x) * c.z - c.w);
}

/* ---- the operations --------------------------------------------------- */

static int
aligned(struct nf_mat m)
{
	return m.x == NULL || (m.ld % 4 == 0 && (uintptr_t)m.x % 16 == 0);
}

static int
fits(const struct nf_cuda *c, const struct nf_residual *r,
    enum nf_norm_mode mode)
{
	const struct nf_linear *l = r->linear;

	return cuda_precision(c, &l[0]) == NF_TF32 && l[0].nin <= MOST &&
	    l[0].nin == l[0].nout && l[1].nin == l[0].nin &&
	    l[1].nin == l[1].nout && aligned(r->t) && aligned(r->v) &&
	    aligned(r->u[0]) && aligned(r->u[1]) &&
	    (mode == NF_NORM_EVAL || !(r->norm[1].dropout > 0));
}

/* Columns of a block, in 16: what wastes less, or else makes fewer blocks. */
static uint32_t
choose_nf(uint32_t nout)
{
	return (nout + 79) / 80 * 80 <= (nout + 63) / 64 * 64 ? 5 : 4;
}

static void
launch(struct nf_cuda *c, const struct layer *p, enum before before,
    enum after after)
{
	uint32_t nf = choose_nf(p->nout);
	dim3 grid(cuda_blocks(p->n, NF_MMA_ROWS, 0x7fffffff),
	    (p->nout + 16 * nf - 1) / (16 * nf));
	size_t nshared = (NF_MMA_SHARED + 4 * (size_t)p->k) * sizeof(float);
	cudaStream_t s = cuda_writing_mat(c, p->n, p->y);

	if (p->u.x != NULL)
		cuda_writing_mat(c, p->n, p->u);
	if (after == NOTHING && nf == 4)
		NF_LAUNCH(norm_linear_64, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else if (after == NOTHING)
		NF_LAUNCH(norm_linear_80, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else if (after == STATISTICS && nf == 4)
		NF_LAUNCH(norm_linear_sums_64, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else if (after == STATISTICS)
		NF_LAUNCH(norm_linear_sums_80, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else if (before == AS_IT_IS && nf == 4)
		NF_LAUNCH(linear_back_64, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else if (before == AS_IT_IS)
		NF_LAUNCH(linear_back_80, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else if (nf == 4)
		NF_LAUNCH(norm_back_64, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	else
		NF_LAUNCH(norm_back_80, grid, NF_MMA_THREADS, nshared,
		    s)(*p);
	cuda_profile_count(c, 2.0 * p->n * p->nout * p->k, 4.0 * (p->n *
	    ((double)p->k * (p->u.x != NULL ? 2 : 1) + p->nout) +
	    (double)p->k * p->nout));
	cuda_launched(c, "residual block");
}

/* y = linear(norm(x)) of the block's half k; 0 if there is no memory. */
static int
half_block(struct nf_cuda *c, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode, int k, struct nf_mat x, struct nf_mat y,
    float *part)
{
	const struct nf_linear *l = &r->linear[k];
	struct cuda_packed w;
	struct layer p;

	memset(&p, 0, sizeof(p));
	if (!cuda_pack(c, l, l->nout, l->nout, NF_TF32, &w))
		return 0;
	y.ncol = l->nout;
	p.n = n;
	p.k = l->nin;
	p.nout = l->nout;
	p.x = x;
	p.y = y;
	p.w.w = (const float *)w.w;
	p.w.pitch = w.pitch;
	p.w.nrow = l->nout;
	p.bias = w.b;
	p.norm = r->norm[k];
	p.mode = mode;
	if (r->kept) {
		p.u = r->u[k];
		p.u.ncol = l->nin;
	}
	p.next = r->norm[1];
	p.part = part;
	p.ticket = c->ticket;
	launch(c, &p, NORM, part != NULL && k == 0 ? STATISTICS : NOTHING);
	return 1;
}

/*
 * What the second product makes does not go where its rows come from: without
 * training, v and w may be one, and then the norms' room is free.
 */
static int
cuda_residual(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode)
{
	struct nf_cuda *c = cuda_of(d);
	struct nf_mat w = r->w.x == r->v.x ? r->u[1] : r->w;
	uint32_t H = r->linear[0].nout;
	size_t ntile = ((size_t)n + NF_TILE_ROWS - 1) / NF_TILE_ROWS;
	int sums = mode == NF_NORM_TRAIN && r->norm[0].weight != NULL;
	float *part = NULL;

	if (n == 0 || !fits(c, r, mode))
		return 0;
	if (sums && (part = (float *)cuda_scratch(c, CUDA_TILES, ntile * H *
	    2 * sizeof(*part))) == NULL)
		return 1;
	if (sums && r->first) {
		NF_LAUNCH(statistics, dim3((unsigned)ntile, (H + 31) / 32),
		    256, 8 * 64 * sizeof(double), c->main.stream)(n,
		    r->norm[0], r->t, part, c->ticket);
		cuda_launched(c, "statistics");
	}
	if (half_block(c, n, r, mode, 0, r->t, r->v, part) &&
	    half_block(c, n, r, mode, 1, r->v, w, part))
		cuda_gate_before(c, n, &r->gate, r->context, w, r->t, r->to,
		    &r->next, r->last ? NULL : part);
	return 1;
}

/* The gradient y at norm k's output from x at what the linear layer makes; of
 * NORM_GRAD x goes back through norm 1 before, which v keeps. */
static int
half_back(struct nf_cuda *c, uint32_t n, const struct nf_residual *r, int k,
    const struct norm_grad *g, struct nf_mat x, struct nf_mat v,
    struct nf_mat y, float *part)
{
	const struct nf_linear *l = &r->linear[k];
	struct cuda_packed w;
	struct layer p;

	memset(&p, 0, sizeof(p));
	if (!cuda_pack(c, l, l->nout, l->nout, NF_TF32, &w))
		return 0;
	y.ncol = v.ncol = l->nin;
	p.n = n;
	p.k = l->nout;
	p.nout = l->nin;
	p.x = x;
	p.y = y;
	p.w.w = (const float *)w.w;
	p.w.pitch = w.pitch;
	p.w.nrow = l->nout;
	p.w.turned = 1;
	p.from = g[1];
	p.to = g[k];
	p.part = part;
	p.ticket = c->ticket;
	if (k == 0)
		p.u = v;
	if (part != NULL) {
		cuda_writing(c, g[k].dweight, l->nin * sizeof(float));
		cuda_writing(c, g[k].dbias, l->nin * sizeof(float));
	}
	launch(c, &p, k == 1 ? AS_IT_IS : NORM_GRAD, ACT_GRAD);
	return 1;
}

/*
 * room: of the gate's gradient, of that at norm 1's output, before norm 1,
 * and at norm 0's output.  The last goes back through norm 0 when the gate of
 * the block before takes dt, if there is one.
 */
static int
cuda_residual_grad(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    struct nf_mat dt, const struct nf_mat *room,
    const struct nf_residual_grad *to)
{
	struct nf_cuda *c = cuda_of(d);
	uint32_t H = r->linear[0].nout;
	size_t ntile = ((size_t)n + NF_TILE_ROWS - 1) / NF_TILE_ROWS;
	struct norm_grad g[2] = {
		{ r->norm[0], r->t, room[3], to->norm_w[0], to->norm_b[0] },
		{ r->norm[1], r->v, room[1], to->norm_w[1], to->norm_b[1] }
	}, behind = { r->next, r->to, { NULL, 0, 0 }, to->behind_w,
		to->behind_b };
	int waits = r->context.ncol > 0;
	float *part = NULL;

	if (n == 0 || !r->kept || !fits(c, r, NF_NORM_AGAIN) ||
	    !aligned(room[0]) || !aligned(room[1]) || !aligned(room[2]))
		return 0;
	dt.ncol = H;
	if (r->norm[0].weight != NULL && (part = (float *)cuda_scratch(c,
	    CUDA_TILES, ntile * H * 2 * sizeof(*part))) == NULL)
		return 1;
	if (waits && !r->last)
		behind.e = to->behind;
	cuda_gate_grad_after(c, n, &r->gate, r->context, r->w, &behind, dt,
	    room[0], to->gate_w, to->gate_b);
	cuda_weight_grad(c, n, &r->linear[1], r->u[1], room[0],
	    to->linear_w[1], to->linear_b[1]);
	if (!half_back(c, n, r, 1, g, room[0], room[0], room[1], part) ||
	    !half_back(c, n, r, 0, g, room[1], room[2], room[3], part))
		return 1;
	cuda_weight_grad(c, n, &r->linear[0], r->u[0], room[2],
	    to->linear_w[0], to->linear_b[0]);
	if (waits && !r->first)
		return 1;
	NF_LAUNCH(add_norm_grad, dim3((unsigned)ntile, (H + 31) / 32), 256, 0,
	    cuda_writing_mat(c, n, dt))(n, g[0], dt);
	cuda_launched(c, "residual block");
	return 1;
}

void
cuda_residual_ops(struct nf_ops *t)
{
	t->residual = cuda_residual;
	t->residual_grad = cuda_residual_grad;
}
