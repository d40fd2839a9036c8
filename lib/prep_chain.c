/* A column's chain of ops: forward, fitted, and back. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "philox.h"
#include "prep_op.h"

/*
 * A number in (0, 1) for op k of a column: its own, whoever asks and when,
 * and another for a condition than for the target in the same place.
 */
static double
draw(const struct nf_cell *cell, uint32_t k)
{
	uint32_t which = cell->column * NF_PREP_MAXOP + k;
	uint64_t r = nf_philox_u64(cell->seed, NF_FOR_PREP, cell->row,
	    cell->context ? which | 0x80000000 : which);

	return ((double)(r >> 12) + 0.5) * 0x1p-52;
}

/* The op that takes a raw value past those before it, or 0. */
static uint32_t
taker(const struct nf_chain *c, double raw)
{
	uint32_t k;

	for (k = 1; k < c->nop; k++)
		if (c->op[k].def->takes != NULL &&
		    c->op[k].def->takes(&c->op[k], raw))
			return k;
	return 0;
}

int
nf_chain_forward(const struct nf_chain *c, uint32_t nop,
    const struct nf_cell *cell, double *y, double *slope, uint32_t *bad)
{
	struct nf_step s = { .y = *cell->raw };
	uint32_t start = nop > 0 ? taker(c, s.y) : 0, k;
	const struct nf_opdef *d;

	if (start > 0 && start >= nop)	/* it passes these ops by */
		return 1;
	for (k = start; k < nop; k++) {
		s.op = &c->op[k];
		s.a = s.op->arg;
		s.x = s.y;
		d = s.op->def;
		if (d->flags & NF_OP_DRAWS)
			s.u = draw(cell, k);
		if (d->flags & NF_OP_PARTNER)
			s.partner = cell->raw[s.op->at];
		if ((k == start && k > 0 ? d->draw(&s) : d->forward(&s)) ==
		    -1 || !(fabs(s.y) <= FLT_MAX)) {
			*bad = k;
			*y = s.x;
			return -1;
		}
		if (d->slope != NULL)
			*slope += d->slope(&s);
	}
	*y = s.y;
	return 0;
}

int
nf_chain_fail(const struct nf_chain *c, const struct nf_cell *cell,
    uint32_t bad, double x, struct nf_err *err)
{
	const struct nf_op *o = &c->op[bad];
	char op[64];

	if (!isfinite(*cell->raw))
		return nf_fail(err, NF_EDATA, "row %llu, column %s: the value "
		    "is %g; drop such rows, as h5cols --nonfinite=drop does",
		    (unsigned long long)cell->row + 1, c->name, *cell->raw);
	nf_op_print(o, op, sizeof(op));
	return nf_fail(err, NF_EDATA, "row %llu, column %s: %s cannot take "
	    "%.9g: %s", (unsigned long long)cell->row + 1, c->name, op, x,
	    o->def->wants != NULL ? o->def->wants :
	    "that is beyond single precision");
}

/* ---- fitting ------------------------------------------------------------ */

/* Welford, "Note on a method for calculating corrected sums", 1962. */
static void
spread_add(struct nf_spread *s, double raw, double x)
{
	double d = x - s->mean;

	s->n++;
	s->mean += d / (double)s->n;
	s->m2 += d * (x - s->mean);
	if (s->n == 1 || x < s->lo)
		s->lo = x;
	if (s->n == 1 || x > s->hi)
		s->hi = x;
	if (s->n == 1 || raw < s->raw_lo) {
		s->raw_lo = raw;
		s->at_raw_lo = x;
	}
	if (s->n == 1 || raw > s->raw_hi) {
		s->raw_hi = raw;
		s->at_raw_hi = x;
	}
}

/* Let op k see what the ops before it make of every row, and fit it. */
static int
fit_op(struct nf_chain *c, uint32_t k, struct nf_cell *cell, size_t ld,
    uint64_t nrow, const uint64_t *row, struct nf_err *err)
{
	struct nf_op *o = &c->op[k];
	struct nf_spread s = { .count = o->share };
	const double *raw = cell->raw;
	uint32_t bad = 0;
	double x, slope = 0;
	uint64_t i;
	int rc, v;

	if (s.count != NULL)
		memset(s.count, 0, o->narg * sizeof(double));
	for (i = 0; i < nrow; i++, cell->raw += ld) {
		cell->row = row == NULL ? i : row[i];
		rc = nf_chain_forward(c, k, cell, &x, &slope, &bad);
		if (rc == 1)
			continue;
		if (rc == -1 || !isfinite(x))
			return nf_chain_fail(c, cell, bad, x, err);
		spread_add(&s, *cell->raw, x);
		if (s.count == NULL)
			continue;
		v = nf_op_value(o, x);
		if (v == -1)
			return nf_chain_fail(c, cell, k, x, err);
		s.count[v]++;
	}
	cell->raw = raw;
	if (s.n == 0 && o->def->takes == NULL)
		spread_add(&s, 0, 0);	/* a spike took every row */
	rc = o->def->fit(o, &s, err);
	if (o->def->full > 0)
		o->narg = o->def->full;
	o->fitted = 1;
	if (rc == 0 && o->def->check != NULL)
		rc = o->def->check(o, err);
	return rc == 0 ? 0 : nf_fail_in(err, "recipe of column %s", c->name);
}

int
nf_chain_fit(struct nf_chain *c, const double *raw, size_t ld, uint64_t nrow,
    const uint64_t *row, uint32_t column, int context, struct nf_err *err)
{
	struct nf_cell cell = { .column = column, .context = context,
	    .raw = raw };
	uint32_t k;

	for (k = 0; k < c->nop; k++)
		if (!c->op[k].fitted &&
		    fit_op(c, k, &cell, ld, nrow, row, err) == -1)
			return -1;
	return 0;
}

/* ---- the way back ------------------------------------------------------- */

double
nf_chain_inverse(const struct nf_chain *c, double y, const double *raw,
    int *clamped)
{
	struct nf_step s = { .x = y };
	const struct nf_opdef *d;
	uint32_t k;

	for (k = c->nop; k-- > 0;) {
		s.op = &c->op[k];
		s.a = s.op->arg;
		s.y = s.x;
		d = s.op->def;
		if (d->gives != NULL && d->gives(s.op, s.y))
			return s.a[0];
		if (d->flags & NF_OP_PARTNER)
			s.partner = raw[s.op->at];
		d->inverse(&s);
	}
	*clamped += !(fabs(s.y) <= FLT_MAX);	/* seen, the last, saw it */
	return s.x;
}
