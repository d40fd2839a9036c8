/* make bench: the tables. */
#include <sys/wait.h>

#include <getopt.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const struct model bench_models[] = {
	{ "jets", 17, 14, 17, 298, 10, 128, 1, 2048, 4096 },
	{ "medium", 17, 14, 8, 128, 2, 32, 1, 2048, 65536 },
	{ "small", 43, 0, 10, 32, 1, 4, 0, 128, 65536 },
	{ .name = NULL }
};

double
bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(double *x, int n)
{
	qsort(x, (size_t)n, sizeof(*x), compare);
	return x[n / 2];
}

double
bench_madds(const struct model *m)
{
	double H = m->hidden, D = m->D, C = m->C, sum = 0;
	uint32_t i;

	for (i = 0; i < m->steps; i++) {
		double nt = (m->D + (i % 2 == 0)) / 2;

		sum += (D - nt + C) * H + nt * (3.0 * m->bins - 1) * H +
		    m->blocks * (2 * H * H + C * H) + D * D;
	}
	return sum + D * D;
}

/* The shapes that the models are made of. */
static void
print_ceilings(FILE *tsv, uint32_t nthread, double seconds)
{
	static const uint32_t shape[][3] = {
		{ 2048, 298, 298 }, { 2048, 3447, 298 }, { 2048, 128, 128 },
		{ 2048, 855, 128 }, { 128, 32, 32 }, { 128, 242, 32 },
		{ 64, 298, 298 }, { 64, 256, 298 }
	};
	struct ceiling c;
	size_t i;

	printf("\nProducts, GFLOP/s: rows x inner x columns\n"
	    "%-20s %8s %8s %8s %8s %8s\n", "", "CBLAS", "CBLAS", "CBLAS",
	    "own", "own");
	printf("%-20s %8s %8s %8s %8s %8s\n", "threads", "1", "all in 1",
	    "1 each", "1", "1 each");
	for (i = 0; i < sizeof(shape) / sizeof(*shape); i++) {
		char name[64];

		bench_ceiling(shape[i][0], shape[i][1], shape[i][2], nthread,
		    seconds, &c);
		snprintf(name, sizeof(name), "%u x %u x %u", shape[i][0],
		    shape[i][2], shape[i][1]);
		printf("%-20s %8.1f %8.1f %8.1f %8.1f %8.1f\n", name, c.blas1,
		    c.blas_one, c.blas_each, c.own1, c.own_each);
		if (tsv != NULL)
			fprintf(tsv, "product\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t"
			    "%.2f\n", name, c.blas1, c.blas_one, c.blas_each,
			    c.own1, c.own_each);
	}
}

/* What the columns of --tsv are, at the top of a new file. */
static const char header[] =
    "#product\tshape\tcblas_1\tcblas_all_in_1\tcblas_1_each\town_1\t"
    "own_1_each\n"
    "#triad\tgb_s_1\tgb_s_all\n"
    "#pipe\tgb_s_64k\tgb_s_1m\n"
    "#model\tname\twork\trows\trows_s\tbest_rows_s\tgflops\tceiling\t"
    "share\tpeak_mb\n"
    "#operation\tmodel\tname\tms\tgflops\tgb_s\tshare\n";

static FILE *
open_tsv(const char *path)
{
	FILE *f = fopen(path, "a");

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	if (ftell(f) == 0)
		fputs(header, f);
	return f;
}

static void
usage(void)
{
	fprintf(stderr, "usage: bench [--quick] [--threads N] [--tsv FILE] "
	    "[--model NAME] [--work KIND]\n"
	    "NAME: jets, medium, small\n"
	    "KIND: ceilings, train, sample, density, operations\n");
	exit(2);
}

/* What was asked for; NULL: all. */
struct choice {
	const char *model, *work;
};

static int
is_chosen(const char *choice, const char *name)
{
	return choice == NULL || strcmp(choice, name) == 0;
}

static void
print_models(FILE *tsv, const struct choice *k, uint32_t nthread,
    double seconds)
{
	const struct model *m;
	int w;

	printf("\nModels, %u threads.  share: the best run's GFLOP/s of the "
	    "best product before or after it,\noperations counted as if all "
	    "were needed\n%-7s %-8s %6s %9s %9s %8s %8s %6s %8s\n", nthread,
	    "model", "work", "rows", "rows/s", "best", "GFLOP/s", "ceiling",
	    "share", "peak MB");
	for (m = bench_models; m->name != NULL; m++)
		for (w = TRAIN; w <= DENSITY; w++)
			if (is_chosen(k->model, m->name) &&
			    is_chosen(k->work, bench_work[w]))
				bench_model(tsv, m, (enum work)w, nthread,
				    seconds);
	for (m = bench_models; m->name != NULL; m++)
		if (is_chosen(k->model, m->name) &&
		    is_chosen(k->work, "operations"))
			bench_breakdown(tsv, m, nthread);
}

int
main(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "tsv", required_argument, NULL, 't' },
		{ "model", required_argument, NULL, 'm' },
		{ "work", required_argument, NULL, 'w' },
		{ "threads", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	uint32_t nthread = (uint32_t)omp_get_max_threads();
	struct choice k = { NULL, NULL };
	double seconds = 3;
	FILE *tsv = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "qt:m:w:n:", longs, NULL)) != -1)
		switch (c) {
		case 'q':
			seconds = 0.5;
			break;
		case 't':
			tsv = open_tsv(optarg);
			break;
		case 'm':
			k.model = optarg;
			break;
		case 'w':
			k.work = optarg;
			break;
		case 'n':
			nthread = (uint32_t)atoi(optarg);
			break;
		default:
			usage();
		}
	if (optind != argc || nthread == 0)
		usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* In a child: OpenMP's threads would not survive a later fork. */
	fflush(NULL);
	if (k.model == NULL && is_chosen(k.work, "ceilings") && fork() == 0) {
		print_ceilings(tsv, nthread, seconds / 30);
		bench_memory(tsv, nthread);
		bench_pipe(tsv);
		exit(tsv != NULL && fflush(tsv) != 0);
	}
	while (wait(NULL) != -1)
		;
	if (!(k.work != NULL && strcmp(k.work, "ceilings") == 0))
		print_models(tsv, &k, nthread, seconds);
	return tsv != NULL && fclose(tsv) != 0;
}
