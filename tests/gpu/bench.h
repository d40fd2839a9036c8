/* make bench-gpu: models, and what its parts share. */
#ifndef GPU_BENCH_H
#define GPU_BENCH_H

#include <stdio.h>

#include "eval.h"
#include "train.h"

struct gpu_model {
	const char *name;
	uint32_t D, C, steps, hidden, blocks, bins;
	int batch_norm;
};

extern const struct gpu_model gpu_models[];	/* ends with name NULL */

double gpu_now(void);				/* seconds */
double gpu_madds(const struct gpu_model *m);
void gpu_sync(struct nf_dev *d);
void gpu_die(const struct nf_err *err);		/* ends the program */

/* Training, sampling, densities, latency, and a step by operation. */
void gpu_bench_model(struct nf_dev *d, const struct gpu_model *m, int quick);

/* Time every operation of d's table by itself, until gpu_parts_end, which
 * prints what they took in `steps` steps. */
void gpu_parts_begin(struct nf_dev *d);
void gpu_parts_reset(void);			/* forget so far */
void gpu_parts_end(struct nf_dev *d, const char *model, int steps);

#endif
