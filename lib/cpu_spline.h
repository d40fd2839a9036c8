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

/* What the gradients of LANES values need of their bins. */
struct cpu_kept {
	double w[LANES], h[LANES];	/* the bin's size, however small */
	nf_real a[LANES];		/* the argument: the bin's fraction */
	nf_real d[2][LANES];		/* derivatives at its ends */
	nf_real slope[2][LANES];	/* of their softplus */
	nf_real inv[2][LANES];		/* 1 / sum of exponentials */
	nf_real before[2][LANES];	/* probability before the bin */
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
 * logits' gradients, then cpu_kept [nt][NGROUP].
 */
static inline size_t
cpu_kept_size(const struct nf_spline *s)
{
	return s->nt * (cpu_wide(s) * TILE * sizeof(nf_real) +
	    NGROUP * sizeof(struct cpu_kept));
}

static inline nf_real *
cpu_kept_logits(const struct nf_spline *s, void *keep, uint64_t tile)
{
	return (nf_real *)((char *)keep + tile * cpu_kept_size(s));
}

static inline struct cpu_kept *
cpu_kept_bins(const struct nf_spline *s, void *keep, uint64_t tile)
{
	return (struct cpu_kept *)(cpu_kept_logits(s, keep, tile) +
	    (size_t)s->nt * cpu_wide(s) * TILE);
}

#endif
