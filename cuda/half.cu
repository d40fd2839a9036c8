/* CUDA: the precision of products, and operands in it. */
#include <cuda_bf16.h>

#include "round.cuh"

#define NTHREAD		256		/* 32 times four columns x 8 rows */
#define NROW		4		/* rows of a thread */
#define TILE		(NROW * NTHREAD / 32)

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

/* Columns j to j + 3 of row i, 0 where there is none; wide: rows begin at
 * multiples of 16 bytes. */
static __device__ float4
four(struct nf_mat x, uint32_t n, uint32_t i, uint32_t j, int wide)
{
	float4 v = make_float4(0, 0, 0, 0);
	const float *from = x.x + (size_t)i * x.ld + j;

	if (i >= n)
		return v;
	if (wide && j + 4 <= x.ncol)
		return *(const float4 *)from;
	v.x = j < x.ncol ? from[0] : 0;
	v.y = j + 1 < x.ncol ? from[1] : 0;
	v.z = j + 2 < x.ncol ? from[2] : 0;
	v.w = j + 3 < x.ncol ? from[3] : 0;
	return v;
}

/* Four numbers, as they are stored at a time. */
struct __align__(8) halves {
	__nv_bfloat16 x, y, z, w;
};

/* A thread takes four columns of NROW rows, all asked for before the first
 * is used. */
static __global__ void
to_half(uint32_t n, struct nf_mat x, __nv_bfloat16 *y, uint32_t pitch,
    int wide)
{
	uint32_t j = (blockIdx.y * 32 + threadIdx.x % 32) * 4, k;
	uint32_t i = blockIdx.x * TILE + threadIdx.x / 32;
	struct halves h;
	float4 v[NROW];

	if (j >= pitch)
		return;
#pragma unroll
	for (k = 0; k < NROW; k++)
		v[k] = four(x, n, i + 8 * k, j, wide);
#pragma unroll
	for (k = 0; k < NROW; k++, i += 8) {
		if (i >= n)
			return;
		h.x = __float2bfloat16_rn(v[k].x);
		h.y = __float2bfloat16_rn(v[k].y);
		h.z = __float2bfloat16_rn(v[k].z);
		h.w = __float2bfloat16_rn(v[k].w);
		*(struct halves *)(y + (size_t)i * pitch + j) = h;
	}
}

static __global__ void
to_tf32(uint32_t n, struct nf_mat x, float *y, uint32_t pitch, int wide)
{
	uint32_t j = (blockIdx.y * 32 + threadIdx.x % 32) * 4, k;
	uint32_t i = blockIdx.x * TILE + threadIdx.x / 32;
	float4 v[NROW];

	if (j >= pitch)
		return;
#pragma unroll
	for (k = 0; k < NROW; k++)
		v[k] = four(x, n, i + 8 * k, j, wide);
#pragma unroll
	for (k = 0; k < NROW; k++, i += 8) {
		if (i >= n)
			return;
		*(float4 *)(y + (size_t)i * pitch + j) = make_float4(
		    cuda_round_tf32(v[k].x), cuda_round_tf32(v[k].y),
		    cuda_round_tf32(v[k].z), cuda_round_tf32(v[k].w));
	}
}

const void *
cuda_operand(struct nf_cuda *c, enum cuda_use use, uint32_t n,
    struct nf_mat x, enum nf_precision precision, size_t *ld)
{
	uint32_t pitch = (x.ncol + 15) / 16 * 16;
	size_t size = precision == NF_BF16 ? 2 : 4, all = (size_t)n * pitch;
	dim3 grid(cuda_blocks(n, TILE, 0x7fffffff), (pitch + 127) / 128);
	int wide = x.ld % 4 == 0 && (uintptr_t)x.x % 16 == 0;
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
		NF_LAUNCH(to_half, grid, NTHREAD, 0, s)(n, x,
		    (__nv_bfloat16 *)p, pitch, wide);
	else
		NF_LAUNCH(to_tf32, grid, NTHREAD, 0, s)(n, x, (float *)p,
		    pitch, wide);
	cuda_launched(c, "operand");
	return p;
}
