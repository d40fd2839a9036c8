/*
 * The context gate and the residual sum at the end of a block's second
 * product: what gate.cu does with a launch of its own, each sum in the same
 * order.
 */
#ifndef NF_GATE_CUH
#define NF_GATE_CUH

#include "layer.cuh"

#define CHUNK		32		/* context columns at a time */

/* Columns c0 .. c0 + nc of the context, rows CHUNK + 1 apart, behind as many
 * of the gate's weights, the tile's columns of each side by side. */
static __device__ __forceinline__ void
fetch_context(const struct layer *p, const int nf, uint32_t c0, uint32_t nc,
    float *shared)
{
	const uint32_t nj = 16 * (uint32_t)nf;
	float *rows = shared + CHUNK * nj;
	uint32_t k, i, j;

	for (k = threadIdx.x; k < nc * nj; k += NF_MMA_THREADS(nf)) {
		j = blockIdx.y * nj + k % nj;
		shared[k] = j < p->nout ? p->gate.w[(size_t)j *
		    p->context.ncol + c0 + k / nj] : 0;
	}
	for (k = threadIdx.x; k < NF_MMA_ROWS(nf) * nc;
	    k += NF_MMA_THREADS(nf)) {
		i = blockIdx.x * NF_MMA_ROWS(nf) + k / nc;
		rows[k / nc * (CHUNK + 1) + k % nc] = i < p->n ?
		    p->context.x[(size_t)i * p->context.ld + c0 + k % nc] : 0;
	}
}

/* acc += the gate's product for the thread's columns from number c on, wide
 * of them. */
static __device__ __forceinline__ void
gate_product(const struct layer *p, const int nf, const uint32_t c,
    const uint32_t wide, float *shared, float2 (*acc)[4])
{
	uint32_t C = p->context.ncol, c0, nc, k, q, r;
	float *rows = shared + CHUNK * 16 * (uint32_t)nf, x[4];
	float2 w;

	for (c0 = 0; c0 < C; c0 += CHUNK) {
		nc = C - c0 < CHUNK ? C - c0 : CHUNK;
		if (c == 0 || C > CHUNK) {	/* else they are there */
			fetch_context(p, nf, c0, nc, shared);
			__syncthreads();
		}
		for (k = 0; k < nc; k++) {
#pragma unroll
			for (r = 0; r < 4; r++)
				x[r] = rows[cuda_mma_row(r / 2, r % 2) *
				    (CHUNK + 1) + k];
#pragma unroll
			for (q = 0; q < wide; q++) {
				w = *(const float2 *)(shared + k * 16 * nf +
				    cuda_mma_column(nf, c + q, 0));
#pragma unroll
				for (r = 0; r < 4; r++) {
					acc[q][r].x = fmaf(x[r], w.x,
					    acc[q][r].x);
					acc[q][r].y = fmaf(x[r], w.y,
					    acc[q][r].y);
				}
			}
		}
		__syncthreads();
	}
}

/* The block's result, where its second product was: stored, too.  Tall tiles
 * take half of their columns at a time: registers. */
static __device__ __forceinline__ void
put_gate(const struct layer *p, const int nf, float *shared,
    struct cuda_mma *m)
{
	const uint32_t wide = NF_MMA_TALL(nf) ? nf / 2 : nf;
	uint32_t c0, c, r, j, gated = p->context.ncol > 0;
	float a, b, *d;

#pragma unroll
	for (c0 = 0; c0 < (uint32_t)nf; c0 += wide) {
		float2 t[5][4], acc[5][4] = { { { 0, 0 } } };

		load_beside(p, nf, p->t, c0, wide, t);
		gate_product(p, nf, c0, wide, shared, acc);
#pragma unroll
		for (c = 0; c < wide; c++) {
			j = blockIdx.y * 16 * (uint32_t)nf +
			    cuda_mma_column(nf, c0 + c, 0);
			a = gated && j < p->nout ? p->gate.b[j] : 0;
			b = gated && j + 1 < p->nout ? p->gate.b[j + 1] : 0;
#pragma unroll
			for (r = 0; r < 4; r++) {
				d = m->d[r / 2][c0 + c] + 2 * (r % 2);
				d[0] = fmaf(d[0], gated ? nf_sigmoid(
				    acc[c][r].x + a) : 1, t[c][r].x);
				d[1] = fmaf(d[1], gated ? nf_sigmoid(
				    acc[c][r].y + b) : 1, t[c][r].y);
				put_two(p, nf, p->to, c0 + c, r, d[0], d[1]);
			}
		}
	}
}

#endif
