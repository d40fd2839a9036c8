/*
 * Products by the matrix units, in TF32, for what goes on before and after
 * them in the same launch.  A block of 4 warps makes 64 rows by 16 nf columns,
 * nf at most 5, and one of 8 warps, which is called tall, 128 rows, nf at most
 * 10; a warp makes 32 rows by half the columns, and each sum in the same order
 * in any of them.  Weights come to shared memory while what came before is
 * multiplied; the rows pass through registers on their way there, where they
 * are what a caller makes of them.
 */
#ifndef NF_MMA_CUH
#define NF_MMA_CUH

#include "round.cuh"

#ifndef NF_MMA_TF32
/* d += a b, 16 x 8, inner size 8, of a warp; what the lanes hold of each is
 * told by "Matrix Fragments for mma.m16n8k8" of NVIDIA's PTX manual. */
#define NF_MMA_TF32(d, a, b) \
	asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 " \
	    "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
	    : "+f"((d)[0]), "+f"((d)[1]), "+f"((d)[2]), "+f"((d)[3]) \
	    : "r"(__float_as_uint((a)[0])), "r"(__float_as_uint((a)[1])), \
	    "r"(__float_as_uint((a)[2])), "r"(__float_as_uint((a)[3])), \
	    "r"(__float_as_uint((b)[0])), "r"(__float_as_uint((b)[1])))
/* Begin to copy 16 bytes to shared memory, zeros unless `real`; end a group
 * of copies; wait for all but the last n groups of this thread. */
#define NF_COPY_16(to, from, real) \
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: \
	    "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), \
	    "r"((real) ? 16 : 0) : "memory")
#define NF_COPY_GROUP()	asm volatile("cp.async.commit_group;" ::: "memory")
#define NF_COPY_WAIT(n) \
	asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")
#endif

#define NF_MMA_MOST	10		/* nf */
#define NF_MMA_TALL(nf)	((nf) > 5)
#define NF_MMA_ROWS(nf)	(NF_MMA_TALL(nf) ? 128u : 64u)
#define NF_MMA_THREADS(nf) (2 * NF_MMA_ROWS(nf))
#define NF_MMA_STEP	16		/* inner size at a time */
#define NF_MMA_STAGES	4		/* of weights, on their way */
#define NF_MMA_LD	20		/* of shared rows of a step: no bank
					 * is asked for twice */
#define NF_MMA_STAGE(nf) (16 * (nf) * NF_MMA_LD) /* weights of a stage */
#define NF_MMA_A(nf)	(NF_MMA_ROWS(nf) * NF_MMA_LD)
#define NF_MMA_SHARED(nf) (NF_MMA_STAGES * NF_MMA_STAGE(nf) + \
	2 * NF_MMA_A(nf))

/* Weights [nrow][pitch], rows aligned and filled up with zeros, as cuda_pack
 * leaves them; turned: their rows go along the inner size. */
struct cuda_weights {
	const float *w;
	size_t pitch;
	uint32_t nrow;
	int turned;
};

/* What a thread has of a product. */
struct cuda_mma {
	float d[2][NF_MMA_MOST][4];
};

/* Begin to copy the weights of columns j0 on, step at k0. */
static __device__ __forceinline__ void
cuda_mma_fetch(const struct cuda_weights *w, const int nf, uint32_t j0,
    uint32_t k0, float *to)
{
	const uint32_t wide = 4 * (uint32_t)nf;	/* pieces of 16 bytes */
	uint32_t e, i, j, real;

	for (e = threadIdx.x; e < 4 * wide * 4; e += NF_MMA_THREADS(nf)) {
		if (w->turned) {
			i = k0 + e / wide;
			j = j0 + e % wide * 4;
			real = i < w->nrow && j < w->pitch;
			NF_COPY_16(to + e / wide * (4 * wide + 8) +
			    e % wide * 4, real ? w->w + i * w->pitch + j :
			    w->w, real);
		} else {
			i = j0 + e / 4;
			j = k0 + e % 4 * 4;
			real = i < w->nrow && j < w->pitch;
			NF_COPY_16(to + e / 4 * NF_MMA_LD + e % 4 * 4,
			    real ? w->w + i * w->pitch + j : w->w, real);
		}
	}
	NF_COPY_GROUP();
}

/* One step: d += a b, both in shared memory. */
static __device__ __forceinline__ void
cuda_mma_step(const int nf, const int turned, const float *a, const float *b,
    struct cuda_mma *m)
{
	uint32_t g = threadIdx.x % 32 / 4, t = threadIdx.x % 4, k, f, r, c;
	uint32_t warp = threadIdx.x / 32, column = warp % 2 * 8 * nf + g;
	float x[2][4], y[2];

#pragma unroll
	for (k = t; k < t + NF_MMA_STEP; k += 8) {
#pragma unroll
		for (f = 0; f < 2; f++) {
			r = (warp / 2 * 32 + f * 16 + g) * NF_MMA_LD + k;
			x[f][0] = a[r];
			x[f][1] = a[r + 8 * NF_MMA_LD];
			x[f][2] = a[r + 4];
			x[f][3] = a[r + 8 * NF_MMA_LD + 4];
		}
#pragma unroll
		for (c = 0; c < (uint32_t)nf; c++) {
			r = column + 8 * c;
			y[0] = turned ? b[k * (16 * nf + 8) + r] :
			    b[r * NF_MMA_LD + k];
			y[1] = turned ? b[(k + 4) * (16 * nf + 8) + r] :
			    b[r * NF_MMA_LD + k + 4];
			NF_MMA_TF32(m->d[0][c], x[0], y);
			NF_MMA_TF32(m->d[1][c], x[1], y);
		}
	}
}

/* Row, in the block, of d[f][.][2 h + .]; column of d[.][c][. + q]. */
static __device__ __forceinline__ uint32_t
cuda_mma_row(uint32_t f, uint32_t h)
{
	return threadIdx.x / 64 * 32 + f * 16 + h * 8 + threadIdx.x % 32 / 4;
}

static __device__ __forceinline__ uint32_t
cuda_mma_column(const int nf, uint32_t c, uint32_t q)
{
	return threadIdx.x / 32 % 2 * 8 * nf + c * 8 + threadIdx.x % 4 * 2 +
	    q;
}

#endif
