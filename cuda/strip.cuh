/*
 * Sums over all rows of a matrix, a strip of NF_STRIP columns a block: 32
 * bytes of a row are what memory hands out at once.  Threads are NF_STRIP
 * columns by blockDim.x / NF_STRIP rows.
 */
#ifndef NF_STRIP_CUH
#define NF_STRIP_CUH

#include "cuda.cuh"

#define NF_STRIP	8
#define NF_STRIP_ROWS	128		/* at most */
#define NF_STRIP_THREADS (NF_STRIP * NF_STRIP_ROWS)	/* registers! */
#define NF_STRIP_SHORT	16		/* rows summed in float */
#define NF_STRIP_AHEAD	4		/* divides it: loads under way */

/* Threads for n rows: few rows need few. */
static inline unsigned
cuda_strip_threads(uint32_t n)
{
	uint32_t rows = (n + 3) / 4 * 4;

	return NF_STRIP * (rows < 4 ? 4 : rows < NF_STRIP_ROWS ? rows :
	    NF_STRIP_ROWS);
}

static inline unsigned
cuda_strips(uint32_t ncol)
{
	return (ncol + NF_STRIP - 1) / NF_STRIP;
}

/*
 * Column j of rows i, i + step, ..: NF_STRIP_AHEAD at a time, 0 beyond n.
 * They are all asked for before the first is used, and before anything is
 * stored that they might be.
 */
static __device__ inline void
cuda_strip_load(struct nf_mat m, uint32_t n, uint32_t i, uint32_t step,
    uint32_t j, float *v)
{
	int k;

#pragma unroll
	for (k = 0; k < NF_STRIP_AHEAD; k++, i += step)
		v[k] = i < n ? m.x[(size_t)i * m.ld + j] : 0;
}

/*
 * Every thread's sum[0..nsum) becomes the sum over the threads of its
 * column, in an order of its own.  work: 32 x NF_STRIP doubles, shared.
 * All threads of the block must come.
 */
static __device__ inline void
cuda_strip_sum(double *sum, int nsum, double (*work)[NF_STRIP])
{
	unsigned warp = threadIdx.x / 32, nwarp = blockDim.x / 32, w;
	unsigned lane = threadIdx.x % 32, col = threadIdx.x % NF_STRIP;
	double s;
	int k;

	for (k = 0; k < nsum; k++) {
		s = sum[k];
		s += __shfl_xor_sync(0xffffffff, s, 8);
		s += __shfl_xor_sync(0xffffffff, s, 16);
		if (lane < NF_STRIP)
			work[warp][lane] = s;
		__syncthreads();
		s = 0;
		for (w = 0; w < nwarp; w++)
			s += work[w][col];
		sum[k] = s;
		__syncthreads();
	}
}

#endif
