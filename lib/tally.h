/* What becomes of a training step's gradient: the same on every device. */
#ifndef NF_TALLY_H
#define NF_TALLY_H

#include <math.h>
#include <stdint.h>

#include "inline.h"

/*
 * What a training step needs and leaves, in device memory, so that a step
 * can be replayed without the host.  The host sets the first part.
 */
struct nf_tally {
	double lr, beta1, beta2, eps;	/* Adam */
	double clip_norm;		/* 0: none */
	double weight_norm;		/* 1 / (rows x mean weight) */
	uint64_t seed;			/* of dropout */
	/* kept by the device, by judge */
	uint64_t seen;			/* batches begun, for dropout */
	uint64_t batch;			/* of this epoch: gather's position */
	uint64_t step;			/* Adam steps done */
	double scale;			/* of this gradient; 0: leave it out */
	double correct1, correct2;	/* 1 - beta^step */
	double sum_weight, sum_nll;	/* this epoch's */
	double sum_norm;		/* of gradients' norms */
	uint64_t taken;			/* batches in those sums */
	uint64_t skipped, skipped_run, skipped_worst;	/* not finite */
};

/*
 * A batch of these sums (of weights, of weight x loss) has a gradient of this
 * norm: how it is to be scaled, and the next Adam step's corrections.
 */
NF_INLINE void
nf_tally_judge(struct nf_tally *t, const double *sums, double norm)
{
	t->seen++;
	t->batch++;
	if (!isfinite(norm) || !isfinite(sums[1])) {
		t->scale = 0;
		t->skipped++;
		if (++t->skipped_run > t->skipped_worst)
			t->skipped_worst = t->skipped_run;
		return;
	}
	t->skipped_run = 0;
	t->taken++;
	t->sum_weight += sums[0];
	t->sum_nll += sums[1];
	t->sum_norm += norm;
	t->step++;
	t->correct1 = 1 - pow(t->beta1, (double)t->step);
	t->correct2 = 1 - pow(t->beta2, (double)t->step);
	t->scale = t->clip_norm > 0 && norm > t->clip_norm ?
	    t->clip_norm / norm : 1;
}

#endif
