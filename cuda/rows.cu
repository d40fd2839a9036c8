/*
 * CUDA: rows to and from batches, and noise.  Compiled without contraction,
 * so that noise has the bits that the CPU gives it (normal.h).
 */
#include <cub/cub.cuh>
#include <string.h>

#include "cuda.cuh"
#include "normal.h"

#define NTHREAD		256
#define NTO		32		/* matrices that rows are spread to */

static __global__ void
make_keys(uint64_t seed, uint32_t epoch, uint32_t n, uint64_t *key,
    uint32_t *row)
{
	uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i >= n)
		return;
	key[i] = nf_philox_u64(seed, NF_FOR_EPOCH, i, epoch);
	row[i] = i;
}

/* What a sort of n pairs works in; keys, the same sorted, rows before it. */
static size_t
sort_work(struct nf_cuda *c, uint32_t n, size_t *nkey)
{
	size_t nwork = 0;

	*nkey = ((size_t)n * 8 + 255) / 256 * 256;
	cuda_latch(c, cub::DeviceRadixSort::SortPairs(NULL, nwork,
	    (uint64_t *)NULL, (uint64_t *)NULL, (uint32_t *)NULL,
	    (uint32_t *)NULL, (int64_t)n, 0, 64, c->main.stream), "shuffle");
	return nwork;
}

static uint64_t
cuda_shuffle_room(struct nf_dev *d, uint32_t n)
{
	size_t nkey, nwork;

	cuda_here(cuda_of(d));
	nwork = sort_work(cuda_of(d), n, &nkey);
	return 3 * nkey + nwork;
}

/* The order of random keys, ties by row: a stable sort (lib/shuffle.c). */
static void
cuda_shuffle(struct nf_dev *d, uint64_t seed, uint32_t epoch, uint32_t n,
    uint32_t *index)
{
	struct nf_cuda *c = cuda_of(d);
	cudaStream_t s = cuda_begin(c);
	size_t nkey, nwork;
	uint64_t *key, *sorted;
	uint32_t *row;
	char *p;

	if (n == 0)
		return;
	nwork = sort_work(c, n, &nkey);
	p = (char *)cuda_scratch(c, CUDA_SORT, 3 * nkey + nwork);
	if (p == NULL)
		return;
	key = (uint64_t *)p;
	sorted = (uint64_t *)(p + nkey);
	row = (uint32_t *)(p + 2 * nkey);
	NF_LAUNCH(make_keys, cuda_blocks(n, NTHREAD, 0x7fffffff), NTHREAD, 0,
	    s)(seed, epoch, n, key, row);
	cuda_launched(c, "shuffle");
	cuda_latch(c, cub::DeviceRadixSort::SortPairs(p + 3 * nkey, nwork,
	    key, sorted, row, index, (int64_t)n, 0, 64, s), "shuffle");
}

static __global__ void
gather(uint32_t n, const uint32_t *index, const struct nf_tally *tally,
    struct nf_mat from, struct nf_mat to)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t all = (size_t)n * to.ncol;
	size_t step = gridDim.x * (size_t)blockDim.x;

	index += tally->batch * n;
	for (; k < all; k += step)
		to.x[k / to.ncol * to.ld + k % to.ncol] =
		    from.x[(size_t)index[k / to.ncol] * from.ld +
		    k % to.ncol];
}

static void
cuda_gather(struct nf_dev *d, uint32_t n, const uint32_t *index,
    const struct nf_tally *tally, struct nf_mat from, struct nf_mat to)
{
	struct nf_cuda *c = cuda_of(d);

	NF_LAUNCH(gather, cuda_blocks((size_t)n * to.ncol, NTHREAD,
	    (size_t)c->nsm * 16), NTHREAD, 0, cuda_begin(c))(n, index, tally,
	    from, to);
	cuda_launched(c, "gather");
}

/* A launch takes so many matrices at most. */
struct several {
	struct nf_mat to[NTO];
};

static __global__ void
spread(uint32_t n, struct nf_noise g, struct nf_mat from,
    struct several all_to)
{
	struct nf_mat to = all_to.to[blockIdx.y];
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t all = (size_t)n * to.ncol;
	size_t step = gridDim.x * (size_t)blockDim.x;
	uint64_t row0 = g.first / g.repeat;

	for (; k < all; k += step)
		to.x[k / to.ncol * to.ld + k % to.ncol] =
		    from.x[((g.first + k / to.ncol) / g.repeat - row0) *
		    from.ld + k % to.ncol];
}

static void
cuda_spread(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
    struct nf_mat from, uint32_t nto, const struct nf_mat *to)
{
	struct nf_cuda *c = cuda_of(d);
	struct several some;
	uint32_t i, ni;

	for (i = 0; i < nto; i += ni) {
		ni = nto - i < NTO ? nto - i : NTO;
		memset(&some, 0, sizeof(some));
		memcpy(some.to, to + i, ni * sizeof(*to));
		NF_LAUNCH(spread, dim3(cuda_blocks((size_t)n * to->ncol,
		    NTHREAD, (size_t)c->nsm * 16), ni), NTHREAD, 0,
		    cuda_begin(c))(n, *g, from, some);
		cuda_launched(c, "spread");
	}
}

/* Four numbers a thread. */
static __global__ void
noise(uint32_t n, struct nf_noise g, struct nf_mat z)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t step = gridDim.x * (size_t)blockDim.x, i;
	uint32_t nblock = (z.ncol + 3) / 4, j, q;
	double four[4];
	uint64_t o;

	for (; k < (size_t)n * nblock; k += step) {
		i = k / nblock;
		j = (uint32_t)(k % nblock);
		o = g.first + i;
		nf_normal4(g.seed, NF_FOR_NOISE, o / g.repeat,
		    g.draw + (uint32_t)(o % g.repeat), j, four);
#pragma unroll
		for (q = 0; q < 4; q++)
			if (4 * j + q < z.ncol)
				z.x[i * z.ld + 4 * j + q] =
				    (float)(g.temperature * four[q]);
	}
}

static void
cuda_noise(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
    struct nf_mat z)
{
	struct nf_cuda *c = cuda_of(d);

	NF_LAUNCH(noise, cuda_blocks((size_t)n * ((z.ncol + 3) / 4), NTHREAD,
	    (size_t)c->nsm * 16), NTHREAD, 0, cuda_begin(c))(n, *g, z);
	cuda_launched(c, "noise");
}

void
cuda_row_ops(struct nf_ops *t)
{
	t->shuffle = cuda_shuffle;
	t->shuffle_room = cuda_shuffle_room;
	t->gather = cuda_gather;
	t->spread = cuda_spread;
	t->noise = cuda_noise;
}
