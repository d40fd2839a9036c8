/*
 * The ops' formulas, forward.  Each stands here once, for a value alone
 * (prep_*.c) and for runs of values (cpu_prep.c); see struct nf_opdef.
 */
#ifndef NF_PREP_FORM_H
#define NF_PREP_FORM_H

#include "prep_math.h"
#include "prep_op.h"

#define NF_FORM_MARGIN	1e-6		/* relative: 8 roundings of a float */

/* Compared so that a vector has them too; of two that are numbers. */
NF_VECTOR double
nf_form_least(double a, double b)
{
	return a < b ? a : b;
}

NF_VECTOR double
nf_form_most(double a, double b)
{
	return a > b ? a : b;
}

/* ---- lines and bounds --------------------------------------------------- */

NF_VECTOR int
nf_form_same(struct nf_step *s)
{
	s->y = s->x;
	return 0;
}

NF_VECTOR int
nf_form_affine(struct nf_step *s)
{
	s->y = s->a[0] * s->x + s->a[1];
	return 0;
}

NF_VECTOR int
nf_form_scale(struct nf_step *s)
{
	s->y = s->x / s->a[0];
	return 0;
}

NF_VECTOR int
nf_form_standardize(struct nf_step *s)
{
	s->y = (s->x - s->a[0]) / s->a[1];
	return 0;
}

NF_VECTOR int
nf_form_clip(struct nf_step *s)
{
	s->y = s->x < s->a[0] ? s->a[0] : s->x > s->a[1] ? s->a[1] : s->x;
	return 0;
}

NF_VECTOR int
nf_form_ratio(struct nf_step *s)
{
	s->y = s->x / s->partner;
	return fabs(s->partner) >= NF_OP_TINY ? 0 : -1;
}

NF_VECTOR int
nf_form_diff(struct nf_step *s)
{
	s->y = s->x - s->partner;
	return 0;
}

NF_VECTOR int
nf_form_sum(struct nf_step *s)
{
	s->y = s->x + s->partner;
	return 0;
}

/* What is past half a turn comes back; -pi is pi. */
NF_VECTOR int
nf_form_wrap(struct nf_step *s)
{
	double y = fabs(s->x) <= M_PI ? s->x : remainder(s->x, 2 * M_PI);

	s->y = y > -M_PI ? y : M_PI;
	return 0;
}

/* ---- curves ------------------------------------------------------------- */

NF_VECTOR int
nf_form_log(struct nf_step *s)
{
	double v = s->a[0] * s->x + s->a[1];

	s->y = nf_vlog(v);
	return v > 0 ? 0 : -1;
}

NF_VECTOR int
nf_form_log1p(struct nf_step *s)
{
	s->y = nf_vlog1p(s->x);
	return s->x > -1 ? 0 : -1;
}

NF_VECTOR int
nf_form_logit(struct nf_step *s)
{
	double below = s->x - s->a[0], above = s->a[1] - s->x;

	s->y = nf_vlog(below / above);
	return ((below > 0) & (above > 0)) ? 0 : -1;
}

NF_VECTOR int
nf_form_atan(struct nf_step *s)
{
	s->y = nf_vatan(s->a[0] * s->x + s->a[1]);
	return 0;
}

/* ---- draws -------------------------------------------------------------- */

/* In (0, 1), by 52 bits of the 64: the middle of so many equal parts. */
NF_VECTOR double
nf_form_unit(uint64_t r)
{
	return (nf_vfrom((int64_t)(r >> 12 | 0x4330000000000000)) - 0x1p52 +
	    0.5) * 0x1p-52;
}

/* A normal number within lim of 0, in units of its sigma, from u. */
NF_VECTOR double
nf_form_within(double lim, double u)
{
	double tail = nf_vcdf(-lim);

	return nf_vquantile(tail + (1 - 2 * tail) * u);
}

/* How far a draw may go from x and still be rounded back to it. */
NF_VECTOR double
nf_form_room(double x)
{
	return nf_form_most(0.5 - NF_FORM_MARGIN * (1 + fabs(x)), 0.25);
}

NF_VECTOR int
nf_form_uniform(struct nf_step *s)
{
	double d = (2 * s->u - 1) * s->a[0], lim = nf_form_room(s->x);

	s->y = s->x + nf_form_least(nf_form_most(d, -lim), lim);
	return s->x == nf_vrint(s->x) ? 0 : -1;
}

NF_VECTOR int
nf_form_gauss(struct nf_step *s)
{
	double sigma = s->a[0], lim = nf_form_room(s->x);

	s->y = s->x + sigma * nf_form_within(lim / sigma, s->u);
	return s->x == nf_vrint(s->x) ? 0 : -1;
}

/* 2^e, where |x| is from there to below 2^(e + 1); 0 for 0. */
NF_VECTOR double
nf_form_binade(double x)
{
	return nf_vfrom(nf_vbits(x) & 0x7ff0000000000000);
}

/* Rounded to so many bits behind the point, the exponent apart. */
NF_VECTOR double
nf_form_round(double x, double nbit)
{
	double unit = nf_form_binade(x) / (double)(UINT64_C(1) << (int)nbit);
	double k = nf_vrint(x / (unit > 0 ? unit : 1));

	return k * unit;
}

/*
 * In the cell of what rounds to the same: half a step either way, but a
 * quarter towards 0 from a power of two, below which steps are half as wide.
 */
NF_VECTOR int
nf_form_mantissa(struct nf_step *s)
{
	double v = nf_form_round(s->x, s->a[0]), top = nf_form_binade(v);
	double unit = top / (double)(UINT64_C(1) << (int)s->a[0]);
	double in = fabs(v) > top ? 0.5 * unit : 0.25 * unit;
	double out = 0.5 * unit, margin = NF_FORM_MARGIN * fabs(v);
	double d = (in + out) * s->u - in;

	d = nf_form_least(nf_form_most(d, margin - in), out - margin);
	s->y = v < 0 ? v - d : v + d;
	return 0;
}

/* In the cell of level s->x, or -1, of n; see levels_check. */
NF_VECTOR int
nf_form_cell(struct nf_step *s, const double *edge, uint32_t n)
{
	/* By the nearer tail, where probabilities keep their digits. */
	uint32_t k = s->x >= 0 ? (uint32_t)(int32_t)s->x : 0;
	double lo = edge[k], hi = edge[k + 1], p, q, y, margin;
	uint32_t up = lo > 0 ? 1 : 0, at = (n + 1) * (1 + up) + k;

	p = edge[at + up];
	q = edge[at + 1 - up];
	y = nf_vquantile(p + (q - p) * s->u);
	y = up ? -y : y;
	margin = nf_form_least(0.25 * (hi - lo),
	    NF_FORM_MARGIN * (1 + fabs(y)));
	s->y = nf_form_least(nf_form_most(y, lo + margin), hi - margin);
	return s->x >= 0 ? 0 : -1;
}

/* ---- spike: V SIGMA AT EDGE --------------------------------------------- */

enum { NF_SPIKE_V, NF_SPIKE_SIGMA, NF_SPIKE_AT, NF_SPIKE_EDGE };
#define NF_SPIKE_AWAY	8.0		/* AT from EDGE, as usual, in SIGMA */

/*
 * Half way between the spike and the end of the others' range: what lies on
 * AT's side is the spike.
 */
NF_VECTOR double
nf_form_threshold(const double *a)
{
	return 0.5 * a[NF_SPIKE_AT] + 0.5 * a[NF_SPIKE_EDGE];
}

/* The value itself: the chain brings it here past the other ops. */
NF_VECTOR int
nf_form_spike_draw(struct nf_step *s)
{
	const double *a = s->a;
	double half = fabs(nf_form_threshold(a) - a[NF_SPIKE_AT]) /
	    a[NF_SPIKE_SIGMA];

	s->y = a[NF_SPIKE_AT] + a[NF_SPIKE_SIGMA] *
	    nf_form_within(half * (1 - 1e-3), s->u);
	return 0;
}

/* Any other value, kept from the spike's side where training had none. */
NF_VECTOR int
nf_form_spike(struct nf_step *s)
{
	const double *a = s->a;
	double mid = nf_form_threshold(a);
	double near = mid + 1e-3 * (a[NF_SPIKE_EDGE] - mid);
	double most = nf_form_most(s->x, near);
	double least = nf_form_least(s->x, near);

	s->y = a[NF_SPIKE_AT] < a[NF_SPIKE_EDGE] ? most : least;
	return 0;
}

#endif
