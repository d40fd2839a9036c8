/* A flow at work: densities and draws. */
#include "eval.h"
#include "tile.h"

struct nf_eval {
	struct nf_net *net;
	struct nf_lane *lane;		/* [nlane] */
	enum nf_precision precision;	/* of units */
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
	e->lane = nf_alloc(net->dev->nlane, sizeof(*e->lane), "lanes", err);
	if (e->lane == NULL) {
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
		nf_tile_forget(&e->lane[i]);
	nf_free(e->lane);
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

static int
make_ready(struct nf_eval *e, struct nf_err *err)
{
	if (!e->packed && nf_net_pack(e->net, err) == -1)
		return -1;
	e->packed = 1;
	return 0;
}

static void
start(struct nf_eval *e, struct nf_call *c)
{
	struct nf_dev *d = e->net->dev;
	uint32_t i;

	c->net = e->net;
	c->lane = e->lane;
	for (i = 0; e->precision != d->precision && i < d->nlane; i++)
		nf_tile_forget_units(&e->lane[i]);
	e->precision = d->precision;
}

static int
run_forward(struct nf_eval *e, struct nf_call *c, struct nf_err *err)
{
	int rc;

	if (make_ready(e, err) == -1)
		return -1;
	if (!e->forward)
		nf_net_fold(e->net, e->net->dev);
	e->forward = 1;
	start(e, c);
	rc = nf_tile_run(c, err);
	e->clamped += c->clamped;
	return rc;
}

int
nf_eval_density(struct nf_eval *e, uint64_t n,
    const nf_real *x, const nf_real *context, nf_real *z, double *logp,
    struct nf_err *err)
{
	struct nf_call c = { .n = n, .in = x, .context = context, .out = z,
		.logp = logp };

	return run_forward(e, &c, err);
}

static int
run_inverse(struct nf_eval *e, struct nf_call *c, struct nf_err *err)
{
	int rc;

	if (make_ready(e, err) == -1)
		return -1;
	if (!e->inverse)
		nf_net_fold_inverse(e->net, e->net->dev);
	e->inverse = 1;
	c->inverse = 1;
	start(e, c);
	rc = nf_tile_run(c, err);
	e->clamped += c->clamped;
	return rc;
}

int
nf_eval_sample(struct nf_eval *e, const struct nf_noise *g, uint64_t n,
    const nf_real *context, nf_real *x, struct nf_err *err)
{
	struct nf_call c = { .n = n, .noise = *g, .context = context,
		.out = x };

	return run_inverse(e, &c, err);
}

int
nf_eval_invert(struct nf_eval *e, uint64_t n, const nf_real *z,
    const nf_real *context, nf_real *x, struct nf_err *err)
{
	struct nf_call c = { .n = n, .in = z, .noise = { .repeat = 1 },
		.context = context, .out = x };

	return run_inverse(e, &c, err);
}

#define NLL_ROWS ((uint64_t)1 << 20)	/* densities held at a time */

int
nf_eval_nll(struct nf_eval *e, int here, uint64_t n, const nf_real *x,
    const nf_real *context, const nf_real *weight, double *nll,
    struct nf_err *err)
{
	size_t D = e->net->flow->shape.features;
	size_t C = e->net->flow->shape.context;
	double sum = 0, total = 0, w, *logp;
	uint64_t i, k, m;
	int rc = 0;

	if ((logp = nf_alloc(n < NLL_ROWS ? n : NLL_ROWS, sizeof(*logp),
	    "densities", err)) == NULL)
		return -1;
	for (i = 0; rc == 0 && i < n; i += m) {
		struct nf_call c = { .here = here, .in = x + i * D,
			.context = C > 0 ? context + i * C : NULL,
			.logp = logp };

		m = n - i < NLL_ROWS ? n - i : NLL_ROWS;
		c.n = m;
		rc = run_forward(e, &c, err);
		for (k = 0; rc == 0 && k < m; k++) {
			w = weight == NULL ? 1 : (double)weight[i + k];
			sum -= w * logp[k];
			total += w;
		}
	}
	nf_free(logp);
	*nll = sum / total;
	return rc;
}
