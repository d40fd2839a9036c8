/* The ops that are curves, and the raw range that they need on the way back. */
#include "prep_form.h"

static int
seen_check(struct nf_op *o, struct nf_err *err)
{
	if (o->narg == 1)
		return nf_op_bad(o, err, "LO goes with HI");
	return o->narg < 2 || o->arg[0] <= o->arg[1] ? 0 :
	    nf_op_bad(o, err, "LO must not be above HI");
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

/* ---- their entries of the table ----------------------------------------- */

const struct nf_opdef nf_opdefs_curve[] = {
	{ .name = "seen", .args = "[LO HI]", .hi = 2, .full = 2,
	    .flags = NF_OP_FREE, .check = seen_check, .fit = seen_fit,
	    .forward = nf_form_same, .run = NF_RUN_SAME,
	    .inverse = seen_inverse },
	{ .name = "log", .args = "[A [B]]", .hi = 2, .full = 2,
	    .flags = NF_OP_GIVEN,
	    .wants = "want A x + B above 0: give another B, clip first, or let "
	    "a spike take the value", .check = nf_op_factor_check,
	    .fit = factor_fit, .forward = nf_form_log, .run = NF_RUN_LOG,
	    .inverse = log_inverse, .slope = log_slope },
	{ .name = "log1p", .args = "",
	    .wants = "want a value above -1: use log A B, clip first, or let "
	    "a spike take the value",
	    .forward = nf_form_log1p, .run = NF_RUN_LOG1P,
	    .inverse = log1p_inverse, .slope = log1p_slope },
	{ .name = "logit", .args = "LO HI", .lo = 2, .hi = 2, .full = 2,
	    .wants = "want a value between LO and HI: clip first, take a "
	    "wider LO HI, or let a spike take the value",
	    .check = nf_op_range_check,
	    .forward = nf_form_logit, .run = NF_RUN_LOGIT,
	    .inverse = logit_inverse, .slope = logit_slope },
	{ .name = "atan", .args = "[A [B]]", .hi = 2, .full = 2,
	    .flags = NF_OP_GIVEN,
	    .check = nf_op_factor_check, .fit = factor_fit,
	    .forward = nf_form_atan, .run = NF_RUN_ATAN,
	    .inverse = atan_inverse,
	    .slope = atan_slope },
	{ .name = NULL },
};
