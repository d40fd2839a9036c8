/* The ops that are straight lines, bounds and differences. */
#include <math.h>

#include "prep_op.h"


/* ---- checks ----------------------------------------------------------- */

int
nf_op_bad(const struct nf_op *o, struct nf_err *err, const char *what)
{
	return nf_fail(err, NF_EDATA, "%s %s: %s", o->def->name, o->def->args,
	    what);
}

int
nf_op_factor_check(struct nf_op *o, struct nf_err *err)
{
	return o->narg < 1 || fabs(o->arg[0]) >= NF_OP_TINY ? 0 :
	    nf_op_bad(o, err, "A must not be 0");
}

static int
scale_check(struct nf_op *o, struct nf_err *err)
{
	return o->narg < 1 || o->arg[0] >= NF_OP_TINY ? 0 :
	    nf_op_bad(o, err, "MAX must be above 0");
}

static int
standardize_check(struct nf_op *o, struct nf_err *err)
{
	if (o->narg == 1)
		return nf_op_bad(o, err, "MEAN goes with STD");
	return o->narg < 2 || o->arg[1] >= NF_OP_TINY ? 0 :
	    nf_op_bad(o, err, "STD must be above 0");
}

int
nf_op_range_check(struct nf_op *o, struct nf_err *err)
{
	return o->arg[0] < o->arg[1] ? 0 :
	    nf_op_bad(o, err, "LO must be below HI");
}

static int
clip_check(struct nf_op *o, struct nf_err *err)
{
	if (nf_op_range_check(o, err) == -1)
		return -1;
	return o->narg < 4 || o->arg[2] <= o->arg[3] ? 0 :
	    nf_op_bad(o, err, "the lowest seen is above the highest");
}

/* ---- affine, scale, standardize ----------------------------------------- */

static int
affine_forward(struct nf_step *s)
{
	s->y = s->a[0] * s->x + s->a[1];
	return 0;
}

static int
affine_run(const struct nf_op *o, double *x, uint32_t n)
{
	return nf_op_each(o, x, n, affine_forward);
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
	o->arg[0] = max >= NF_OP_TINY ? max : 1;
	return 0;
}

static int
scale_forward(struct nf_step *s)
{
	s->y = s->x / s->a[0];
	return 0;
}

static int
scale_run(const struct nf_op *o, double *x, uint32_t n)
{
	return nf_op_each(o, x, n, scale_forward);
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
	o->arg[1] = s->lo < s->hi && std >= NF_OP_TINY &&
	    std > 1e-12 * fabs(s->mean) ? std : 1;
	return 0;
}

static int
standardize_forward(struct nf_step *s)
{
	s->y = (s->x - s->a[0]) / s->a[1];
	return 0;
}

static int
standardize_run(const struct nf_op *o, double *x, uint32_t n)
{
	return nf_op_each(o, x, n, standardize_forward);
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
	s->y = s->x < s->a[0] ? s->a[0] : s->x > s->a[1] ? s->a[1] : s->x;
	return 0;
}

static int
clip_run(const struct nf_op *o, double *x, uint32_t n)
{
	return nf_op_each(o, x, n, clip_forward);
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
	return fabs(s->partner) >= NF_OP_TINY ? 0 : -1;
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
	{ .name = "affine", .args = "A B", .lo = 2, .hi = 2, .full = 2,
	    .check = nf_op_factor_check, .forward = affine_forward,
	    .run = affine_run,
	    .inverse = affine_inverse, .slope = affine_slope },
	{ .name = "scale", .args = "[MAX]", .hi = 1, .full = 1,
	    .check = scale_check, .fit = scale_fit, .forward = scale_forward,
	    .run = scale_run,
	    .inverse = scale_inverse, .slope = scale_slope },
	{ .name = "standardize", .args = "[MEAN STD]", .hi = 2, .full = 2,
	    .check = standardize_check, .fit = standardize_fit,
	    .forward = standardize_forward, .run = standardize_run,
	    .inverse = standardize_inverse,
	    .slope = standardize_slope },
	{ .name = "clip", .args = "LO HI", .lo = 2, .hi = 2, .full = 4,
	    .flags = NF_OP_FREE | NF_OP_LOSES,
	    .check = clip_check, .fit = clip_fit, .forward = clip_forward,
	    .run = clip_run,
	    .inverse = clip_inverse },
	{ .name = "wrap", .args = "", .flags = NF_OP_LOSES,
	    .forward = wrap_forward, .inverse = wrap_inverse },
	{ .name = "ratio", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .wants = "want a COLUMN that is not 0", .forward = ratio_forward,
	    .inverse = ratio_inverse, .slope = ratio_slope },
	{ .name = "diff", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .forward = diff_forward, .inverse = diff_inverse },
	{ .name = NULL },
};
