/*
 * Operands of TF32 products.  Matrix units cut what they have no bits for:
 * all errors then have one sign, and add up through a flow.  So what goes
 * into a product is rounded to nearest before, where it is written.
 */
#ifndef NF_ROUND_CUH
#define NF_ROUND_CUH

#include <string.h>

#include "cuda.cuh"

/* To 10 bits behind the point. */
static __device__ inline float
cuda_round_tf32(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	if ((u & 0x7f800000) != 0x7f800000)
		u = (u + 0xfff + (u >> 13 & 1)) & 0xffffe000;
	memcpy(&x, &u, sizeof(x));
	return x;
}

/* Are rows of so many columns operands of TF32 products alone? */
static inline int
cuda_rounds(const struct nf_cuda *c, uint32_t ncol)
{
	return c->root->dev.precision == NF_TF32 && ncol >= NF_CUDA_EXACT;
}

#endif
