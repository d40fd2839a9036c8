/* What an op that is to be fitted sees of the values that reach it. */
#include <math.h>
#include <string.h>

#include "prep_kernel.h"

/* The raw values at the ends of their range, and what became of them. */
static void
add_ends(struct nf_spread *s, const struct nf_run *r)
{
	double least = r->raw[r->at[0]], most = least, v;
	uint32_t lo = 0, hi = 0, i;

	for (i = 1; i < r->n; i++) {
		v = r->raw[r->at[i]];
		if (v < least) {	/* ever more rarely */
			least = v;
			lo = i;
		}
		if (v > most) {
			most = v;
			hi = i;
		}
	}
	s->raw_lo = least;
	s->at_raw_lo = r->x[lo];
	s->raw_hi = most;
	s->at_raw_hi = r->x[hi];
}

/* How often each value of the op's list is there; -1 for another one. */
static int
add_counts(const struct nf_run *r, const struct nf_op *o, uint32_t n)
{
	uint32_t count[NF_PREP_MAXVALUE], i;

	if (r->kernels->count(o, r->x, n, count) == -1)
		return -1;
	/* Whole numbers: their order does not matter. */
	for (i = 0; i < o->narg; i++)
		if (count[i] > 0) {
#pragma omp atomic
			o->share[i] += count[i];
		}
	return 0;
}

int
nf_see_is_mixed(const struct nf_chain *c, uint32_t k)
{
	return c->op[k].def->mix != NULL && k > 0 && k + 1 < c->nop &&
	    !c->op[k + 1].fitted && c->op[k + 1].def->flags & NF_OP_MOMENTS;
}

static void
add_draws(struct nf_run *r, uint32_t k, struct nf_spread *s)
{
	struct nf_spread t = { 0 };
	double z[NF_PREP_RUN];
	uint32_t n = nf_run_draws(r, k, z);

	if (n > 0)
		r->kernels->moments(z, n, &t);
	s->nz = n;
	s->z_mean = t.mean;
	s->z_m2 = t.m2;
}

/* The first op sees even what a later one takes past it. */
int
nf_see(struct nf_run *r, uint32_t k, struct nf_spread *s)
{
	const struct nf_chain *c = &r->prep->chain[r->column];
	const struct nf_op *o = &c->op[k];
	uint32_t n = k == 0 ? r->n + r->nlate : r->n;

	memset(s, 0, sizeof(*s));
	if (nf_see_is_mixed(c, k))
		add_draws(r, k, s);
	if (n == 0)
		return 0;
	if (r->kernels->moments(r->x, n, s) == -1)
		return -1;
	if (o->def->takes != NULL)
		add_ends(s, r);
	return o->share == NULL ? 0 : add_counts(r, o, n);
}

void
nf_see_add(struct nf_spread *s, const struct nf_spread *t)
{
	nf_moments_add(&s->nz, &s->z_mean, &s->z_m2, t->nz, t->z_mean,
	    t->z_m2);
	if (t->n == 0)
		return;
	nf_moments_add(&s->n, &s->mean, &s->m2, t->n, t->mean, t->m2);
	if (s->n == t->n) {		/* the first that has any */
		s->lo = t->lo;
		s->hi = t->hi;
		s->raw_lo = t->raw_lo;
		s->at_raw_lo = t->at_raw_lo;
		s->raw_hi = t->raw_hi;
		s->at_raw_hi = t->at_raw_hi;
		return;
	}
	s->lo = fmin(s->lo, t->lo);
	s->hi = fmax(s->hi, t->hi);
	if (t->raw_lo < s->raw_lo) {
		s->raw_lo = t->raw_lo;
		s->at_raw_lo = t->at_raw_lo;
	}
	if (t->raw_hi > s->raw_hi) {
		s->raw_hi = t->raw_hi;
		s->at_raw_hi = t->at_raw_hi;
	}
}
