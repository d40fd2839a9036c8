/* CUDA: the precision of products, and operands in it. */
#include <cuda_bf16.h>

#include "cuda.cuh"

#define NTHREAD		256

/*
 * What is exact stays so, and so does what has few inputs or outputs: it
 * costs nothing there.
 */
enum nf_precision
cuda_precision(const struct nf_cuda *c, const struct nf_linear *l)
{
	return l->exact || l->nin < 64 || l->nout < 64 ? NF_FP32 :
	    c->root->dev.precision;
}

static __global__ void
to_half(uint32_t n, struct nf_mat x, __nv_bfloat16 *y, uint32_t pitch)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t all = (size_t)n * pitch, step = gridDim.x * (size_t)blockDim.x;
	uint32_t j;

	for (; k < all; k += step) {
		j = (uint32_t)(k % pitch);
		y[k] = __float2bfloat16_rn(j < x.ncol ?
		    x.x[k / pitch * x.ld + j] : 0);
	}
}

const void *
cuda_operand(struct nf_cuda *c, enum cuda_use use, uint32_t n,
    struct nf_mat x, enum nf_precision precision, size_t *ld)
{
	uint32_t pitch = (x.ncol + 15) / 16 * 16;
	size_t nbyte = (size_t)n * pitch * sizeof(__nv_bfloat16);
	__nv_bfloat16 *half;

	*ld = x.ld;
	if (precision != NF_BF16)
		return x.x;
	half = (__nv_bfloat16 *)cuda_scratch(c, use, nbyte);
	*ld = pitch;
	if (half == NULL)
		return NULL;
	NF_LAUNCH(to_half, cuda_blocks(nbyte / 2, NTHREAD, (size_t)c->nsm * 16),
	    NTHREAD, 0, cuda_writing(c, half, nbyte))(n, x, half, pitch);
	cuda_launched(c, "bf16");
	return half;
}
