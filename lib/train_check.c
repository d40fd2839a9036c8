/* What a training asks of its rows, and of memory. */
#include <math.h>

#include "train_check.h"

double
nf_trainer_memory(const struct nf_shape *s, uint32_t batch)
{
	double D = s->features, C = s->context, H = s->hidden, S = s->steps;
	double B = s->blocks, row;

	/* As nf_work_new has it: states, layers, and what splines keep. */
	row = (S + 4) * (D + C) + H * (S * (3 * B + 1) + 4) +
	    S * D * (s->bins + 8);
	/* Gradient, both moments; parameters packed to validate. */
	return sizeof(nf_real) * (row * batch + 4 * nf_shape_count(s) +
	    3 * (S + 1) * D * D);
}

int
nf_train_mean_weight(const struct nf_rowset *rows,
    const struct nf_windows *windows, double *mean, struct nf_err *err)
{
	double sum = 0;
	uint64_t i;

	*mean = 1;
	if (windows != NULL ? !windows->weighted : rows->weight == NULL)
		return 0;
	for (i = 0; windows == NULL && i < rows->nrow; i++)
		sum += (double)rows->weight[i];
	if (windows != NULL)
		sum = windows->mean_weight * (double)rows->nrow;
	*mean = sum / (double)rows->nrow;
	if (!(*mean > 0) || isinf(*mean))
		return nf_fail(err, NF_EDATA, "the weights sum to %g over "
		    "%llu rows, want more than 0", sum,
		    (unsigned long long)rows->nrow);
	return 0;
}

int
nf_train_check(const struct nf_flow *f, const struct nf_train_opt *o,
    uint64_t nrow, struct nf_err *err)
{
	if (nrow == 0)
		return nf_fail(err, NF_EDATA, "no rows to train on");
	if (nrow > UINT32_MAX)
		return nf_fail(err, NF_EUSE, "%llu rows to train on, want at "
		    "most %u", (unsigned long long)nrow, UINT32_MAX);
	if (f->shape.batch_norm && (nrow < 2 || o->batch < 2))
		return nf_fail(err, NF_EDATA, "batch norm needs batches of 2 "
		    "rows or more: found %llu rows and batch %u; "
		    "add rows, or set batch_norm = no",
		    (unsigned long long)nrow, o->batch);
	return 0;
}
