/* The spline layer, there and back, against plain double arithmetic. */
#include "ops.h"
#include "plain.h"

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

int
main(void)
{
	return on_devices(test_spline, NULL, NULL);
}
