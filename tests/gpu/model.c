/* make bench-gpu: models at work. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "philox.h"

#define PUBLISHED	(5e6 * 600)	/* rows x epochs that were published */

static float *
numbers(size_t n, uint32_t draw)
{
	float *x = malloc((n + 1) * sizeof(*x));
	size_t i;

	for (i = 0; x != NULL && i < n; i++)
		x[i] = (float)((double)(nf_philox_u64(1, NF_FOR_ROWS, i,
		    draw) >> 40) * 0x1p-23 - 1);
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

static void
take(struct nf_trainer *t, uint64_t nbatch)
{
	struct nf_err err;

	if (nf_trainer_run(t, nbatch, &err) == -1)
		gpu_die(&err);
}

/* A step by operation, of a trainer that has captured nothing. */
static void
parts(struct nf_dev *d, const struct gpu_model *m, struct nf_flow *f,
    const struct nf_train_opt *o, const struct nf_rowset *rows)
{
	struct nf_trainer *t;
	struct nf_err err;

	if (nf_trainer_new(&t, d, f, o, rows, &err) == -1)
		gpu_die(&err);
	gpu_parts_begin(d);
	take(t, 1);
	gpu_parts_reset();
	take(t, 3);
	gpu_parts_end(d, m->name, 3);
	nf_trainer_free(t);
}

/* rows/s of steps after the first, which find what later ones replay. */
static void
train(struct nf_dev *d, const struct gpu_model *m, uint32_t batch,
    enum nf_precision precision, int quick)
{
	uint64_t nstep = quick ? 2 : 200, n = (nstep + 6) * batch;
	struct nf_rowset rows = { n, numbers(n * m->D, 0),
	    numbers(n * m->C, 1), NULL };
	struct nf_flow *f = new_flow(m);
	struct nf_train_opt o;
	struct nf_trainer *t;
	struct nf_err err;
	double took, rate;

	nf_train_default(&o);
	o.batch = batch;
	o.precision = precision;
	if (nf_trainer_new(&t, d, f, &o, &rows, &err) == -1)
		gpu_die(&err);
	take(t, 3);
	took = gpu_now();
	take(t, nstep);
	took = gpu_now() - took;
	rate = (double)(nstep * batch) / took;
	printf("%s\ttrain %s, batch %u\t%.0f\t%.4g\t", m->name,
	    nf_precision_name((int)precision), batch, rate,
	    6e-12 * gpu_madds(m) * rate);
	if (strcmp(m->name, "jets") == 0)
		printf("projection: %.2f h for 600 epochs of 5e6 rows",
		    PUBLISHED / rate / 3600);
	printf("\n");
	nf_trainer_free(t);
	if (precision == NF_TF32)
		parts(d, m, f, &o, &rows);
	nf_flow_free(f);
	free((void *)rows.x);
	free((void *)rows.context);
}

/* Seconds of n draws. */
static double
evaluate(struct nf_eval *e, uint64_t n, const float *c, float *x)
{
	struct nf_noise g = { .seed = 1, .repeat = 1, .temperature = 1 };
	double start = gpu_now();
	struct nf_err err;

	if (nf_eval_sample(e, &g, n, c, x, &err) == -1)
		gpu_die(&err);
	return gpu_now() - start;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
draw(struct nf_dev *d, const struct gpu_model *m, int quick)
{
	static const uint64_t size[] = { 10000, 100000, 1000000 };
	uint64_t most = quick ? 100 : 1000000;
	float *c = numbers(most * m->C, 2), *x = numbers(most * m->D, 3);
	struct nf_flow *f = new_flow(m);
	struct nf_net *net;
	struct nf_eval *e;
	struct nf_err err;
	double one[51], s;
	uint64_t n;
	int i;

	if (nf_net_new(&net, d, f, &err) == -1 ||
	    nf_eval_new(&e, net, &err) == -1)
		gpu_die(&err);
	evaluate(e, most, c, x);
	for (i = 0; i < (quick ? 1 : 3); i++) {
		n = quick ? most : size[i];
		s = evaluate(e, n, c, x);
		printf("%s\tsample %llu rows\t%.0f\t%.4g\t\n",
		    m->name, (unsigned long long)n, (double)n / s,
		    2e-12 * gpu_madds(m) * (double)n / s);
	}
	for (i = 0; i < (quick ? 3 : 51); i++)
		one[i] = evaluate(e, 1, c, x);
	qsort(one, (size_t)i, sizeof(*one), compare);
	printf("%s\tone row, median\t\t\t%.3f ms\n", m->name,
	    1e3 * one[i / 2]);
	nf_eval_free(e);
	nf_net_free(net);
	nf_flow_free(f);
	free(c);
	free(x);
}

void
gpu_bench_model(struct nf_dev *d, const struct gpu_model *m, int quick)
{
	uint32_t batch = quick ? 16 : 2048;
	int k;

	printf("\nmodel\twork\trows/s\tTFLOP/s\tnote\n");
	for (k = NF_TF32; k <= NF_BF16; k++) {
		train(d, m, batch, (enum nf_precision)k, quick);
		train(d, m, 4 * batch, (enum nf_precision)k, quick);
	}
	d->precision = NF_TF32;
	draw(d, m, quick);
}
