/* CPU: density, loss and the optimiser. */
#include <math.h>

#include "cpu.h"
#include "fastmath.h"

#define FEW	(1u << 15)		/* numbers, of which each is alone */

#define HALF_LN_2PI 0.91893853320467274178

static void
cpu_log_normal(struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *logdet, const double *constant, double *logp)
{
	const nf_real *x;
	double sum;
	uint32_t i, j;

	(void)d;
	for (i = 0; i < n; i++) {
		x = z.x + (size_t)i * z.ld;
		sum = 0;
		for (j = 0; j < z.ncol; j++)
			sum += (double)x[j] * (double)x[j];
		logp[i] = logdet[i] + *constant - 0.5 * sum -
		    z.ncol * HALF_LN_2PI;
	}
}

static void
cpu_loss_grad(struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *logp, const nf_real *weight, const struct nf_tally *tally,
    struct nf_mat dz, nf_real *dlogdet, double *sums)
{
	double w, g;
	uint32_t i, j;

	(void)d;
	sums[0] = sums[1] = 0;
	for (i = 0; i < n; i++) {
		w = weight == NULL ? 1 : (double)weight[i];
		sums[0] += w;
		sums[1] -= w * logp[i];
		g = w * tally->weight_norm;
		dlogdet[i] = (nf_real)-g;
		for (j = 0; j < z.ncol; j++)
			dz.x[(size_t)i * dz.ld + j] =
			    (nf_real)g * z.x[(size_t)i * z.ld + j];
	}
}

static void
cpu_add_share(struct nf_dev *d, size_t n, const nf_real *grad,
    const double *sums, nf_real *to_grad, double *to_sums)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint64_t i;

	to_sums[0] += sums[0];
	to_sums[1] += sums[1];
#pragma omp parallel for simd num_threads(c->nthread) schedule(static) \
    if (c->nthread > 1 && n > FEW)
	for (i = 0; i < n; i++)
		to_grad[i] += grad[i];
}

/* In short sums of nf_real, which go on in double. */
static double
squares(size_t n, const nf_real *x)
{
	double sum = 0;
	nf_real part;
	size_t i, j, m;

	for (i = 0; i < n; i += m) {
		m = n - i < 512 ? n - i : 512;
		part = 0;
#pragma omp simd reduction(+ : part)
		for (j = i; j < i + m; j++)
			part += x[j] * x[j];
		sum += (double)part;
	}
	return sum;
}

static void
cpu_sum_squares(struct nf_dev *d, size_t n, const nf_real *x, double *sum)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t me, i;

	*sum = 0;
	if (n <= NF_CPU_FEW) {
		*sum = squares(n, x);
		return;
	}
#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		double *s = cpu_scratch(c, me, sizeof(*s));
		uint64_t lo, hi;

		cpu_split(n, me, c->nthread, 512, &lo, &hi);
		if (s != NULL)
			*s = squares(hi - lo, x + lo);
	}
	for (i = 0; i < c->nthread && !c->oom; i++)
		*sum += *(double *)c->scratch[i];
}

static void
cpu_judge(struct nf_dev *d, const double *sums, const double *sum_squares,
    struct nf_tally *t)
{
	(void)d;
	nf_tally_judge(t, sums, sqrt(*sum_squares));
}

/* Kingma and Ba, "Adam", 2015, algorithm 1. */
static void
cpu_adam(struct nf_dev *d, size_t n, const struct nf_tally *t, nf_real *param,
    const nf_real *grad, nf_real *m, nf_real *v)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	nf_real b1 = (nf_real)t->beta1, b2 = (nf_real)t->beta2;
	nf_real a1 = (nf_real)(1 - t->beta1), a2 = (nf_real)(1 - t->beta2);
	nf_real scale = (nf_real)t->scale, eps = (nf_real)t->eps;
	nf_real rate, root;
	uint64_t i;

	if (t->scale == 0)
		return;
	rate = (nf_real)(t->lr / t->correct1);
	root = (nf_real)(1 / sqrt(t->correct2));
#pragma omp parallel for simd num_threads(c->nthread) schedule(static) \
    if (c->nthread > 1 && n > FEW)
	for (i = 0; i < n; i++) {
		nf_real g = grad[i] * scale;
		nf_real mi = b1 * m[i] + a1 * g;
		nf_real vi = b2 * v[i] + a2 * g * g;

		m[i] = mi;
		v[i] = vi;
		param[i] -= rate * mi / (NF_SQRT(vi) * root + eps);
	}
}

void
cpu_optim_ops(struct nf_ops *t)
{
	t->log_normal = cpu_log_normal;
	t->loss_grad = cpu_loss_grad;
	t->add_share = cpu_add_share;
	t->sum_squares = cpu_sum_squares;
	t->judge = cpu_judge;
	t->adam = cpu_adam;
}
