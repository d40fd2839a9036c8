/* Norm, activation and dropout against plain double arithmetic. */
#include "ops.h"
#include "plain.h"

struct norm_case {
	uint32_t n, ncol;
	enum nf_act act;
	struct operand t, u, weight, bias, mean, var, bmean, bvar, invstd;
	double *c;			/* of the loss, as t */
};

/* u.d, and the batch's statistics, from t.d in mode. */
static void
plain_norm(struct norm_case *p, int batch_norm, int train)
{
	double mean, biased, unbiased, v;
	uint32_t i, j;

	for (j = 0; j < p->ncol; j++) {
		plain_moments(p->n, p->ncol, p->t.d, j, &mean, &biased,
		    &unbiased);
		p->bmean.d[j] = mean;
		p->bvar.d[j] = unbiased;
		p->invstd.d[j] = 1 / sqrt(biased + 1e-3);
		if (!train) {
			mean = p->mean.d[j];
			biased = p->var.d[j];
		}
		for (i = 0; i < p->n; i++) {
			v = p->t.d[i * p->ncol + j];
			if (batch_norm)
				v = (v - mean) / sqrt(biased + 1e-3) *
				    p->weight.d[j] + p->bias.d[j];
			p->u.d[i * p->ncol + j] = plain_act(p->act, v);
		}
	}
}

static double
norm_loss(void *arg, int batch_norm)
{
	struct norm_case *p = arg;
	double sum = 0;
	size_t k;

	plain_norm(p, batch_norm, 1);
	for (k = 0; k < p->u.n; k++)
		sum += p->u.d[k] * p->c[k];
	return sum;
}

static double
norm_loss_with(void *arg)
{
	return norm_loss(arg, 1);
}

static double
norm_loss_without(void *arg)
{
	return norm_loss(arg, 0);
}

static void
norm_operands(struct norm_case *p)
{
	uint32_t n = p->n, ncol = p->ncol, k;

	p->t = operand(n, ncol, 3, 2);
	p->u = operand(n, ncol, 1, 1);
	p->weight = operand(1, ncol, 0, 2);
	p->bias = operand(1, ncol, 0, 1);
	p->mean = operand(1, ncol, 0, 1);
	p->var = operand(1, ncol, 0, 1);
	p->bmean = operand(1, ncol, 0, 1);
	p->bvar = operand(1, ncol, 0, 1);
	p->invstd = operand(1, ncol, 0, 1);
	for (k = 0; k < ncol; k++)
		p->var.x[k] += (nf_real)1.01;
	/* A mean far from zero must not cost digits. */
	for (k = 0; k < n; k++)
		p->t.x[(size_t)k * ncol] += 30;
	bring(&p->var);
	bring(&p->t);
}

static struct nf_norm
norm_of(struct norm_case *p, int batch_norm)
{
	struct nf_norm m = { .act = p->act };

	if (batch_norm) {
		m.weight = guard_at(&p->weight.g);
		m.bias = guard_at(&p->bias.g);
		m.running_mean = guard_at(&p->mean.g);
		m.running_var = guard_at(&p->var.g);
		m.mean = guard_at(&p->bmean.g);
		m.var = guard_at(&p->bvar.g);
		m.invstd = guard_at(&p->invstd.g);
	}
	return m;
}

static void
norm_backward(struct norm_case *p, const struct nf_norm *m)
{
	struct operand du = operand(p->n, p->ncol, 2, 1);
	struct operand dw = operand(1, p->ncol, 0, 1);
	struct operand db = operand(1, p->ncol, 0, 1);
	int bn = m->weight != NULL;
	double (*loss)(void *) = bn ? norm_loss_with : norm_loss_without;
	double e;

	p->c = du.d;
	dev->ops->norm_grad(dev, p->n, m, guard_mat(&p->t.g),
	    guard_mat(&du.g), guard_mat(&du.g), 0,
	    bn ? guard_at(&dw.g) : NULL, bn ? guard_at(&db.g) : NULL);
	e = slopes(loss, p, &p->t, look(&du));
	if (bn) {
		e = larger(e, slopes(loss, p, &p->weight, look(&dw)));
		e = larger(e, slopes(loss, p, &p->bias, look(&db)));
	}
	worst = larger(worst, e / SLOPE * 10 * TOL);
	drop(&du);
	drop(&dw);
	drop(&db);
}

static void
test_norm(void)
{
	struct norm_case p = { .n = rows(), .ncol = columns(),
		.act = (enum nf_act)((uniform(&seed) + 1) * 1.5) };
	int bn = uniform(&seed) > -0.3;
	struct nf_norm m;

	norm_operands(&p);
	m = norm_of(&p, bn);
	dev->ops->norm(dev, p.n, &m, NF_NORM_EVAL, guard_mat(&p.t.g),
	    guard_mat(&p.u.g));
	plain_norm(&p, bn, 0);
	compare(p.u.n, look(&p.u), p.u.d, 1);
	dev->ops->norm(dev, p.n, &m, NF_NORM_TRAIN, guard_mat(&p.t.g),
	    guard_mat(&p.u.g));
	plain_norm(&p, bn, 1);
	/* The column about 30 has its rounding from t itself. */
	compare(p.u.n, look(&p.u), p.u.d, 10);
	if (bn) {
		compare(p.bmean.n, look(&p.bmean), p.bmean.d, 1);
		compare(p.bvar.n, look(&p.bvar), p.bvar.d, 1);
		compare(p.invstd.n, look(&p.invstd), p.invstd.d, 1);
	}
	norm_backward(&p, &m);
	verdict(10 * TOL, "norm: %u rows of %u, act %d%s", p.n, p.ncol, p.act,
	    bn ? ", batch norm" : "");
	drop(&p.t);
	drop(&p.u);
	drop(&p.weight);
	drop(&p.bias);
	drop(&p.mean);
	drop(&p.var);
	drop(&p.bmean);
	drop(&p.bvar);
	drop(&p.invstd);
}

/*
 * Dropout: the rate, the scale of what is left, other masks for other
 * batches and layers, the same mask again; none in evaluation.
 */
static void
test_dropout(double rate)
{
	uint32_t n = 400, ncol = 50, zero[3] = { 0 }, same[3] = { 0 }, i, k;
	struct nf_tally tally[2] = { { .seed = 3, .seen = 8 },
		{ .seed = 3, .seen = 9 } };
	struct operand t = operand(n, ncol, 0, 1), u[4];
	void *dtally = device(dev, tally, sizeof(tally));
	struct nf_norm m = { .act = NF_LEAKY_RELU, .dropout = rate };
	double want, e = 0, sd = sqrt(n * ncol * rate * (1 - rate));

	for (i = 0; i < 4; i++) {
		u[i] = operand(n, ncol, 2, 1);
		m.tally = (struct nf_tally *)dtally + (i == 1);
		m.layer = i == 2;
		dev->ops->norm(dev, n, &m, NF_NORM_TRAIN, guard_mat(&t.g),
		    guard_mat(&u[i].g));
		look(&u[i]);
	}
	for (k = 0; k < t.n; k++) {
		want = plain_act(m.act, t.d[k]) / (1 - rate);
		if (u[0].x[k] != 0)
			e = larger(e, fabs((double)u[0].x[k] - want));
		for (i = 0; i < 3; i++) {
			zero[i] += u[i].x[k] == 0;
			same[i] += (u[0].x[k] == 0) == (u[i].x[k] == 0);
		}
	}
	for (i = 0; i < 3; i++)
		whole &= fabs(zero[i] - rate * n * ncol) <= 5 * sd;
	/* Two masks agree where both keep or both drop. */
	for (i = 1; i < 3; i++)
		whole &= fabs(same[i] - (rate * rate + (1 - rate) *
		    (1 - rate)) * n * ncol) <= 500;
	whole &= memcmp(u[0].x, u[3].x, t.n * sizeof(nf_real)) == 0;
	dev->ops->norm(dev, n, &m, NF_NORM_EVAL, guard_mat(&t.g),
	    guard_mat(&u[0].g));
	look(&u[0]);
	for (k = 0; k < t.n; k++)
		e = larger(e, fabs((double)u[0].x[k] -
		    plain_act(m.act, t.d[k])));
	worst = e;
	for (i = 0; i < 4; i++)
		drop(&u[i]);
	drop(&t);
	dev->ops->free(dev, dtally);
	verdict(10 * TOL, "dropout at a rate of %g", rate);
}

static void
test_once(void)
{
	test_dropout(0.1);
	test_dropout(0.75);
}

int
main(void)
{
	return on_devices(test_norm, test_once, NULL);
}
