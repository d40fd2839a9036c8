/* A flow on a device: the gradients of its loss. */
#include "net.h"

/* The gradients of a norm and of the linear layer that takes what it leaves,
 * from dy; dx is room for what is between, dt the result. */
static void
layer_grad(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    uint32_t k, struct nf_mat dy, struct nf_mat dx, struct nf_mat dt, int add,
    const struct nf_residual_grad *to)
{
	struct nf_mat t = k == 0 ? r->t : r->v;
	const struct nf_ops *o = d->ops;

	if (!r->kept)
		o->norm(d, n, &r->norm[k], NF_NORM_AGAIN, t, r->u[k]);
	o->linear_grad(d, n, &r->linear[k], r->u[k], dy, dx, 0,
	    to->linear_w[k], to->linear_b[k]);
	o->norm_grad(d, n, &r->norm[k], t, dx, dt, add, to->norm_w[k],
	    to->norm_b[k]);
}

/* One residual block: dt is the gradient of its output, then of its input. */
static void
block_grad(const struct nf_net *net, struct nf_work *w, uint32_t step,
    uint32_t b, uint32_t n, struct nf_mat dt, nf_real *grad)
{
	const struct nf_block_at *at = &net->flow->step[step].block[b];
	const struct nf_shape *s = &net->flow->shape;
	const struct nf_ops *o = w->dev->ops;
	struct nf_residual r = nf_net_block(net, w, step, b);
	struct nf_mat *da = &w->da[NF_ROOMS * b % NF_TURNS];
	struct nf_residual_grad to = { .gate_w = grad, .gate_b = grad };
	uint32_t k;

	for (k = 0; k < 2; k++) {
		to.linear_w[k] = grad + at->linear_weight[k];
		to.linear_b[k] = grad + at->linear_bias[k];
		if (!s->batch_norm)
			continue;
		to.norm_w[k] = grad + at->norm_weight[k];
		to.norm_b[k] = grad + at->norm_bias[k];
	}
	if (!r.last) {
		to.behind = w->da[(NF_ROOMS * (b + 1) + 3) % NF_TURNS];
		to.behind_w = grad + at[1].norm_weight[0];
		to.behind_b = grad + at[1].norm_bias[0];
	}
	if (s->context > 0) {
		to.gate_w += at->context_weight;
		to.gate_b += at->context_bias;
	}
	if (o->residual_grad != NULL &&
	    o->residual_grad(w->dev, n, &r, dt, da, &to))
		return;
	o->gate_grad(w->dev, n, &r.gate, w->context, r.w, dt, da[0],
	    to.gate_w, to.gate_b);
	layer_grad(w->dev, n, &r, 1, da[0], da[1], da[1], 0, &to);
	layer_grad(w->dev, n, &r, 0, da[1], da[2], dt, 1, &to);
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
