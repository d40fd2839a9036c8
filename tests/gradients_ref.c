/*
 * Gradients against central finite differences, in double: every operation
 * of the table that has one, then whole flows.  The sizes are odd, the rows
 * have gaps, the devices 1 to 3 threads; sentinels stand all around.
 */
#include "guard.h"

#define STEP	1e-6
#define TOL	1e-7			/* of a tensor's largest entry */

static struct nf_dev *dev;		/* the one of the case at hand */
static uint32_t nprobe;			/* entries tried of each tensor */
static uint64_t seed = 1;
static int whole;			/* sentinels of the case at hand */
static double worst;			/* error of the case at hand */

/* ---- probing ---------------------------------------------------------- */

/*
 * The derivative of loss by some entries of in, whose numbers are x, is what
 * grad says; NaN: it does not.  Losses are sums of outputs times fixed random
 * numbers.
 */
static void
probe(double (*loss)(void *), void *arg, struct guarded *in, double *x,
    const double *grad)
{
	size_t n = (size_t)in->n * in->ncol, i, k, count;
	double keep, up, down, e, top = 0;

	for (k = 0; k < n; k++)
		top = fmax(top, fabs(grad[k]));
	count = n < nprobe ? n : nprobe;
	for (i = 0; i < count; i++) {
		k = n <= nprobe ? i :
		    (size_t)((uniform(&seed) + 1) / 2 * (double)n);
		if (isnan(grad[k]))
			continue;
		keep = x[k];
		x[k] = keep + STEP;
		guard_put(in, x);
		up = loss(arg);
		x[k] = keep - STEP;
		guard_put(in, x);
		down = loss(arg);
		x[k] = keep;
		e = fabs((up - down) / (2 * STEP) - grad[k]);
		/* Differences of losses of ~10 are good to 1e-9. */
		worst = larger(worst, e / (top + 1e-2));
	}
	guard_put(in, x);
}

/* An operand with random numbers; *x gets them. */
static void
operand(struct guarded *g, double **x, uint32_t n, uint32_t ncol,
    uint32_t gap, double scale)
{
	guard_new(g, dev, sizeof(double), n, ncol, ncol + gap);
	*x = reals((size_t)n * ncol);
	fill(&seed, (size_t)n * ncol, scale, *x);
	guard_put(g, *x);
}

static void
drop(struct guarded *g, double *x)
{
	whole &= guard_free(g);
	nf_free(x);
}

static double
dot(size_t n, const double *a, const double *b)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* The sum of what g now holds times c. */
static double
weigh(struct guarded *g, const double *c)
{
	size_t n = (size_t)g->n * g->ncol;
	double *x = reals(n), sum;

	guard_get(g, x);
	sum = dot(n, x, c);
	nf_free(x);
	return sum;
}

__attribute__((format(printf, 2, 3))) static void
verdict(double tol, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ok(worst <= tol && whole, "%s: %.1g%s", what, worst,
	    whole ? "" : ", sentinels overwritten");
	worst = 0;
	whole = 1;
}

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

/* ---- norm, activation, dropout ---------------------------------------- */

struct norm_case {
	uint32_t n;
	struct nf_norm m;
	struct guarded t, u, weight, bias, stat[3];
	double *c;
};

static double
norm_loss(void *arg)
{
	struct norm_case *p = arg;

	dev->ops->norm(dev, p->n, &p->m, NF_NORM_TRAIN, guard_mat(&p->t),
	    guard_mat(&p->u));
	return weigh(&p->u, p->c);
}

static void
norm_setup(struct norm_case *p, uint32_t H, int batch_norm,
    const struct nf_tally *tally)
{
	int i;

	for (i = 0; i < 3; i++)
		guard_new(&p->stat[i], dev, sizeof(double), 1, H, H);
	p->m.tally = tally;
	p->m.layer = 3;
	if (!batch_norm)
		return;
	p->m.weight = guard_at(&p->weight);
	p->m.bias = guard_at(&p->bias);
	p->m.mean = guard_at(&p->stat[0]);
	p->m.var = guard_at(&p->stat[1]);
	p->m.invstd = guard_at(&p->stat[2]);
}

static void
test_norm(uint32_t n, uint32_t H, int batch_norm, enum nf_act act,
    double dropout, int add)
{
	struct nf_tally host = { .seed = 12345678901, .seen = 7 };
	struct norm_case p = { .n = n, .m = { .act = act,
		.dropout = dropout } };
	double *t, *u, *weight, *bias, *before, *g, *gw = reals(H);
	double *gb = reals(H), *again = reals((size_t)n * H);
	void *tally = device(dev, &host, sizeof(host));
	struct guarded du, dt, dw, db;
	size_t i;

	operand(&p.t, &t, n, H, 3, 2);
	operand(&p.u, &u, n, H, 1, 1);
	operand(&p.weight, &weight, 1, H, 0, 1);
	operand(&p.bias, &bias, 1, H, 0, 1);
	operand(&dt, &before, n, H, 2, 1);
	operand(&du, &g, n, H, 1, 1);
	guard_new(&dw, dev, sizeof(double), 1, H, H);
	guard_new(&db, dev, sizeof(double), 1, H, H);
	norm_setup(&p, H, batch_norm, tally);
	p.c = u;
	norm_loss(&p);
	guard_get(&p.u, g);
	dev->ops->norm(dev, n, &p.m, NF_NORM_AGAIN, guard_mat(&p.t),
	    guard_mat(&p.u));
	guard_get(&p.u, again);
	whole &= memcmp(g, again, (size_t)n * H * sizeof(*g)) == 0;
	guard_put(&du, p.c);
	dev->ops->norm_grad(dev, n, &p.m, guard_mat(&p.t), guard_mat(&du),
	    guard_mat(add ? &dt : &du), add,
	    batch_norm ? guard_at(&dw) : NULL,
	    batch_norm ? guard_at(&db) : NULL);
	guard_get(add ? &dt : &du, g);
	for (i = 0; add && i < (size_t)n * H; i++)
		g[i] -= before[i];
	probe(norm_loss, &p, &p.t, t, g);
	if (batch_norm) {
		guard_get(&dw, gw);
		guard_get(&db, gb);
		probe(norm_loss, &p, &p.weight, weight, gw);
		probe(norm_loss, &p, &p.bias, bias, gb);
	}
	drop(&p.t, t);
	drop(&p.u, u);
	drop(&p.weight, weight);
	drop(&p.bias, bias);
	drop(&dt, before);
	drop(&du, g);
	drop(&dw, gw);
	drop(&db, gb);
	for (i = 0; i < 3; i++)
		drop(&p.stat[i], NULL);
	dev->ops->free(dev, tally);
	nf_free(again);
	verdict(TOL, "norm: %u rows of %u, %s%s%s%s", n, H,
	    act == NF_RELU ? "relu" : act == NF_ELU ? "elu" : "leaky",
	    batch_norm ? ", batch norm" : "", dropout > 0 ? ", dropout" : "",
	    add ? ", added" : "");
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

/* ---- splines ---------------------------------------------------------- */

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

/* ---- permutation and LU ----------------------------------------------- */

struct lu_case {
	struct nf_net *net;
	struct nf_lu lu;
	struct guarded param, m, bias, logdet;
	double *cm, *cb, cl;
};

static double
lu_loss(void *arg)
{
	struct lu_case *p = arg;

	dev->ops->lu_fold(dev, &p->lu, 0, guard_at(&p->m),
	    guard_at(&p->bias), guard_at(&p->logdet));
	return weigh(&p->m, p->cm) + weigh(&p->bias, p->cb) +
	    weigh(&p->logdet, &p->cl);
}

/* The places in grad that are no LU's are left as they are. */
static void
test_lu(uint32_t D, uint32_t steps)
{
	struct nf_shape s = { .features = D, .steps = steps, .hidden = 1,
		.blocks = 1, .bins = 2, .tail_bound = 1,
		.min_bin_width = 1e-3, .min_bin_height = 1e-3,
		.min_derivative = 1e-3 };
	struct nf_flow *f = flow_of(&s);
	struct nf_tally tally = { .weight_norm = 0.25 };
	void *dtally = device(dev, &tally, sizeof(tally));
	uint32_t nlayer = steps + 1, n = (uint32_t)f->nparam, i;
	double *x, *g = reals(n), sums[2] = { 3, 0 };
	void *dsums = device(dev, sums, sizeof(sums));
	struct lu_case p;
	struct guarded grad;
	struct nf_err err;
	size_t k;

	fill_flow(&seed, f, 1);
	must(nf_net_new(&p.net, dev, f, &err), &err);
	operand(&p.param, &x, 1, n, 0, 1);
	memcpy(x, f->param, n * sizeof(*x));
	guard_put(&p.param, x);
	p.lu = p.net->lu;
	p.lu.param = guard_at(&p.param);
	operand(&p.m, &p.cm, nlayer, D * D, 0, 1);
	operand(&p.bias, &p.cb, nlayer, D, 0, 1);
	guard_new(&p.logdet, dev, sizeof(double), 1, 1, 1);
	p.cl = -sums[0] * tally.weight_norm;
	guard_new(&grad, dev, sizeof(double), 1, n, n);
	dev->ops->lu_grad(dev, &p.lu, guard_at(&p.m), guard_at(&p.bias),
	    dsums, dtally, guard_at(&grad));
	guard_get(&grad, g);
	for (i = 0; i < f->ntensor; i++)
		for (k = 0; k < f->tensor[i].n; k++) {
			double *at = &g[f->tensor[i].offset + k];

			if (strstr(f->tensor[i].name, "/net/") == NULL)
				continue;
			whole &= isnan(*at) != 0;
			*at = 0;
		}
	for (k = 0; k < n; k++)
		g[k] = isnan(g[k]) ? 0 : g[k];	/* between tensors */
	for (i = 0; i < 4; i++)
		probe(lu_loss, &p, &p.param, x, g);
	drop(&p.param, x);
	drop(&p.m, p.cm);
	drop(&p.bias, p.cb);
	drop(&p.logdet, g);
	drop(&grad, NULL);
	dev->ops->free(dev, dtally);
	dev->ops->free(dev, dsums);
	nf_net_free(p.net);
	nf_flow_free(f);
	verdict(TOL, "LU: %u layers of %u features", nlayer, D);
}

/* ---- loss ------------------------------------------------------------- */

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

/* ---- whole flows ------------------------------------------------------ */

/* Losses at entry k of f's numbers, STEP to both sides. */
static double
flow_slope(struct pass *p, double *at, const double *x, const double *c,
    const double *weight)
{
	double keep = *at, up, down;

	*at = keep + STEP;
	pass_run(p, x, c, weight);
	up = p->loss;
	*at = keep - STEP;
	pass_run(p, x, c, weight);
	down = p->loss;
	*at = keep;
	return (up - down) / (2 * STEP);
}

/* Where training does nothing special, evaluation has the same loss. */
static void
same_as_evaluated(const struct nf_flow *f, uint32_t n, const double *x,
    const double *c, double loss)
{
	double *logp = reals(n), sum = 0;
	uint32_t i;

	density(dev, f, n, x, c, NULL, logp);
	for (i = 0; i < n; i++)
		sum -= logp[i];
	near(sum / n, loss, 1e-11, "evaluation has the same loss");
	nf_free(logp);
}

static void
test_flow(const struct nf_shape *s, uint32_t n, int weighted)
{
	struct nf_flow *f = flow_of(s);
	double *x = reals((size_t)n * s->features), top, e, sum = 0;
	double *c = reals((size_t)n * s->context), *w = reals(n), *g;
	struct pass p;
	uint32_t i, m;
	size_t k;

	fill_flow(&seed, f, 1);
	fill(&seed, (size_t)n * s->features, 1.2 * s->tail_bound, x);
	fill(&seed, (size_t)n * s->context, 1, c);
	fill(&seed, n, 2, w);
	pass_new(&p, dev, f, n);
	pass_run(&p, x, c, weighted ? w : NULL);
	g = reals(f->nparam);
	memcpy(g, p.grad, f->nparam * sizeof(*g));
	for (k = 0; k < f->nparam; k++)
		sum += g[k] * g[k];
	near(p.squares, sum, 1e-9 * sum, "sum of squares");
	if (!s->batch_norm && s->dropout == 0 && !weighted)
		same_as_evaluated(f, n, x, c, p.loss);
	for (i = 0; i < f->ntensor; i++) {
		const struct nf_tensor *t = &f->tensor[i];

		if (t->stat)
			continue;
		top = max_abs(t->n, g + t->offset);
		for (m = 0; m < nprobe / 4; m++) {
			k = t->offset + (size_t)((uniform(&seed) + 1) / 2 *
			    (double)t->n);
			e = fabs(flow_slope(&p, &f->param[k], x, c,
			    weighted ? w : NULL) - g[k]);
			worst = larger(worst, e / (top + 1e-2));
		}
	}
	pass_free(&p);
	nf_flow_free(f);
	nf_free(x);
	nf_free(c);
	nf_free(w);
	nf_free(g);
	verdict(10 * TOL, "flow: %u rows, D %u C %u S %u H %u B %u K %u "
	    "act %d%s%s%s", n, s->features, s->context, s->steps, s->hidden,
	    s->blocks, s->bins, s->activation,
	    s->batch_norm ? ", batch norm" : "",
	    s->dropout > 0 ? ", dropout" : "", weighted ? ", weights" : "");
}

/* log |det| of a D x D matrix, by elimination. */
static double
log_det(uint32_t D, double *a)
{
	double sum = 0, t;
	uint32_t i, j, k, top;

	for (k = 0; k < D; k++) {
		for (top = k, i = k + 1; i < D; i++)
			if (fabs(a[i * D + k]) > fabs(a[top * D + k]))
				top = i;
		for (j = 0; j < D; j++) {
			t = a[k * D + j];
			a[k * D + j] = a[top * D + j];
			a[top * D + j] = t;
		}
		sum += log(fabs(a[k * D + k]));
		for (i = k + 1; i < D; i++)
			for (t = a[i * D + k] / a[k * D + k], j = k; j < D;
			    j++)
				a[i * D + j] -= t * a[k * D + j];
	}
	return sum;
}

/* The way back, and (D <= 4) log determinants by numeric Jacobians. */
static void
test_map(const struct nf_shape *s, uint32_t n)
{
	uint32_t D = s->features, i, j, k;
	struct nf_flow *f = flow_of(s);
	size_t nx = (size_t)n * D;
	double *x = reals(nx), *c = reals((size_t)n * s->context);
	double *z = reals(nx), *back = reals(nx), *up = reals(nx);
	double *down = reals(nx), *y = reals(nx), *logp = reals(n);
	double *logdet = reals(n), *jac = reals(nx * D), e = 0, ej = 0, el = 0;

	fill_flow(&seed, f, 0.8);
	fill(&seed, nx, 1.2 * s->tail_bound, x);
	fill(&seed, (size_t)n * s->context, 1, c);
	density(dev, f, n, x, c, z, logp);
	inverse(dev, f, n, z, c, back, logdet);
	for (k = 0; k < nx; k++)
		e = larger(e, fabs(back[k] - x[k]));
	for (i = 0; i < n; i++) {
		for (j = 0; j < D; j++)
			logp[i] += 0.5 * log(2 * M_PI) +
			    0.5 * z[i * D + j] * z[i * D + j];
		el = larger(el, fabs(logp[i] + logdet[i]));
	}
	for (j = 0; D <= 4 && j < D; j++) {
		for (k = 0; k < nx; k++)
			y[k] = x[k] + (k % D == j ? 1e-6 : 0);
		density(dev, f, n, y, c, up, NULL);
		for (k = 0; k < nx; k++)
			y[k] = x[k] - (k % D == j ? 1e-6 : 0);
		density(dev, f, n, y, c, down, NULL);
		for (k = 0; k < nx; k++)
			jac[k / D * D * D + k % D * D + j] =
			    (up[k] - down[k]) / 2e-6;
	}
	for (i = 0; D <= 4 && i < n; i++)
		ej = larger(ej, fabs(log_det(D, jac + i * D * D) - logp[i]));
	ok(e <= 1e-7 && el <= 1e-7, "%u rows of %u: the way back %.1g, its "
	    "log determinant %.1g", n, D, e, el);
	if (D <= 4)
		ok(ej <= 1e-4, "log determinants by Jacobians %.1g", ej);
	nf_flow_free(f);
	nf_free(x);
	nf_free(c);
	nf_free(z);
	nf_free(back);
	nf_free(up);
	nf_free(down);
	nf_free(y);
	nf_free(logp);
	nf_free(logdet);
	nf_free(jac);
}

/* ---- all -------------------------------------------------------------- */

static void
test_ops(void)
{
	enum nf_act act;

	test_linear(1, 1, 1, 1, 1, 0);
	test_linear(3, 2, 5, 2, 1, 1);
	test_linear(17, 31, 33, 5, 1, 0);
	test_linear(33, 5, 3, 0, 1, 0);
	test_linear(257, 17, 2, 17, 0, 1);
	test_linear(600, 3, 40, 3, 1, 0);
	for (act = NF_RELU; act <= NF_LEAKY_RELU; act++) {
		test_norm(2, 1, 1, act, 0, 0);
		test_norm(5, 17, 1, act, 0, 1);
		test_norm(33, 5, 1, act, 0.3, 0);
		test_norm(131, 3, 1, act, 0.7, 1);
		test_norm(17, 33, 0, act, 0, 0);
		test_norm(3, 31, 0, act, 0.5, 1);
		test_norm(1, 2, 0, act, 0, 1);
	}
	test_norm(1, 3, 1, NF_ELU, 0, 0);
	test_gate(1, 1, 1);
	test_gate(5, 3, 2);
	test_gate(33, 17, 31);
	test_gate(300, 2, 5);
	test_gate(17, 0, 33);
	test_spline(1, 1, 2, 1, 1);
	test_spline(3, 2, 3, 5, 1);
	test_spline(17, 3, 5, 2, 3);
	test_spline(33, 1, 17, 31, 1);
	test_spline(131, 2, 33, 3, 0.5);
	test_spline(5, 5, 31, 17, 1);
	test_lu(2, 1);
	test_lu(3, 2);
	test_lu(5, 3);
	test_lu(17, 5);
	test_lu(31, 1);
	test_loss(1, 2, 0);
	test_loss(5, 3, 1);
	test_loss(33, 17, 1);
}

static void
test_flows(void)
{
	struct nf_shape s = { .features = 2, .steps = 1, .hidden = 1,
		.blocks = 1, .bins = 2, .tail_bound = 1,
		.min_bin_width = 1e-3, .min_bin_height = 1e-3,
		.min_derivative = 1e-3, .activation = NF_ELU };

	test_flow(&s, 1, 0);
	test_map(&s, 5);
	s = (struct nf_shape){ .features = 3, .context = 2, .steps = 2,
		.hidden = 5, .blocks = 2, .bins = 3, .tail_bound = 3,
		.min_bin_width = 1e-3, .min_bin_height = 1e-3,
		.min_derivative = 1e-3, .activation = NF_RELU,
		.batch_norm = 1 };
	test_flow(&s, 17, 1);
	test_map(&s, 33);
	s.activation = NF_LEAKY_RELU;
	s.features = 5;
	s.context = 1;
	s.hidden = 17;
	s.bins = 17;
	s.dropout = 0.4;
	test_flow(&s, 33, 0);
	test_map(&s, 17);
	s.activation = NF_ELU;
	s.features = 17;
	s.context = 3;
	s.hidden = 31;
	s.bins = 5;
	s.steps = 3;
	s.blocks = 1;
	test_flow(&s, 131, 1);
	test_map(&s, 131);
	s.features = 4;
	s.context = 0;
	s.batch_norm = 0;
	s.dropout = 0;
	test_flow(&s, 3, 1);
	test_map(&s, 200);
	s.features = 9;
	s.steps = 6;			/* so with no steep bins */
	s.hidden = 3;
	s.min_bin_width = s.min_bin_height = 0.1;
	s.min_derivative = 0.2;
	test_flow(&s, 129, 0);
	test_map(&s, 129);
}

int
main(void)
{
	whole = 1;
	dev = open_device(1);
	nprobe = 16;
	test_ops();
	test_flows();
	dev->ops->close(dev);
	dev = open_device(3);
	nprobe = 4;
	test_ops();
	test_flows();
	dev->ops->close(dev);
	return done();
}
