/* Gradients of permutation and LU against differences. */
#include "gradients.h"

struct lu_case {
	struct nf_net *net;
	struct nf_lu lu;
	struct guarded param, m, bias, logdet;
	double *cm, *cb, cl;
};

static double
lu_loss(void *arg)
{
	struct lu_case *p = arg;

	dev->ops->lu_fold(dev, &p->lu, 0, guard_at(&p->m),
	    guard_at(&p->bias), guard_at(&p->logdet));
	return weigh(&p->m, p->cm) + weigh(&p->bias, p->cb) +
	    weigh(&p->logdet, &p->cl);
}

/* The places in grad that are no LU's are left as they are. */
static void
test_lu(uint32_t D, uint32_t steps)
{
	struct nf_shape s = { .features = D, .steps = steps, .hidden = 1,
		.blocks = 1, .bins = 2, .tail_bound = 1,
		.min_bin_width = 1e-3, .min_bin_height = 1e-3,
		.min_derivative = 1e-3 };
	struct nf_flow *f = flow_of(&s);
	struct nf_tally tally = { .weight_norm = 0.25 };
	void *dtally = device(dev, &tally, sizeof(tally));
	uint32_t nlayer = steps + 1, n = (uint32_t)f->nparam, i;
	double *x, *g = reals(n), sums[2] = { 3, 0 };
	void *dsums = device(dev, sums, sizeof(sums));
	struct lu_case p;
	struct guarded grad;
	struct nf_err err;
	size_t k;

	fill_flow(&seed, f, 1);
	must(nf_net_new(&p.net, dev, f, &err), &err);
	operand(&p.param, &x, 1, n, 0, 1);
	memcpy(x, f->param, n * sizeof(*x));
	guard_put(&p.param, x);
	p.lu = p.net->lu;
	p.lu.param = guard_at(&p.param);
	operand(&p.m, &p.cm, nlayer, D * D, 0, 1);
	operand(&p.bias, &p.cb, nlayer, D, 0, 1);
	guard_new(&p.logdet, dev, sizeof(double), 1, 1, 1);
	p.cl = -sums[0] * tally.weight_norm;
	guard_new(&grad, dev, sizeof(double), 1, n, n);
	dev->ops->lu_grad(dev, &p.lu, guard_at(&p.m), guard_at(&p.bias),
	    dsums, dtally, guard_at(&grad));
	guard_get(&grad, g);
	for (i = 0; i < f->ntensor; i++)
		for (k = 0; k < f->tensor[i].n; k++) {
			double *at = &g[f->tensor[i].offset + k];

			if (strstr(f->tensor[i].name, "/net/") == NULL)
				continue;
			whole &= isnan(*at) != 0;
			*at = 0;
		}
	for (k = 0; k < n; k++)
		g[k] = isnan(g[k]) ? 0 : g[k];	/* between tensors */
	for (i = 0; i < 4; i++)
		probe(lu_loss, &p, &p.param, x, g);
	drop(&p.param, x);
	drop(&p.m, p.cm);
	drop(&p.bias, p.cb);
	drop(&p.logdet, g);
	drop(&grad, NULL);
	dev->ops->free(dev, dtally);
	dev->ops->free(dev, dsums);
	nf_net_free(p.net);
	nf_flow_free(f);
	verdict(TOL, "LU: %u layers of %u features", nlayer, D);
}

static void
test_all(void)
{
	test_lu(2, 1);
	test_lu(3, 2);
	test_lu(5, 3);
	test_lu(17, 5);
	test_lu(31, 1);
}

int
main(void)
{
	return on_devices(test_all);
}
