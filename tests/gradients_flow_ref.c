/*
 * Whole flows: their gradients and log determinants against differences, and
 * the way back.
 */
#include "gradients.h"

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
	return on_devices(test_flows);
}
