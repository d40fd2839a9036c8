/*
 * CUDA: batch norm, activation and dropout.  With the batch's statistics a
 * block takes a strip of columns through all rows, twice: the second time
 * they come from the cache.
 */
#include <math.h>

#include "fastmath.h"
#include "philox.h"
#include "round.cuh"
#include "strip.cuh"

#define NROW		8		/* rows of a thread, elementwise */
#define NTHREAD		256		/* 32 columns x 8 rows */
#define TILE		(NROW * NTHREAD / 32)

/* Dropout, if any: what stays is multiplied by keep. */
struct drop {
	uint64_t bound;			/* of 32 random bits; 0: none */
	float keep;
};

static struct drop
drop_of(const struct nf_norm *m, enum nf_norm_mode mode)
{
	struct drop d = { 0, 1 };

	if (mode == NF_NORM_EVAL || !(m->dropout > 0))
		return d;
	d.bound = (uint64_t)ldexp(m->dropout, 32);
	d.keep = (float)(1 / (1 - m->dropout));
	return d;
}

/* What dropout leaves of element (row, column); see lib/cpu_norm.c. */
static __device__ float
mask(const struct nf_norm *m, struct drop d, uint32_t row, uint32_t col)
{
	uint32_t key[2], ctr[4], r[4], k = col % 4;

	if (d.bound == 0)
		return 1;
	key[0] = (uint32_t)m->tally->seed;
	key[1] = (uint32_t)(m->tally->seed >> 32) ^ m->layer;
	ctr[0] = (uint32_t)m->tally->seen;
	ctr[1] = (uint32_t)(m->tally->seen >> 32);
	ctr[2] = m->row0 + row;
	ctr[3] = NF_FOR_DROPOUT | (col / 4) << 8;
	nf_philox(key, ctr, r);
	return (k < 2 ? k == 0 ? r[0] : r[1] : k == 2 ? r[2] : r[3]) <
	    d.bound ? 0 : d.keep;
}

/* norm(t) = (t - mean) scale + bias, of one column. */
struct column {
	float mean, scale, bias;
};

static __device__ struct column
column_of(const struct nf_norm *m, enum nf_norm_mode mode, uint32_t j)
{
	struct column c = { 0, 1, 0 };

	if (m->weight == NULL)
		return c;
	c.bias = m->bias[j];
	if (mode == NF_NORM_EVAL) {
		c.mean = m->running_mean[j];
		c.scale = m->weight[j] /
		    (float)sqrt((double)m->running_var[j] + NF_NORM_EPS);
	} else {
		c.mean = m->mean[j];
		c.scale = m->weight[j] * m->invstd[j];
	}
	return c;
}

/* A thread's rows, from i on: all are asked for before one is used. */
static __device__ void
load_rows(struct nf_mat t, uint32_t n, uint32_t i, uint32_t j, float *v)
{
	uint32_t k;

#pragma unroll
	for (k = 0; k < NROW; k++, i += NTHREAD / 32)
		v[k] = i < n ? t.x[(size_t)i * t.ld + j] : 0;
}

/* rounds: for the TF32 product that takes it. */
static __global__ void
apply(uint32_t n, struct nf_norm m, enum nf_norm_mode mode, struct drop d,
    struct nf_mat t, struct nf_mat u, int rounds)
{
	uint32_t j = blockIdx.y * 32 + threadIdx.x % 32, k;
	uint32_t i = blockIdx.x * TILE + threadIdx.x / 32;
	float v, in[NROW];
	struct column c;

	if (j >= t.ncol)
		return;
	load_rows(t, n, i, j, in);
	c = column_of(&m, mode, j);
#pragma unroll
	for (k = 0; k < NROW; k++, i += NTHREAD / 32) {
		if (i >= n)
			return;
		v = (in[k] - c.mean) * c.scale + c.bias;
		v = nf_act(m.act, v) * mask(&m, d, i, j);
		u.x[(size_t)i * u.ld + j] = rounds ? cuda_round_tf32(v) : v;
	}
}

/* A thread's share of the sums of t - about and its square. */
static __device__ void
moments(uint32_t n, struct nf_mat t, uint32_t j, float about, double *sum)
{
	uint32_t step = blockDim.x / NF_STRIP, i, k = 0, q;
	float v[NF_STRIP_AHEAD], a = 0, b = 0;

	sum[0] = sum[1] = 0;
	for (i = threadIdx.x / NF_STRIP; j < t.ncol && i < n;
	    i += NF_STRIP_AHEAD * step) {
		cuda_strip_load(t, n, i, step, j, v);
#pragma unroll
		for (q = 0; q < NF_STRIP_AHEAD; q++) {
			v[q] = i + q * step < n ? v[q] - about : 0;
			a += v[q];
			b += v[q] * v[q];
		}
		if ((k += NF_STRIP_AHEAD) % NF_STRIP_SHORT == 0) {
			sum[0] += a;
			sum[1] += b;
			a = b = 0;
		}
	}
	sum[0] += a;
	sum[1] += b;
}

/* Statistics of a strip, and the strip made with them. */
static __global__ void __launch_bounds__(NF_STRIP_THREADS)
train(uint32_t n, struct nf_norm m, struct drop d, struct nf_mat t,
    struct nf_mat u, int rounds)
{
	__shared__ double work[32][NF_STRIP];
	uint32_t j = blockIdx.x * NF_STRIP + threadIdx.x % NF_STRIP;
	uint32_t step = blockDim.x / NF_STRIP, i = threadIdx.x / NF_STRIP;
	float about = j < t.ncol ? t.x[j] : 0, invstd, centre, scale;
	float v[NF_STRIP_AHEAD], bias;
	double sum[2], mean, var;
	uint32_t q;

	moments(n, t, j, about, sum);
	cuda_strip_sum(sum, 2, work);
	if (j >= t.ncol)
		return;
	mean = sum[0] / n;
	var = sum[1] / n - mean * mean;
	var = var > 0 ? var : var <= 0 ? 0 : var;	/* NaN stays */
	invstd = (float)(1 / sqrt(var + NF_NORM_EPS));
	centre = (float)(mean + (double)about);
	if (i == 0) {
		m.mean[j] = centre;
		m.var[j] = (float)(n > 1 ? var * n / (n - 1) : var);
		m.invstd[j] = invstd;
	}
	scale = m.weight[j] * invstd;
	bias = m.bias[j];
	while (i < n) {
		cuda_strip_load(t, n, i, step, j, v);
#pragma unroll
		for (q = 0; q < NF_STRIP_AHEAD; q++, i += step) {
			if (i >= n)
				return;
			v[q] = (v[q] - centre) * scale + bias;
			v[q] = nf_act(m.act, v[q]) * mask(&m, d, i, j);
			u.x[(size_t)i * u.ld + j] = rounds ?
			    cuda_round_tf32(v[q]) : v[q];
		}
	}
}

static void
cuda_norm(struct nf_dev *dev, uint32_t n, const struct nf_norm *m,
    enum nf_norm_mode mode, struct nf_mat t, struct nf_mat u)
{
	struct nf_cuda *c = cuda_of(dev);
	cudaStream_t s;

	u.ncol = t.ncol;
	s = cuda_writing_mat(c, n, u);
	if (n == 0)
		return;
	if (mode == NF_NORM_TRAIN && m->weight != NULL)
		NF_LAUNCH(train, cuda_strips(t.ncol), cuda_strip_threads(n),
		    0, s)(n, *m, drop_of(m, mode), t, u,
		    cuda_rounds(c, t.ncol));
	else
		NF_LAUNCH(apply, dim3(cuda_blocks(n, TILE, 0x7fffffff),
		    (t.ncol + 31) / 32), NTHREAD, 0, s)(n, *m, mode,
		    drop_of(m, mode), t, u, cuda_rounds(c, t.ncol));
	cuda_launched(c, "norm");
}

/* ---- backward --------------------------------------------------------- */

/* The activation's alone. */
static __global__ void
act_grad(uint32_t n, struct nf_norm m, struct drop d, struct nf_mat t,
    struct nf_mat du, struct nf_mat dt, int add)
{
	uint32_t j = blockIdx.y * 32 + threadIdx.x % 32, k;
	uint32_t i = blockIdx.x * TILE + threadIdx.x / 32;
	float g, in[NROW], out[NROW], was[NROW] = { 0 };

	if (j >= t.ncol)
		return;
	load_rows(t, n, i, j, in);
	load_rows(du, n, i, j, out);
	if (add)
		load_rows(dt, n, i, j, was);
#pragma unroll
	for (k = 0; k < NROW; k++, i += NTHREAD / 32) {
		if (i >= n)
			return;
		g = out[k] * mask(&m, d, i, j);
		g *= nf_act_slope(m.act, in[k]);
		dt.x[(size_t)i * dt.ld + j] = g + was[k];
	}
}

/* The gradient at the norm's output, of element (i, j), from those of t and
 * du; *t becomes the normalised. */
static __device__ float
slope(const struct nf_norm *m, struct drop d, struct column c, float invstd,
    float *t, float du, uint32_t i, uint32_t j)
{
	float v = *t - c.mean;

	*t = v * invstd;
	return du * mask(m, d, i, j) *
	    nf_act_slope(m->act, v * c.scale + c.bias);
}

static __device__ void
grad_sums(uint32_t n, const struct nf_norm *m, struct drop d,
    struct column c, float invstd, struct nf_mat t, struct nf_mat du,
    uint32_t j, double *sum)
{
	uint32_t step = blockDim.x / NF_STRIP, i, k = 0, q;
	float e, x[NF_STRIP_AHEAD], g[NF_STRIP_AHEAD], a = 0, b = 0;

	for (i = threadIdx.x / NF_STRIP; i < n; i += NF_STRIP_AHEAD * step) {
		cuda_strip_load(t, n, i, step, j, x);
		cuda_strip_load(du, n, i, step, j, g);
#pragma unroll
		for (q = 0; q < NF_STRIP_AHEAD; q++) {
			if (i + q * step >= n)
				break;
			e = slope(m, d, c, invstd, &x[q], g[q],
			    i + q * step, j);
			a += e;
			b += e * x[q];
		}
		if ((k += NF_STRIP_AHEAD) % NF_STRIP_SHORT == 0) {
			sum[0] += a;
			sum[1] += b;
			a = b = 0;
		}
	}
	sum[0] += a;
	sum[1] += b;
}

/* Ioffe, Szegedy 2015, section 3, a strip of columns. */
static __global__ void __launch_bounds__(NF_STRIP_THREADS)
norm_grad(uint32_t n, struct nf_norm m, struct drop d, struct nf_mat t,
    struct nf_mat du, struct nf_mat dt, int add, float *dweight,
    float *dbias)
{
	__shared__ double work[32][NF_STRIP];
	uint32_t j = blockIdx.x * NF_STRIP + threadIdx.x % NF_STRIP;
	uint32_t step = blockDim.x / NF_STRIP, i = threadIdx.x / NF_STRIP;
	double sum[2] = { 0, 0 };
	struct column c = { 0, 0, 0 };
	float invstd = 0, mean_g, mean_gx, e;
	float x[NF_STRIP_AHEAD], g[NF_STRIP_AHEAD], was[NF_STRIP_AHEAD];
	uint32_t q;

	if (j < t.ncol) {
		c = column_of(&m, NF_NORM_AGAIN, j);
		invstd = m.invstd[j];
		grad_sums(n, &m, d, c, invstd, t, du, j, sum);
	}
	cuda_strip_sum(sum, 2, work);
	if (j >= t.ncol)
		return;
	if (i == 0) {
		dbias[j] = (float)sum[0];
		dweight[j] = (float)sum[1];
	}
	mean_g = (float)(sum[0] / n);
	mean_gx = (float)(sum[1] / n);
	while (i < n) {
		cuda_strip_load(t, n, i, step, j, x);
		cuda_strip_load(du, n, i, step, j, g);
		cuda_strip_load(dt, add ? n : 0, i, step, j, was);
#pragma unroll
		for (q = 0; q < NF_STRIP_AHEAD; q++, i += step) {
			if (i >= n)
				return;
			e = slope(&m, d, c, invstd, &x[q], g[q], i, j);
			dt.x[(size_t)i * dt.ld + j] = c.scale *
			    (e - mean_g - x[q] * mean_gx) + was[q];
		}
	}
}

static void
cuda_norm_grad(struct nf_dev *dev, uint32_t n, const struct nf_norm *m,
    struct nf_mat t, struct nf_mat du, struct nf_mat dt, int add,
    float *dweight, float *dbias)
{
	struct nf_cuda *c = cuda_of(dev);
	cudaStream_t s;

	dt.ncol = t.ncol;
	s = cuda_writing_mat(c, n, dt);
	if (n == 0)
		return;
	if (m->weight != NULL) {
		cuda_writing(c, dweight, t.ncol * sizeof(float));
		cuda_writing(c, dbias, t.ncol * sizeof(float));
		NF_LAUNCH(norm_grad, cuda_strips(t.ncol),
		    cuda_strip_threads(n), 0, s)(n, *m,
		    drop_of(m, NF_NORM_AGAIN), t, du, dt, add, dweight,
		    dbias);
	} else
		NF_LAUNCH(act_grad, dim3(cuda_blocks(n, TILE, 0x7fffffff),
		    (t.ncol + 31) / 32), NTHREAD, 0, s)(n, *m,
		    drop_of(m, NF_NORM_AGAIN), t, du, dt, add);
	cuda_launched(c, "norm gradient");
}

static __global__ void
update(size_t n, const float *batch, const struct nf_tally *tally,
    float *running)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;

	if (k < n && tally->scale != 0)
		running[k] += (float)NF_NORM_MOMENTUM *
		    (batch[k] - running[k]);
}

static void
cuda_norm_update(struct nf_dev *dev, size_t n, const float *batch,
    const struct nf_tally *tally, float *running)
{
	struct nf_cuda *c = cuda_of(dev);

	NF_LAUNCH(update, cuda_blocks(n, NTHREAD, 0x7fffffff), NTHREAD, 0,
	    cuda_begin(c))(n, batch, tally, running);
	cuda_launched(c, "running statistics");
}

void
cuda_norm_ops(struct nf_ops *t)
{
	t->norm = cuda_norm;
	t->norm_grad = cuda_norm_grad;
	t->norm_update = cuda_norm_update;
}
