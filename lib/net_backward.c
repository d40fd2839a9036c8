/* A flow on a device: the gradients of its loss. */
#include "net.h"

/* The gradients of a norm and of the linear layer that takes what it leaves,
 * from dy; dx is room for what is between, dt the result. */
static void
layer_grad(const struct nf_net *net, struct nf_work *w, uint32_t step,
    uint32_t b, uint32_t layer, uint32_t n, struct nf_mat dy,
    struct nf_mat dx, struct nf_mat dt, int add, nf_real *grad)
{
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_block_at *at = &net->flow->step[step].block[b];
	const struct nf_ops *o = w->dev->ops;
	struct nf_mat t = layer == 0 ? w->t[step * (s->blocks + 1) + b] :
	    w->v[step * s->blocks + b];
	struct nf_mat u = w->u[2 * (step * s->blocks + b) + layer];
	struct nf_norm m = nf_net_norm(net, w, step, b, layer);
	struct nf_linear l = nf_net_linear(net, w, at->linear_weight[layer],
	    at->linear_bias[layer], s->hidden, s->hidden);

	if (!w->kept)
		o->norm(w->dev, n, &m, NF_NORM_AGAIN, t, u);
	o->linear_grad(w->dev, n, &l, u, dy, dx, 0,
	    grad + at->linear_weight[layer], grad + at->linear_bias[layer]);
	o->norm_grad(w->dev, n, &m, t, dx, dt, add,
	    s->batch_norm ? grad + at->norm_weight[layer] : NULL,
	    s->batch_norm ? grad + at->norm_bias[layer] : NULL);
}

/* One residual block: dt is the gradient of its output, then of its input. */
static void
block_grad(const struct nf_net *net, struct nf_work *w, uint32_t step,
    uint32_t b, uint32_t n, struct nf_mat dt, nf_real *grad)
{
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_block_at *at = &net->flow->step[step].block[b];
	struct nf_mat *da = &w->da[3 * b % NF_TURNS];
	struct nf_linear l = { 0 };

	if (s->context > 0)
		l = nf_net_linear(net, w, at->context_weight, at->context_bias,
		    s->context, s->hidden);
	w->dev->ops->gate_grad(w->dev, n, &l, w->context,
	    w->w[step * s->blocks + b], dt, da[0],
	    grad + (s->context > 0 ? at->context_weight : 0),
	    grad + (s->context > 0 ? at->context_bias : 0));
	layer_grad(net, w, step, b, 1, n, da[0], da[1], da[1], 0, grad);
	layer_grad(net, w, step, b, 0, n, da[1], da[2], dt, 1, grad);
}

/* One coupling: d holds the gradient of its output, then of its input. */
static void
coupling_grad(const struct nf_net *net, struct nf_work *w, uint32_t step,
    uint32_t n, struct nf_mat d, nf_real *grad)
{
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_step_at *at = &net->flow->step[step];
	const struct nf_ops *o = w->dev->ops;
	uint32_t nt = nf_ntransform(s, step), b;
	struct nf_spline p = nf_net_spline(net, w, step);
	struct nf_linear l;
	struct nf_mat in, din, dt = w->dt[step % 2];

	o->spline_grad(w->dev, n, &p,
	    w->t[step * (s->blocks + 1) + s->blocks], w->keep[step],
	    w->dlogdet, d, dt, grad + at->final_weight,
	    grad + at->final_bias);
	for (b = s->blocks; b-- > 0;)
		block_grad(net, w, step, b, n, dt, grad);
	in = nf_mat(w->state[step].x + nt, s->features - nt + s->context,
	    w->state[step].ld);
	din = nf_mat(d.x + nt, s->features - nt, d.ld);
	l = nf_net_linear(net, w, at->initial_weight, at->initial_bias, in.ncol,
	    s->hidden);
	o->linear_grad(w->dev, n, &l, in, dt, din, 1,
	    grad + at->initial_weight, grad + at->initial_bias);
}

/* Layer k's matrix: its gradient, and (unless dx.x is NULL) its input's. */
static void
mix_grad(const struct nf_net *net, struct nf_work *w, uint32_t k, uint32_t n,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx)
{
	uint32_t D = net->lu.features;
	struct nf_linear l = { .w = net->fold + (size_t)k * D * D, .nin = D,
		.nout = D, .exact = 1 };

	x.ncol = D;
	w->dev->ops->linear_grad(w->dev, n, &l, x, dy, dx, 0,
	    w->dfold + (size_t)k * D * D, w->dfold_bias + (size_t)k * D);
}

void
nf_net_backward(const struct nf_net *net, struct nf_work *w, uint32_t n,
    const nf_real *weight, nf_real *grad)
{
	const struct nf_ops *o = w->dev->ops;
	uint32_t S = net->flow->shape.steps, i;
	struct nf_mat none = { NULL, 0, 0 };

	o->loss_grad(w->dev, n, w->z, w->logp, weight, w->tally,
	    w->dstate[0], w->dlogdet, w->sums);
	mix_grad(net, w, S, n, w->state[S - 1], w->dstate[0], w->dstate[1]);
	for (i = S; i-- > 0;) {
		struct nf_mat d = w->dstate[(S - i) % 2];

		coupling_grad(net, w, i, n, d, grad);
		mix_grad(net, w, i, n, i == 0 ? w->x : w->state[i - 1], d,
		    i == 0 ? none : w->dstate[(S - i + 1) % 2]);
	}
	o->lu_grad(w->dev, &net->lu, w->dfold, w->dfold_bias, w->sums,
	    w->tally, grad);
}
