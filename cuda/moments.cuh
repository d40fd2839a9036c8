/*
 * Two sums of each column, over rows that several blocks hold: every block of
 * a tile of rows leaves its own in part [tile][ncol][2], and the last of those
 * that share columns adds them up.
 */
#ifndef NF_MOMENTS_CUH
#define NF_MOMENTS_CUH

#include "block.cuh"

#define NF_TILE_ROWS	64
#define NF_TILE_LANES	3		/* columns of a tile, by 32 */

/* How the sums of a tile are to be understood. */
enum cuda_sums {
	CUDA_PLAIN,
	CUDA_ABOUT_MEAN			/* of values; of squares about the
					 * tile's own mean */
};

/* What a tile's sums add to those about `about`. */
static __device__ inline void
cuda_add_tile(enum cuda_sums kind, double s0, double s1, double nrow,
    double about, double *sum)
{
	double d = s0 / nrow - about;

	if (kind == CUDA_PLAIN) {
		sum[0] += s0;
		sum[1] += s1;
	} else {
		sum[0] += nrow * d;
		sum[1] += s1 + nrow * d * d;
	}
}

/*
 * By groups of nthread of a block's threads, each with columns and work of its
 * own: the group's thread t < nj gets the two sums of column j0 + t over all
 * tiles, about *about, the first tile's mean, if they are of a kind that wants
 * it.  work: room for 2 doubles a column and warp, shared.  All threads of the
 * block must come.
 */
static __device__ inline void
cuda_merge_tiles(enum cuda_sums kind, uint32_t n, uint32_t ncol, uint32_t j0,
    uint32_t nj, uint32_t nthread, const float *part, double *work,
    double *sum, double *about)
{
	const volatile float *p = part;
	uint32_t ntile = (n + NF_TILE_ROWS - 1) / NF_TILE_ROWS, r, q, j;
	uint32_t warp = threadIdx.x % nthread / 32, nwarp = nthread / 32, nrow;
	double s[NF_TILE_LANES][2] = { { 0 } };
	float first[NF_TILE_LANES];
	uint32_t n0 = n < NF_TILE_ROWS ? n : NF_TILE_ROWS;

#pragma unroll
	for (q = 0; q < NF_TILE_LANES; q++) {
		j = threadIdx.x % 32 + 32 * q;
		first[q] = j < nj ? p[2 * (size_t)(j0 + j)] : 0;
	}
#pragma unroll 4
	for (r = warp; r < ntile; r += nwarp) {
		nrow = n - r * NF_TILE_ROWS;
		nrow = nrow < NF_TILE_ROWS ? nrow : NF_TILE_ROWS;
#pragma unroll
		for (q = 0; q < NF_TILE_LANES; q++) {
			j = threadIdx.x % 32 + 32 * q;
			if (j >= nj)
				continue;
			const volatile float *at = p +
			    ((size_t)r * ncol + j0 + j) * 2;
			cuda_add_tile(kind, at[0], at[1], nrow,
			    (double)first[q] / n0, s[q]);
		}
	}
#pragma unroll
	for (q = 0; q < NF_TILE_LANES; q++) {
		j = threadIdx.x % 32 + 32 * q;
		if (j < nj) {
			work[(warp * nj + j) * 2] = s[q][0];
			work[(warp * nj + j) * 2 + 1] = s[q][1];
		}
	}
	__syncthreads();
	sum[0] = sum[1] = *about = 0;
	j = threadIdx.x % nthread;
	if (j >= nj)
		return;
	for (r = 0; r < nwarp; r++) {
		sum[0] += work[(r * nj + j) * 2];
		sum[1] += work[(r * nj + j) * 2 + 1];
	}
	*about = (double)p[2 * (size_t)(j0 + j)] / n0;
}

/* A batch's statistics, as norm leaves them, from such sums. */
static __device__ inline void
cuda_statistics(const struct nf_norm *m, uint32_t n, uint32_t j,
    const double *sum, double about)
{
	double mean = sum[0] / n, var = sum[1] / n - mean * mean;

	var = var > 0 ? var : var <= 0 ? 0 : var;	/* NaN stays */
	m->mean[j] = (float)(mean + about);
	m->var[j] = (float)(n > 1 ? var * n / (n - 1) : var);
	m->invstd[j] = (float)(1 / sqrt(var + NF_NORM_EPS));
}

/*
 * The sums of a tile, in blocks of 32 columns x 8 rows: column threadIdx.x %
 * 32 of rows threadIdx.x / 32 + 8 k, k < 8, of which `nrow` of the tile are
 * real; j0: the first column.  work: 8 x 32 doubles, shared, that nobody else
 * uses.  The last block of these columns makes m's statistics.
 */
static __device__ inline void
cuda_tile_statistics(const struct nf_norm *m, uint32_t n, uint32_t ncol,
    uint32_t j0, const float *v, double *work, float *part,
    uint32_t *ticket)
{
	uint32_t x = threadIdx.x % 32, y = threadIdx.x / 32, k, nj;
	uint32_t i0 = blockIdx.x * NF_TILE_ROWS, nrow = n - i0;
	float *room = (float *)work, s = 0, mean, d;
	double sum[2], about;
	int pass;

	nrow = nrow < NF_TILE_ROWS ? nrow : NF_TILE_ROWS;
	for (mean = 0, pass = 0; pass < 2; pass++) {
		for (d = 0, k = 0; k < 8; k++)
			if (y + 8 * k < nrow)
				d += pass == 0 ? v[k] :
				    (v[k] - mean) * (v[k] - mean);
		room[pass * 256 + threadIdx.x] = d;
		__syncthreads();
		for (d = 0, k = 0; k < 8; k++)
			d += room[pass * 256 + k * 32 + x];
		if (pass == 0) {
			s = d;
			mean = s / nrow;
		}
	}
	if (y == 0 && j0 + x < ncol) {
		part[((size_t)blockIdx.x * ncol + j0 + x) * 2] = s;
		part[((size_t)blockIdx.x * ncol + j0 + x) * 2 + 1] = d;
	}
	if (!cuda_last_block(ticket))
		return;
	nj = ncol - j0 < 32 ? ncol - j0 : 32;
	cuda_merge_tiles(CUDA_ABOUT_MEAN, n, ncol, j0, nj, blockDim.x, part,
	    work, sum, &about);
	if (threadIdx.x < nj)
		cuda_statistics(m, n, j0 + threadIdx.x, sum, about);
}

/* ---- back through a norm ---------------------------------------------- */

/*
 * What a norm's gradient has of a column (Ioffe, Szegedy 2015, section 3):
 * the gradient of t is y e - z (t - x) - w, e being that of its output.
 */
static __device__ inline float4
norm_column(const struct norm_grad *g, uint32_t n, uint32_t j)
{
	const struct nf_norm *m = &g->norm;
	float scale;

	if (m->weight == NULL)
		return make_float4(0, 1, 0, 0);
	scale = m->weight[j] * m->invstd[j];
	return make_float4(m->mean[j], scale, scale * m->invstd[j] *
	    (g->dweight[j] / n), scale * (g->dbias[j] / n));
}

#endif
