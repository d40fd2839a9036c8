/*
 * One bin of a monotonic rational-quadratic spline (Durkan et al., "Neural
 * spline flows", 2019, section 3.1; formulas as in model.md section 3, given
 * in nf(3)).  Both compilers read it: there is one spline in the project.
 * In double throughout: it is a few dozen operations a value, after the
 * hundreds that found its bin.
 */
#ifndef NF_SPLINE_H
#define NF_SPLINE_H

#include <math.h>

#include "fastmath.h"

/* Lower left knot, width and height, derivatives at both ends. */
struct nf_bin {
	double x, w, y, h, d0, d1;
};

/* Gradients of a loss with respect to a bin and to the argument. */
struct nf_bin_grad {
	double v, x, w, y, h, d0, d1;
};

/* v at bin's fraction a in [0,1]; NaN-proof. */
NF_INLINE double
nf_fraction(double a)
{
	return a > 0 ? (a < 1 ? a : 1) : 0;
}

NF_INLINE double
nf_rqs_forward(const struct nf_bin *b, double v, double *logdet)
{
	double a = nf_fraction((v - b->x) / b->w), a1 = 1 - a, o = a * a1;
	double s = b->h / b->w;
	double den = s + (b->d0 + b->d1 - 2 * s) * o;
	double e = b->d1 * a * a + 2 * s * o + b->d0 * a1 * a1;
	double t = s / den;

	*logdet = nf_log64(t * t * e);
	return b->y + b->h * (s * a * a + b->d0 * o) / den;
}

/*
 * The root of a quadratic, in the form that does not cancel.  *logdet is the
 * inverse map's.  *clamped is raised where rounding had to be undone.
 */
NF_INLINE double
nf_rqs_inverse(const struct nf_bin *b, double v, double *logdet,
    uint64_t *clamped)
{
	double r = b->h * nf_fraction((v - b->y) / b->h);
	double s = b->h / b->w, q = b->d0 + b->d1 - 2 * s;
	double qa = r * q + b->h * (s - b->d0);
	double qb = b->h * b->d0 - r * q, qc = -s * r;
	double disc = qb * qb - 4 * qa * qc;
	double root, a, a1, o, t, e;

	*clamped += disc < 0;
	disc = disc < 0 ? 0 : disc;
	root = 2 * qc / (-qb - sqrt(disc));
	a = nf_fraction(root);
	*clamped += !(fabs(root - 0.5) <= 0.5 + 1e-6);
	a1 = 1 - a;
	o = a * a1;
	e = b->d1 * a * a + 2 * s * o + b->d0 * a1 * a1;
	t = s / (s + q * o);
	*logdet = -nf_log64(t * t * e);
	return b->x + a * b->w;
}

/* From dL/dout and dL/dlogdet of nf_rqs_forward to all that it read. */
NF_INLINE void
nf_rqs_grad(const struct nf_bin *b, double v, double gout, double gld,
    struct nf_bin_grad *g)
{
	double a = nf_fraction((v - b->x) / b->w), a1 = 1 - a, o = a * a1;
	double s = b->h / b->w, q = b->d0 + b->d1 - 2 * s;
	double den = s + q * o, inv = 1 / den;
	double num = s * a * a + b->d0 * o;
	double e = b->d1 * a * a + 2 * s * o + b->d0 * a1 * a1;
	double slope = s * inv * s * inv * e;	/* d out / d v */
	double o2 = 1 - 2 * o, hn = b->h * inv * inv;
	double inve = 1 / e, invw = 1 / b->w, ga, gs;

	ga = gout * slope * b->w + gld * (2 *
	    (b->d1 * a + s * (1 - 2 * a) - b->d0 * a1) * inve -
	    2 * q * (1 - 2 * a) * inv);
	gs = gout * hn * (a * a * den - num * o2) +
	    gld * (2 / s + 2 * o * inve - 2 * o2 * inv);
	g->d0 = gout * hn * o * (den - num) +
	    gld * (a1 * a1 * inve - 2 * o * inv);
	g->d1 = -gout * hn * num * o + gld * (a * a * inve - 2 * o * inv);
	g->v = ga * invw;
	g->x = -g->v;
	g->w = -(ga * a + gs * s) * invw;
	g->y = gout;
	g->h = gout * num * inv + gs * invw;
}

#endif
