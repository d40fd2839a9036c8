/* Every operation of the GPU's table against the CPU's, on odd sizes. */
#include "cuda_pair.h"

#define LIST(...)	((struct area *[]){ __VA_ARGS__, NULL })
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define FOR_BOTH(k)	for (k = 0; k < 2; k++)

static const char *const mode_name[] = { "fp32", "tf32", "bf16" };

/* How far a product may be off in each precision. */
static const double mode_tol[] = { 1e-5, 2e-3, 1e-2 };

static void
set_mode(enum nf_precision mode)
{
	dev[1]->precision = mode;
}

/* ---- memory ----------------------------------------------------------- */

static void
test_memory(void)
{
	const struct nf_ops *o = dev[1]->ops;
	size_t n = 3500001, i, bad = 0;
	char *p = malloc(n), *q = malloc(n), *d, *e;
	struct nf_err err;

	for (i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 1000);
	d = o->alloc(dev[1], n);
	e = o->alloc(dev[1], n);
	o->download(dev[1], q, d, n);
	for (i = 0; i < n; i++)
		bad += q[i] != 0;
	ok(bad == 0, "memory is zero at first");
	o->upload(dev[1], d, p, n);
	o->copy(dev[1], e + 1, d, n - 1);
	o->zero(dev[1], d + 10, 5);
	o->download(dev[1], q, e, n);
	ok(q[0] == 0 && memcmp(q + 1, p, n - 1) == 0,
	    "3.5 MB there, across and back");
	o->download(dev[1], q, d, n);
	memset(p + 10, 0, 5);
	ok(memcmp(p, q, n) == 0, "five bytes of zeros");
	o->upload(dev[1], d, p, 0);
	o->upload(dev[1], NULL, p, 10);
	o->download(dev[1], q, NULL, 10);
	o->zero(dev[1], d, 0);
	o->free(dev[1], NULL);
	o->free(dev[1], d);
	o->free(dev[1], e);
	ok(o->sync(dev[1], &err) == 0, "nothing and nowhere are no faults");
	free(p);
	free(q);
}

/* Jobs of each() leave their number; lanes are within bounds. */
struct each {
	uint32_t *at;			/* device memory */
	int bad;
};

static void
each_job(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t ijob)
{
	struct each *e = arg;
	uint32_t v = (uint32_t)ijob * 3 + 1, back = 0;

	lane->ops->upload(lane, e->at + ijob, &v, sizeof(v));
	lane->ops->download(lane, &back, e->at + ijob, sizeof(back));
	if (back != v || ilane >= dev[1]->nlane ||
	    lane->tile != dev[1]->tile)
		__atomic_store_n(&e->bad, 1, __ATOMIC_RELAXED);
}

static void
test_each(void)
{
	static const uint32_t njob[] = { 0, 1, 2, 50 };
	struct area *a = vec(WORD, 64, 0, 0);
	struct each e = { WORD_ON(a, 1), 0 };
	uint32_t *got, i, k, bad = 0;
	char *p;

	dev[1]->tile = 777;
	for (i = 0; i < COUNT(njob); i++)
		dev[1]->ops->each(dev[1], njob[i], each_job, &e);
	p = fetched(a, 1);
	got = (uint32_t *)(void *)(p + GUARD);
	for (k = 0; k < 64; k++)
		bad += got[k] != (k < 50 ? 3 * k + 1 : 0);
	ok(bad == 0 && !e.bad, "each job once, on a lane");
	free(p);
	forget_areas();
}

/* ---- rows ------------------------------------------------------------- */

static void
test_rows(void)
{
	static const uint32_t size[] = { 1, 2, 3, 1000, 4097 };
	static const uint32_t repeat[] = { 1, 3, 7 };
	struct nf_tally t = { .batch = 2 };
	struct nf_noise g;
	struct area *a, *b, *c, *tally;
	uint32_t i, n, ncol;
	int k;

	for (i = 0; i < COUNT(size); i++) {
		a = vec(WORD, size[i], 0, 0);
		FOR_BOTH(k)
			dev[k]->ops->shuffle(dev[k], 99, i, size[i],
			    WORD_ON(a, k));
		agree(0, LIST(a), "shuffle of %u", size[i]);
	}
	for (ncol = 1; ncol < 40; ncol += 9) {
		n = 7 + ncol;
		a = area(REAL, 3 * n, ncol, ncol + ncol % 4, -1, 1);
		b = area(REAL, n, ncol, ncol + 1, 0, 0);
		c = vec(WORD, 3 * n, 0, 3 * n);
		tally = vec(WORD, sizeof(t) / 4, 0, 0);
		memcpy(host(tally), &t, sizeof(t));
		FOR_BOTH(k)
			dev[k]->ops->gather(dev[k], n, WORD_ON(c, k),
			    (struct nf_tally *)(void *)on(tally, k),
			    mat_on(a, k), mat_on(b, k));
		agree(0, LIST(b, a), "gather of %u x %u", n, ncol);
	}
	for (i = 0; i < COUNT(repeat); i++) {
		g.seed = 0x123456789abcdef;
		g.first = 1000003 + i;
		g.repeat = repeat[i];
		g.temperature = i / 2.0;
		n = 100 + i;
		a = area(REAL, n, 5, 6, -1, 1);
		b = area(REAL, n, 5, 9, 0, 0);
		c = area(REAL, n, 3 + 4 * i, 13, 0, 0);
		FOR_BOTH(k) {
			dev[k]->ops->spread(dev[k], n, &g, mat_on(a, k),
			    mat_on(b, k));
			dev[k]->ops->noise(dev[k], n, &g, mat_on(c, k));
		}
		agree(0, LIST(b, c), "spread and noise of %u, %u a row", n,
		    repeat[i]);
	}
}

/* ---- linear ----------------------------------------------------------- */

struct shape {
	uint32_t n, nin, nout;
};

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

/* ---- norm ------------------------------------------------------------- */

/* All that a norm of ncol columns reads and writes. */
struct norm {
	struct area *weight, *bias, *rmean, *rvar, *mean, *var, *invstd;
	struct area *tally;
};

static struct norm
new_norm(uint32_t ncol)
{
	struct nf_tally t = { .seed = 77, .seen = 0x300000005 };
	struct norm m;

	m.weight = vec(REAL, ncol, -1, 1);
	m.bias = vec(REAL, ncol, -1, 1);
	m.rmean = vec(REAL, ncol, -1, 1);
	m.rvar = vec(REAL, ncol, 0.1, 1);
	m.mean = vec(REAL, ncol, -1, 1);
	m.var = vec(REAL, ncol, 0.1, 1);
	m.invstd = vec(REAL, ncol, 0.5, 2);
	m.tally = vec(WORD, sizeof(t) / 4, 0, 0);
	memcpy(host(m.tally), &t, sizeof(t));
	return m;
}

static struct nf_norm
norm_on(const struct norm *m, int k, int with, enum nf_act act,
    double dropout)
{
	struct nf_norm r = { .act = act, .dropout = dropout, .layer = 3 };

	r.tally = (struct nf_tally *)(void *)on(m->tally, k);
	if (!with)
		return r;
	r.weight = REAL_ON(m->weight, k);
	r.bias = REAL_ON(m->bias, k);
	r.running_mean = REAL_ON(m->rmean, k);
	r.running_var = REAL_ON(m->rvar, k);
	r.mean = REAL_ON(m->mean, k);
	r.var = REAL_ON(m->var, k);
	r.invstd = REAL_ON(m->invstd, k);
	return r;
}

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
			m = new_norm(s->nin);
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
			m = new_norm(s->nin);
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
		{ 1, 1, 0 }, { 5, 9, 0 }, { 70, 33, 0 }, { 261, 40, 0 }
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

/* ---- splines ---------------------------------------------------------- */

/* A final layer and what goes through it. */
struct spline {
	uint32_t n, nt, bins, H;
	double T;
	struct area *w, *b, *h, *x, *logdet;
};

/*
 * Weights from -wild to wild.  Some values lie outside the box, on its edges
 * and in its middle.
 */
static struct spline
new_spline(uint32_t n, uint32_t nt, uint32_t bins, uint32_t H, double wild)
{
	uint32_t P = 3 * bins - 1;
	struct spline s = { n, nt, bins, H, bins % 2 ? 3 : 1, NULL, NULL,
		NULL, NULL, NULL };
	static const double edge[] = { -1, 1, 0, -1.5, 2, -0.0, 0.999999 };
	size_t i;

	s.w = area(REAL, nt * P, H, H, -wild, wild);
	s.b = vec(REAL, (size_t)nt * P, -1, 1);
	s.h = area(REAL, n, H, H + H % 3, -1, 1);
	s.x = area(REAL, n, nt, nt + 2, -1.1 * s.T, 1.1 * s.T);
	s.logdet = vec(DOUBLE, n, -1, 1);
	for (i = 0; i < n; i += 3)
		((float *)host(s.x))[i * (nt + 2) + i % nt] =
		    (float)(edge[i / 3 % 7] * s.T);
	return s;
}

static struct nf_spline
spline_on(const struct spline *s, int k)
{
	struct nf_spline r = { .nt = s->nt, .bins = s->bins,
		.tail_bound = s->T, .logit_scale = 1 / sqrt(s->H) };

	r.min_width = r.min_height = s->bins > 500 ? 5e-4 : 1e-3;
	r.min_derivative = 1e-3;
	r.final.w = REAL_ON(s->w, k);
	r.final.b = REAL_ON(s->b, k);
	r.final.nin = s->H;
	r.final.nout = s->nt * (3 * s->bins - 1);
	return r;
}

static void
test_inverse(uint32_t n, uint32_t nt, uint32_t bins, uint32_t H, double wild,
    enum nf_precision mode)
{
	struct spline s = new_spline(n, nt, bins, H, wild);
	struct nf_spline r;
	int k;

	set_mode(mode);
	FOR_BOTH(k) {
		r = spline_on(&s, k);
		dev[k]->ops->spline_inverse(dev[k], n, &r, mat_on(s.h, k),
		    mat_on(s.x, k), DOUBLE_ON(s.logdet, k));
	}
	agree((3 + bins / 50) * mode_tol[mode], LIST(s.x, s.logdet, s.h),
	    "inverse spline %s, %u x %u, %u bins, hidden %u, to %g",
	    mode_name[mode], n, nt, bins, H, wild);
	set_mode(NF_FP32);
}

/* Forward without and with its gradient. */
static void
test_spline(uint32_t n, uint32_t nt, uint32_t bins, uint32_t H, double wild,
    enum nf_precision mode)
{
	struct spline s = new_spline(n, nt, bins, H, wild);
	struct area *x = area(REAL, n, nt, nt + 2, 0, 0);
	struct area *logdet = vec(DOUBLE, n, 0, 0);
	struct area *dx = area(REAL, n, nt, nt + 1, -1, 1);
	struct area *dlogdet = vec(REAL, n, -1, 1);
	struct area *dh = area(REAL, n, H, H + 1, 0, 0);
	struct area *dw = area(REAL, nt * (3 * bins - 1), H, H, 0, 0);
	struct area *db = vec(REAL, (size_t)nt * (3 * bins - 1), 0, 0);
	struct nf_spline r;
	void *keep;
	int k;

	memcpy(host(x), host(s.x), x->nbyte);
	set_mode(mode);
	FOR_BOTH(k) {
		r = spline_on(&s, k);
		dev[k]->ops->spline(dev[k], n, &r, mat_on(s.h, k),
		    mat_on(s.x, k), DOUBLE_ON(s.logdet, k), NULL);
		keep = dev[k]->ops->alloc(dev[k],
		    dev[k]->ops->spline_keep(dev[k], n, &r));
		dev[k]->ops->spline(dev[k], n, &r, mat_on(s.h, k),
		    mat_on(x, k), DOUBLE_ON(logdet, k), keep);
		dev[k]->ops->spline_grad(dev[k], n, &r, mat_on(s.h, k), keep,
		    REAL_ON(dlogdet, k), mat_on(dx, k), mat_on(dh, k),
		    REAL_ON(dw, k), REAL_ON(db, k));
		dev[k]->ops->free(dev[k], keep);
	}
	agree((10 + bins / 50) * mode_tol[mode],
	    LIST(s.x, x, s.logdet, logdet, dx, dh, dw,
	    db, s.h), "spline %s, %u x %u, %u bins, hidden %u, to %g",
	    mode_name[mode], n, nt, bins, H, wild);
	set_mode(NF_FP32);
}

/* Logits that overflow are bounded, counted, and give finite numbers. */
static void
test_clamped(float weight)
{
	struct spline s = new_spline(20, 3, 12, 5, 1);
	struct area *x = area(REAL, 20, 3, 5, 0, 0);
	struct area *logdet = vec(DOUBLE, 20, 0, 0);
	struct nf_spline r;
	struct nf_err err;
	int k;

	memcpy(host(x), host(s.x), x->nbyte);
	((float *)host(s.w))[7] = weight;
	((float *)host(s.w))[3 * 5] = weight;
	FOR_BOTH(k) {
		dev[k]->clamped = 0;
		r = spline_on(&s, k);
		dev[k]->ops->spline(dev[k], s.n, &r, mat_on(s.h, k),
		    mat_on(s.x, k), DOUBLE_ON(s.logdet, k), NULL);
		dev[k]->ops->spline_inverse(dev[k], s.n, &r, mat_on(s.h, k),
		    mat_on(x, k), DOUBLE_ON(logdet, k));
		ok(dev[k]->ops->sync(dev[k], &err) == 0, "no fault");
	}
	ok(dev[0]->clamped == dev[1]->clamped, "weight %g: %llu logits "
	    "bounded here, %llu there", (double)weight,
	    (unsigned long long)dev[0]->clamped,
	    (unsigned long long)dev[1]->clamped);
	agree(3e-5, LIST(s.x, x), "weight %g: the same numbers",
	    (double)weight);
}

static void
test_splines(void)
{
	static const uint32_t bins[] = { 2, 3, 4, 5, 10, 31, 32, 33, 100,
		127, 128, 129, 130, 256, 1000, 1024 };
	static const uint32_t features[] = { 1, 2, 5, 9, 33, 40 };
	uint32_t i, n, nt, H;
	int mode;

	for (i = 0; i < COUNT(bins); i++) {
		nt = bins[i] > 200 ? 1 + i % 2 : features[i % 6];
		n = 1 + 9 * (i % 3);
		H = 1 + 7 * (i % 4);
		test_spline(n, nt, bins[i], H, 2, NF_FP32);
		test_inverse(n, nt, bins[i], H, 2, NF_FP32);
	}
	test_spline(300, 3, 8, 6, 1, NF_FP32);
	test_inverse(300, 3, 8, 6, 1, NF_FP32);
	test_spline(9, 4, 16, 10, 50, NF_FP32);
	test_inverse(9, 4, 16, 10, 50, NF_FP32);
	for (mode = NF_TF32; mode <= NF_BF16; mode++) {
		test_spline(70, 3, 16, 66, 0.5, (enum nf_precision)mode);
		test_inverse(70, 3, 16, 66, 0.5, (enum nf_precision)mode);
	}
	test_clamped(INFINITY);
	test_clamped(-INFINITY);
	test_clamped(3e38f);
	test_clamped(NAN);
}

/* ---- LU --------------------------------------------------------------- */

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
	int mode;

	(void)argc;
	open_pair(argv[0]);
	test_memory();
	test_each();
	test_rows();
	for (mode = NF_FP32; mode <= NF_BF16; mode++) {
		test_linear((enum nf_precision)mode);
		test_linear_grad((enum nf_precision)mode);
		test_weights((enum nf_precision)mode);
	}
	test_norm();
	test_norm_grad();
	test_norm_update();
	test_gate();
	test_splines();
	test_lu(2, 1);
	test_lu(3, 4);
	test_lu(17, 18);
	test_lu(40, 2);
	test_optimiser();
	close_pair();
	return done();
}
