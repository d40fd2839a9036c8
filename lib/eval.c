/* A flow at work: densities and draws. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "eval.h"

struct nf_eval {
	struct nf_net *net;
	struct nf_work **work;		/* [nlane], made when first needed */
	uint64_t clamped;
	int packed;			/* the weights, as they now are */
	int forward, inverse;		/* which maps have been folded */
};

int
nf_eval_new(struct nf_eval **out, struct nf_net *net, struct nf_err *err)
{
	struct nf_eval *e = nf_alloc(1, sizeof(*e), "evaluation", err);

	*out = e;
	if (e == NULL)
		return -1;
	e->net = net;
	e->work = nf_alloc(net->dev->nlane, sizeof(*e->work), "lanes", err);
	if (e->work == NULL) {
		nf_free(e);
		*out = NULL;
		return -1;
	}
	return 0;
}

void
nf_eval_free(struct nf_eval *e)
{
	uint32_t i;

	if (e == NULL)
		return;
	for (i = 0; i < e->net->dev->nlane; i++)
		nf_work_free(e->work[i]);
	nf_free(e->work);
	nf_free(e);
}

void
nf_eval_refresh(struct nf_eval *e)
{
	e->packed = e->forward = e->inverse = 0;
}

uint64_t
nf_eval_clamped(struct nf_eval *e)
{
	uint64_t n = e->clamped;

	e->clamped = 0;
	return n;
}

/* What a call asks of every tile. */
struct call {
	struct nf_eval *e;
	int inverse;
	uint64_t n;
	struct nf_noise noise;
	const nf_real *in, *context;
	nf_real *out;
	double *logp;
	uint64_t clamped;
	struct nf_err err;
	int failed;
};

/* Numbers that overflowed on the way: bounded, and counted. */
static uint64_t
bound(size_t n, nf_real *x)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (isfinite(x[i]))
			continue;
		x[i] = isnan(x[i]) ? 0 : x[i] > 0 ? FLT_MAX : -FLT_MAX;
		count++;
	}
	return count;
}

static uint64_t
bound_logp(size_t n, double *logp)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (!(fabs(logp[i]) <= FLT_MAX)) {
			logp[i] = logp[i] > 0 ? FLT_MAX : -FLT_MAX;
			count++;
		}
	return count;
}

static void
fail(struct call *c, const struct nf_err *err)
{
#pragma omp critical(nf_eval_fail)
	{
		c->err = *err;
		c->failed = 1;
	}
}

/* Rows lo .. lo + n of the call; in: x, or latents instead of draws. */
static void
density_tile(struct call *c, struct nf_work *w, uint64_t lo, uint32_t n)
{
	const struct nf_shape *s = &c->e->net->flow->shape;
	size_t D = s->features, C = s->context, size = sizeof(nf_real);
	const struct nf_ops *o = w->dev->ops;

	o->upload(w->dev, w->x.x, c->in + lo * D, n * D * size);
	if (C > 0)
		o->upload(w->dev, w->context.x, c->context + lo * C,
		    n * C * size);
	nf_work_context(w, n, s->steps);
	nf_net_forward(c->e->net, w, n);
	if (c->out != NULL)
		o->download(w->dev, c->out + lo * D, w->z.x,
		    n * D * size);
	if (c->logp != NULL)
		o->download(w->dev, c->logp + lo, w->logp,
		    n * sizeof(double));
}

static void
sample_tile(struct call *c, struct nf_work *w, uint64_t lo, uint32_t n)
{
	const struct nf_shape *s = &c->e->net->flow->shape;
	size_t D = s->features, C = s->context, size = sizeof(nf_real);
	const struct nf_ops *o = w->dev->ops;
	struct nf_noise g = c->noise;
	uint64_t row, last;

	g.first += lo;
	if (C > 0) {
		row = g.first / g.repeat;
		last = (g.first + n - 1) / g.repeat;
		o->upload(w->dev, w->condition, c->context +
		    (row - c->noise.first / g.repeat) * C,
		    (last - row + 1) * C * size);
		o->spread(w->dev, n, &g, nf_mat(w->condition, (uint32_t)C,
		    (uint32_t)C), nf_mat(w->context.x, (uint32_t)C,
		    (uint32_t)C));
	}
	nf_work_context(w, n, s->steps);
	if (c->in != NULL)
		o->upload(w->dev, w->z.x, c->in + lo * D, n * D * size);
	else
		o->noise(w->dev, n, &g, nf_mat(w->z.x, (uint32_t)D,
		    (uint32_t)D));
	nf_net_inverse(c->e->net, w, n);
	o->download(w->dev, c->out + lo * D, w->x.x, n * D * size);
}

/* One tile of the call: those of its rows that the call asks for. */
static void
run_tile(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t itile)
{
	struct call *c = arg;
	uint64_t tile = lane->tile, lo = itile * tile, left = c->n - lo, count;
	struct nf_work **w = &c->e->work[ilane];
	uint32_t n = (uint32_t)(left < tile ? left : tile);
	struct nf_err err;

	if (c->failed)
		return;
	if (*w == NULL && nf_work_new(w, c->e->net, lane, lane->tile, 0,
	    &err) == -1) {
		fail(c, &err);
		return;
	}
	(c->inverse ? sample_tile : density_tile)(c, *w, lo, n);
	count = c->out == NULL ? 0 : bound(n * (size_t)(*w)->x.ncol,
	    c->out + lo * (*w)->x.ncol);
	count += c->logp == NULL ? 0 : bound_logp(n, c->logp + lo);
#pragma omp atomic
	c->clamped += count;
}

static int
run(struct call *c, struct nf_err *err)
{
	struct nf_dev *d = c->e->net->dev;

	if (c->n == 0)
		return 0;
	d->ops->each(d, (c->n + d->tile - 1) / d->tile,
	    run_tile, c);
	if (c->failed) {
		*err = c->err;
		return -1;
	}
	if (d->ops->sync(d, err) == -1)
		return -1;
	c->e->clamped += c->clamped + d->clamped;
	d->clamped = 0;
	return 0;
}

static int
make_ready(struct nf_eval *e, struct nf_err *err)
{
	if (!e->packed && nf_net_pack(e->net, err) == -1)
		return -1;
	e->packed = 1;
	return 0;
}

int
nf_eval_density(struct nf_eval *e, uint64_t n,
    const nf_real *x, const nf_real *context, nf_real *z, double *logp,
    struct nf_err *err)
{
	struct call c = { .e = e, .n = n, .in = x,
		.context = context, .out = z, .logp = logp };

	if (make_ready(e, err) == -1)
		return -1;
	if (!e->forward)
		nf_net_fold(e->net, e->net->dev);
	e->forward = 1;
	return run(&c, err);
}

static int
run_inverse(struct call *c, struct nf_err *err)
{
	struct nf_eval *e = c->e;

	if (make_ready(e, err) == -1)
		return -1;
	if (!e->inverse)
		nf_net_fold_inverse(e->net, e->net->dev);
	e->inverse = 1;
	return run(c, err);
}

int
nf_eval_sample(struct nf_eval *e, const struct nf_noise *g, uint64_t n,
    const nf_real *context, nf_real *x, struct nf_err *err)
{
	struct call c = { .e = e, .inverse = 1, .n = n,
		.noise = *g, .context = context, .out = x };

	return run_inverse(&c, err);
}

int
nf_eval_invert(struct nf_eval *e, uint64_t n, const nf_real *z,
    const nf_real *context, nf_real *x, struct nf_err *err)
{
	struct call c = { .e = e, .inverse = 1, .n = n, .in = z,
		.noise = { .repeat = 1 }, .context = context, .out = x };

	return run_inverse(&c, err);
}

#define NLL_ROWS 65536			/* densities held at a time */

int
nf_eval_nll(struct nf_eval *e, uint64_t n, const nf_real *x,
    const nf_real *context, const nf_real *weight, double *nll,
    struct nf_err *err)
{
	size_t D = e->net->flow->shape.features;
	size_t C = e->net->flow->shape.context;
	double sum = 0, total = 0, w;
	uint64_t i, k, m;
	double *logp;

	if ((logp = nf_alloc(NLL_ROWS, sizeof(*logp), "densities", err)) ==
	    NULL)
		return -1;
	for (i = 0; i < n; i += m) {
		m = n - i < NLL_ROWS ? n - i : NLL_ROWS;
		if (nf_eval_density(e, m, x + i * D,
		    C > 0 ? context + i * C : NULL, NULL, logp, err) == -1) {
			nf_free(logp);
			return -1;
		}
		for (k = 0; k < m; k++) {
			w = weight == NULL ? 1 : (double)weight[i + k];
			sum -= w * logp[k];
			total += w;
		}
	}
	nf_free(logp);
	*nll = sum / total;
	return 0;
}
