/* The GPU's linear layers against the CPU's, in each precision. */
#include "cuda_pair.h"

static const struct shape shapes[] = {
	{ 1, 1, 1 }, { 2, 1, 5 }, { 3, 5, 1 }, { 1, 2, 3 }, { 7, 5, 9 },
	{ 33, 17, 17 }, { 130, 70, 65 }, { 17, 65, 130 }, { 64, 64, 64 },
	{ 129, 128, 67 }, { 1, 99, 77 }
};

static void
test_linear(enum nf_precision mode)
{
	const struct shape *s;
	struct area *x, *w, *b, *y;
	struct nf_linear l;
	int k, bias, exact;
	size_t i;

	set_mode(mode);
	for (i = 0; i < COUNT(shapes); i++)
		for (bias = 0; bias < 2; bias++) {
			s = &shapes[i];
			exact = mode != NF_FP32 && i % 3 == 0;
			x = area(REAL, s->n, s->nin, s->nin + (uint32_t)i % 5,
			    -1, 1);
			w = area(REAL, s->nout, s->nin, s->nin, -1, 1);
			b = vec(REAL, s->nout, -1, 1);
			y = area(REAL, s->n, s->nout, s->nout + 3, 0, 0);
			FOR_BOTH(k) {
				l.w = REAL_ON(w, k);
				l.b = bias ? REAL_ON(b, k) : NULL;
				l.nin = s->nin;
				l.nout = s->nout;
				l.exact = exact;
				dev[k]->ops->linear(dev[k], s->n, &l,
				    mat_on(x, k), mat_on(y, k));
			}
			agree(mode_tol[exact ? 0 : mode], LIST(y, x, w, b),
			    "linear %s%s %u x %u -> %u%s", mode_name[mode],
			    exact ? " exact" : "", s->n, s->nin, s->nout,
			    bias ? " + b" : "");
		}
	set_mode(NF_FP32);
}

static void
test_linear_grad(enum nf_precision mode)
{
	const struct shape *s;
	struct area *x, *w, *dy, *dx, *dw, *db;
	struct nf_linear l;
	uint32_t ncol;
	int k, add;
	size_t i;

	set_mode(mode);
	for (i = 0; i < COUNT(shapes); i++)
		for (add = 0; add < 3; add++) {
			s = &shapes[i];
			ncol = add == 1 ? (s->nin + 1) / 2 : s->nin;
			x = area(REAL, s->n, s->nin, s->nin + 2, -1, 1);
			w = area(REAL, s->nout, s->nin, s->nin, -1, 1);
			dy = area(REAL, s->n, s->nout,
			    s->nout + (uint32_t)i % 4, -1, 1);
			dx = area(REAL, s->n, ncol, ncol + 5, -1, 1);
			dw = area(REAL, s->nout, s->nin, s->nin, 0, 0);
			db = vec(REAL, s->nout, 0, 0);
			FOR_BOTH(k) {
				l.w = REAL_ON(w, k);
				l.b = NULL;
				l.nin = s->nin;
				l.nout = s->nout;
				l.exact = 0;
				dev[k]->ops->linear_grad(dev[k], s->n, &l,
				    mat_on(x, k), mat_on(dy, k),
				    add == 2 ? nf_mat(NULL, 0, 0) :
				    mat_on(dx, k), add == 1, REAL_ON(dw, k),
				    REAL_ON(db, k));
			}
			agree(mode_tol[mode], LIST(dx, dw, db, x, dy),
			    "linear_grad %s %u x %u -> %u, %s",
			    mode_name[mode], s->n, s->nin, s->nout,
			    add == 2 ? "no dx" : add ? "dx added" : "dx");
		}
	set_mode(NF_FP32);
}

/* Weights that change between two products are seen to have. */
static void
test_weights(enum nf_precision mode)
{
	uint32_t n = 70, H = 66;
	struct area *x = area(REAL, n, H, H, -1, 1);
	struct area *w = area(REAL, H, H, H, -1, 1);
	struct area *v = area(REAL, H, H, H, -1, 1);
	struct area *y[4];
	struct nf_linear l = { .nin = H, .nout = H };
	int i, k;

	set_mode(mode);
	for (i = 0; i < 4; i++)
		y[i] = area(REAL, n, H, H, 0, 0);
	FOR_BOTH(k) {
		l.w = REAL_ON(w, k);
		for (i = 0; i < 4; i++) {
			if (i == 1)
				dev[k]->ops->copy(dev[k], REAL_ON(w, k),
				    REAL_ON(v, k), v->nbyte);
			if (i == 2)
				dev[k]->ops->upload(dev[k], REAL_ON(w, k) + 5,
				    host(v), 100);
			if (i == 3)
				dev[k]->ops->zero(dev[k], REAL_ON(w, k), 40);
			dev[k]->ops->linear(dev[k], n, &l, mat_on(x, k),
			    mat_on(y[i], k));
		}
	}
	agree(mode_tol[mode], LIST(y[0], y[1], y[2], y[3]),
	    "changed weights, %s", mode_name[mode]);
	set_mode(NF_FP32);
}

int
main(int argc, char *argv[])
{
	int mode;

	(void)argc;
	open_pair(argv[0]);
	for (mode = NF_FP32; mode <= NF_BF16; mode++) {
		test_linear((enum nf_precision)mode);
		test_linear_grad((enum nf_precision)mode);
		test_weights((enum nf_precision)mode);
	}
	close_pair();
	return done();
}
