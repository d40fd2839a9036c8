/* Sums over a launch, in an order that depends on its size alone. */
#ifndef NF_BLOCK_CUH
#define NF_BLOCK_CUH

#include "cuda.cuh"

/* The sum of x over the block, to all its threads; all must come. */
static __device__ inline double
cuda_block_sum(double x)
{
	__shared__ double part[32];
	unsigned warp = threadIdx.x / 32, m;
	double sum = 0;

	for (m = 16; m > 0; m /= 2)
		x += __shfl_xor_sync(0xffffffff, x, m);
	__syncthreads();		/* of a sum before */
	if (threadIdx.x % 32 == 0)
		part[warp] = x;
	__syncthreads();
	for (m = 0; m < blockDim.x / 32; m++)
		sum += part[m];
	return sum;
}

/*
 * Is this the last block of the launch to come here?  Then it sees what the
 * others wrote before they came.  All threads must come; the ticket is 0 at
 * first and at the end.
 */
static __device__ inline int
cuda_last_block(uint32_t *ticket)
{
	__shared__ int last;

	__syncthreads();
	if (threadIdx.x == 0) {
		__threadfence();	/* after what the barrier ended */
		last = atomicAdd(ticket, 1u) == gridDim.x - 1;
		__threadfence();	/* before what follows the next */
		if (last)
			atomicExch(ticket, 0u);
	}
	__syncthreads();
	return last;
}

/* Sum n numbers that other blocks wrote, by all threads of this one. */
static __device__ inline double
cuda_sum_parts(const double *part, unsigned n, unsigned step)
{
	const volatile double *p = part;
	double sum = 0;
	unsigned i;

	for (i = threadIdx.x; i < n; i += blockDim.x)
		sum += p[(size_t)i * step];
	return cuda_block_sum(sum);
}

#endif
