/*
 * The CPU backend's own.  Every lib/cpu_*.c is compiled once for each
 * instruction set (NF_ISA), and nf_cpu_open takes the best that the
 * processor has: the tables are named nf_cpu_ops_portable, _avx2, _avx512.
 *
 * An operation splits its rows (or, for a weight's gradient, its outputs)
 * among the device's threads; every product is one thread's own, which keeps
 * it exact and leaves no thread waiting on another.  A lane is a device of
 * one thread.
 */
#ifndef NF_CPU_H
#define NF_CPU_H

#include "backend.h"

struct nf_cpu {
	struct nf_dev dev;		/* first: a nf_dev is one of these */
	uint32_t nthread;
	int oom;			/* the fault sync reports */
	struct nf_cpu *lane;		/* [dev.nlane], or NULL in a lane */
	void **scratch;			/* [nthread] of a thread's own, and
					 * one that all threads share */
	size_t *nscratch;		/* bytes of each */
};

#define NF_CPU_FEW	(1u << 18)	/* numbers for one thread alone */
#define NF_CPU_TILE	64		/* rows that stay in a core's cache */
#define CPU_EVAL_TILE	128		/* and for which all weights pass */

#define CPU_NAME2(name, isa)	name ## _ ## isa
#define CPU_NAME1(name, isa)	CPU_NAME2(name, isa)
#ifdef NF_ISA
#define CPU_NAME(name)		CPU_NAME1(name, NF_ISA)
#define cpu_split		CPU_NAME(cpu_split)
#define cpu_scratch		CPU_NAME(cpu_scratch)
#define cpu_add_columns		CPU_NAME(cpu_add_columns)
#define cpu_packed_size		CPU_NAME(cpu_packed_size)
#define cpu_pack_part		CPU_NAME(cpu_pack_part)
#define cpu_product		CPU_NAME(cpu_product)
#define cpu_product_side	CPU_NAME(cpu_product_side)
#define cpu_product_rows	CPU_NAME(cpu_product_rows)
#define cpu_product_columns	CPU_NAME(cpu_product_columns)
#define cpu_product_t		CPU_NAME(cpu_product_t)
#define cpu_product_room	CPU_NAME(cpu_product_room)
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

/* nbyte of memory of thread i's own (i = nthread: of them all, outside of
 * what is parallel), kept between calls; NULL (and the device's fault set)
 * where there is none. */
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

/* ---- products: cpu_product.c ------------------------------------------ */

/*
 * b is [k][n], or [n][k] if trans; packed (cpu_pack), it takes
 * cpu_packed_size numbers.  c [m][n] = a b, a [m][k]; begun with bias [n]
 * unless that is NULL, or with what is in c if add.  Where b is read as it
 * is, parts of it are packed in room, cpu_product_room bytes.
 */
size_t cpu_packed_size(uint32_t k, uint32_t n);
/* Those of the panels that are thread i's. */
void cpu_pack_part(int trans, uint32_t k, uint32_t n, const nf_real *b,
    size_t ldb, uint32_t i, uint32_t nthread, nf_real *packed);
static inline void
cpu_pack(int trans, uint32_t k, uint32_t n, const nf_real *b, size_t ldb,
    nf_real *packed)
{
	cpu_pack_part(trans, k, n, b, ldb, 0, 1, packed);
}

void cpu_product(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *packed, const nf_real *bias, int add,
    nf_real *c, size_t ldc);
/* The same, begun with side [m]: a bias of c's rows. */
void cpu_product_side(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *packed, const nf_real *side, nf_real *c,
    size_t ldc);
/* c [m][n] = a^T b, a [k][m], b [k][n]: sums over rows. */
void cpu_product_t(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *b, size_t ldb, int add, nf_real *c, size_t ldc,
    nf_real *room);
/* The same with b packed. */
void cpu_product_columns(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, const nf_real *packed, int add, nf_real *c, size_t ldc);
/* c [m][n] = a b, b [nrun k][n] as it is; a [m][k], nrun times, each begins
 * `next` after the one before. */
void cpu_product_rows(uint32_t m, uint32_t n, uint32_t k, const nf_real *a,
    size_t lda, uint32_t nrun, size_t next, const nf_real *b, size_t ldb,
    int add, nf_real *c, size_t ldc, nf_real *room);
size_t cpu_product_room(uint32_t k);
#define CPU_INNER	256		/* rows of a sum that stay in cache */
#endif	/* NF_ISA */

/* The best instruction set that the processor has, or $NF_ISA at most. */
enum nf_isa { NF_ISA_PORTABLE, NF_ISA_AVX2, NF_ISA_AVX512 };
enum nf_isa nf_cpu_isa(void);

/* Enter all operations: one for each instruction set. */
void nf_cpu_ops_portable(struct nf_ops *t);
void nf_cpu_ops_avx2(struct nf_ops *t);
void nf_cpu_ops_avx512(struct nf_ops *t);

#endif
