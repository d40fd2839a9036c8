/*
 * What the two halves of the CPU's splines share.
 *
 * The logits of widths and heights come from a product a tile and feature,
 * [rows][2 bins], that stays in cache.  The derivative logits do not: a value
 * needs two of bins - 1, which are dot products, and only those two have a
 * gradient.  What follows a value's bin runs in vectors over rows.
 */
#ifndef NF_CPU_SPLINE_H
#define NF_CPU_SPLINE_H

#include "cpu.h"
#include "spline.h"

/* One value's spline, for its gradient. */
struct cpu_kept {
	struct nf_bin bin;
	double v;			/* the argument */
	double inv[2];			/* 1 / sum of exponentials */
	double before[2];		/* probability before the bin */
	double slope[2];		/* of softplus; then the gradients */
	int32_t k;			/* -1: outside the box */
};

/*
 * keep: exponentials [nt][n][2 bins], which become the logits' gradients,
 * then cpu_kept [nt][n].
 */
static inline struct cpu_kept *
cpu_kept(uint32_t n, const struct nf_spline *s, const void *keep)
{
	return (struct cpu_kept *)((nf_real *)keep +
	    (size_t)n * s->nt * 2 * s->bins);
}

#endif
