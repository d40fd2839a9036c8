/*
 * make bench-gpu: what a GPU can do, and how much of it nfpipe does.  Tables
 * of tab-separated text on standard output.
 *
 *	bench [--device NAME] [--quick]
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

const struct gpu_model gpu_models[] = {
	{ "jets", 17, 14, 17, 298, 10, 128, 1 },
	{ "muons", 29, 22, 22, 256, 10, 128, 1 },
	{ "tiny", 5, 3, 2, 70, 1, 8, 1 },	/* --quick alone */
	{ .name = NULL }
};

void
gpu_die(const struct nf_err *err)
{
	fprintf(stderr, "bench: %s\n", err->msg);
	exit(err->code == NF_EUSE ? 2 : 1);
}

double
gpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void
gpu_sync(struct nf_dev *d)
{
	struct nf_err err;

	if (d->ops->sync(d, &err) == -1)
		gpu_die(&err);
}

/* Multiply-adds of one row, forward, all logits counted. */
double
gpu_madds(const struct gpu_model *m)
{
	double H = m->hidden, D = m->D, C = m->C, sum = 0, nt;
	uint32_t i;

	for (i = 0; i < m->steps; i++) {
		nt = (m->D + (i % 2 == 0)) / 2;
		sum += (D - nt + C) * H + nt * (3.0 * m->bins - 1) * H +
		    m->blocks * (2 * H * H + C * H) + D * D;
	}
	return sum + D * D;
}

/* ---- ceilings --------------------------------------------------------- */

/* Seconds of one product of n rows, in the mean of as many as take a while. */
static double
product(struct nf_dev *d, uint32_t n, uint32_t nin, uint32_t nout,
    double seconds)
{
	size_t size = sizeof(nf_real);
	nf_real *w = d->ops->alloc(d, (size_t)nin * nout * size);
	nf_real *x = d->ops->alloc(d, (size_t)n * nin * size);
	nf_real *y = d->ops->alloc(d, (size_t)n * nout * size);
	struct nf_linear l = { .w = w, .nin = nin, .nout = nout };
	double start, took;
	int i, count = 1;

	for (;; count *= 2) {
		d->ops->linear(d, n, &l, nf_mat(x, nin, nin),
		    nf_mat(y, nout, nout));
		gpu_sync(d);
		start = gpu_now();
		for (i = 0; i < count; i++)
			d->ops->linear(d, n, &l, nf_mat(x, nin, nin),
			    nf_mat(y, nout, nout));
		gpu_sync(d);
		took = gpu_now() - start;
		if (took >= seconds)
			break;
	}
	d->ops->free(d, w);
	d->ops->free(d, x);
	d->ops->free(d, y);
	return took / count;
}

static void
ceilings(struct nf_dev *d, int quick)
{
	static const char *const mode[] = { "fp32", "tf32", "bf16" };
	static const uint32_t shape[][3] = {
		{ 2048, 298, 298 }, { 8192, 298, 298 }, { 2048, 298, 2304 },
		{ 8192, 298, 2304 }, { 2048, 256, 256 }, { 8192, 4096, 4096 },
		{ 64, 70, 65 }
	};
	size_t i;
	int k;
	double s;

	printf("product\tprecision\tus\tTFLOP/s\n");
	for (i = quick ? 6 : 0; i < (quick ? 7 : 6); i++)
		for (k = 0; k < 3; k++) {
			d->precision = (enum nf_precision)k;
			s = product(d, shape[i][0], shape[i][1], shape[i][2],
			    quick ? 0 : 0.2);
			printf("%u x %u x %u\t%s\t%.1f\t%.3f\n", shape[i][0],
			    shape[i][1], shape[i][2], mode[k], 1e6 * s,
			    2e-12 * shape[i][0] * shape[i][1] * shape[i][2] /
			    s);
		}
}

static void
copies(struct nf_dev *d, int quick)
{
	size_t n = quick ? 1 << 16 : (size_t)256 << 20;
	static const char *const what[] = { "upload", "download", "device" };
	char *host = calloc(1, n), *a = d->ops->alloc(d, n);
	char *b = d->ops->alloc(d, n);
	double start;
	int k, i;

	printf("\ncopy\tMB\tGB/s\n");
	for (k = 0; k < 3; k++) {
		for (i = 0; i < 2; i++) {	/* the second counts */
			gpu_sync(d);
			start = gpu_now();
			if (k == 0)
				d->ops->upload(d, a, host, n);
			else if (k == 1)
				d->ops->download(d, host, a, n);
			else
				d->ops->copy(d, b, a, n);
			gpu_sync(d);
		}
		printf("%s\t%zu\t%.2f\n", what[k], n >> 20, 1e-9 * (double)n *
		    (k == 2 ? 2 : 1) / (gpu_now() - start));
	}
	d->ops->free(d, a);
	d->ops->free(d, b);
	free(host);
}

int
main(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "quick", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 }
	};
	const char *name = "cuda";
	struct nf_dev *d;
	struct nf_err err;
	int c, quick = 0, i;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (c == 'd')
			name = optarg;
		else if (c == 'q')
			quick = 1;
		else
			return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (nf_dev_open(&d, name, 0, &err) == -1)
		gpu_die(&err);
	printf("# %s\n", d->name);
	ceilings(d, quick);
	copies(d, quick);
	for (i = quick ? 2 : 0; i < (quick ? 3 : 2); i++)
		gpu_bench_model(d, &gpu_models[i], quick);
	nf_dev_close(d);
	return 0;
}
