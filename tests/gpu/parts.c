/*
 * make bench-gpu: a step by operation.  Each is waited for, so that the sum
 * is more than a step's time; FLOP and bytes are those that the operation
 * cannot do without.
 */
#include <string.h>

#include "bench.h"

enum { LINEAR, LINEAR_GRAD, NORM, NORM_GRAD, GATE, GATE_GRAD, SPLINE,
	SPLINE_GRAD, LU, LU_GRAD, LOSS, SQUARES, ADAM, NPART };
static const char *const part_name[] = { "linear", "linear_grad", "norm",
	"norm_grad", "gate", "gate_grad", "spline", "spline_grad", "lu",
	"lu_grad", "loss", "sum_squares", "adam" };

static struct part { double calls, took, flop, byte; } part[NPART];
static const struct nf_ops *real;
static struct nf_ops timed;

static void
add(struct nf_dev *d, int k, double start, double flop, double number)
{
	gpu_sync(d);
	part[k].calls++;
	part[k].took += gpu_now() - start;
	part[k].flop += flop;
	part[k].byte += 4 * number;
}

static void
linear(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y)
{
	double start = gpu_now(), a = l->nin, b = l->nout;

	real->linear(d, n, l, x, y);
	add(d, LINEAR, start, 2.0 * n * a * b, n * (a + b) + a * b);
}

static void
linear_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int more,
    nf_real *dw, nf_real *db)
{
	double start = gpu_now(), a = l->nin, b = l->nout;

	real->linear_grad(d, n, l, x, dy, dx, more, dw, db);
	add(d, LINEAR_GRAD, start, (dx.x == NULL ? 2.0 : 4.0) * n * a * b,
	    n * (2 * a + b) + 2 * a * b);
}

static void
norm(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    enum nf_norm_mode mode, struct nf_mat t, struct nf_mat u)
{
	double start = gpu_now();

	real->norm(d, n, m, mode, t, u);
	add(d, NORM, start, 0, 2.0 * n * t.ncol);
}

static void
norm_grad(struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    struct nf_mat t, struct nf_mat du, struct nf_mat dt, int more,
    nf_real *dweight, nf_real *dbias)
{
	double start = gpu_now();

	real->norm_grad(d, n, m, t, du, dt, more, dweight, dbias);
	add(d, NORM_GRAD, start, 0, 3.0 * n * t.ncol);
}

static void
gate(struct nf_dev *d, uint32_t n, const struct nf_linear *g,
    struct nf_mat context, struct nf_mat w, struct nf_mat t, struct nf_mat to)
{
	double start = gpu_now();

	real->gate(d, n, g, context, w, t, to);
	add(d, GATE, start, 2.0 * n * context.ncol * w.ncol,
	    n * (3.0 * w.ncol + context.ncol));
}

static void
gate_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *g,
    struct nf_mat context, struct nf_mat w, struct nf_mat dt,
    struct nf_mat dw, nf_real *dgw, nf_real *dgb)
{
	double start = gpu_now();

	real->gate_grad(d, n, g, context, w, dt, dw, dgw, dgb);
	add(d, GATE_GRAD, start, 4.0 * n * context.ncol * w.ncol,
	    n * (3.0 * w.ncol + context.ncol));
}

/* Only widths and heights are products of all rows. */
static void
spline(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet, void *keep)
{
	double start = gpu_now(), H = s->final.nin, P = 2.0 * s->bins * s->nt;

	real->spline(d, n, s, h, x, logdet, keep);
	add(d, SPLINE, start, 2.0 * n * H * P, n * (H + P) + H * P);
}

static void
spline_grad(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const nf_real *dlogdet, struct nf_mat dx,
    struct nf_mat dh, nf_real *dw, nf_real *db)
{
	double start = gpu_now(), H = s->final.nin, P = s->final.nout;

	real->spline_grad(d, n, s, h, keep, dlogdet, dx, dh, dw, db);
	add(d, SPLINE_GRAD, start, 4.0 * n * H * P, n * (2 * H + 2 * P) +
	    2 * H * P);
}

static void
lu_fold(struct nf_dev *d, const struct nf_lu *l, int inverse, nf_real *m,
    nf_real *bias, double *logdet)
{
	double start = gpu_now();

	real->lu_fold(d, l, inverse, m, bias, logdet);
	add(d, LU, start, 0, 0);
}

static void
lu_grad(struct nf_dev *d, const struct nf_lu *l, const nf_real *dm,
    const nf_real *dbias, const double *sums, const struct nf_tally *tally,
    nf_real *grad)
{
	double start = gpu_now();

	real->lu_grad(d, l, dm, dbias, sums, tally, grad);
	add(d, LU_GRAD, start, 0, 0);
}

static void
loss_grad(struct nf_dev *d, uint32_t n, struct nf_mat z, const double *logp,
    const nf_real *weight, const struct nf_tally *tally, struct nf_mat dz,
    nf_real *dlogdet, double *sums)
{
	double start = gpu_now();

	real->loss_grad(d, n, z, logp, weight, tally, dz, dlogdet, sums);
	add(d, LOSS, start, 0, n * (2.0 * z.ncol + 3));
}

static void
sum_squares(struct nf_dev *d, size_t n, const nf_real *x, double *sum)
{
	double start = gpu_now();

	real->sum_squares(d, n, x, sum);
	add(d, SQUARES, start, 0, (double)n);
}

static void
adam(struct nf_dev *d, size_t n, const struct nf_tally *tally,
    nf_real *param, const nf_real *grad, nf_real *m, nf_real *v)
{
	double start = gpu_now();

	real->adam(d, n, tally, param, grad, m, v);
	add(d, ADAM, start, 0, 7.0 * (double)n);
}

/* Of a captured step the operations could not be told apart. */
static int
capture_begin(struct nf_dev *d)
{
	(void)d;
	return 0;
}

void
gpu_parts_reset(void)
{
	memset(part, 0, sizeof(part));
}

void
gpu_parts_begin(struct nf_dev *d)
{
	gpu_parts_reset();
	real = d->ops;
	timed = *real;
	timed.linear = linear;
	timed.linear_grad = linear_grad;
	timed.norm = norm;
	timed.norm_grad = norm_grad;
	timed.gate = gate;
	timed.gate_grad = gate_grad;
	timed.spline = spline;
	timed.spline_grad = spline_grad;
	timed.lu_fold = lu_fold;
	timed.lu_grad = lu_grad;
	timed.loss_grad = loss_grad;
	timed.sum_squares = sum_squares;
	timed.adam = adam;
	timed.capture_begin = capture_begin;
	d->ops = &timed;
}

void
gpu_parts_end(struct nf_dev *d, const char *model, int steps)
{
	int k;

	d->ops = real;
	printf("model\toperation\tcalls/step\tus/step\tTFLOP/s\tGB/s\n");
	for (k = 0; k < NPART; k++)
		if (part[k].calls > 0)
			printf("%s\t%s\t%.0f\t%.1f\t%.3f\t%.1f\n", model,
			    part_name[k], part[k].calls / steps,
			    1e6 * part[k].took / steps,
			    1e-12 * part[k].flop / part[k].took,
			    1e-9 * part[k].byte / part[k].took);
}
