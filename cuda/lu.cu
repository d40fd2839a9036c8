/* CUDA: permutation and LU of all layers, a block each, in double. */
#include <math.h>

#include "block.cuh"
#include "fastmath.h"

#define NTHREAD		256

/* One layer's factors, spread out: L [D][D] with its unit diagonal, U. */
struct factors {
	uint32_t D;
	double *l, *u, *a;		/* a: room for a third matrix */
};

/* By all threads, which come out with its log determinant. */
static __device__ double
read_factors(const struct nf_lu *lu, uint32_t k, double *work,
    struct factors *f)
{
	const struct nf_lu_at at = lu->at[k];
	uint32_t D = lu->features, i, j;
	size_t n = (size_t)D * D, q;
	double sum = 0, l, u;

	f->D = D;
	f->l = work + k * 3 * n;
	f->u = f->l + n;
	f->a = f->u + n;
	for (q = threadIdx.x; q < n; q += blockDim.x) {
		i = (uint32_t)(q / D);
		j = (uint32_t)(q % D);
		l = u = 0;
		if (j < i)
			l = lu->param[at.lower + (size_t)i * (i - 1) / 2 + j];
		else if (j > i)
			u = lu->param[at.upper + (size_t)i *
			    (2 * (size_t)D - i - 1) / 2 + (j - i - 1)];
		else {
			l = 1;
			u = NF_LU_EPS +
			    nf_softplus(lu->param[at.diag + i]);
			sum += log(u);
		}
		f->l[q] = l;
		f->u[q] = u;
	}
	return cuda_block_sum(sum);	/* and a barrier */
}

/* Element (i, j) of L U. */
static __device__ double
product(const struct factors *f, uint32_t i, uint32_t j)
{
	uint32_t D = f->D, k, end = i < j ? i : j;
	double s = 0;

	for (k = 0; k <= end; k++)
		s += f->l[(size_t)i * D + k] * f->u[(size_t)k * D + j];
	return s;
}

/* a = (L U)^-1, a column a thread: L y = e_c, then U x = y. */
static __device__ void
inverse(const struct factors *f)
{
	uint32_t D = f->D, c, i, j;
	double *a = f->a, s;

	for (c = threadIdx.x; c < D; c += blockDim.x) {
		for (i = 0; i < D; i++) {
			s = i == c;
			for (j = c; j < i; j++)
				s -= f->l[(size_t)i * D + j] *
				    a[(size_t)j * D + c];
			a[(size_t)i * D + c] = i < c ? 0 : s;
		}
		for (i = D; i-- > 0;) {
			s = a[(size_t)i * D + c];
			for (j = i + 1; j < D; j++)
				s -= f->u[(size_t)i * D + j] *
				    a[(size_t)j * D + c];
			a[(size_t)i * D + c] = s / f->u[(size_t)i * D + i];
		}
	}
	__syncthreads();
}

/* The inverse map: m = a in the orders of col and row, and its bias. */
static __device__ void
fold_inverse(const struct factors *f, const int32_t *row, const int32_t *col,
    const float *b, float *m, float *bias)
{
	uint32_t D = f->D, c, r;
	size_t q;
	double s;

	inverse(f);
	for (q = threadIdx.x; q < (size_t)D * D; q += blockDim.x)
		m[q] = (float)f->a[(size_t)col[q / D] * D + row[q % D]];
	for (c = threadIdx.x; c < D; c += blockDim.x) {
		s = 0;
		for (r = 0; r < D; r++)
			s += f->a[(size_t)col[c] * D + row[r]] * b[row[r]];
		bias[c] = (float)-s;
	}
}

static __global__ void
fold(struct nf_lu lu, int back, double *work, double *each, float *m,
    float *bias, double *logdet, uint32_t *ticket)
{
	uint32_t D = lu.features, k = blockIdx.x, r;
	const int32_t *row = lu.row + (size_t)k * D;
	const int32_t *col = lu.col + (size_t)k * D;
	const float *b = lu.param + lu.at[k].bias;
	struct factors f;
	double sum = read_factors(&lu, k, work, &f);
	size_t q, n = (size_t)D * D;

	if (threadIdx.x == 0)
		each[k] = sum;
	m += k * n;
	bias += (size_t)k * D;
	if (back)
		fold_inverse(&f, row, col, b, m, bias);
	else {
		for (q = threadIdx.x; q < n; q += blockDim.x)
			m[q] = (float)product(&f, (uint32_t)row[q / D],
			    (uint32_t)col[q % D]);
		for (r = threadIdx.x; r < D; r += blockDim.x)
			bias[r] = b[row[r]];
	}
	if (!cuda_last_block(ticket))
		return;
	sum = cuda_sum_parts(each, gridDim.x, 1);
	if (threadIdx.x == 0)
		*logdet = sum;
}

/* [nlayer] log determinants, then the factors. */
static double *
room(struct nf_cuda *c, const struct nf_lu *lu)
{
	size_t D = lu->features;

	return (double *)cuda_scratch(c, CUDA_LU, lu->nlayer *
	    (1 + 3 * D * D) * sizeof(double));
}

static void
cuda_lu_fold(struct nf_dev *d, const struct nf_lu *lu, int back, float *m,
    float *bias, double *logdet)
{
	struct nf_cuda *c = cuda_of(d);
	double *work = room(c, lu);

	if (work == NULL)
		return;
	NF_LAUNCH(fold, lu->nlayer, NTHREAD, 0, cuda_begin(c))(*lu, back,
	    work + lu->nlayer, work, m, bias, logdet, c->ticket);
	cuda_launched(c, "lu");
}

/* dL = dA U^T below the diagonal, dU = L^T dA on and above it. */
static __global__ void
grad_layer(struct nf_lu lu, const float *dm, const float *dbias,
    const double *sums, const struct nf_tally *tally, double *work,
    float *grad)
{
	uint32_t D = lu.features, k = blockIdx.x, i, j, q;
	const struct nf_lu_at at = lu.at[k];
	const int32_t *row = lu.row + (size_t)k * D;
	const int32_t *col = lu.col + (size_t)k * D;
	size_t n = (size_t)D * D, e;
	struct factors f;
	double s;

	read_factors(&lu, k, work, &f);
	for (e = threadIdx.x; e < n; e += blockDim.x)
		f.a[(size_t)row[e / D] * D + col[e % D]] = dm[k * n + e];
	for (i = threadIdx.x; i < D; i += blockDim.x)
		grad[at.bias + row[i]] = dbias[(size_t)k * D + i];
	__syncthreads();
	for (e = threadIdx.x; e < n; e += blockDim.x) {
		i = (uint32_t)(e / D);
		j = (uint32_t)(e % D);
		s = 0;
		if (j < i) {
			for (q = j; q < D; q++)
				s += f.a[(size_t)i * D + q] *
				    f.u[(size_t)j * D + q];
			grad[at.lower + (size_t)i * (i - 1) / 2 + j] =
			    (float)s;
			continue;
		}
		for (q = i; q < D; q++)
			s += f.l[(size_t)q * D + i] * f.a[(size_t)q * D + j];
		if (j > i) {
			grad[at.upper + (size_t)i * (2 * (size_t)D - i - 1) /
			    2 + (j - i - 1)] = (float)s;
			continue;
		}
		s -= sums[0] * tally->weight_norm / f.u[e];
		grad[at.diag + i] = (float)(s *
		    nf_softplus_slope(lu.param[at.diag + i]));
	}
}

static void
cuda_lu_grad(struct nf_dev *d, const struct nf_lu *lu, const float *dm,
    const float *dbias, const double *sums, const struct nf_tally *tally,
    float *grad)
{
	struct nf_cuda *c = cuda_of(d);
	double *work = room(c, lu);

	if (work == NULL)
		return;
	NF_LAUNCH(grad_layer, lu->nlayer, NTHREAD, 0, cuda_begin(c))(*lu, dm,
	    dbias, sums, tally, work + lu->nlayer, grad);
	cuda_launched(c, "lu gradient");
}

void
cuda_lu_ops(struct nf_ops *t)
{
	t->lu_fold = cuda_lu_fold;
	t->lu_grad = cuda_lu_grad;
}
