/* CPU: runs of values through the ops of a recipe. */
#include "cpu.h"
#include "prep_form.h"
#include "prep_kernel.h"

enum { WITH_U = 1, WITH_PARTNER = 2 };	/* what a formula asks for */

/* An op's numbers where no store can reach them. */
static void
copy_args(const struct nf_op *o, double a[4])
{
	uint32_t n = o->narg > o->def->full ? o->narg : o->def->full, k;

	for (k = 0; k < 4; k++)
		a[k] = k < n ? o->arg[k] : 0;
}

/* A formula, inlined, over n values: -1 where it refused one. */
NF_VECTOR int
each(const struct nf_op *o, const struct nf_values *v, int with,
    int (*form)(struct nf_step *))
{
	const double *u = v->u, *partner = v->partner;
	double a[4], *x = v->x;
	uint32_t n = v->n, i;
	int64_t bad = 0;

	copy_args(o, a);
#pragma omp simd reduction(|:bad)
	for (i = 0; i < n; i++) {
		struct nf_step s = { .a = a, .x = x[i] };

		if (with & WITH_U)
			s.u = u[i];
		if (with & WITH_PARTNER)
			s.partner = partner[i];
		bad |= form(&s);
		bad |= fabs(s.y) <= FLT_MAX ? 0 : -1;
		x[i] = s.y;
	}
	return bad != 0 ? -1 : 0;
}

#define RUN(name, with)							\
static int								\
name ## _run(const struct nf_op *o, const struct nf_values *v)		\
{									\
	return each(o, v, with, nf_form_ ## name);			\
}

RUN(same, 0)
RUN(affine, 0)
RUN(scale, 0)
RUN(standardize, 0)
RUN(clip, 0)
RUN(log, 0)
RUN(log1p, 0)
RUN(logit, 0)
RUN(atan, 0)
RUN(ratio, WITH_PARTNER)
RUN(diff, WITH_PARTNER)
RUN(sum, WITH_PARTNER)
RUN(uniform, WITH_U)
RUN(gauss, WITH_U)
RUN(mantissa, WITH_U)
RUN(spike, 0)
RUN(spike_draw, WITH_U)
RUN(wrap, 0)

/* ---- lists of values ---------------------------------------------------- */

static void
mark(const double *x, uint32_t n, double v, double k, double *to)
{
	float f = (float)v;
	uint32_t i;

#pragma omp simd
	for (i = 0; i < n; i++)
		to[i] = (float)x[i] == f ? k : to[i];
}

/* Places in the list instead of values. */
static void
find(const struct nf_op *o, const struct nf_values *v)
{
	double at[NF_PREP_RUN];
	uint32_t i, k;

	for (i = 0; i < v->n; i++)
		at[i] = -1;
	for (k = 0; k < o->narg; k++)
		mark(v->x, v->n, o->arg[k], k, at);
	memcpy(v->x, at, v->n * sizeof(*at));
}

static int
count(const struct nf_op *o, const double *x, uint32_t n, uint32_t *times)
{
	uint32_t sum = 0, k, i;

	for (k = 0; k < o->narg; k++) {
		float v = (float)o->arg[k];
		uint32_t some = 0;

#pragma omp simd reduction(+:some)
		for (i = 0; i < n; i++)
			some += (float)x[i] == v;
		times[k] = some;
		sum += some;
	}
	return sum == n ? 0 : -1;
}

static int
onehot_run(const struct nf_op *o, const struct nf_values *v)
{
	int64_t bad = 0;
	uint32_t i;

	find(o, v);
	for (i = 0; i < v->n; i++)
		bad |= v->x[i] < 0 ? -1 : 0;
	return bad != 0 ? -1 : 0;
}

static int
levels_run(const struct nf_op *o, const struct nf_values *v)
{
	const double *edge = o->edge, *u = v->u;
	double *x = v->x;
	uint32_t n = v->n, narg = o->narg, i;
	int64_t bad = 0;

	find(o, v);
#pragma omp simd reduction(|:bad)
	for (i = 0; i < n; i++) {
		struct nf_step s = { .x = x[i], .u = u[i] };

		bad |= nf_form_cell(&s, edge, narg);
		x[i] = s.y;
	}
	return bad != 0 ? -1 : 0;
}

/* ---- rows and columns --------------------------------------------------- */

#define SIDE	8			/* of squares that are turned at once */

typedef float square_row __attribute__((vector_size(SIDE * sizeof(float))));

/*
 * Rows become columns: the lower half's are laid between the upper half's,
 * as the cards of a pack are shuffled, three times.
 */
NF_VECTOR void
turn(square_row r[SIDE])
{
	square_row t[SIDE];
	int step, i;

	for (step = 0; step < 3; step++) {
		for (i = 0; i < SIDE / 2; i++) {
			t[2 * i] = __builtin_shufflevector(r[i],
			    r[i + SIDE / 2], 0, 8, 1, 9, 2, 10, 3, 11);
			t[2 * i + 1] = __builtin_shufflevector(r[i],
			    r[i + SIDE / 2], 4, 12, 5, 13, 6, 14, 7, 15);
		}
		for (i = 0; i < SIDE; i++)
			r[i] = t[i];
	}
}

static void
load_square(const float *const *from, uint32_t k, uint32_t i,
    float (*f)[NF_PREP_PITCH])
{
	square_row r[SIDE];
	uint32_t a;

	for (a = 0; a < SIDE; a++)
		memcpy(&r[a], from[i + a] + k, sizeof(r[a]));
	turn(r);
	for (a = 0; a < SIDE; a++)
		memcpy(&f[k + a][i], &r[a], sizeof(r[a]));
}

static void
load(const void *const *from, int wide, uint32_t n, uint32_t ncol,
    union nf_panel *x)
{
	uint32_t i, k, whole_n, whole;

	whole = wide || ncol < SIDE ? 0 : ncol;
	whole_n = n / SIDE * SIDE;
	for (i = 0; i < whole_n; i += SIDE)
		for (k = 0; k < whole; k += SIDE)	/* the last may .. */
			load_square((const float *const *)from, k + SIDE <=
			    ncol ? k : ncol - SIDE, i, x->f); /* overlap */
	for (i = 0; i < n; i++)
		for (k = i < whole_n ? whole : 0; k < ncol; k++)
			if (wide)
				x->d[k][i] = ((const double *)from[i])[k];
			else
				x->f[k][i] = ((const float *)from[i])[k];
}

static void
store_square(const float (*f)[NF_PREP_PITCH], uint32_t k, uint32_t i,
    float *const *to)
{
	square_row r[SIDE];
	uint32_t a;

	for (a = 0; a < SIDE; a++)
		memcpy(&r[a], &f[k + a][i], sizeof(r[a]));
	turn(r);
	for (a = 0; a < SIDE; a++)
		memcpy(to[i + a] + k, &r[a], sizeof(r[a]));
}

static void
store(const union nf_panel *y, int wide, uint32_t n, uint32_t ncol,
    void *const *to)
{
	uint32_t i, k, whole_n, whole;

	whole = wide || ncol < SIDE ? 0 : ncol;
	whole_n = n / SIDE * SIDE;
	for (i = 0; i < whole_n; i += SIDE)
		for (k = 0; k < whole; k += SIDE)
			store_square(y->f, k + SIDE <= ncol ? k : ncol - SIDE,
			    i, (float *const *)to);
	for (i = 0; i < n; i++)
		for (k = i < whole_n ? whole : 0; k < ncol; k++)
			if (wide)
				((double *)to[i])[k] = y->d[k][i];
			else
				((float *)to[i])[k] = y->f[k][i];
}

static void
widen(const float *x, uint32_t n, double *y)
{
	uint32_t i;

#pragma omp simd
	for (i = 0; i < n; i++)
		y[i] = (double)x[i];
}

static void
narrow(const double *x, uint32_t n, float *y)
{
	uint32_t i;

#pragma omp simd
	for (i = 0; i < n; i++)
		y[i] = (float)x[i];
}

/* ---- draws and sums ----------------------------------------------------- */

static void
draw(uint64_t seed, uint32_t which, const uint64_t *row, uint32_t n,
    double *u)
{
	uint32_t i;

#pragma omp simd
	for (i = 0; i < n; i++)
		u[i] = nf_form_unit(nf_philox_u64(seed, NF_FOR_PREP, row[i],
		    which));
}

static void
keys(uint64_t seed, enum nf_purpose purpose, uint32_t word,
    const uint32_t *row, uint32_t n, uint64_t *key)
{
	uint32_t i;

#pragma omp simd
	for (i = 0; i < n; i++)
		key[i] = nf_philox_u64(seed, purpose, row[i], word);
}

/* Which rows' numbers are below bound, and how many are. */
static uint64_t
choose(uint64_t seed, uint64_t first, uint32_t n, uint64_t bound,
    uint8_t *chosen)
{
	uint64_t count = 0;
	uint32_t i;

#pragma omp simd reduction(+:count)
	for (i = 0; i < n; i++) {
		uint64_t r = nf_philox_u64(seed, NF_FOR_VALID, first + i, 0);

		chosen[i] = r < bound;
		count += r < bound;
	}
	return count;
}

#define LANES	4			/* sums side by side, .. */
#define NSUM	4			/* .. so often, on every set */

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

/* Of n values less a, to a power: power times. */
NF_VECTOR double
sum_power(const double *x, uint32_t n, double a, int power)
{
	const uint32_t stride = LANES * NSUM;
	uint32_t whole = n / stride * stride, i, k;
	lanes sum[NSUM] = { { 0 } }, v;
	double s[LANES], d;

	for (i = 0; i < whole; i += stride)
		for (k = 0; k < NSUM; k++) {
			memcpy(&v, x + i + k * LANES, sizeof(v));
			v -= a;
			sum[k] += power == 1 ? v : v * v;
		}
	sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
	memcpy(s, &sum[0], sizeof(s));
	for (; i < n; i++) {
		d = x[i] - a;
		s[i % LANES] += power == 1 ? d : d * d;
	}
	return (s[0] + s[2]) + (s[1] + s[3]);
}

/* About a value of theirs, so that those of a constant are exact. */
static int
moments(const double *x, uint32_t n, struct nf_spread *s)
{
	double lo = x[0], hi = x[0];
	int64_t bad = 0;
	uint32_t i;

#pragma omp simd reduction(min:lo) reduction(max:hi) reduction(|:bad)
	for (i = 0; i < n; i++) {
		lo = x[i] < lo ? x[i] : lo;
		hi = x[i] > hi ? x[i] : hi;
		bad |= fabs(x[i]) <= DBL_MAX ? 0 : -1;
	}
	s->n = n;
	s->mean = x[0] + sum_power(x, n, x[0], 1) / n;
	s->m2 = sum_power(x, n, s->mean, 2);
	s->lo = lo + 0.0;		/* no -0, which may stand beside 0 */
	s->hi = hi + 0.0;
	return bad != 0 ? -1 : 0;
}

const struct nf_kernels CPU_NAME(nf_kernels) = {
	.run = {
		[NF_RUN_SAME] = same_run,
		[NF_RUN_AFFINE] = affine_run,
		[NF_RUN_SCALE] = scale_run,
		[NF_RUN_STANDARDIZE] = standardize_run,
		[NF_RUN_CLIP] = clip_run,
		[NF_RUN_WRAP] = wrap_run,
		[NF_RUN_RATIO] = ratio_run,
		[NF_RUN_DIFF] = diff_run,
		[NF_RUN_SUM] = sum_run,
		[NF_RUN_LOG] = log_run,
		[NF_RUN_LOG1P] = log1p_run,
		[NF_RUN_LOGIT] = logit_run,
		[NF_RUN_ATAN] = atan_run,
		[NF_RUN_UNIFORM] = uniform_run,
		[NF_RUN_GAUSS] = gauss_run,
		[NF_RUN_MANTISSA] = mantissa_run,
		[NF_RUN_LEVELS] = levels_run,
		[NF_RUN_SPIKE] = spike_run,
		[NF_RUN_SPIKE_DRAW] = spike_draw_run,
		[NF_RUN_ONEHOT] = onehot_run,
	},
	.load = load,
	.store = store,
	.widen = widen,
	.narrow = narrow,
	.draw = draw,
	.keys = keys,
	.choose = choose,
	.mark = mark,
	.count = count,
	.moments = moments,
};
