/* CPU: permutation and LU of all layers, folded to one matrix each. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "cpu.h"
#include "fastmath.h"

/* One layer's factors, spread out: L [D][D] with its unit diagonal, U. */
struct factors {
	uint32_t D;
	double *l, *u;
	double logdet;
};

static double *
read_factors(const struct nf_lu *lu, uint32_t k, double *work,
    struct factors *f)
{
	const nf_real *p = lu->param;
	const struct nf_lu_at *at = &lu->at[k];
	uint32_t D = lu->features, i, j;
	size_t nl = at->lower, nu = at->upper;

	f->D = D;
	f->l = work;
	f->u = work + (size_t)D * D;
	f->logdet = 0;
	memset(work, 0, 2 * (size_t)D * D * sizeof(*work));
	for (i = 0; i < D; i++) {
		for (j = 0; j < i; j++)
			f->l[i * D + j] = (double)p[nl++];
		f->l[i * D + i] = 1;
		f->u[i * D + i] = NF_LU_EPS +
		    nf_softplus((double)p[at->diag + i]);
		f->logdet += log(f->u[i * D + i]);
		for (j = i + 1; j < D; j++)
			f->u[i * D + j] = (double)p[nu++];
	}
	return work + 2 * (size_t)D * D;
}

/* a = L U. */
static void
product(const struct factors *f, double *a)
{
	uint32_t D = f->D, i, j, k;

	memset(a, 0, (size_t)D * D * sizeof(*a));
	for (i = 0; i < D; i++)
		for (k = 0; k <= i; k++)
			for (j = k; j < D; j++)
				a[i * D + j] += f->l[i * D + k] *
				    f->u[k * D + j];
}

/* a = (L U)^-1, a column at a time: L y = e_c, then U x = y. */
static void
inverse(const struct factors *f, double *a)
{
	uint32_t D = f->D, c, i, j;
	double s;

	for (c = 0; c < D; c++) {
		for (i = 0; i < D; i++) {
			s = i == c;
			for (j = c; j < i; j++)
				s -= f->l[i * D + j] * a[j * D + c];
			a[i * D + c] = i < c ? 0 : s;
		}
		for (i = D; i-- > 0;) {
			s = a[i * D + c];
			for (j = i + 1; j < D; j++)
				s -= f->u[i * D + j] * a[j * D + c];
			a[i * D + c] = s / f->u[i * D + i];
		}
	}
}

static void
fold_layer(const struct nf_lu *lu, uint32_t k, int back, double *work,
    nf_real *m, nf_real *bias, double *logdet)
{
	uint32_t D = lu->features, r, c;
	const int32_t *row = lu->row + (size_t)k * D;
	const int32_t *col = lu->col + (size_t)k * D;
	const nf_real *b = lu->param + lu->at[k].bias;
	struct factors f;
	double *a = read_factors(lu, k, work, &f), s;

	m += (size_t)k * D * D;
	bias += (size_t)k * D;
	*logdet = f.logdet;
	if (!back) {
		product(&f, a);
		for (r = 0; r < D; r++) {
			for (c = 0; c < D; c++)
				m[r * D + c] = (nf_real)a[row[r] * D + col[c]];
			bias[r] = b[row[r]];
		}
		return;
	}
	inverse(&f, a);
	for (c = 0; c < D; c++) {
		s = 0;
		for (r = 0; r < D; r++) {
			m[c * D + r] = (nf_real)a[col[c] * D + row[r]];
			s += a[col[c] * D + row[r]] * (double)b[row[r]];
		}
		bias[c] = (nf_real)-s;
	}
}

/* Are there so many products that more than one thread pays? */
static int
worth(const struct nf_lu *lu)
{
	return (double)lu->nlayer * lu->features * lu->features *
	    lu->features > 8 * (double)NF_CPU_FEW;
}

static void
cpu_lu_fold(struct nf_dev *d, const struct nf_lu *lu, int back, nf_real *m,
    nf_real *bias, double *logdet)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	size_t D2 = (size_t)lu->features * lu->features;
	double *each = nf_alloc(lu->nlayer, sizeof(*each), "logdets", NULL);
	uint32_t k;

	if (each == NULL) {
		c->oom = 1;
		return;
	}
#pragma omp parallel num_threads(c->nthread) \
    if (c->nthread > 1 && worth(lu))
	{
		double *work = cpu_scratch(c, (uint32_t)omp_get_thread_num(),
		    3 * D2 * sizeof(*work));

#pragma omp for
		for (k = 0; k < lu->nlayer; k++)
			if (work != NULL)
				fold_layer(lu, k, back, work, m, bias,
				    &each[k]);
	}
	*logdet = 0;
	for (k = 0; k < lu->nlayer; k++)
		*logdet += each[k];
	nf_free(each);
}

/* dL = dA U^T below the diagonal, dU = L^T dA on and above it. */
static void
grad_layer(const struct nf_lu *lu, uint32_t k, const nf_real *dm,
    const nf_real *dbias, double dlogdet, double *work, nf_real *grad)
{
	const struct nf_lu_at *at = &lu->at[k];
	uint32_t D = lu->features, i, j, r, q;
	const int32_t *row = lu->row + (size_t)k * D;
	const int32_t *col = lu->col + (size_t)k * D;
	size_t nl = at->lower, nu = at->upper;
	struct factors f;
	double *da = read_factors(lu, k, work, &f), *du, s;

	for (r = 0; r < D; r++) {
		for (q = 0; q < D; q++)
			da[row[r] * D + col[q]] = (double)dm[r * D + q];
		grad[at->bias + row[r]] = dbias[r];
	}
	du = da + (size_t)D * D;
	memset(du, 0, (size_t)D * D * sizeof(*du));
	for (i = 0; i < D; i++)
		for (q = i; q < D; q++)
#pragma omp simd
			for (j = i; j < D; j++)
				du[i * D + j] += f.l[q * D + i] *
				    da[q * D + j];
	for (i = 0; i < D; i++) {
		for (j = 0; j < i; j++) {
			s = 0;
#pragma omp simd reduction(+ : s)
			for (q = j; q < D; q++)
				s += da[i * D + q] * f.u[j * D + q];
			grad[nl++] = (nf_real)s;
		}
		s = du[i * D + i] + dlogdet / f.u[i * D + i];
		grad[at->diag + i] = (nf_real)(s * nf_softplus_slope(
		    (double)lu->param[at->diag + i]));
		for (j = i + 1; j < D; j++)
			grad[nu++] = (nf_real)du[i * D + j];
	}
}

static void
cpu_lu_grad(struct nf_dev *d, const struct nf_lu *lu, const nf_real *dm,
    const nf_real *dbias, const double *sums, const struct nf_tally *tally,
    nf_real *grad)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	size_t D = lu->features;
	double dlogdet = -sums[0] * tally->weight_norm;
	uint32_t k;

#pragma omp parallel num_threads(c->nthread) \
    if (c->nthread > 1 && worth(lu))
	{
		double *work = cpu_scratch(c, (uint32_t)omp_get_thread_num(),
		    4 * D * D * sizeof(*work));

#pragma omp for
		for (k = 0; k < lu->nlayer; k++)
			if (work != NULL)
				grad_layer(lu, k, dm + k * D * D,
				    dbias + k * D, dlogdet, work, grad);
	}
}

void
cpu_lu_ops(struct nf_ops *t)
{
	t->lu_fold = cpu_lu_fold;
	t->lu_grad = cpu_lu_grad;
}
