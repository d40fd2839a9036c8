/* make bench: what this machine can do, and how much of it nfpipe does. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>

#include "eval.h"
#include "train.h"

struct model {
	const char *name;
	uint32_t D, C, steps, hidden, blocks, bins;
	int batch_norm;
	uint32_t batch;			/* of a training step */
	uint32_t rows;			/* of an evaluation */
};

extern const struct model bench_models[];	/* ends with name NULL */

double bench_now(void);			/* seconds */
double bench_median(double *x, int n);	/* sorts x */

/* Multiply-adds of one row, forward, all logits counted. */
double bench_madds(const struct model *m);

/*
 * GFLOP/s of float32 products m x k times k x n, by the CBLAS and by our own,
 * the best of three runs of `seconds`.  each: every thread its own call; one:
 * all threads in one call.
 */
struct ceiling {
	double blas1, blas_one, blas_each, own1, own_each;
};
void bench_ceiling(uint32_t m, uint32_t n, uint32_t k, uint32_t nthread,
    double seconds, struct ceiling *c);
/* The best of the products that a model is made of, and of those ways. */
double bench_model_ceiling(const struct model *m, uint32_t nthread,
    double seconds);

void bench_memory(FILE *tsv, uint32_t nthread);
void bench_pipe(FILE *tsv);

enum work { TRAIN, SAMPLE, DENSITY };
extern const char *const bench_work[];		/* their names */

/* A model at work, in a child. */
void bench_model(FILE *tsv, const struct model *m, enum work w,
    uint32_t nthread, double seconds);
/* One training step of a model, by operation. */
void bench_breakdown(FILE *tsv, const struct model *m, uint32_t nthread);

#endif
