/* The ops that are straight lines, bounds and differences. */
#include "prep_form.h"

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

/* ---- clip, wrap, ratio, diff, sum --------------------------------------- */

static int
clip_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	(void)err;
	o->arg[2] = fmin(fmax(s->lo, o->arg[0]), o->arg[1]);
	o->arg[3] = fmin(fmax(s->hi, o->arg[0]), o->arg[1]);
	return 0;
}

static void
clip_inverse(struct nf_step *s)
{
	s->x = fmin(fmax(s->y, s->a[2]), s->a[3]);
}

static void
wrap_inverse(struct nf_step *s)
{
	struct nf_step back = { .x = s->y };

	nf_form_wrap(&back);
	s->x = isinf(s->y) ? copysign(M_PI, s->y) : back.y;
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

static void
diff_inverse(struct nf_step *s)
{
	s->x = s->y + s->partner;
}

static void
sum_inverse(struct nf_step *s)
{
	s->x = s->y - s->partner;
}

/* ---- their entries of the table ----------------------------------------- */

const struct nf_opdef nf_opdefs_plain[] = {
	{ .name = "affine", .args = "A B", .lo = 2, .hi = 2, .full = 2,
	    .check = nf_op_factor_check,
	    .forward = nf_form_affine, .run = NF_RUN_AFFINE,
	    .inverse = affine_inverse, .slope = affine_slope },
	{ .name = "scale", .args = "[MAX]", .hi = 1, .full = 1,
	    .flags = NF_OP_SURE,
	    .check = scale_check, .fit = scale_fit,
	    .forward = nf_form_scale, .run = NF_RUN_SCALE,
	    .inverse = scale_inverse, .slope = scale_slope },
	{ .name = "standardize", .args = "[MEAN STD]", .hi = 2, .full = 2,
	    .flags = NF_OP_MOMENTS | NF_OP_SURE,
	    .check = standardize_check, .fit = standardize_fit,
	    .forward = nf_form_standardize, .run = NF_RUN_STANDARDIZE,
	    .inverse = standardize_inverse,
	    .slope = standardize_slope },
	{ .name = "clip", .args = "LO HI", .lo = 2, .hi = 2, .full = 4,
	    .flags = NF_OP_FREE | NF_OP_LOSES,
	    .check = clip_check, .fit = clip_fit,
	    .forward = nf_form_clip, .run = NF_RUN_CLIP,
	    .inverse = clip_inverse },
	{ .name = "wrap", .args = "", .flags = NF_OP_LOSES,
	    .forward = nf_form_wrap, .run = NF_RUN_WRAP,
	    .inverse = wrap_inverse },
	{ .name = "ratio", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .wants = "want a COLUMN that is not 0",
	    .forward = nf_form_ratio, .run = NF_RUN_RATIO,
	    .inverse = ratio_inverse, .slope = ratio_slope },
	{ .name = "diff", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .forward = nf_form_diff, .run = NF_RUN_DIFF,
	    .inverse = diff_inverse },
	{ .name = "sum", .args = "COLUMN", .flags = NF_OP_PARTNER,
	    .forward = nf_form_sum, .run = NF_RUN_SUM,
	    .inverse = sum_inverse },
	{ .name = NULL },
};
