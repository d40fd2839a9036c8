/* The GPU's LU, loss and optimiser against the CPU's. */
#include "cuda_pair.h"

static void
permute(int32_t *p, uint32_t D)
{
	uint32_t i, k;
	int32_t t;

	for (i = 0; i < D; i++)
		p[i] = (int32_t)i;
	for (i = D; i > 1; i--) {
		k = (uint32_t)uniform(0, i);
		t = p[i - 1];
		p[i - 1] = p[k];
		p[k] = t;
	}
}

static void
test_lu(uint32_t D, uint32_t nlayer)
{
	size_t ntri = (size_t)D * (D - 1) / 2, one = 2 * ntri + 2 * D, i;
	struct area *param = vec(REAL, one * nlayer, -0.4, 0.4);
	struct area *order = vec(WORD, (size_t)2 * nlayer * D, 0, 0);
	struct area *at = vec(WORD, nlayer * sizeof(struct nf_lu_at) / 4, 0,
	    0);
	struct area *m = area(REAL, nlayer * D, D, D, 0, 0);
	struct area *bias = vec(REAL, (size_t)nlayer * D, 0, 0);
	struct area *back = area(REAL, nlayer * D, D, D, 0, 0);
	struct area *bbias = vec(REAL, (size_t)nlayer * D, 0, 0);
	struct area *logdet = vec(DOUBLE, 2, 0, 0);
	struct area *dm = area(REAL, nlayer * D, D, D, -1, 1);
	struct area *dbias = vec(REAL, (size_t)nlayer * D, -1, 1);
	struct area *sums = vec(DOUBLE, 3, 50, 60);
	struct area *grad = vec(REAL, one * nlayer, 0, 0);
	struct area *tally = vec(WORD, sizeof(struct nf_tally) / 4, 0, 0);
	struct nf_tally t = { .weight_norm = 0.01 };
	struct nf_lu_at *place = host(at);
	struct nf_lu lu;
	int k;

	memcpy(host(tally), &t, sizeof(t));
	for (i = 0; i < nlayer; i++) {
		place[i].lower = i * one;
		place[i].upper = i * one + ntri;
		place[i].diag = i * one + 2 * ntri;
		place[i].bias = i * one + 2 * ntri + D;
	}
	for (i = 0; i < 2 * nlayer; i++)
		permute((int32_t *)host(order) + i * D, D);
	FOR_BOTH(k) {
		lu.features = D;
		lu.nlayer = nlayer;
		lu.param = REAL_ON(param, k);
		lu.at = (struct nf_lu_at *)(void *)on(at, k);
		lu.row = (int32_t *)(void *)on(order, k);
		lu.col = lu.row + (size_t)nlayer * D;
		dev[k]->ops->lu_fold(dev[k], &lu, 0, REAL_ON(m, k),
		    REAL_ON(bias, k), DOUBLE_ON(logdet, k));
		dev[k]->ops->lu_fold(dev[k], &lu, 1, REAL_ON(back, k),
		    REAL_ON(bbias, k), DOUBLE_ON(logdet, k) + 1);
		dev[k]->ops->lu_grad(dev[k], &lu, REAL_ON(dm, k),
		    REAL_ON(dbias, k), DOUBLE_ON(sums, k),
		    (struct nf_tally *)(void *)on(tally, k),
		    REAL_ON(grad, k));
	}
	agree(1e-6, LIST(m, back, bias, bbias, logdet, grad),
	    "LU of %u layers of %u: map, inverse, gradient", nlayer, D);
}

/* ---- loss and optimiser ----------------------------------------------- */

static void
test_loss(uint32_t n, uint32_t D, int weighted)
{
	struct nf_tally t = { .weight_norm = 1.0 / n };
	struct area *z = area(REAL, n, D, D + 1, -2, 2);
	struct area *logdet = vec(DOUBLE, n, -3, 3);
	struct area *constant = vec(DOUBLE, 1, 1, 2);
	struct area *logp = vec(DOUBLE, n, 0, 0);
	struct area *weight = vec(REAL, n, -0.5, 2);
	struct area *tally = vec(WORD, sizeof(t) / 4, 0, 0);
	struct area *dz = area(REAL, n, D, D, 0, 0);
	struct area *dlogdet = vec(REAL, n, 0, 0);
	struct area *sums = vec(DOUBLE, 2, 0, 0);
	int k;

	memcpy(host(tally), &t, sizeof(t));
	FOR_BOTH(k) {
		dev[k]->ops->log_normal(dev[k], n, mat_on(z, k),
		    DOUBLE_ON(logdet, k), DOUBLE_ON(constant, k),
		    DOUBLE_ON(logp, k));
		dev[k]->ops->loss_grad(dev[k], n, mat_on(z, k),
		    DOUBLE_ON(logp, k), weighted ? REAL_ON(weight, k) : NULL,
		    (struct nf_tally *)(void *)on(tally, k), mat_on(dz, k),
		    REAL_ON(dlogdet, k), DOUBLE_ON(sums, k));
	}
	agree(1e-6, LIST(logp, dz, dlogdet, sums),
	    "density and loss of %u x %u%s", n, D,
	    weighted ? ", weighted" : "");
}

static void
test_squares(size_t n, float last)
{
	struct area *x = vec(REAL, n, -1, 1), *sum = vec(DOUBLE, 1, 0, 0);
	int k;

	((float *)host(x))[n - 1] = last;
	FOR_BOTH(k)
		dev[k]->ops->sum_squares(dev[k], n, REAL_ON(x, k),
		    DOUBLE_ON(sum, k));
	agree(1e-6, LIST(sum), "squares of %zu with %g", n, (double)last);
}

/* One judgement and step after another; bad: the loss is not finite. */
static void
test_steps(size_t n, size_t shift, double clip)
{
	static const int bad[] = { 0, 1, 1, 0, 1 };
	struct nf_tally t = { .lr = 1e-2, .beta1 = 0.9, .beta2 = 0.999,
		.eps = 1e-8, .clip_norm = clip };
	struct area *param = vec(REAL, n + shift, -1, 1);
	struct area *grad = vec(REAL, n + shift, -1, 1);
	struct area *m = vec(REAL, n + shift, -0.1, 0.1);
	struct area *v = vec(REAL, n + shift, 0, 0.1);
	struct area *tally = vec(DOUBLE, sizeof(t) / 8, 0, 0);
	struct area *sums = vec(DOUBLE, 12, 1, 2);
	int i, k;

	memcpy(host(tally), &t, sizeof(t));
	((double *)host(sums))[5] = NAN;
	FOR_BOTH(k)
		for (i = 0; i < 5; i++) {
			struct nf_tally *at =
			    (struct nf_tally *)(void *)on(tally, k);

			dev[k]->ops->sum_squares(dev[k], n, REAL_ON(grad, k)
			    + shift, DOUBLE_ON(sums, k) + 9);
			dev[k]->ops->judge(dev[k], DOUBLE_ON(sums, k) +
			    (bad[i] ? 4 : 0), DOUBLE_ON(sums, k) + 9, at);
			dev[k]->ops->adam(dev[k], n, at, REAL_ON(param, k) +
			    shift, REAL_ON(grad, k) + shift,
			    REAL_ON(m, k) + shift, REAL_ON(v, k) + shift);
		}
	agree(1e-6, LIST(param, m, v, tally),
	    "five steps of %zu parameters from %zu, clip %g", n, shift,
	    clip);
}

static void
test_optimiser(void)
{
	test_loss(1, 2, 0);
	test_loss(77, 17, 1);
	test_loss(300, 5, 0);
	test_loss(70000, 2, 1);
	test_squares(1, 3);
	test_squares(513, 0.5f);
	test_squares(100003, 0);
	test_squares(5000, INFINITY);
	test_squares(5000, 1e30f);
	test_squares(5000, NAN);
	test_steps(1, 0, 0);
	test_steps(1023, 0, 0);
	test_steps(1022, 1, 3);
	test_steps(30000, 0, 1e9);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	open_pair(argv[0]);
	test_lu(2, 1);
	test_lu(3, 4);
	test_lu(17, 18);
	test_lu(40, 2);
	test_optimiser();
	close_pair();
	return done();
}
