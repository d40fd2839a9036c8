/*
 * CUDA: the context gate and the residual sum.  A context is a few dozen
 * columns, so its product is made here, beside what it gates.
 */
#include <string.h>

#include "fastmath.h"
#include "moments.cuh"

#define CHUNK		64		/* context columns at a time */
#define NTHREAD		256		/* 32 columns x 8 rows */
#define NROW		8		/* rows of a thread */
#define TILE		(NROW * NTHREAD / 32)
#define PARTS		((size_t)64 << 20)	/* bytes of blocks' sums */

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
	if (g.nin > 0 && j < w.ncol)
		bias = g.b[j];
#pragma unroll
	for (k = 0; k < NROW; k++) {
		if (g.nin > 0)
			v[k] *= nf_sigmoid(acc[k] + bias);
		v[k] += u[k];
		if (j < w.ncol && i + 8 * k < n)
			to.x[(size_t)(i + 8 * k) * to.ld + j] = v[k];
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

/*
 * What a tile of rows, whose g stands in shared memory, gives to the weights'
 * gradients, and with c = C to the bias': part [C + 1][nout].
 */
static __device__ void
weight_sums(const struct nf_linear *l, uint32_t n, struct nf_mat context,
    uint32_t i0, float *shared, const float *g, float *part, int first)
{
	uint32_t C = l->nin, x = threadIdx.x % 32, y = threadIdx.x / 32;
	uint32_t j = blockIdx.y * 32 + x, c0, nc, c, r;
	float *rows = shared + 32 * (CHUNK + 1), *to, s;

	for (c0 = 0; c0 <= C; c0 += CHUNK) {
		nc = C - c0 < CHUNK ? C - c0 : CHUNK;
		if (C > CHUNK && nc > 0) {	/* else it still has them */
			__syncthreads();
			fetch(context, n, i0, TILE, c0, nc, rows, nc);
			__syncthreads();
		}
		for (c = y; c < (nc < CHUNK ? nc + 1 : nc); c += 8) {
			s = 0;
#pragma unroll 8
			for (r = 0; r < TILE; r++)
				s += g[r * 32 + x] * (c < nc ?
				    rows[r * nc + c] : 1);
			to = part + (size_t)(c0 + c) * l->nout + j;
			if (j < l->nout)
				*to = first ? s : *to + s;
		}
	}
}

/* u, of dt, gets what goes back through the norm; dt, too. */
static __device__ __forceinline__ void
add_behind(const struct norm_grad *g, uint32_t n, uint32_t i, uint32_t j,
    float4 c, struct nf_mat dt, float *u)
{
	float e[NROW], t[NROW];
	uint32_t k;

#pragma unroll
	for (k = 0; k < NROW; k++) {
		e[k] = i + 8 * k < n ?
		    g->e.x[(size_t)(i + 8 * k) * g->e.ld + j] : 0;
		t[k] = i + 8 * k < n ?
		    g->t.x[(size_t)(i + 8 * k) * g->t.ld + j] : 0;
	}
#pragma unroll
	for (k = 0; k < NROW; k++) {
		u[k] += e[k] * c.y - (t[k] - c.x) * c.z - c.w;
		if (i + 8 * k < n)
			dt.x[(size_t)(i + 8 * k) * dt.ld + j] = u[k];
	}
}

/*
 * Rows in tiles, the tiles dealt out to gridDim.x blocks, each of which
 * leaves its sums in part [gridDim.x][C + 1][nout].
 */
static __global__ void
gate_grad(uint32_t n, struct nf_linear l, struct nf_mat context,
    struct nf_mat w, struct norm_grad behind, struct nf_mat dt,
    struct nf_mat dw, float *part)
{
	NF_SHARED(float, shared);
	uint32_t x = threadIdx.x % 32, y = threadIdx.x / 32, i0, i, k;
	uint32_t j = blockIdx.y * 32 + x, C = l.nin;
	float *g = shared + 32 * (CHUNK + 1) + TILE * (C < CHUNK ? C : CHUNK);
	float v[NROW], u[NROW], s, bias = j < l.nout ? l.b[j] : 0;
	float4 back = make_float4(0, 0, 0, 0);
	int in;

	if (behind.e.x != NULL && j < l.nout)
		back = norm_column(&behind, n, j);
	part += (size_t)blockIdx.x * (C + 1) * l.nout;
	for (i0 = blockIdx.x * TILE; i0 < n; i0 += gridDim.x * TILE) {
		float acc[NROW] = { 0 };

		i = i0 + y;
#pragma unroll
		for (k = 0; k < NROW; k++) {	/* under way meanwhile */
			in = j < l.nout && i + 8 * k < n;
			v[k] = in ? w.x[(size_t)(i + 8 * k) * w.ld + j] : 0;
			u[k] = in ? dt.x[(size_t)(i + 8 * k) * dt.ld + j] : 0;
		}
		if (behind.e.x != NULL && j < l.nout)
			add_behind(&behind, n, i, j, back, dt, u);
		__syncthreads();		/* of the tile before */
		multiply(&l, n, context, i0, blockIdx.y * 32, shared, acc);
#pragma unroll
		for (k = 0; k < NROW; k++) {
			s = nf_sigmoid(acc[k] + bias);
			u[k] *= s;
			if (j < l.nout && i + 8 * k < n)
				dw.x[(size_t)(i + 8 * k) * dw.ld + j] = u[k];
			g[(y + 8 * k) * 32 + x] = u[k] * v[k] * (1 - s);
		}
		__syncthreads();
		weight_sums(&l, n, context, i0, shared, g, part,
		    i0 == blockIdx.x * TILE);
	}
}

/* The gradients from npart blocks' sums. */
static __global__ void
gate_sums(uint32_t npart, uint32_t C, uint32_t nout, const float *part,
    float *dgw, float *dgb)
{
	uint32_t o = blockIdx.x * blockDim.x + threadIdx.x, k, c, j;
	uint32_t all = (C + 1) * nout;
	double sum = 0;

	if (o >= all)
		return;
#pragma unroll 8
	for (k = 0; k < npart; k++)
		sum += part[(size_t)k * all + o];
	c = o / nout;
	j = o % nout;
	if (c < C)
		dgw[(size_t)j * C + c] = (float)sum;
	else
		dgb[j] = (float)sum;
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

/* Sums of blocks: as many as there are tiles of rows, in bounded memory. */
static uint32_t
parts(uint32_t n, size_t nbyte)
{
	size_t ntile = ((size_t)n + TILE - 1) / TILE, most = PARTS / nbyte;

	most = most < 1 ? 1 : most < 256 ? most : 256;
	return (uint32_t)(ntile < most ? ntile : most);
}

/* The sums of the weights' gradients are left aside. */
static void
weight_grad(struct nf_cuda *c, const struct nf_linear *g, uint32_t npart,
    const float *part, size_t npartbyte, float *dgw, float *dgb)
{
	uint32_t all = (g->nin + 1) * g->nout;
	const void *at[] = { part, dgw, dgb };
	size_t nbyte[] = { npartbyte, (size_t)g->nin * g->nout *
		sizeof(*dgw), g->nout * sizeof(*dgb) };
	struct cuda_queue *q;

	cuda_writing(c, dgw, nbyte[1]);
	cuda_writing(c, dgb, nbyte[2]);
	q = cuda_aside(c);
	NF_LAUNCH(gate_sums, cuda_blocks(all, 64, 0x7fffffff), 64, 0,
	    q->stream)(npart, g->nin, g->nout, part, dgw, dgb);
	cuda_launched(c, "gate gradient");
	cuda_aside_end(c, q, 3, at, nbyte);
}

void
cuda_gate_grad_after(struct nf_cuda *c, uint32_t n, const struct nf_linear *l,
    struct nf_mat context, struct nf_mat w, const struct norm_grad *behind,
    struct nf_mat dt, struct nf_mat dw, float *dgw, float *dgb)
{
	struct nf_linear g = *l;
	uint32_t chunk = context.ncol < CHUNK ? context.ncol : CHUNK, npart;
	cudaStream_t s;
	size_t nbyte;
	float *part;

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
	g.nin = context.ncol;
	g.nout = w.ncol;
	nbyte = (size_t)(g.nin + 1) * g.nout * sizeof(*part);
	npart = parts(n, nbyte);
	part = (float *)cuda_scratch(c, CUDA_GATE, npart * nbyte);
	if (part == NULL)
		return;
	cuda_writing(c, part, npart * nbyte);
	if (behind->e.x != NULL)
		cuda_writing_mat(c, n, dt);
	NF_LAUNCH(gate_grad, dim3(npart, (g.nout + 31) / 32), NTHREAD,
	    (32 * (CHUNK + 1) + TILE * (chunk + 32)) * sizeof(float), s)(n,
	    g, context, w, *behind, dt, dw, part);
	cuda_launched(c, "gate gradient");
	weight_grad(c, &g, npart, part, npart * nbyte, dgw, dgb);
}

static void
cuda_gate_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat context, struct nf_mat w, struct nf_mat dt,
    struct nf_mat dw, float *dgw, float *dgb)
{
	struct norm_grad none;

	memset(&none, 0, sizeof(none));
	cuda_gate_grad_after(cuda_of(d), n, l, context, w, &none, dt, dw,
	    dgw, dgb);
}

void
cuda_gate_ops(struct nf_ops *t)
{
	t->gate = cuda_gate;
	t->gate_grad = cuda_gate_grad;
}
