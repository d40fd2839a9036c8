/* What a recipe does not bring back. */
#include <math.h>
#include <stdio.h>

#include "prep_op.h"

static int
same(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(a));
}

/* An op that has lost a value on its way, and what it would give back. */
struct lost {
	uint32_t k;
	double was, is;
};

/*
 * Take a raw value through c to *y; each op that may lose is undone at once.
 * Returns how many have.
 */
static uint32_t
follow(const struct nf_chain *c, const struct nf_cell *cell,
    const double *raw, struct lost *lost, double *y)
{
	uint32_t start = c->takes ? nf_chain_taker(c, *raw) : 0, k, n = 0;
	struct nf_step s = { .y = *raw }, back;
	const struct nf_opdef *d;

	for (k = start; k < c->nop; k++) {
		s.op = &c->op[k];
		s.a = s.op->arg;
		s.x = s.y;
		d = s.op->def;
		if (d->flags & NF_OP_DRAWS)
			s.u = nf_cell_draw(cell, k);
		if (d->flags & NF_OP_PARTNER)
			s.partner = raw[s.op->at];
		if (k == start && k > 0)
			d->draw(&s);
		else if (d->forward(&s) == -1)
			return 0;
		else if (d->flags & NF_OP_LOSES) {
			back = s;
			d->inverse(&back);
			if (!same(s.x, back.x))
				lost[n++] = (struct lost){ k, s.x, back.x };
		}
	}
	*y = s.y;
	return n;
}

/*
 * A turn that one wrap loses another may bring back, so an op has lost only
 * what the whole chain has.
 */
static void
look(const struct nf_chain *c, const struct nf_cell *cell,
    struct nf_prep_loss *loss)
{
	const double *raw = (const double *)cell->rows->x +
	    cell->at * cell->rows->ld + cell->column;
	struct lost lost[NF_PREP_OPS];
	struct nf_prep_loss *l;
	uint32_t n, i;
	int clamped = 0;
	double y;

	n = follow(c, cell, raw, lost, &y);
	if (n == 0 || same(*raw, nf_chain_inverse(c, y, raw, &clamped)))
		return;
	for (i = 0; i < n; i++) {
		l = &loss[lost[i].k];
		if (l->count++ > 0)
			continue;
		l->row = cell->row;
		l->was = lost[i].was;
		l->is = lost[i].is;
	}
}

static int
may_lose(const struct nf_chain *c)
{
	uint32_t k;

	for (k = 0; k < c->nop; k++)
		if (c->op[k].def->flags & NF_OP_LOSES)
			return 1;
	return 0;
}

void
nf_prep_losses(const struct nf_prep *p, uint64_t seed, uint64_t row0,
    uint64_t nrow, const double *raw, size_t ld, struct nf_prep_loss *loss)
{
	struct nf_prep_rows rows = { .x = raw, .wide = 1, .ld = ld,
		.nrow = nrow, .first = row0 };
	int nthread = nf_prep_nthread(p);
	uint32_t j;

#pragma omp parallel for num_threads(nthread) schedule(dynamic, 1)
	for (j = 0; j < p->ncol; j++) {
		struct nf_cell cell = { .seed = seed, .column = j,
			.context = p->context, .rows = &rows };

		if (!may_lose(&p->chain[j]))
			continue;
		for (cell.at = 0; cell.at < nrow; cell.at++) {
			cell.row = row0 + cell.at;
			look(&p->chain[j], &cell,
			    loss + (size_t)j * NF_PREP_OPS);
		}
	}
}

size_t
nf_prep_loss_print(const struct nf_prep *p, uint32_t k,
    const struct nf_prep_loss *loss, char *s, size_t n)
{
	const struct nf_prep_loss *l = &loss[k];
	const struct nf_chain *c = &p->chain[k / NF_PREP_OPS];
	char op[64];

	if (l->count == 0)
		return 0;
	nf_op_print(&c->op[k % NF_PREP_OPS], op, sizeof(op));
	return (size_t)snprintf(s, n, "column %s: %s: %llu values do not come "
	    "back, the first that of row %llu: %.9g there becomes %.9g",
	    c->name, op, (unsigned long long)l->count,
	    (unsigned long long)l->row, l->was, l->is);
}
