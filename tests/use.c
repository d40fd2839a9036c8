/*
 * The public functions, nf.h: the numbers of the functions below them, bit
 * for bit, in any pieces; errors; threads.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hdf5.h>

#include "golden.h"
#include "handle.h"
#include "normal.h"
#include "tap.h"

#define NAN_ROW	"row 15, column eta: the value is nan; drop such " \
    "rows, as h5cols --nonfinite=drop does"

enum { N = 20000, NC = 2, NT = 3 };	/* more rows than a block has */

static struct nf_err err;
static char path[] = "/tmp/nf-use-XXXXXX";
static double context[N * NC], target[N * NT], other[N * NT], z[N * NT];
static double logp[N], want_logp[N];
static float context32[N * NC], target32[N * NT];

static void
must(int good)
{
	if (good)
		return;
	printf("Bail out! %s\n", err.msg);
	exit(1);
}

static void
write_model(void)
{
	static const char *const prep[] = {
		"pt = seen 1 500, log 1 0, standardize 4 0.6",
		"ratio = seen 0 3, standardize 1 0.25",
		"count = seen 0 60, uniform 0.5 0 60, standardize 30 12"
	};
	struct nf_shape s;
	struct nf_flow *f;
	struct nf_model *m;
	int i;

	golden_shape(&s);
	s.tail_bound = 5;
	must(nf_flow_new(&f, &s, &err) == 0);
	golden_init(f);
	must(nf_model_new(&m, f, &err) == 0 &&
	    nf_list_add(&m->context, "pt", &err) == 0 &&
	    nf_list_add(&m->context, "eta", &err) == 0 &&
	    nf_list_add(&m->target, "ratio", &err) == 0 &&
	    nf_list_add(&m->target, "count", &err) == 0 &&
	    nf_list_add(&m->target, "plain", &err) == 0);
	for (i = 0; i < 3; i++)
		must(nf_list_add(&m->prep, prep[i], &err) == 0);
	must(nf_model_write(m, path, &err) == 0);
	nf_model_free(m);
}

static void
make_contexts(void)
{
	size_t i;

	for (i = 0; i < N; i++) {
		context32[i * NC] = 15 + (float)(i % 331);
		context32[i * NC + 1] = (float)(i % 101) / 50 - 1;
	}
	for (i = 0; i < N * NC; i++)
		context[i] = (double)context32[i];
}

static struct nf_handle *
open_with(uint32_t threads)
{
	struct nf_options o = { .device = "cpu", .threads = threads };
	struct nf_handle *h = nf_open(path, &o, &err);

	must(h != NULL);
	return h;
}

static bool
same(const double *a, const double *b, size_t n)
{
	return memcmp(a, b, n * sizeof(*a)) == 0;
}

/* ---- what is where ---------------------------------------------------- */

static void
names(void)
{
	struct nf_handle *h = open_with(2);

	ok(nf_ncontext(h) == NC && nf_ntarget(h) == NT, "numbers of columns");
	ok(strcmp(nf_context_name(h, 0), "pt") == 0 &&
	    strcmp(nf_context_name(h, 1), "eta") == 0 &&
	    nf_context_name(h, 2) == NULL, "the conditions' names");
	ok(strcmp(nf_target_name(h, 0), "ratio") == 0 &&
	    strcmp(nf_target_name(h, 2), "plain") == 0 &&
	    nf_target_name(h, 3) == NULL, "the targets' names");
	ok(strncmp(nf_device_name(h), "cpu (2 threads, ", 16) == 0,
	    "the device's name: %s", nf_device_name(h));
	ok(strcmp(nf_version(), NF_VERSION) == 0, "the version");
	nf_close(h);
	nf_close(NULL);
	ok(true, "nothing can be closed");
}

/* ---- rows ------------------------------------------------------------- */

static void
samples(void)
{
	struct nf_handle *h = open_with(2);
	struct nf_random at = { .seed = 7, .row = 100 };
	struct nf_noise g = { .seed = 7, .first = 300, .repeat = 3,
		.temperature = 1 };
	double *three = calloc(3 * N, NT * sizeof(double));
	bool good = true;
	size_t i, m, k;

	must(nf_raw_sample(h->raw, &g, 3 * N, context, three, &err) == 0);
	for (k = 0; k < 3; k++) {
		at.draw = (uint32_t)k;
		must(nf_sample(h, &at, N, context, target, &err) == 0);
		for (i = 0; i < N; i++)
			good &= same(target + i * NT, three + (i * 3 + k) *
			    NT, NT);
	}
	ok(good, "draw k of a row is the k-th of three draws");
	for (i = 0; i < N; i += m) {
		m = 1 + i % 9001;
		m = m < N - i ? m : N - i;
		at.row = 100 + i;
		must(nf_sample(h, &at, m, context + i * NC, other + i * NT,
		    &err) == 0);
	}
	ok(same(target, other, N * NT), "in pieces");
	at.row = 100;
	must(nf_sample_f32(h, &at, N, context32, target32, &err) == 0);
	for (good = true, i = 0; i < N * NT; i++)
		good &= target32[i] == (float)target[i];
	ok(good, "in float");
	must(nf_sample(h, NULL, N, context, target, NULL) == 0 &&
	    nf_sample(h, &(struct nf_random){ 0 }, N, context, other,
	    NULL) == 0);
	ok(same(target, other, N * NT), "by default all is 0");
	at = (struct nf_random){ .temperature = 0.25 };
	g = (struct nf_noise){ .repeat = 1, .temperature = 0.25 };
	must(nf_sample(h, &at, N, context, target, &err) == 0 &&
	    nf_raw_sample(h->raw, &g, N, context, other, &err) == 0);
	ok(same(target, other, N * NT), "at a temperature");
	ok(nf_sample(h, NULL, 0, context, NULL, &err) == 0, "no rows");
	free(three);
	nf_close(h);
}

static void
densities(void)
{
	struct nf_handle *h = open_with(1);
	struct nf_random at = { .seed = 5, .row = 12345, .draw = 2 };
	double *row = calloc(N, (NC + NT) * sizeof(double)), four[4];
	double off = 0;
	size_t i, j;

	must(nf_sample(h, &at, N, context, target, &err) == 0);
	for (i = 0; i < N; i++) {
		memcpy(row + i * (NC + NT), context + i * NC,
		    NC * sizeof(*row));
		memcpy(row + i * (NC + NT) + NC, target + i * NT,
		    NT * sizeof(*row));
	}
	must(nf_raw_density(h->raw, 5, 12345, N, row, other, want_logp,
	    &err) == 0 &&
	    nf_log_density(h, &at, N, context, target, logp, &err) == 0 &&
	    nf_latent(h, &at, N, context, target, z, &err) == 0);
	ok(same(logp, want_logp, N), "densities are those of rows joined");
	ok(same(z, other, N * NT), "and so are latents");
	must(nf_from_latent(h, &at, N, context, z, other, &err) == 0);
	for (i = 0; i < N * NT; i++)
		if (i % NT != 1)
			off = fmax(off, fabs(other[i] - target[i]));
	near(off, 0, 2e-3, "from latents back to targets");
	for (i = 0; i < N && other[i * NT + 1] == target[i * NT + 1]; i++)
		;
	ok(i == N, "where whole numbers are exact");
	for (i = 0; i < N; i++) {
		nf_normal4(5, NF_FOR_NOISE, 12345 + i, 2, 0, four);
		for (j = 0; j < NT; j++)
			z[i * NT + j] = (double)(float)four[j];
	}
	must(nf_from_latent(h, &at, N, context, z, other, &err) == 0);
	ok(same(other, target, N * NT), "a draw is its latents' targets");
	ok(nf_bounded(h) == nf_bounded(h), "bounded numbers are counted once");
	free(row);
	nf_close(h);
}

/* ---- errors ----------------------------------------------------------- */

static void
says(int rc, enum nf_code code, const char *msg)
{
	const char *s = err.msg;

	/* The model's name stands in front, but not where it has no part. */
	if (strncmp(s, path, strlen(path)) == 0)
		s += strlen(path) + 2;
	if (!ok(rc == -1 && err.code == code && strcmp(s, msg) == 0, "%s",
	    msg))
		printf("# %d %d %s\n", rc, err.code, err.msg);
}

static int
opens(const char *file, const struct nf_options *o)
{
	struct nf_handle *h = nf_open(file, o, &err);

	nf_close(h);
	return h == NULL ? -1 : 0;
}

static void
errors(void)
{
	struct nf_options device = { .device = "abacus" };
	struct nf_options many = { .device = "cpu", .threads = 1025 };
	struct nf_options later = { .reserved = { 0, 3 } };
	struct nf_random at = { .row = 10 };
	struct nf_handle *h = open_with(1);

	says(opens("/nowhere/model.nf", NULL), NF_ESYS,
	    "/nowhere/model.nf: No such file or directory");
	says(opens("/dev/null", NULL), NF_EDATA, "/dev/null: not a regular "
	    "file, and HDF5 cannot be read from a pipe or device");
	ok(nf_open("/nowhere/model.nf", NULL, NULL) == NULL,
	    "an error that nobody wants to read");
	says(opens(path, &device), NF_EUSE, "device 'abacus', want auto, cpu, "
	    "cuda or cuda:N with N from 0 to 63");
	says(opens(path, &many), NF_EUSE, "1025 threads, want 1 to 1024");
	says(opens(path, &later), NF_EUSE, "options: reserved[1] is 3, want "
	    "0: set the struct to 0 first");

	context[5 * NC + 1] = NAN;
	says(nf_sample(h, &at, 10, context, target, &err), NF_EDATA,
	    NAN_ROW);
	ok(nf_sample(h, &at, 10, context, target, NULL) == -1,
	    "the same with no one to read it");
	says(nf_log_density(h, &at, 10, context, target, logp, &err),
	    NF_EDATA, NAN_ROW);
	context[5 * NC + 1] = 0;
	z[4 * NT + 2] = INFINITY;
	says(nf_from_latent(h, &at, 10, context, z, other, &err), NF_EDATA,
	    "row 14, latent 2: inf, want a finite number");
	says(nf_sample(h, &at, 10, NULL, target, &err), NF_EUSE,
	    "context is NULL, want rows of 2 columns");
	at.row = (uint64_t)1 << 63;
	says(nf_sample(h, &at, 1, context, target, &err), NF_EUSE,
	    "1 rows from number 9223372036854775808 on: want numbers up to "
	    "4611686018427387904");
	at = (struct nf_random){ .temperature = -0.5 };
	says(nf_sample(h, &at, 1, context, target, &err), NF_EUSE,
	    "temperature -0.5, want 0 to 100");
	at = (struct nf_random){ .reserved = { 1 } };
	says(nf_latent(h, &at, 1, context, target, z, &err), NF_EUSE,
	    "random: reserved[0] is 1, want 0: set the struct to 0 first");
	ok(nf_sample(h, NULL, 10, context, target, &err) == 0,
	    "after errors it goes on");
	nf_close(h);
}

static herr_t
report(hid_t stack, void *arg)
{
	(void)stack;
	(void)arg;
	return 0;
}

/* What the program has said about libhdf5's errors stays as it was. */
static void
leaves_hdf5(void)
{
	H5E_auto2_t now;
	void *arg;

	H5Eset_auto2(H5E_DEFAULT, report, &err);
	nf_close(open_with(1));
	H5Eget_auto2(H5E_DEFAULT, &now, &arg);
	ok(now == report && arg == &err, "libhdf5 reports as before");
}

/* ---- threads ---------------------------------------------------------- */

struct share {
	struct nf_handle *h;		/* NULL: its own */
	uint64_t seed;
	double *target;
	int rc;
	struct nf_err err;
};

static void *
work(void *arg)
{
	struct nf_options o = { .device = "cpu", .threads = 1 };
	struct share *s = arg;
	struct nf_random at = { .seed = s->seed };
	struct nf_handle *h = s->h == NULL ? nf_open(path, &o, &s->err) : s->h;

	s->rc = h == NULL ? -1 : nf_sample(h, &at, N, context, s->target,
	    &s->err);
	if (s->h == NULL)
		nf_close(h);
	return NULL;
}

/* Threads this process has. */
static int
tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
beside(struct nf_handle *shared, const char *what)
{
	enum { THREADS = 4 };
	struct share s[THREADS];
	pthread_t thread[THREADS];
	struct nf_handle *h = open_with(1);
	struct nf_random at = { 0 };
	bool good = true;
	int i;

	for (i = 0; i < THREADS; i++) {
		s[i] = (struct share){ .h = shared, .seed = (uint64_t)i,
			.target = calloc(N, NT * sizeof(double)) };
		must(pthread_create(&thread[i], NULL, work, &s[i]) == 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		at.seed = (uint64_t)i;
		good &= s[i].rc == 0 &&
		    nf_sample(h, &at, N, context, target, &err) == 0 &&
		    same(s[i].target, target, N * NT);
		free(s[i].target);
	}
	ok(good, "%s", what);
	nf_close(h);
}

/* ---- faults ----------------------------------------------------------- */

/* A child whose n-th allocation fails: 0 it lived, 1 it said so, else. */
static int
child(int n)
{
	struct nf_options o = { .device = "cpu", .threads = 1 };
	struct nf_handle *h;
	char fault[32];
	int status, rc = -1;

	fflush(stdout);
	if (fork() == 0) {
		snprintf(fault, sizeof(fault), "alloc:%d", n);
		setenv("NF_FAULT", fault, 1);
		h = nf_open(path, &o, &err);
		if (h != NULL && nf_sample(h, NULL, 10, context, target,
		    &err) == 0 && nf_log_density(h, NULL, 10, context, target,
		    logp, &err) == 0)
			rc = 0;
		nf_close(h);
		exit(rc == 0 ? 0 : err.code == NF_ESYS ? 1 : 2);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
faults(void)
{
	int n, rc = 1;

	for (n = 1; n < 1000 && rc == 1; n++)
		rc = child(n);
	ok(rc == 0 && n > 50, "each of %d allocations may fail", n - 2);
}

int
main(void)
{
	struct nf_handle *h;
	int fd = mkstemp(path), before;

	must(fd != -1 && close(fd) == 0);
	write_model();
	make_contexts();

#ifdef NF_FAULTS
	faults();
#else
	(void)faults;
#endif
	before = tasks();
	h = open_with(1);
	must(nf_sample(h, NULL, N, context, target, &err) == 0 &&
	    nf_log_density(h, NULL, N, context, target, logp, &err) == 0);
	ok(tasks() == before, "one thread is one thread");
	beside(NULL, "four models in four threads");
	beside(h, "one model in four threads");
	/* A thread that was joined may take its time to leave. */
	for (fd = 0; tasks() != before && fd < 1000; fd++)
		usleep(10000);
	ok(tasks() == before, "none stays");
	nf_close(h);

	names();
	samples();
	densities();
	errors();
	leaves_hdf5();
	unlink(path);
	return done();
}
