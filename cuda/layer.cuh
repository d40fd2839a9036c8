/*
 * A product by the matrix units with what a residual block wants done before
 * and after it: a norm and its activation are applied to rows on their way in,
 * and on the way out sums are made of what the next norm takes, or the last
 * one's gradient.
 */
#ifndef NF_LAYER_CUH
#define NF_LAYER_CUH

#include "fastmath.h"
#include "mma.cuh"
#include "moments.cuh"

#define NF_LAYER_MOST	768		/* columns: shared memory */

/* What is done to rows on their way into a product. */
enum before { NORM, AS_IT_IS, NORM_GRAD };

/* A product: y = op(x) w^T + bias, all of n rows and k columns or nout. */
struct layer {
	uint32_t n, k, nout;
	struct nf_mat x, y;		/* y: NULL if it is not kept */
	struct cuda_weights w;
	const float *bias;
	struct nf_norm norm;		/* before */
	enum nf_norm_mode mode;
	struct norm_grad from;		/* before, of NORM_GRAD */
	struct nf_mat u;		/* op(x), if it is kept; else NULL */
	struct nf_linear gate;		/* after: see put_gate */
	struct nf_mat context, t, to;
	struct nf_norm next;		/* what takes the result */
	struct norm_grad back;		/* after: see put_grad */
	float *part;			/* NULL: no sums after */
	uint32_t *ticket;
};

/* A column's numbers: of NORM mean, scale and bias. */
static __device__ __forceinline__ float4
column_of(const struct layer *p, const enum before before, uint32_t j)
{
	const struct nf_norm *m = &p->norm;
	int eval = p->mode == NF_NORM_EVAL;

	if (before == NORM_GRAD)
		return norm_column(&p->from, p->n, j);
	if (m->weight == NULL)
		return make_float4(0, 1, 0, 0);
	return make_float4(eval ? m->running_mean[j] : m->mean[j],
	    m->weight[j] * (eval ? (float)(1 / sqrt(
	    (double)m->running_var[j] + NF_NORM_EPS)) : m->invstd[j]),
	    m->bias[j], 0);
}

/* Rows on their way: four columns of two rows, a thread. */
struct taken {
	float4 x[2], t[2];
};

static __device__ __forceinline__ void
take(const struct layer *p, const int nf, const enum before before,
    uint32_t k0, struct taken *r)
{
	uint32_t k = k0 + threadIdx.x % 4 * 4, q, i;

#pragma unroll
	for (q = 0; q < 2; q++) {
		i = (2 * blockIdx.x + q) * (NF_MMA_ROWS(nf) / 2) +
		    threadIdx.x / 4;
		r->x[q] = i < p->n && k < p->k ? *(const float4 *)(p->x.x +
		    (size_t)i * p->x.ld + k) : make_float4(0, 0, 0, 0);
		if (before == NORM_GRAD)
			r->t[q] = i < p->n && k < p->k ? *(const float4 *)(
			    p->from.t.x + (size_t)i * p->from.t.ld + k) :
			    make_float4(0, 0, 0, 0);
	}
}

/* Norms leave rounded numbers; gradients are for sums, too. */
static __device__ __forceinline__ float
prepared(const struct layer *p, const enum before before,
    const float4 *column, uint32_t k, float x, float t)
{
	float4 c;

	if (k >= p->k)
		return 0;
	if (before == AS_IT_IS)
		return x;
	c = column[k];
	if (before == NORM_GRAD)
		return x * c.y - (t - c.x) * c.z - c.w;
	return cuda_round_tf32(nf_act(p->norm.act, fmaf(x - c.x, c.y, c.z)));
}

/* Give what was taken to the product, and to whom it is kept for. */
static __device__ __forceinline__ void
give(const struct layer *p, const int nf, const enum before before,
    const float4 *column, uint32_t k0, const struct taken *r, float *a)
{
	uint32_t c = threadIdx.x % 4 * 4, k = k0 + c, q, i, row;
	float4 v;
	float *u;

#pragma unroll
	for (q = 0; q < 2; q++) {
		row = threadIdx.x / 4 + q * (NF_MMA_ROWS(nf) / 2);
		v.x = prepared(p, before, column, k, r->x[q].x, r->t[q].x);
		v.y = prepared(p, before, column, k + 1, r->x[q].y,
		    r->t[q].y);
		v.z = prepared(p, before, column, k + 2, r->x[q].z,
		    r->t[q].z);
		v.w = prepared(p, before, column, k + 3, r->x[q].w,
		    r->t[q].w);
		*(float4 *)(a + row * NF_MMA_LD + c) = before == NORM ? v :
		    make_float4(cuda_round_tf32(v.x), cuda_round_tf32(v.y),
		    cuda_round_tf32(v.z), cuda_round_tf32(v.w));
		i = blockIdx.x * NF_MMA_ROWS(nf) + row;
		if (p->u.x == NULL || blockIdx.y != 0 || i >= p->n ||
		    k >= p->k)
			continue;
		u = p->u.x + (size_t)i * p->u.ld + k;
		if (k + 4 <= p->k) {
			*(float4 *)u = v;
			continue;
		}
		u[0] = v.x;
		if (k + 1 < p->k)
			u[1] = v.y;
		if (k + 2 < p->k)
			u[2] = v.z;
	}
}

/* All steps: the rows of step s + 3 are asked for, those of s + 1 given, and
 * s is multiplied. */
static __device__ __forceinline__ void
multiply(const struct layer *p, const int nf, const int turned,
    const enum before before, float *shared, struct cuda_mma *m)
{
	float *a = shared + NF_MMA_STAGES * NF_MMA_STAGE(nf);
	float4 *column = (float4 *)(shared + NF_MMA_SHARED(nf));
	uint32_t nstep = (p->k + NF_MMA_STEP - 1) / NF_MMA_STEP, s, h, k;
	uint32_t j0 = blockIdx.y * 16 * (uint32_t)nf;
	struct taken r[2];

	for (s = 0; s < NF_MMA_STAGES - 1; s++)
		cuda_mma_fetch(&p->w, nf, j0, s * NF_MMA_STEP, shared +
		    s * NF_MMA_STAGE(nf));
	take(p, nf, before, 0, &r[0]);
	take(p, nf, before, NF_MMA_STEP, &r[1]);
	for (k = threadIdx.x; before != AS_IT_IS && k < p->k;
	    k += NF_MMA_THREADS(nf))
		column[k] = column_of(p, before, k);
	__syncthreads();
	give(p, nf, before, column, 0, &r[0], a);
	take(p, nf, before, 2 * NF_MMA_STEP, &r[0]);
	for (s = 0; s < nstep; s += 2)
#pragma unroll
		for (h = 0; h < 2; h++) {	/* r[.] stay registers */
			if (s + h >= nstep)
				break;
			NF_COPY_WAIT(NF_MMA_STAGES - 2);
			__syncthreads();
			cuda_mma_fetch(&p->w, nf, j0, (s + h +
			    NF_MMA_STAGES - 1) * NF_MMA_STEP, shared +
			    (s + h + NF_MMA_STAGES - 1) % NF_MMA_STAGES *
			    NF_MMA_STAGE(nf));
			give(p, nf, before, column, (s + h + 1) *
			    NF_MMA_STEP, &r[1 - h], a + (1 - h) *
			    NF_MMA_A(nf));
			take(p, nf, before, (s + h + 3) * NF_MMA_STEP,
			    &r[1 - h]);
			cuda_mma_step(nf, turned, a + h * NF_MMA_A(nf),
			    shared + (s + h) % NF_MMA_STAGES *
			    NF_MMA_STAGE(nf), m);
		}
	NF_COPY_WAIT(0);
	__syncthreads();
}

/* ---- what comes out --------------------------------------------------- */

/* Of the thread's columns those from number c on, wide of them: two
 * neighbours of four rows each. */
static __device__ __forceinline__ void
load_beside(const struct layer *p, const int nf, struct nf_mat x,
    const uint32_t c, const uint32_t wide, float2 (*t)[4])
{
	uint32_t k, r, i, j;

#pragma unroll
	for (k = 0; k < wide; k++)
#pragma unroll
		for (r = 0; r < 4; r++) {
			i = blockIdx.x * NF_MMA_ROWS(nf) +
			    cuda_mma_row(r / 2, r % 2);
			j = blockIdx.y * 16 * (uint32_t)nf +
			    cuda_mma_column(nf, c + k, 0);
			t[k][r].x = t[k][r].y = 0;
			if (i < p->n && j < p->nout)
				t[k][r] = *(const float2 *)(x.x +
				    (size_t)i * x.ld + j);
		}
}

/* The thread's number c of columns and r of rows, in the product's place. */
static __device__ __forceinline__ void
put_two(const struct layer *p, const int nf, struct nf_mat y, uint32_t c,
    uint32_t r, float a, float b)
{
	uint32_t i = blockIdx.x * NF_MMA_ROWS(nf) +
	    cuda_mma_row(r / 2, r % 2);
	uint32_t j = blockIdx.y * 16 * (uint32_t)nf +
	    cuda_mma_column(nf, c, 0);
	float *to = y.x + (size_t)i * y.ld + j;

	if (i >= p->n || j >= p->nout)
		return;
	if (j + 1 < p->nout && (uintptr_t)to % sizeof(float2) == 0) {
		*(float2 *)to = make_float2(a, b);
		return;
	}
	to[0] = a;
	if (j + 1 < p->nout)
		to[1] = b;
}

/* The sum over the warp's lanes that have the same columns. */
static __device__ __forceinline__ float
sum_rows(float x)
{
	x += __shfl_xor_sync(0xffffffff, x, 4);
	x += __shfl_xor_sync(0xffffffff, x, 8);
	return x + __shfl_xor_sync(0xffffffff, x, 16);
}

/* Sums are of NF_TILE_ROWS rows, those of 4 warps: the second such tile of a
 * tall one is its other warps'.  Which tile, and its rows that are real. */
static __device__ __forceinline__ uint32_t
tile_of_sums(const struct layer *p, const int nf, uint32_t *nrow)
{
	uint32_t tile = NF_MMA_TALL(nf) ? 2 * blockIdx.x + threadIdx.x / 128 :
	    blockIdx.x;
	uint32_t left = p->n - tile * NF_TILE_ROWS;

	*nrow = tile * NF_TILE_ROWS >= p->n ? 0 :
	    left < NF_TILE_ROWS ? left : NF_TILE_ROWS;
	return tile;
}

/* Room for 4 floats a column of each such tile, shared. */
static __device__ __forceinline__ float *
room_of_sums(const int nf, float *shared)
{
	return shared + (NF_MMA_TALL(nf) ? threadIdx.x / 128 * 64 *
	    (uint32_t)nf : 0);
}

/* The tile's two sums, whose halves stand in its room, to p->part. */
static __device__ __forceinline__ void
put_sums(const struct layer *p, const int nf, const float *work)
{
	uint32_t nj = 16 * (uint32_t)nf, nrow, tile, j;
	float *part;

	tile = tile_of_sums(p, nf, &nrow);
	if (nrow == 0)
		return;
	part = p->part + 2 * ((size_t)tile * p->nout + blockIdx.y * nj);
	for (j = threadIdx.x % 128; j < nj && blockIdx.y * nj + j < p->nout;
	    j += 128) {
		part[2 * j] = work[j] + work[nj + j];
		part[2 * j + 1] = work[2 * nj + j] + work[3 * nj + j];
	}
}

/*
 * The sums over all tiles of the column that is returned, by 4 warps for 5 nf
 * columns at most; nout is none.  All threads must come.
 */
static __device__ __forceinline__ uint32_t
merge(const struct layer *p, const int nf, enum cuda_sums kind,
    float *shared, double *sum, double *about)
{
	uint32_t group = NF_MMA_TALL(nf) ? threadIdx.x / 128 : 0;
	uint32_t nj = NF_MMA_TALL(nf) ? 8 * (uint32_t)nf : 16 * (uint32_t)nf;
	uint32_t j0 = blockIdx.y * 16 * (uint32_t)nf + group * nj;
	double *work = (double *)shared + group * 8 * nj;

	nj = j0 >= p->nout ? 0 : p->nout - j0 < nj ? p->nout - j0 : nj;
	cuda_merge_tiles(kind, p->n, p->nout, j0, nj, 128, p->part, work, sum,
	    about);
	return threadIdx.x % 128 < nj ? j0 + threadIdx.x % 128 : p->nout;
}

#endif
