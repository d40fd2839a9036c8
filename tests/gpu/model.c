/* make bench-gpu: models at work. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define PUBLISHED	(5e6 * 600)	/* rows x epochs that were published */
#define EPOCH		256		/* batches of one here */
#define SPAN		20		/* steps timed by the device's clock */

static float *
numbers(size_t n, uint64_t seed)
{
	float *x = malloc((n + 1) * sizeof(*x));
	size_t i;

	for (i = 0; x != NULL && i < n; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		x[i] = (float)((double)(seed >> 40) * 0x1p-23 - 1);
	}
	return x;
}

static struct nf_flow *
new_flow(const struct gpu_model *m)
{
	struct nf_shape s;
	struct nf_flow *f;
	struct nf_err err;

	nf_shape_default(&s);
	s.features = m->D;
	s.context = m->C;
	s.steps = m->steps;
	s.hidden = m->hidden;
	s.blocks = m->blocks;
	s.bins = m->bins;
	s.batch_norm = m->batch_norm;
	s.tail_bound = 1;
	if (nf_flow_new(&f, &s, &err) == -1)
		gpu_die(&err);
	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 1);
	return f;
}

/* ---- training --------------------------------------------------------- */

static void
take(struct nf_trainer *t, uint64_t nbatch)
{
	struct nf_err err;
	int e;

	while (nbatch > 0) {
		e = nf_trainer_run(t, 1, &err);
		if (e == -1 || (e == 1 && nf_trainer_next(t, &err) == -1))
			gpu_die(&err);
		nbatch--;
	}
}

/* Steps replayed one after another, and what they take on the device. */
static struct span {
	const struct nf_profiler *prof;
	const struct nf_ops *real;
	int at;
	double took;
} span;

static void
replay(struct nf_dev *d, void *unit)
{
	struct nf_err err;
	int e = 0;

	if (span.at == 0)
		e = span.prof->span_begin(d, 0.02, &err);
	span.real->replay(d, unit);
	if (++span.at == SPAN && e == 0)
		e = span.prof->span_end(d, &span.took, &err);
	if (e == -1)
		gpu_die(&err);
}

/* The device's own seconds of a step; 0 where steps are not captured. */
static double
device_step(struct gpu *g, struct nf_trainer *t)
{
	struct nf_ops with = *g->d->ops;
	struct nf_err err;

	span.prof = g->prof;
	span.real = g->d->ops;
	span.at = 0;
	span.took = 0;
	with.replay = replay;
	g->d->ops = &with;
	if (nf_trainer_run(t, SPAN, &err) == -1)
		gpu_die(&err);
	g->d->ops = span.real;
	return span.took / SPAN;
}

/* What was to be replayed, and was not: that slows it. */
static void
say_uncaptured(const struct gpu *g)
{
	if (g->d->uncaptured[0] != '\0')
		printf("# not captured: %s\n", g->d->uncaptured);
}

/* Seconds of a step, of whole epochs that take two seconds or more. */
static double
wall_step(struct gpu *g, struct nf_trainer *t)
{
	double start = gpu_now(), took = 0;
	uint64_t n = 0, nbatch = nf_trainer_nbatch(t);
	struct nf_err err;

	while (took < (g->quick ? 0.01 : 2)) {
		if (nf_trainer_next(t, &err) == -1 ||
		    nf_trainer_run(t, nbatch, &err) == -1)
			gpu_die(&err);
		n += nbatch;
		took = gpu_now() - start;
	}
	return took / (double)n;
}

/* What a training holds, so that it can be begun in one place. */
struct job {
	struct nf_rowset rows;
	struct nf_flow *f;
	struct nf_trainer *t;
};

static void
new_trainer(struct gpu *g, struct job *j)
{
	struct nf_train_opt o;
	struct nf_err err;

	nf_train_default(&o);
	o.batch = g->batch;
	o.precision = g->precision;
	j->f = new_flow(g->model);
	if (nf_trainer_new(&j->t, g->d, j->f, &o, &j->rows, &err) == -1)
		gpu_die(&err);
}

static void
begin(struct gpu *g, struct job *j)
{
	const struct gpu_model *m = g->model;
	uint64_t n = (uint64_t)(g->quick ? SPAN + 8 : EPOCH) * g->batch;

	j->rows = (struct nf_rowset){ n, numbers(n * m->D, 1),
	    numbers(n * m->C, 2), NULL };
	new_trainer(g, j);
	take(j->t, 3);
}

static void
finish(struct job *j)
{
	nf_trainer_free(j->t);
	nf_flow_free(j->f);
	free((void *)j->rows.x);
	free((void *)j->rows.context);
}

void
gpu_train(struct gpu *g)
{
	const char *mode = nf_precision_name((int)g->precision);
	const char *name = g->model->name;
	double step, wall, rate, want = g->batch == 2048 ? 250e3 : 600e3;
	struct job j;

	begin(g, &j);
	step = device_step(g, j.t);
	wall = wall_step(g, j.t);
	finish(&j);
	rate = g->batch / wall;
	printf("train\tbatch\tprecision\trows/s\tTFLOP/s\tms/step\tof it on "
	    "the device\tbusy %%\n");
	printf("%s\t%u\t%s\t%.0f\t%.2f\t%.3f\t%.3f\t%.1f\n", name, g->batch,
	    mode, rate, 6e-12 * gpu_madds(g->model) * rate, 1e3 * wall,
	    1e3 * step, 100 * step / wall);
	gpu_number(g, "train", "rows/s", rate, "%s %u %s", name, g->batch,
	    mode);
	gpu_number(g, "train", "busy %", 100 * step / wall, "%s %u %s", name,
	    g->batch, mode);
	if (strcmp(name, "jets") == 0) {
		gpu_verdict(g, rate, want, 1, "rows/s", "%s train, batch %u, "
		    "%s", name, g->batch, mode);
		printf("# projection, not measured: %.2f h for 600 epochs of "
		    "5e6 rows\n", PUBLISHED / rate / 3600);
	}
	say_uncaptured(g);
	gpu_verdict(g, 100 * step / wall, 95, 1, "% busy", "%s train, batch "
	    "%u, %s", name, g->batch, mode);
}

/* A step by kernel, of a trainer that captures nothing; and what it takes
 * when it is replayed. */
void
gpu_step(struct gpu *g)
{
	struct job j;
	double step, sum;
	char what[64];

	begin(g, &j);
	step = device_step(g, j.t);
	nf_trainer_free(j.t);
	nf_flow_free(j.f);
	new_trainer(g, &j);
	gpu_parts_begin(g);
	take(j.t, 2);
	gpu_parts_reset(g);
	take(j.t, 3);
	snprintf(what, sizeof(what), "%s step %u %s", g->model->name,
	    g->batch, nf_precision_name((int)g->precision));
	sum = gpu_parts_end(g, what, 3, j.f->nparam);
	printf("# kernels one by one %.0f us; the step replayed %.0f us, of "
	    "which kernels are %.1f %%\n", 1e6 * sum, 1e6 * step,
	    100 * sum / step);
	gpu_number(g, "step", "us", 1e6 * step, "%s replayed", what);
	gpu_number(g, "step", "us", 1e6 * sum, "%s kernels", what);
	finish(&j);
}

/* ---- sampling --------------------------------------------------------- */

struct draws {
	float *c, *x;
	struct nf_flow *f;
	struct nf_net *net;
	struct nf_eval *e;
};

static void
draws_begin(struct gpu *g, struct draws *w, uint64_t most)
{
	struct nf_err err;

	w->c = numbers(most * g->model->C, 2);
	w->x = numbers(most * g->model->D, 3);
	w->f = new_flow(g->model);
	if (nf_net_new(&w->net, g->d, w->f, &err) == -1 ||
	    nf_eval_new(&w->e, w->net, &err) == -1)
		gpu_die(&err);
}

static void
draws_end(struct draws *w)
{
	nf_eval_free(w->e);
	nf_net_free(w->net);
	nf_flow_free(w->f);
	free(w->c);
	free(w->x);
}

/* Seconds of n draws. */
static double
draw(struct draws *w, uint64_t n)
{
	struct nf_noise g = { .seed = 1, .repeat = 1, .temperature = 1 };
	double start = gpu_now();
	struct nf_err err;

	if (nf_eval_sample(w->e, &g, n, w->c, w->x, &err) == -1)
		gpu_die(&err);
	return gpu_now() - start;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
gpu_sample(struct gpu *g)
{
	static const uint64_t size[] = { 10000, 100000, 1000000 };
	const char *mode = nf_precision_name((int)g->precision);
	const char *name = g->model->name;
	struct draws w;
	double took[5], rate;
	uint64_t n;
	int i, k;

	draws_begin(g, &w, g->quick ? 100 : 1000000);
	draw(&w, g->quick ? 100 : 1000000);
	printf("sample\trows\tprecision\trows/s\tTFLOP/s\n");
	for (i = 0; i < (g->quick ? 1 : 3); i++) {
		n = g->quick ? 100 : size[i];
		for (k = 0; k < 5; k++)
			took[k] = draw(&w, n);
		qsort(took, 5, sizeof(*took), compare);
		rate = (double)n / took[2];
		printf("%s\t%llu\t%s\t%.0f\t%.2f\n", name,
		    (unsigned long long)n, mode, rate,
		    2e-12 * gpu_madds(g->model) * rate);
		gpu_number(g, "sample", "rows/s", rate, "%s %llu %s", name,
		    (unsigned long long)n, mode);
		if (n == 1000000 && strcmp(name, "jets") == 0)
			gpu_verdict(g, rate, 1.5e6, 1, "rows/s", "%s sample, "
			    "10^6 rows, %s", name, mode);
	}
	say_uncaptured(g);
	draws_end(&w);
}

void
gpu_latency(struct gpu *g)
{
	const char *name = g->model->name;
	int n = g->quick ? 10 : 200, i;
	struct draws w;
	double took[200];

	draws_begin(g, &w, 1);
	for (i = 0; i < 10; i++)
		draw(&w, 1);
	for (i = 0; i < n; i++)
		took[i] = 1e3 * draw(&w, 1);
	qsort(took, (size_t)n, sizeof(*took), compare);
	printf("one row\tmedian ms\t99 %% ms\n%s\t%.3f\t%.3f\n", name,
	    took[n / 2], took[n * 99 / 100]);
	gpu_number(g, "latency", "ms", took[n / 2], "%s median", name);
	gpu_number(g, "latency", "ms", took[n * 99 / 100], "%s 99 %%", name);
	if (strcmp(name, "jets") == 0)
		gpu_verdict(g, took[n / 2], 3, 0, "ms", "%s one row, median",
		    name);
	draws_end(&w);
}

/* A tile of draws by kernel, on one lane, before it captures anything; then
 * the same replayed. */
void
gpu_tile(struct gpu *g)
{
	uint32_t n = g->quick ? g->d->tile = 96 : g->d->tile;
	struct draws w;
	double sum, took[5];
	char what[64];
	int i;

	draws_begin(g, &w, n);
	gpu_parts_begin(g);
	draw(&w, n);
	gpu_parts_reset(g);
	for (i = 0; i < 3; i++)
		draw(&w, n);
	snprintf(what, sizeof(what), "%s tile %u %s", g->model->name, n,
	    nf_precision_name((int)g->precision));
	sum = gpu_parts_end(g, what, 3, w.f->nparam);
	for (i = -3; i < 5; i++)
		took[i < 0 ? 0 : i] = draw(&w, n);
	qsort(took, 5, sizeof(*took), compare);
	printf("# kernels one by one %.0f us; the tile alone, copies and "
	    "all, %.0f us\n", 1e6 * sum, 1e6 * took[2]);
	gpu_number(g, "tile", "us", 1e6 * took[2], "%s", what);
	gpu_number(g, "tile", "us", 1e6 * sum, "%s kernels", what);
	draws_end(&w);
}
