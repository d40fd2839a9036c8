/*
 * Golden vectors: numbers that an independent implementation in float64 gave
 * for a spline and for a tiny flow of closed-form weights.
 */
#include "flows.h"
#include "golden.h"
#include "train.h"

#ifdef NF_REF
#define TOL	2e-12		/* the vectors have 12 digits */
#else
#define TOL	4e-6
#endif

/* ---- the spline ------------------------------------------------------- */

#define BINS	4
#define P	(3 * BINS - 1)

static const double spline_golden[][3] = {	/* x, y, logdet */
	{ -1, -1, 0 },
	{ -0.9999999, -0.999999899999927, 1.46074487150649e-06 },
	{ -0.6, 0.011601184577507, -0.139575253244847 },
	{ -0.1, 0.273665890528144, -0.827952844104382 },
	{ 0, 0.320026756609216, -0.694655329563684 },
	{ 0.25, 0.452069363669138, -1.32024747660375 },
	{ 0.7, 0.526633716974861, -1.25836103079547 },
	{ 0.999, 0.998991818637119, 0.0162496299530235 },
	{ 1, 1, 0 },
	{ 1.0000001, 1.0000001, 0 },
	{ -1.5, -1.5, 0 },
};
#define NSPLINE ((int)(sizeof(spline_golden) / sizeof(spline_golden[0])))

static void
test_spline(struct nf_dev *d)
{
	nf_real bias[P], weight[P] = { 0 }, one = 1, v, y;
	struct nf_spline s = { .final = { .nin = 1, .nout = P }, .nt = 1,
		.bins = BINS, .tail_bound = 1, .min_width = 1e-3,
		.min_height = 1e-3, .min_derivative = 1e-3,
		.logit_scale = 1 };
	struct nf_mat h, x;
	double logdet, *ld;
	int i, k;

	for (k = 0; k < BINS; k++) {
		bias[k] = (nf_real)sin(k + 0.3);
		bias[BINS + k] = (nf_real)cos(1.7 * k - 0.2);
		if (k < BINS - 1)
			bias[2 * BINS + k] =
			    (nf_real)(0.5 * sin(2.1 * k + 0.9));
	}
	s.final.w = device(d, weight, sizeof(weight));
	s.final.b = device(d, bias, sizeof(bias));
	h = nf_mat(device(d, &one, sizeof(one)), 1, 1);
	x = nf_mat(device(d, NULL, sizeof(v)), 1, 1);
	ld = device(d, NULL, sizeof(*ld));
	for (i = 0; i < NSPLINE; i++) {
		const double *want = spline_golden[i];

		v = (nf_real)want[0];
		d->ops->upload(d, x.x, &v, sizeof(v));
		d->ops->zero(d, ld, sizeof(*ld));
		d->ops->spline(d, 1, &s, h, x, ld, NULL);
		fetch(d, &y, x.x, sizeof(y));
		fetch(d, &logdet, ld, sizeof(logdet));
		near((double)y, want[1], TOL, "spline of %g", want[0]);
		near(logdet, want[2], 5 * TOL, "its log derivative");
		d->ops->spline_inverse(d, 1, &s, h, x, ld);
		fetch(d, &y, x.x, sizeof(y));
		fetch(d, &logdet, ld, sizeof(logdet));
		near((double)y, want[0], TOL, "the inverse comes back");
		near(logdet, 0, 5 * TOL, "so does its log derivative");
	}
	d->ops->free(d, (void *)s.final.w);
	d->ops->free(d, (void *)s.final.b);
	d->ops->free(d, h.x);
	d->ops->free(d, x.x);
	d->ops->free(d, ld);
}

/* ---- the tiny flow ---------------------------------------------------- */

#define D	3
#define C	2
#define N	4

static struct nf_flow *
tiny(nf_real *x, nf_real *context)
{
	struct nf_shape shape;
	struct nf_flow *f;
	uint32_t i, j;

	golden_shape(&shape);
	f = flow_of(&shape);
	ok(f->ntensor == 48, "48 tensors");
	golden_init(f);
	for (i = 0; i < N; i++) {
		for (j = 0; j < D; j++)
			x[i * D + j] =
			    (nf_real)(1.5 * sin(0.9 * i + 1.1 * j + 0.5));
		for (j = 0; j < C; j++)
			context[i * C + j] =
			    (nf_real)cos(0.6 * i - 0.8 * j);
	}
	return f;
}

/* n numbers that stand in a tensor's place of x (param, or gradients). */
static void
check(const struct nf_flow *f, const char *name, const nf_real *x,
    const double *want, size_t n)
{
	const struct nf_tensor *t = nf_flow_tensor(f, name);

	if (!ok(t != NULL && t->n == n, "%s has %zu numbers", name, n))
		return;
	near(max_diff(n, x + t->offset, want), 0, TOL, "%s", name);
}

static void
test_density(struct nf_dev *d, const struct nf_flow *f, const nf_real *x,
    const nf_real *context)
{
	static const double z[] = {
		0.122962874953, -0.112081041077, 0.836303549653,
		0.467601386660, -0.087988211653, 0.551222574547,
		0.850153302346, 0.299365290962, -0.070286534181,
		0.928864112594, 0.594603271595, -0.452284374694 };
	static const double logdet[] = { -3.911211189687, -3.810134371711,
		-3.996847689303, -4.776250140878 };
	static const double logp[] = { -7.031569617075, -6.832069625769,
		-7.162323494822, -8.243517113416 };
	nf_real gz[N * D], gx[N * D];
	double gp[N], gd[N], wx[N * D];
	int i;

	density(d, f, N, x, context, gz, gp);
	near(max_diff(N * D, gz, z), 0, TOL, "z");
	inverse(d, f, N, gz, context, gx, gd);
	for (i = 0; i < N * D; i++)
		wx[i] = (double)x[i];
	near(max_diff(N * D, gx, wx), 0, 5 * TOL, "the inverse of z is x");
	for (i = 0; i < N; i++) {
		near(gp[i], logp[i], 3 * TOL, "log p of row %d", i);
		near(gd[i], -logdet[i], 5 * TOL,
		    "log determinant of the inverse");
	}
}

/* One LU alone: its log determinant, for nothing else gives it singly. */
static double
lu_logdet(struct nf_dev *d, const struct nf_net *net, uint32_t layer)
{
	struct nf_lu lu = net->lu;
	void *m = device(d, NULL, D * D * sizeof(nf_real));
	void *bias = device(d, NULL, D * sizeof(nf_real));
	double logdet, *p = device(d, NULL, sizeof(*p));

	lu.nlayer = 1;
	lu.at += layer;
	lu.row += layer * D;
	lu.col += layer * D;
	d->ops->lu_fold(d, &lu, 0, m, bias, p);
	fetch(d, &logdet, p, sizeof(logdet));
	d->ops->free(d, m);
	d->ops->free(d, bias);
	d->ops->free(d, p);
	return logdet;
}

/* Row 0 of a state, put back into the order of the features. */
static void
check_state(struct nf_dev *d, struct nf_mat m, const int32_t *order,
    const double *want, const char *what)
{
	nf_real row[D], x[D];
	int j;

	fetch(d, row, m.x, sizeof(row));
	for (j = 0; j < D; j++)
		x[order[j]] = row[j];
	near(max_diff(D, x, want), 0, TOL, "%s", what);
}

/* Permutation and LU are one matrix here, so two stages of three show. */
static void
test_stages(struct nf_dev *d, const struct nf_flow *f, const nf_real *x,
    const nf_real *context)
{
	static const double lu[][D] = {
		{ 0.314077787630, 0.254308242691, 1.305178128520 },
		{ 0.047870381599, 0.736065596571, -0.308122218152 } };
	static const double coupling[][D] = {
		{ 0.106562064077, 0.254308242691, 1.305178128520 },
		{ 0.047870381599, 0.708875993417, -0.308122218152 } };
	static const double ld[] = { -1.847977590362, -0.452989958622,
		-1.653267885638 };
	static const int32_t order[][D] = { { 0, 2, 1 }, { 1, 0, 2 } };
	struct nf_linear l = { .nin = D, .nout = D };
	double logdet, sum = 0;
	struct nf_net *net;
	struct nf_work *w;
	struct nf_err err;
	struct nf_mat y, in;
	uint32_t i;

	must(nf_net_new(&net, d, f, &err), &err);
	must(nf_work_new(&w, net, d, N, 0, &err), &err);
	y = nf_mat(device(d, NULL, N * D * sizeof(nf_real)), D, D);
	d->ops->upload(d, w->x.x, x, N * D * sizeof(*x));
	d->ops->upload(d, w->context.x, context, N * C * sizeof(*x));
	nf_work_context(w, N, 2);
	nf_net_fold(net, d);
	nf_net_forward(net, w, N);
	for (i = 0; i < 2; i++) {
		l.w = net->fold + i * D * D;
		l.b = net->fold_bias + i * D;
		in = i == 0 ? w->x : w->state[i - 1];
		in.ncol = D;
		d->ops->linear(d, N, &l, in, y);
		check_state(d, y, order[i], lu[i], "permutation and LU");
		check_state(d, w->state[i], order[i], coupling[i],
		    "coupling");
	}
	for (i = 0; i < 3; i++) {
		logdet = lu_logdet(d, net, i);
		near(logdet, ld[i], TOL, "log determinant of LU %u", i);
		sum += logdet;
	}
	fetch(d, &logdet, net->logdet, sizeof(logdet));
	near(logdet, sum, 1e-12, "that of all LUs is the sum");
	fetch(d, &logdet, w->logdet, sizeof(logdet));
	near(logdet, 0.035325285015 + 0.007698959919, 2 * TOL,
	    "log determinant of both couplings");
	d->ops->free(d, y.x);
	nf_work_free(w);
	nf_net_free(net);
}

static void
test_gradients(struct nf_dev *d, const struct nf_flow *f, const nf_real *x,
    const nf_real *context)
{
	static const double bias[] = { -1.042257533803, 0.681786360483,
		-0.103417687871 };
	static const double lower[] = { -0.187195742361, -0.013307118518,
		0.010819107070 };
	static const double upper[] = { -0.817394419405, -0.055642082968,
		0.128208020904 };
	static const double diag[] = { -0.449019507377, -0.551437046397,
		-0.790404344492 };
	static const double norm[] = { 0.007361013563, -0.011829801639,
		0.001306661613, -0.005256141774 };
	static const double gate[] = { -0.042960451363, 0.040399790847,
		-0.006535584245, -0.055473867930 };
	static const double last[] = { 0.591181899292, 0.172619542650,
		0.218739777884 };
	static const double final[] = { 0.062737811968, -0.092045569468,
		-0.025872055972, 0.055179813472, 0.001840769017,
		0.101320544091, 0.008397285113, -0.111558598221,
		0.030513798958, -0.079093538797, 0.045627987919 };
	struct pass p;
	nf_real *g;

	pass_new(&p, d, f, N);
	pass_run(&p, x, context, NULL);
	g = p.grad;
	near(p.loss, 7.295236807084828, TOL, "loss");
	near(sqrt(p.squares), 3.208844514260403, TOL, "norm of the gradient");
	check(f, "step_00/lu/bias", g, bias, D);
	check(f, "step_00/lu/lower", g, lower, D);
	check(f, "step_00/lu/upper", g, upper, D);
	check(f, "step_00/lu/diag", g, diag, D);
	check(f, "step_00/net/block_00/norm_0/weight", g, norm, 4);
	check(f, "step_00/net/block_00/context/bias", g, gate, 4);
	check(f, "last/lu/bias", g, last, D);
	check(f, "step_01/net/final/bias", g, final, P);
	pass_free(&p);
}

/* A trainer whose one batch is the four rows, in whatever order. */
static void
test_step(struct nf_dev *d, struct nf_flow *f, const nf_real *x,
    const nf_real *context)
{
	static const double mean[] = { -0.321488181944, -0.252190928325,
		-0.204731362449, 0.066901355705 };
	static const double var[] = { 1.178257298704, 0.920010202584,
		1.206198142288, 1.345869140402 };
	static const double bias[] = { 0.089467732222, 0.303330763998,
		0.409829440250 };
	static const double diag[] = { -0.317310844648, -0.388465843716,
		-0.272216130355 };
	struct nf_rowset rows = { N, x, context, NULL };
	struct nf_train_opt opt = { .epochs = 9, .batch = N, .lr = 1e-2,
		.schedule = NF_CONSTANT, .beta1 = 0.9, .beta2 = 0.999,
		.eps = 1e-8, .max_skipped = 1, .seed = 3 };
	struct nf_train_state st = { 0 };
	struct nf_trainer *t;
	struct nf_err err;
	int rc;

	must(nf_trainer_new(&t, d, f, &opt, &rows, &err), &err);
	rc = nf_trainer_run(t, 1, &err);
	must(rc, &err);
	ok(rc == 1, "one batch is an epoch");
	must(nf_trainer_get(t, &st, &err), &err);
	ok(st.step == 1 && st.taken == 1 && st.batch == 1, "one step taken");
	near(st.sum_nll / st.sum_weight, 7.295236807084828, TOL,
	    "the trainer's loss");
	near(st.sum_norm, 3.208844514260403, TOL, "and norm of the gradient");
	check(f, "step_00/lu/bias", f->param, bias, D);
	check(f, "step_00/lu/diag", f->param, diag, D);
	check(f, "step_00/net/block_00/norm_0/running_mean", f->param,
	    mean, 4);
	check(f, "step_00/net/block_00/norm_0/running_var", f->param, var,
	    4);
	must(nf_trainer_next(t, &err), &err);
	must(nf_trainer_run(t, 1, &err), &err);
	must(nf_trainer_get(t, &st, &err), &err);
	near(st.sum_nll / st.sum_weight, 7.051844994846558, TOL,
	    "the next loss");
	nf_trainer_free(t);
}

int
main(void)
{
	struct nf_dev *d = open_device(1);
	nf_real x[N * D], context[N * C];
	struct nf_flow *f = tiny(x, context);

	test_spline(d);
	test_density(d, f, x, context);
	test_stages(d, f, x, context);
	test_gradients(d, f, x, context);
	test_step(d, f, x, context);
	nf_flow_free(f);
	d->ops->close(d);
	return done();
}
