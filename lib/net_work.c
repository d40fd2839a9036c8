/* Room for rows on their way through a flow. */
#include "net.h"

/* Cuts a device's one piece of memory; sizes first (base NULL), then places. */
struct cut {
	char *base;
	size_t used;
};

static void *
cut(struct cut *c, size_t nbyte)
{
	void *p = c->base == NULL ? NULL : c->base + c->used;

	c->used += (nbyte + 255) / 256 * 256;
	return p;
}

static struct nf_mat
cut_mat(struct cut *c, uint32_t n, uint32_t ncol, uint32_t pad)
{
	uint32_t ld = (ncol + pad - 1) / pad * pad;

	return nf_mat(cut(c, (size_t)n * ld * sizeof(nf_real)), ncol, ld);
}

static void
cut_train(struct nf_work *w, const struct nf_net *net, struct cut *c)
{
	const struct nf_shape *s = &net->flow->shape;
	size_t D = s->features, nlayer = s->steps + 1, i;
	size_t nstat = net->flow->nall - net->flow->nparam;
	uint32_t H = s->hidden, pad = w->dev->pad;
	struct nf_spline p;

	for (i = 0; i < s->steps; i++) {
		p = nf_net_spline(net, w, (uint32_t)i);
		w->keep[i] = cut(c, w->dev->ops->spline_keep(w->dev, w->n,
		    &p));
	}
	w->batch_stat = cut(c, nstat * sizeof(nf_real));
	w->invstd = cut(c, nstat * sizeof(nf_real));
	w->dstate[0] = cut_mat(c, w->n, s->features, pad);
	w->dstate[1] = cut_mat(c, w->n, s->features, pad);
	for (i = 0; i < 2; i++)
		w->dt[i] = i == 0 || w->kept ? cut_mat(c, w->n, H, pad) :
		    w->dt[0];
	for (i = 0; i < NF_TURNS; i++)
		w->da[i] = i < 2 || w->kept ? cut_mat(c, w->n, H, pad) :
		    w->da[i % NF_ROOMS % 2];
	w->dlogdet = cut(c, w->n * sizeof(nf_real));
	w->dfold = cut(c, nlayer * D * D * sizeof(nf_real));
	w->dfold_bias = cut(c, nlayer * D * sizeof(nf_real));
	w->sums = cut(c, 3 * sizeof(double));
}

static void
cut_turns(struct nf_work *w, const struct nf_net *net, struct cut *c)
{
	const struct nf_shape *s = &net->flow->shape;
	size_t nrow = w->n * sizeof(nf_real);
	struct nf_turn *u;

	w->nturn = w->dev->host ? 1 : NF_WAYS;
	for (u = w->turn; u < w->turn + w->nturn; u++) {
		u->condition = cut(c, nrow * s->context);
		if (w->dev->host)
			continue;
		u->in = cut(c, nrow * s->features);
		u->out = cut(c, nrow * s->features);
		u->logp = cut(c, w->n * sizeof(*u->logp));
	}
}

/*
 * For training every step and block has its own rows; for evaluation two
 * states take turns and one t, v and u serve all.  Where memory is not the
 * host's, a step in training waits for launches more than for memory: then
 * what can be made again is kept.
 */
static void
cut_all(struct nf_work *w, const struct nf_net *net, struct cut *c)
{
	const struct nf_shape *s = &net->flow->shape;
	uint32_t B = s->blocks, H = s->hidden, pad = w->dev->pad, i, b;

	w->x = cut_mat(c, w->n, s->features, 1);
	w->z = cut_mat(c, w->n, s->features, 1);
	w->context = cut_mat(c, w->n, s->context, 1);
	w->logdet = cut(c, w->n * sizeof(double));
	w->logp = cut(c, w->n * sizeof(double));
	for (i = 0; i < 2 * s->steps * B; i++)
		w->u[i] = i == 0 || w->kept ? cut_mat(c, w->n, H, pad) :
		    w->u[0];
	for (i = 0; i < s->steps; i++) {
		int own = w->train || i == 0;

		w->state[i] = w->train || i < 2 ? cut_mat(c, w->n,
		    s->features + s->context, pad) : w->state[i - 2];
		w->beside[i] = c->base == NULL ? w->state[i] :
		    nf_mat(w->state[i].x + s->features, s->context,
		    w->state[i].ld);
		for (b = 0; b <= B; b++)
			w->t[i * (B + 1) + b] = own && (w->train || b == 0) ?
			    cut_mat(c, w->n, H, pad) : w->t[0];
		for (b = 0; b < B; b++) {
			w->v[i * B + b] = own && (w->train || b == 0) ?
			    cut_mat(c, w->n, H, pad) : w->v[0];
			w->w[i * B + b] = w->train ?
			    cut_mat(c, w->n, H, pad) : w->v[0];
		}
	}
	if (w->train)
		cut_train(w, net, c);
	else
		cut_turns(w, net, c);
}

/* A work without its memory, and how much that will be. */
static int
measure(struct nf_work **out, const struct nf_net *net, struct nf_dev *dev,
    uint32_t n, int train, struct cut *c, struct nf_err *err)
{
	const struct nf_shape *s = &net->flow->shape;
	size_t S = s->steps, B = s->blocks;
	struct nf_work *w = nf_alloc(1, sizeof(*w), "work", err);

	*out = w;
	if (w == NULL)
		return -1;
	w->n = n;
	w->train = train;
	w->dev = dev;
	w->kept = train && !dev->host;
	w->state = nf_alloc(S, sizeof(*w->state), "work", err);
	w->beside = nf_alloc(S, sizeof(*w->beside), "work", err);
	w->t = nf_alloc(S * (B + 1), sizeof(*w->t), "work", err);
	w->v = nf_alloc(S * B, sizeof(*w->v), "work", err);
	w->w = nf_alloc(S * B, sizeof(*w->w), "work", err);
	w->u = nf_alloc(2 * S * B, sizeof(*w->u), "work", err);
	w->keep = nf_alloc(S, sizeof(*w->keep), "work", err);
	if (w->state == NULL || w->beside == NULL || w->t == NULL ||
	    w->v == NULL || w->w == NULL || w->u == NULL || w->keep == NULL)
		return -1;
	cut_all(w, net, c);
	return 0;
}

int
nf_work_size(const struct nf_net *net, struct nf_dev *dev, uint32_t n,
    int train, uint64_t *nbyte, struct nf_err *err)
{
	struct cut c = { NULL, 0 };
	struct nf_work *w;
	int rc = measure(&w, net, dev, n, train, &c, err);

	*nbyte = c.used;
	nf_work_free(w);
	return rc;
}

int
nf_work_new(struct nf_work **out, const struct nf_net *net,
    struct nf_dev *dev, uint32_t n, int train, struct nf_err *err)
{
	struct cut c = { NULL, 0 };
	struct nf_work *w;

	if (measure(&w, net, dev, n, train, &c, err) == -1)
		goto fail;
	c.base = dev->ops->alloc(dev, c.used);
	w->memory = c.base;
	if (dev->ops->sync(dev, err) == -1) {
		nf_fail(err, NF_ESYS, "no memory for the work of %u rows "
		    "(%.1f GB): take a smaller batch", n,
		    (double)c.used / 1e9);
		goto fail;
	}
	c.used = 0;
	cut_all(w, net, &c);
	*out = w;
	return 0;
fail:
	nf_work_free(w);
	*out = NULL;
	return -1;
}

void
nf_work_free(struct nf_work *w)
{
	if (w == NULL)
		return;
	if (w->memory != NULL)
		w->dev->ops->free(w->dev, w->memory);
	nf_free(w->state);
	nf_free(w->beside);
	nf_free(w->t);
	nf_free(w->v);
	nf_free(w->w);
	nf_free(w->u);
	nf_free(w->keep);
	nf_free(w);
}

void
nf_work_context(struct nf_work *w, uint32_t n, uint32_t nstate)
{
	struct nf_noise rows = { .repeat = 1 };

	if (w->context.ncol == 0)
		return;
	if (!w->train && nstate > 2)
		nstate = 2;
	w->dev->ops->spread(w->dev, n, &rows, w->context, nstate, w->beside);
}
