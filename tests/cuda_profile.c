/* The times of kernels: which there are, how often, and that none is lost. */
#include <dlfcn.h>

#include "../cuda/profile.h"
#include "cuda_pair.h"
#include "train.h"

#define NROW	64
#define BATCH	16
#define STEPS	3
#define BLOCKS	2
#define NKIND	256

static const struct nf_profiler *prof;
static struct nf_kernel_time kind[NKIND];
static uint32_t nkind;
static float x[NROW * 5], context[NROW * 3];

static int
no_capture(struct nf_dev *d)
{
	(void)d;
	return 0;
}

static struct nf_trainer *
new_trainer(struct nf_flow **f)
{
	struct nf_rowset rows = { NROW, x, context, NULL };
	struct nf_train_opt o;
	struct nf_trainer *t;
	struct nf_shape s;
	struct nf_err err;

	nf_shape_default(&s);
	s.features = 5;
	s.context = 3;
	s.steps = STEPS;
	s.hidden = 70;
	s.blocks = BLOCKS;
	s.bins = 8;
	s.batch_norm = 1;
	nf_train_default(&o);
	o.batch = BATCH;
	if (nf_flow_new(f, &s, &err) == -1) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	nf_flow_init(*f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 5);
	if (nf_trainer_new(&t, dev[1], *f, &o, &rows, &err) == -1) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return t;
}

/* Launches of a kernel in all scopes; of all if it is NULL. */
static uint64_t
launches(const char *kernel)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < nkind; i++)
		if (kernel == NULL || strcmp(kind[i].kernel, kernel) == 0)
			n += kind[i].launches;
	return n;
}

static void
test_counts(uint64_t nstep)
{
	static const struct { const char *name; uint64_t n; } want[] = {
		{ "gather", 2 }, { "spread", 1 }, { "fold", 1 },
		{ "statistics", STEPS },
		{ "norm_linear_80", STEPS * BLOCKS },
		{ "norm_linear_gate_80", STEPS * BLOCKS },
		{ "linear_back_80", STEPS * BLOCKS },
		{ "norm_back_80", STEPS * BLOCKS },
		{ "add_norm_grad", STEPS }, { "gate", 0 },
		{ "gate_grad", STEPS * BLOCKS },
		{ "spline", STEPS }, { "spline_grad", STEPS },
		{ "grad_layer", 1 }, { "loss_grad", 1 },
		{ "sum_squares", 1 }, { "judge", 1 }, { "adam", 1 },
		{ "update", 1 }
	};
	uint64_t n;
	size_t i;

	for (i = 0; i < COUNT(want); i++) {
		n = launches(want[i].name);
		if (!ok(n == nstep * want[i].n, "%llu steps: %s",
		    (unsigned long long)nstep, want[i].name))
			printf("# %llu launches, want %llu\n",
			    (unsigned long long)n,
			    (unsigned long long)(nstep * want[i].n));
	}
}

static int
is_product(const char *kernel)
{
	return strncmp(kernel, "product", 7) == 0 ||
	    strncmp(kernel, "norm_linear", 11) == 0 ||
	    strstr(kernel, "_back_") != NULL;
}

static void
test_products(void)
{
	double flop = 0, byte = 0, seconds = 0;
	int good = 1;
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < nkind; i++) {
		good &= kind[i].launches > 0 && kind[i].seconds >= 0;
		good &= strcmp(kind[i].scope, "here") == 0;
		seconds += kind[i].seconds;
		if (!is_product(kind[i].kernel)) {
			good &= kind[i].flop == 0 && kind[i].byte == 0;
			continue;
		}
		n += kind[i].launches;
		flop += kind[i].flop;
		byte += kind[i].byte;
	}
	ok(good, "each was launched, in its scope, and took some time");
	ok(seconds > 0, "all took %.3g s", seconds);
	/* A block's two products, forward and both backward. */
	ok(n >= 6 * STEPS * BLOCKS && byte > 0, "%llu products",
	    (unsigned long long)n);
	ok(flop >= 6.0 * STEPS * BLOCKS * 2 * BATCH * 70 * 70,
	    "%g operations in them", flop);
}

/* Take nstep steps, timed or not; parameters go to f. */
static void
steps(struct nf_trainer *t, uint64_t nstep, int timed)
{
	const struct nf_ops *real = dev[1]->ops;
	struct nf_ops eager = *real;
	struct nf_train_state st = { 0 };
	struct nf_err err = { 0 };
	int rc = 0;

	eager.capture_begin = no_capture;
	if (timed)
		rc = prof->begin(dev[1], &err);
	if (timed) {
		dev[1]->ops = &eager;
		prof->scope(dev[1], "here");
	}
	if (rc != -1)
		rc = nf_trainer_run(t, nstep, &err);
	dev[1]->ops = real;
	nkind = 0;
	if (rc != -1 && timed)
		rc = prof->end(dev[1], kind, NKIND, &nkind, &err);
	if (rc == -1 || nf_trainer_get(t, &st, &err) == -1) {
		ok(0, "steps");
		printf("# %s\n", err.msg);
	}
}

static void
test_training(void)
{
	struct nf_flow *f[2];
	struct nf_trainer *t[2];
	uint64_t one;
	int k;

	for (k = 0; k < 2; k++) {
		t[k] = new_trainer(&f[k]);
		steps(t[k], 1, 0);
	}
	steps(t[0], 1, 1);
	one = launches(NULL);
	test_counts(1);
	steps(t[0], 2, 1);
	test_counts(2);
	test_products();
	ok(launches(NULL) == 2 * one, "%llu launches a step",
	    (unsigned long long)one);
	steps(t[1], 3, 0);
	ok(memcmp(f[0]->param, f[1]->param, f[0]->nall * sizeof(float)) == 0,
	    "timed steps train as others do");
	for (k = 0; k < 2; k++) {
		nf_trainer_free(t[k]);
		nf_flow_free(f[k]);
	}
}

static void
test_few_kinds(void)
{
	struct nf_flow *f;
	struct nf_trainer *t = new_trainer(&f);
	struct nf_err err = { 0 };

	steps(t, 1, 0);
	ok(prof->begin(dev[1], &err) == 0, "begin");
	prof->scope(dev[1], "forgotten");
	ok(nf_trainer_nll(t, &(struct nf_rowset){ NROW, x, context, NULL },
	    &(double){ 0 }, &err) == 0, "densities");
	prof->reset(dev[1]);
	prof->scope(dev[1], "kept");
	ok(nf_trainer_nll(t, &(struct nf_rowset){ NROW, x, context, NULL },
	    &(double){ 0 }, &err) == 0, "densities");
	ok(prof->end(dev[1], kind, 1, &nkind, &err) == -1 &&
	    strstr(err.msg, "kinds of kernels") != NULL && nkind == 1 &&
	    strcmp(kind[0].scope, "kept") == 0, "too many kinds");
	nf_trainer_free(t);
	nf_flow_free(f);
}

static void
test_ceilings(void)
{
	struct nf_product_shape s = { 33, 17, 70, 1, 0, 0, NF_FP32 };
	struct nf_launch_time l;
	struct nf_err err = { 0 };
	double took;
	int k;

	for (k = 0; k < 12; k++) {
		s.ta = k & 1;
		s.tb = k >> 1 & 1;
		s.batch = 1 + (uint32_t)(k % 3);
		s.precision = (enum nf_precision)(k / 4);
		ok(prof->product(dev[1], &s, 3, &took, &err) == 0 &&
		    took > 0, "product %d", k);
	}
	for (k = NF_COPY_DEVICE; k <= NF_COPY_DOWN; k++) {
		ok(prof->copy(dev[1], (enum nf_copy_kind)k, 12345, 3, &took,
		    &err) == 0 && took >= 0, "copy %d", k);
		ok(prof->copy(dev[1], (enum nf_copy_kind)k,
		    (size_t)1 << 50, 3, &took, &err) == -1,
		    "copy %d without room", k);
	}
	ok(prof->launch(dev[1], 20, &l, &err) == 0 && l.host > 0 &&
	    l.queued > 0 && l.graph > 0 && l.wait > 0, "launches");
	s.m = 1 << 20;
	s.n = 1 << 20;
	ok(prof->product(dev[1], &s, 3, &took, &err) == -1,
	    "a product without room");
}

int
main(int argc, char *argv[])
{
	size_t i;

	(void)argc;
	open_pair(argv[0]);
	prof = dlsym(dlopen(getenv("NF_CUDA_LIB"), RTLD_NOW), "nf_profiler");
	if (!ok(prof != NULL && prof->size == sizeof(*prof),
	    "the library has a profiler"))
		return done();
	for (i = 0; i < COUNT(x); i++)
		x[i] = (float)uniform(-0.9, 0.9);
	for (i = 0; i < COUNT(context); i++)
		context[i] = (float)uniform(-1, 1);
	test_training();
	test_few_kinds();
	test_ceilings();
	close_pair();
	return done();
}
