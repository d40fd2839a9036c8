/*
 * CUDA: batch norm, activation and dropout.  With the batch's statistics a
 * block takes a strip of columns through all rows, twice: the second time
 * they come from the cache.
 */
#include <math.h>

#include "fastmath.h"
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

/* rounds: for the TF32 product that takes it. */
static __global__ void
apply(uint32_t n, struct nf_norm m, enum nf_norm_mode mode, struct drop d,
    struct nf_mat t, struct nf_mat u, int rounds)
{
	uint32_t j = blockIdx.y * 32 + threadIdx.x % 32, k;
	uint32_t i = blockIdx.x * TILE + threadIdx.x / 32;
	struct column c;
	float v;

	if (j >= t.ncol)
		return;
	c = column_of(&m, mode, j);
	for (k = 0; k < NROW && i < n; k++, i += NTHREAD / 32) {
		v = (t.x[(size_t)i * t.ld + j] - c.mean) * c.scale + c.bias;
		v = nf_act(m.act, v) * mask(&m, d, i, j);
		u.x[(size_t)i * u.ld + j] = rounds ? cuda_round_tf32(v) : v;
	}
}

/* A thread's share of the sums of t - about and its square. */
static __device__ void
moments(uint32_t n, struct nf_mat t, uint32_t j, float about, double *sum)
{
	uint32_t step = blockDim.x / NF_STRIP, i, k = 0;
	float v, a = 0, b = 0;

	sum[0] = sum[1] = 0;
	for (i = threadIdx.x / NF_STRIP; j < t.ncol && i < n; i += step) {
		v = t.x[(size_t)i * t.ld + j] - about;
		a += v;
		b += v * v;
		if (++k % NF_STRIP_SHORT == 0) {
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
	float about = j < t.ncol ? t.x[j] : 0, invstd, centre, scale, v;
	double sum[2], mean, var;

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
	for (; i < n; i += step) {
		v = (t.x[(size_t)i * t.ld + j] - centre) * scale + m.bias[j];
		v = nf_act(m.act, v) * mask(&m, d, i, j);
		u.x[(size_t)i * u.ld + j] = rounds ? cuda_round_tf32(v) : v;
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
	float g, *to;

	for (k = 0; j < t.ncol && k < NROW && i < n;
	    k++, i += NTHREAD / 32) {
		g = du.x[(size_t)i * du.ld + j] * mask(&m, d, i, j);
		g *= nf_act_slope(m.act, t.x[(size_t)i * t.ld + j]);
		to = &dt.x[(size_t)i * dt.ld + j];
		*to = g + (add ? *to : 0);
	}
}

/* The gradient at the norm's output, of element (i, j); *x the normalised. */
static __device__ float
slope(const struct nf_norm *m, struct drop d, struct column c, float invstd,
    struct nf_mat t, struct nf_mat du, uint32_t i, uint32_t j, float *x)
{
	float v = t.x[(size_t)i * t.ld + j] - c.mean;
	float g = du.x[(size_t)i * du.ld + j] * mask(m, d, i, j);

	*x = v * invstd;
	return g * nf_act_slope(m->act, v * c.scale + c.bias);
}

static __device__ void
grad_sums(uint32_t n, const struct nf_norm *m, struct drop d,
    struct column c, float invstd, struct nf_mat t, struct nf_mat du,
    uint32_t j, double *sum)
{
	uint32_t step = blockDim.x / NF_STRIP, i, k = 0;
	float e, x, a = 0, b = 0;

	for (i = threadIdx.x / NF_STRIP; i < n; i += step) {
		e = slope(m, d, c, invstd, t, du, i, j, &x);
		a += e;
		b += e * x;
		if (++k % NF_STRIP_SHORT == 0) {
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
	float invstd = 0, mean_g, mean_gx, g, x, *to;

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
	for (; i < n; i += step) {
		g = slope(&m, d, c, invstd, t, du, i, j, &x);
		to = &dt.x[(size_t)i * dt.ld + j];
		*to = c.scale * (g - mean_g - x * mean_gx) +
		    (add ? *to : 0);
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
