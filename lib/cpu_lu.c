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

/* U's diagonal from what was trained, and (or NULL) the slope of that. */
static void
find_diagonal(uint32_t D, const nf_real *p, double *diag, double *slope)
{
	uint32_t i;

#pragma omp simd
	for (i = 0; i < D; i++) {
		double x = (double)p[i], s, y = nf_softplus_both(x, &s);

		diag[i] = NF_LU_EPS + (x > 20 ? x : y);
		if (slope != NULL)
			slope[i] = x > 20 ? 1 : s;
	}
}

static double *
read_factors(const struct nf_lu *lu, uint32_t k, double *work,
    struct factors *f)
{
	const nf_real *p = lu->param;
	const struct nf_lu_at *at = &lu->at[k];
	uint32_t D = lu->features, i, j;
	size_t nl = at->lower, nu = at->upper;
	double *diag;

	f->D = D;
	f->l = work;
	f->u = work + (size_t)D * D;
	f->logdet = 0;
	diag = f->u + (size_t)D * D;
	find_diagonal(D, p + at->diag, diag, NULL);
	memset(work, 0, 2 * (size_t)D * D * sizeof(*work));
	for (i = 0; i < D; i++) {
		for (j = 0; j < i; j++)
			f->l[i * D + j] = (double)p[nl++];
		f->l[i * D + i] = 1;
		f->u[i * D + i] = diag[i];
		f->logdet += log(diag[i]);
		for (j = i + 1; j < D; j++)
			f->u[i * D + j] = (double)p[nu++];
	}
	return diag;
}

/* a = L U; four rows of U at a time. */
static void
product(const struct factors *f, double *a)
{
	uint32_t D = f->D, i, j, k;

	memset(a, 0, (size_t)D * D * sizeof(*a));
	for (i = 0; i < D; i++, a += D) {
		const double *l = f->l + (size_t)i * D, *u = f->u;

		for (k = 0; k + 4 <= i + 1; k += 4, u += 4 * (size_t)D)
#pragma omp simd
			for (j = k; j < D; j++)
				a[j] += l[k] * u[j] + l[k + 1] * u[D + j] +
				    (l[k + 2] * u[2 * D + j] +
				    l[k + 3] * u[3 * D + j]);
		for (; k <= i; k++, u += D)
#pragma omp simd
			for (j = k; j < D; j++)
				a[j] += l[k] * u[j];
	}
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
	    lu->features > 2 * (double)NF_CPU_FEW;
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

/* What grad_layer works with: L, U^T, dA and both products, then these. */
struct room {
	nf_real *l, *ut, *da, *dl, *du, *pack;
	double *diag, *slope;
};

static size_t
room_size(uint32_t D)
{
	return (5 * (size_t)D * D * sizeof(nf_real) + cpu_product_room(D) +
	    63) / 64 * 64 + 2 * D * sizeof(double);
}

static struct room
cut_room(uint32_t D, void *memory)
{
	nf_real *x = memory;
	size_t n = (size_t)D * D;
	struct room r = { x, x + n, x + 2 * n, x + 3 * n, x + 4 * n,
		x + 5 * n, NULL, NULL };

	r.diag = (double *)((char *)memory + room_size(D)) - 2 * D;
	r.slope = r.diag + D;
	return r;
}

/* dL = dA U^T below the diagonal, dU = L^T dA on and above it. */
static void
grad_layer(const struct nf_lu *lu, uint32_t k, const nf_real *dm,
    const nf_real *dbias, double dlogdet, const struct room *w, nf_real *grad)
{
	const struct nf_lu_at *at = &lu->at[k];
	uint32_t D = lu->features, i, j;
	const int32_t *row = lu->row + (size_t)k * D;
	const int32_t *col = lu->col + (size_t)k * D;
	const nf_real *p = lu->param;
	size_t nl = at->lower, nu = at->upper;

	find_diagonal(D, p + at->diag, w->diag, w->slope);
	memset(w->l, 0, 2 * (size_t)D * D * sizeof(*w->l));
	for (i = 0; i < D; i++) {
		memcpy(w->l + i * D, p + nl, i * sizeof(*p));
		nl += i;
		w->l[i * D + i] = 1;
		w->ut[i * D + i] = (nf_real)w->diag[i];
		for (j = i + 1; j < D; j++)
			w->ut[j * D + i] = p[nu++];
		for (j = 0; j < D; j++)
			w->da[row[i] * D + col[j]] = dm[i * D + j];
		grad[at->bias + row[i]] = dbias[i];
	}
	cpu_product_rows(D, D, D, w->da, D, 1, D, w->ut, D, 0, w->dl, D,
	    w->pack);
	cpu_product_t(D, D, D, w->l, D, w->da, D, 0, w->du, D, w->pack);
	nl = at->lower;
	nu = at->upper;
	for (i = 0; i < D; i++) {
		memcpy(grad + nl, w->dl + i * D, i * sizeof(*grad));
		nl += i;
		grad[at->diag + i] = (nf_real)(((double)w->du[i * D + i] +
		    dlogdet / w->diag[i]) * w->slope[i]);
		memcpy(grad + nu, w->du + i * D + i + 1,
		    (D - i - 1) * sizeof(*grad));
		nu += D - i - 1;
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
		void *work = cpu_scratch(c, (uint32_t)omp_get_thread_num(),
		    room_size(lu->features));
		struct room r;

		if (work != NULL)
			r = cut_room(lu->features, work);
#pragma omp for
		for (k = 0; k < lu->nlayer; k++)
			if (work != NULL)
				grad_layer(lu, k, dm + k * D * D,
				    dbias + k * D, dlogdet, &r, grad);
	}
}

void
cpu_lu_ops(struct nf_ops *t)
{
	t->lu_fold = cpu_lu_fold;
	t->lu_grad = cpu_lu_grad;
}
