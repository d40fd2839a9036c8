/*
 * Every operation of the device's table against plain double arithmetic:
 * sizes at random, gaps between rows, sentinels around operands, one and
 * three threads, each instruction set.  Gradients that have no short formula
 * are compared with differences of the plain function.
 */
#include "guard.h"
#include "normal.h"
#include "plain.h"
#include "shuffle.h"

#ifdef NF_REF
#define TOL	1e-12			/* of the largest entry */
#define SLOPE	1e-6			/* the same, of differences */
#else
#define TOL	4e-6
#define SLOPE	2e-4
#endif
#define STEP	1e-6

static struct nf_dev *dev;
static uint64_t seed;
static int whole;			/* sentinels of the case at hand */
static double worst;			/* error of the case at hand */

/* ---- operands --------------------------------------------------------- */

/* On the device between sentinels, and on the host in both precisions. */
struct operand {
	struct guarded g;
	size_t n;
	nf_real *x;
	double *d;
};

static void
bring(struct operand *p)
{
	size_t k;

	guard_put(&p->g, p->x);
	for (k = 0; k < p->n; k++)
		p->d[k] = (double)p->x[k];
}

static struct operand
operand(uint32_t n, uint32_t ncol, uint32_t gap, double scale)
{
	struct operand p = { .n = (size_t)n * ncol };

	guard_new(&p.g, dev, sizeof(nf_real), n, ncol, ncol + gap);
	p.x = reals(p.n);
	p.d = room(p.n, sizeof(*p.d));
	fill(&seed, p.n, scale, p.x);
	bring(&p);
	return p;
}

static void
drop(struct operand *p)
{
	whole &= guard_free(&p->g);
	nf_free(p->x);
	nf_free(p->d);
}

/* What an operation left there. */
static const nf_real *
look(struct operand *p)
{
	guard_get(&p->g, p->x);
	return p->x;
}

/* A vector of doubles on the device. */
struct vector {
	struct guarded g;
	double *d;
};

static struct vector
vector(uint32_t n, double scale)
{
	struct vector v;
	uint32_t i;

	guard_new(&v.g, dev, sizeof(double), 1, n, n);
	v.d = room(n, sizeof(*v.d));
	for (i = 0; i < n; i++)
		v.d[i] = scale * uniform(&seed);
	guard_put(&v.g, v.d);
	return v;
}

static void
drop_vector(struct vector *v)
{
	whole &= guard_free(&v->g);
	nf_free(v->d);
}

/* ---- comparisons ------------------------------------------------------ */

/* n numbers, by the largest of them; scale: what they are sums of. */
static void
compare(size_t n, const nf_real *got, const double *want, double scale)
{
	double top = scale;
	size_t k;

	for (k = 0; k < n; k++)
		top = larger(top, fabs(want[k]));
	worst = larger(worst, max_diff(n, got, want) / (top + 1e-30));
}

/* Some of grad against differences of the plain loss of in's numbers. */
static double
slopes(double (*loss)(void *), void *arg, struct operand *in,
    const nf_real *grad)
{
	double keep, up, down, top = max_abs(in->n, grad), e = 0;
	size_t i, k;

	for (i = 0; i < 8; i++) {
		k = (size_t)((uniform(&seed) + 1) / 2 * (double)in->n);
		keep = in->d[k];
		in->d[k] = keep + STEP;
		up = loss(arg);
		in->d[k] = keep - STEP;
		down = loss(arg);
		in->d[k] = keep;
		e = larger(e, fabs((up - down) / (2 * STEP) -
		    (double)grad[k]));
	}
	return e / (top + 1e-2);
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
	    whole ? "" : ", bits or sentinels differ");
	worst = 0;
	whole = 1;
}

static uint32_t
pick(const uint32_t *from, uint32_t n)
{
	return from[(uint32_t)((uniform(&seed) + 1) / 2 * n)];
}

static uint32_t
rows(void)
{
	static const uint32_t n[] = { 1, 2, 3, 5, 16, 17, 31, 33, 127, 129,
		257, 513 };

	return pick(n, 12);
}

static uint32_t
columns(void)
{
	static const uint32_t n[] = { 1, 2, 3, 5, 15, 16, 17, 31, 33, 48,
		65 };

	return pick(n, 11);
}

/* ---- linear layers ---------------------------------------------------- */

/* A layer, packed or as it is. */
static struct nf_linear
layer(struct operand *w, struct operand *b, const struct nf_spline *s,
    struct guarded *packed)
{
	struct nf_linear l = { .w = guard_at(&w->g), .nin = w->g.ncol,
		.b = b == NULL ? NULL : guard_at(&b->g), .nout = w->g.n };
	size_t nbyte = dev->ops->pack_size(dev, &l, s);

	guard_new(packed, dev, 1, 1, (uint32_t)nbyte, (uint32_t)nbyte);
	if (nbyte > 0 && uniform(&seed) > 0) {
		dev->ops->pack(dev, &l, s, guard_at(packed));
		l.packed = guard_at(packed);
	}
	return l;
}

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

/* ---- norm and activation ---------------------------------------------- */

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

/* ---- splines ---------------------------------------------------------- */

struct spline_case {
	uint32_t n;
	struct nf_spline s;
	struct operand h, x, w, b, cx, cl;
	double *logit;			/* [nt * P] of a row */
	struct knots q;
	uint32_t row;			/* whose loss is asked */
};

/* The knots of feature f of row i. */
static void
knots_of(struct spline_case *p, uint32_t i, uint32_t f)
{
	uint32_t P = 3 * p->s.bins - 1, H = p->s.final.nin;

	plain_linear(1, H, P, p->h.d + (size_t)i * H, p->w.d +
	    (size_t)f * P * H, p->b.d + (size_t)f * P, p->logit);
	plain_knots(&p->s, p->logit, &p->q);
}

static double
row_loss(struct spline_case *p, uint32_t i)
{
	double sum = 0, ld;
	uint32_t f;
	size_t k;

	for (f = 0; f < p->s.nt; f++) {
		knots_of(p, i, f);
		k = (size_t)i * p->s.nt + f;
		sum += p->cx.d[k] * plain_spline(&p->s, &p->q, p->x.d[k],
		    &ld);
		sum += p->cl.d[i] * ld;
	}
	return sum;
}

static double
spline_loss(void *arg)
{
	struct spline_case *p = arg;
	double sum = 0;
	uint32_t i;

	for (i = 0; i < p->n; i++)
		sum += row_loss(p, i);
	return sum;
}

/* Values, log derivatives, and back, within what rounding may do. */
static void
spline_values(struct spline_case *p)
{
	double T = p->s.tail_bound, want, ld, e, el, slope, back, sum, allow;
	struct operand y = operand(p->n, p->s.nt, 1, 1);
	struct vector logdet = vector(p->n, 1), before = logdet;
	nf_real *x = reals(y.n);
	uint32_t i, f;
	size_t k;

	memcpy(y.x, p->x.x, y.n * sizeof(*y.x));
	bring(&y);
	before.d = room(p->n, sizeof(double));
	memcpy(before.d, logdet.d, p->n * sizeof(double));
	dev->ops->spline(dev, p->n, &p->s, guard_mat(&p->h.g),
	    guard_mat(&y.g), guard_at(&logdet.g), NULL);
	look(&y);
	guard_get(&logdet.g, logdet.d);
	dev->ops->spline_inverse(dev, p->n, &p->s, guard_mat(&p->h.g),
	    guard_mat(&y.g), guard_at(&logdet.g));
	guard_get(&y.g, x);
	for (i = 0; i < p->n; i++) {
		sum = before.d[i];
		allow = 0;
		for (f = 0; f < p->s.nt; f++) {
			k = (size_t)i * p->s.nt + f;
			knots_of(p, i, f);
			want = plain_spline(&p->s, &p->q, p->x.d[k], &ld);
			plain_slack(&p->s, &p->q, p->x.d[k], TOL * T / 20,
			    &e, &el);
			slope = 1 + exp(-ld);
			worst = larger(worst, fabs((double)y.x[k] - want) /
			    (e + TOL * T / 10));
			back = fabs((double)x[k] - p->x.d[k]);
			worst = larger(worst, back / (2 * e * slope +
			    TOL * T * slope / 10));
			sum += ld;
			allow += 3 * el + TOL;
		}
		worst = larger(worst, fabs(logdet.d[i] - sum) / allow);
	}
	guard_get(&logdet.g, logdet.d);	/* the inverse took it all back */
	for (i = 0; i < p->n; i++)
		whole &= fabs(logdet.d[i] - before.d[i]) <=
		    1e3 * TOL * p->s.bins;
	nf_free(before.d);
	nf_free(x);
	drop(&y);
	drop_vector(&logdet);
}

static void
spline_slopes(struct spline_case *p)
{
	uint32_t P = 3 * p->s.bins - 1, H = p->s.final.nin;
	struct operand y = operand(p->n, p->s.nt, 1, 1);
	struct operand dx = operand(p->n, p->s.nt, 4, 1);
	struct operand dh = operand(p->n, H, 2, 1);
	struct operand dw = operand(p->s.nt * P, H, 0, 1);
	struct operand db = operand(1, p->s.nt * P, 0, 1);
	struct vector logdet = vector(p->n, 1);
	size_t nbyte = dev->ops->spline_keep(dev, p->n, &p->s);
	struct guarded keep;
	double e;

	guard_new(&keep, dev, 1, 1, (uint32_t)nbyte, (uint32_t)nbyte);
	memcpy(y.x, p->x.x, y.n * sizeof(*y.x));
	bring(&y);
	guard_put(&dx.g, p->cx.x);
	dev->ops->spline(dev, p->n, &p->s, guard_mat(&p->h.g),
	    guard_mat(&y.g), guard_at(&logdet.g), guard_at(&keep));
	dev->ops->spline_grad(dev, p->n, &p->s, guard_mat(&p->h.g),
	    guard_at(&keep), guard_at(&p->cl.g), guard_mat(&dx.g),
	    guard_mat(&dh.g), guard_at(&dw.g), guard_at(&db.g));
	e = slopes(spline_loss, p, &p->x, look(&dx));
	e = larger(e, slopes(spline_loss, p, &p->h, look(&dh)));
	e = larger(e, slopes(spline_loss, p, &p->w, look(&dw)));
	e = larger(e, slopes(spline_loss, p, &p->b, look(&db)));
	worst = larger(worst, e / SLOPE);
	drop(&y);
	drop(&dx);
	drop(&dh);
	drop(&dw);
	drop(&db);
	drop_vector(&logdet);
	whole &= guard_free(&keep);
}

static void
test_spline(void)
{
	static const uint32_t bins[] = { 2, 3, 5, 15, 16, 17, 33 };
	static const uint32_t few[] = { 1, 2, 3, 5 };
	uint32_t n = rows() % 131 + 1, nt = pick(few, 4), K = pick(bins, 7);
	uint32_t H = columns(), P = 3 * K - 1;
	double T = uniform(&seed) > 0 ? 1 : 3;
	struct spline_case p = { .n = n, .s = { .nt = nt, .bins = K,
		.tail_bound = T, .min_width = 1e-3, .min_height = 2e-3,
		.min_derivative = 1e-3, .logit_scale = 1 / sqrt(H) } };
	struct guarded packed;

	p.h = operand(n, H, 3, 1);
	p.x = operand(n, nt, 2, 1.2 * T);
	p.w = operand(nt * P, H, 0, 2 / sqrt(H));
	p.b = operand(1, nt * P, 0, 1);
	p.cx = operand(n, nt, 1, 1);
	p.cl = operand(1, n, 0, 1);
	p.logit = room(P, sizeof(double));
	p.s.final = layer(&p.w, &p.b, &p.s, &packed);
	spline_values(&p);
	spline_slopes(&p);
	verdict(1, "spline: %u rows of %u, %u bins, %u hidden, to %g%s", n,
	    nt, K, H, T, p.s.final.packed != NULL ? ", packed" : "");
	drop(&p.h);
	drop(&p.x);
	drop(&p.w);
	drop(&p.b);
	drop(&p.cx);
	drop(&p.cl);
	whole &= guard_free(&packed);
	nf_free(p.logit);
}

/* ---- permutation and LU ----------------------------------------------- */

struct lu_case {
	uint32_t D, nlayer;
	const struct nf_flow *f;
	struct operand param;
	int32_t *row, *col;
	double *m, *bias, logdet;	/* as lu_fold has them */
	double *cm, *cb, cl;
};

static void
plain_fold(struct lu_case *p)
{
	uint32_t D = p->D, i, r, c, k;
	const double *at, *lower, *upper, *diag, *bias;
	double sum, l, u;

	p->logdet = 0;
	for (i = 0; i < p->nlayer; i++) {
		at = p->param.d;
		lower = at + p->f->step[i].lu.lower;
		upper = at + p->f->step[i].lu.upper;
		diag = at + p->f->step[i].lu.diag;
		bias = at + p->f->step[i].lu.bias;
		for (r = 0; r < D; r++) {
			uint32_t a = (uint32_t)p->row[i * D + r];

			p->bias[i * D + r] = bias[a];
			p->logdet += log(1e-3 + log1p(exp(diag[r])));
			for (c = 0; c < D; c++) {
				uint32_t b = (uint32_t)p->col[i * D + c];

				for (sum = 0, k = 0; k <= a && k <= b; k++) {
					l = k == a ? 1 :
					    lower[a * (a - 1) / 2 + k];
					u = k == b ? 1e-3 +
					    log1p(exp(diag[k])) :
					    upper[k * D - k * (k + 1) / 2 +
					    b - k - 1];
					sum += l * u;
				}
				p->m[(i * D + r) * D + c] = sum;
			}
		}
	}
}

static double
lu_loss(void *arg)
{
	struct lu_case *p = arg;
	double sum = 0;
	uint32_t k;

	plain_fold(p);
	for (k = 0; k < p->nlayer * p->D * p->D; k++)
		sum += p->cm[k] * p->m[k];
	for (k = 0; k < p->nlayer * p->D; k++)
		sum += p->cb[k] * p->bias[k];
	return sum + p->cl * p->logdet;
}

/* The inverse of what was folded: their product is 1, the biases cancel. */
static void
compare_back(const struct lu_case *p, const nf_real *m, const nf_real *bias)
{
	uint32_t D = p->D, i, r, c, k;
	double sum, e = 0, top = 1;

	for (i = 0; i < p->nlayer; i++)
		for (r = 0; r < D; r++) {
			const nf_real *back = m + (size_t)(i * D + r) * D;

			for (c = 0; c < D; c++) {
				for (sum = 0, k = 0; k < D; k++)
					sum += (double)back[k] *
					    p->m[(i * D + k) * D + c];
				e = larger(e, fabs(sum - (r == c)));
				top = larger(top, fabs((double)back[c]));
			}
			for (sum = (double)bias[i * D + r], k = 0; k < D; k++)
				sum += (double)back[k] * p->bias[i * D + k];
			e = larger(e, fabs(sum));
		}
	worst = larger(worst, e / top / D);
}

static void
lu_backward(struct lu_case *p, const struct nf_lu *lu, struct operand *m,
    struct operand *bias)
{
	struct nf_tally tally = { .weight_norm = 0.5 };
	void *dtally = device(dev, &tally, sizeof(tally));
	struct operand grad = operand(1, (uint32_t)p->f->nparam, 0, 0);
	struct vector sums = vector(2, 3);
	uint32_t i;
	double e = 0;

	bring(m);			/* what was folded does as gradients */
	bring(bias);
	p->cm = m->d;
	p->cb = bias->d;
	p->cl = -sums.d[0] * tally.weight_norm;
	dev->ops->lu_grad(dev, lu, guard_at(&m->g), guard_at(&bias->g),
	    guard_at(&sums.g), dtally, guard_at(&grad.g));
	look(&grad);
	for (i = 0; i < 8; i++)
		e = larger(e, slopes(lu_loss, p, &p->param, grad.x));
	worst = larger(worst, e / SLOPE * TOL);
	drop(&grad);
	drop_vector(&sums);
	dev->ops->free(dev, dtally);
}

static void
test_lu(uint32_t D)
{
	struct nf_shape s = { .features = D, .steps = 3, .hidden = 1,
		.blocks = 1, .bins = 2, .tail_bound = 1,
		.min_bin_width = 1e-3, .min_bin_height = 1e-3,
		.min_derivative = 1e-3 };
	struct nf_flow *f = flow_of(&s);
	struct lu_case p = { .D = D, .nlayer = 4, .f = f };
	struct operand m = operand(4, D * D, 0, 1), b = operand(4, D, 0, 1);
	struct operand back = operand(4, D * D, 0, 1);
	struct operand bback = operand(4, D, 0, 1);
	struct vector logdet = vector(1, 1);
	struct nf_net *net;
	struct nf_err err;
	size_t k;

	fill_flow(&seed, f, 1);
	must(nf_net_new(&net, dev, f, &err), &err);
	p.param = operand(1, (uint32_t)f->nparam, 0, 0);
	for (k = 0; k < p.param.n; k++)
		p.param.x[k] = f->param[k];
	bring(&p.param);
	p.row = room(8 * (size_t)D, sizeof(*p.row));
	p.col = p.row + 4 * (size_t)D;
	fetch(dev, p.row, net->lu.row, 4 * D * sizeof(*p.row));
	fetch(dev, p.col, net->lu.col, 4 * D * sizeof(*p.row));
	p.m = room(4 * (size_t)D * D, sizeof(double));
	p.bias = room(4 * (size_t)D, sizeof(double));
	plain_fold(&p);
	dev->ops->lu_fold(dev, &net->lu, 0, guard_at(&m.g), guard_at(&b.g),
	    guard_at(&logdet.g));
	compare(m.n, look(&m), p.m, 0);
	compare(b.n, look(&b), p.bias, 0);
	guard_get(&logdet.g, logdet.d);
	worst = larger(worst, fabs(logdet.d[0] - p.logdet));
	dev->ops->lu_fold(dev, &net->lu, 1, guard_at(&back.g),
	    guard_at(&bback.g), guard_at(&logdet.g));
	guard_get(&logdet.g, logdet.d);
	worst = larger(worst, fabs(logdet.d[0] - p.logdet));
	compare_back(&p, look(&back), look(&bback));
	lu_backward(&p, &net->lu, &m, &b);
	verdict(TOL, "LU of %u features", D);
	drop(&m);
	drop(&b);
	drop(&back);
	drop(&bback);
	drop(&p.param);
	drop_vector(&logdet);
	nf_free(p.row);
	nf_free(p.m);
	nf_free(p.bias);
	nf_net_free(net);
	nf_flow_free(f);
}

/* ---- rows ------------------------------------------------------------- */

static void
test_rows(void)
{
	uint32_t n = rows(), ncol = columns(), all = 3 * n, i, j;
	struct nf_tally tally = { .batch = 1 };
	void *dtally = device(dev, &tally, sizeof(tally));
	struct operand from = operand(all, ncol, 1, 1);
	struct operand to = operand(n, ncol, 2, 1);
	struct nf_noise g = { .seed = 8, .first = 1000003, .repeat = 7,
		.temperature = 0.7 };
	uint32_t *index = room(all, sizeof(*index)), *order, *want;
	struct nf_err err;
	double four[4];

	order = device(dev, NULL, all * sizeof(*order));
	dev->ops->shuffle(dev, 31, 4, all, order);
	fetch(dev, index, order, all * sizeof(*index));
	want = room(all, sizeof(*want));
	must(nf_shuffle(31, NF_FOR_EPOCH, 4, all, want, &err), &err);
	whole &= memcmp(index, want, all * sizeof(*index)) == 0;
	dev->ops->gather(dev, n, order, dtally, guard_mat(&from.g),
	    guard_mat(&to.g));
	look(&to);
	for (i = 0; i < n; i++)
		whole &= memcmp(to.x + (size_t)i * ncol, from.x +
		    (size_t)index[n + i] * ncol, ncol * sizeof(*to.x)) == 0;
	dev->ops->spread(dev, n, &g, guard_mat(&from.g), guard_mat(&to.g));
	look(&to);
	for (i = 0; i < n; i++)
		whole &= memcmp(to.x + (size_t)i * ncol, from.x + (size_t)
		    ((g.first + i) / 7 - g.first / 7) * ncol,
		    ncol * sizeof(*to.x)) == 0;
	dev->ops->noise(dev, n, &g, guard_mat(&to.g));
	look(&to);
	for (i = 0; i < n; i++)
		for (j = 0; j < ncol; j++) {
			nf_normal4(8, NF_FOR_NOISE, (g.first + i) / 7,
			    (uint32_t)((g.first + i) % 7), j / 4, four);
			whole &= to.x[(size_t)i * ncol + j] ==
			    (nf_real)(0.7 * four[j % 4]);
		}
	verdict(0, "shuffle, gather, spread and noise of %u rows of %u", n,
	    ncol);
	drop(&from);
	drop(&to);
	nf_free(index);
	nf_free(want);
	dev->ops->free(dev, order);
	dev->ops->free(dev, dtally);
}

/* ---- loss and optimiser ----------------------------------------------- */

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

/* ---- all -------------------------------------------------------------- */

static void
test_all(int rounds)
{
	int i;

	seed = 5;
	whole = 1;
	for (i = 0; i < rounds; i++) {
		test_linear();
		test_norm();
		test_gate();
		test_spline();
		test_rows();
		test_loss();
	}
	test_dropout(0.1);
	test_dropout(0.75);
	test_lu(2);
	test_lu(5);
	test_lu(17);
	test_adam(1, 0);
	test_adam(1037, 0);
	test_adam(1037, 0.5);
	test_squares(4);
	test_squares(1037);
	test_shares(1037);
}

/* Sizes from which on it takes more than one thread. */
static void
test_large(void)
{
	seed = 6;
	test_lu(85);
	test_adam(300007, 1);
	test_squares(300007);
	test_shares(300007);
}

int
main(void)
{
	static const char *const isa[] = { "avx512", "avx2", "portable" };
	int i, n = sizeof(nf_real) == sizeof(float) ? 3 : 1;

	for (i = 0; i < n; i++) {
		setenv("NF_ISA", isa[i], 1);
		dev = open_device(1);
		printf("# %s\n", dev->name);
		test_all(8);
		nf_dev_close(dev);
	}
	dev = open_device(3);
	printf("# %s\n", dev->name);
	test_all(4);
	test_large();
	nf_dev_close(dev);
	return done();
}
