/* CPU: linear layers. */
#include <omp.h>

#include "cpu.h"

static void
put_bias(const struct nf_linear *l, uint32_t n, nf_real *y, size_t ld)
{
	uint32_t i, j;

	for (i = 0; i < n; i++, y += ld)
#pragma omp simd
		for (j = 0; j < l->nout; j++)
			y[j] = l->b[j];
}

static void
cpu_linear(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y)
{
	struct nf_cpu *c = (struct nf_cpu *)d;

#pragma omp parallel num_threads(c->nthread) if (c->nthread > 1)
	{
		uint64_t lo, hi, i;
		uint32_t m;

		cpu_split(n, (uint32_t)omp_get_thread_num(), c->nthread,
		    NF_CPU_TILE, &lo, &hi);
		for (i = lo; i < hi; i += m) {
			m = hi - i < NF_CPU_TILE ? (uint32_t)(hi - i) :
			    NF_CPU_TILE;
			if (l->b != NULL)
				put_bias(l, m, y.x + i * y.ld, y.ld);
			cpu_gemm(0, 1, m, l->nout, l->nin, x.x + i * x.ld,
			    x.ld, l->w, l->nin, l->b != NULL,
			    y.x + i * y.ld, y.ld);
		}
	}
}

/* Rows lo to hi of the weight's gradient, summed over all n rows of x. */
static void
weight_grad(uint32_t n, const struct nf_linear *l, struct nf_mat x,
    struct nf_mat dy, nf_real *dw, nf_real *db, uint32_t lo, uint32_t hi)
{
	uint32_t i, m, j;

	for (j = lo; db != NULL && j < hi; j++)
		db[j] = 0;
	for (i = 0; i < n; i += m) {
		m = n - i < NF_CPU_CHUNK ? n - i : NF_CPU_CHUNK;
		cpu_gemm(1, 0, hi - lo, l->nin, m,
		    dy.x + (size_t)i * dy.ld + lo, dy.ld,
		    x.x + (size_t)i * x.ld, x.ld, i > 0,
		    dw + (size_t)lo * l->nin, l->nin);
		if (db != NULL)
			cpu_add_columns(m, hi - lo,
			    dy.x + (size_t)i * dy.ld + lo, dy.ld, db + lo);
	}
}

static void
cpu_linear_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int add,
    nf_real *dw, nf_real *db)
{
	struct nf_cpu *c = (struct nf_cpu *)d;

#pragma omp parallel num_threads(c->nthread) if (c->nthread > 1)
	{
		uint32_t t = (uint32_t)omp_get_thread_num(), m;
		uint64_t lo, hi, i;

		cpu_split(l->nout, t, c->nthread, 16, &lo, &hi);
		weight_grad(n, l, x, dy, dw, db, (uint32_t)lo, (uint32_t)hi);
		cpu_split(dx.x == NULL ? 0 : n, t, c->nthread, NF_CPU_TILE,
		    &lo, &hi);
		for (i = lo; i < hi; i += m) {
			m = hi - i < NF_CPU_TILE ? (uint32_t)(hi - i) :
			    NF_CPU_TILE;
			cpu_gemm(0, 0, m, dx.ncol, l->nout, dy.x + i * dy.ld,
			    dy.ld, l->w, l->nin, add, dx.x + i * dx.ld,
			    dx.ld);
		}
	}
}

void
cpu_linear_ops(struct nf_ops *t)
{
	t->linear = cpu_linear;
	t->linear_grad = cpu_linear_grad;
}
