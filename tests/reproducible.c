/*
 * What comes out of a flow does not depend on how it was asked: any split
 * into calls, any number of threads, any first row; instruction sets agree to
 * rounding.
 */
#include "flows.h"

#define N	700
#define D	5
#define C	3

static nf_real x[N * D], context[N * C];

static struct nf_flow *
small_flow(void)
{
	struct nf_shape s;
	struct nf_flow *f;
	uint64_t seed = 11;

	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = 3;
	s.hidden = 17;
	s.blocks = 2;
	s.bins = 9;
	f = flow_of(&s);
	fill_flow(&seed, f, 1);
	fill(&seed, N * D, 1.3, x);
	fill(&seed, N * C, 1, context);
	return f;
}

/* A flow on a device, and numbers to cut it up by. */
struct on {
	struct nf_dev *dev;
	struct nf_net *net;
	struct nf_eval *eval;
	uint64_t seed;
};

static void
on_new(struct on *o, const struct nf_flow *f, uint32_t nthread)
{
	struct nf_err err;

	o->dev = open_device(nthread);
	o->seed = nthread;
	must(nf_net_new(&o->net, o->dev, f, &err), &err);
	must(nf_eval_new(&o->eval, o->net, &err), &err);
}

static void
on_free(struct on *o)
{
	nf_eval_free(o->eval);
	nf_net_free(o->net);
	nf_dev_close(o->dev);
}

/* A piece of n rows from lo on: 1 to most. */
static uint64_t
piece(struct on *o, uint64_t left, uint32_t most)
{
	uint64_t n = 1 + (uint64_t)((uniform(&o->seed) + 1) / 2 * most);

	return n < left ? n : left;
}

/* ---- densities -------------------------------------------------------- */

static void
density_piece(struct on *o, uint64_t lo, uint64_t n, nf_real *z,
    double *logp)
{
	struct nf_err err;

	must(nf_eval_density(o->eval, n, x + lo * D, context + lo * C,
	    z == NULL ? NULL : z + lo * D, logp == NULL ? NULL : logp + lo,
	    &err), &err);
}

/* Pieces in turn, from the last or from the first. */
static void
density_cut(struct on *o, uint32_t most, int back, nf_real *z, double *logp)
{
	uint64_t done, n;

	for (done = 0; done < N; done += n) {
		n = piece(o, N - done, most);
		density_piece(o, back ? N - done - n : done, n, z, logp);
	}
}

static void
test_density(const struct nf_flow *f)
{
	static nf_real want[N * D], z[N * D];
	static double wantp[N], logp[N];
	struct on o;
	uint32_t k;
	int good;

	on_new(&o, f, 1);
	density_piece(&o, 0, N, want, wantp);
	on_free(&o);
	for (k = 1; k <= 4; k++) {
		on_new(&o, f, k);
		density_piece(&o, 0, N, z, logp);
		good = memcmp(z, want, sizeof(z)) == 0 &&
		    memcmp(logp, wantp, sizeof(logp)) == 0;
		ok(good, "densities by %u threads", k);
		memset(z, 0, sizeof(z));
		memset(logp, 0, sizeof(logp));
		density_cut(&o, 9, 0, z, logp);
		ok(memcmp(z, want, sizeof(z)) == 0 &&
		    memcmp(logp, wantp, sizeof(logp)) == 0,
		    "in small pieces");
		memset(z, 0, sizeof(z));
		memset(logp, 0, sizeof(logp));
		density_cut(&o, 300, 1, z, NULL);
		density_cut(&o, 1, 1, NULL, logp);
		ok(memcmp(z, want, sizeof(z)) == 0 &&
		    memcmp(logp, wantp, sizeof(logp)) == 0,
		    "in large pieces and row by row from the end");
		on_free(&o);
	}
}

/* ---- draws ------------------------------------------------------------ */

static void
sample_piece(struct on *o, uint64_t seed, uint64_t lo, uint64_t n,
    uint32_t repeat, nf_real *out)
{
	struct nf_noise g = { .seed = seed, .first = lo, .repeat = repeat,
		.temperature = 1 };
	struct nf_err err;

	must(nf_eval_sample(o->eval, &g, n, context + lo / repeat * C,
	    out + lo * D, &err), &err);
}

static void
test_sample(const struct nf_flow *f, uint32_t repeat)
{
	static nf_real want[N * D], got[N * D];
	uint64_t done, n;
	struct on o;
	uint32_t k;

	on_new(&o, f, 1);
	sample_piece(&o, 5, 0, N, repeat, want);
	sample_piece(&o, 6, 0, N, repeat, got);
	ok(memcmp(want, got, sizeof(got)) != 0, "another seed, other draws");
	on_free(&o);
	for (k = 1; k <= 4; k++) {
		on_new(&o, f, k);
		memset(got, 0, sizeof(got));
		sample_piece(&o, 5, 0, N, repeat, got);
		ok(memcmp(want, got, sizeof(got)) == 0,
		    "%u draws a row by %u threads", repeat, k);
		memset(got, 0, sizeof(got));
		for (done = 0; done < N; done += n) {
			n = piece(&o, N - done, k % 2 == 0 ? 13 : 290);
			sample_piece(&o, 5, k < 3 ? done : N - done - n, n,
			    repeat, got);
		}
		ok(memcmp(want, got, sizeof(got)) == 0, "in pieces");
		on_free(&o);
	}
}

/* Draw j of row i is the same, however many are drawn of each. */
static void
test_repeat(const struct nf_flow *f)
{
	static nf_real once[N * D], thrice[N * D];
	struct on o;
	int i, good = 1;

	on_new(&o, f, 1);
	sample_piece(&o, 5, 0, N, 1, once);
	sample_piece(&o, 5, 0, N, 3, thrice);
	for (i = 0; i < N / 3; i++)
		good &= memcmp(once + i * D, thrice + 3 * i * D,
		    D * sizeof(nf_real)) == 0;
	ok(good, "the first of 3 draws is the one of 1");
	on_free(&o);
}

/* Draws have the density that the flow gives them: z is noise again. */
static void
test_noise(const struct nf_flow *f)
{
	static nf_real draw[N * D], z[N * D], noise[N * D];
	struct nf_noise g = { .seed = 5, .repeat = 1, .temperature = 1 };
	nf_real *p;
	double e = 0;
	struct on o;
	int i;

	on_new(&o, f, 1);
	sample_piece(&o, 5, 0, N, 1, draw);
	density(o.dev, f, N, draw, context, z, NULL);
	p = device(o.dev, NULL, sizeof(noise));
	o.dev->ops->noise(o.dev, N, &g, nf_mat(p, D, D));
	fetch(o.dev, noise, p, sizeof(noise));
	for (i = 0; i < N * D; i++)
		e = larger(e, fabs((double)(z[i] - noise[i])));
	ok(e <= 1e-2, "the latents of draws are the noise, to %.1g", e);
	o.dev->ops->free(o.dev, p);
	on_free(&o);
}

/* ---- instruction sets ------------------------------------------------- */

static void
test_isa(const struct nf_flow *f)
{
	static const char *const isa[] = { "portable", "avx2", "avx512" };
	static nf_real z[2][N * D], draw[2][N * D], noise[2][N * D];
	static double logp[2][N];
	struct nf_noise g = { .seed = 9, .first = 1234567, .repeat = 7,
		.temperature = 1 };
	double ez, ep, ex;
	nf_real *p;
	struct on o;
	int k, m, i;

	for (k = 0; k < 3; k++) {
		m = k > 0;
		setenv("NF_ISA", isa[k], 1);
		on_new(&o, f, 1);
		density_piece(&o, 0, N, z[m], logp[m]);
		sample_piece(&o, 5, 0, N, 2, draw[m]);
		p = device(o.dev, NULL, sizeof(noise[0]));
		o.dev->ops->noise(o.dev, N, &g, nf_mat(p, D, D));
		fetch(o.dev, noise[m], p, sizeof(noise[0]));
		o.dev->ops->free(o.dev, p);
		if (k == 0) {
			on_free(&o);
			continue;
		}
		for (ez = ep = ex = 0, i = 0; i < N * D; i++) {
			ez = larger(ez, fabs((double)(z[0][i] - z[1][i])));
			ex = larger(ex, fabs((double)(draw[0][i] -
			    draw[1][i])));
			ep = larger(ep, fabs(logp[0][i / D] -
			    logp[1][i / D]));
		}
		ok(ez <= 1e-4 && ep <= 1e-3 && ex <= 1e-3, "%s as portable: "
		    "z %.1g, log p %.1g, draws %.1g", o.dev->name, ez, ep,
		    ex);
		ok(memcmp(noise[0], noise[1], sizeof(noise[0])) == 0,
		    "the same noise to the bit");
		on_free(&o);
	}
	unsetenv("NF_ISA");
}

/* ---- little things ---------------------------------------------------- */

static void
test_odds(const struct nf_flow *f)
{
	struct nf_noise g = { .seed = 1, .first = 3, .repeat = 2,
		.temperature = 1 };
	struct nf_err err;
	nf_real z[D];
	struct on o;

	on_new(&o, f, 2);
	ok(nf_eval_density(o.eval, 0, x, context, z, NULL, &err) == 0 &&
	    nf_eval_sample(o.eval, &g, 0, context, z, &err) == 0,
	    "no rows are no error");
	ok(nf_eval_clamped(o.eval) == 0, "nothing was clamped");
	on_free(&o);
}

/* New parameters are used once refresh has been told of them. */
static void
test_refresh(struct nf_flow *f)
{
	static nf_real before[N * D], after[N * D], want[N * D];
	struct on o;

	on_new(&o, f, 1);
	density_piece(&o, 0, N, before, NULL);
	f->param[f->step[1].lu.bias] += 1;
	o.dev->ops->upload(o.dev, o.net->param, f->param,
	    f->nall * sizeof(*f->param));
	nf_eval_refresh(o.eval);
	density_piece(&o, 0, N, after, NULL);
	on_free(&o);
	on_new(&o, f, 1);
	density_piece(&o, 0, N, want, NULL);
	on_free(&o);
	ok(memcmp(before, after, sizeof(after)) != 0 &&
	    memcmp(want, after, sizeof(after)) == 0, "refreshed");
}

int
main(void)
{
	struct nf_flow *f = small_flow();

	test_density(f);
	test_sample(f, 1);
	test_sample(f, 3);
	test_sample(f, 1000);
	test_repeat(f);
	test_noise(f);
	test_isa(f);
	test_odds(f);
	test_refresh(f);
	nf_flow_free(f);
	return done();
}
