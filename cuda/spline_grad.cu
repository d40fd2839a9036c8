/* CUDA: the splines' gradients. */
#include <cuda_bf16.h>
#include <string.h>

#include "spline.cuh"

/* Rows of a batch, as the kernel sees them. */
struct rows {
	struct nf_spline s;
	uint32_t n, filled;
	float scale;			/* of logits, for cuda_exp2 */
	float *logit;			/* [n][nt][filled]: then gradients */
	__nv_bfloat16 *half;		/* the same, for products; or NULL */
	const float *bias;
	const struct cuda_kept *kept;
	const float *dlogdet;
	struct nf_mat dx;
};

/*
 * The gradients of one axis' logits over its exponentials: before the bin
 * each probability moves the lower knot, in the bin its size; softmax takes
 * away the mean.
 */
struct __align__(16) axis_grad {
	float lower, here, upper, top;
};

struct value_grad {
	struct axis_grad axis[2];
	float slope[2];
	int32_t k;			/* -1: outside the box, all 0 */
};

static __device__ void
axis_grad(const struct cuda_kept *q, int a, double glo, double gsize,
    double scale, struct axis_grad *g)
{
	double mean = q->before[a] * glo + q->size[a] * gsize;

	g->lower = (float)((glo - mean) * q->inv[a] * scale);
	g->upper = (float)(-mean * q->inv[a] * scale);
	g->here = (float)((gsize - mean) * q->size[a] * scale);
	g->top = q->top[a];
}

/* By a thread: value (i, f), all in double. */
static __device__ void
value_grad(const struct rows *w, size_t i, uint32_t f, struct value_grad *g)
{
	const struct nf_spline *s = &w->s;
	const struct cuda_kept *q = &w->kept[i * s->nt + f];
	double box = 2 * s->tail_bound * s->logit_scale;
	float *dx = w->dx.x + i * w->dx.ld + f;
	struct nf_bin_grad b;

	g->k = q->k;
	if (q->k < 0)
		return;
	nf_rqs_grad(&q->bin, q->v, *dx, w->dlogdet[i], &b);
	axis_grad(q, 0, b.x, b.w, box * (1 - s->min_width * s->bins),
	    &g->axis[0]);
	axis_grad(q, 1, b.y, b.h, box * (1 - s->min_height * s->bins),
	    &g->axis[1]);
	g->slope[0] = (float)(q->slope[0] * b.d0);
	g->slope[1] = (float)(q->slope[1] * b.d1);
	*dx = (float)b.v;
}

/* The gradient of logit x of bin j; the value's is k. */
static __device__ float
bin_grad(struct axis_grad a, uint32_t j, uint32_t k, float x, float scale)
{
	float g = j < k ? a.lower : a.upper;

	g *= cuda_exp2((x - a.top) * scale);
	return j == k ? a.here : g;
}

/* That of the logit of knot m's derivative, m = 1 to bins - 1. */
static __device__ float
knot_grad(const struct value_grad *g, uint32_t m)
{
	float lower = g->slope[0], upper = g->slope[1];
	uint32_t k = (uint32_t)g->k;

	return m == k ? lower : m == k + 1 ? upper : 0;
}

/* That of logit m of feature f, whose value is e. */
static __device__ float
logit_grad(const struct rows *w, uint32_t f, const struct value_grad *g,
    uint32_t m, const float *e)
{
	uint32_t K = w->s.bins, k = (uint32_t)g->k, j = m < K ? m : m - K;

	if (m >= 2 * K)
		return knot_grad(g, m - 2 * K + 1);
	return bin_grad(g->axis[m < K ? 0 : 1], j, k,
	    e[m] + w->bias[(size_t)f * w->filled + m],
	    w->scale);
}

/* Those of logits m to m + 3; m is a multiple of 4. */
static __device__ void
four_grads(const struct rows *w, uint32_t f, const struct value_grad *g,
    uint32_t m, const float *e, float *to)
{
	uint32_t K = w->s.bins, k = (uint32_t)g->k, j = m < K ? m : m - K, q;
	struct axis_grad a;
	float4 x, y;

	if (g->k < 0)
		for (q = 0; q < 4; q++)
			to[q] = 0;
	else if (K % 4 == 0 && m < 2 * K) {
		x = *(const float4 *)(e + m);
		y = *(const float4 *)(w->bias + (size_t)f * w->filled + m);
		a = g->axis[m < K ? 0 : 1];
		to[0] = bin_grad(a, j, k, x.x + y.x, w->scale);
		to[1] = bin_grad(a, j + 1, k, x.y + y.y, w->scale);
		to[2] = bin_grad(a, j + 2, k, x.z + y.z, w->scale);
		to[3] = bin_grad(a, j + 3, k, x.w + y.w, w->scale);
	} else if (K % 4 == 0)
		for (q = 0; q < 4; q++)
			to[q] = knot_grad(g, m - 2 * K + 1 + q);
	else
		for (q = 0; q < 4; q++)
			to[q] = logit_grad(w, f, g, m + q, e);
}

/* Four numbers, as they are stored at a time. */
struct __align__(8) halves {
	__nv_bfloat16 x, y, z, w;
};

/*
 * All of a value's logits become their gradients: by a warp.  They begin at
 * a multiple of 4; the caller says so in a way that the compiler sees, or it
 * would store one at a time.
 */
static __device__ void
spread_grad(const struct rows *w, uint32_t f, const struct value_grad *g,
    size_t at)
{
	struct halves h;
	uint32_t m;
	float x[4];

	for (m = threadIdx.x % 32 * 4; m < w->filled; m += 128) {
		four_grads(w, f, g, m, w->logit + at, x);
		*(float4 *)(w->logit + at + m) = make_float4(x[0], x[1],
		    x[2], x[3]);
		if (w->half == NULL)
			continue;
		h.x = __float2bfloat16_rn(x[0]);
		h.y = __float2bfloat16_rn(x[1]);
		h.z = __float2bfloat16_rn(x[2]);
		h.w = __float2bfloat16_rn(x[3]);
		*(struct halves *)(w->half + at + m) = h;
	}
}

static __global__ void
spline_grad(struct rows w)
{
	__shared__ struct value_grad grad[GROUP];
	uint32_t nt = w.s.nt, rows = cuda_spline_rows(nt), t = threadIdx.x;
	size_t i0 = blockIdx.x * (size_t)rows;
	uint32_t nrow = w.n - i0 < rows ? (uint32_t)(w.n - i0) : rows;
	uint32_t v0, v;

	for (v0 = 0; v0 < nrow * nt; v0 += GROUP) {
		v = v0 + t;
		if (t < GROUP && v < nrow * nt)
			value_grad(&w, i0 + v / nt, v % nt, &grad[t]);
		__syncthreads();
		for (v = v0 + t / 32; v < v0 + GROUP && v < nrow * nt;
		    v += NTHREAD / 32)
			spread_grad(&w, v % nt, &grad[v - v0],
			    ((i0 * nt + v) * w.filled) & ~(size_t)3);
		__syncthreads();
	}
}

/* ---- products --------------------------------------------------------- */

/* All rows' gradients: what the weights' need, left aside. */
static void
weight_grad(struct nf_cuda *c, uint32_t n, const struct rows *w,
    struct nf_mat h, const void *hp, size_t ldh,
    enum nf_precision precision, float *dw, float *db)
{
	const struct nf_linear *l = &w->s.final;
	uint32_t P = 3 * w->s.bins - 1, nt = w->s.nt;
	size_t size = precision == NF_BF16 ? 2 : 4;
	size_t ld = (size_t)nt * w->filled;
	const void *from = w->half != NULL ? (const void *)w->half :
	    w->logit;
	const void *at[] = { from, hp, dw, db };
	size_t nbyte[] = { n * ld * size, n * ldh * size,
		(size_t)l->nout * l->nin * sizeof(*dw),
		l->nout * sizeof(*db) };
	struct cuda_product p;
	struct cuda_queue *q;

	memset(&p, 0, sizeof(p));
	p.a = from;
	p.lda = ld;
	p.ta = 1;
	p.b = hp;
	p.ldb = ldh;
	p.m = P;
	p.n = h.ncol;
	p.k = n;
	p.c = dw;
	p.ldc = l->nin;
	p.batch = nt;
	p.sa = w->filled;
	p.sc = (size_t)P * l->nin;
	p.precision = precision;
	q = cuda_aside(c);
	cuda_multiply(c, q, &p);
	cuda_aside_end(c, q, 3, at, nbyte);
	q = cuda_aside(c);
	cuda_add_columns(c, q, n, nf_mat(w->logit, (uint32_t)ld,
	    (uint32_t)ld), P, w->filled, db);
	at[0] = w->logit;
	nbyte[0] = n * ld * sizeof(float);
	at[1] = db;
	nbyte[1] = nbyte[3];
	cuda_aside_end(c, q, 2, at, nbyte);
}

/* A chunk of rows: gradients of its logits, and of what they came from. */
static void
one_chunk(struct nf_cuda *c, const struct rows *w,
    const struct cuda_packed *weights, enum nf_precision precision,
    struct nf_mat dh)
{
	size_t ld = (size_t)w->s.nt * w->filled;
	struct cuda_product p;

	NF_LAUNCH(spline_grad, cuda_blocks(w->n,
	    cuda_spline_rows(w->s.nt), 0x7fffffff), NTHREAD, 0,
	    c->main.stream)(*w);
	cuda_launched(c, "spline gradient");
	memset(&p, 0, sizeof(p));
	p.a = w->half != NULL ? (const void *)w->half : w->logit;
	p.lda = ld;
	p.b = weights->w;
	p.ldb = weights->pitch;
	p.m = w->n;
	p.n = w->s.final.nin;
	p.k = (uint32_t)ld;
	p.c = dh.x;
	p.ldc = dh.ld;
	p.precision = precision;
	p.rows = 1;
	cuda_multiply(c, &c->main, &p);
}

static void
all_chunks(struct nf_cuda *c, uint32_t n, struct rows w,
    const struct cuda_packed *weights, enum nf_precision precision,
    struct nf_mat dh)
{
	size_t row = (size_t)w.s.nt * w.filled, nrow;
	uint32_t rows = cuda_chunk(c, n, row * sizeof(float)), i;

	for (i = 0; i < n; i += w.n) {
		w.n = n - i < rows ? n - i : rows;
		nrow = w.n;
		one_chunk(c, &w, weights, precision, dh);
		w.logit += nrow * row;
		w.half += w.half != NULL ? nrow * row : 0;
		w.kept += nrow * w.s.nt;
		w.dlogdet += nrow;
		w.dx.x += nrow * w.dx.ld;
		dh.x += nrow * dh.ld;
	}
}

static void
cuda_spline_grad(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const float *dlogdet, struct nf_mat dx,
    struct nf_mat dh, float *dw, float *db)
{
	struct nf_cuda *c = cuda_of(d);
	enum nf_precision precision = cuda_precision(c, &s->final);
	struct cuda_packed weights;
	struct rows w;
	const void *hp;
	size_t ldh, nlogit = (size_t)n * s->nt * cuda_filled(s);

	dx.ncol = s->nt;
	dh.ncol = s->final.nin;
	cuda_writing_mat(c, n, dx);
	cuda_writing_mat(c, n, dh);
	cuda_writing(c, keep, cuda_spline_keep_size(n, s));
	cuda_writing(c, dw, (size_t)s->final.nout * s->final.nin *
	    sizeof(*dw));
	cuda_writing(c, db, s->final.nout * sizeof(*db));
	memset(&w, 0, sizeof(w));
	w.s = *s;
	w.filled = cuda_filled(s);
	w.scale = cuda_logit_scale(s);
	h.ncol = s->final.nin;
	hp = cuda_operand(c, precision == NF_TF32 ? CUDA_NUSE : CUDA_HALF_X,
	    n, h, precision, &ldh);
	if (n == 0 || hp == NULL || !cuda_pack(c, &s->final,
	    3 * s->bins - 1, w.filled, precision, &weights))
		return;
	w.logit = (float *)keep;
	w.bias = weights.b;
	w.kept = cuda_kept_of(n, s, keep);
	w.dlogdet = dlogdet;
	w.dx = dx;
	if (precision == NF_BF16 && (w.half = (__nv_bfloat16 *)cuda_scratch(
	    c, CUDA_HALF_DY, nlogit * sizeof(*w.half))) == NULL)
		return;
	all_chunks(c, n, w, &weights, precision, dh);
	weight_grad(c, n, &w, h, hp, ldh, precision, dw, db);
}

void
cuda_spline_grad_ops(struct nf_ops *t)
{
	t->spline_grad = cuda_spline_grad;
}
