/* The loss and the optimiser against plain double arithmetic. */
#include "ops.h"

static void
test_loss(void)
{
	uint32_t n = rows(), D = columns(), i, j;
	int weighted = uniform(&seed) > 0;
	struct nf_tally tally = { .weight_norm = 0.3 };
	void *dtally = device(dev, &tally, sizeof(tally));
	struct operand z = operand(n, D, 1, 2), w = operand(1, n, 0, 1);
	struct operand dz = operand(n, D, 3, 1), dl = operand(1, n, 0, 1);
	struct vector logdet = vector(n, 1), one = vector(1, 1);
	struct vector logp = vector(n, 1), sums = vector(2, 1);
	double want[2] = { 0 }, e = 0, g, sum;

	dev->ops->log_normal(dev, n, guard_mat(&z.g), guard_at(&logdet.g),
	    guard_at(&one.g), guard_at(&logp.g));
	guard_get(&logp.g, logp.d);
	dev->ops->loss_grad(dev, n, guard_mat(&z.g), guard_at(&logp.g),
	    weighted ? guard_at(&w.g) : NULL, dtally, guard_mat(&dz.g),
	    guard_at(&dl.g), guard_at(&sums.g));
	guard_get(&sums.g, sums.d);
	for (i = 0; i < n; i++) {
		g = weighted ? w.d[i] : 1;
		sum = logdet.d[i] + one.d[0];
		for (j = 0; j < D; j++) {
			sum -= 0.5 * (z.d[i * D + j] * z.d[i * D + j] +
			    log(2 * M_PI));
			dz.d[i * D + j] = g * 0.3 * z.d[i * D + j];
		}
		e = larger(e, fabs(logp.d[i] - sum));
		want[0] += g;
		want[1] -= g * sum;
		dl.d[i] = -g * 0.3;
	}
	compare(dz.n, look(&dz), dz.d, 0);
	compare(dl.n, look(&dl), dl.d, 0);
	whole &= e <= 1e-11 && fabs(sums.d[0] - want[0]) <= 1e-10 &&
	    fabs(sums.d[1] - want[1]) <= 1e-9 * n;
	verdict(TOL, "density and loss: %u rows of %u%s", n, D,
	    weighted ? ", weighted" : "");
	drop(&z);
	drop(&w);
	drop(&dz);
	drop(&dl);
	drop_vector(&logdet);
	drop_vector(&one);
	drop_vector(&logp);
	drop_vector(&sums);
	dev->ops->free(dev, dtally);
}

/* Three steps of Adam, one of them left out; Kingma and Ba's algorithm 1. */
static void
test_adam(uint32_t n, double clip)
{
	struct nf_tally tally = { .lr = 0.01, .beta1 = 0.9, .beta2 = 0.99,
		.eps = 1e-8, .clip_norm = clip }, *dt;
	struct operand p = operand(1, n, 0, 1), g = operand(1, n, 0, 1);
	struct operand m = operand(1, n, 0, 0), v = operand(1, n, 0, 0);
	struct operand batch = operand(1, n, 0, 1), run = operand(1, n, 0, 1);
	struct vector sums = vector(2, 1), squares = vector(1, 1);
	double total = 0, scale, e, keep;
	uint32_t k;
	int step;

	dt = device(dev, &tally, sizeof(tally));
	for (k = 0; k < n; k++)
		total += g.d[k] * g.d[k];
	dev->ops->sum_squares(dev, n, guard_at(&g.g), guard_at(&squares.g));
	guard_get(&squares.g, squares.d);
	worst = larger(worst, fabs(squares.d[0] / total - 1));
	scale = clip > 0 && sqrt(total) > clip ? clip / sqrt(total) : 1;
	keep = sums.d[1];
	for (step = 1; step <= 3; step++) {
		/* The second batch is not finite: nothing must move. */
		sums.d[1] = step == 2 ? NAN : keep;
		guard_put(&sums.g, sums.d);
		dev->ops->judge(dev, guard_at(&sums.g), guard_at(&squares.g),
		    dt);
		dev->ops->adam(dev, n, dt, guard_at(&p.g), guard_at(&g.g),
		    guard_at(&m.g), guard_at(&v.g));
		dev->ops->norm_update(dev, n, guard_at(&batch.g), dt,
		    guard_at(&run.g));
		if (step == 2)
			continue;
		for (k = 0; k < n; k++) {
			int t = step == 1 ? 1 : 2;

			e = g.d[k] * scale;
			m.d[k] = 0.9 * m.d[k] + 0.1 * e;
			v.d[k] = 0.99 * v.d[k] + 0.01 * e * e;
			p.d[k] -= 0.01 * (m.d[k] / (1 - pow(0.9, t))) /
			    (sqrt(v.d[k] / (1 - pow(0.99, t))) + 1e-8);
			run.d[k] = 0.9 * run.d[k] + 0.1 * batch.d[k];
		}
	}
	compare(n, look(&p), p.d, 0);
	compare(n, look(&m), m.d, 0);
	compare(n, look(&v), v.d, 0);
	compare(n, look(&run), run.d, 0);
	fetch(dev, &tally, dt, sizeof(tally));
	whole &= tally.batch == 3 && tally.seen == 3 && tally.step == 2 &&
	    tally.taken == 2 && tally.skipped == 1 &&
	    tally.skipped_run == 0 && tally.skipped_worst == 1 &&
	    fabs(tally.sum_norm - 2 * sqrt(squares.d[0])) <= 1e-9 &&
	    fabs(tally.sum_nll - 2 * keep) <= 1e-12 &&
	    fabs(tally.sum_weight - 2 * sums.d[0]) <= 1e-12;
	verdict(TOL, "judge, Adam and running statistics of %u numbers%s", n,
	    clip > 0 ? ", clipped" : "");
	drop(&p);
	drop(&g);
	drop(&m);
	drop(&v);
	drop(&batch);
	drop(&run);
	drop_vector(&sums);
	drop_vector(&squares);
	dev->ops->free(dev, dt);
}

/* A share's gradients and sums join another's. */
static void
test_shares(uint32_t n)
{
	struct operand a = operand(1, n, 0, 1), b = operand(1, n, 0, 1);
	struct vector sa = vector(2, 1), sb = vector(2, 1);
	double want[2] = { sa.d[0] + sb.d[0], sa.d[1] + sb.d[1] };
	uint32_t k;

	if (dev->ops->add_share != NULL) {
		dev->ops->add_share(dev, n, guard_at(&a.g), guard_at(&sa.g),
		    guard_at(&b.g), guard_at(&sb.g));
		for (k = 0; k < n; k++)
			b.d[k] += a.d[k];
		compare(n, look(&b), b.d, 0);
		guard_get(&sb.g, sb.d);
		whole &= memcmp(sb.d, want, sizeof(want)) == 0;
	}
	verdict(TOL, "shares of %u gradients", n);
	drop(&a);
	drop(&b);
	drop_vector(&sa);
	drop_vector(&sb);
}

/* One number that is not finite among many is seen. */
static void
test_squares(uint32_t n)
{
	static const double bad[] = { NAN, HUGE_VAL, -HUGE_VAL };
	struct operand x = operand(1, n, 0, 1);
	struct vector sum = vector(1, 1);
	int i, good = 1;

	for (i = 0; i < 3; i++) {
		x.x[n - 1 - (uint32_t)i * n / 4] = (nf_real)bad[i];
		bring(&x);
		dev->ops->sum_squares(dev, n, guard_at(&x.g),
		    guard_at(&sum.g));
		guard_get(&sum.g, sum.d);
		good &= !isfinite(sum.d[0]);
		x.x[n - 1 - (uint32_t)i * n / 4] = 0;
	}
	whole &= good;
	verdict(0, "the square of what is not finite, among %u", n);
	drop(&x);
	drop_vector(&sum);
}

static void
test_once(void)
{
	test_adam(1, 0);
	test_adam(1037, 0);
	test_adam(1037, 0.5);
	test_squares(4);
	test_squares(1037);
	test_shares(1037);
}

static void
test_large(void)
{
	test_adam(300007, 1);
	test_squares(300007);
	test_shares(300007);
}

int
main(void)
{
	return on_devices(test_loss, test_once, test_large);
}
