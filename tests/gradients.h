/*
 * What the tests of gradients share: central finite differences, in double,
 * of sums of an operation's outputs.  The sizes are odd, the rows have gaps,
 * the devices 1 to 3 threads; sentinels stand all around.
 */
#ifndef GRADIENTS_H
#define GRADIENTS_H

#include "verdict.h"

#define TOL	1e-7			/* of a tensor's largest entry */

static uint32_t nprobe;			/* entries tried of each tensor */

/*
 * The derivative of loss by some entries of in, whose numbers are x, is what
 * grad says; NaN: it does not.  Losses are sums of outputs times fixed random
 * numbers.
 */
static inline void
probe(double (*loss)(void *), void *arg, struct guarded *in, double *x,
    const double *grad)
{
	size_t n = (size_t)in->n * in->ncol, i, k, count;
	double keep, up, down, e, top = 0;

	for (k = 0; k < n; k++)
		top = fmax(top, fabs(grad[k]));
	count = n < nprobe ? n : nprobe;
	for (i = 0; i < count; i++) {
		k = n <= nprobe ? i :
		    (size_t)((uniform(&seed) + 1) / 2 * (double)n);
		if (isnan(grad[k]))
			continue;
		keep = x[k];
		x[k] = keep + STEP;
		guard_put(in, x);
		up = loss(arg);
		x[k] = keep - STEP;
		guard_put(in, x);
		down = loss(arg);
		x[k] = keep;
		e = fabs((up - down) / (2 * STEP) - grad[k]);
		/* Differences of losses of ~10 are good to 1e-9. */
		worst = larger(worst, e / (top + 1e-2));
	}
	guard_put(in, x);
}

/* An operand with random numbers; *x gets them. */
static inline void
operand(struct guarded *g, double **x, uint32_t n, uint32_t ncol,
    uint32_t gap, double scale)
{
	guard_new(g, dev, sizeof(double), n, ncol, ncol + gap);
	*x = reals((size_t)n * ncol);
	fill(&seed, (size_t)n * ncol, scale, *x);
	guard_put(g, *x);
}

static inline void
drop(struct guarded *g, double *x)
{
	whole &= guard_free(g);
	nf_free(x);
}

static inline double
dot(size_t n, const double *a, const double *b)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* The sum of what g now holds times c. */
static inline double
weigh(struct guarded *g, const double *c)
{
	size_t n = (size_t)g->n * g->ncol;
	double *x = reals(n), sum;

	guard_get(g, x);
	sum = dot(n, x, c);
	nf_free(x);
	return sum;
}

/* All of a program's cases, with one thread and, fewer entries, with three. */
static inline int
on_devices(void (*all)(void))
{
	dev = open_device(1);
	nprobe = 16;
	all();
	dev->ops->close(dev);
	dev = open_device(3);
	nprobe = 4;
	all();
	dev->ops->close(dev);
	return done();
}

#endif
