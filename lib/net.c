/* A flow on a device: forward and inverse, in terms of the table. */
#include <math.h>
#include <string.h>

#include "net.h"

/* ---- what the operations are told ------------------------------------- */

/* The packed form of a weight, if there is one and it may be used. */
static const void *
find_packed(const struct nf_net *net, const struct nf_work *w, size_t weight)
{
	uint32_t lo = 0, hi = net->npacked, k;

	if (w->train)
		return NULL;
	while (lo < hi) {
		k = (lo + hi) / 2;
		if (net->packed[k].weight == weight)
			return net->packed[k].at;
		if (net->packed[k].weight < weight)
			lo = k + 1;
		else
			hi = k;
	}
	return NULL;
}

struct nf_linear
nf_net_linear(const struct nf_net *net, const struct nf_work *w,
    size_t weight, size_t bias, uint32_t nin, uint32_t nout)
{
	struct nf_linear l = { .w = net->param + weight,
		.b = net->param + bias, .nin = nin, .nout = nout,
		.packed = find_packed(net, w, weight) };

	return l;
}

struct nf_norm
nf_net_norm(const struct nf_net *net, const struct nf_work *w, uint32_t step,
    uint32_t block, uint32_t layer)
{
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_block_at *at = &net->flow->step[step].block[block];
	size_t stat0 = net->flow->nparam;
	struct nf_norm m = { .act = s->activation, .tally = w->tally,
		.row0 = w->row0 };

	if (layer == 1) {
		m.dropout = s->dropout;
		m.layer = step * s->blocks + block;
	}
	if (!s->batch_norm)
		return m;
	m.weight = net->param + at->norm_weight[layer];
	m.bias = net->param + at->norm_bias[layer];
	m.running_mean = net->param + at->norm_mean[layer];
	m.running_var = net->param + at->norm_var[layer];
	if (w->train) {
		m.mean = w->batch_stat + (at->norm_mean[layer] - stat0);
		m.var = w->batch_stat + (at->norm_var[layer] - stat0);
		m.invstd = w->invstd + (at->norm_mean[layer] - stat0);
	}
	return m;
}

struct nf_residual
nf_net_block(const struct nf_net *net, const struct nf_work *w, uint32_t step,
    uint32_t block)
{
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_block_at *at = &net->flow->step[step].block[block];
	uint32_t H = s->hidden, k = step * s->blocks + block, i;
	const struct nf_mat *t = &w->t[step * (s->blocks + 1) + block];
	struct nf_residual r = { .context = w->context, .t = t[0],
		.v = w->v[k], .w = w->w[k], .to = t[1],
		.u = { w->u[2 * k], w->u[2 * k + 1] }, .kept = w->kept,
		.first = block == 0, .last = block + 1 == s->blocks };

	for (i = 0; i < 2; i++) {
		r.norm[i] = nf_net_norm(net, w, step, block, i);
		r.linear[i] = nf_net_linear(net, w, at->linear_weight[i],
		    at->linear_bias[i], H, H);
	}
	if (!r.last)
		r.next = nf_net_norm(net, w, step, block + 1, 0);
	if (s->context > 0)
		r.gate = nf_net_linear(net, w, at->context_weight,
		    at->context_bias, s->context, H);
	return r;
}

struct nf_spline
nf_net_spline(const struct nf_net *net, const struct nf_work *w,
    uint32_t step)
{
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_step_at *at = &net->flow->step[step];
	uint32_t nt = nf_ntransform(s, step);
	struct nf_spline p = {
		.nt = nt, .bins = s->bins, .tail_bound = s->tail_bound,
		.min_width = s->min_bin_width,
		.min_height = s->min_bin_height,
		.min_derivative = s->min_derivative,
		.logit_scale = 1 / sqrt((double)s->hidden)
	};

	p.final = nf_net_linear(net, w, at->final_weight, at->final_bias,
	    s->hidden, nt * (3 * s->bins - 1));
	return p;
}

/* ---- the parameters --------------------------------------------------- */

/*
 * row[i] is the order that state i is kept in, transformed features first;
 * col[i] says where permutation i puts what the state before it holds.
 */
static void
make_orders(const struct nf_flow *f, int32_t *row, int32_t *col,
    int32_t *place)
{
	uint32_t D = f->shape.features, S = f->shape.steps, i, j, k;
	const int32_t *perm, *before;

	for (i = 0; i <= S; i++) {
		perm = f->perm + (size_t)i * D;
		before = row + (size_t)(i - 1) * D;
		for (j = 0; j < D; j++)
			place[perm[j]] = (int32_t)j;
		for (j = 0; j < D; j++)
			col[(size_t)i * D + j] =
			    place[i == 0 ? (int32_t)j : before[j]];
		k = 0;
		for (j = 0; j < D; j++)
			if (i == S || j % 2 == i % 2)
				row[(size_t)i * D + k++] = (int32_t)j;
		for (j = 0; i < S && j < D; j++)
			if (j % 2 != i % 2)
				row[(size_t)i * D + k++] = (int32_t)j;
	}
}

static int
upload_index(struct nf_net *net, struct nf_err *err)
{
	const struct nf_flow *f = net->flow;
	const struct nf_ops *o = net->dev->ops;
	size_t D = f->shape.features, n = f->shape.steps + 1, i;
	size_t nat = n * sizeof(struct nf_lu_at), norder = n * D;
	size_t nbyte = nat + (2 * norder + D) * sizeof(int32_t);
	char *host = nf_alloc(nbyte, 1, "orders", err);
	int32_t *row;

	if (host == NULL)
		return -1;
	for (i = 0; i < n; i++)
		((struct nf_lu_at *)host)[i] = f->step[i].lu;
	row = (int32_t *)(host + nat);
	make_orders(f, row, row + norder, row + 2 * norder);
	net->index = o->alloc(net->dev, nbyte);
	o->upload(net->dev, net->index, host, nbyte);
	nf_free(host);
	net->lu.features = (uint32_t)D;
	net->lu.nlayer = (uint32_t)n;
	net->lu.param = net->param;
	net->lu.at = net->index;
	net->lu.row = (int32_t *)((char *)net->index + nat);
	net->lu.col = net->lu.row + norder;
	return 0;
}

int
nf_net_new(struct nf_net **out, struct nf_dev *dev, const struct nf_flow *f,
    struct nf_err *err)
{
	const struct nf_ops *o = dev->ops;
	size_t D = f->shape.features, n = f->shape.steps + 1;
	struct nf_net *net = nf_alloc(1, sizeof(*net), "flow", err);

	*out = net;
	if (net == NULL)
		return -1;
	net->dev = dev;
	net->flow = f;
	net->param = dev->host ? f->param :
	    o->alloc(dev, f->nall * sizeof(nf_real));
	net->fold = o->alloc(dev, n * D * D * sizeof(nf_real));
	net->fold_bias = o->alloc(dev, n * D * sizeof(nf_real));
	net->back = o->alloc(dev, n * D * D * sizeof(nf_real));
	net->back_bias = o->alloc(dev, n * D * sizeof(nf_real));
	net->logdet = o->alloc(dev, sizeof(double));
	o->upload(dev, net->param, f->param, f->nall * sizeof(nf_real));
	if (upload_index(net, err) == -1 || o->sync(dev, err) == -1) {
		nf_net_free(net);
		*out = NULL;
		return -1;
	}
	return 0;
}

void
nf_net_free(struct nf_net *net)
{
	const struct nf_ops *o;

	if (net == NULL)
		return;
	o = net->dev->ops;
	if (!net->dev->host)
		o->free(net->dev, net->param);
	o->free(net->dev, net->index);
	o->free(net->dev, net->fold);
	o->free(net->dev, net->fold_bias);
	o->free(net->dev, net->back);
	o->free(net->dev, net->back_bias);
	o->free(net->dev, net->logdet);
	o->free(net->dev, net->pack_memory);
	nf_free(net->packed);
	nf_free(net);
}

void
nf_net_fold(struct nf_net *net, struct nf_dev *dev)
{
	dev->ops->lu_fold(dev, &net->lu, 0, net->fold, net->fold_bias,
	    net->logdet);
}

void
nf_net_fold_inverse(struct nf_net *net, struct nf_dev *dev)
{
	dev->ops->lu_fold(dev, &net->lu, 1, net->back, net->back_bias,
	    net->logdet);
}

/* ---- through it ------------------------------------------------------- */

static void
block_by_parts(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode)
{
	const struct nf_ops *o = d->ops;

	o->norm(d, n, &r->norm[0], mode, r->t, r->u[0]);
	o->linear(d, n, &r->linear[0], r->u[0], r->v);
	o->norm(d, n, &r->norm[1], mode, r->v, r->u[1]);
	o->linear(d, n, &r->linear[1], r->u[1], r->w);
	o->gate(d, n, &r->gate, r->context, r->w, r->t, r->to);
}

/* The network of one step, as far as its last residual sum. */
static struct nf_mat
hidden(const struct nf_net *net, struct nf_work *w, uint32_t step, uint32_t n)
{
	const struct nf_flow *f = net->flow;
	const struct nf_shape *s = &f->shape;
	const struct nf_step_at *at = &f->step[step];
	const struct nf_ops *o = w->dev->ops;
	enum nf_norm_mode mode = w->train ? NF_NORM_TRAIN : NF_NORM_EVAL;
	uint32_t nt = nf_ntransform(s, step), b;
	struct nf_mat *t = &w->t[step * (s->blocks + 1)], in;
	struct nf_residual r;
	struct nf_linear l;

	in = nf_mat(w->state[step].x + nt, s->features - nt + s->context,
	    w->state[step].ld);
	l = nf_net_linear(net, w, at->initial_weight, at->initial_bias, in.ncol,
	    s->hidden);
	o->linear(w->dev, n, &l, in, t[0]);
	for (b = 0; b < s->blocks; b++) {
		r = nf_net_block(net, w, step, b);
		if (o->residual == NULL ||
		    !o->residual(w->dev, n, &r, mode))
			block_by_parts(w->dev, n, &r, mode);
	}
	return t[s->blocks];
}

/* y = fold x, layer k's matrix; both D columns wide. */
static void
mix(const struct nf_net *net, struct nf_dev *dev, const nf_real *fold,
    const nf_real *bias, uint32_t k, uint32_t n, struct nf_mat x,
    struct nf_mat y)
{
	uint32_t D = net->lu.features;
	struct nf_linear l = { .w = fold + (size_t)k * D * D,
		.b = bias + (size_t)k * D, .nin = D, .nout = D, .exact = 1 };

	x.ncol = y.ncol = D;
	dev->ops->linear(dev, n, &l, x, y);
}

void
nf_net_forward(const struct nf_net *net, struct nf_work *w, uint32_t n)
{
	const struct nf_ops *o = w->dev->ops;
	uint32_t S = net->flow->shape.steps, i;
	struct nf_mat x = w->x, h;
	struct nf_spline s;

	o->zero(w->dev, w->logdet, n * sizeof(*w->logdet));
	for (i = 0; i < S; i++) {
		mix(net, w->dev, net->fold, net->fold_bias, i, n, x,
		    w->state[i]);
		x = w->state[i];
		h = hidden(net, w, i, n);
		s = nf_net_spline(net, w, i);
		o->spline(w->dev, n, &s, h, x, w->logdet,
		    w->train ? w->keep[i] : NULL);
	}
	mix(net, w->dev, net->fold, net->fold_bias, S, n, x, w->z);
	o->log_normal(w->dev, n, w->z, w->logdet, net->logdet, w->logp);
}

void
nf_net_inverse(const struct nf_net *net, struct nf_work *w, uint32_t n)
{
	const struct nf_ops *o = w->dev->ops;
	uint32_t S = net->flow->shape.steps, i;
	struct nf_mat z = w->z, h;
	struct nf_spline s;

	o->zero(w->dev, w->logdet, n * sizeof(*w->logdet));
	for (i = S; i-- > 0;) {
		mix(net, w->dev, net->back, net->back_bias, i + 1, n, z,
		    w->state[i]);
		z = w->state[i];
		h = hidden(net, w, i, n);
		s = nf_net_spline(net, w, i);
		o->spline_inverse(w->dev, n, &s, h, z, w->logdet);
	}
	mix(net, w->dev, net->back, net->back_bias, 0, n, z, w->x);
}
