/*
 * What the two halves of the GPU's splines share.
 *
 * Logits of widths and heights come from a product, a group of columns a
 * feature; the derivative logits are not made, for a value needs two of
 * bins - 1, which are dot products.  A chunk of rows goes through product
 * and spline while its logits are in the second-level cache.
 *
 * LANES threads take a value, so that a warp's steps over its lanes serve
 * four; lane l holds the bins from l * E on, E a multiple of 4.  A scan of the
 * lanes' sums finds whose the bin is, and one over parts of that lane's bins
 * which.  Then a thread takes a value, for the double arithmetic of its bin.
 */
#ifndef NF_CUDA_SPLINE_CUH
#define NF_CUDA_SPLINE_CUH

#include <float.h>

#include "cuda.cuh"
#include "fastmath.h"
#include "spline.h"

#define NTHREAD		256		/* 8 warps */
#define LANES		8		/* of a value: divides 32 */
#define GROUP		(NTHREAD / LANES)	/* values of a block at a time;
						 * a thread takes one */

/* One value's spline, for its gradient. */
struct cuda_kept {
	struct nf_bin bin;
	double v;			/* the argument */
	double inv[2];			/* 1 / sum of exponentials */
	double before[2], size[2];	/* probability before the bin, of it */
	double slope[2];		/* of softplus */
	float top[2];			/* the greatest logit */
	int32_t k;			/* -1: outside the box */
};

/* Columns of a value with its derivatives; of widths and heights alone. */
static inline uint32_t
cuda_filled(const struct nf_spline *s)
{
	return (3 * s->bins + 2) / 4 * 4;
}

/*
 * Exponentials of a softmax, 2^x with x = logit_scale / ln 2 times how far a
 * logit is below the greatest: the unit for them is good to 2^-22, and below
 * 2^-126 they are 0.  Forward and gradient must take the same.
 */
static __device__ inline float
cuda_exp2(float x)
{
#ifdef __CUDA_ARCH__
	float y;

	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
#else
	return exp2f(x);
#endif
}

static __host__ __device__ inline float
cuda_logit_scale(const struct nf_spline *s)
{
	return (float)(s->logit_scale * 1.4426950408889634);
}

/* keep: logits [n][nt][filled], then cuda_kept [n][nt]. */
static inline struct cuda_kept *
cuda_kept_of(uint32_t n, const struct nf_spline *s, void *keep)
{
	return (struct cuda_kept *)((float *)keep +
	    (size_t)n * s->nt * cuda_filled(s));
}

static inline size_t
cuda_spline_keep_size(uint32_t n, const struct nf_spline *s)
{
	return (size_t)n * s->nt * (cuda_filled(s) * sizeof(float) +
	    sizeof(struct cuda_kept));
}

/* Rows that a block takes: GROUP values, or one row. */
static __host__ __device__ inline uint32_t
cuda_spline_rows(uint32_t nt)
{
	return nt < GROUP ? GROUP / nt : 1;
}

/* Rows whose logits fill half the cache; nbyte a row. */
static inline uint32_t
cuda_chunk(const struct nf_cuda *c, uint32_t n, size_t nbyte)
{
	size_t rows = c->nl2 / 2 / nbyte / 128 * 128;

	rows = rows < 128 ? 128 : rows;
	return rows < n ? (uint32_t)rows : n;
}

#endif
