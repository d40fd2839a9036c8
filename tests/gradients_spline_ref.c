/* Gradients of the spline layer against differences. */
#include "gradients.h"

struct spline_case {
	uint32_t n;
	struct nf_spline s;
	struct guarded h, x, w, b, logdet, keep;
	double *arg, *cx, *cl;
};

static double
spline_loss(void *arg)
{
	struct spline_case *p = arg;
	struct guarded x;
	double loss;

	/* In place: so on a copy of the argument, which may be probed. */
	guard_new(&x, dev, sizeof(double), p->n, p->s.nt, p->x.ld);
	guard_get(&p->x, p->arg);
	guard_put(&x, p->arg);
	memset(p->arg, 0, p->n * sizeof(double));
	guard_put(&p->logdet, p->arg);
	dev->ops->spline(dev, p->n, &p->s, guard_mat(&p->h), guard_mat(&x),
	    guard_at(&p->logdet), guard_at(&p->keep));
	loss = weigh(&x, p->cx) + weigh(&p->logdet, p->cl);
	whole &= guard_free(&x);
	return loss;
}

static void
test_spline(uint32_t n, uint32_t nt, uint32_t K, uint32_t H, double T)
{
	uint32_t P = 3 * K - 1;
	double *h, *x, *w, *b, *g, *dh, *gw = reals((size_t)nt * P * H);
	double *gb = reals(nt * P);
	struct spline_case p = { .n = n, .s = { .nt = nt, .bins = K,
		.tail_bound = T, .min_width = 1e-3, .min_height = 2e-3,
		.min_derivative = 1e-3, .logit_scale = 0.7 } };
	struct guarded dx, dhg, dl, dw, db;
	size_t nbyte;

	operand(&p.h, &h, n, H, 3, 1);
	operand(&p.x, &x, n, nt, 2, 1.3 * T);
	operand(&p.w, &w, nt * P, H, 0, 1.5 / sqrt(H));
	operand(&p.b, &b, 1, nt * P, 0, 1);
	operand(&dx, &p.cx, n, nt, 4, 1);
	operand(&dl, &p.cl, 1, n, 0, 1);
	operand(&dhg, &dh, n, H, 1, 1);
	p.arg = reals((size_t)n * nt + n);
	guard_new(&p.logdet, dev, sizeof(double), 1, n, n);
	p.s.final = (struct nf_linear){ .w = guard_at(&p.w),
		.b = guard_at(&p.b), .nin = H, .nout = nt * P };
	nbyte = dev->ops->spline_keep(dev, n, &p.s);
	guard_new(&p.keep, dev, 1, 1, (uint32_t)nbyte, (uint32_t)nbyte);
	guard_new(&dw, dev, sizeof(double), nt * P, H, H);
	guard_new(&db, dev, sizeof(double), 1, nt * P, nt * P);
	spline_loss(&p);
	dev->ops->spline_grad(dev, n, &p.s, guard_mat(&p.h),
	    guard_at(&p.keep), guard_at(&dl), guard_mat(&dx),
	    guard_mat(&dhg), guard_at(&dw), guard_at(&db));
	g = reals((size_t)n * nt);
	guard_get(&dx, g);
	guard_get(&dhg, dh);
	guard_get(&dw, gw);
	guard_get(&db, gb);
	probe(spline_loss, &p, &p.x, x, g);
	probe(spline_loss, &p, &p.h, h, dh);
	probe(spline_loss, &p, &p.w, w, gw);
	probe(spline_loss, &p, &p.b, b, gb);
	drop(&p.h, h);
	drop(&p.x, x);
	drop(&p.w, w);
	drop(&p.b, b);
	drop(&dx, p.cx);
	drop(&dl, p.cl);
	drop(&dhg, dh);
	drop(&p.logdet, g);
	drop(&p.keep, p.arg);
	drop(&dw, gw);
	drop(&db, gb);
	verdict(TOL, "spline: %u rows of %u, %u bins, %u hidden, to %g", n, nt,
	    K, H, T);
}

static void
test_all(void)
{
	test_spline(1, 1, 2, 1, 1);
	test_spline(3, 2, 3, 5, 1);
	test_spline(17, 3, 5, 2, 3);
	test_spline(33, 1, 17, 31, 1);
	test_spline(131, 2, 33, 3, 0.5);
	test_spline(5, 5, 31, 17, 1);
}

int
main(void)
{
	return on_devices(test_all);
}
