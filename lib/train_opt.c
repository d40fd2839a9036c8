/* What training may choose: defaults, names, and the learning rate. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "train.h"

static const char *const schedule_names[] = {
	[NF_CONSTANT] = "constant",
	[NF_COSINE] = "cosine",
	[NF_COSINE_RESTARTS] = "cosine_restarts",
};
static const char *const precision_names[] = {
	[NF_FP32] = "fp32",
	[NF_TF32] = "tf32",
	[NF_BF16] = "bf16",
};
static const char *const init_names[] = {
	[NF_INIT_IDENTITY] = "identity",
	[NF_INIT_NFLOWS] = "nflows",
};
static const char *const perm_names[] = {
	[NF_PERM_RANDOM] = "random",
	[NF_PERM_REVERSE] = "reverse",
};
#define NAME(names, k) ((k) >= 0 && \
	(k) < (int)(sizeof(names) / sizeof((names)[0])) ? (names)[k] : NULL)

const char *
nf_schedule_name(int k)
{
	return NAME(schedule_names, k);
}

const char *
nf_precision_name(int k)
{
	return NAME(precision_names, k);
}

const char *
nf_init_name(int k)
{
	return NAME(init_names, k);
}

const char *
nf_perm_name(int k)
{
	return NAME(perm_names, k);
}

void
nf_train_default(struct nf_train_opt *o)
{
	memset(o, 0, sizeof(*o));
	o->epochs = 50;
	o->batch = 1024;
	o->lr = 1e-3;
	o->schedule = NF_COSINE;
	o->restart = 10;
	o->restart_mult = 2;
	o->beta1 = 0.9;
	o->beta2 = 0.999;
	o->eps = 1e-8;
	o->clip_norm = 5;
	o->max_skipped = 10;
	o->init = NF_INIT_IDENTITY;
	o->permutation = NF_PERM_RANDOM;
	o->precision = NF_TF32;
}

/* From 1 at the start of a cosine's descent to 0 at its end. */
static double
descent(double at)
{
	return at >= 1 ? 0 : 0.5 * (1 + cos(M_PI * at));
}

/* Where epoch e stands in its cycle, of which each is longer than the last. */
static double
cycle(const struct nf_train_opt *o, double e)
{
	double length = o->restart > 0 ? o->restart : 1;
	double mult = o->restart_mult >= 1 ? o->restart_mult : 1;

	if (mult == 1)
		return fmod(e, length) / length;
	while (e >= length) {
		e -= length;
		length *= mult;
	}
	return e / length;
}

double
nf_train_lr(const struct nf_train_opt *o, uint32_t epoch)
{
	double e, n, share = 1;

	if (epoch < o->warmup)
		return o->lr * (epoch + 1.0) / (o->warmup + 1.0);
	e = (double)epoch - o->warmup;
	n = (double)o->epochs - o->warmup;
	if (o->schedule == NF_COSINE)
		share = n > 0 ? descent(e / n) : 1;
	else if (o->schedule == NF_COSINE_RESTARTS)
		share = descent(cycle(o, e));
	return o->lr_min + (o->lr - o->lr_min) * share;
}
