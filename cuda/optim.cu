/* CUDA: density, loss and the optimiser. */
#include <math.h>

#include "block.cuh"

#define NTHREAD		256
#define NROW		64		/* threads of a block of rows */
#define SHORT_SUM	16		/* terms summed in float */
#define HALF_LN_2PI	0.91893853320467274178

static __global__ void
log_normal(uint32_t n, struct nf_mat z, const double *logdet,
    const double *constant, double *logp)
{
	uint32_t i = blockIdx.x * blockDim.x + threadIdx.x, j;
	const float *x = z.x + (size_t)i * z.ld;
	double sum = 0;

	if (i >= n)
		return;
	for (j = 0; j < z.ncol; j++)
		sum += (double)x[j] * (double)x[j];
	logp[i] = logdet[i] + *constant - 0.5 * sum - z.ncol * HALF_LN_2PI;
}

static void
cuda_log_normal(struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *logdet, const double *constant, double *logp)
{
	struct nf_cuda *c = cuda_of(d);

	NF_LAUNCH(log_normal, cuda_blocks(n, NROW, 0x7fffffff), NROW, 0,
	    cuda_begin(c))(n, z, logdet, constant, logp);
	cuda_launched(c, "density");
}

/* part: two sums a block. */
static __global__ void
loss_grad(uint32_t n, struct nf_mat z, const double *logp,
    const float *weight, const struct nf_tally *tally, struct nf_mat dz,
    float *dlogdet, double *part, double *sums, uint32_t *ticket)
{
	uint32_t step = gridDim.x * blockDim.x, i, j;
	double w, sum = 0, nll = 0;
	float g;

	for (i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
		w = weight == NULL ? 1 : weight[i];
		sum += w;
		nll -= w * logp[i];
		g = (float)(w * tally->weight_norm);
		dlogdet[i] = -g;
		for (j = 0; j < z.ncol; j++)
			dz.x[(size_t)i * dz.ld + j] = g *
			    z.x[(size_t)i * z.ld + j];
	}
	sum = cuda_block_sum(sum);
	nll = cuda_block_sum(nll);
	if (threadIdx.x == 0) {
		part[2 * blockIdx.x] = sum;
		part[2 * blockIdx.x + 1] = nll;
	}
	if (!cuda_last_block(ticket))
		return;
	sum = cuda_sum_parts(part, gridDim.x, 2);
	nll = cuda_sum_parts(part + 1, gridDim.x, 2);
	if (threadIdx.x == 0) {
		sums[0] = sum;
		sums[1] = nll;
	}
}

static void
cuda_loss_grad(struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *logp, const float *weight, const struct nf_tally *tally,
    struct nf_mat dz, float *dlogdet, double *sums)
{
	struct nf_cuda *c = cuda_of(d);
	unsigned nblock = cuda_blocks(n, NROW, 1024);
	double *part = (double *)cuda_scratch(c, CUDA_PART,
	    2 * nblock * sizeof(*part));

	if (part == NULL)
		return;
	NF_LAUNCH(loss_grad, nblock, NROW, 0, cuda_begin(c))(n, z, logp,
	    weight, tally, dz, dlogdet, part, sums, c->ticket);
	cuda_launched(c, "loss");
}

static __global__ void
sum_squares(size_t n, const float *x, double *part, double *sum,
    uint32_t *ticket)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t step = gridDim.x * (size_t)blockDim.x;
	double total = 0;
	float s;
	int i;

	while (k < n) {
		s = 0;
#pragma unroll
		for (i = 0; i < SHORT_SUM; i++, k += step)
			if (k < n)
				s += x[k] * x[k];
		total += s;
	}
	total = cuda_block_sum(total);
	if (threadIdx.x == 0)
		part[blockIdx.x] = total;
	if (!cuda_last_block(ticket))
		return;
	total = cuda_sum_parts(part, gridDim.x, 1);
	if (threadIdx.x == 0)
		*sum = total;
}

static void
cuda_sum_squares(struct nf_dev *d, size_t n, const float *x, double *sum)
{
	struct nf_cuda *c = cuda_of(d);
	unsigned nblock = cuda_blocks(n, NTHREAD * SHORT_SUM,
	    (size_t)c->nsm * 8);
	double *part = (double *)cuda_scratch(c, CUDA_PART,
	    nblock * sizeof(*part));

	if (part == NULL)
		return;
	NF_LAUNCH(sum_squares, nblock, NTHREAD, 0, cuda_begin(c))(n, x, part,
	    sum, c->ticket);
	cuda_launched(c, "norm of the gradient");
}

/* By one thread; see lib/cpu_optim.c. */
static __global__ void
judge(const double *sums, const double *squares, struct nf_tally *t)
{
	if (threadIdx.x == 0)
		nf_tally_judge(t, sums, sqrt(*squares));
}

static void
cuda_judge(struct nf_dev *d, const double *sums, const double *squares,
    struct nf_tally *tally)
{
	struct nf_cuda *c = cuda_of(d);

	NF_LAUNCH(judge, 1, 32, 0, cuda_begin(c))(sums, squares, tally);
	cuda_launched(c, "judge");
}

/* What is the same for all parameters. */
struct adam {
	float b1, b2, a1, a2, scale, eps, rate, root;
};

static __device__ void
adam_one(const struct adam *a, float *param, float grad, float *m, float *v)
{
	float g = grad * a->scale;
	float mi = a->b1 * *m + a->a1 * g;
	float vi = a->b2 * *v + a->a2 * g * g;

	*m = mi;
	*v = vi;
	*param -= a->rate * mi / (sqrtf(vi) * a->root + a->eps);
}

/* Kingma and Ba, "Adam", 2015, algorithm 1; wide: all pointers allow 16
 * bytes at a time. */
static __global__ void
adam(size_t n, const struct nf_tally *t, float *param, const float *grad,
    float *m, float *v, int wide)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x, i;
	size_t step = gridDim.x * (size_t)blockDim.x;
	size_t n4 = wide ? n / 4 : 0;
	struct adam a;
	float4 p, g, q, r;

	if (t->scale == 0)
		return;
	a.b1 = (float)t->beta1;
	a.b2 = (float)t->beta2;
	a.a1 = (float)(1 - t->beta1);
	a.a2 = (float)(1 - t->beta2);
	a.scale = (float)t->scale;
	a.eps = (float)t->eps;
	a.rate = (float)(t->lr / t->correct1);
	a.root = (float)(1 / sqrt(t->correct2));
	for (i = k; i < n4; i += step) {
		p = ((float4 *)param)[i];
		g = ((const float4 *)grad)[i];
		q = ((float4 *)m)[i];
		r = ((float4 *)v)[i];
		adam_one(&a, &p.x, g.x, &q.x, &r.x);
		adam_one(&a, &p.y, g.y, &q.y, &r.y);
		adam_one(&a, &p.z, g.z, &q.z, &r.z);
		adam_one(&a, &p.w, g.w, &q.w, &r.w);
		((float4 *)param)[i] = p;
		((float4 *)m)[i] = q;
		((float4 *)v)[i] = r;
	}
	for (i = 4 * n4 + k; i < n; i += step)
		adam_one(&a, &param[i], grad[i], &m[i], &v[i]);
}

static void
cuda_adam(struct nf_dev *d, size_t n, const struct nf_tally *tally,
    float *param, const float *grad, float *m, float *v)
{
	struct nf_cuda *c = cuda_of(d);
	int wide = (((uintptr_t)param | (uintptr_t)grad | (uintptr_t)m |
	    (uintptr_t)v) & 15) == 0;

	NF_LAUNCH(adam, cuda_blocks(n, NTHREAD * 4, (size_t)c->nsm * 16),
	    NTHREAD, 0, cuda_begin(c))(n, tally, param, grad, m, v, wide);
	cuda_launched(c, "adam");
	cuda_pack_changed(c, param, n * sizeof(*param));
}

void
cuda_optim_ops(struct nf_ops *t)
{
	t->log_normal = cuda_log_normal;
	t->loss_grad = cuda_loss_grad;
	t->sum_squares = cuda_sum_squares;
	t->judge = cuda_judge;
	t->adam = cuda_adam;
}
