/* CPU: runs of values through the ops of a recipe. */
#include "cpu.h"
#include "philox.h"
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
RUN(uniform, WITH_U)
RUN(gauss, WITH_U)
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

static void
load(const struct nf_prep_rows *rows, uint64_t first, const uint32_t *row,
    uint32_t n, uint32_t j, uint32_t ncol, double x[][NF_PREP_RUN])
{
	const double *d;
	const float *f;
	uint32_t i, k;
	size_t at;

	for (i = 0; i < n; i++) {
		at = (first + row[i]) * rows->ld + j;
		d = (const double *)rows->x + at;
		f = (const float *)rows->x + at;
		if (rows->wide)
			for (k = 0; k < ncol; k++)
				x[k][i] = d[k];
		else
			for (k = 0; k < ncol; k++)
				x[k][i] = (double)f[k];
	}
}

static void
store(const void *y, int wide, uint32_t n, uint32_t ncol, void *const *to)
{
	const double (*d)[NF_PREP_RUN] = y;
	const float (*f)[NF_PREP_RUN] = y;
	uint32_t i, k;

	for (i = 0; i < n; i++)
		if (wide)
			for (k = 0; k < ncol; k++)
				((double *)to[i])[k] = d[k][i];
		else
			for (k = 0; k < ncol; k++)
				((float *)to[i])[k] = f[k][i];
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

#define LANES	8

static double
add(const double s[LANES])
{
	return ((s[0] + s[4]) + (s[2] + s[6])) +
	    ((s[1] + s[5]) + (s[3] + s[7]));
}

/* About a value of theirs, so that those of a constant are exact. */
static int
moments(const double *x, uint32_t n, struct nf_spread *s)
{
	double t[LANES] = { 0 }, m2[LANES] = { 0 }, lo[LANES], hi[LANES];
	double tail[LANES], x0 = x[0], mean, d;
	uint32_t whole = n / LANES * LANES, i, l;
	int64_t bad[LANES] = { 0 };

	for (l = 0; l < LANES; l++) {
		lo[l] = hi[l] = x0;
		tail[l] = whole + l < n ? x[whole + l] : x0;
	}
	for (i = 0; i < n; i += LANES) {
		const double *v = i < whole ? x + i : tail;

		for (l = 0; l < LANES; l++) {
			t[l] += v[l] - x0;
			lo[l] = v[l] < lo[l] ? v[l] : lo[l];
			hi[l] = v[l] > hi[l] ? v[l] : hi[l];
			bad[l] |= fabs(v[l]) <= DBL_MAX ? 0 : -1;
		}
	}
	mean = x0 + add(t) / n;
	for (l = 0; l < LANES; l++)
		tail[l] = whole + l < n ? x[whole + l] : mean;
	for (i = 0; i < n; i += LANES) {
		const double *v = i < whole ? x + i : tail;

		for (l = 0; l < LANES; l++) {
			d = v[l] - mean;
			m2[l] += d * d;
		}
	}
	for (l = 1; l < LANES; l++) {
		lo[0] = lo[l] < lo[0] ? lo[l] : lo[0];
		hi[0] = hi[l] > hi[0] ? hi[l] : hi[0];
		bad[0] |= bad[l];
	}
	s->n = n;
	s->mean = mean;
	s->m2 = add(m2);
	s->lo = lo[0];
	s->hi = hi[0];
	return bad[0] != 0 ? -1 : 0;
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
		[NF_RUN_LOG] = log_run,
		[NF_RUN_LOG1P] = log1p_run,
		[NF_RUN_LOGIT] = logit_run,
		[NF_RUN_ATAN] = atan_run,
		[NF_RUN_UNIFORM] = uniform_run,
		[NF_RUN_GAUSS] = gauss_run,
		[NF_RUN_LEVELS] = levels_run,
		[NF_RUN_SPIKE] = spike_run,
		[NF_RUN_SPIKE_DRAW] = spike_draw_run,
		[NF_RUN_ONEHOT] = onehot_run,
	},
	.load = load,
	.store = store,
	.draw = draw,
	.mark = mark,
	.count = count,
	.moments = moments,
};
