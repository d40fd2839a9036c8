/* Gradients of the loss against differences. */
#include "gradients.h"

struct loss_case {
	uint32_t n;
	struct guarded z, logdet, logp, constant;
	double *c;
};

static double
loss_loss(void *arg)
{
	struct loss_case *p = arg;

	dev->ops->log_normal(dev, p->n, guard_mat(&p->z),
	    guard_at(&p->logdet), guard_at(&p->constant),
	    guard_at(&p->logp));
	return weigh(&p->logp, p->c);
}

static void
test_loss(uint32_t n, uint32_t D, int weighted)
{
	struct nf_tally tally = { .weight_norm = 0.3 };
	void *dtally = device(dev, &tally, sizeof(tally));
	double *z, *ld, *one, *w, *g = reals((size_t)n * D), *gl = reals(n);
	double got[2], want[2] = { 0 };
	struct loss_case p = { .n = n };
	struct guarded weight, dz, dl, sums;
	uint32_t i;

	operand(&p.z, &z, n, D, 3, 1);
	operand(&p.logdet, &ld, 1, n, 0, 1);
	operand(&p.constant, &one, 1, 1, 0, 1);
	operand(&weight, &w, 1, n, 0, 1);
	guard_new(&p.logp, dev, sizeof(double), 1, n, n);
	guard_new(&dz, dev, sizeof(double), n, D, D + 1);
	guard_new(&dl, dev, sizeof(double), 1, n, n);
	guard_new(&sums, dev, sizeof(double), 1, 2, 2);
	p.c = reals(n);
	loss_loss(&p);
	guard_get(&p.logp, p.c);
	for (i = 0; i < n; i++) {
		want[0] += weighted ? w[i] : 1;
		want[1] -= (weighted ? w[i] : 1) * p.c[i];
		p.c[i] = -(weighted ? w[i] : 1) * tally.weight_norm;
	}
	dev->ops->loss_grad(dev, n, guard_mat(&p.z), guard_at(&p.logp),
	    weighted ? guard_at(&weight) : NULL, dtally, guard_mat(&dz),
	    guard_at(&dl), guard_at(&sums));
	guard_get(&dz, g);
	guard_get(&dl, gl);
	guard_get(&sums, got);
	for (i = 0; i < 2; i++)
		worst = larger(worst, fabs(got[i] - want[i]) / n);
	probe(loss_loss, &p, &p.z, z, g);
	probe(loss_loss, &p, &p.logdet, ld, gl);
	drop(&p.z, z);
	drop(&p.logdet, ld);
	drop(&p.constant, one);
	drop(&p.logp, p.c);
	drop(&weight, w);
	drop(&dz, g);
	drop(&dl, gl);
	drop(&sums, NULL);
	dev->ops->free(dev, dtally);
	verdict(TOL, "loss: %u rows of %u%s", n, D,
	    weighted ? ", weighted" : "");
}

static void
test_all(void)
{
	test_loss(1, 2, 0);
	test_loss(5, 3, 1);
	test_loss(33, 17, 1);
}

int
main(void)
{
	return on_devices(test_all);
}
