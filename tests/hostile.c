/*
 * Models that nobody would train but somebody may hand over: whatever finite
 * numbers stand in a flow, what comes out of densities and draws is finite.
 */
#include <float.h>

#include "flows.h"

#define N	150
#define D	5
#define C	3

static nf_real x[N * D], context[N * C];
static uint64_t seed = 21;

static struct nf_flow *
flow(int batch_norm, enum nf_act act)
{
	struct nf_shape s;
	struct nf_flow *f;

	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = 2;
	s.hidden = 17;
	s.blocks = 2;
	s.bins = 9;
	s.batch_norm = batch_norm;
	s.activation = act;
	f = flow_of(&s);
	fill_flow(&seed, f, 1);
	fill(&seed, N * D, 1.3, x);
	fill(&seed, N * C, 1, context);
	return f;
}

static int
all_finite(size_t n, const nf_real *v)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isfinite(v[i]))
			return 0;
	return 1;
}

/* Densities, latents and draws of f as it now is; how many were bounded. */
static int
sane(struct nf_dev *d, const struct nf_flow *f, uint64_t *clamped)
{
	struct nf_noise g = { .seed = 3, .first = 7, .repeat = 2,
		.temperature = 1 };
	static nf_real z[N * D], draw[N * D];
	static double logp[N];
	struct nf_net *net;
	struct nf_eval *e;
	struct nf_err err;
	int good, i;

	must(nf_net_new(&net, d, f, &err), &err);
	must(nf_eval_new(&e, net, &err), &err);
	must(nf_eval_density(e, N, x, context, z, logp, &err), &err);
	must(nf_eval_sample(e, &g, N, context, draw, &err), &err);
	*clamped = nf_eval_clamped(e);
	good = all_finite(N * D, z) && all_finite(N * D, draw) &&
	    nf_eval_clamped(e) == 0;
	for (i = 0; i < N; i++)
		good &= isfinite(logp[i]) != 0;
	nf_eval_free(e);
	nf_net_free(net);
	return good;
}

/* The numbers of every tensor whose name holds part. */
static void
set(struct nf_flow *f, const char *part, double value, int alternate)
{
	const struct nf_tensor *t;
	uint32_t i;
	size_t k;

	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		if (strstr(t->name, part) == NULL)
			continue;
		for (k = 0; k < t->n; k++)
			f->param[t->offset + k] = (nf_real)(alternate &&
			    uniform(&seed) > 0 ? -value : value);
	}
}

static void
test_tensors(struct nf_dev *d, int batch_norm, enum nf_act act)
{
	static const char *const part[] = { "lu/bias", "lu/lower",
		"lu/upper", "lu/diag", "initial/weight", "initial/bias",
		"norm_0/weight", "norm_1/bias", "running_mean", "running_var",
		"linear_0/weight", "linear_1/bias", "context/weight",
		"context/bias", "final/weight", "final/bias", "/lu/", "/net/",
		"" };
	static const double huge[] = { 1e30, FLT_MAX };
	uint64_t clamped, total = 0;
	struct nf_flow *f;
	size_t i, k;
	int way, good;

	for (i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		good = 1;
		for (k = 0; k < 2; k++)
			for (way = 0; way < 3; way++) {
				f = flow(batch_norm, act);
				set(f, part[i], way == 1 ? -huge[k] : huge[k],
				    way == 2);
				if (way > 0)
					set(f, "running_var", huge[k], 0);
				good &= sane(d, f, &clamped);
				total += clamped;
				nf_flow_free(f);
			}
		ok(good, "%s of 1e30 and more%s", part[i],
		    batch_norm ? ", batch norm" : "");
	}
	ok(total > 0, "%llu numbers were bounded, and that was told",
	    (unsigned long long)total);
}

static void
test_zero(struct nf_dev *d)
{
	uint64_t clamped;
	struct nf_flow *f = flow(1, NF_RELU);

	set(f, "", 0, 0);
	ok(sane(d, f, &clamped) && clamped == 0, "nothing but zeros");
	nf_flow_free(f);
}

/* Every row and every latent outside the box, or on its rim. */
static void
test_outside(struct nf_dev *d)
{
	static const double at[] = { 1, -1, 1.0000001, 2.5, -100, 1e18, 1e30,
		FLT_MAX, -FLT_MAX, 1e-45, HUGE_VAL, -HUGE_VAL, NAN };
	struct nf_flow *f = flow(1, NF_ELU);
	uint64_t clamped;
	int i, k, good = 1;

	for (k = 0; k < 13; k++) {
		for (i = 0; i < N * D; i++)
			x[i] = (nf_real)(i % 3 == 1 ? -at[k] : at[k]);
		for (i = 0; i < N * C; i++)
			context[i] = (nf_real)at[k];
		good &= sane(d, f, &clamped) && (k < 10 || clamped > 0);
	}
	ok(good, "rows far outside, infinite or no number");
	nf_flow_free(f);
}

/* Logits of +-80, then one bin with all the mass: still a flow both ways. */
static void
test_logits(struct nf_dev *d)
{
	struct nf_flow *f = flow(1, NF_RELU);
	static nf_real z[N * D], back[N * D];
	static double logp[N], logdet[N];
	uint64_t clamped;
	size_t i, k, P = 3 * 9 - 1;
	int good;

	set(f, "final/weight", 0, 0);
	set(f, "final/bias", 80, 1);
	ok(sane(d, f, &clamped), "logits of +-80");
	for (i = 0; i < 2; i++)
		for (k = 0; k < nf_ntransform(&f->shape, (uint32_t)i) * P;
		    k++)
			f->param[f->step[i].final_bias + k] = k % P == 4 ||
			    k % P == 9 + 4 ? 80 : k % P < 18 ? -80 : 0;
	ok(sane(d, f, &clamped), "one bin with all the mass");
	density(d, f, N, x, context, z, logp);
	inverse(d, f, N, z, context, back, logdet);
	good = 1;
	for (i = 0; i < N * D; i++)
		good &= fabs((double)(back[i] - x[i])) <= 1e-3;
	ok(good, "and back");
	nf_flow_free(f);
}

int
main(void)
{
	struct nf_dev *d = open_device(1);

	test_tensors(d, 1, NF_RELU);
	test_tensors(d, 0, NF_ELU);
	test_tensors(d, 1, NF_LEAKY_RELU);
	test_zero(d);
	test_outside(d);
	test_logits(d);
	nf_dev_close(d);
	return done();
}
