/* CPU: batch norm, activation and dropout. */
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "fastmath.h"
#include "philox.h"

/* Rows summed in nf_real before the sum goes on in double. */
#define SHORT_SUM 16

/*
 * What dropout leaves of element (row, column): 1 / (1 - rate) or 0.  The
 * counter is the batch, the row, the layer and four columns at a time.
 */
static void
drop(const struct nf_norm *m, uint64_t row, uint32_t ncol, nf_real *mask)
{
	uint32_t key[2], ctr[4], r[4], j, k;
	uint64_t bound = (uint64_t)ldexp(m->dropout, 32);
	nf_real keep = (nf_real)(1 / (1 - m->dropout));

	key[0] = (uint32_t)m->tally->seed;
	key[1] = (uint32_t)(m->tally->seed >> 32) ^ m->layer;
	for (j = 0; j < ncol; j += 4) {
		ctr[0] = (uint32_t)m->tally->seen;
		ctr[1] = (uint32_t)(m->tally->seen >> 32);
		ctr[2] = (uint32_t)row;
		ctr[3] = NF_FOR_DROPOUT | (j / 4) << 8;
		nf_philox(key, ctr, r);
		for (k = 0; k < 4 && j + k < ncol; k++)
			mask[j + k] = r[k] < bound ? 0 : keep;
	}
}

/* sum[j], sum[ncol + j] += sums of t - about and its square, n rows. */
static void
moments(uint32_t n, uint32_t ncol, const nf_real *t, size_t ld,
    const nf_real *about, nf_real *part, double *sum)
{
	uint32_t i, j, k, m;

	for (i = 0; i < n; i += m) {
		m = n - i < SHORT_SUM ? n - i : SHORT_SUM;
		memset(part, 0, 2 * ncol * sizeof(*part));
		for (k = 0; k < m; k++, t += ld)
#pragma omp simd
			for (j = 0; j < ncol; j++) {
				nf_real v = t[j] - about[j];

				part[j] += v;
				part[ncol + j] += v * v;
			}
#pragma omp simd
		for (j = 0; j < 2 * ncol; j++)
			sum[j] += (double)part[j];
	}
}

/*
 * Mean and variance of the batch, summed about its first row so that a mean
 * far from zero costs no digits.
 */
static void
statistics(struct nf_cpu *c, uint32_t n, const struct nf_norm *m,
    struct nf_mat t)
{
	uint32_t ncol = t.ncol, me, i, j;
	double mean, var;
	double *total = NULL;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		double *sum = cpu_scratch(c, me, ncol * (2 * sizeof(double) +
		    2 * sizeof(nf_real)));
		uint64_t lo, hi;

		cpu_split(n, me, c->nthread, SHORT_SUM, &lo, &hi);
		if (sum != NULL) {
			memset(sum, 0, 2 * ncol * sizeof(*sum));
			moments((uint32_t)(hi - lo), ncol, t.x + lo * t.ld,
			    t.ld, t.x, (nf_real *)(sum + 2 * ncol), sum);
		}
	}
	if (c->oom)
		return;
	total = c->scratch[0];
	for (i = 1; i < c->nthread; i++)
		for (j = 0; j < 2 * ncol; j++)
			total[j] += ((double *)c->scratch[i])[j];
	for (j = 0; j < ncol; j++) {
		mean = total[j] / n;
		var = total[ncol + j] / n - mean * mean;
		var = var > 0 ? var : var <= 0 ? 0 : var;	/* NaN stays */
		m->mean[j] = (nf_real)(mean + (double)t.x[j]);
		m->var[j] = (nf_real)(n > 1 ? var * n / (n - 1) : var);
		m->invstd[j] = (nf_real)(1 / sqrt(var + NF_NORM_EPS));
	}
}

/* scale and shift: norm(t) = (t - mean) * scale + bias. */
static void
row_scale(const struct nf_norm *m, enum nf_norm_mode mode, uint32_t ncol,
    nf_real *mean, nf_real *scale)
{
	const nf_real *var = m->running_var, *weight = m->weight;
	uint32_t j;

	for (j = 0; j < ncol; j++)
		mean[j] = weight == NULL ? 0 : mode == NF_NORM_EVAL ?
		    m->running_mean[j] : m->mean[j];
	if (weight == NULL)
		for (j = 0; j < ncol; j++)
			scale[j] = 1;
	else if (mode == NF_NORM_EVAL)
#pragma omp simd
		for (j = 0; j < ncol; j++)
			scale[j] = weight[j] /
			    NF_SQRT(var[j] + (nf_real)NF_NORM_EPS);
	else
#pragma omp simd
		for (j = 0; j < ncol; j++)
			scale[j] = weight[j] * m->invstd[j];
}

/* Call f for an activation that the compiler knows: no test in its loops. */
#define FOR_ACT(act, f, ...)						\
	switch (act) {							\
	case NF_RELU:							\
		f(NF_RELU, __VA_ARGS__);				\
		break;							\
	case NF_LEAKY_RELU:						\
		f(NF_LEAKY_RELU, __VA_ARGS__);				\
		break;							\
	case NF_ELU:							\
		f(NF_ELU, __VA_ARGS__);					\
		break;							\
	}

static inline __attribute__((always_inline)) void
apply_rows(enum nf_act act, const struct nf_norm *m, uint64_t lo,
    uint64_t hi, struct nf_mat t, struct nf_mat u, const nf_real *mean,
    const nf_real *scale, nf_real *mask)
{
	const nf_real *bias = m->bias, *x;
	nf_real *y;
	uint64_t i;
	uint32_t j;

	for (i = lo; i < hi; i++) {
		x = t.x + i * t.ld;
		y = u.x + i * u.ld;
		if (m->weight == NULL)
#pragma omp simd
			for (j = 0; j < t.ncol; j++)
				y[j] = nf_act(act, x[j]);
		else
#pragma omp simd
			for (j = 0; j < t.ncol; j++)
				y[j] = nf_act(act,
				    (x[j] - mean[j]) * scale[j] + bias[j]);
		if (mask == NULL)
			continue;
		drop(m, m->row0 + i, t.ncol, mask);
		for (j = 0; j < t.ncol; j++)
			y[j] *= mask[j];
	}
}

static void
cpu_norm(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    enum nf_norm_mode mode, struct nf_mat t, struct nf_mat u)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t ncol = t.ncol, me;

	if (mode == NF_NORM_TRAIN && m->weight != NULL)
		statistics(c, n, m, t);
#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		nf_real *mean = cpu_scratch(c, me,
		    3 * ncol * sizeof(nf_real));
		uint64_t lo, hi;

		cpu_split(n, me, c->nthread, 1, &lo, &hi);
		if (mean != NULL) {
			row_scale(m, mode, ncol, mean, mean + ncol);
			FOR_ACT(m->act, apply_rows, m, lo, hi, t, u, mean,
			    mean + ncol, mode != NF_NORM_EVAL &&
			    m->dropout > 0 ? mean + 2 * ncol : NULL);
		}
	}
}

/* ---- backward --------------------------------------------------------- */

/* One row of grad_sums, where there is a norm. */
static inline __attribute__((always_inline)) void
grad_row(enum nf_act act, uint32_t ncol, const nf_real *restrict x,
    const nf_real *restrict mean, const nf_real *restrict scale,
    const nf_real *restrict bias, const nf_real *restrict invstd,
    nf_real *restrict g, nf_real *restrict sum_g, nf_real *restrict sum_gx)
{
	uint32_t j;

#pragma omp simd
	for (j = 0; j < ncol; j++) {
		nf_real v = x[j] - mean[j];
		nf_real e = g[j] *
		    nf_act_slope(act, v * scale[j] + bias[j]);

		g[j] = e;
		sum_g[j] += e;
		sum_gx[j] += e * (v * invstd[j]);
	}
}

/*
 * du becomes the gradient at the norm's output; without sums that is all.
 * sum[j], sum[ncol + j] += its sum and its sum times the normalised value.
 */
static inline __attribute__((always_inline)) void
grad_sums(enum nf_act act, const struct nf_norm *m, uint64_t lo,
    uint64_t hi, struct nf_mat t, struct nf_mat du, const nf_real *mean,
    const nf_real *scale,
    nf_real *part, double *sum, nf_real *mask)
{
	const nf_real *bias = m->bias, *invstd = m->invstd, *x;
	uint32_t ncol = t.ncol, j, k;
	nf_real *g;
	uint64_t i;

	for (i = lo; i < hi; i++) {
		x = t.x + i * t.ld;
		g = du.x + i * du.ld;
		if (mask != NULL) {
			drop(m, m->row0 + i, ncol, mask);
			for (j = 0; j < ncol; j++)
				g[j] *= mask[j];
		}
		if (m->weight == NULL) {
#pragma omp simd
			for (j = 0; j < ncol; j++)
				g[j] *= nf_act_slope(act, x[j]);
			continue;
		}
		grad_row(act, ncol, x, mean, scale, bias, invstd, g, part,
		    part + ncol);
		k = (uint32_t)(i - lo) % SHORT_SUM;
		if (k != SHORT_SUM - 1 && i != hi - 1)
			continue;
#pragma omp simd
		for (j = 0; j < 2 * ncol; j++) {
			sum[j] += (double)part[j];
			part[j] = 0;
		}
	}
}

/* dt from the gradient at the norm's output (Ioffe, Szegedy 2015, s. 3). */
static void
grad_rows(const struct nf_norm *m, uint64_t lo, uint64_t hi, struct nf_mat t,
    struct nf_mat du, struct nf_mat dt, int add, const nf_real *scale,
    const nf_real *mean_g, const nf_real *mean_gx)
{
	const nf_real *x, *g, *mean = m->mean, *invstd = m->invstd;
	nf_real *y;
	uint64_t i;
	uint32_t j;

	for (i = lo; i < hi; i++) {
		x = t.x + i * t.ld;
		g = du.x + i * du.ld;
		y = dt.x + i * dt.ld;
		if (m->weight == NULL) {
			for (j = 0; j < t.ncol; j++)
				y[j] = g[j] + (add ? y[j] : 0);
			continue;
		}
#pragma omp simd
		for (j = 0; j < t.ncol; j++) {
			nf_real v = scale[j] * (g[j] - mean_g[j] -
			    (x[j] - mean[j]) * invstd[j] * mean_gx[j]);

			y[j] = v + (add ? y[j] : 0);
		}
	}
}

/* What norm_grad keeps of each thread: sums, then these. */
static nf_real *
grad_scratch(const struct nf_cpu *c, uint32_t me, uint32_t ncol)
{
	return (nf_real *)((double *)c->scratch[me] + 2 * ncol);
}

/* The sums of all threads: the two gradients, and their means to grad_rows. */
static void
add_sums(const struct nf_cpu *c, uint32_t n, uint32_t ncol, nf_real *dweight,
    nf_real *dbias, nf_real *mean_g, nf_real *mean_gx)
{
	double s, sx;
	uint32_t i, j;

	for (j = 0; j < ncol; j++) {
		s = sx = 0;
		for (i = 0; i < c->nthread; i++) {
			s += ((double *)c->scratch[i])[j];
			sx += ((double *)c->scratch[i])[ncol + j];
		}
		dbias[j] = (nf_real)s;
		dweight[j] = (nf_real)sx;
		mean_g[j] = (nf_real)(s / n);
		mean_gx[j] = (nf_real)(sx / n);
	}
}

static void
cpu_norm_grad(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    struct nf_mat t, struct nf_mat du, struct nf_mat dt, int add,
    nf_real *dweight, nf_real *dbias)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t ncol = t.ncol, me;
	size_t nbyte = ncol * (2 * sizeof(double) + 7 * sizeof(nf_real));
	nf_real *part;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		double *sum = cpu_scratch(c, me, nbyte);
		nf_real *mean, *scale;
		uint64_t lo, hi;

		if (sum == NULL)
			continue;
		memset(sum, 0, nbyte);
		mean = grad_scratch(c, me, ncol);
		scale = mean + ncol;
		row_scale(m, NF_NORM_AGAIN, ncol, mean, scale);
		cpu_split(n, me, c->nthread, 1, &lo, &hi);
		FOR_ACT(m->act, grad_sums, m, lo, hi, t, du, mean, scale,
		    scale + ncol, sum,
		    m->dropout > 0 ? scale + 3 * ncol : NULL);
	}
	if (c->oom)
		return;
	part = grad_scratch(c, 0, ncol) + 2 * ncol;
	if (m->weight != NULL)
		add_sums(c, n, ncol, dweight, dbias, part, part + ncol);
#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		uint64_t lo, hi;

		cpu_split(n, me, c->nthread, 1, &lo, &hi);
		grad_rows(m, lo, hi, t, du, dt, add, part - ncol, part,
		    part + ncol);
	}
}

static void
cpu_norm_update(struct nf_dev *d, size_t n, const nf_real *batch,
    const struct nf_tally *tally, nf_real *running)
{
	size_t i;

	(void)d;
	if (tally->scale == 0)
		return;
	for (i = 0; i < n; i++)
		running[i] += (nf_real)NF_NORM_MOMENTUM *
		    (batch[i] - running[i]);
}

void
cpu_norm_ops(struct nf_ops *t)
{
	t->norm = cpu_norm;
	t->norm_grad = cpu_norm_grad;
	t->norm_update = cpu_norm_update;
}
