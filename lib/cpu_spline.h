/*
 * What the two halves of the CPU's splines share.
 *
 * A tile is up to NF_CPU_TILE rows of one feature, a row in each column: the
 * final layer's product leaves logits [wide][NF_CPU_TILE], and what follows
 * goes over columns, LANES of them at a time.  So there is one instruction
 * for many rows, whatever the number of bins, and none adds up across.
 *
 * A value needs two of its bins - 1 derivatives, and only those have a
 * gradient.  With few bins the product makes all logits, [3 bins - 1], and
 * the gradients of those that no value used are zeros; with many it leaves
 * the derivatives out, and they are dot products.
 */
#ifndef NF_CPU_SPLINE_H
#define NF_CPU_SPLINE_H

#include "cpu.h"
#include "spline.h"

#define TILE	NF_CPU_TILE
#define LANES	16
#define NGROUP	(TILE / LANES)
#define FEW_BINS 8

/* The bins of LANES values, and what their gradients need. */
struct cpu_bins {
	double v[LANES];		/* the argument; outside the box, 0 */
	double x[LANES], w[LANES], y[LANES], h[LANES];
	double d[2][LANES];		/* derivatives; first their logits */
	double slope[2][LANES];		/* of softplus; then the gradients */
	double inv[2][LANES];		/* 1 / sum of exponentials */
	double before[2][LANES];	/* probability before the bin */
	int32_t k[LANES];		/* the bin; outside the box, -1 */
};

/* Logits of one feature that the product makes. */
static inline uint32_t
cpu_wide(const struct nf_spline *s)
{
	return s->bins <= FEW_BINS ? 3 * s->bins - 1 : 2 * s->bins;
}

/*
 * keep: of each tile the exponentials [nt][wide][TILE], which become the
 * logits' gradients, then cpu_bins [nt][NGROUP].
 */
static inline size_t
cpu_kept_size(const struct nf_spline *s)
{
	return s->nt * (cpu_wide(s) * TILE * sizeof(nf_real) +
	    NGROUP * sizeof(struct cpu_bins));
}

static inline nf_real *
cpu_kept_logits(const struct nf_spline *s, void *keep, uint64_t tile)
{
	return (nf_real *)((char *)keep + tile * cpu_kept_size(s));
}

static inline struct cpu_bins *
cpu_kept_bins(const struct nf_spline *s, void *keep, uint64_t tile)
{
	return (struct cpu_bins *)(cpu_kept_logits(s, keep, tile) +
	    (size_t)s->nt * cpu_wide(s) * TILE);
}

#endif
