/* Gradients of norm, activation and dropout against differences. */
#include "gradients.h"

struct norm_case {
	uint32_t n;
	struct nf_norm m;
	struct guarded t, u, weight, bias, stat[3];
	double *c;
};

static double
norm_loss(void *arg)
{
	struct norm_case *p = arg;

	dev->ops->norm(dev, p->n, &p->m, NF_NORM_TRAIN, guard_mat(&p->t),
	    guard_mat(&p->u));
	return weigh(&p->u, p->c);
}

static void
norm_setup(struct norm_case *p, uint32_t H, int batch_norm,
    const struct nf_tally *tally)
{
	int i;

	for (i = 0; i < 3; i++)
		guard_new(&p->stat[i], dev, sizeof(double), 1, H, H);
	p->m.tally = tally;
	p->m.layer = 3;
	if (!batch_norm)
		return;
	p->m.weight = guard_at(&p->weight);
	p->m.bias = guard_at(&p->bias);
	p->m.mean = guard_at(&p->stat[0]);
	p->m.var = guard_at(&p->stat[1]);
	p->m.invstd = guard_at(&p->stat[2]);
}

static void
test_norm(uint32_t n, uint32_t H, int batch_norm, enum nf_act act,
    double dropout, int add)
{
	struct nf_tally host = { .seed = 12345678901, .seen = 7 };
	struct norm_case p = { .n = n, .m = { .act = act,
		.dropout = dropout } };
	double *t, *u, *weight, *bias, *before, *g, *gw = reals(H);
	double *gb = reals(H), *again = reals((size_t)n * H);
	void *tally = device(dev, &host, sizeof(host));
	struct guarded du, dt, dw, db;
	size_t i;

	operand(&p.t, &t, n, H, 3, 2);
	operand(&p.u, &u, n, H, 1, 1);
	operand(&p.weight, &weight, 1, H, 0, 1);
	operand(&p.bias, &bias, 1, H, 0, 1);
	operand(&dt, &before, n, H, 2, 1);
	operand(&du, &g, n, H, 1, 1);
	guard_new(&dw, dev, sizeof(double), 1, H, H);
	guard_new(&db, dev, sizeof(double), 1, H, H);
	norm_setup(&p, H, batch_norm, tally);
	p.c = u;
	norm_loss(&p);
	guard_get(&p.u, g);
	dev->ops->norm(dev, n, &p.m, NF_NORM_AGAIN, guard_mat(&p.t),
	    guard_mat(&p.u));
	guard_get(&p.u, again);
	whole &= memcmp(g, again, (size_t)n * H * sizeof(*g)) == 0;
	guard_put(&du, p.c);
	dev->ops->norm_grad(dev, n, &p.m, guard_mat(&p.t), guard_mat(&du),
	    guard_mat(add ? &dt : &du), add,
	    batch_norm ? guard_at(&dw) : NULL,
	    batch_norm ? guard_at(&db) : NULL);
	guard_get(add ? &dt : &du, g);
	for (i = 0; add && i < (size_t)n * H; i++)
		g[i] -= before[i];
	probe(norm_loss, &p, &p.t, t, g);
	if (batch_norm) {
		guard_get(&dw, gw);
		guard_get(&db, gb);
		probe(norm_loss, &p, &p.weight, weight, gw);
		probe(norm_loss, &p, &p.bias, bias, gb);
	}
	drop(&p.t, t);
	drop(&p.u, u);
	drop(&p.weight, weight);
	drop(&p.bias, bias);
	drop(&dt, before);
	drop(&du, g);
	drop(&dw, gw);
	drop(&db, gb);
	for (i = 0; i < 3; i++)
		drop(&p.stat[i], NULL);
	dev->ops->free(dev, tally);
	nf_free(again);
	verdict(TOL, "norm: %u rows of %u, %s%s%s%s", n, H,
	    act == NF_RELU ? "relu" : act == NF_ELU ? "elu" : "leaky",
	    batch_norm ? ", batch norm" : "", dropout > 0 ? ", dropout" : "",
	    add ? ", added" : "");
}

static void
test_all(void)
{
	enum nf_act act;

	for (act = NF_RELU; act <= NF_LEAKY_RELU; act++) {
		test_norm(2, 1, 1, act, 0, 0);
		test_norm(5, 17, 1, act, 0, 1);
		test_norm(33, 5, 1, act, 0.3, 0);
		test_norm(131, 3, 1, act, 0.7, 1);
		test_norm(17, 33, 0, act, 0, 0);
		test_norm(3, 31, 0, act, 0.5, 1);
		test_norm(1, 2, 0, act, 0, 1);
	}
	test_norm(1, 3, 1, NF_ELU, 0, 0);
}

int
main(void)
{
	return on_devices(test_all);
}
