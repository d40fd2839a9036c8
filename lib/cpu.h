/*
 * The CPU backend's own.  Every lib/cpu_*.c is compiled once for each
 * instruction set (NF_ISA), and nf_cpu_open takes the best that the
 * processor has: the tables are named nf_cpu_ops_portable, _avx2, _avx512.
 *
 * An operation splits its rows (or, for a weight's gradient, its outputs)
 * among the device's threads; every product is one thread's own call of the
 * CBLAS, which keeps it exact and leaves no thread waiting on another.  A
 * lane is a device of one thread.
 */
#ifndef NF_CPU_H
#define NF_CPU_H

#include <cblas.h>

#include "backend.h"

struct nf_cpu {
	struct nf_dev dev;		/* first: a nf_dev is one of these */
	uint32_t nthread;
	int oom;			/* the fault sync reports */
	struct nf_cpu *lane;		/* [dev.nlane], or NULL in a lane */
	void **scratch;			/* [nthread], of a thread's own */
	size_t *nscratch;		/* bytes of each */
};

#define NF_CPU_TILE	128		/* rows of one product */
#define NF_CPU_CHUNK	512		/* rows of one sum over rows */

#define CPU_NAME2(name, isa)	name ## _ ## isa
#define CPU_NAME1(name, isa)	CPU_NAME2(name, isa)
#ifdef NF_ISA
#define CPU_NAME(name)		CPU_NAME1(name, NF_ISA)
#define cpu_split		CPU_NAME(cpu_split)
#define cpu_scratch		CPU_NAME(cpu_scratch)
#define cpu_add_columns		CPU_NAME(cpu_add_columns)
#define cpu_memory_ops		CPU_NAME(cpu_memory_ops)
#define cpu_row_ops		CPU_NAME(cpu_row_ops)
#define cpu_linear_ops		CPU_NAME(cpu_linear_ops)
#define cpu_norm_ops		CPU_NAME(cpu_norm_ops)
#define cpu_gate_ops		CPU_NAME(cpu_gate_ops)
#define cpu_spline_ops		CPU_NAME(cpu_spline_ops)
#define cpu_spline_grad_ops	CPU_NAME(cpu_spline_grad_ops)
#define cpu_lu_ops		CPU_NAME(cpu_lu_ops)
#define cpu_optim_ops		CPU_NAME(cpu_optim_ops)

/* The half-open range of n things that thread i of nthread takes; whole
 * multiples of unit but for the last. */
void cpu_split(uint64_t n, uint32_t i, uint32_t nthread, uint32_t unit,
    uint64_t *lo, uint64_t *hi);

/* nbyte of memory of thread i's own, kept between calls; NULL (and the
 * device's fault set) where there is none. */
void *cpu_scratch(struct nf_cpu *c, uint32_t i, size_t nbyte);

/* sum[j] += sum over n rows of x[i][j]. */
void cpu_add_columns(uint32_t n, uint32_t ncol, const nf_real *x, size_t ld,
    nf_real *sum);

/* Each file enters its operations into the table. */
void cpu_memory_ops(struct nf_ops *t);
void cpu_row_ops(struct nf_ops *t);
void cpu_linear_ops(struct nf_ops *t);
void cpu_norm_ops(struct nf_ops *t);
void cpu_gate_ops(struct nf_ops *t);
void cpu_spline_ops(struct nf_ops *t);
void cpu_spline_grad_ops(struct nf_ops *t);
void cpu_lu_ops(struct nf_ops *t);
void cpu_optim_ops(struct nf_ops *t);

/* c = alpha op(a) op(b) + beta c, m x n, inner size k. */
static inline void
cpu_gemm(int ta, int tb, uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *b, size_t ldb, nf_real beta, nf_real *c,
    size_t ldc)
{
	enum CBLAS_TRANSPOSE oa = ta ? CblasTrans : CblasNoTrans;
	enum CBLAS_TRANSPOSE ob = tb ? CblasTrans : CblasNoTrans;

	if (m == 0 || n == 0)
		return;
#ifdef NF_REF
	cblas_dgemm(CblasRowMajor, oa, ob, (int)m, (int)n, (int)k, 1, a,
	    (int)lda, b, (int)ldb, beta, c, (int)ldc);
#else
	cblas_sgemm(CblasRowMajor, oa, ob, (int)m, (int)n, (int)k, 1, a,
	    (int)lda, b, (int)ldb, beta, c, (int)ldc);
#endif
}
#endif	/* NF_ISA */

/* Enter all operations: one for each instruction set. */
void nf_cpu_ops_portable(struct nf_ops *t);
void nf_cpu_ops_avx2(struct nf_ops *t);
void nf_cpu_ops_avx512(struct nf_ops *t);

#endif
