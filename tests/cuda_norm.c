/* The GPU's norms and gates against the CPU's. */
#include "cuda_norm.h"

static const struct shape norm_shapes[] = {
	{ 2, 1, 0 }, { 3, 8, 0 }, { 33, 9, 0 }, { 130, 33, 0 }, { 257, 70, 0 }
};

static void
test_norm(void)
{
	static const char *const mode_of[] = { "eval", "train", "again" };
	const struct shape *s;
	struct area *t, *u;
	struct nf_norm r;
	struct norm m;
	double drop;
	int i, k, mode, v;

	for (i = 0; i < 5; i++)
		for (v = 0; v < 12; v++) {
			s = &norm_shapes[i];
			mode = v % 3;
			drop = v % 4 == 3 ? 0.3 : 0;
			m = new_norm(s->nin, -1);
			t = area(REAL, s->n, s->nin, s->nin + 1, 2, 5);
			u = v == 5 ? t : area(REAL, s->n, s->nin,
			    s->nin + 2, 0, 0);
			FOR_BOTH(k) {
				r = norm_on(&m, k, v < 9, (enum nf_act)
				    (v / 2 % 3), drop);
				dev[k]->ops->norm(dev[k], s->n, &r,
				    (enum nf_norm_mode)mode, mat_on(t, k),
				    mat_on(u, k));
			}
			agree(1e-5, LIST(u, t, m.mean, m.var, m.invstd),
			    "norm %s %u x %u, act %d%s%s%s", mode_of[mode],
			    s->n, s->nin, v / 2 % 3,
			    v < 9 ? "" : " alone", drop > 0 ? ", dropout" :
			    "", v == 5 ? ", in place" : "");
		}
}

/* What goes into a TF32 product is rounded to nearest, and to 10 bits. */
static void
test_rounding(void)
{
	struct area *t = area(REAL, 33, 70, 71, -5, 5);
	struct area *u = area(REAL, 33, 70, 72, 0, 0);
	struct norm m = new_norm(70, -1);
	struct nf_norm r;
	double off = 0, sum = 0, d;
	uint32_t i, j, bits, low = 0;
	char *p[2];
	int k, mode;

	set_mode(NF_TF32);
	for (mode = NF_NORM_EVAL; mode <= NF_NORM_TRAIN; mode++) {
		FOR_BOTH(k) {
			r = norm_on(&m, k, 1, NF_ELU, 0);
			dev[k]->ops->norm(dev[k], 33, &r,
			    (enum nf_norm_mode)mode, mat_on(t, k),
			    mat_on(u, k));
			p[k] = fetched(u, k);
		}
		for (i = 0; i < 33; i++)
			for (j = 0; j < 70; j++) {
				memcpy(&bits, p[1] + GUARD +
				    (i * 72 + j) * sizeof(float), 4);
				low |= bits & 0x1fff;
				d = value(u, p[1], i * 72 + j) /
				    value(u, p[0], i * 72 + j) - 1;
				off = fmax(off, fabs(d));
				sum += d;
			}
		FOR_BOTH(k)
			free(p[k]);
	}
	ok(low == 0 && off <= 1.001 * 0x1p-11,
	    "norm for tf32 keeps 10 bits, %.3g off", off);
	ok(fabs(sum) / (2 * 33 * 70) <= 0.1 * 0x1p-11,
	    "norm for tf32 rounds up as often as down");
	agree(0, LIST(t), "norm for tf32 leaves what it reads");
	set_mode(NF_FP32);
}

static void
test_norm_grad(void)
{
	const struct shape *s;
	struct area *t, *du, *dt, *dw, *db;
	struct nf_norm r;
	struct norm m;
	int i, k, v;

	for (i = 0; i < 5; i++)
		for (v = 0; v < 8; v++) {
			s = &norm_shapes[i];
			m = new_norm(s->nin, -1);
			t = area(REAL, s->n, s->nin, s->nin + 3, -1, 1);
			du = area(REAL, s->n, s->nin, s->nin + 1, -1, 1);
			dt = v % 2 ? du : area(REAL, s->n, s->nin,
			    s->nin, -1, 1);
			dw = vec(REAL, s->nin, 0, 0);
			db = vec(REAL, s->nin, 0, 0);
			FOR_BOTH(k) {
				r = norm_on(&m, k, v < 6, (enum nf_act)
				    (v % 3), v % 3 == 2 ? 0.25 : 0);
				dev[k]->ops->norm_grad(dev[k], s->n, &r,
				    mat_on(t, k), mat_on(du, k),
				    mat_on(dt, k), v % 2 == 0 && v > 0,
				    REAL_ON(dw, k), REAL_ON(db, k));
			}
			agree(3e-5, LIST(dt, dw, db, t),
			    "norm_grad %u x %u, act %d%s%s", s->n, s->nin,
			    v % 3, v < 6 ? "" : " alone",
			    v % 2 ? ", in place" : "");
		}
}

static void
test_norm_update(void)
{
	struct nf_tally t = { 0 };
	struct area *batch, *running, *tally;
	int k, take;

	for (take = 0; take < 2; take++) {
		t.scale = take;
		batch = vec(REAL, 777, -1, 1);
		running = vec(REAL, 777, -1, 1);
		tally = vec(WORD, sizeof(t) / 4, 0, 0);
		memcpy(host(tally), &t, sizeof(t));
		FOR_BOTH(k)
			dev[k]->ops->norm_update(dev[k], 777,
			    REAL_ON(batch, k),
			    (struct nf_tally *)(void *)on(tally, k),
			    REAL_ON(running, k));
		agree(1e-6, LIST(running), "running statistics, batch %s",
		    take ? "taken" : "left out");
	}
}

/* ---- gate ------------------------------------------------------------- */

static void
test_gate(void)
{
	static const uint32_t contexts[] = { 0, 1, 14, 64, 65, 130 };
	static const struct shape size[] = {
		{ 1, 1, 0 }, { 5, 9, 0 }, { 70, 33, 0 }, { 261, 40, 0 },
		{ 16500, 1, 0 }		/* more tiles than blocks */
	};
	struct area *w, *b, *c, *u, *t, *to, *dw, *dgw, *dgb;
	struct nf_linear l = { .exact = 0 };
	uint32_t i, q, n, H, C;
	int k;

	for (q = 0; q < COUNT(size); q++)
		for (i = 0; i < COUNT(contexts); i++) {
			C = contexts[i];
			n = size[q].n;
			H = size[q].nin;
			if (n > 1000 && C > 1)
				break;
			w = area(REAL, H, C, C, -0.3, 0.3);
			b = vec(REAL, H, -1, 1);
			c = C == 0 ? NULL : area(REAL, n, C, C + 1, -1, 1);
			u = area(REAL, n, H, H + 2, -1, 1);
			t = area(REAL, n, H, H + 3, -1, 1);
			to = i % 2 ? t : area(REAL, n, H, H, 0, 0);
			dw = area(REAL, n, H, H + 1, 0, 0);
			dgw = area(REAL, H, C, C, 0, 0);
			dgb = vec(REAL, H, 0, 0);
			FOR_BOTH(k) {
				l.w = REAL_ON(w, k);
				l.b = REAL_ON(b, k);
				l.nin = C;
				l.nout = H;
				l.exact = 0;
				dev[k]->ops->gate(dev[k], n, &l, mat_on(c, k),
				    mat_on(u, k), mat_on(t, k),
				    mat_on(to, k));
				dev[k]->ops->gate_grad(dev[k], n, &l,
				    mat_on(c, k), mat_on(u, k), mat_on(t, k),
				    mat_on(dw, k), REAL_ON(dgw, k),
				    REAL_ON(dgb, k));
			}
			agree(1e-5, LIST(to, dw, dgw, dgb),
			    "gate and its gradient %u x %u, context %u%s", n,
			    H, C, i % 2 ? ", in place" : "");
		}
}

int
main(int argc, char *argv[])
{
	(void)argc;
	open_pair(argv[0]);
	set_mode(NF_FP32);
	test_norm();
	test_rounding();
	test_norm_grad();
	test_norm_update();
	test_gate();
	close_pair();
	return done();
}
