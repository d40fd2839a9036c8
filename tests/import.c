/* A checkpoint that PyTorch wrote (tests/data/README.md). */
#include "archive.h"
#include "golden.h"

/* Rows and log densities of the golden vectors. */
static void
test_density(const struct nf_flow *f)
{
	static const double logp[] = { -7.031569617075, -6.832069625769,
		-7.162323494822, -8.243517113416 };
	nf_real x[4 * 3], context[4 * 2], z[4 * 3];
	struct nf_dev *d = open_device(1);
	double got[4];
	int i, j;

	for (i = 0; i < 4; i++) {
		for (j = 0; j < 3; j++)
			x[i * 3 + j] = (nf_real)(1.5 * sin(0.9 * i + 1.1 * j +
			    0.5));
		for (j = 0; j < 2; j++)
			context[i * 2 + j] = (nf_real)cos(0.6 * i - 0.8 * j);
	}
	density(d, f, 4, x, context, z, got);
	for (i = 0; i < 4; i++)
		near(got[i], logp[i], 1.2e-5, "log p of row %d", i);
	nf_dev_close(d);
}

/* Moments of equal gradients: m = (1 - b1^n) g, v = (1 - b2^n) g^2. */
static void
test_moments(const struct nf_model *m)
{
	static const double bias[] = { -1.042257533803, 0.681786360483,
		-0.103417687871 };
	static const double last[] = { 0.591181899292, 0.172619542650,
		0.218739777884 };
	const struct nf_train_state *st = &m->state;
	size_t a = m->flow->step[0].lu.bias, b = m->flow->step[2].lu.bias;
	double rise = 1 - pow(0.9, 12), square = 1 - pow(0.999, 12);
	int j;

	ok(m->has_train && st->step == 12 && st->epoch == 3 &&
	    st->batch == 0, "12 steps in 3 epochs");
	for (j = 0; j < 3; j++) {
		near((double)st->adam_m[a + (size_t)j], rise * bias[j], 4e-6,
		    "first moment %d", j);
		near((double)st->adam_v[b + (size_t)j], square * last[j] *
		    last[j], 1e-6, "second moment %d", j);
	}
}

static void
test_golden(void)
{
	struct nf_shape s;
	struct nf_flow *f;
	struct nf_model *m;
	const double *row;
	double most = 0;
	size_t k;

	golden_shape(&s);
	f = flow_of(&s);
	golden_init(f);
	must(take(GOOD, &m) - 1, &err);
	ok(m->flow->ntensor == 48 && memcmp(&m->flow->shape, &s,
	    sizeof(s)) == 0, "the golden flow's shape");
	ok(memcmp(m->flow->perm, f->perm, 9 * sizeof(*f->perm)) == 0,
	    "its permutations");
	for (k = 0; k < f->nall; k++)
		most = fmax(most, fabs((double)(m->flow->param[k] -
		    f->param[k])));
	near(most, 0, 1.2e-7, "its numbers");
	test_density(m->flow);
	test_moments(m);
	ok(m->history.nrow == 3, "three epochs");
	row = m->history.row[2];
	near(row[NF_HISTORY_EPOCH], 3, 0, "the third");
	near(row[NF_HISTORY_STEP], 12, 0, "after 12 steps");
	near(row[NF_HISTORY_TRAIN_NLL], 7.295236807084828, 4e-6, "loss");
	near(row[NF_HISTORY_VALID_NLL], 7.317370000748, 4e-6, "validation");
	near(row[NF_HISTORY_LR], 1e-3 * (1 + cos(0.2 * M_PI)) / 2, 1e-9,
	    "learning rate");
	ok(m->context.n == 2 && strcmp(m->context.s[1], "y1") == 0 &&
	    m->target.n == 3 && strcmp(m->target.s[2], "x2") == 0,
	    "columns without names are y0, .. and x0, ..");
	nf_model_free(m);
	nf_flow_free(f);
}

int
main(void)
{
	begin();
	test_golden();
	return done();
}
