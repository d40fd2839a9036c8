/* The ops that are formulas. */
#include <float.h>
#include <math.h>

#include "prep_op.h"

#define TINY	1e-30			/* no divisor is smaller */

/* ---- checks ----------------------------------------------------------- */

static int
bad(const struct nf_op *o, struct nf_err *err, const char *what)
{
	return nf_fail(err, NF_EDATA, "%s %s: %s", o->def->name, o->def->args,
	    what);
}

static int
factor_check(struct nf_op *o, struct nf_err *err)
{
	return o->narg < 1 || fabs(o->arg[0]) >= TINY ? 0 :
	    bad(o, err, "A must not be 0");
}

static int
scale_check(struct nf_op *o, struct nf_err *err)
{
	return o->narg < 1 || o->arg[0] >= TINY ? 0 :
	    bad(o, err, "MAX must be above 0");
}

static int
standardize_check(struct nf_op *o, struct nf_err *err)
{
	if (o->narg == 1)
		return bad(o, err, "MEAN goes with STD");
	return o->narg < 2 || o->arg[1] >= TINY ? 0 :
	    bad(o, err, "STD must be above 0");
}

static int
range_check(struct nf_op *o, struct nf_err *err)
{
	return o->arg[0] < o->arg[1] ? 0 : bad(o, err, "LO must be below HI");
}

static int
clip_check(struct nf_op *o, struct nf_err *err)
{
	if (range_check(o, err) == -1)
		return -1;
	return o->narg < 4 || o->arg[2] <= o->arg[3] ? 0 :
	    bad(o, err, "the lowest seen is above the highest");
}

static int
seen_check(struct nf_op *o, struct nf_err *err)
{
	if (o->narg == 1)
		return bad(o, err, "LO goes with HI");
	return o->narg < 2 || o->arg[0] <= o->arg[1] ? 0 :
	    bad(o, err, "LO must not be above HI");
}

/* ---- seen: the raw range, which brings back what overflowed ------------- */

static int
seen_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	(void)err;
	o->arg[0] = s->lo;
	o->arg[1] = s->hi;
	return 0;
}

static int
seen_forward(struct nf_step *s)
{
	s->y = s->x;
	return 0;
}

static void
seen_inverse(struct nf_step *s)
{
	s->x = fabs(s->y) <= FLT_MAX ? s->y : s->y > 0 ? s->a[1] : s->a[0];
}

/* ---- log, log1p, logit, atan -------------------------------------------- */

/* A and B where the recipe leaves them out: 1 and 0. */
static int
factor_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	(void)s;
	(void)err;
	if (o->narg < 1)
		o->arg[0] = 1;
	if (o->narg < 2)
		o->arg[1] = 0;
	return 0;
}

static int
log_forward(struct nf_step *s)
{
	double v = s->a[0] * s->x + s->a[1];

	s->y = log(v);
	return v > 0 ? 0 : -1;
}

static void
log_inverse(struct nf_step *s)
{
	s->x = (exp(s->y) - s->a[1]) / s->a[0];
}

static double
log_slope(const struct nf_step *s)
{
	return log(fabs(s->a[0])) - s->y;
}

static int
log1p_forward(struct nf_step *s)
{
	s->y = log1p(s->x);
	return s->x > -1 ? 0 : -1;
}

static void
log1p_inverse(struct nf_step *s)
{
	s->x = expm1(s->y);
}

static double
log1p_slope(const struct nf_step *s)
{
	return -s->y;
}

static int
logit_forward(struct nf_step *s)
{
	if (s->x <= s->a[0] || s->x >= s->a[1])
		return -1;
	s->y = log((s->x - s->a[0]) / (s->a[1] - s->x));
	return 0;
}

static void
logit_inverse(struct nf_step *s)
{
	double t = exp(-fabs(s->y)), part = (s->a[1] - s->a[0]) * t / (1 + t);

	s->x = s->y < 0 ? s->a[0] + part : s->a[1] - part;
}

static double
logit_slope(const struct nf_step *s)
{
	return log((s->a[1] - s->a[0]) / (s->x - s->a[0])) -
	    log(s->a[1] - s->x);
}

static int
atan_forward(struct nf_step *s)
{
	s->y = atan(s->a[0] * s->x + s->a[1]);
	return 0;
}

/* No angle past a right one is an arc tangent: the limit is. */
static void
atan_inverse(struct nf_step *s)
{
	double v = fabs(s->y) < M_PI_2 ? tan(s->y) : copysign(INFINITY, s->y);

	s->x = (v - s->a[1]) / s->a[0];
}

static double
atan_slope(const struct nf_step *s)
{
	double v = s->a[0] * s->x + s->a[1];

	return log(fabs(s->a[0])) - 2 * log(hypot(1, v));
}

/* ---- affine, scale, standardize ----------------------------------------- */

static int
affine_forward(struct nf_step *s)
{
	s->y = s->a[0] * s->x + s->a[1];
	return 0;
}

static void
affine_inverse(struct nf_step *s)
{
	s->x = (s->y - s->a[1]) / s->a[0];
}

static double
affine_slope(const struct nf_step *s)
{
	return log(fabs(s->a[0]));
}

static int
scale_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	double max = fmax(fabs(s->lo), fabs(s->hi));

	(void)err;
	o->arg[0] = max >= TINY ? max : 1;
	return 0;
}

static int
scale_forward(struct nf_step *s)
{
	s->y = s->x / s->a[0];
	return 0;
}

static void
scale_inverse(struct nf_step *s)
{
	s->x = s->y * s->a[0];
}

static double
scale_slope(const struct nf_step *s)
{
	return -log(s->a[0]);
}

/* A spread that is rounding alone is none. */
static int
standardize_fit(struct nf_op *o, const struct nf_spread *s,
    struct nf_err *err)
{
	double std = sqrt(s->m2 / (double)s->n);

	(void)err;
	o->arg[0] = s->mean;
	o->arg[1] = s->lo < s->hi && std >= TINY &&
	    std > 1e-12 * fabs(s->mean) ? std : 1;
	return 0;
}

static int
standardize_forward(struct nf_step *s)
{
	s->y = (s->x - s->a[0]) / s->a[1];
	return 0;
}

static void
standardize_inverse(struct nf_step *s)
{
	s->x = s->y * s->a[1] + s->a[0];
}

static double
standardize_slope(const struct nf_step *s)
{
	return -log(s->a[1]);
}

/* ---- clip, wrap, ratio, diff -------------------------------------------- */

static int
clip_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	(void)err;
	o->arg[2] = fmin(fmax(s->lo, o->arg[0]), o->arg[1]);
	o->arg[3] = fmin(fmax(s->hi, o->arg[0]), o->arg[1]);
	return 0;
}

static int
clip_forward(struct nf_step *s)
{
	s->y = fmin(fmax(s->x, s->a[0]), s->a[1]);
	return 0;
}

static void
clip_inverse(struct nf_step *s)
{
	s->x = fmin(fmax(s->y, s->a[2]), s->a[3]);
}

static double
wrap(double x)
{
	double y = remainder(x, 2 * M_PI);

	return y > -M_PI ? y : M_PI;
}

static int
wrap_forward(struct nf_step *s)
{
	s->y = wrap(s->x);
	return 0;
}

static void
wrap_inverse(struct nf_step *s)
{
	s->x = isinf(s->y) ? copysign(M_PI, s->y) : wrap(s->y);
}

static int
ratio_forward(struct nf_step *s)
{
	s->y = s->x / s->partner;
	return fabs(s->partner) >= TINY ? 0 : -1;
}

static void
ratio_inverse(struct nf_step *s)
{
	s->x = s->partner == 0 ? 0 : s->y * s->partner;
}

static double
ratio_slope(const struct nf_step *s)
{
	return -log(fabs(s->partner));
}

static int
diff_forward(struct nf_step *s)
{
	s->y = s->x - s->partner;
	return 0;
}

static void
diff_inverse(struct nf_step *s)
{
	s->x = s->y + s->partner;
}

/* ---- their entries of the table ----------------------------------------- */

const struct nf_opdef nf_opdefs_plain[] = {
	{ .name = "seen", .args = "[LO HI]", .hi = 2, .full = 2,
	    .check = seen_check, .fit = seen_fit, .forward = seen_forward,
	    .inverse = seen_inverse },
	{ .name = "log", .args = "[A [B]]", .hi = 2, .full = 2,
	    .wants = "want A x + B above 0: give another B, clip first, or let "
	    "a spike take the value", .check = factor_check,
	    .fit = factor_fit, .forward = log_forward,
	    .inverse = log_inverse, .slope = log_slope },
	{ .name = "log1p", .args = "",
	    .wants = "want a value above -1: use log A B, clip first, or let "
	    "a spike take the value", .forward = log1p_forward,
	    .inverse = log1p_inverse, .slope = log1p_slope },
	{ .name = "logit", .args = "LO HI", .lo = 2, .hi = 2, .full = 2,
	    .wants = "want a value between LO and HI: clip first, take a "
	    "wider LO HI, or let a spike take the value",
	    .check = range_check, .forward = logit_forward,
	    .inverse = logit_inverse, .slope = logit_slope },
	{ .name = "atan", .args = "[A [B]]", .hi = 2, .full = 2,
	    .check = factor_check, .fit = factor_fit,
	    .forward = atan_forward, .inverse = atan_inverse,
	    .slope = atan_slope },
	{ .name = "affine", .args = "A B", .lo = 2, .hi = 2, .full = 2,
	    .check = factor_check, .forward = affine_forward,
	    .inverse = affine_inverse, .slope = affine_slope },
	{ .name = "scale", .args = "[MAX]", .hi = 1, .full = 1,
	    .check = scale_check, .fit = scale_fit, .forward = scale_forward,
	    .inverse = scale_inverse, .slope = scale_slope },
	{ .name = "standardize", .args = "[MEAN STD]", .hi = 2, .full = 2,
	    .check = standardize_check, .fit = standardize_fit,
	    .forward = standardize_forward, .inverse = standardize_inverse,
	    .slope = standardize_slope },
	{ .name = "clip", .args = "LO HI", .lo = 2, .hi = 2, .full = 4,
	    .check = clip_check, .fit = clip_fit, .forward = clip_forward,
	    .inverse = clip_inverse },
	{ .name = "wrap", .args = "", .forward = wrap_forward,
	    .inverse = wrap_inverse },
	{ .name = "ratio", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .wants = "want a COLUMN that is not 0", .forward = ratio_forward,
	    .inverse = ratio_inverse, .slope = ratio_slope },
	{ .name = "diff", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .forward = diff_forward, .inverse = diff_inverse },
	{ .name = NULL },
};
