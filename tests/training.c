/*
 * Training: the same seed gives the same numbers, a resumed run goes on bit
 * for bit, batches that are not finite are left out, and weights weigh.
 */
#include <float.h>

#include "flows.h"
#include "train.h"

#define ROWS	325
#define BATCH	32			/* ten batches, five rows left over */
#define D	4
#define C	2

struct data {
	nf_real x[ROWS * D], context[ROWS * C], weight[ROWS];
};

/* Something to learn: x depends on the context and on itself. */
static void
make_data(struct data *t)
{
	uint64_t seed = 4;
	int i, j;

	fill(&seed, ROWS * C, 1, t->context);
	fill(&seed, ROWS * D, 0.5, t->x);
	fill(&seed, ROWS, 1, t->weight);
	for (i = 0; i < ROWS; i++) {
		t->weight[i] += (nf_real)1.5;
		for (j = 0; j < D; j++)
			t->x[i * D + j] += t->context[i * C + j % C] / 2 +
			    (j > 0 ? t->x[i * D] / 3 : 0);
	}
}

static struct nf_flow *
flow(int batch_norm, double dropout)
{
	struct nf_shape s;
	struct nf_flow *f;

	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = 2;
	s.hidden = 19;
	s.blocks = 2;
	s.bins = 6;
	s.batch_norm = batch_norm;
	s.dropout = dropout;
	f = flow_of(&s);
	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 8);
	return f;
}

static struct nf_train_opt
options(void)
{
	struct nf_train_opt o;

	nf_train_default(&o);
	o.epochs = 20;
	o.batch = BATCH;
	o.lr = 3e-3;
	o.seed = 77;
	o.max_skipped = 3;
	return o;
}

static struct nf_trainer *
trainer(struct nf_dev *d, struct nf_flow *f, const struct nf_train_opt *o,
    const struct data *t, const nf_real *weight)
{
	struct nf_rowset rows = { ROWS, t->x, t->context, weight };
	struct nf_trainer *tr;
	struct nf_err err;

	must(nf_trainer_new(&tr, d, f, o, &rows, &err), &err);
	return tr;
}

/* A state with room for its moments. */
static struct nf_train_state
state_of(const struct nf_flow *f)
{
	struct nf_train_state st = { .adam_m = reals(f->nparam),
		.adam_v = reals(f->nparam) };

	return st;
}

static void
state_free(struct nf_train_state *st)
{
	nf_free(st->adam_m);
	nf_free(st->adam_v);
}

/* Whole epochs from where t stands; f gets the result. */
static void
epochs(struct nf_trainer *t, int n, struct nf_train_state *st)
{
	struct nf_err err;
	int i, rc;

	for (i = 0; i < n; i++) {
		rc = nf_trainer_run(t, UINT64_MAX, &err);
		must(rc, &err);
		if (rc != 1)
			ok(0, "an epoch ends");
		must(nf_trainer_get(t, st, &err), &err);
		must(nf_trainer_next(t, &err), &err);
	}
}

/* n epochs of a fresh flow on so many threads: the last epoch's loss. */
static double
train(struct nf_flow *f, uint32_t nthread, const struct nf_train_opt *o,
    const struct data *t, const nf_real *weight, int n)
{
	struct nf_train_state st = { 0 };
	struct nf_dev *d = open_device(nthread);
	struct nf_trainer *tr = trainer(d, f, o, t, weight);

	epochs(tr, n, &st);
	nf_trainer_free(tr);
	nf_dev_close(d);
	return st.sum_nll / st.sum_weight;
}

static int
same(const struct nf_flow *a, const struct nf_flow *b)
{
	return memcmp(a->param, b->param, a->nall * sizeof(*a->param)) == 0;
}

static double
distance(const struct nf_flow *a, const struct nf_flow *b)
{
	double e = 0;
	size_t k;

	for (k = 0; k < a->nall; k++)
		e = larger(e, fabs((double)(a->param[k] - b->param[k])));
	return e;
}

/* ---- the same again --------------------------------------------------- */

static void
test_repeatable(const struct data *t)
{
	struct nf_train_opt o = options();
	struct nf_flow *a, *b;
	double first, last, e;
	uint32_t k;

	a = flow(1, 0.1);
	first = train(a, 1, &o, t, NULL, 1);
	nf_flow_free(a);
	a = flow(1, 0.1);
	last = train(a, 1, &o, t, NULL, 20);
	ok(last < first - 0.5, "the loss falls: %.3f to %.3f", first, last);
	nf_flow_free(a);
	for (k = 1; k <= 3; k += 2) {
		a = flow(1, 0.1);
		b = flow(1, 0.1);
		train(a, k, &o, t, t->weight, 2);
		train(b, k, &o, t, t->weight, 2);
		ok(same(a, b), "twice the same by %u threads", k);
		nf_flow_free(a);
		nf_flow_free(b);
	}
	a = flow(1, 0.1);
	b = flow(1, 0.1);
	train(a, 1, &o, t, NULL, 1);
	e = fabs(train(b, 3, &o, t, NULL, 1) - first);
	ok(e <= 1e-4, "1 and 3 threads: losses to %.1g, parameters to %.1g",
	    e, distance(a, b));
	o.seed++;
	nf_flow_free(b);
	b = flow(1, 0.1);
	train(b, 1, &o, t, NULL, 1);
	ok(!same(a, b), "another seed, another order");
	nf_flow_free(a);
	nf_flow_free(b);
}

/*
 * What a thread count gives, it gives however many threads there are: inside
 * another team's region there is but one.
 */
static void
test_fewer(const struct data *t, int batch_norm)
{
	struct nf_train_opt o = options();
	struct nf_flow *a = flow(batch_norm, 0.1), *b = flow(batch_norm, 0.1);

	train(a, 3, &o, t, t->weight, 1);
#pragma omp parallel num_threads(2)
#pragma omp single
	train(b, 3, &o, t, t->weight, 1);
	ok(same(a, b), "three threads asked for, one given%s",
	    batch_norm ? ", batch norm" : "");
	nf_flow_free(a);
	nf_flow_free(b);
}

/* Without batch norm a batch is shared out whole. */
static void
test_shares(const struct data *t)
{
	struct nf_train_opt o = options();
	struct nf_flow *f;
	double first = 0, e = 0, loss;
	uint32_t k;

	for (k = 1; k <= 5; k += 2) {
		f = flow(0, 0.3);
		loss = train(f, k, &o, t, t->weight, 2);
		first = k == 1 ? loss : first;
		e = larger(e, fabs(loss - first));
		nf_flow_free(f);
	}
	ok(e <= 1e-4, "shares of 1, 3 and 5 threads: losses to %.1g", e);
	o.batch = 2;			/* fewer rows than threads */
	f = flow(0, 0);
	first = train(f, 1, &o, t, NULL, 1);
	nf_flow_free(f);
	f = flow(0, 0);
	near(train(f, 5, &o, t, NULL, 1), first, 1e-3, "two rows for five");
	nf_flow_free(f);
}

static void
same_state(const struct nf_flow *a, const struct nf_flow *b,
    const struct nf_train_state *sa, const struct nf_train_state *sb)
{
	size_t nbyte = a->nparam * sizeof(nf_real);

	ok(same(a, b), "gone on bit for bit");
	ok(memcmp(sa->adam_m, sb->adam_m, nbyte) == 0 &&
	    memcmp(sa->adam_v, sb->adam_v, nbyte) == 0 &&
	    sa->step == sb->step && sa->epoch == sb->epoch &&
	    sa->batch == sb->batch && sa->sum_nll == sb->sum_nll &&
	    sa->sum_norm == sb->sum_norm && sa->taken == sb->taken &&
	    sa->sum_weight == sb->sum_weight && sa->skipped == sb->skipped &&
	    sa->skipped_run == sb->skipped_run,
	    "moments, steps and sums too");
}

/*
 * Stop in the middle of the second epoch and go on with new objects, to its
 * end and to the end of the next.  One row is broken, so batches are skipped.
 */
static void
test_resume(const struct data *t, int batch_norm, uint32_t nthread,
    uint32_t stop)
{
	struct nf_flow *a = flow(batch_norm, 0.2), *b = flow(batch_norm, 0.2);
	struct nf_train_state sa = state_of(a), sb = state_of(b);
	struct nf_train_opt o = options();
	struct nf_dev *d = open_device(nthread);
	struct nf_trainer *ta, *tb;
	struct nf_err err;
	int rc;

	ta = trainer(d, a, &o, t, t->weight);
	epochs(ta, 2, &sa);

	tb = trainer(d, b, &o, t, t->weight);
	epochs(tb, 1, &sb);
	rc = nf_trainer_run(tb, stop, &err);
	must(rc, &err);
	must(nf_trainer_get(tb, &sb, &err), &err);
	ok(rc == (stop >= ROWS / BATCH) && sb.epoch == 1 &&
	    sb.batch == stop && sb.skipped <= 1 &&
	    sb.step + sb.skipped + 1 == ROWS / BATCH + stop,
	    "stopped after %u batches of the second epoch", stop);
	nf_trainer_free(tb);
	tb = trainer(d, b, &o, t, t->weight);
	must(nf_trainer_set(tb, &sb, &err), &err);
	epochs(tb, 1, &sb);
	same_state(a, b, &sa, &sb);
	epochs(ta, 1, &sa);
	epochs(tb, 1, &sb);
	same_state(a, b, &sa, &sb);
	nf_trainer_free(ta);
	nf_trainer_free(tb);
	state_free(&sa);
	state_free(&sb);
	nf_flow_free(a);
	nf_flow_free(b);
	nf_dev_close(d);
}

/* ---- dropout ---------------------------------------------------------- */

/* All rows alike and a rate of 0: only the masks tell epochs apart. */
static void
test_masks(struct data *t)
{
	struct nf_flow *f = flow(0, 0.5);
	struct nf_rowset rows = { BATCH, t->x, t->context, NULL };
	struct nf_train_opt o = options();
	struct nf_train_state st = { 0 };
	struct nf_dev *d = open_device(1);
	static struct data alike;
	double loss[3];
	struct nf_trainer *tr;
	struct nf_err err;
	int i;

	for (i = 0; i < BATCH; i++) {
		memcpy(alike.x + i * D, t->x, D * sizeof(nf_real));
		memcpy(alike.context + i * C, t->context,
		    C * sizeof(nf_real));
	}
	rows.x = alike.x;
	rows.context = alike.context;
	o.lr = o.lr_min = 0;
	must(nf_trainer_new(&tr, d, f, &o, &rows, &err), &err);
	for (i = 0; i < 3; i++) {
		epochs(tr, 1, &st);
		loss[i] = st.sum_nll;
	}
	ok(loss[0] != loss[1] && loss[1] != loss[2] && loss[0] != loss[2],
	    "every epoch has masks of its own");
	nf_trainer_free(tr);
	nf_flow_free(f);
	nf_dev_close(d);
}

/* Dropping all, before a block's last layer: only its bias is left. */
static void
test_place(const struct data *t)
{
	struct nf_flow *f = flow(0, 0);
	const struct nf_block_at *b = &f->step[1].block[1];
	struct nf_dev *d = open_device(1);
	size_t H = f->shape.hidden;
	struct pass p;

	f->shape.dropout = 1 - 1e-9;
	pass_new(&p, d, f, BATCH);
	pass_run(&p, t->x, t->context, NULL);
	ok(max_abs(H * H, p.grad + b->linear_weight[1]) == 0 &&
	    max_abs(H * H, p.grad + b->linear_weight[0]) == 0 &&
	    max_abs(H, p.grad + b->linear_bias[1]) > 0,
	    "dropout stands before a block's last layer");
	pass_free(&p);
	nf_flow_free(f);
	nf_dev_close(d);
}

/* ---- batches that are not finite -------------------------------------- */

/* One row in ten batches is broken: its batch is left out, each epoch. */
static void
test_skip(struct data *t, double broken, const char *what)
{
	struct nf_train_state st = { 0 };
	struct nf_train_opt o = options();
	struct nf_flow *f = flow(1, 0);
	struct nf_dev *d = open_device(1);
	nf_real keep = t->x[7 * D + 1];
	struct nf_trainer *tr;
	struct nf_err err;

	t->x[7 * D + 1] = (nf_real)broken;
	tr = trainer(d, f, &o, t, NULL);
	epochs(tr, 1, &st);
	ok(st.skipped == 1 && st.taken == ROWS / BATCH - 1 &&
	    st.step == ROWS / BATCH - 1 && st.batch == ROWS / BATCH &&
	    st.sum_weight == BATCH * (ROWS / BATCH - 1.0),
	    "a row of %s: one batch of ten left out", what);
	epochs(tr, 3, &st);
	ok(isfinite(st.sum_nll) && isfinite(st.sum_norm) &&
	    nf_flow_check(f, &err) == 0, "all else stays finite");
	nf_trainer_free(tr);
	nf_dev_close(d);
	nf_flow_free(f);
	t->x[7 * D + 1] = keep;
}

/* All batches broken: an error after some, and nothing has changed. */
static void
test_hopeless(const struct data *t, uint32_t max_skipped)
{
	struct nf_flow *f = flow(1, 0), *before = flow(1, 0);
	struct nf_train_opt o = options();
	static struct data bad;
	struct nf_train_state st = { 0 };
	struct nf_dev *d = open_device(1);
	struct nf_trainer *tr;
	struct nf_err err = { 0 };
	int i;

	bad = *t;
	for (i = 0; i < ROWS; i++)
		bad.context[i * C] = NAN;
	o.max_skipped = max_skipped;
	tr = trainer(d, f, &o, &bad, NULL);
	for (i = 1; i < (int)max_skipped; i++)
		must(nf_trainer_run(tr, 1, &err), &err);
	ok(nf_trainer_run(tr, 1, &err) == -1 && err.code == NF_EDATA &&
	    strncmp(err.msg, "epoch 1: ", 9) == 0,
	    "given up after %u batches: %s", max_skipped, err.msg);
	must(nf_trainer_get(tr, &st, &err), &err);
	ok(same(f, before) && st.step == 0 && st.taken == 0 &&
	    st.skipped == st.skipped_run && st.skipped >= 1,
	    "with parameters and statistics as before");
	nf_trainer_free(tr);
	nf_dev_close(d);
	nf_flow_free(f);
	nf_flow_free(before);
}

/* None allowed, and none there. */
static void
test_strict(const struct data *t)
{
	struct nf_train_opt o = options();
	struct nf_flow *f = flow(1, 0);
	struct nf_dev *d = open_device(1);
	struct nf_trainer *tr;
	struct nf_err err;

	o.max_skipped = 0;
	tr = trainer(d, f, &o, t, NULL);
	ok(nf_trainer_run(tr, 2, &err) == 0, "sound batches are never many");
	nf_trainer_free(tr);
	nf_dev_close(d);
	nf_flow_free(f);
}

/* A run of broken batches may reach over the end of an epoch. */
static void
test_patient(const struct data *t)
{
	struct nf_train_opt o = options();
	struct nf_train_state st = { 0 };
	struct nf_flow *f = flow(0, 0);
	static struct data bad;
	struct nf_dev *d = open_device(1);
	struct nf_trainer *tr;
	struct nf_err err;
	int i, rc = 0;

	bad = *t;
	for (i = 0; i < ROWS; i++)
		bad.x[i * D] = NAN;
	o.max_skipped = 12;
	tr = trainer(d, f, &o, &bad, NULL);
	must(nf_trainer_run(tr, UINT64_MAX, &err), &err);
	must(nf_trainer_next(tr, &err), &err);
	rc = nf_trainer_run(tr, 1, &err);
	must(rc, &err);
	must(nf_trainer_get(tr, &st, &err), &err);
	ok(rc == 0 && st.skipped_run == 11 && st.skipped == 1,
	    "11 broken batches over two epochs are borne");
	ok(nf_trainer_run(tr, 1, &err) == -1, "12 are not");
	nf_trainer_free(tr);
	nf_dev_close(d);
	nf_flow_free(f);
}

/* ---- weights ---------------------------------------------------------- */

static void
test_weights(struct data *t)
{
	struct nf_train_opt o = options();
	struct nf_flow *a = flow(1, 0), *b = flow(1, 0), *c = flow(1, 0);
	nf_real weight[ROWS];
	double plain, twos, signs;
	int i;

	for (i = 0; i < ROWS; i++)
		weight[i] = 2;
	plain = train(a, 1, &o, t, NULL, 3);
	twos = train(b, 1, &o, t, weight, 3);
	ok(same(a, b) && twos == plain, "weights of 2 are no weights");
	for (i = 0; i < ROWS; i++)
		weight[i] = i % 5 == 0 ? -1 : 1;
	signs = train(c, 1, &o, t, weight, 20);
	ok(isfinite(signs) && signs < plain && !same(a, c),
	    "negative weights train: %.3f to %.3f", plain, signs);
	nf_flow_free(a);
	nf_flow_free(b);
	nf_flow_free(c);
}

/* A weight of 3 is a row given three times. */
static void
test_copies(const struct data *t)
{
	struct nf_flow *a = flow(0, 0), *b = flow(0, 0);
	static struct data many;
	struct nf_rowset once = { 100, t->x, t->context, many.weight };
	struct nf_rowset thrice = { 0, many.x, many.context, NULL };
	struct nf_train_opt o = options();
	struct nf_train_state sa = { 0 }, sb = { 0 };
	struct nf_dev *d = open_device(1);
	struct nf_trainer *ta, *tb;
	struct nf_err err;
	uint32_t n = 0, i, k;

	for (i = 0; i < 100; i++) {
		many.weight[i] = i % 3 == 0 ? 3 : 1;
		for (k = 0; k < (i % 3 == 0 ? 3u : 1u); k++, n++) {
			memcpy(many.x + n * D, t->x + i * D,
			    D * sizeof(nf_real));
			memcpy(many.context + n * C, t->context + i * C,
			    C * sizeof(nf_real));
		}
	}
	thrice.nrow = n;
	o.batch = 1000;			/* all rows there are */
	must(nf_trainer_new(&ta, d, a, &o, &once, &err), &err);
	must(nf_trainer_new(&tb, d, b, &o, &thrice, &err), &err);
	ok(nf_trainer_batch(ta) == 100 && nf_trainer_batch(tb) == n &&
	    nf_trainer_nbatch(tb) == 1, "a batch takes what there is");
	epochs(ta, 1, &sa);
	epochs(tb, 1, &sb);
	near(sa.sum_nll / sa.sum_weight, sb.sum_nll / sb.sum_weight, 1e-5,
	    "a weight of 3 is a row three times");
	near(sa.sum_norm, sb.sum_norm, 1e-4 * sb.sum_norm, "its gradient too");
	nf_trainer_free(ta);
	nf_trainer_free(tb);
	nf_flow_free(a);
	nf_flow_free(b);
	nf_dev_close(d);
}

/* ---- clipping and validation ------------------------------------------ */

/* Adam's first step forgets the scale, its moments do not. */
static void
test_clip(const struct data *t)
{
	struct nf_train_opt o = options();
	struct nf_dev *d = open_device(1);
	double norm[2], first[2];
	struct nf_err err;
	size_t k;
	int i;

	for (i = 0; i < 2; i++) {
		struct nf_flow *f = flow(1, 0);
		struct nf_train_state st = state_of(f);
		struct nf_trainer *tr;

		o.clip_norm = i == 0 ? 0 : 0.1;
		tr = trainer(d, f, &o, t, NULL);
		must(nf_trainer_run(tr, 1, &err), &err);
		must(nf_trainer_get(tr, &st, &err), &err);
		norm[i] = st.sum_norm;
		first[i] = 0;
		for (k = 0; k < f->nparam; k++)
			first[i] += (double)st.adam_m[k] *
			    (double)st.adam_m[k];
		first[i] = sqrt(first[i]) / (1 - o.beta1);
		nf_trainer_free(tr);
		state_free(&st);
		nf_flow_free(f);
	}
	ok(norm[0] > 0.1 && norm[0] == norm[1],
	    "the norm that is told is the gradient's own: %.3f", norm[0]);
	near(first[0], norm[0], 1e-4 * norm[0], "unclipped");
	near(first[1], 0.1, 1e-5, "clipped to 0.1");
	nf_dev_close(d);
}

/* The loss of rows in evaluation mode, as training leaves the flow. */
static void
test_nll(const struct data *t)
{
	struct nf_rowset rows = { ROWS, t->x, t->context, NULL };
	struct nf_train_opt o = options();
	struct nf_train_state st = { 0 };
	struct nf_flow *f = flow(1, 0.3);
	double logp[ROWS], nll, sum, weight;
	struct nf_dev *d = open_device(1);
	struct nf_trainer *tr = trainer(d, f, &o, t, NULL);
	struct nf_err err;
	int i, k;

	for (k = 0; k < 2; k++) {	/* it follows the parameters */
		epochs(tr, 1, &st);
		density(d, f, ROWS, t->x, t->context, NULL, logp);
		rows.weight = k == 0 ? NULL : t->weight;
		for (sum = weight = 0, i = 0; i < ROWS; i++) {
			double w = k == 0 ? 1 : (double)t->weight[i];

			sum -= w * logp[i];
			weight += w;
		}
		must(nf_trainer_nll(tr, &rows, &nll, &err), &err);
		near(nll, sum / weight, 1e-12, "mean negative log-likelihood");
	}
	nf_trainer_free(tr);
	nf_flow_free(f);
	nf_dev_close(d);
}

/* ---- what is refused -------------------------------------------------- */

static void
refused(const struct nf_rowset *rows, uint32_t batch, const char *what)
{
	struct nf_train_opt o = options();
	struct nf_flow *f = flow(1, 0);
	struct nf_dev *d = open_device(1);
	struct nf_trainer *tr;
	struct nf_err err = { 0 };

	o.batch = batch;
	ok(nf_trainer_new(&tr, d, f, &o, rows, &err) == -1 && tr == NULL &&
	    err.msg[0] != '\0', "%s is refused: %s", what, err.msg);
	nf_flow_free(f);
	nf_dev_close(d);
}

static void
test_refused(const struct data *t)
{
	static nf_real weight[ROWS];
	struct nf_rowset rows = { ROWS, t->x, t->context, NULL };
	int i;

	rows.nrow = 0;
	refused(&rows, BATCH, "no row");
	rows.nrow = 1;
	refused(&rows, BATCH, "one row with batch norm");
	rows.nrow = ROWS;
	refused(&rows, 1, "a batch of one with batch norm");
	rows.nrow = (uint64_t)1 << 32;
	refused(&rows, BATCH, "2^32 rows");
	rows.nrow = ROWS;
	rows.weight = weight;
	refused(&rows, BATCH, "weights of 0");
	for (i = 0; i < ROWS; i++)
		weight[i] = i % 2 == 0 ? -1 : (nf_real)0.5;
	refused(&rows, BATCH, "a negative sum of weights");
	weight[3] = NAN;
	refused(&rows, BATCH, "a weight that is NaN");
	weight[3] = INFINITY;
	refused(&rows, BATCH, "a weight that is infinite");
}

int
main(void)
{
	static struct data t;

	make_data(&t);
	test_repeatable(&t);
	test_fewer(&t, 1);
	test_fewer(&t, 0);
	test_shares(&t);
	t.x[7 * D + 1] = NAN;
	test_resume(&t, 1, 1, 0);
	test_resume(&t, 1, 3, 3);
	test_resume(&t, 0, 3, 4);
	test_resume(&t, 1, 1, 10);
	t.x[7 * D + 1] = t.x[8 * D + 1];
	test_masks(&t);
	test_place(&t);
	test_skip(&t, NAN, "NaN");
	test_skip(&t, INFINITY, "infinity");
	test_skip(&t, FLT_MAX, "the largest float");
	test_hopeless(&t, 1);
	test_hopeless(&t, 4);
	test_hopeless(&t, 0);
	test_strict(&t);
	test_patient(&t);
	test_weights(&t);
	test_copies(&t);
	test_clip(&t);
	test_nll(&t);
	test_refused(&t);
	return done();
}
