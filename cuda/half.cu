/* CUDA: the precision of products, and operands in it. */
#include <cuda_bf16.h>

#include "round.cuh"

#define NTHREAD		256

/*
 * What is exact stays so, and so does what has few inputs or outputs: it
 * costs nothing there.
 */
enum nf_precision
cuda_precision(const struct nf_cuda *c, const struct nf_linear *l)
{
	return l->exact || l->nin < NF_CUDA_EXACT ||
	    l->nout < NF_CUDA_EXACT ? NF_FP32 :
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

static __global__ void
to_tf32(uint32_t n, struct nf_mat x, float *y, uint32_t pitch)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t all = (size_t)n * pitch, step = gridDim.x * (size_t)blockDim.x;
	uint32_t j;

	for (; k < all; k += step) {
		j = (uint32_t)(k % pitch);
		y[k] = j < x.ncol ?
		    cuda_round_tf32(x.x[k / pitch * x.ld + j]) : 0;
	}
}

const void *
cuda_operand(struct nf_cuda *c, enum cuda_use use, uint32_t n,
    struct nf_mat x, enum nf_precision precision, size_t *ld)
{
	uint32_t pitch = (x.ncol + 15) / 16 * 16;
	size_t size = precision == NF_BF16 ? 2 : 4, all = (size_t)n * pitch;
	unsigned nblock = cuda_blocks(all, NTHREAD, (size_t)c->nsm * 16);
	cudaStream_t s;
	void *p;

	*ld = x.ld;
	if (precision == NF_FP32 || use == CUDA_NUSE)
		return x.x;
	p = cuda_scratch(c, use, all * size);
	*ld = pitch;
	if (p == NULL)
		return NULL;
	s = cuda_writing(c, p, all * size);
	if (precision == NF_BF16)
		NF_LAUNCH(to_half, nblock, NTHREAD, 0, s)(n, x,
		    (__nv_bfloat16 *)p, pitch);
	else
		NF_LAUNCH(to_tf32, nblock, NTHREAD, 0, s)(n, x, (float *)p,
		    pitch);
	cuda_launched(c, "operand");
	return p;
}
