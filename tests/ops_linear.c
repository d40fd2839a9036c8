/* Linear layers and the gate against plain double arithmetic. */
#include "ops.h"
#include "plain.h"

/* ---- linear layers ---------------------------------------------------- */

/* A row's bits do not depend on the other rows. */
static void
row_alone(const struct nf_linear *l, struct operand *x, struct operand *y)
{
	uint32_t i = (uint32_t)((uniform(&seed) + 1) / 2 * x->g.n);
	struct operand a = operand(1, x->g.ncol, 1, 0);
	struct operand b = operand(1, y->g.ncol, 1, 0);

	memcpy(a.x, x->x + (size_t)i * a.n, a.n * sizeof(*a.x));
	bring(&a);
	dev->ops->linear(dev, 1, l, guard_mat(&a.g), guard_mat(&b.g));
	whole &= memcmp(look(&b), y->x + (size_t)i * b.n,
	    b.n * sizeof(*b.x)) == 0;
	drop(&a);
	drop(&b);
}

static void
test_linear(void)
{
	uint32_t n = rows(), nin = columns(), nout = columns(), i, j, k;
	uint32_t part = 1 + (uint32_t)((uniform(&seed) + 1) / 2 * nin);
	int bias = uniform(&seed) > -0.5, add = uniform(&seed) > 0;
	struct operand x = operand(n, nin, 3, 1), w = operand(nout, nin, 0, 1);
	struct operand b = operand(1, nout, 0, 1), y = operand(n, nout, 1, 1);
	struct operand dy = operand(n, nout, 2, 1), dw = operand(nout, nin, 0,
	    1), db = operand(1, nout, 0, 1), dx = operand(n, part, 5, 1);
	struct guarded packed;
	struct nf_linear l = layer(&w, bias ? &b : NULL, NULL, &packed);

	dev->ops->linear(dev, n, &l, guard_mat(&x.g), guard_mat(&y.g));
	plain_linear(n, nin, nout, x.d, w.d, bias ? b.d : NULL, y.d);
	compare(y.n, look(&y), y.d, 1);
	row_alone(&l, &x, &y);

	dev->ops->linear_grad(dev, n, &l, guard_mat(&x.g), guard_mat(&dy.g),
	    guard_mat(&dx.g), add, guard_at(&dw.g), guard_at(&db.g));
	memset(dw.d, 0, dw.n * sizeof(double));
	memset(db.d, 0, db.n * sizeof(double));
	for (i = 0; i < n; i++)
		for (j = 0; j < nout; j++) {
			db.d[j] += dy.d[i * nout + j];
			for (k = 0; k < nin; k++)
				dw.d[j * nin + k] += dy.d[i * nout + j] *
				    x.d[i * nin + k];
		}
	for (i = 0; i < n; i++)
		for (k = 0; k < part; k++) {
			if (!add)
				dx.d[i * part + k] = 0;
			for (j = 0; j < nout; j++)
				dx.d[i * part + k] += dy.d[i * nout + j] *
				    w.d[j * nin + k];
		}
	compare(dw.n, look(&dw), dw.d, sqrt(n));
	compare(db.n, look(&db), db.d, sqrt(n));
	compare(dx.n, look(&dx), dx.d, 1);
	verdict(TOL, "linear: %u rows, %u to %u, %u back%s%s%s", n, nin, nout,
	    part, bias ? "" : ", no bias", add ? ", added" : "",
	    l.packed != NULL ? ", packed" : "");
	drop(&x);
	drop(&w);
	drop(&b);
	drop(&y);
	drop(&dy);
	drop(&dw);
	drop(&db);
	drop(&dx);
	whole &= guard_free(&packed);
}

/* ---- gate ------------------------------------------------------------- */

static void
plain_gate(uint32_t n, uint32_t C, uint32_t H, const struct operand *c,
    const struct operand *gw, const struct operand *gb, double *g)
{
	size_t k;

	plain_linear(n, C, H, c->d, gw->d, gb->d, g);
	for (k = 0; k < (size_t)n * H; k++)
		g[k] = C == 0 ? 1 : 1 / (1 + exp(-g[k]));
}

static void
test_gate(void)
{
	uint32_t n = rows(), H = columns(), i, j, k;
	uint32_t C = uniform(&seed) < -0.6 ? 0 : columns();
	struct operand c = operand(n, C, 2, 1), w = operand(n, H, 1, 1);
	struct operand t = operand(n, H, 3, 1), to = operand(n, H, 4, 1);
	struct operand gw = operand(H, C, 0, 1), gb = operand(1, H, 0, 1);
	struct operand dt = operand(n, H, 1, 1), dw = operand(n, H, 2, 1);
	struct operand dgw = operand(H, C, 0, 0), dgb = operand(1, H, 0, 0);
	double *g = room((size_t)n * H, sizeof(*g)), e;
	struct guarded packed;
	struct nf_linear l = layer(&gw, &gb, NULL, &packed);

	dev->ops->gate(dev, n, &l, guard_mat(&c.g), guard_mat(&w.g),
	    guard_mat(&t.g), guard_mat(&to.g));
	plain_gate(n, C, H, &c, &gw, &gb, g);
	for (k = 0; k < n * H; k++) {
		to.d[k] = t.d[k] + w.d[k] * g[k];
		dw.d[k] = dt.d[k] * g[k];
	}
	compare(to.n, look(&to), to.d, 1);
	dev->ops->gate_grad(dev, n, &l, guard_mat(&c.g), guard_mat(&w.g),
	    guard_mat(&dt.g), guard_mat(&dw.g), guard_at(&dgw.g),
	    guard_at(&dgb.g));
	for (i = 0; C > 0 && i < n; i++)
		for (j = 0; j < H; j++) {
			k = i * H + j;
			e = dt.d[k] * w.d[k] * g[k] * (1 - g[k]);
			dgb.d[j] += e;
			for (k = 0; k < C; k++)
				dgw.d[j * C + k] += e * c.d[i * C + k];
		}
	compare(dw.n, look(&dw), dw.d, 1);
	compare(dgw.n, look(&dgw), dgw.d, 0.1 * sqrt(n));
	compare(dgb.n, look(&dgb), dgb.d, 0.1 * sqrt(n));
	verdict(TOL, "gate: %u rows, %u context columns, %u hidden%s", n, C,
	    H, l.packed != NULL ? ", packed" : "");
	drop(&c);
	drop(&w);
	drop(&t);
	drop(&to);
	drop(&gw);
	drop(&gb);
	drop(&dt);
	drop(&dw);
	drop(&dgw);
	drop(&dgb);
	whole &= guard_free(&packed);
	nf_free(g);
}

/* ---- all -------------------------------------------------------------- */

static void
test_each(void)
{
	test_linear();
	test_gate();
}

int
main(void)
{
	return on_devices(test_each, NULL, NULL);
}
