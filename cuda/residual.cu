/*
 * CUDA: a residual block in as few launches as it takes: in small batches a
 * step waits for launches more than for arithmetic, and in large ones for
 * what launches bring.
 */
#include <math.h>
#include <string.h>

#include "gate.cuh"
#include "layer_launch.cuh"

/* Add the bias; store it, where it is kept. */
static __device__ __forceinline__ void
put(const struct layer *p, const int nf, struct cuda_mma *m)
{
	uint32_t c, r, j, in;
	float a, b, *d;

#pragma unroll
	for (c = 0; c < (uint32_t)nf; c++) {
		j = blockIdx.y * 16 * (uint32_t)nf +
		    cuda_mma_column(nf, c, 0);
		in = j < p->nout;
		a = in ? p->bias[j] : 0;
		b = in && j + 1 < p->nout ? p->bias[j + 1] : 0;
#pragma unroll
		for (r = 0; r < 4; r++) {
			d = m->d[r / 2][c] + 2 * (r % 2);
			d[0] += a;
			d[1] += b;
			if (p->y.x != NULL)
				put_two(p, nf, p->y, c, r, d[0], d[1]);
		}
	}
}

/* ---- statistics for the norm that takes the result -------------------- */

/* The tiles' sums of values, and of squares about their mean, of each column;
 * two warps of each have a column. */
static __device__ __forceinline__ void
tile_moments(const struct layer *p, const int nf, const struct cuda_mma *m,
    float *shared)
{
	uint32_t nj = 16 * (uint32_t)nf, nrow, pass, c, q, r, j;
	float s, v, mean, *work = room_of_sums(nf, shared);

	tile_of_sums(p, nf, &nrow);
	for (pass = 0; pass < 2; pass++) {
#pragma unroll
		for (c = 0; c < (uint32_t)nf; c++)
#pragma unroll
			for (q = 0; q < 2; q++) {
				j = cuda_mma_column(nf, c, q);
				mean = pass == 0 ? 0 : (work[j] +
				    work[nj + j]) / nrow;
				s = 0;
#pragma unroll
				for (r = 0; r < 4; r++) {
					v = m->d[r / 2][c][2 * (r % 2) + q] -
					    mean;
					v = pass == 0 ? v : v * v;
					s += cuda_mma_row(r / 2, r % 2) %
					    NF_TILE_ROWS < nrow ? v : 0;
				}
				s = sum_rows(s);
				if (threadIdx.x % 32 < 4)
					work[(2 * pass + threadIdx.x / 64 %
					    2) * nj + j] = s;
			}
		__syncthreads();
	}
	put_sums(p, nf, work);
}

static __device__ __forceinline__ void
forward(const struct layer *p, const int nf, const int gate, float *shared)
{
	struct cuda_mma m = { { { { 0 } } } };
	double sum[2], about;
	uint32_t j;

	multiply(p, nf, 0, NORM, shared, &m);
	put(p, nf, &m);
	if (gate)
		put_gate(p, nf, shared, &m);
	if (p->part == NULL)
		return;
	tile_moments(p, nf, &m, shared);
	if (!cuda_last_block(p->ticket + blockIdx.y))
		return;
	j = merge(p, nf, CUDA_ABOUT_MEAN, shared, sum, &about);
	if (j < p->nout)
		cuda_statistics(&p->next, p->n, j, sum, about);
}

NF_LAYER_KERNELS(norm_linear, forward, 0)
NF_LAYER_KERNELS(norm_linear_gate, forward, 1)

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

/* ---- the operation ---------------------------------------------------- */

static void
launch_first(struct nf_cuda *c, const struct layer *p)
{
	cudaStream_t s = cuda_writing_mat(c, p->n, p->y);

	if (p->u.x != NULL)
		cuda_writing_mat(c, p->n, p->u);
	NF_LAYER_LAUNCH(norm_linear, c, s, p);
	layer_launched(c, p, (double)p->n * (p->nout + (double)p->k *
	    (p->u.x != NULL ? 2 : 1)), 0);
}

static void
launch_second(struct nf_cuda *c, const struct layer *p)
{
	cudaStream_t s = cuda_writing_mat(c, p->n, p->to);
	double C = p->context.ncol;

	if (p->u.x != NULL)
		cuda_writing_mat(c, p->n, p->u);
	if (p->y.x != NULL)
		cuda_writing_mat(c, p->n, p->y);
	NF_LAYER_LAUNCH(norm_linear_gate, c, s, p);
	layer_launched(c, p, p->n * (C + (double)p->k *
	    (p->u.x != NULL ? 2 : 1) + (double)p->nout *
	    (p->y.x != NULL ? 3 : 2)), 2.0 * p->n * C * p->nout);
}

/* The block's half k takes x; 0 if there is no memory. */
static int
half_block(struct nf_cuda *c, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode, int k, struct nf_mat x, struct layer *p)
{
	const struct nf_linear *l = &r->linear[k];
	struct cuda_packed w;

	memset(p, 0, sizeof(*p));
	if (!cuda_pack(c, l, l->nout, l->nout, NF_TF32, &w))
		return 0;
	p->n = n;
	p->k = l->nin;
	p->nout = l->nout;
	p->x = x;
	p->w.w = (const float *)w.w;
	p->w.pitch = w.pitch;
	p->w.nrow = l->nout;
	p->bias = w.b;
	p->norm = r->norm[k];
	p->mode = mode;
	if (r->kept) {
		p->u = r->u[k];
		p->u.ncol = l->nin;
	}
	p->ticket = c->ticket;
	return 1;
}

static int
first_half(struct nf_cuda *c, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode, float *part)
{
	struct layer p;

	if (!half_block(c, n, r, mode, 0, r->t, &p))
		return 0;
	p.y = r->v;
	p.y.ncol = p.nout;
	p.next = r->norm[1];
	p.part = part;
	launch_first(c, &p);
	return 1;
}

/* What the product made is kept for the gradient alone. */
static void
second_half(struct nf_cuda *c, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode, float *part)
{
	struct layer p;

	if (!half_block(c, n, r, mode, 1, r->v, &p))
		return;
	if (r->kept) {
		p.y = r->w;
		p.y.ncol = p.nout;
	}
	p.gate = r->gate;
	p.context = r->context;
	p.t = r->t;
	p.to = r->to;
	p.to.ncol = p.nout;
	p.next = r->next;
	p.part = r->last ? NULL : part;
	launch_second(c, &p);
}

static int
cuda_residual(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode)
{
	struct nf_cuda *c = cuda_of(d);
	uint32_t H = r->linear[0].nout;
	size_t ntile = ((size_t)n + NF_TILE_ROWS - 1) / NF_TILE_ROWS;
	int sums = mode == NF_NORM_TRAIN && r->norm[0].weight != NULL;
	float *part = NULL;

	if (n == 0 || !layer_fits(c, r, mode))
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
	if (first_half(c, n, r, mode, part))
		second_half(c, n, r, mode, part);
	return 1;
}

void
cuda_residual_ops(struct nf_ops *t)
{
	t->residual = cuda_residual;
	t->residual_grad = cuda_residual_grad;
}
