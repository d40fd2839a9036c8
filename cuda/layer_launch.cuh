/* Launches of a residual block's products: of which tiles, and whether. */
#ifndef NF_LAYER_LAUNCH_CUH
#define NF_LAYER_LAUNCH_CUH

#include "layer.cuh"

static inline int
layer_aligned(struct nf_mat m)
{
	return m.x == NULL || (m.ld % 4 == 0 && (uintptr_t)m.x % 16 == 0);
}

/* Is it a block for these launches? */
static inline int
layer_fits(const struct nf_cuda *c, const struct nf_residual *r,
    enum nf_norm_mode mode)
{
	const struct nf_linear *l = r->linear;

	return cuda_precision(c, &l[0]) == NF_TF32 &&
	    l[0].nin <= NF_LAYER_MOST && l[0].nin == l[0].nout &&
	    l[1].nin == l[0].nin && l[1].nin == l[1].nout &&
	    layer_aligned(r->t) && layer_aligned(r->v) &&
	    layer_aligned(r->u[0]) && layer_aligned(r->u[1]) &&
	    (mode == NF_NORM_EVAL || !(r->norm[1].dropout > 0));
}

/* What the busiest of the multiprocessors has to do: a number that is brought
 * takes as long as some 64 that are multiplied. */
static inline uint64_t
layer_cost(const struct nf_cuda *c, const struct layer *p, uint32_t nf)
{
	uint64_t row = NF_MMA_ROWS(nf), column = 16 * nf, nblock;

	nblock = (p->n + row - 1) / row * ((p->nout + column - 1) / column);
	return (nblock + (uint64_t)c->nsm - 1) / (uint64_t)c->nsm *
	    (64 * (row + column) + row * column);
}

struct layer_launch {
	uint32_t nf;
	dim3 grid;
	uint32_t nthread;
	size_t nshared;
};

/* Columns of a tile: what wastes less, or else makes fewer blocks; and twice
 * as many, in tall ones, where rows are so many that it pays. */
static inline struct layer_launch
layer_launch(const struct nf_cuda *c, const struct layer *p)
{
	uint32_t nf = (p->nout + 79) / 80 * 80 <= (p->nout + 63) / 64 * 64 ?
	    5 : 4;
	struct layer_launch g;

	if (layer_cost(c, p, 2 * nf) < layer_cost(c, p, nf))
		nf *= 2;
	g.nf = nf;
	g.grid = dim3(cuda_blocks(p->n, NF_MMA_ROWS(nf), 0x7fffffff),
	    (p->nout + 16 * nf - 1) / (16 * nf));
	g.nthread = NF_MMA_THREADS(nf);
	g.nshared = (NF_MMA_SHARED(nf) + 4 * (size_t)p->k) * sizeof(float);
	return g;
}

/* Tall tiles take more shared memory than a launch has unasked. */
static inline void
layer_share(struct nf_cuda *c, void (*kernel)(struct layer),
    const struct layer_launch *g)
{
	cuda_latch(c, cudaFuncSetAttribute((const void *)kernel,
	    cudaFuncAttributeMaxDynamicSharedMemorySize, (int)g->nshared),
	    "shared memory");
}

/* A kernel for each width of tile, named so that a profile tells them apart;
 * does(p, nf, how, shared) is what it does. */
#define NF_LAYER_KERNEL(name, nf, does, how)				\
static __global__ void __launch_bounds__(NF_MMA_THREADS(nf))		\
name(struct layer p)							\
{									\
	NF_SHARED(float, shared);					\
									\
	does(&p, nf, how, shared);					\
}
#define NF_LAYER_KERNELS(name, does, how)				\
NF_LAYER_KERNEL(name##_64, 4, does, how)				\
NF_LAYER_KERNEL(name##_80, 5, does, how)				\
NF_LAYER_KERNEL(name##_128, 8, does, how)				\
NF_LAYER_KERNEL(name##_160, 10, does, how)
#define NF_LAYER_START(kernel, g, s, p)					\
	NF_LAUNCH(kernel, (g).grid, (g).nthread, (g).nshared, s)(*(p))
#define NF_LAYER_LAUNCH(name, c, s, p) do {				\
	struct layer_launch g = layer_launch(c, p);			\
									\
	switch (g.nf) {							\
	case 4:								\
		NF_LAYER_START(name##_64, g, s, p);			\
		break;							\
	case 5:								\
		NF_LAYER_START(name##_80, g, s, p);			\
		break;							\
	case 8:								\
		layer_share(c, name##_128, &g);				\
		NF_LAYER_START(name##_128, g, s, p);			\
		break;							\
	default:							\
		layer_share(c, name##_160, &g);				\
		NF_LAYER_START(name##_160, g, s, p);			\
	}								\
} while (0)

/* What a launch computes and cannot but move: numbers moved aside of its
 * weights, and operations aside of its product. */
static inline void
layer_launched(struct nf_cuda *c, const struct layer *p, double moved,
    double flop)
{
	cuda_profile_count(c, 2.0 * p->n * p->nout * p->k + flop, 4.0 *
	    (moved + (double)p->k * p->nout));
	cuda_launched(c, "residual block");
}

int cuda_residual_grad(struct nf_dev *d, uint32_t n,
    const struct nf_residual *r, struct nf_mat dt, const struct nf_mat *room,
    const struct nf_residual_grad *to);

#endif
