/* make bench: models at work, and a training step by operation. */
#include <sys/resource.h>
#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "philox.h"

/* A model with random weights, and random rows for it. */
struct setup {
	struct nf_flow *flow;
	struct nf_dev *dev;
	struct nf_rowset rows;
	float *x, *context;
};

static void
die(const struct nf_err *err)
{
	fprintf(stderr, "bench: %s\n", err->msg);
	exit(1);
}

static float *
numbers(size_t n, uint32_t draw)
{
	float *x = nf_alloc(n, sizeof(*x), "rows", NULL);
	size_t i;

	for (i = 0; x != NULL && i < n; i++)
		x[i] = (float)((double)(nf_philox_u64(1, NF_FOR_ROWS, i,
		    draw) >> 40) * 0x1p-23 - 1);
	return x;
}

static void
set_up(struct setup *s, const struct model *m, uint32_t nthread, uint64_t n)
{
	struct nf_shape shape;
	struct nf_err err;

	nf_shape_default(&shape);
	shape.features = m->D;
	shape.context = m->C;
	shape.steps = m->steps;
	shape.hidden = m->hidden;
	shape.blocks = m->blocks;
	shape.bins = m->bins;
	shape.batch_norm = m->batch_norm;
	shape.tail_bound = 1;
	if (nf_flow_new(&s->flow, &shape, &err) == -1 ||
	    nf_cpu_open(&s->dev, nthread, &err) == -1)
		die(&err);
	nf_flow_init(s->flow, NF_INIT_NFLOWS, NF_PERM_RANDOM, 1);
	s->x = numbers(n * m->D, 0);
	s->context = numbers(n * m->C + 1, 1);
	s->rows = (struct nf_rowset){ n, s->x, s->context, NULL };
}

const char *const bench_work[] = { "train", "sample", "density" };

#define NRUN 7				/* and one before them, to warm up */

/* Rows a second of some runs. */
struct rates {
	double median, best;
};

static struct rates
sum_up(double *rate)
{
	struct rates r;

	r.median = bench_median(rate, NRUN);
	r.best = rate[NRUN - 1];
	return r;
}

/* Runs of some of `seconds` each, whole training steps. */
static struct rates
train(const struct model *m, uint32_t nthread, double seconds)
{
	struct nf_train_opt o;
	struct nf_trainer *t;
	struct setup s;
	struct nf_err err;
	double rate[NRUN], start;
	uint64_t n;
	int i;

	set_up(&s, m, nthread, 4 * (uint64_t)m->batch);
	nf_train_default(&o);
	o.batch = m->batch;
	o.lr = 1e-5;
	if (nf_trainer_new(&t, s.dev, s.flow, &o, &s.rows, &err) == -1)
		die(&err);
	for (i = -1; i < NRUN; i++) {
		start = bench_now();
		n = 0;
		do {
			int rc = nf_trainer_run(t, 1, &err);

			if (rc == -1 || (rc == 1 &&
			    nf_trainer_next(t, &err) == -1))
				die(&err);
			n += m->batch;
		} while (bench_now() - start < seconds / 3);
		if (i >= 0)
			rate[i] = (double)n / (bench_now() - start);
	}
	return sum_up(rate);
}

static struct rates
evaluate(const struct model *m, uint32_t nthread, double seconds, int sample)
{
	struct nf_noise g = { .seed = 1, .repeat = 1, .temperature = 1 };
	struct nf_eval *e;
	struct nf_net *net;
	struct setup s;
	struct nf_err err;
	double rate[NRUN], start, *logp;
	uint64_t n, rows = m->rows;
	int i, rc;

	/* About a run's worth at a time, whole tiles for every thread. */
	set_up(&s, m, nthread, rows);
	logp = nf_alloc(rows, sizeof(*logp), "densities", &err);
	if (logp == NULL || nf_net_new(&net, s.dev, s.flow, &err) == -1 ||
	    nf_eval_new(&e, net, &err) == -1)
		die(&err);
	for (i = -1; i < NRUN; i++) {
		start = bench_now();
		n = 0;
		do {
			rc = sample ? nf_eval_sample(e, &g, rows, s.context,
			    s.x, &err) : nf_eval_density(e, rows, s.x,
			    s.context, NULL, logp, &err);
			if (rc == -1)
				die(&err);
			n += rows;
		} while (bench_now() - start < seconds / 3);
		if (i >= 0)
			rate[i] = (double)n / (bench_now() - start);
	}
	return sum_up(rate);
}

/* In a child, so that its peak memory is its own. */
static struct rates
in_child(enum work w, const struct model *m, uint32_t nthread,
    double seconds, double *peak)
{
	struct rates r = { 0, 0 };
	struct rusage u;
	int fd[2], status;
	pid_t pid;

	if (pipe(fd) == -1)
		exit(1);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		r = w == TRAIN ? train(m, nthread, seconds) :
		    evaluate(m, nthread, seconds, w == SAMPLE);
		_exit(write(fd[1], &r, sizeof(r)) != sizeof(r));
	}
	close(fd[1]);
	if (read(fd[0], &r, sizeof(r)) != sizeof(r))
		r.median = r.best = 0;
	close(fd[0]);
	wait4(pid, &status, 0, &u);
	*peak = (double)u.ru_maxrss * 1024 / 1e6;
	return r;
}

/* The ceiling too, in a child: the CBLAS's threads do not survive a fork. */
static double
ceiling_in_child(const struct model *m, uint32_t nthread, double seconds)
{
	double best = 0;
	int fd[2];
	pid_t pid;

	if (pipe(fd) == -1)
		exit(1);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		best = bench_model_ceiling(m, nthread, seconds);
		_exit(write(fd[1], &best, sizeof(best)) != sizeof(best));
	}
	close(fd[1]);
	if (read(fd[0], &best, sizeof(best)) != sizeof(best))
		best = 0;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return best;
}

/*
 * Whatever else the machine does slows a run, so like is held to like: the
 * best run to the best products, over and over for as long as a run.
 */
void
bench_model(FILE *tsv, const struct model *m, enum work w, uint32_t nthread,
    double seconds)
{
	double flop = 2 * bench_madds(m) * (w == TRAIN ? 3 : 1), peak, gflop;
	double before, after, ceiling;
	uint32_t rows = w == TRAIN ? m->batch : m->rows;
	struct rates r;

	before = ceiling_in_child(m, nthread, seconds / 3);
	r = in_child(w, m, nthread, seconds, &peak);
	after = ceiling_in_child(m, nthread, seconds / 3);
	ceiling = before > after ? before : after;
	gflop = r.best * flop / 1e9;
	printf("%-7s %-8s %6u %9.0f %9.0f %8.1f %8.1f %6.3f %8.0f\n", m->name,
	    bench_work[w], rows, r.median, r.best, gflop, ceiling,
	    gflop / ceiling, peak);
	if (tsv != NULL)
		fprintf(tsv, "model\t%s\t%s\t%u\t%.1f\t%.1f\t%.2f\t%.2f\t"
		    "%.4f\t%.0f\n", m->name, bench_work[w], rows, r.median,
		    r.best, gflop, ceiling, gflop / ceiling, peak);
}

/* ---- by operation ----------------------------------------------------- */

static const struct nf_ops *real;
static struct entry {
	const char *name;
	double seconds, flop, bytes;
	long count;
} entries[32];

static void
count(const char *name, double start, double flop, double bytes)
{
	struct entry *e = entries;

	while (e->name != NULL && strcmp(e->name, name) != 0)
		e++;
	e->name = name;
	e->seconds += bench_now() - start;
	e->flop += flop;
	e->bytes += bytes;
	e->count++;
}

/* flop and bytes of one call, then the call itself, timed. */
#define TIMED(op, params, args, flop, bytes)				\
static void								\
timed_##op params							\
{									\
	double start = bench_now();					\
									\
	real->op args;							\
	count(#op, start, flop, bytes);					\
}

#define W(x)	((double)n * (x) * sizeof(float))

TIMED(linear, (struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y), (d, n, l, x, y),
    2.0 * n * l->nin * l->nout, 0)
TIMED(linear_grad, (struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int add, float *dw,
    float *db), (d, n, l, x, dy, dx, add, dw, db),
    2.0 * n * l->nout * (l->nin + (dx.x == NULL ? 0 : dx.ncol)), 0)
TIMED(norm, (struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    enum nf_norm_mode mode, struct nf_mat t, struct nf_mat u),
    (d, n, m, mode, t, u), 0,
    W(t.ncol * (mode == NF_NORM_TRAIN && m->weight != NULL ? 3 : 2)))
TIMED(norm_grad, (struct nf_dev *d, uint32_t n, const struct nf_norm *m,
    struct nf_mat t, struct nf_mat du, struct nf_mat dt, int add, float *dw,
    float *db), (d, n, m, t, du, dt, add, dw, db), 0,
    W(t.ncol * (add ? 7 : 6)))
TIMED(gate, (struct nf_dev *d, uint32_t n, const struct nf_linear *g,
    struct nf_mat c, struct nf_mat w, struct nf_mat t, struct nf_mat to),
    (d, n, g, c, w, t, to), 2.0 * n * c.ncol * w.ncol, W(w.ncol * 3))
TIMED(gate_grad, (struct nf_dev *d, uint32_t n, const struct nf_linear *g,
    struct nf_mat c, struct nf_mat w, struct nf_mat dt, struct nf_mat dw,
    float *dgw, float *dgb), (d, n, g, c, w, dt, dw, dgw, dgb),
    4.0 * n * c.ncol * w.ncol, W(w.ncol * 3))
TIMED(spline, (struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *ld, void *keep),
    (d, n, s, h, x, ld, keep), 2.0 * n * h.ncol * s->final.nout, 0)
TIMED(spline_grad, (struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const float *dld, struct nf_mat dx,
    struct nf_mat dh, float *dw, float *db),
    (d, n, s, h, keep, dld, dx, dh, dw, db),
    4.0 * n * h.ncol * s->final.nout, 0)
TIMED(lu_fold, (struct nf_dev *d, const struct nf_lu *l, int inv, float *m,
    float *b, double *ld), (d, l, inv, m, b, ld), 0, 0)
TIMED(lu_grad, (struct nf_dev *d, const struct nf_lu *l, const float *dm,
    const float *db, const double *sums, const struct nf_tally *t, float *g),
    (d, l, dm, db, sums, t, g), 0, 0)
TIMED(gather, (struct nf_dev *d, uint32_t n, const uint32_t *i,
    const struct nf_tally *t, struct nf_mat a, struct nf_mat b),
    (d, n, i, t, a, b), 0, W(b.ncol * 2))
TIMED(spread, (struct nf_dev *d, uint32_t n, const struct nf_noise *g,
    struct nf_mat a, uint32_t nb, const struct nf_mat *b),
    (d, n, g, a, nb, b), 0, W(b->ncol * 2 * nb))
TIMED(loss_grad, (struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *lp, const float *w, const struct nf_tally *t,
    struct nf_mat dz, float *dld, double *sums),
    (d, n, z, lp, w, t, dz, dld, sums), 0, W(z.ncol * 2))
TIMED(log_normal, (struct nf_dev *d, uint32_t n, struct nf_mat z,
    const double *ld, const double *c, double *lp), (d, n, z, ld, c, lp), 0,
    W(z.ncol))
TIMED(sum_squares, (struct nf_dev *d, size_t n, const float *x, double *s),
    (d, n, x, s), 0, W(1))
TIMED(adam, (struct nf_dev *d, size_t n, const struct nf_tally *t, float *p,
    const float *g, float *m, float *v), (d, n, t, p, g, m, v), 0, W(7))

static void
interpose(struct nf_ops *t)
{
#define PUT(op)	t->op = timed_##op
	PUT(linear); PUT(linear_grad); PUT(norm); PUT(norm_grad); PUT(gate);
	PUT(gate_grad); PUT(spline); PUT(spline_grad); PUT(lu_fold);
	PUT(lu_grad); PUT(gather); PUT(spread); PUT(loss_grad);
	PUT(log_normal); PUT(sum_squares); PUT(adam);
}

static void
print_entries(FILE *tsv, const struct model *m, double step, int nstep)
{
	struct entry *e;

	printf("\nA training step of %s, %u rows: %.1f ms\n"
	    "%-12s %6s %9s %9s %9s %7s\n", m->name, m->batch, 1e3 * step,
	    "operation", "calls", "ms", "GFLOP/s", "GB/s", "share");
	for (e = entries; e->name != NULL; e++) {
		printf("%-12s %6ld %9.2f %9.1f %9.1f %6.1f%%\n", e->name,
		    e->count / nstep, 1e3 * e->seconds / nstep,
		    e->flop / e->seconds / 1e9, e->bytes / e->seconds / 1e9,
		    100 * e->seconds / nstep / step);
		if (tsv != NULL)
			fprintf(tsv, "operation\t%s\t%s\t%.4f\t%.2f\t%.2f"
			    "\t%.4f\n", m->name, e->name,
			    1e3 * e->seconds / nstep,
			    e->flop / e->seconds / 1e9,
			    e->bytes / e->seconds / 1e9,
			    e->seconds / nstep / step);
	}
}

void
bench_breakdown(FILE *tsv, const struct model *m, uint32_t nthread)
{
	const int nstep = m->hidden > 200 ? 2 : 20;
	struct nf_ops timed;
	struct nf_train_opt o;
	struct nf_trainer *t;
	struct setup s;
	struct nf_err err;
	double start;

	set_up(&s, m, nthread, (uint64_t)(nstep + 1) * m->batch);
	nf_train_default(&o);
	o.batch = m->batch;
	if (nf_trainer_new(&t, s.dev, s.flow, &o, &s.rows, &err) == -1 ||
	    nf_trainer_run(t, 1, &err) == -1)
		die(&err);
	memset(entries, 0, sizeof(entries));
	real = s.dev->ops;
	timed = *real;
	interpose(&timed);
	s.dev->ops = &timed;
	start = bench_now();
	if (nf_trainer_run(t, (uint64_t)nstep, &err) == -1)
		die(&err);
	start = (bench_now() - start) / nstep;
	s.dev->ops = real;
	print_entries(tsv, m, start, nstep);
	nf_trainer_free(t);
	nf_dev_close(s.dev);
	nf_flow_free(s.flow);
	nf_free(s.x);
	nf_free(s.context);
}
