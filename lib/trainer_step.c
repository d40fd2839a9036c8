/* Training: one step, all on the device. */
#include "trainer.h"

/* A share of the batch, forward and backward. */
static void
take_share(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t i)
{
	struct nf_trainer *t = arg;
	struct nf_share *h = &t->share[i];

	(void)ilane;
	h->work->dev = lane;
	nf_work_context(h->work, h->n, t->flow->shape.steps);
	nf_net_forward(t->net, h->work, h->n);
	nf_net_backward(t->net, h->work, h->n,
	    t->rows.weight != NULL ? t->batch_weight + h->lo : NULL, h->grad);
}

/* One step, all on the device: nothing here may depend on the batch. */
static void
one_step(struct nf_trainer *t)
{
	const struct nf_shape *s = &t->flow->shape;
	const struct nf_ops *o = t->dev->ops;
	uint32_t n = t->batch, D = s->features, C = s->context, i;
	double *sums = t->share[0].work->sums;
	size_t nparam = t->flow->nparam;

	o->gather(t->dev, n, t->rows.index, t->tally,
	    nf_mat(t->rows.x, D, D), t->batch_x);
	if (C > 0)
		o->gather(t->dev, n, t->rows.index, t->tally,
		    nf_mat(t->rows.context, C, C), t->batch_context);
	if (t->rows.weight != NULL)
		o->gather(t->dev, n, t->rows.index, t->tally,
		    nf_mat(t->rows.weight, 1, 1),
		    nf_mat(t->batch_weight, 1, 1));
	nf_net_fold(t->net, t->dev);
	if (t->nshare == 1)
		take_share(t, t->dev, 0, 0);
	else
		o->each(t->dev, t->nshare, take_share, t);
	for (i = 1; i < t->nshare; i++)
		o->add_share(t->dev, nparam, t->share[i].grad,
		    t->share[i].work->sums, t->grad, sums);
	o->sum_squares(t->dev, nparam, t->grad, &sums[2]);
	o->judge(t->dev, sums, &sums[2], t->tally);
	o->adam(t->dev, nparam, t->tally, t->net->param, t->grad, t->m, t->v);
	if (s->batch_norm)
		o->norm_update(t->dev, t->flow->nall - nparam,
		    t->share[0].work->batch_stat, t->tally,
		    t->net->param + nparam);
}

void
nf_trainer_step(struct nf_trainer *t)
{
	const struct nf_ops *o = t->dev->ops;

	if (t->unit == NULL && t->warm && o->capture_begin(t->dev)) {
		one_step(t);
		t->unit = o->capture_end(t->dev);
	}
	t->warm = 1;
	if (t->unit != NULL)
		o->replay(t->dev, t->unit);
	else
		one_step(t);
}
