/* Evaluation on the GPU's table: tiles that take turns, captured tiles. */
#include "cuda_pair.h"
#include "eval.h"

#define TILE	16
#define NROW	(TILE * 11 + 5)		/* the last tile is short */
#define D	5
#define C	3

static float x[NROW * D], context[NROW * C];

/* What evaluation gives for the rows. */
struct result {
	float z[NROW * D], draw[NROW * D], back[NROW * D];
	double logp[NROW];
};

static void
make_rows(void)
{
	int i;

	for (i = 0; i < NROW * D; i++)
		x[i] = (float)(uniform(-1, 1) + uniform(-1, 1));
	for (i = 0; i < NROW * C; i++)
		context[i] = (float)uniform(-1, 1);
}

static void
must(int rc, const struct nf_err *err)
{
	if (rc == 0)
		return;
	printf("Bail out! %s\n", err->msg);
	exit(1);
}

static struct nf_flow *
new_flow(uint64_t from)
{
	struct nf_flow *f;
	struct nf_shape s;
	struct nf_err err;

	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = 2;
	s.hidden = 70;			/* weights that are packed */
	s.blocks = 1;
	s.bins = 8;
	s.tail_bound = 2;
	must(nf_flow_new(&f, &s, &err), &err);
	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, from);
	return f;
}

struct at_work {
	struct nf_flow *f;
	struct nf_net *net;
	struct nf_eval *eval;
};

static void
open_work(struct at_work *w, int k, uint64_t from)
{
	struct nf_err err;

	w->f = new_flow(from);
	must(nf_net_new(&w->net, dev[k], w->f, &err), &err);
	must(nf_eval_new(&w->eval, w->net, &err), &err);
}

static void
close_work(struct at_work *w)
{
	nf_eval_free(w->eval);
	nf_net_free(w->net);
	nf_flow_free(w->f);
}

/* Everything that there is to ask, of draws of this seed from `first` on. */
static void
ask(struct at_work *w, uint64_t from, uint64_t first, struct result *r)
{
	struct nf_noise g = { .seed = from, .first = first, .repeat = 3,
		.draw = 2, .temperature = 0.9 };
	struct nf_err err;

	memset(r, 0, sizeof(*r));
	must(nf_eval_density(w->eval, NROW, x, context, r->z, r->logp,
	    &err), &err);
	must(nf_eval_sample(w->eval, &g, NROW, context, r->draw, &err),
	    &err);
	memcpy(r->back, r->z, sizeof(r->z));
	must(nf_eval_invert(w->eval, NROW, r->back, context, r->back, &err),
	    &err);
}

/* The same by work of its own, whose first call captures nothing. */
static void
ask_afresh(uint64_t flow, uint64_t from, uint64_t first, struct result *r)
{
	struct at_work w;

	open_work(&w, 1, flow);
	ask(&w, from, first, r);
	close_work(&w);
}

static double
worst(const float *a, const float *b)
{
	double most = 0, d;
	int i;

	for (i = 0; i < NROW * D; i++) {
		d = fabs((double)a[i] - (double)b[i]);
		most = d > most || isnan(d) ? d : most;
	}
	return most;
}

static void
test_cpu(double tol)
{
	static struct result cpu, gpu;
	struct at_work w;
	double d = 0;
	int i;

	open_work(&w, 0, 5);
	ask(&w, 99, 7, &cpu);
	close_work(&w);
	ask_afresh(5, 99, 7, &gpu);
	for (i = 0; i < NROW; i++)
		d = fmax(d, fabs(cpu.logp[i] - gpu.logp[i]));
	ok(d <= 30 * tol, "densities as the CPU's, %.2g apart", d);
	d = worst(cpu.z, gpu.z);
	ok(d <= 10 * tol, "latents as the CPU's, %.2g apart", d);
	d = worst(cpu.draw, gpu.draw);
	ok(d <= 10 * tol, "draws as the CPU's, %.2g apart", d);
	d = worst(x, gpu.back);
	ok(d <= 30 * tol, "there and back, %.2g apart", d);
}

/* What is replayed is what runs as it is, whatever has changed between. */
static void
test_replay(const char *name)
{
	static struct result want, got;
	struct nf_err err;
	struct at_work w;
	struct nf_flow *f;
	int i;

	open_work(&w, 1, 5);
	ask_afresh(5, 99, 7, &want);
	for (i = 0; i < 4; i++) {
		ask(&w, 99, 7, &got);
		ok(memcmp(&want, &got, sizeof(want)) == 0,
		    "%s: the same bytes, call %d", name, i + 1);
	}
	ask(&w, 3, 1000000007, &got);
	ask_afresh(5, 3, 1000000007, &want);
	ok(memcmp(&want, &got, sizeof(want)) == 0, "%s: other draws", name);

	f = new_flow(8);
	dev[1]->ops->upload(dev[1], w.net->param, f->param,
	    f->nall * sizeof(float));
	nf_flow_free(f);
	nf_eval_refresh(w.eval);
	ask(&w, 3, 4, &got);
	ask(&w, 3, 4, &got);
	close_work(&w);

	f = new_flow(8);		/* w's orders are those of seed 5 */
	open_work(&w, 1, 5);
	memcpy(w.f->param, f->param, f->nall * sizeof(float));
	dev[1]->ops->upload(dev[1], w.net->param, f->param,
	    f->nall * sizeof(float));
	must(dev[1]->ops->sync(dev[1], &err), &err);
	nf_flow_free(f);
	ask(&w, 3, 4, &want);
	ok(memcmp(&want, &got, sizeof(want)) == 0, "%s: other weights", name);
	close_work(&w);
}

/* Precision and tile are the device's, and may change between calls. */
static void
test_changes(void)
{
	static struct result want, got;
	struct at_work w;
	int i;

	open_work(&w, 1, 5);
	for (i = 0; i < 2; i++)
		ask(&w, 99, 7, &got);
	dev[1]->precision = NF_BF16;
	for (i = 0; i < 3; i++)
		ask(&w, 99, 7, &got);
	ask_afresh(5, 99, 7, &want);
	ok(memcmp(&want, &got, sizeof(want)) == 0, "another precision");
	dev[1]->tile = 2 * TILE;
	for (i = 0; i < 3; i++)
		ask(&w, 99, 7, &got);
	ask_afresh(5, 99, 7, &want);
	ok(memcmp(&want, &got, sizeof(want)) == 0, "another tile");
	dev[1]->precision = NF_FP32;
	dev[1]->tile = TILE;
	close_work(&w);
}

/* Rows in the device's memory are worked on as those that come. */
static void
test_here(void)
{
	struct area *ax = vec(REAL, NROW * D, 0, 0);
	struct area *ac = vec(REAL, NROW * C, 0, 0);
	float weight[NROW];
	double there = 0, here = 1;
	struct nf_err err;
	struct at_work w;
	int i;

	memcpy(host(ax), x, sizeof(x));
	memcpy(host(ac), context, sizeof(context));
	for (i = 0; i < NROW; i++)
		weight[i] = (float)uniform(0, 2);
	open_work(&w, 1, 5);
	for (i = 0; i < 3; i++) {
		must(nf_eval_nll(w.eval, 0, NROW, x, context, weight, &there,
		    &err), &err);
		must(nf_eval_nll(w.eval, 1, NROW, REAL_ON(ax, 1),
		    REAL_ON(ac, 1), weight, &here, &err), &err);
		ok(there == here, "rows on the device: %g", here);
	}
	close_work(&w);
	forget_areas();
}

/* No rows, or rows of which nothing is wanted. */
static void
test_nothing(void)
{
	static struct result want, got;
	struct nf_err err;
	struct at_work w;

	open_work(&w, 1, 5);
	ok(nf_eval_density(w.eval, 0, x, context, got.z, NULL, &err) == 0 &&
	    nf_eval_density(w.eval, NROW, x, context, NULL, NULL, &err) == 0,
	    "no rows, and nothing wanted");
	ask_afresh(5, 1, 1, &want);
	ask(&w, 1, 1, &got);
	ok(memcmp(&want, &got, sizeof(want)) == 0, "then something");
	close_work(&w);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	open_pair(argv[0]);
	make_rows();
	dev[1]->tile = TILE;
	dev[1]->precision = NF_FP32;
	test_cpu(2e-5);
	test_replay("fp32");
	dev[1]->precision = NF_TF32;
	test_replay("tf32");
	dev[1]->precision = NF_FP32;
	test_changes();
	test_here();
	test_nothing();
	close_pair();
	return done();
}
