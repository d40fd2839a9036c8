/*
 * make bench-gpu: a step by kernel.  The operations of the device's table
 * name what their kernels are timed under, and count the numbers that they
 * cannot do without reading or writing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define NKIND	512
#define SHOWN	0.004			/* of the sum; the others together */

enum { LINEAR, LINEAR_GRAD, NORM, NORM_GRAD, UPDATE, RESIDUAL,
	RESIDUAL_GRAD, GATE, GATE_GRAD, SPLINE, SPLINE_INVERSE, SPLINE_GRAD,
	LU, LU_GRAD, DENSITY, LOSS, SQUARES, JUDGE, ADAM, GATHER, SPREAD,
	NOISE, NPART };
static const char *const part_name[] = { "linear", "linear_grad", "norm",
	"norm_grad", "norm_update", "residual", "residual_grad",
	"gate", "gate_grad", "spline", "spline_inverse", "spline_grad",
	"lu_fold", "lu_grad", "log_normal", "loss_grad", "sum_squares",
	"judge", "adam", "gather", "spread", "noise" };

/* Of each operation, in numbers: what its own kernel moves, what is brought
 * into products' own type, and what sums of columns read.  And its own
 * kernel's operations. */
static struct part { double own, operand, columns, flop; } part[NPART];
static struct gpu *now;
static const struct nf_ops *real;
static struct nf_ops timed;

static void
enter(int k, double own, double operand, double columns, double flop)
{
	part[k].own += own;
	part[k].operand += operand;
	part[k].columns += columns;
	part[k].flop += flop;
	now->prof->scope(now->d, part_name[k]);
}

static void
leave(void)
{
	now->prof->scope(now->d, "");
}

/* ---- the operations --------------------------------------------------- */

static void
linear(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y)
{
	enter(LINEAR, 0, (double)n * l->nin, 0, 0);
	real->linear(d, n, l, x, y);
	leave();
}

static void
linear_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int more,
    nf_real *dw, nf_real *db)
{
	enter(LINEAR_GRAD, 0, (double)n * (l->nin + (double)l->nout),
	    (double)n * l->nout, 0);
	real->linear_grad(d, n, l, x, dy, dx, more, dw, db);
	leave();
}

static void
norm(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    enum nf_norm_mode mode, struct nf_mat t, struct nf_mat u)
{
	enter(NORM, 2.0 * n * t.ncol, 0, 0, 0);
	real->norm(d, n, m, mode, t, u);
	leave();
}

static void
norm_grad(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    struct nf_mat t, struct nf_mat du, struct nf_mat dt, int more,
    nf_real *dweight, nf_real *dbias)
{
	enter(NORM_GRAD, (more ? 4.0 : 3.0) * n * t.ncol, 0, 0, 0);
	real->norm_grad(d, n, m, t, du, dt, more, dweight, dbias);
	leave();
}

static void
norm_update(struct nf_dev *d, size_t n, const nf_real *batch,
    const struct nf_tally *tally, nf_real *running)
{
	enter(UPDATE, 3.0 * (double)n, 0, 0, 0);
	real->norm_update(d, n, batch, tally, running);
	leave();
}

/* Of its own kernels, the products count themselves: statistics are left. */
static int
residual(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode)
{
	int taken;

	now->prof->scope(now->d, part_name[RESIDUAL]);
	if ((taken = real->residual(d, n, r, mode)) != 0)
		enter(RESIDUAL, r->first && mode == NF_NORM_TRAIN ?
		    (double)n * r->t.ncol : 0, 0, 0, 0);
	leave();
	return taken;
}

static int
residual_grad(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    struct nf_mat dt, const struct nf_mat *room,
    const struct nf_residual_grad *to)
{
	double H = r->t.ncol, C = r->context.ncol;
	int taken;

	now->prof->scope(now->d, part_name[RESIDUAL_GRAD]);
	if ((taken = real->residual_grad(d, n, r, dt, room, to)) != 0)
		enter(RESIDUAL_GRAD, n * (7 * H + C), 0, 2 * n * H,
		    4 * n * C * H);
	leave();
	return taken;
}

static void
gate(struct nf_dev *d, uint32_t n, const struct nf_linear *g,
    struct nf_mat context, struct nf_mat w, struct nf_mat t, struct nf_mat to)
{
	enter(GATE, n * (3.0 * w.ncol + context.ncol), 0, 0,
	    2.0 * n * context.ncol * w.ncol);
	real->gate(d, n, g, context, w, t, to);
	leave();
}

static void
gate_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *g,
    struct nf_mat context, struct nf_mat w, struct nf_mat dt,
    struct nf_mat dw, nf_real *dgw, nf_real *dgb)
{
	enter(GATE_GRAD, n * (3.0 * w.ncol + context.ncol), 0, 0,
	    4.0 * n * context.ncol * w.ncol);
	real->gate_grad(d, n, g, context, w, dt, dw, dgw, dgb);
	leave();
}

/* Only widths and heights are products of all rows; two derivatives of each
 * value are made from h in the kernel. */
static void
spline(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet, void *keep)
{
	double H = s->final.nin;

	enter(SPLINE, n * (H + s->nt * (2.0 * s->bins + 2)), n * H, 0,
	    4.0 * n * s->nt * H);
	real->spline(d, n, s, h, x, logdet, keep);
	leave();
}

static void
spline_inverse(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet)
{
	double H = s->final.nin;

	enter(SPLINE_INVERSE, n * (H + s->nt * (2.0 * s->bins + 2)), n * H,
	    0, 4.0 * n * s->nt * H);
	real->spline_inverse(d, n, s, h, x, logdet);
	leave();
}

static void
spline_grad(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const nf_real *dlogdet, struct nf_mat dx,
    struct nf_mat dh, nf_real *dw, nf_real *db)
{
	double P = s->final.nout;

	enter(SPLINE_GRAD, n * (2.0 * s->bins * s->nt + P),
	    (double)n * s->final.nin, n * P, 0);
	real->spline_grad(d, n, s, h, keep, dlogdet, dx, dh, dw, db);
	leave();
}

static void
lu_fold(struct nf_dev *d, const struct nf_lu *l, int inverse, nf_real *m,
    nf_real *bias, double *logdet)
{
	enter(LU, 0, 0, 0, 0);
	real->lu_fold(d, l, inverse, m, bias, logdet);
	leave();
}

static void
lu_grad(struct nf_dev *d, const struct nf_lu *l, const nf_real *dm,
    const nf_real *dbias, const double *sums, const struct nf_tally *tally,
    nf_real *grad)
{
	enter(LU_GRAD, 0, 0, 0, 0);
	real->lu_grad(d, l, dm, dbias, sums, tally, grad);
	leave();
}

static void
log_normal(struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *logdet, const double *constant, double *logp)
{
	enter(DENSITY, n * (z.ncol + 4.0), 0, 0, 0);
	real->log_normal(d, n, z, logdet, constant, logp);
	leave();
}

static void
loss_grad(struct nf_dev *d, uint32_t n, struct nf_mat z, const double *logp,
    const nf_real *weight, const struct nf_tally *tally, struct nf_mat dz,
    nf_real *dlogdet, double *sums)
{
	enter(LOSS, n * (2.0 * z.ncol + 3), 0, 0, 0);
	real->loss_grad(d, n, z, logp, weight, tally, dz, dlogdet, sums);
	leave();
}

static void
sum_squares(struct nf_dev *d, size_t n, const nf_real *x, double *sum)
{
	enter(SQUARES, (double)n, 0, 0, 0);
	real->sum_squares(d, n, x, sum);
	leave();
}

static void
judge(struct nf_dev *d, const double *sums, const double *squares,
    struct nf_tally *tally)
{
	enter(JUDGE, 0, 0, 0, 0);
	real->judge(d, sums, squares, tally);
	leave();
}

static void
adam(struct nf_dev *d, size_t n, const struct nf_tally *tally,
    nf_real *param, const nf_real *grad, nf_real *m, nf_real *v)
{
	enter(ADAM, 7.0 * (double)n, 0, 0, 0);
	real->adam(d, n, tally, param, grad, m, v);
	leave();
}

static void
gather(struct nf_dev *d, uint32_t n, const uint32_t *index,
    const struct nf_tally *tally, struct nf_mat from, struct nf_mat to)
{
	enter(GATHER, 2.0 * n * to.ncol, 0, 0, 0);
	real->gather(d, n, index, tally, from, to);
	leave();
}

static void
spread(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
    struct nf_mat from, uint32_t nto, const struct nf_mat *to)
{
	enter(SPREAD, (1.0 + nto) * n * from.ncol, 0, 0, 0);
	real->spread(d, n, g, from, nto, to);
	leave();
}

static void
noise(struct nf_dev *d, uint32_t n, const struct nf_noise *g, struct nf_mat z)
{
	enter(NOISE, (double)n * z.ncol, 0, 0, 0);
	real->noise(d, n, g, z);
	leave();
}

/* Of a captured step the kernels could not be told apart. */
static int
capture_begin(struct nf_dev *d)
{
	(void)d;
	return 0;
}

/* A lane has a table of its own. */
struct lane_job {
	void (*job)(void *arg, struct nf_dev *lane, uint32_t ilane,
	    uint64_t ijob);
	void *arg;
};

static void
on_lane(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t ijob)
{
	struct lane_job *j = arg;
	const struct nf_ops *own = lane->ops;

	lane->ops = &timed;
	j->job(j->arg, lane, ilane, ijob);
	lane->ops = own;
}

static void
each(struct nf_dev *d, uint64_t njob, void (*job)(void *arg,
    struct nf_dev *lane, uint32_t ilane, uint64_t ijob), void *arg)
{
	struct lane_job j = { job, arg };

	real->each(d, njob, on_lane, &j);
}

/* ---- the table -------------------------------------------------------- */

void
gpu_parts_reset(struct gpu *g)
{
	memset(part, 0, sizeof(part));
	g->prof->reset(g->d);
}

void
gpu_parts_begin(struct gpu *g)
{
	struct nf_err err;

	now = g;
	real = g->d->ops;
	timed = *real;
	timed.linear = linear;
	timed.linear_grad = linear_grad;
	timed.norm = norm;
	timed.norm_grad = norm_grad;
	timed.norm_update = norm_update;
	if (real->residual != NULL)
		timed.residual = residual;
	if (real->residual_grad != NULL)
		timed.residual_grad = residual_grad;
	timed.gate = gate;
	timed.gate_grad = gate_grad;
	timed.spline = spline;
	timed.spline_inverse = spline_inverse;
	timed.spline_grad = spline_grad;
	timed.lu_fold = lu_fold;
	timed.lu_grad = lu_grad;
	timed.log_normal = log_normal;
	timed.loss_grad = loss_grad;
	timed.sum_squares = sum_squares;
	timed.judge = judge;
	timed.adam = adam;
	timed.gather = gather;
	timed.spread = spread;
	timed.noise = noise;
	timed.each = each;
	timed.capture_begin = capture_begin;
	if (g->prof->begin(g->d, &err) == -1)
		gpu_die(&err);
	g->d->ops = &timed;
	gpu_parts_reset(g);
}

static int
is_any(const char *name, const char *const *of)
{
	while (*of != NULL && strcmp(name, *of) != 0)
		of++;
	return *of != NULL;
}

enum role { PRODUCT, OPERAND, COLUMNS, PACK, OTHER, OWN };

static enum role
role_of(const struct nf_kernel_time *k)
{
	static const char *const operand[] = { "to_half", "to_tf32", NULL };
	static const char *const other[] = { "plain", "add_bias",
		"copy_rows", "gate_sums", "make_keys", "pack_one", NULL };

	if (k->flop > 0)
		return PRODUCT;
	if (is_any(k->kernel, operand))
		return OPERAND;
	if (strcmp(k->kernel, "add_columns") == 0)
		return COLUMNS;
	if (strcmp(k->kernel, "pack_all") == 0)
		return PACK;
	return is_any(k->kernel, other) ? OTHER : OWN;
}

/* What k's kernel moved and computed, by its share of its operation's time
 * in kernels of its role. */
static void
count(const struct nf_kernel_time *k, const struct nf_kernel_time *kind,
    uint32_t nkind, size_t nparam, double *byte, double *flop)
{
	enum role role = role_of(k);
	double all = 0, share;
	uint32_t i;
	int p;

	*byte = k->byte;
	*flop = k->flop;
	for (i = 0; i < nkind; i++)
		if (strcmp(kind[i].scope, k->scope) == 0 &&
		    role_of(&kind[i]) == role)
			all += kind[i].seconds;
	for (p = 0; p < NPART && strcmp(part_name[p], k->scope) != 0; p++)
		;
	if (role == PACK)
		*byte = 8.0 * (double)nparam * (double)k->launches;
	if (p == NPART || all <= 0)
		return;
	share = k->seconds / all;
	if (role == OPERAND)
		*byte = share * part[p].operand *
		    (strcmp(k->kernel, "to_half") == 0 ? 6 : 8);
	else if (role == COLUMNS)
		*byte = share * 4 * part[p].columns;
	else if (role == OWN) {
		*byte = share * 4 * part[p].own;
		*flop = share * part[p].flop;
	}
}

/* How near to what this device did of its own; the nearer of both ways. */
static double
of_ceiling(const struct gpu *g, const struct nf_kernel_time *k, double byte,
    double flop)
{
	double by_byte = 0, by_flop = 0, rate = 0;

	if (role_of(k) == PRODUCT)
		rate = g->shared->rate[strstr(k->kernel, "bf16") != NULL ?
		    NF_BF16 : strstr(k->kernel, "fp32") != NULL ? NF_FP32 :
		    NF_TF32];
	if (g->shared->copy > 0 && k->seconds > 0)
		by_byte = 100 * byte / k->seconds / g->shared->copy;
	if (rate > 0 && k->seconds > 0)
		by_flop = 100 * flop / k->seconds / rate;
	return by_byte > by_flop ? by_byte : by_flop;
}

static int
longer(const void *a, const void *b)
{
	double x = ((const struct nf_kernel_time *)a)->seconds;
	double y = ((const struct nf_kernel_time *)b)->seconds;

	return (x < y) - (x > y);
}

static void
line(const struct gpu *g, const char *what, const struct nf_kernel_time *k,
    double times, double sum, double byte, double flop, int shown)
{
	double s = k->seconds > 0 ? k->seconds : INFINITY;
	double near = of_ceiling(g, k, byte, flop);
	const char *scope = k->scope[0] == '\0' ? "-" : k->scope;

	if (shown)
		printf("%-14s %-19s %-24s %8.4g %9.1f %5.1f %8.0f %6.0f "
		    "%5.0f\n", scope, k->kernel, k->shape,
		    (double)k->launches / times, 1e6 * k->seconds / times,
		    100 * k->seconds / sum, 1e-9 * flop / s,
		    1e-9 * byte / s, near);
	gpu_number(g, "kernel", "us", 1e6 * k->seconds / times,
	    "%s %s %s %s", what, scope, k->kernel, k->shape);
	gpu_number(g, "kernel", "launches", (double)k->launches / times,
	    "%s %s %s %s", what, scope, k->kernel, k->shape);
	gpu_number(g, "kernel", "% of ceiling", near, "%s %s %s %s", what,
	    scope, k->kernel, k->shape);
}

double
gpu_parts_end(struct gpu *g, const char *what, int times, size_t nparam)
{
	struct nf_kernel_time *kind = calloc(NKIND, sizeof(*kind));
	double sum = 0, rest = 0, launches = 0, byte, flop;
	uint32_t n = 0, i, few = 0;
	struct nf_err err;
	int shown;

	g->d->ops = real;
	if (kind == NULL || g->prof->end(g->d, kind, NKIND, &n, &err) == -1)
		gpu_die(&err);
	qsort(kind, n, sizeof(*kind), longer);
	for (i = 0; i < n; i++) {
		sum += kind[i].seconds;
		launches += (double)kind[i].launches;
	}
	printf("# %s\n%-14s %-19s %-24s %8s %9s %5s %8s %6s %5s\n", what,
	    "operation", "kernel", "blocks, or m x n x k", "launches", "us",
	    "%", "GFLOP/s", "GB/s", "of %");
	for (i = 0; i < n; i++) {
		count(&kind[i], kind, n, nparam, &byte, &flop);
		shown = kind[i].seconds >= SHOWN * sum || g->quick;
		rest += shown ? 0 : kind[i].seconds;
		few += !shown;
		line(g, what, &kind[i], times, sum, byte, flop, shown);
	}
	printf("%-3u others %66.1f %5.1f\nsum %64.0f %9.1f   100\n", few,
	    1e6 * rest / times, 100 * rest / sum, launches / times,
	    1e6 * sum / times);
	printf("# of %%: of the large product's rate, or of the copy's, "
	    "whichever is nearer\n");
	free(kind);
	return sum / times;
}
