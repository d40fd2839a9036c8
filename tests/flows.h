/*
 * What the tests of flows share: a device, random numbers, arrays on both
 * sides, densities and their inverse, and one pass of a training step.
 */
#ifndef FLOWS_H
#define FLOWS_H

#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "tap.h"

/* Stop where going on makes no sense. */
static inline void
must(int rc, const struct nf_err *err)
{
	if (rc != -1)
		return;
	printf("Bail out! %s\n", err->msg);
	exit(1);
}

/* The CPU with so many threads, or the device that NF_DEVICE names. */
static inline struct nf_dev *
open_device(uint32_t nthread)
{
	const char *name = getenv("NF_DEVICE");
	struct nf_dev *d;
	struct nf_err err;

	must(nf_dev_open(&d, name == NULL ? "cpu" : name, nthread, &err),
	    &err);
	return d;
}

static inline struct nf_flow *
flow_of(const struct nf_shape *s)
{
	struct nf_flow *f;
	struct nf_err err;

	must(nf_flow_new(&f, s, &err), &err);
	return f;
}

static inline void *
room(size_t n, size_t size)
{
	struct nf_err err;
	void *p = nf_alloc(n == 0 ? 1 : n, size, "a test", &err);

	must(p == NULL ? -1 : 0, &err);
	return p;
}

static inline nf_real *
reals(size_t n)
{
	return room(n, sizeof(nf_real));
}

/* ---- numbers ---------------------------------------------------------- */

/* Uniform in [-1, 1): splitmix64 (Steele, Lea, Flood 2014). */
static inline double
uniform(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return (double)(z >> 11) * 0x1p-52 - 1;
}

static inline void
fill(uint64_t *state, size_t n, double scale, nf_real *x)
{
	size_t i;

	for (i = 0; i < n; i++)
		x[i] = (nf_real)(scale * uniform(state));
}

/*
 * Weights that leave no part of a flow at rest: matrices keep the size of
 * what goes through them at scale 1.
 */
static inline void
fill_flow(uint64_t *state, struct nf_flow *f, double scale)
{
	uint32_t D = f->shape.features, i, j, k;
	const struct nf_tensor *t;
	int32_t *p, swap;
	size_t m;

	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		fill(state, t->n, t->ndim == 2 ?
		    scale * sqrt(3.0 / t->shape[1]) :
		    t->n > D && strstr(t->name, "/lu/") != NULL ?
		    scale * sqrt(1.0 / D) : scale, f->param + t->offset);
		for (m = t->offset; m < t->offset + t->n; m++)
			if (strstr(t->name, "running_var") != NULL)
				f->param[m] = 1 + f->param[m] / 2;
			else if (strstr(t->name, "norm") != NULL &&
			    strstr(t->name, "/weight") != NULL)
				f->param[m] += 1;
	}
	for (i = 0; i <= f->shape.steps; i++)
		for (p = f->perm + (size_t)i * D, j = D; j-- > 1;) {
			k = (uint32_t)((uniform(state) + 1) / 2 * (j + 1));
			swap = p[j];
			p[j] = p[k];
			p[k] = swap;
		}
}

/* The larger; NaN once there is one. */
static inline double
larger(double a, double b)
{
	return isnan(a) || b <= a ? a : b;
}

static inline double
max_abs(size_t n, const nf_real *x)
{
	double top = 0;
	size_t i;

	for (i = 0; i < n; i++)
		top = larger(top, fabs((double)x[i]));
	return top;
}

static inline double
max_diff(size_t n, const nf_real *x, const double *y)
{
	double top = 0;
	size_t i;

	for (i = 0; i < n; i++)
		top = larger(top, fabs((double)x[i] - y[i]));
	return top;
}

/* ---- on the device ---------------------------------------------------- */

static inline void *
device(struct nf_dev *d, const void *from, size_t nbyte)
{
	void *p = d->ops->alloc(d, nbyte == 0 ? 1 : nbyte);

	if (from != NULL)
		d->ops->upload(d, p, from, nbyte);
	return p;
}

static inline void
fetch(struct nf_dev *d, void *to, const void *from, size_t nbyte)
{
	struct nf_err err;

	d->ops->download(d, to, from, nbyte);
	must(d->ops->sync(d, &err), &err);
}

/* z and logp of n rows; either may be NULL. */
static inline void
density(struct nf_dev *d, const struct nf_flow *f, uint64_t n,
    const nf_real *x, const nf_real *context, nf_real *z, double *logp)
{
	struct nf_net *net;
	struct nf_eval *e;
	struct nf_err err;

	must(nf_net_new(&net, d, f, &err), &err);
	must(nf_eval_new(&e, net, &err), &err);
	must(nf_eval_density(e, n, x, context, z, logp, &err), &err);
	nf_eval_free(e);
	nf_net_free(net);
}

/* x of n latents, and the inverse's log determinant (may be NULL). */
static inline void
inverse(struct nf_dev *d, const struct nf_flow *f, uint32_t n,
    const nf_real *z, const nf_real *context, nf_real *x, double *logdet)
{
	size_t size = sizeof(nf_real), D = f->shape.features, i;
	struct nf_net *net;
	struct nf_work *w;
	struct nf_err err;
	double lu;

	must(nf_net_new(&net, d, f, &err), &err);
	must(nf_work_new(&w, net, d, n, 0, &err), &err);
	d->ops->upload(d, w->z.x, z, n * D * size);
	if (f->shape.context > 0)
		d->ops->upload(d, w->context.x, context,
		    n * f->shape.context * size);
	nf_work_context(w, n, f->shape.steps);
	nf_net_fold_inverse(net, d);
	nf_net_inverse(net, w, n);
	fetch(d, x, w->x.x, n * D * size);
	if (logdet != NULL) {
		fetch(d, &lu, net->logdet, sizeof(lu));
		fetch(d, logdet, w->logdet, n * sizeof(*logdet));
		for (i = 0; i < n; i++)
			logdet[i] -= lu;
	}
	nf_work_free(w);
	nf_net_free(net);
}

/* ---- a training step's forward and backward pass ---------------------- */

struct pass {
	struct nf_dev *dev;
	const struct nf_flow *flow;
	struct nf_net *net;
	struct nf_work *work;
	struct nf_tally *tally;		/* on the device */
	nf_real *weight, *dgrad;	/* on the device */
	uint32_t n;
	nf_real *grad;			/* [nparam] */
	double loss, squares;
};

static inline void
pass_new(struct pass *p, struct nf_dev *d, const struct nf_flow *f,
    uint32_t n)
{
	struct nf_err err;

	p->dev = d;
	p->flow = f;
	p->n = n;
	must(nf_net_new(&p->net, d, f, &err), &err);
	must(nf_work_new(&p->work, p->net, d, n, 1, &err), &err);
	p->tally = device(d, NULL, sizeof(*p->tally));
	p->weight = device(d, NULL, n * sizeof(nf_real));
	p->dgrad = device(d, NULL, f->nparam * sizeof(nf_real));
	p->grad = reals(f->nparam);
	p->work->tally = p->tally;
}

static inline void
pass_free(struct pass *p)
{
	p->dev->ops->free(p->dev, p->tally);
	p->dev->ops->free(p->dev, p->weight);
	p->dev->ops->free(p->dev, p->dgrad);
	nf_work_free(p->work);
	nf_net_free(p->net);
	nf_free(p->grad);
}

/* The loss sum(w nll) / n of f's numbers as they now are, its gradients. */
static inline void
pass_run(struct pass *p, const nf_real *x, const nf_real *context,
    const nf_real *weight)
{
	struct nf_tally tally = { .weight_norm = 1.0 / p->n, .seed = 5 };
	const struct nf_shape *s = &p->flow->shape;
	const struct nf_ops *o = p->dev->ops;
	size_t size = sizeof(nf_real), n = p->n;
	double sums[3];

	o->upload(p->dev, p->tally, &tally, sizeof(tally));
	o->upload(p->dev, p->net->param, p->flow->param,
	    p->flow->nall * size);
	o->upload(p->dev, p->work->x.x, x, n * s->features * size);
	if (s->context > 0)
		o->upload(p->dev, p->work->context.x, context,
		    n * s->context * size);
	if (weight != NULL)
		o->upload(p->dev, p->weight, weight, n * size);
	nf_work_context(p->work, p->n, s->steps);
	nf_net_fold(p->net, p->dev);
	nf_net_forward(p->net, p->work, p->n);
	nf_net_backward(p->net, p->work, p->n,
	    weight != NULL ? p->weight : NULL, p->dgrad);
	p->dev->ops->sum_squares(p->dev, p->flow->nparam, p->dgrad,
	    &p->work->sums[2]);
	fetch(p->dev, sums, p->work->sums, sizeof(sums));
	fetch(p->dev, p->grad, p->dgrad, p->flow->nparam * size);
	p->loss = sums[1] / p->n;
	p->squares = sums[2];
}

#endif
