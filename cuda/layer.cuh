/*
 * A product by the matrix units with what a residual block wants done before
 * and after it: a norm and its activation are applied to rows on their way in,
 * and the statistics that the next norm takes are summed on the way out.
 */
#ifndef NF_LAYER_CUH
#define NF_LAYER_CUH

#include "fastmath.h"
#include "mma.cuh"
#include "moments.cuh"

/* What is done to rows on their way into a product. */
enum before { NORM, AS_IT_IS, NORM_GRAD };
/* And to what comes out. */
enum after { NOTHING, STATISTICS, ACT_GRAD };

/* A product: y = op(x) w^T + bias, all of n rows and k columns or nout. */
struct layer {
	uint32_t n, k, nout;
	struct nf_mat x, y;
	struct cuda_weights w;
	const float *bias;
	struct nf_norm norm;		/* before */
	enum nf_norm_mode mode;
	struct norm_grad from;		/* before, of NORM_GRAD */
	struct nf_mat u;		/* op(x), if it is kept; else NULL */
	struct nf_norm next;		/* after */
	struct norm_grad to;		/* after, of ACT_GRAD */
	float *part;
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
take(const struct layer *p, const enum before before, uint32_t k0,
    struct taken *r)
{
	uint32_t k = k0 + threadIdx.x % 4 * 4, q, i;

#pragma unroll
	for (q = 0; q < 2; q++) {
		i = blockIdx.x * NF_MMA_ROWS + threadIdx.x / 4 + 32 * q;
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
	return cuda_round_tf32(nf_act(p->norm.act, (x - c.x) * c.y + c.z));
}

/* Give what was taken to the product, and to whom it is kept for. */
static __device__ __forceinline__ void
give(const struct layer *p, const enum before before, const float4 *column,
    uint32_t k0, const struct taken *r, float *a)
{
	uint32_t c = threadIdx.x % 4 * 4, k = k0 + c, q, i, row;
	float4 v;
	float *u;

#pragma unroll
	for (q = 0; q < 2; q++) {
		row = threadIdx.x / 4 + 32 * q;
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
		i = blockIdx.x * NF_MMA_ROWS + row;
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
    const enum before before, float4 *column, float *shared, struct cuda_mma *m)
{
	float *a = shared + NF_MMA_STAGES * NF_MMA_STAGE;
	uint32_t nstep = (p->k + NF_MMA_STEP - 1) / NF_MMA_STEP, s, h, k;
	uint32_t j0 = blockIdx.y * 16 * (uint32_t)nf;
	struct taken r[2];

	for (s = 0; s < NF_MMA_STAGES - 1; s++)
		cuda_mma_fetch(&p->w, nf, j0, s * NF_MMA_STEP, shared +
		    s * NF_MMA_STAGE);
	take(p, before, 0, &r[0]);
	take(p, before, NF_MMA_STEP, &r[1]);
	for (k = threadIdx.x; before != AS_IT_IS && k < p->k;
	    k += NF_MMA_THREADS)
		column[k] = column_of(p, before, k);
	__syncthreads();
	give(p, before, column, 0, &r[0], a);
	take(p, before, 2 * NF_MMA_STEP, &r[0]);
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
			    NF_MMA_STAGE);
			give(p, before, column, (s + h + 1) * NF_MMA_STEP,
			    &r[1 - h], a + (1 - h) * NF_MMA_A);
			take(p, before, (s + h + 3) * NF_MMA_STEP,
			    &r[1 - h]);
			cuda_mma_step(nf, turned, a + h * NF_MMA_A, shared +
			    (s + h) % NF_MMA_STAGES * NF_MMA_STAGE, m);
		}
	NF_COPY_WAIT(0);
	__syncthreads();
}

/* ---- forward ---------------------------------------------------------- */

/* Add the bias and store. */
static __device__ __forceinline__ void
put(const struct layer *p, const int nf, struct cuda_mma *m)
{
	uint32_t c, q, f, h, j, i;
	float b;

#pragma unroll
	for (c = 0; c < (uint32_t)nf; c++)
#pragma unroll
		for (q = 0; q < 2; q++) {
			j = blockIdx.y * 16 * (uint32_t)nf +
			    cuda_mma_column(nf, c, q);
			b = j < p->nout ? p->bias[j] : 0;
#pragma unroll
			for (f = 0; f < 2; f++)
#pragma unroll
				for (h = 0; h < 2; h++) {
					m->d[f][c][2 * h + q] += b;
					i = blockIdx.x * NF_MMA_ROWS +
					    cuda_mma_row(f, h);
					if (i < p->n && j < p->nout)
						p->y.x[(size_t)i * p->y.ld +
						    j] = m->d[f][c][2 * h +
						    q];
				}
		}
}

/* The sum over the warp's lanes that have the same columns. */
static __device__ __forceinline__ float
sum_rows(float x)
{
	x += __shfl_xor_sync(0xffffffff, x, 4);
	x += __shfl_xor_sync(0xffffffff, x, 8);
	return x + __shfl_xor_sync(0xffffffff, x, 16);
}

/*
 * The tile's sums of values, and of squares about their mean, of each column;
 * work: 2 floats a column and pass, shared.
 */
static __device__ __forceinline__ void
tile_moments(const struct layer *p, const int nf, const struct cuda_mma *m,
    float *work)
{
	uint32_t i0 = blockIdx.x * NF_MMA_ROWS, nrow = p->n - i0, c, q, f, h;
	uint32_t pass, j, nj = 16 * (uint32_t)nf;
	float s, v, mean;

	nrow = nrow < NF_MMA_ROWS ? nrow : NF_MMA_ROWS;
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
				for (f = 0; f < 2; f++)
#pragma unroll
					for (h = 0; h < 2; h++) {
						v = m->d[f][c][2 * h + q] -
						    mean;
						v = pass == 0 ? v : v * v;
						s += cuda_mma_row(f, h) <
						    nrow ? v : 0;
					}
				s = sum_rows(s);
				if (threadIdx.x % 32 < 4)
					work[(2 * pass + threadIdx.x / 64) *
					    nj + j] = s;
			}
		__syncthreads();
	}
	j = threadIdx.x;
	if (j >= nj || blockIdx.y * nj + j >= p->nout)
		return;
	p->part[((size_t)blockIdx.x * p->nout + blockIdx.y * nj + j) * 2] =
	    work[j] + work[nj + j];
	p->part[((size_t)blockIdx.x * p->nout + blockIdx.y * nj + j) * 2 +
	    1] = work[2 * nj + j] + work[3 * nj + j];
}

/* ---- backward --------------------------------------------------------- */

/* What the thread's values multiply: two columns of four rows each. */
static __device__ __forceinline__ void
load_taken(const struct layer *p, const int nf, float2 (*t)[4])
{
	uint32_t c, r, i, j;

#pragma unroll
	for (c = 0; c < (uint32_t)nf; c++)
#pragma unroll
		for (r = 0; r < 4; r++) {
			i = blockIdx.x * NF_MMA_ROWS +
			    cuda_mma_row(r / 2, r % 2);
			j = blockIdx.y * 16 * (uint32_t)nf +
			    cuda_mma_column(nf, c, 0);
			t[c][r].x = t[c][r].y = 0;
			if (i < p->n && j < p->nout)
				t[c][r] = *(const float2 *)(p->to.t.x +
				    (size_t)i * p->to.t.ld + j);
		}
}

/*
 * From the gradient of what an activation left to that of what it took,
 * stored, and the tile's sums of that and of it times the normalised; work: 4
 * floats a column, shared.
 */
static __device__ __forceinline__ void
put_grad(const struct layer *p, const int nf, const struct cuda_mma *m,
    float *work)
{
	const struct nf_norm *o = &p->to.norm;
	uint32_t nj = 16 * (uint32_t)nf, c, q, r, i, j, k;
	float2 t[5][4];
	size_t at;
	float x, e, a, b, mean, scale, bias, invstd;

	load_taken(p, nf, t);
#pragma unroll
	for (c = 0; c < (uint32_t)nf; c++)
#pragma unroll
		for (q = 0; q < 2; q++) {
			k = cuda_mma_column(nf, c, q);
			j = blockIdx.y * nj + k;
			mean = bias = invstd = a = b = 0;
			scale = 1;
			if (o->weight != NULL && j < p->nout) {
				mean = o->mean[j];
				invstd = o->invstd[j];
				scale = o->weight[j] * invstd;
				bias = o->bias[j];
			}
#pragma unroll
			for (r = 0; r < 4; r++) {
				i = blockIdx.x * NF_MMA_ROWS +
				    cuda_mma_row(r / 2, r % 2);
				x = (q == 0 ? t[c][r].x : t[c][r].y) - mean;
				e = m->d[r / 2][c][2 * (r % 2) + q] *
				    nf_act_slope(o->act, x * scale + bias);
				if (i >= p->n || j >= p->nout)
					continue;
				p->y.x[(size_t)i * p->y.ld + j] = e;
				a += e;
				b += e * (x * invstd);
			}
			a = sum_rows(a);
			b = sum_rows(b);
			if (threadIdx.x % 32 < 4) {
				work[threadIdx.x / 64 * nj + k] = a;
				work[(2 + threadIdx.x / 64) * nj + k] = b;
			}
		}
	__syncthreads();
	j = threadIdx.x;
	if (p->part == NULL || j >= nj || blockIdx.y * nj + j >= p->nout)
		return;
	at = 2 * ((size_t)blockIdx.x * p->nout + blockIdx.y * nj + j);
	p->part[at] = work[j] + work[nj + j];
	p->part[at + 1] = work[2 * nj + j] + work[3 * nj + j];
}

#endif
