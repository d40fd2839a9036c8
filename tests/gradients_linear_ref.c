/* Gradients of linear layers and of the gate against differences. */
#include "gradients.h"

/* ---- linear layers ---------------------------------------------------- */

struct linear_case {
	uint32_t n;
	struct nf_linear l;
	struct guarded x, w, b, y;
	double *c;			/* of the loss, as y */
};

static double
linear_loss(void *arg)
{
	struct linear_case *p = arg;

	dev->ops->linear(dev, p->n, &p->l, guard_mat(&p->x),
	    guard_mat(&p->y));
	return weigh(&p->y, p->c);
}

/* part: how many of x's columns have their gradient asked for; 0: none. */
static void
test_linear(uint32_t n, uint32_t nin, uint32_t nout, uint32_t part, int bias,
    int add)
{
	struct linear_case p = { .n = n };
	double *x, *w, *b, *y, *g, *before, *gx = reals((size_t)n * nin);
	double *gb = reals(nout), *got = reals((size_t)n * nin);
	struct guarded dx, dw, db;
	uint32_t i, j;

	operand(&p.x, &x, n, nin, 3, 1);
	operand(&p.w, &w, nout, nin, 0, 1);
	operand(&p.b, &b, 1, nout, 0, 1);
	operand(&p.y, &y, n, nout, 2, 1);
	operand(&dx, &before, n, part > 0 ? part : 1, 5, 1);
	operand(&dw, &g, nout, nin, 0, 1);
	guard_new(&db, dev, sizeof(double), 1, nout, nout);
	p.l = (struct nf_linear){ .w = guard_at(&p.w),
		.b = bias ? guard_at(&p.b) : NULL, .nin = nin, .nout = nout };
	p.c = y;
	dev->ops->linear_grad(dev, n, &p.l, guard_mat(&p.x),
	    guard_mat(&p.y), part > 0 ? guard_mat(&dx) :
	    nf_mat(NULL, 0, 0), add, guard_at(&dw), guard_at(&db));
	guard_get(&dw, g);
	probe(linear_loss, &p, &p.w, w, g);
	if (part > 0) {
		guard_get(&dx, got);
		for (i = 0; i < n; i++)
			for (j = 0; j < nin; j++)
				gx[i * nin + j] = j >= part ? NAN :
				    got[i * part + j] -
				    (add ? before[i * part + j] : 0);
		probe(linear_loss, &p, &p.x, x, gx);
	}
	if (bias) {
		guard_get(&db, gb);
		probe(linear_loss, &p, &p.b, b, gb);
	}
	drop(&p.x, x);
	drop(&p.w, w);
	drop(&p.b, b);
	drop(&p.y, y);
	drop(&dx, before);
	drop(&dw, g);
	drop(&db, gb);
	nf_free(gx);
	nf_free(got);
	verdict(TOL, "linear: %u rows, %u to %u, %u back%s%s", n, nin, nout,
	    part, bias ? "" : ", no bias", add ? ", added" : "");
}

/* ---- gate ------------------------------------------------------------- */

struct gate_case {
	uint32_t n;
	struct nf_linear l;
	struct guarded c, w, t, to, gw, gb;
	double *cot;
};

static double
gate_loss(void *arg)
{
	struct gate_case *p = arg;

	dev->ops->gate(dev, p->n, &p->l, guard_mat(&p->c), guard_mat(&p->w),
	    guard_mat(&p->t), guard_mat(&p->to));
	return weigh(&p->to, p->cot);
}

static void
test_gate(uint32_t n, uint32_t C, uint32_t H)
{
	double *c, *w, *t, *to, *gw, *gb, *g = reals((size_t)n * H);
	double *dgw = reals((size_t)H * C), *dgb = reals(H);
	struct gate_case p = { .n = n };
	struct guarded dt, dw, dw2, db2;

	operand(&p.c, &c, n, C, 2, 1);
	operand(&p.w, &w, n, H, 1, 1);
	operand(&p.t, &t, n, H, 3, 1);
	operand(&p.to, &to, n, H, 0, 1);
	operand(&p.gw, &gw, C > 0 ? H : 1, C > 0 ? C : 1, 0, 1);
	operand(&p.gb, &gb, 1, H, 0, 1);
	p.l = (struct nf_linear){ .w = guard_at(&p.gw), .b = guard_at(&p.gb),
		.nin = C, .nout = H };
	p.cot = to;
	guard_new(&dt, dev, sizeof(double), n, H, H + 2);
	guard_put(&dt, p.cot);
	guard_new(&dw, dev, sizeof(double), n, H, H + 5);
	guard_new(&dw2, dev, sizeof(double), H, C, C);
	guard_new(&db2, dev, sizeof(double), 1, H, H);
	dev->ops->gate_grad(dev, n, &p.l, guard_mat(&p.c), guard_mat(&p.w),
	    guard_mat(&dt), guard_mat(&dw), guard_at(&dw2), guard_at(&db2));
	guard_get(&dw, g);
	probe(gate_loss, &p, &p.w, w, g);
	guard_get(&dt, g);
	probe(gate_loss, &p, &p.t, t, g);	/* it passes on */
	guard_get(&dw2, dgw);
	guard_get(&db2, dgb);
	if (C > 0) {
		probe(gate_loss, &p, &p.gw, gw, dgw);
		probe(gate_loss, &p, &p.gb, gb, dgb);
	}
	drop(&p.c, c);
	drop(&p.w, w);
	drop(&p.t, t);
	drop(&p.to, to);
	drop(&p.gw, gw);
	drop(&p.gb, gb);
	drop(&dt, g);
	drop(&dw, NULL);
	drop(&dw2, dgw);
	drop(&db2, dgb);
	verdict(TOL, "gate: %u rows, %u context columns, %u hidden", n, C, H);
}

/* ---- all -------------------------------------------------------------- */

static void
test_all(void)
{
	test_linear(1, 1, 1, 1, 1, 0);
	test_linear(3, 2, 5, 2, 1, 1);
	test_linear(17, 31, 33, 5, 1, 0);
	test_linear(33, 5, 3, 0, 1, 0);
	test_linear(257, 17, 2, 17, 0, 1);
	test_linear(600, 3, 40, 3, 1, 0);
	test_gate(1, 1, 1);
	test_gate(5, 3, 2);
	test_gate(33, 17, 31);
	test_gate(300, 2, 5);
	test_gate(17, 0, 33);
}

int
main(void)
{
	return on_devices(test_all);
}
