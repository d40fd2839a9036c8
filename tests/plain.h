/*
 * The mathematics of model.md, plainly and in double: what operations are
 * compared with.  No care for speed.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include "flows.h"

/* ---- splines (section 3) ---------------------------------------------- */

struct knots {
	double x[NF_MAX_BINS + 1], y[NF_MAX_BINS + 1], d[NF_MAX_BINS + 1];
};

static inline void
plain_axis(uint32_t K, double least, double T, double scale,
    const double *logit, double *knot)
{
	double top = -INFINITY, total = 0, sum = 0;
	uint32_t k;

	for (k = 0; k < K; k++)
		top = fmax(top, logit[k]);
	for (k = 0; k < K; k++)
		total += exp((logit[k] - top) * scale);
	for (k = 0; k < K; k++) {
		knot[k] = 2 * T * sum - T;
		sum += least + (1 - least * K) *
		    exp((logit[k] - top) * scale) / total;
	}
	knot[K] = T;
}

/* All knots of a row of 3 bins - 1 logits. */
static inline void
plain_knots(const struct nf_spline *s, const double *logit, struct knots *q)
{
	uint32_t K = s->bins, k;
	double v;

	plain_axis(K, s->min_width, s->tail_bound, s->logit_scale, logit,
	    q->x);
	plain_axis(K, s->min_height, s->tail_bound, s->logit_scale,
	    logit + K, q->y);
	q->d[0] = q->d[K] = 1;
	for (k = 1; k < K; k++) {
		v = logit[2 * K + k - 1];
		q->d[k] = s->min_derivative + (v > 20 ? v : log1p(exp(v)));
	}
}

static inline double
plain_spline(const struct nf_spline *s, const struct knots *q, double v,
    double *logdet)
{
	double w, h, sl, a, o, den, d0, d1;
	uint32_t k = 0;

	*logdet = 0;
	if (!(fabs(v) <= s->tail_bound))
		return v;
	while (k + 1 < s->bins && q->x[k + 1] <= v)
		k++;
	w = q->x[k + 1] - q->x[k];
	h = q->y[k + 1] - q->y[k];
	d0 = q->d[k];
	d1 = q->d[k + 1];
	sl = h / w;
	a = (v - q->x[k]) / w;
	o = a * (1 - a);
	den = sl + (d0 + d1 - 2 * sl) * o;
	*logdet = log(sl * sl * (d1 * a * a + 2 * sl * o +
	    d0 * (1 - a) * (1 - a))) - 2 * log(den);
	return q->y[k] + h * (sl * a * a + d0 * o) / den;
}

/*
 * How much an error of e in v (and in the logits with it) may move the
 * result: the slope and the curvature there, seen over its width.
 */
static inline void
plain_slack(const struct nf_spline *s, const struct knots *q, double v,
    double e, double *out, double *logdet)
{
	double y[2], ld[2], l0;

	plain_spline(s, q, v, &l0);
	y[0] = plain_spline(s, q, v - e, &ld[0]);
	y[1] = plain_spline(s, q, v + e, &ld[1]);
	*out = fabs(y[1] - y[0]);
	*logdet = fmax(fabs(ld[0] - l0), fabs(ld[1] - l0));
}

/* ---- layers (section 2) ----------------------------------------------- */

/* y = x W^T + b; b may be NULL. */
static inline void
plain_linear(uint32_t n, uint32_t nin, uint32_t nout, const double *x,
    const double *w, const double *b, double *y)
{
	uint32_t i, j, k;

	for (i = 0; i < n; i++)
		for (j = 0; j < nout; j++) {
			y[i * nout + j] = b == NULL ? 0 : b[j];
			for (k = 0; k < nin; k++)
				y[i * nout + j] += x[i * nin + k] *
				    w[j * nin + k];
		}
}

static inline double
plain_act(enum nf_act act, double x)
{
	return x > 0 ? x : act == NF_RELU ? 0 : act == NF_ELU ? expm1(x) :
	    0.01 * x;
}

/* A column's mean and variances over the rows; biased, unbiased. */
static inline void
plain_moments(uint32_t n, uint32_t ncol, const double *x, uint32_t j,
    double *mean, double *biased, double *unbiased)
{
	double sum = 0, square = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += x[i * ncol + j];
	*mean = sum / n;
	for (i = 0; i < n; i++)
		square += (x[i * ncol + j] - *mean) *
		    (x[i * ncol + j] - *mean);
	*biased = square / n;
	*unbiased = n > 1 ? square / (n - 1) : *biased;
}

#endif
