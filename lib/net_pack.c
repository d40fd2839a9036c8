/* A flow on a device: its weights in the order that products want. */
#include <string.h>

#include "net.h"

static void
note(struct nf_net *net, size_t weight, size_t bias, uint32_t nin,
    uint32_t nout, int step)
{
	struct nf_packed p = { weight, bias, nin, nout, step, NULL };
	uint32_t k = net->npacked++;

	/* Kept in order: the tensors nearly are. */
	while (k > 0 && net->packed[k - 1].weight > weight) {
		net->packed[k] = net->packed[k - 1];
		k--;
	}
	net->packed[k] = p;
}

static void
note_all(struct nf_net *net)
{
	const struct nf_shape *s = &net->flow->shape;
	uint32_t H = s->hidden, C = s->context, i, b, j, nt;
	const struct nf_step_at *at;
	const struct nf_block_at *ba;

	for (i = 0; i < s->steps; i++) {
		at = &net->flow->step[i];
		nt = nf_ntransform(s, i);
		note(net, at->initial_weight, at->initial_bias,
		    s->features - nt + C, H, -1);
		for (b = 0; b < s->blocks; b++) {
			ba = &at->block[b];
			if (C > 0)
				note(net, ba->context_weight,
				    ba->context_bias, C, H, -1);
			for (j = 0; j < 2; j++)
				note(net, ba->linear_weight[j],
				    ba->linear_bias[j], H, H, -1);
		}
		note(net, at->final_weight, at->final_bias, H,
		    nt * (3 * s->bins - 1), (int)i);
	}
}

/* What the device is told of packed weight p. */
static struct nf_linear
plain(const struct nf_net *net, const struct nf_packed *p,
    struct nf_spline *s)
{
	struct nf_linear l = { .w = net->param + p->weight,
		.b = net->param + p->bias, .nin = p->nin, .nout = p->nout };

	memset(s, 0, sizeof(*s));
	s->final = l;
	s->bins = net->flow->shape.bins;
	if (p->step >= 0)
		s->nt = nf_ntransform(&net->flow->shape, (uint32_t)p->step);
	return l;
}

static size_t
place_all(struct nf_net *net, char *base)
{
	const struct nf_ops *o = net->dev->ops;
	struct nf_packed *p;
	struct nf_linear l;
	struct nf_spline s;
	size_t used = 0, size;
	uint32_t k;

	for (k = 0; k < net->npacked; k++) {
		p = &net->packed[k];
		l = plain(net, p, &s);
		size = o->pack_size(net->dev, &l, p->step < 0 ? NULL : &s);
		p->at = base == NULL || size == 0 ? NULL : base + used;
		used += (size + 255) / 256 * 256;
	}
	return used;
}

static int
make_room(struct nf_net *net, struct nf_err *err)
{
	const struct nf_shape *s = &net->flow->shape;
	size_t nbyte;

	net->packed = nf_alloc(s->steps * (2 + 3 * (size_t)s->blocks),
	    sizeof(*net->packed), "packed weights", err);
	if (net->packed == NULL)
		return -1;
	note_all(net);
	nbyte = place_all(net, NULL);
	if (nbyte == 0)
		return 0;
	net->pack_memory = net->dev->ops->alloc(net->dev, nbyte);
	if (net->pack_memory == NULL)
		return net->dev->ops->sync(net->dev, err);
	place_all(net, net->pack_memory);
	return 0;
}

static void
pack_one(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t k)
{
	struct nf_net *net = arg;
	struct nf_packed *p = &net->packed[k];
	struct nf_spline s;
	struct nf_linear l = plain(net, p, &s);

	(void)ilane;
	if (p->at != NULL)
		lane->ops->pack(lane, &l, p->step < 0 ? NULL : &s, p->at);
}

int
nf_net_pack(struct nf_net *net, struct nf_err *err)
{
	if (net->packed == NULL && make_room(net, err) == -1)
		return -1;
	if (net->pack_memory != NULL)
		net->dev->ops->each(net->dev, net->npacked, pack_one, net);
	return 0;
}
