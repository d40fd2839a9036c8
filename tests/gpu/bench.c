/*
 * make bench-gpu: what a GPU can do, and how much of it nfpipe does.  Each
 * part is a process of its own, so that one that fails, or hangs, takes no
 * other with it.
 *
 *	bench [--quick] [--device NAME] [--part TEXT] [--limit SECONDS]
 *	    [--tsv FILE]
 */
#include <dlfcn.h>
#include <getopt.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static const struct gpu_model models[] = {
	{ "jets", 17, 14, 17, 298, 10, 128, 1 },
	{ "muons", 22, 30, 22, 256, 10, 128, 1 },
	{ "tiny", 5, 3, 2, 70, 1, 8, 1 }	/* --quick alone */
};

static const struct part {
	const char *name;
	void (*run)(struct gpu *g);
	int model;			/* of models, or -1 */
	uint32_t batch;
	enum nf_precision precision;
} parts[] = {
	{ "products", gpu_products, 0, 2048, NF_TF32 },
	{ "copies", gpu_copies, -1, 0, NF_TF32 },
	{ "launches", gpu_launches, -1, 0, NF_TF32 },
	{ "train", gpu_train, 0, 2048, NF_TF32 },
	{ "train", gpu_train, 0, 8192, NF_TF32 },
	{ "sample", gpu_sample, 0, 0, NF_TF32 },
	{ "latency", gpu_latency, 0, 0, NF_TF32 },
	{ "step", gpu_step, 0, 2048, NF_TF32 },
	{ "step", gpu_step, 0, 8192, NF_TF32 },
	{ "tile", gpu_tile, 0, 0, NF_TF32 },
	{ "train", gpu_train, 0, 2048, NF_BF16 },
	{ "train", gpu_train, 0, 8192, NF_BF16 },
	{ "sample", gpu_sample, 0, 0, NF_BF16 },
	{ "step", gpu_step, 0, 8192, NF_BF16 },
	{ "train", gpu_train, 1, 2048, NF_TF32 },
	{ "train", gpu_train, 1, 8192, NF_TF32 },
	{ "sample", gpu_sample, 1, 0, NF_TF32 },
	{ "latency", gpu_latency, 1, 0, NF_TF32 },
	{ "train", gpu_train, 1, 8192, NF_BF16 },
	{ "products", gpu_products, 1, 2048, NF_TF32 },
};
#define NPART	(sizeof(parts) / sizeof(parts[0]))

static const char *device = "cuda", *only = "";
static unsigned limit = 60;

void
gpu_die(const struct nf_err *err)
{
	fflush(stdout);
	printf("failed: %s\n", err->msg);
	fflush(stdout);
	_exit(1);
}

double
gpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

void
gpu_number(const struct gpu *g, const char *table, const char *unit,
    double value, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (g->tsv != NULL)
		fprintf(g->tsv, "%s\t%s\t%s\t%.6g\n", table, what, unit,
		    value);
}

void
gpu_verdict(const struct gpu *g, double got, double want, int more,
    const char *unit, const char *fmt, ...)
{
	struct gpu_shared *s = g->shared;
	char what[96], *to = s->verdict[s->nverdict % 32];
	int met = more ? got >= want : got <= want;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(to, sizeof(s->verdict[0]), "%-36s %12.6g %s, want %s %g: %s",
	    what, got, unit, more ? "at least" : "at most", want,
	    met ? "met" : "MISSED");
	s->nverdict++;
	printf("# %s\n", to);
}

/* ---- parts ------------------------------------------------------------ */

/* The library: NF_CUDA_LIB, or the one that was built with this program. */
static const struct nf_profiler *
find_profiler(void)
{
	const struct nf_profiler *p;
	void *so = dlopen(getenv("NF_CUDA_LIB"), RTLD_NOW);

	if (so == NULL || (p = dlsym(so, "nf_profiler")) == NULL ||
	    p->size != sizeof(*p)) {
		printf("failed: no profiler: %s\n", so != NULL ?
		    "the library is of another build" : dlerror());
		fflush(stdout);
		_exit(1);
	}
	return p;
}

static void
run_part(const struct part *p, struct gpu *g)
{
	struct nf_err err;

	alarm(limit);
	if (nf_dev_open(&g->d, device, 0, &err) == -1)
		gpu_die(&err);
	g->prof = find_profiler();
	g->model = p->model == -1 ? NULL :
	    &models[g->quick ? 2 : p->model];
	g->batch = g->quick ? p->batch / 128 : p->batch;
	g->precision = g->d->precision = p->precision;
	p->run(g);
	nf_dev_close(g->d);
}

static const char *
name_of(const struct part *p, char name[64])
{
	snprintf(name, 64, "%s%s%s", p->name, p->model == -1 ? "" : " ",
	    p->model == -1 ? "" : models[p->model].name);
	if (p->batch > 0)
		sprintf(name + strlen(name), " %u", p->batch);
	if (p->model != -1 && p->run != gpu_products)
		sprintf(name + strlen(name), " %s",
		    nf_precision_name((int)p->precision));
	return name;
}

/* 1 if the part was done. */
static int
try_part(const struct part *p, struct gpu *g)
{
	double start = gpu_now();
	int status = 0;
	char name[64];
	pid_t pid;

	printf("\n## %s\n", name_of(p, name));
	fflush(NULL);
	if ((pid = fork()) == 0) {
		run_part(p, g);
		fflush(NULL);
		_exit(0);
	}
	if (pid != -1)
		waitpid(pid, &status, 0);
	if (pid == -1 || WIFSIGNALED(status))
		printf("failed: %s\n", pid == -1 ? "no process" :
		    WTERMSIG(status) == SIGALRM ?
		    "it took longer than --limit allows" :
		    strsignal(WTERMSIG(status)));
	printf("# %s: %s, %.1f s\n", name, pid == -1 || status != 0 ?
	    "FAILED" : "done", gpu_now() - start);
	return pid != -1 && status == 0;
}

static void
options(int argc, char *argv[], struct gpu *g)
{
	static const struct option longs[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "quick", no_argument, NULL, 'q' },
		{ "part", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'l' },
		{ "tsv", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (c == 'd')
			device = optarg;
		else if (c == 'q')
			g->quick = 1;
		else if (c == 'p')
			only = optarg;
		else if (c == 'l')
			limit = (unsigned)atoi(optarg);
		else if (c == 't' && (g->tsv = fopen(optarg, "w")) != NULL)
			setvbuf(g->tsv, NULL, _IOLBF, 0);
		else
			exit(2);
}

/* The GPU's name, by a process that leaves this one without CUDA. */
static int
say_device(void)
{
	struct nf_dev_info info[8];
	uint32_t n, i;
	int status;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) != 0)
		return pid == -1 || waitpid(pid, &status, 0) == -1 ||
		    status != 0;
	n = nf_dev_list(info, 8);
	for (i = 0; i < n; i++)
		printf("# %s: %s%s\n", info[i].name, info[i].about,
		    info[i].usable ? "" : " (cannot be used)");
	fflush(NULL);
	_exit(n < 2 || !info[1].usable);
}

int
main(int argc, char *argv[])
{
	struct gpu g = { .quick = 0 };
	unsigned done = 0, failed = 0, i;
	char name[64], self[4096], lib[8192];

	snprintf(self, sizeof(self), "%s", argv[0]);
	snprintf(lib, sizeof(lib), "%s/../../libnf-cuda.so", dirname(self));
	setenv("NF_CUDA_LIB", lib, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	options(argc, argv, &g);
	g.shared = mmap(NULL, sizeof(*g.shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g.shared == MAP_FAILED)
		return 1;
	if (say_device() && strcmp(device, "cpu") != 0) {
		printf("bench: no GPU can be used\n");
		return 1;
	}
	for (i = 0; i < NPART; i++) {
		if (strstr(name_of(&parts[i], name), only) == NULL)
			continue;
		if (try_part(&parts[i], &g))
			done++;
		else
			failed++;
	}
	printf("\n## in short\n");
	for (i = 0; i < g.shared->nverdict && i < 32; i++)
		printf("%s\n", g.shared->verdict[i]);
	printf("parts: %u done, %u failed\n", done, failed);
	return failed > 0 || done == 0;
}
