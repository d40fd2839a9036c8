/* make bench-gpu: models, and what its parts share. */
#ifndef GPU_BENCH_H
#define GPU_BENCH_H

#include <stdio.h>

#include "../../cuda/profile.h"
#include "eval.h"
#include "train.h"

struct gpu_model {
	const char *name;
	uint32_t D, C, steps, hidden, blocks, bins;
	int batch_norm;
};

/* What one part, a process of its own, leaves for those after it. */
struct gpu_shared {
	double rate[3];		/* FLOP/s of a large product, by precision */
	double copy;		/* bytes read and written a second */
	uint32_t nverdict;
	char verdict[32][160];
};

/* One part's surroundings. */
struct gpu {
	struct nf_dev *d;
	const struct nf_profiler *prof;
	struct gpu_shared *shared;
	const struct gpu_model *model;
	uint32_t batch;
	enum nf_precision precision;
	int quick;		/* a size for the emulated GPU */
	FILE *tsv;		/* or NULL */
};

double gpu_now(void);				/* seconds */
double gpu_madds(const struct gpu_model *m);
void gpu_die(const struct nf_err *err);		/* ends the part */

/* One number, for --tsv: table, what, unit, value. */
__attribute__((format(printf, 5, 6)))
void gpu_number(const struct gpu *g, const char *table, const char *unit,
    double value, const char *fmt, ...);
/* What was asked for, and whether it was reached; said at the end, too. */
__attribute__((format(printf, 6, 7)))
void gpu_verdict(const struct gpu *g, double got, double want, int more,
    const char *unit, const char *fmt, ...);

void gpu_products(struct gpu *g);
void gpu_copies(struct gpu *g);
void gpu_launches(struct gpu *g);
void gpu_train(struct gpu *g);
void gpu_sample(struct gpu *g);
void gpu_latency(struct gpu *g);
void gpu_step(struct gpu *g);		/* training, by kernel */
void gpu_tile(struct gpu *g);		/* sampling, by kernel */

/* Time every kernel of g's device until gpu_parts_end, which prints what
 * they took in one of `times` times. */
void gpu_parts_begin(struct gpu *g);
void gpu_parts_reset(struct gpu *g);		/* forget so far */
/* Returns the seconds of all kernels of one time. */
double gpu_parts_end(struct gpu *g, const char *what, int times,
    size_t nparam);

#endif
