/*
 * CUDA: the context gate and the residual sum.  A context is a few dozen
 * columns, so its product is made here, beside what it gates.
 */
#include "fastmath.h"
#include "strip.cuh"

#define CHUNK		64		/* context columns at a time */
#define NTHREAD		256		/* 32 columns x 8 rows */
#define NROW		8		/* rows of a thread */
#define TILE		(NROW * NTHREAD / 32)

/* Rows of m from i0, columns c0 .. c0 + nc, to shared memory, ld apart. */
static __device__ void
fetch(struct nf_mat m, uint32_t n, uint32_t i0, uint32_t nrow, uint32_t c0,
    uint32_t nc, float *to, uint32_t ld)
{
	uint32_t k, i, c;

	for (k = threadIdx.x; k < nrow * nc; k += blockDim.x) {
		i = i0 + k / nc;
		c = k % nc;
		to[k / nc * ld + c] = i < n ?
		    m.x[(size_t)i * m.ld + c0 + c] : 0;
	}
}

/* ---- forward ---------------------------------------------------------- */

/* acc[k] += the gate's product for rows threadIdx.x / 32 + 8 k. */
static __device__ void
multiply(const struct nf_linear *g, uint32_t n, struct nf_mat context,
    uint32_t i0, uint32_t j0, float *shared, float *acc)
{
	uint32_t C = g->nin, c0, nc, c, k, x = threadIdx.x % 32;
	uint32_t y = threadIdx.x / 32, ld;
	struct nf_mat w = { (float *)g->w, C, C };
	float *rows = shared + 32 * (CHUNK + 1), v;

	for (c0 = 0; c0 < C; c0 += nc) {
		nc = C - c0 < CHUNK ? C - c0 : CHUNK;
		ld = nc | 1;		/* a bank for each column of w */
		fetch(w, g->nout, j0, 32, c0, nc, shared, ld);
		fetch(context, n, i0, TILE, c0, nc, rows, nc);
		__syncthreads();
		for (c = 0; c < nc; c++) {
			v = shared[x * ld + c];
#pragma unroll
			for (k = 0; k < NROW; k++)
				acc[k] += v * rows[(y + 8 * k) * nc + c];
		}
		__syncthreads();
	}
}

static __global__ void
gate(uint32_t n, struct nf_linear g, struct nf_mat context, struct nf_mat w,
    struct nf_mat t, struct nf_mat to)
{
	NF_SHARED(float, shared);
	uint32_t j0 = blockIdx.y * 32, j = j0 + threadIdx.x % 32;
	uint32_t i0 = blockIdx.x * TILE, i = i0 + threadIdx.x / 32, k;
	float acc[NROW] = { 0 }, v[NROW], u[NROW], bias = 0;
	int in;

#pragma unroll
	for (k = 0; k < NROW; k++) {	/* under way while it multiplies */
		in = j < w.ncol && i + 8 * k < n;
		v[k] = in ? w.x[(size_t)(i + 8 * k) * w.ld + j] : 0;
		u[k] = in ? t.x[(size_t)(i + 8 * k) * t.ld + j] : 0;
	}
	multiply(&g, n, context, i0, j0, shared, acc);
	if (j >= w.ncol)
		return;
	if (g.nin > 0)
		bias = g.b[j];
#pragma unroll
	for (k = 0; k < NROW; k++) {
		if (i + 8 * k >= n)
			return;
		if (g.nin > 0)
			v[k] *= nf_sigmoid(acc[k] + bias);
		to.x[(size_t)(i + 8 * k) * to.ld + j] = v[k] + u[k];
	}
}

static void
cuda_gate(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat context, struct nf_mat w, struct nf_mat t,
    struct nf_mat to)
{
	struct nf_cuda *c = cuda_of(d);
	struct nf_linear g = { NULL, NULL, NULL, 0, w.ncol, 0 };
	uint32_t chunk = context.ncol < CHUNK ? context.ncol : CHUNK;

	if (context.ncol > 0) {
		g = *l;
		g.nin = context.ncol;
		g.nout = w.ncol;
	}
	to.ncol = w.ncol;
	if (n == 0)
		return;
	NF_LAUNCH(gate, dim3(cuda_blocks(n, TILE, 0x7fffffff),
	    (w.ncol + 31) / 32), NTHREAD, (32 * (CHUNK + 1) + TILE * chunk) *
	    sizeof(float), cuda_writing_mat(c, n, to))(n, g, context, w, t,
	    to);
	cuda_launched(c, "gate");
}

/* ---- backward --------------------------------------------------------- */

/* What a block of gate_grad works with, in shared memory. */
struct piece {
	float *rows;			/* [nrow][chunk] of the context */
	float *w;			/* [NF_STRIP][chunk] */
	float *g;			/* [nrow][NF_STRIP] */
	float *part;			/* [threads] */
	uint32_t nrow;
};

/* The gate's product for this thread's row and column. */
static __device__ float
one_product(const struct nf_linear *l, uint32_t n, struct nf_mat context,
    uint32_t i0, const struct piece *p)
{
	uint32_t r = threadIdx.x / NF_STRIP, x = threadIdx.x % NF_STRIP;
	uint32_t C = l->nin, c0, nc, c;
	struct nf_mat w = { (float *)l->w, C, C };
	float acc = 0;

	for (c0 = 0; c0 < C; c0 += nc) {
		nc = C - c0 < CHUNK ? C - c0 : CHUNK;
		__syncthreads();	/* the last tile is done with */
		fetch(w, l->nout, blockIdx.x * NF_STRIP, NF_STRIP, c0, nc,
		    p->w, nc);
		fetch(context, n, i0, p->nrow, c0, nc, p->rows, nc);
		__syncthreads();
		for (c = 0; c < nc; c++)
			acc += p->w[x * nc + c] * p->rows[r * nc + c];
	}
	return acc;
}

/*
 * The tile's part of the weights' gradients in columns c0 .. c0 + nc, summed
 * by as many groups of threads as there are.  *sum goes from tile to tile
 * where a thread has one place; it is given out at the last (flush), or at
 * every tile.
 */
static __device__ void
weight_sums(const struct nf_linear *l, uint32_t c0, uint32_t nc,
    const struct piece *p, float *sum, int flush, int first, float *dgw)
{
	uint32_t nout = NF_STRIP * nc, ngroup = blockDim.x / nout, o, r, k;
	uint32_t group = threadIdx.x / nout, j;
	float s;

	ngroup = ngroup < 1 ? 1 : ngroup;
	for (o = threadIdx.x; o < nout * ngroup; o += blockDim.x) {
		k = o % nout;
		s = *sum;
		for (r = ngroup > 1 ? group : 0; r < p->nrow; r += ngroup)
			s += p->g[r * NF_STRIP + k % NF_STRIP] *
			    p->rows[r * nc + k / NF_STRIP];
		if (ngroup > 1) {
			*sum = s;
			p->part[o] = s;
			continue;
		}
		j = blockIdx.x * NF_STRIP + k % NF_STRIP;
		if (j < l->nout)
			dgw[(size_t)j * l->nin + c0 + k / NF_STRIP] = s +
			    (first ? 0 :
			    dgw[(size_t)j * l->nin + c0 + k / NF_STRIP]);
	}
	if (ngroup == 1 || !flush)
		return;
	__syncthreads();
	k = threadIdx.x;
	j = blockIdx.x * NF_STRIP + k % NF_STRIP;
	if (k < nout && j < l->nout) {
		for (s = 0, r = 0; r < ngroup; r++)
			s += p->part[r * nout + k];
		dgw[(size_t)j * l->nin + c0 + k / NF_STRIP] = s + (first ?
		    0 : dgw[(size_t)j * l->nin + c0 + k / NF_STRIP]);
	}
	__syncthreads();
}

static __device__ void
load_pair(uint32_t n, struct nf_mat a, struct nf_mat b, uint32_t i,
    uint32_t j, float *x, float *y)
{
	if (i >= n)
		return;
	*x = a.x[(size_t)i * a.ld + j];
	*y = b.x[(size_t)i * b.ld + j];
}

/* A strip of columns through all rows, a tile after the other. */
static __global__ void __launch_bounds__(NF_STRIP_THREADS)
gate_grad(uint32_t n, struct nf_linear l, struct nf_mat context,
    struct nf_mat w, struct nf_mat dt, struct nf_mat dw, float *dgw,
    float *dgb)
{
	NF_SHARED(float, shared);
	__shared__ double work[32][NF_STRIP];
	uint32_t chunk = l.nin < CHUNK ? l.nin : CHUNK, c0, nc, i0, i;
	uint32_t j = blockIdx.x * NF_STRIP + threadIdx.x % NF_STRIP;
	int many = l.nin > CHUNK || NF_STRIP * chunk * 2 > blockDim.x;
	struct piece p;
	float s, e, sum = 0, tv = 0, wv = 0, tnext, wnext, shift = 0;
	double bias = 0;

	p.nrow = blockDim.x / NF_STRIP;
	p.rows = shared;
	p.w = p.rows + p.nrow * chunk;
	p.g = p.w + NF_STRIP * chunk;
	p.part = p.g + blockDim.x;
	i = threadIdx.x / NF_STRIP;
	if (j < l.nout) {
		shift = l.b[j];
		load_pair(n, dt, w, i, j, &tv, &wv);
	}
	for (i0 = 0; i0 < n; i0 += p.nrow, i += p.nrow) {
		tnext = wnext = 0;
		if (j < l.nout)		/* under way through this tile */
			load_pair(n, dt, w, i + p.nrow, j, &tnext, &wnext);
		s = one_product(&l, n, context, i0, &p);
		e = 0;
		if (i < n && j < l.nout) {
			s = nf_sigmoid(s + shift);
			e = tv * s;
			s = e * wv * (1 - s);
			dw.x[(size_t)i * dw.ld + j] = e;
			e = s;
		}
		tv = tnext;
		wv = wnext;
		p.g[threadIdx.x] = e;
		bias += e;
		__syncthreads();
		for (c0 = 0; c0 < l.nin; c0 += nc) {
			nc = l.nin - c0 < CHUNK ? l.nin - c0 : CHUNK;
			if (l.nin > CHUNK) {
				__syncthreads();
				fetch(context, n, i0, p.nrow, c0, nc,
				    p.rows, nc);
				__syncthreads();
			}
			sum = many ? 0 : sum;
			weight_sums(&l, c0, nc, &p, &sum, many ||
			    i0 + p.nrow >= n, !many || i0 == 0, dgw);
		}
	}
	cuda_strip_sum(&bias, 1, work);
	if (threadIdx.x < NF_STRIP && j < l.nout)
		dgb[j] = (float)bias;
}

static __global__ void
copy_rows(uint32_t n, struct nf_mat from, struct nf_mat to)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t all = (size_t)n * from.ncol;
	size_t step = gridDim.x * (size_t)blockDim.x;

	for (; k < all; k += step)
		to.x[k / from.ncol * to.ld + k % from.ncol] =
		    from.x[k / from.ncol * from.ld + k % from.ncol];
}

static void
cuda_gate_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat context, struct nf_mat w, struct nf_mat dt,
    struct nf_mat dw, float *dgw, float *dgb)
{
	struct nf_cuda *c = cuda_of(d);
	struct nf_linear g = { NULL, NULL, NULL, 0, w.ncol, 0 };
	uint32_t nthread = cuda_strip_threads(n), chunk;
	cudaStream_t s;

	dw.ncol = dt.ncol = w.ncol;
	s = cuda_writing_mat(c, n, dw);
	if (n == 0)
		return;
	if (context.ncol == 0) {
		NF_LAUNCH(copy_rows, cuda_blocks((size_t)n * w.ncol, NTHREAD,
		    (size_t)c->nsm * 16), NTHREAD, 0, s)(n, dt, dw);
		cuda_launched(c, "gate gradient");
		return;
	}
	g = *l;
	g.nin = context.ncol;
	g.nout = w.ncol;
	chunk = g.nin < CHUNK ? g.nin : CHUNK;
	cuda_writing(c, dgw, (size_t)g.nin * g.nout * sizeof(*dgw));
	cuda_writing(c, dgb, g.nout * sizeof(*dgb));
	NF_LAUNCH(gate_grad, cuda_strips(g.nout), nthread, ((nthread /
	    NF_STRIP + NF_STRIP) * chunk + 2 * nthread) * sizeof(float),
	    s)(n, g, context, w, dt, dw, dgw, dgb);
	cuda_launched(c, "gate gradient");
}

void
cuda_gate_ops(struct nf_ops *t)
{
	t->gate = cuda_gate;
	t->gate_grad = cuda_gate_grad;
}
