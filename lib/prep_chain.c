/* A column's chain of ops: forward, fitted, and back. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "philox.h"
#include "prep_form.h"

/*
 * A number in (0, 1) for op k of a column: its own, whoever asks and when,
 * and another for a condition than for the target in the same place.
 */
double
nf_cell_draw(const struct nf_cell *cell, uint32_t k)
{
	return nf_form_unit(nf_philox_u64(cell->seed, NF_FOR_PREP, cell->row,
	    nf_draw_which(cell->context, cell->column, k)));
}

/* The op that takes a raw value past those before it, or 0. */
uint32_t
nf_chain_taker(const struct nf_chain *c, double raw)
{
	uint32_t k;

	for (k = 1; k < c->nop; k++)
		if (c->op[k].def->takes != NULL &&
		    c->op[k].def->takes(&c->op[k], raw))
			return k;
	return 0;
}

/* The raw value of the column that is at places from the cell's. */
static double
cell_raw(const struct nf_cell *cell, ptrdiff_t at)
{
	return nf_prep_raw(cell->rows, cell->at, (ptrdiff_t)cell->column + at);
}

int
nf_chain_forward(const struct nf_chain *c, uint32_t nop,
    const struct nf_cell *cell, double *y, double *slope, uint32_t *bad)
{
	struct nf_step s = { .y = cell_raw(cell, 0) };
	uint32_t start = nop > 0 ? nf_chain_taker(c, s.y) : 0, k;
	const struct nf_opdef *d;

	if (start > 0 && start >= nop)	/* it passes these ops by */
		return 1;
	for (k = start; k < nop; k++) {
		s.op = &c->op[k];
		s.a = s.op->arg;
		s.x = s.y;
		d = s.op->def;
		if (d->flags & NF_OP_DRAWS)
			s.u = nf_cell_draw(cell, k);
		if (d->flags & NF_OP_PARTNER)
			s.partner = cell_raw(cell, s.op->at);
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

	if (!isfinite(cell_raw(cell, 0)))
		return nf_fail(err, NF_EDATA, "row %llu, column %s: the value "
		    "is %g; drop such rows, as h5cols --nonfinite=drop does",
		    (unsigned long long)cell->row, c->name,
		    cell_raw(cell, 0));
	nf_op_print(o, op, sizeof(op));
	return nf_fail(err, NF_EDATA, "row %llu, column %s: %s cannot take "
	    "%.9g: %s", (unsigned long long)cell->row, c->name, op, x,
	    o->def->wants != NULL ? o->def->wants :
	    "that is beyond single precision");
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
