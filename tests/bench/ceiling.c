/* make bench: what the machine can do. */
#include <sys/wait.h>

#include <cblas.h>
#include <fcntl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

void openblas_set_num_threads(int n);

struct product {
	uint32_t m, n, k;
	float *a, *b, *c;
	struct nf_dev *lane;
	struct nf_linear l;
	void *packed;
	int own;
};

static void
multiply(struct product *p)
{
	if (p->own)
		p->lane->ops->linear(p->lane, p->m, &p->l,
		    nf_mat(p->a, p->k, p->k), nf_mat(p->c, p->n, p->n));
	else
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans,
		    (int)p->m, (int)p->n, (int)p->k, 1, p->a, (int)p->k,
		    p->b, (int)p->k, 0, p->c, (int)p->n);
}

/* GFLOP/s of nthread threads that do it over and over: the best of three
 * runs, of `seconds` each. */
static double
measure(struct product *p, uint32_t nthread, double seconds)
{
	double flop = 2.0 * p->m * p->n * p->k, best = 0, rate;
	int i;

	for (i = 0; i < 3; i++) {
		rate = 0;
#pragma omp parallel num_threads(nthread) reduction(+ : rate)
		{
			struct product *q = &p[omp_get_thread_num()];
			double start = bench_now();
			long n = 0;

			do {
				multiply(q);
				n++;
			} while (bench_now() - start < seconds);
			rate += flop * (double)n / (bench_now() - start);
		}
		best = rate > best ? rate : best;
	}
	return best / 1e9;
}

static void
set_up(struct product *p, uint32_t m, uint32_t n, uint32_t k)
{
	struct nf_err err;
	size_t i;

	p->m = m;
	p->n = n;
	p->k = k;
	p->a = nf_alloc((size_t)m * k, sizeof(float), "a", &err);
	p->b = nf_alloc((size_t)n * k, sizeof(float), "b", &err);
	p->c = nf_alloc((size_t)m * n, sizeof(float), "c", &err);
	if (p->a == NULL || p->b == NULL || p->c == NULL ||
	    nf_cpu_open(&p->lane, 1, &err) == -1)
		exit(1);
	for (i = 0; i < (size_t)m * k; i++)
		p->a[i] = (float)(i % 7) - 3;
	for (i = 0; i < (size_t)n * k; i++)
		p->b[i] = (float)(i % 5) - 2;
	p->l = (struct nf_linear){ .w = p->b, .nin = k, .nout = n };
	p->packed = p->lane->ops->alloc(p->lane,
	    p->lane->ops->pack_size(p->lane, &p->l, NULL));
	p->lane->ops->pack(p->lane, &p->l, NULL, p->packed);
	p->l.packed = p->packed;
}

static void
tear_down(struct product *p)
{
	nf_free(p->a);
	nf_free(p->b);
	nf_free(p->c);
	p->lane->ops->free(p->lane, p->packed);
	nf_dev_close(p->lane);
}

void
bench_ceiling(uint32_t m, uint32_t n, uint32_t k, uint32_t nthread,
    double seconds, struct ceiling *c)
{
	struct product *p = calloc(nthread, sizeof(*p));
	uint32_t i;

	for (i = 0; i < nthread; i++)
		set_up(&p[i], m, n, k);
	openblas_set_num_threads(1);
	c->blas1 = measure(p, 1, seconds);
	c->blas_each = measure(p, nthread, seconds);
	openblas_set_num_threads((int)nthread);
	c->blas_one = measure(p, 1, seconds);
	openblas_set_num_threads(1);
	for (i = 0; i < nthread; i++)
		p[i].own = 1;
	c->own1 = measure(p, 1, seconds);
	c->own_each = measure(p, nthread, seconds);
	for (i = 0; i < nthread; i++)
		tear_down(&p[i]);
	free(p);
}

/* What all threads together make of one shape. */
static double
best_of_all(uint32_t m, uint32_t n, uint32_t k, uint32_t nthread,
    double seconds)
{
	struct product *p = calloc(nthread, sizeof(*p));
	double best, rate;
	uint32_t i;

	for (i = 0; i < nthread; i++)
		set_up(&p[i], m, n, k);
	openblas_set_num_threads(1);
	best = measure(p, nthread, seconds);
	openblas_set_num_threads((int)nthread);
	rate = measure(p, 1, seconds);
	best = rate > best ? rate : best;
	for (i = 0; i < nthread; i++)
		p[i].own = 1;
	rate = measure(p, nthread, seconds);
	for (i = 0; i < nthread; i++)
		tear_down(&p[i]);
	free(p);
	return rate > best ? rate : best;
}

double
bench_model_ceiling(const struct model *m, uint32_t nthread, double seconds)
{
	uint32_t nt = (m->D + 1) / 2;
	double a = best_of_all(m->batch, m->hidden, m->hidden, nthread,
	    seconds);
	double b = best_of_all(m->batch, nt * (3 * m->bins - 1), m->hidden,
	    nthread, seconds);

	return a > b ? a : b;
}

/* ---- memory and pipes ------------------------------------------------- */

static double
triad(uint32_t nthread)
{
	size_t n = 1 << 24, i;
	float *a = nf_alloc(n, 4, "a", NULL), *b = nf_alloc(n, 4, "b", NULL);
	float *c = nf_alloc(n, 4, "c", NULL);
	double t, best = 0;
	int k;

	for (k = 0; k < 5; k++) {
		t = bench_now();
#pragma omp parallel for simd num_threads(nthread)
		for (i = 0; i < n; i++)
			a[i] = b[i] + 3 * c[i];
		t = 12.0 * (double)n / (bench_now() - t) / 1e9;
		best = t > best ? t : best;
	}
	nf_free(a);
	nf_free(b);
	nf_free(c);
	return best;
}

void
bench_memory(FILE *tsv, uint32_t nthread)
{
	double one = triad(1), all = triad(nthread);

	printf("\nMemory, triad: %.1f GB/s with 1 thread, %.1f with %u\n", one,
	    all, nthread);
	if (tsv != NULL)
		fprintf(tsv, "triad\t%.2f\t%.2f\n", one, all);
}

/* GB/s of 1 MiB writes through a pipe of size bytes. */
static double
pipe_rate(int size)
{
	static char buf[1 << 20];
	double start, total = 2e9, left = total;
	int fd[2];
	pid_t pid;

	if (pipe(fd) == -1)
		return 0;
	(void)fcntl(fd[1], F_SETPIPE_SZ, size);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		close(fd[0]);
		while (left > 0 && write(fd[1], buf, sizeof(buf)) > 0)
			left -= sizeof(buf);
		_exit(0);
	}
	close(fd[1]);
	start = bench_now();
	while (read(fd[0], buf, sizeof(buf)) > 0)
		;
	start = bench_now() - start;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return total / start / 1e9;
}

void
bench_pipe(FILE *tsv)
{
	double small = pipe_rate(1 << 16), large = pipe_rate(1 << 20);

	printf("Pipe, 1 MiB writes: %.2f GB/s through 64 KiB, %.2f through "
	    "1 MiB\n", small, large);
	if (tsv != NULL)
		fprintf(tsv, "pipe\t%.3f\t%.3f\n", small, large);
}
