/* Whole flows on the GPU's table against the CPU's: training, evaluation. */
#include "cuda_pair.h"
#include "eval.h"
#include "train.h"

#define NROW	90

/* Rows of any flow here: values, contexts, weights. */
static float x[NROW * 8], context[NROW * 8], weight[NROW];

static void
make_rows(void)
{
	uint32_t i;

	for (i = 0; i < NROW * 8; i++) {
		x[i] = (float)(uniform(-1, 1) + uniform(-1, 1));
		context[i] = (float)uniform(-1, 1);
	}
	for (i = 0; i < NROW; i++)
		weight[i] = (float)uniform(-0.2, 2);
}

/* A flow and how it is trained. */
struct model {
	const char *name;
	uint32_t D, C, S, H, B, K;
	enum nf_act act;
	int batch_norm, weighted;
	double dropout;
	enum nf_precision precision;
	double tol;			/* of densities and gradients */
};

static const struct model models[] = {
	{ "plain", 5, 3, 2, 20, 1, 8, NF_RELU, 1, 0, 0, NF_FP32, 2e-5 },
	{ "no context", 4, 0, 3, 17, 2, 5, NF_ELU, 1, 1, 0, NF_FP32, 2e-5 },
	{ "no batch norm", 2, 1, 2, 9, 1, 33, NF_LEAKY_RELU, 0, 1, 0,
	    NF_FP32, 2e-5 },
	{ "dropout", 3, 2, 2, 16, 2, 4, NF_RELU, 1, 0, 0.3, NF_FP32, 2e-5 },
	{ "no blocks", 3, 2, 2, 12, 0, 4, NF_RELU, 1, 0, 0, NF_FP32, 2e-5 },
	{ "wide", 7, 5, 2, 70, 1, 16, NF_RELU, 1, 0, 0, NF_FP32, 2e-5 },
	{ "wide, tf32", 7, 5, 2, 70, 1, 16, NF_RELU, 1, 0, 0, NF_TF32,
	    2e-2 },
	{ "deep, tf32", 4, 3, 2, 64, 3, 8, NF_ELU, 1, 1, 0, NF_TF32, 2e-2 },
	{ "wide, bf16", 7, 5, 2, 70, 1, 16, NF_RELU, 1, 1, 0, NF_BF16,
	    1e-1 }
};

static struct nf_flow *
new_flow(const struct model *q)
{
	struct nf_flow *f;
	struct nf_shape s;
	struct nf_err err;

	nf_shape_default(&s);
	s.features = q->D;
	s.context = q->C;
	s.steps = q->S;
	s.hidden = q->H;
	s.blocks = q->B;
	s.bins = q->K;
	s.tail_bound = 2;
	s.activation = q->act;
	s.batch_norm = q->batch_norm;
	s.dropout = q->dropout;
	if (nf_flow_new(&f, &s, &err) == -1) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 5);
	return f;
}

/* A training on one device, and what it leaves. */
struct run {
	struct nf_flow *f;
	struct nf_trainer *t;
	struct nf_train_state st;
};

static int
begin(struct run *r, const struct model *q, int k)
{
	struct nf_rowset rows = { NROW, x, q->C > 0 ? context : NULL,
		q->weighted ? weight : NULL };
	struct nf_train_opt o;
	struct nf_err err;

	memset(r, 0, sizeof(*r));
	nf_train_default(&o);
	o.batch = 22;
	o.epochs = 4;
	o.lr = 1e-3;
	o.precision = q->precision;
	o.seed = 11;
	r->f = new_flow(q);
	r->st.adam_m = calloc(r->f->nparam, sizeof(float));
	r->st.adam_v = calloc(r->f->nparam, sizeof(float));
	if (nf_trainer_new(&r->t, dev[k], r->f, &o, &rows, &err) == 0)
		return 0;
	printf("# %s\n", err.msg);
	return -1;
}

static void
finish(struct run *r)
{
	nf_trainer_free(r->t);
	nf_flow_free(r->f);
	free(r->st.adam_m);
	free(r->st.adam_v);
}

/* Take nbatch batches, through the ends of epochs. */
static int
go_on(struct run *r, uint64_t nbatch)
{
	uint64_t i;
	struct nf_err err;
	int e = 0;

	for (i = 0; i < nbatch && e != -1; i++) {
		e = nf_trainer_run(r->t, 1, &err);
		if (e == 1 && i + 1 < nbatch)
			e = nf_trainer_next(r->t, &err);
	}
	if (e != -1 && nf_trainer_get(r->t, &r->st, &err) == -1)
		e = -1;
	if (e == -1)
		printf("# %s\n", err.msg);
	return e;
}

/* How far b is from a, tensor by tensor, over the tensor's greatest. */
static double
tensors_apart(const struct nf_flow *f, const float *a, const float *b)
{
	double worst = 0, top, all = 0, d;
	uint32_t i;
	size_t k;

	for (k = 0; k < f->nparam; k++)
		all = fabs((double)a[k]) > all ? fabs((double)a[k]) : all;
	for (i = 0; i < f->ntensor; i++) {
		const struct nf_tensor *t = &f->tensor[i];

		if (t->stat)
			continue;
		top = d = 0;
		for (k = t->offset; k < t->offset + t->n; k++) {
			if (fabs((double)a[k]) > top)
				top = fabs((double)a[k]);
			if (!(fabs((double)a[k] - (double)b[k]) <= d))
				d = fabs((double)a[k] - (double)b[k]);
		}
		/* Some gradients are 0 but for rounding. */
		d /= top + 1e-2 * all;
		worst = d > worst || isnan(d) ? d : worst;
	}
	return worst;
}

/* The first step's gradient is in Adam's first moment. */
static void
test_gradient(const struct model *q)
{
	struct run r[2];
	double d;
	int k;

	for (k = 0; k < 2; k++)
		if (begin(&r[k], q, k) == -1 || go_on(&r[k], 1) == -1)
			ok(0, "%s: a step", q->name);
	near(r[1].st.sum_nll / r[0].st.sum_nll, 1, q->tol,
	    "%s: loss %g", q->name, r[0].st.sum_nll / 22);
	near(r[1].st.sum_norm / r[0].st.sum_norm, 1, 10 * q->tol,
	    "%s: norm of its gradient", q->name);
	d = tensors_apart(r[0].f, r[0].st.adam_m, r[1].st.adam_m);
	ok(d <= 50 * q->tol, "%s: gradients, %.2g apart", q->name, d);
	for (k = 0; k < 2; k++)
		finish(&r[k]);
}

static int
same(const struct run *a, const struct run *b)
{
	size_t n = a->f->nparam * sizeof(float);

	return memcmp(a->f->param, b->f->param, a->f->nall * sizeof(float))
	    == 0 && memcmp(a->st.adam_m, b->st.adam_m, n) == 0 &&
	    memcmp(a->st.adam_v, b->st.adam_v, n) == 0 &&
	    a->st.step == b->st.step && a->st.sum_nll == b->st.sum_nll;
}

/* The rows' mean density by a network of f's own, on the GPU. */
static double
fresh_nll(struct nf_flow *f, const struct nf_rowset *rows)
{
	double *logp = calloc(NROW, sizeof(*logp)), sum = 0, all = 0, w;
	struct nf_net *net = NULL;
	struct nf_eval *e = NULL;
	struct nf_err err;
	int i;

	if (nf_net_new(&net, dev[1], f, &err) == -1 ||
	    nf_eval_new(&e, net, &err) == -1 ||
	    nf_eval_density(e, NROW, rows->x, rows->context, NULL, logp,
	    &err) == -1)
		printf("# %s\n", err.msg);
	for (i = 0; i < NROW; i++) {
		w = rows->weight == NULL ? 1 : (double)rows->weight[i];
		sum -= w * logp[i];
		all += w;
	}
	nf_eval_free(e);
	nf_net_free(net);
	free(logp);
	return sum / all;
}

/* Two epochs: near the CPU's, and the same bytes twice and when resumed. */
static void
test_training(const struct model *q)
{
	struct nf_rowset rows = { NROW, x, q->C > 0 ? context : NULL,
		q->weighted ? weight : NULL };
	struct run r[4];
	double nll[3] = { 0, 0, 0 };
	struct nf_err err;
	int k, e = 0;

	for (k = 0; k < 3; k++)
		if (begin(&r[k], q, k > 0) == -1 || go_on(&r[k], 4) == -1 ||
		    nf_trainer_nll(r[k].t, &rows, &nll[k], &err) == -1 ||
		    nf_trainer_next(r[k].t, &err) == -1 ||
		    go_on(&r[k], 4) == -1 ||
		    nf_trainer_nll(r[k].t, &rows, &nll[k], &err) == -1)
			e = -1;
	if (begin(&r[3], q, 1) == -1 || go_on(&r[3], 3) == -1)
		e = -1;
	ok(e == 0, "%s: two epochs of four batches", q->name);
	near(r[1].st.sum_nll / r[0].st.sum_nll, 1, 50 * q->tol,
	    "%s: the second epoch's loss", q->name);
	near(nll[1] / nll[0], 1, 50 * q->tol, "%s: then its rows' at %g",
	    q->name, nll[0]);
	near(fresh_nll(r[1].f, &rows), nll[1], 1e-6, "%s: the same by a "
	    "fresh network", q->name);
	ok(same(&r[1], &r[2]), "%s: twice the same bytes", q->name);

	nf_trainer_free(r[2].t);		/* r[3]'s, taken up again */
	memcpy(r[2].f->param, r[3].f->param, r[2].f->nall * sizeof(float));
	r[2].t = NULL;
	finish(&r[2]);
	e = begin(&r[2], q, 1);
	memcpy(r[2].f->param, r[3].f->param, r[2].f->nall * sizeof(float));
	if (e == -1 || nf_trainer_set(r[2].t, &r[3].st, &err) == -1 ||
	    nf_trainer_nll(r[2].t, &rows, &nll[0], &err) == -1 ||
	    go_on(&r[2], 5) == -1)
		e = -1;
	ok(e != -1 && same(&r[1], &r[2]), "%s: resumed, the same bytes",
	    q->name);
	for (k = 0; k < 4; k++)
		finish(&r[k]);
}

/* ---- windows ---------------------------------------------------------- */

/* Two epochs where rows may take so much of the device's memory. */
static void
run_windows(struct run *r, const struct model *q, uint64_t memory)
{
	dev[1]->row_memory = memory;
	if (begin(r, q, 1) == -1 || go_on(r, 8) == -1)
		ok(0, "%s: two epochs", q->name);
	dev[1]->row_memory = 0;
}

/* Windows of any size are the training that has all rows there. */
static void
test_windows(const struct model *q)
{
	struct run r[4];
	struct nf_err err;
	uint64_t row = (q->D + q->C + (q->weighted != 0) + 1) * 4;
	int e;

	run_windows(&r[0], q, 0);
	run_windows(&r[1], q, 1);
	run_windows(&r[2], q, row * (NROW - 1));
	ok(nf_trainer_window(r[0].t) == 0 && nf_trainer_window(r[1].t) == 22 &&
	    nf_trainer_window(r[2].t) == 44, "%s: windows where they must",
	    q->name);
	ok(same(&r[0], &r[1]) && same(&r[0], &r[2]),
	    "%s: the same bytes in windows", q->name);
	finish(&r[2]);
	run_windows(&r[2], q, row * NROW);
	ok(nf_trainer_window(r[2].t) == 0, "%s: none where all fit", q->name);
	finish(&r[2]);

	dev[1]->row_memory = 1;			/* stopped, and resumed */
	e = begin(&r[2], q, 1);
	if (e == -1 || go_on(&r[2], 3) == -1 || begin(&r[3], q, 1) == -1)
		e = -1;
	memcpy(r[3].f->param, r[2].f->param, r[3].f->nall * sizeof(float));
	if (e == -1 || nf_trainer_set(r[3].t, &r[2].st, &err) == -1 ||
	    go_on(&r[3], 5) == -1)
		e = -1;
	dev[1]->row_memory = 0;
	ok(e != -1 && same(&r[0], &r[3]), "%s: resumed in windows, the same "
	    "bytes", q->name);
	for (e = 0; e < 4; e++)
		finish(&r[e]);
}

/* ---- evaluation ------------------------------------------------------- */

struct result {
	float z[NROW * 8], x[NROW * 8];
	double logp[NROW];
	uint64_t clamped;
};

/* Rows lo to hi, on device k. */
static int
evaluate(struct nf_eval *e, const struct model *q, uint32_t lo, uint32_t hi,
    struct result *r)
{
	const float *c = q->C > 0 ? context : NULL;
	struct nf_noise g = { .seed = 99, .first = lo, .repeat = 2,
		.temperature = 1 };
	struct nf_err err;

	if (nf_eval_density(e, hi - lo, x + lo * q->D,
	    c == NULL ? NULL : c + lo * q->C, r->z + lo * q->D,
	    r->logp + lo, &err) == -1 ||
	    nf_eval_sample(e, &g, hi - lo,
	    c == NULL ? NULL : c + lo / 2 * q->C, r->x + lo * q->D,
	    &err) == -1) {
		printf("# %s\n", err.msg);
		return -1;
	}
	return 0;
}

static double
far(const float *a, const float *b, size_t n)
{
	double worst = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = fabs((double)a[i] - (double)b[i]);
		worst = d > worst || isnan(d) ? d : worst;
	}
	return worst;
}

static void
test_evaluation(const struct model *q)
{
	static struct result r[3];
	struct nf_flow *f = new_flow(q);
	struct nf_net *net;
	struct nf_eval *e;
	struct nf_err err;
	double d = 0;
	int k, good = 1;
	uint32_t i;

	for (k = 0; k < 3; k++) {
		struct nf_dev *on = dev[k > 0];

		on->tile = k == 0 ? on->tile : k == 1 ? 4096 : 16;
		on->precision = q->precision;
		if (nf_net_new(&net, on, f, &err) == -1 ||
		    nf_eval_new(&e, net, &err) == -1) {
			printf("Bail out! %s\n", err.msg);
			exit(1);
		}
		if (k < 2)
			good &= evaluate(e, q, 0, NROW, &r[k]) == 0;
		for (i = 0; k == 2 && i < NROW; i += 30)
			good &= evaluate(e, q, i, i + 30, &r[k]) == 0;
		nf_eval_free(e);
		nf_net_free(net);
	}
	ok(good, "%s: densities and draws", q->name);
	for (i = 0; i < NROW; i++)
		d = fmax(d, fabs(r[0].logp[i] - r[1].logp[i]));
	ok(d <= 30 * q->tol, "%s: densities, %.2g apart", q->name, d);
	d = far(r[0].z, r[1].z, NROW * q->D);
	ok(d <= 10 * q->tol, "%s: latents, %.2g apart", q->name, d);
	d = far(r[0].x, r[1].x, NROW * q->D);
	ok(d <= 10 * q->tol, "%s: draws, %.2g apart", q->name, d);
	d = far(r[1].x, r[2].x, NROW * q->D);
	ok(d <= 1e-5, "%s: draws in small tiles, %.2g apart", q->name, d);
	nf_flow_free(f);
}

int
main(int argc, char *argv[])
{
	size_t i;

	(void)argc;
	open_pair(argv[0]);
	make_rows();
	for (i = argc > 1 ? (size_t)atoi(argv[1]) : 0;
	    i < sizeof(models) / sizeof(models[0]); i++) {
		test_gradient(&models[i]);
		test_training(&models[i]);
		test_windows(&models[i]);
		test_evaluation(&models[i]);
	}
	close_pair();
	return done();
}
