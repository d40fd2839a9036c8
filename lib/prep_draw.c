/*
 * Ops that make continuous numbers of discrete ones by a random draw.  A
 * draw keeps off the ends of its cell by more than a float's rounding, so
 * that the way back finds the same cell after any op that follows.
 */
#include "prep_form.h"
#include "pvalue.h"

#define MIN_SHARE	1e-4		/* of a level, however rare */
#define SPIKE_GAP	6.0		/* least distance, in SIGMA */
#define SPIKE_SIGMA	0.2		/* where not given: of the others' */

/* ---- uniform, gauss: whole numbers -------------------------------------- */

static int
uniform_check(struct nf_op *o, struct nf_err *err)
{
	if (o->arg[0] <= 0 || o->arg[0] > 0.5)
		return nf_fail(err, NF_EDATA, "%s %g: want above 0 and at most "
		    "0.5, or neighbours could not be told apart",
		    o->def->name, o->arg[0]);
	if (o->narg == 3 && (o->arg[1] > o->arg[2] ||
	    o->arg[1] != rint(o->arg[1]) || o->arg[2] != rint(o->arg[2])))
		return nf_fail(err, NF_EDATA, "%s: %g to %g is no range of "
		    "whole numbers", o->def->name, o->arg[1], o->arg[2]);
	return 0;
}

static int
uniform_fit(struct nf_op *o, const struct nf_spread *s,
    struct nf_err *err)
{
	(void)err;
	o->arg[1] = rint(s->lo);	/* forward will name what is not */
	o->arg[2] = rint(s->hi);
	return 0;
}

static void
uniform_inverse(struct nf_step *s)
{
	s->x = fmin(fmax(rint(s->y), s->a[1]), s->a[2]) + 0.0;
}

/* ---- mantissa: numbers of few bits -------------------------------------- */

/* More bits, and a float's rounding may leave the cell. */
static int
mantissa_check(struct nf_op *o, struct nf_err *err)
{
	return o->arg[0] >= 0 && o->arg[0] <= 16 &&
	    o->arg[0] == rint(o->arg[0]) ? 0 : nf_fail(err, NF_EDATA,
	    "mantissa %g: want a whole number of bits from 0 to 16",
	    o->arg[0]);
}

static void
mantissa_inverse(struct nf_step *s)
{
	s->x = isinf(s->y) ? s->y : nf_form_round(s->y, s->a[0]) + 0.0;
}

/* ---- levels and onehot: a list of values -------------------------------- */

/* Streams are mostly float: 0.1 there is not 0.1 here. */
static int
same(double a, double b)
{
	return (float)a == (float)b;
}

int
nf_op_value(const struct nf_op *o, double x)
{
	uint32_t k;

	for (k = 0; k < o->narg; k++)
		if (same(o->arg[k], x))
			return (int)k;
	return -1;
}

static int
onehot_check(struct nf_op *o, struct nf_err *err)
{
	uint32_t k;

	for (k = 0; k < o->narg; k++)
		if (nf_op_value(o, o->arg[k]) != (int)k)
			return nf_fail(err, NF_EDATA,
			    "%s: %.9g stands there twice", o->def->name,
			    o->arg[k]);
	return 0;
}

static int
onehot_forward(struct nf_step *s)
{
	s->y = nf_op_value(s->op, s->x);
	return s->y >= 0 ? 0 : -1;
}

/*
 * The cells of the levels lie side by side on the line, in the recipe's
 * order, each as wide as gives it its share of a standard normal number: so
 * the column as a whole is standard normal, which is where a flow begins,
 * and only its dependence on the others is left to learn.
 */
static int
levels_check(struct nf_op *o, struct nf_err *err)
{
	double sum = 0, below = 0;
	uint32_t k;

	if (onehot_check(o, err) == -1)
		return -1;
	if (!o->fitted)
		return 0;
	for (k = 0; k < o->narg; k++)
		if (!(o->share[k] > 0 && o->share[k] <= FLT_MAX))
			return nf_fail(err, NF_EDATA,
			    "levels: the share of %.9g is %g, want above 0",
			    o->arg[k], o->share[k]);
		else
			sum += o->share[k];
	o->edge[0] = -INFINITY;
	for (k = 1; k < o->narg; k++) {
		below += o->share[k - 1];
		o->edge[k] = nf_normal_quantile(below / sum);
	}
	o->edge[o->narg] = INFINITY;
	for (k = 0; k <= o->narg; k++) {
		o->edge[o->narg + 1 + k] = nf_normal_cdf(o->edge[k]);
		o->edge[2 * o->narg + 2 + k] = nf_normal_cdf(-o->edge[k]);
	}
	return 0;
}

static int
levels_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	double sum = 0;
	uint32_t k;

	(void)err;
	for (k = 0; k < o->narg; k++) {
		o->share[k] = fmax(s->count[k] / (double)s->n, MIN_SHARE);
		sum += o->share[k];
	}
	for (k = 0; k < o->narg; k++)
		o->share[k] /= sum;
	return 0;
}

static int
levels_forward(struct nf_step *s)
{
	struct nf_step at = { .x = nf_op_value(s->op, s->x), .u = s->u };
	int rc = nf_form_cell(&at, s->op->edge, s->op->narg);

	s->y = at.y;
	return rc;
}

static void
levels_inverse(struct nf_step *s)
{
	uint32_t lo = 0, hi = s->op->narg, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (s->y < s->op->edge[mid])
			hi = mid;
		else
			lo = mid;
	}
	s->x = s->a[lo];
}

/* ---- spike: V SIGMA AT EDGE --------------------------------------------- */

enum {
	V = NF_SPIKE_V, SIGMA = NF_SPIKE_SIGMA, AT = NF_SPIKE_AT,
	EDGE = NF_SPIKE_EDGE
};

static int
spike_check(struct nf_op *o, struct nf_err *err)
{
	const double *a = o->arg;

	if (o->narg > SIGMA && a[SIGMA] < 1e-30)
		return nf_fail(err, NF_EDATA, "spike %.9g: SIGMA is %g, want "
		    "above 0", a[V], a[SIGMA]);
	if (o->narg > EDGE && fabs(a[AT] - a[EDGE]) < 0.999 * SPIKE_GAP *
	    a[SIGMA])
		return nf_fail(err, NF_EDATA, "spike %.9g: AT %g and EDGE %g "
		    "are less than %g SIGMA = %g apart", a[V], a[AT], a[EDGE],
		    SPIKE_GAP, SPIKE_GAP * a[SIGMA]);
	return 0;
}

/* On which side of the others V lies, carried through the ops before. */
static int
is_below(double v, const struct nf_spread *s)
{
	int low = v < 0.5 * s->raw_lo + 0.5 * s->raw_hi;

	return low == (s->at_raw_lo <= s->at_raw_hi);
}

static double
spike_sigma(const struct nf_spread *s)
{
	double std = s->n > 0 ? sqrt(s->m2 / (double)s->n) : 0;

	return SPIKE_SIGMA * (std > 1e-9 * fabs(s->mean) ? std : 1);
}

static int
spike_fit(struct nf_op *o, const struct nf_spread *s, struct nf_err *err)
{
	double *a = o->arg, lo = s->lo, hi = s->hi, gap;
	int below;

	if (o->narg <= SIGMA)
		a[SIGMA] = spike_sigma(s);
	gap = SPIKE_GAP * a[SIGMA];
	if (s->n == 0) {		/* nothing else: all is the spike */
		a[AT] = o->narg > AT ? a[AT] : 0;
		a[EDGE] = a[AT] + 1e6 * a[SIGMA];
		return 0;
	}
	if (o->narg > AT) {
		below = a[AT] < 0.5 * lo + 0.5 * hi;
		if (below ? a[AT] > lo - gap : a[AT] < hi + gap)
			return nf_fail(err, NF_EDATA, "spike %.9g %.9g %.9g: "
			    "the other values reach from %.9g to %.9g there; "
			    "AT must be %.9g or less, or %.9g or more, or "
			    "left out", a[V], a[SIGMA], a[AT], lo, hi,
			    lo - gap, hi + gap);
	} else {
		below = is_below(a[V], s);
		a[AT] = below ? lo - NF_SPIKE_AWAY * a[SIGMA] :
		    hi + NF_SPIKE_AWAY * a[SIGMA];
	}
	a[EDGE] = below ? lo : hi;
	return 0;
}

/* The others stay as they are, and draws reach half way to them. */
static int
spike_mix(const struct nf_op *o, struct nf_spread *s)
{
	const double *a = o->arg;
	double half = fabs(nf_form_threshold(a) - a[AT]) / a[SIGMA];

	if (!(fabs(half - 0.5 * NF_SPIKE_AWAY) < 1e-9))
		return 0;
	nf_moments_add(&s->n, &s->mean, &s->m2, s->nz,
	    a[AT] + a[SIGMA] * s->z_mean, a[SIGMA] * a[SIGMA] * s->z_m2);
	s->lo = fmin(s->lo, a[AT]);
	s->hi = fmax(s->hi, a[AT]);
	return 1;
}

static int
spike_takes(const struct nf_op *o, double raw)
{
	return same(raw, o->arg[V]);
}

static int
spike_gives(const struct nf_op *o, double y)
{
	const double *a = o->arg;

	double mid = nf_form_threshold(a);

	return a[AT] < a[EDGE] ? y < mid : y > mid;
}

static void
spike_inverse(struct nf_step *s)
{
	const double *a = s->a;

	s->x = a[AT] < a[EDGE] ? fmax(s->y, a[EDGE]) : fmin(s->y, a[EDGE]);
}

/* ---- their entries of the table ----------------------------------------- */

const struct nf_opdef nf_opdefs_draw[] = {
	{ .name = "uniform", .args = "HW", .lo = 1, .hi = 1, .full = 3,
	    .flags = NF_OP_DRAWS | NF_OP_FREE | NF_OP_LOSES,
	    .wants = "want a whole number; levels takes others",
	    .check = uniform_check, .fit = uniform_fit,
	    .forward = nf_form_uniform, .run = NF_RUN_UNIFORM,
	    .inverse = uniform_inverse },
	{ .name = "gauss", .args = "SIGMA", .lo = 1, .hi = 1, .full = 3,
	    .flags = NF_OP_DRAWS | NF_OP_FREE | NF_OP_LOSES,
	    .wants = "want a whole number; levels takes others",
	    .check = uniform_check, .fit = uniform_fit,
	    .forward = nf_form_gauss, .run = NF_RUN_GAUSS,
	    .inverse = uniform_inverse },
	{ .name = "mantissa", .args = "BITS", .lo = 1, .hi = 1, .full = 1,
	    .flags = NF_OP_DRAWS | NF_OP_LOSES, .check = mantissa_check,
	    .forward = nf_form_mantissa, .run = NF_RUN_MANTISSA,
	    .inverse = mantissa_inverse },
	{ .name = "levels", .args = "V...", .lo = 1, .hi = NF_PREP_MAXVALUE,
	    .flags = NF_OP_DRAWS | NF_OP_VALUES | NF_OP_SHARES,
	    .wants = "it is none of the levels: add it to them",
	    .check = levels_check, .fit = levels_fit,
	    .forward = levels_forward, .run = NF_RUN_LEVELS,
	    .inverse = levels_inverse },
	{ .name = "spike", .args = "V [SIGMA [AT]]", .lo = 1, .hi = 3,
	    .full = 4, .flags = NF_OP_DRAWS | NF_OP_LOSES | NF_OP_SURE,
	    .check = spike_check,
	    .fit = spike_fit, .forward = nf_form_spike, .run = NF_RUN_SPIKE,
	    .inverse = spike_inverse, .takes = spike_takes,
	    .draw = nf_form_spike_draw, .run_draw = NF_RUN_SPIKE_DRAW,
	    .gives = spike_gives, .mix = spike_mix },
	{ .name = "onehot", .args = "V...", .lo = 1, .hi = NF_PREP_MAXVALUE,
	    .flags = NF_OP_VALUES | NF_OP_WIDE,
	    .wants = "it is none of the values: add it to them",
	    .check = onehot_check, .forward = onehot_forward,
	    .run = NF_RUN_ONEHOT },
	{ .name = NULL },
};
