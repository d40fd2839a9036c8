/*
 * What is done to runs of values, compiled once for each instruction set:
 * cpu_prep.c.  All sets give the same bits.
 */
#ifndef NF_PREP_KERNEL_H
#define NF_PREP_KERNEL_H

#include "philox.h"
#include "prep_op.h"

/* Values on their way through an op. */
struct nf_values {
	double *x;			/* [n], in place */
	const double *u, *partner;	/* [n], if the op asks for them */
	uint32_t n;
};

struct nf_kernels {
	/* An op's forward, or the draw of a spike. */
	int (*run[NF_RUN_COUNT])(const struct nf_op *o,
	    const struct nf_values *v);
	/* x[k][i] = from[i][k], k < ncol, doubles or floats; and back. */
	void (*load)(const void *const *from, int wide, uint32_t n,
	    uint32_t ncol, union nf_panel *x);
	void (*store)(const union nf_panel *y, int wide, uint32_t n,
	    uint32_t ncol, void *const *to);
	void (*widen)(const float *x, uint32_t n, double *y);
	void (*narrow)(const double *x, uint32_t n, float *y);
	/* nf_cell_draw for n rows. */
	void (*draw)(uint64_t seed, uint32_t which, const uint64_t *row,
	    uint32_t n, double *u);
	/* nf_philox_u64 of n rows. */
	void (*keys)(uint64_t seed, enum nf_purpose purpose, uint32_t draw,
	    const uint32_t *row, uint32_t n, uint64_t *key);
	/* nf_prep_choose. */
	uint64_t (*choose)(uint64_t seed, uint64_t first, uint32_t n,
	    uint64_t bound, uint8_t *chosen);
	/* k where the float of x is that of v; k elsewhere stays. */
	void (*mark)(const double *x, uint32_t n, double v, double k,
	    double *mark);
	/* How often each value of the op's list is there; -1: another is. */
	int (*count)(const struct nf_op *o, const double *x, uint32_t n,
	    uint32_t *count);
	/* n, mean, m2, lo, hi of n > 0 values; -1 where one is not finite. */
	int (*moments)(const double *x, uint32_t n, struct nf_spread *s);
};

extern const struct nf_kernels nf_kernels_portable, nf_kernels_avx2,
    nf_kernels_avx512;

/* Those of the best instruction set that there is: see nf_cpu_isa. */
const struct nf_kernels *nf_kernels_best(void);

#endif
