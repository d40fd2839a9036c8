/*
 * A model of the published size on a GPU: what it gives is the CPU's, but for
 * the precision of products, and has the same bits however rows are cut into
 * calls, and however often it is done.
 *
 *	whole [--quick]		a size for the emulated GPU
 *	whole --devices		what there is; fails without a GPU
 */
#include <stdlib.h>
#include <string.h>

#include "../tap.h"
#include "eval.h"
#include "train.h"

static const char *const mode[] = { "fp32", "tf32", "bf16" };
/* Allowed: the greatest difference of numbers of the order of 1. */
static const double most[] = { 1e-3, 3e-2, 3e-1 };

static struct nf_dev *cpu, *gpu;
static uint32_t D = 17, C = 14, nrow = 2048;
static float *x, *context;
static int quick;

static void
must(int e, const struct nf_err *err)
{
	if (e != -1)
		return;
	printf("Bail out! %s\n", err->msg);
	exit(1);
}

static float *
numbers(size_t n)
{
	static uint64_t seed = 1;
	float *to = malloc(n * sizeof(*to));
	size_t i;

	for (i = 0; to != NULL && i < n; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		to[i] = (float)((double)(seed >> 40) * 0x1p-23 - 1);
	}
	return to;
}

static struct nf_flow *
new_flow(void)
{
	struct nf_shape s;
	struct nf_flow *f;
	struct nf_err err;
	size_t i;

	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = quick ? 2 : 17;
	s.hidden = quick ? 70 : 298;
	s.blocks = quick ? 1 : 10;
	s.bins = quick ? 8 : 128;
	s.batch_norm = 1;
	s.tail_bound = 1;
	must(nf_flow_new(&f, &s, &err), &err);
	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 1);
	for (i = 0; i < f->nparam; i++)		/* no block adds but 0 */
		f->param[i] += 1e-3f * (float)((i * 2654435761u >> 16) %
		    1024) / 1024 - 5e-4f;
	return f;
}

/* The greatest difference of n numbers; huge where one is not finite. */
static double
apart(size_t n, const float *a, const float *b)
{
	double worst = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = fabs((double)a[i] - (double)b[i]);
		worst = d <= worst ? worst : isfinite(d) ? d : 1e30;
	}
	return worst;
}

/* ---- densities and draws ---------------------------------------------- */

struct result {
	float *z, *x;
	double *logp;
};

static struct result
new_result(void)
{
	return (struct result){ calloc((size_t)nrow * D, sizeof(float)),
		calloc((size_t)nrow * D, sizeof(float)),
		calloc(nrow, sizeof(double)) };
}

static void
free_result(struct result *r)
{
	free(r->z);
	free(r->x);
	free(r->logp);
}

/* Rows lo to hi, into their places. */
static void
evaluate(struct nf_eval *e, uint64_t lo, uint64_t hi, struct result *r)
{
	struct nf_noise g = { .seed = 7, .first = lo, .repeat = 1,
		.temperature = 1 };
	struct nf_err err;

	must(nf_eval_density(e, hi - lo, x + lo * D, context + lo * C,
	    r->z + lo * D, r->logp + lo, &err), &err);
	must(nf_eval_sample(e, &g, hi - lo, context + lo * C, r->x + lo * D,
	    &err), &err);
}

static struct nf_eval *
new_eval(struct nf_dev *d, struct nf_flow *f, struct nf_net **net)
{
	struct nf_eval *e;
	struct nf_err err;

	must(nf_net_new(net, d, f, &err), &err);
	must(nf_eval_new(&e, *net, &err), &err);
	return e;
}

static int
same(const struct result *a, const struct result *b, uint64_t lo, uint64_t hi)
{
	return memcmp(a->z + lo * D, b->z + lo * D, (hi - lo) * D * 4) == 0 &&
	    memcmp(a->x + lo * D, b->x + lo * D, (hi - lo) * D * 4) == 0 &&
	    memcmp(a->logp + lo, b->logp + lo, (hi - lo) * 8) == 0;
}

static void
test_bits(struct nf_eval *e, const struct result *r, const char *name)
{
	static const uint64_t cut[] = { 1, 7, 64, 1000 };
	struct result q = new_result();
	uint32_t tile = gpu->tile;
	uint64_t lo, i;

	evaluate(e, 0, nrow, &q);
	ok(same(r, &q, 0, nrow), "%s: twice the same bits", name);
	for (i = 0; i < 4; i++) {
		memset(q.x, 0xff, (size_t)nrow * D * sizeof(float));
		for (lo = 0; lo < nrow; lo += cut[i]) {
			evaluate(e, lo, lo + cut[i] < nrow ? lo + cut[i] :
			    nrow, &q);
			if (lo / cut[i] == 20)
				break;
		}
		lo = lo < nrow ? lo : nrow;
		ok(same(r, &q, 0, lo), "%s: the same bits by %llu rows a "
		    "call", name, (unsigned long long)cut[i]);
	}
	gpu->tile = nrow / 5;
	evaluate(e, 0, nrow, &q);
	gpu->tile = tile;
	ok(same(r, &q, 0, nrow), "%s: the same bits in other tiles", name);
	free_result(&q);
}

/* Several draws of a row in one call, and each in a call of its own. */
static void
test_draws(struct nf_eval *e, const char *name)
{
	enum { REPEAT = 3 };
	uint64_t n = nrow / 4, i, k;
	struct nf_noise g = { .seed = 7, .repeat = REPEAT,
		.temperature = 1 };
	float *many = calloc(n * REPEAT * D, sizeof(float));
	float *one = calloc(n * D, sizeof(float));
	struct nf_err err;
	int good = 1;

	must(nf_eval_sample(e, &g, n * REPEAT, context, many, &err), &err);
	g.repeat = 1;
	for (k = 0; k < REPEAT; k++) {
		g.draw = (uint32_t)k;
		must(nf_eval_sample(e, &g, n, context, one, &err), &err);
		for (i = 0; i < n; i++)
			good &= memcmp(one + i * D, many + (i * REPEAT + k) *
			    D, D * sizeof(float)) == 0;
	}
	ok(good, "%s: the same bits of one draw and of several", name);
	free(many);
	free(one);
}

static void
test_eval(struct nf_flow *f)
{
	struct result want = new_result(), got = new_result();
	struct nf_net *net[2];
	struct nf_eval *e[2];
	double worst = 0, d;
	int k;
	uint32_t i;

	e[0] = new_eval(cpu, f, &net[0]);
	evaluate(e[0], 0, nrow, &want);
	for (k = NF_FP32; k <= NF_BF16; k++) {
		gpu->precision = (enum nf_precision)k;
		e[1] = new_eval(gpu, f, &net[1]);
		evaluate(e[1], 0, nrow, &got);
		d = apart((size_t)nrow * D, got.z, want.z);
		ok(d <= most[k], "%s: z is %.2g off at most", mode[k], d);
		d = apart((size_t)nrow * D, got.x, want.x);
		ok(d <= most[k], "%s: draws are %.2g off at most", mode[k],
		    d);
		for (worst = 0, i = 0; i < nrow; i++) {
			d = fabs(got.logp[i] - want.logp[i]);
			worst = d <= worst ? worst : d;
		}
		ok(worst <= 10 * most[k], "%s: log densities are %.2g off "
		    "at most", mode[k], worst);
		test_bits(e[1], &got, mode[k]);
		test_draws(e[1], mode[k]);
		nf_eval_free(e[1]);
		nf_net_free(net[1]);
	}
	nf_eval_free(e[0]);
	nf_net_free(net[0]);
	free_result(&want);
	free_result(&got);
}

/* ---- training --------------------------------------------------------- */

/* Parameters and Adam's first moment after so many steps. */
static double
train(struct nf_dev *d, enum nf_precision precision, uint32_t batch,
    uint64_t nstep, struct nf_flow *f, float *m)
{
	struct nf_rowset rows = { nrow, x, context, NULL };
	struct nf_train_state st = { .adam_m = m };
	struct nf_train_opt o;
	struct nf_trainer *t;
	struct nf_err err;
	uint64_t i;
	int e;

	nf_train_default(&o);
	o.batch = batch;
	o.precision = precision;
	st.adam_v = calloc(f->nparam, sizeof(float));
	must(nf_trainer_new(&t, d, f, &o, &rows, &err), &err);
	for (i = 0; i < nstep; i++) {
		must(e = nf_trainer_run(t, 1, &err), &err);
		if (e == 1 && i + 1 < nstep)
			must(nf_trainer_next(t, &err), &err);
	}
	must(nf_trainer_get(t, &st, &err), &err);
	nf_trainer_free(t);
	free(st.adam_v);
	return st.sum_nll / (double)st.taken / batch;
}

/* The first step's gradient is in Adam's first moment. */
static void
test_gradient(void)
{
	static const double tol[] = { 2e-3, 5e-2, 3e-1 };
	uint32_t batch = nrow / 8;
	struct nf_flow *f = new_flow();
	float *want = calloc(f->nparam, sizeof(float));
	float *got = calloc(f->nparam, sizeof(float));
	double loss, other, sum, off;
	size_t i;
	int k;

	loss = train(cpu, NF_FP32, batch, 1, f, want);
	nf_flow_free(f);
	for (k = NF_FP32; k <= NF_BF16; k++) {
		f = new_flow();
		other = train(gpu, (enum nf_precision)k, batch, 1, f, got);
		for (sum = off = 0, i = 0; i < f->nparam; i++) {
			sum += (double)want[i] * (double)want[i];
			off += ((double)got[i] - (double)want[i]) *
			    ((double)got[i] - (double)want[i]);
		}
		near(other / loss, 1, most[k], "%s: loss %.4g", mode[k],
		    loss);
		ok(sqrt(off / sum) <= tol[k], "%s: the gradient is %.2g off, "
		    "of its norm", mode[k], sqrt(off / sum));
		nf_flow_free(f);
	}
	free(want);
	free(got);
}

static void
test_training_bits(enum nf_precision precision)
{
	struct nf_flow *f[2];
	float *m[2];
	int k;

	for (k = 0; k < 2; k++) {
		f[k] = new_flow();
		m[k] = calloc(f[k]->nparam, sizeof(float));
		train(gpu, precision, nrow / 2, 7, f[k], m[k]);
	}
	ok(memcmp(f[0]->param, f[1]->param, f[0]->nall * sizeof(float)) == 0
	    && memcmp(m[0], m[1], f[0]->nparam * sizeof(float)) == 0,
	    "%s: 7 steps, twice the same bits", mode[precision]);
	for (k = 0; k < 2; k++) {
		nf_flow_free(f[k]);
		free(m[k]);
	}
}

static int
say_devices(void)
{
	struct nf_dev_info info[8];
	uint32_t n = nf_dev_list(info, 8), i;

	for (i = 0; i < n; i++)
		printf("# %s: %s%s\n", info[i].name, info[i].about,
		    info[i].usable ? "" : " (cannot be used)");
	return n < 2 || !info[1].usable;
}

int
main(int argc, char *argv[])
{
	struct nf_flow *f;
	struct nf_err err;
	int k;

	if (argc > 1 && strcmp(argv[1], "--devices") == 0)
		return say_devices();
	quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	if (quick) {
		D = 5;
		C = 3;
		nrow = 176;
	}
	must(nf_dev_open(&cpu, "cpu", 0, &err), &err);
	must(nf_dev_open(&gpu, "cuda", 0, &err), &err);
	printf("# %s against %s\n", gpu->name, cpu->name);
	x = numbers((size_t)nrow * D);
	context = numbers((size_t)nrow * C);
	f = new_flow();
	test_eval(f);
	nf_flow_free(f);
	test_gradient();
	for (k = NF_TF32; k <= NF_BF16; k++)
		test_training_bits((enum nf_precision)k);
	free(x);
	free(context);
	nf_dev_close(gpu);
	nf_dev_close(cpu);
	return done();
}
