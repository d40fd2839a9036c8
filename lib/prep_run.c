/*
 * Recipes at work: applied and undone.  Runs of rows go through a column's
 * chain together, op by op, so that an op meets many values at a time.
 */
#include <float.h>
#include <math.h>
#include <omp.h>

#include "prep_op.h"

/* What a recipe leans on must have been found. */
int
nf_prep_partners_check(const struct nf_prep *p, struct nf_err *err)
{
	const struct nf_op *o;
	uint32_t j, k;

	for (j = 0; j < p->ncol; j++)
		for (k = 0; k < p->chain[j].nop; k++) {
			o = &p->chain[j].op[k];
			if (o->partner != NULL && o->at == NF_PREP_NOWHERE)
				return nf_fail(err, NF_EDATA, "recipe of "
				    "column %s: %s %s: no such column; a "
				    "target may lean on a condition or a "
				    "target, a condition on a condition",
				    p->chain[j].name, o->def->name,
				    o->partner);
		}
	return 0;
}

void
nf_prep_threads(struct nf_prep *p, uint32_t nthread)
{
	p->nthread = nthread;
}

int
nf_prep_nthread(const struct nf_prep *p)
{
	return p->nthread > 0 ? (int)p->nthread : omp_get_max_threads();
}

/* ---- a run of rows ------------------------------------------------------ */

/* One run that begins where rows do, or goes on: those not left out. */
void
nf_run_begin(struct nf_run *r, const struct nf_prep *p,
    const struct nf_prep_rows *rows, uint64_t seed, uint64_t first,
    uint32_t n)
{
	uint32_t i;

	r->prep = p;
	r->rows = rows;
	r->seed = seed;
	r->first = first;
	r->nrow = 0;
	for (i = 0; i < n; i++)
		if (rows->skip == NULL || !rows->skip[first + i])
			r->row[r->nrow++] = i;
}

static double
raw_at(const struct nf_run *r, uint32_t i, ptrdiff_t column)
{
	return nf_prep_raw(r->rows, r->first + i, column);
}

static uint64_t
number_of(const struct nf_run *r, uint32_t i)
{
	const struct nf_prep_rows *rows = r->rows;

	return rows->number != NULL ? rows->number[r->first + i] :
	    rows->first + r->first + i;
}

/* The values of column j that begin with its first op are on their way. */
void
nf_run_column(struct nf_run *r, uint32_t j)
{
	const struct nf_chain *c = &r->prep->chain[j];
	uint32_t i, k;
	double x;

	r->column = j;
	r->n = r->nlate = 0;
	for (i = 0; i < r->nrow; i++) {
		x = raw_at(r, r->row[i], (ptrdiff_t)j);
		k = c->takes ? nf_chain_taker(c, x) : 0;
		if (k > 0) {
			r->late_op[r->nlate] = k;
			r->late[r->nlate++] = r->row[i];
			continue;
		}
		r->at[r->n] = r->row[i];
		r->x[r->n++] = x;
	}
	for (i = 0; i < r->nlate; i++) {
		r->at[r->n + i] = r->late[i];
		r->x[r->n + i] = raw_at(r, r->late[i], (ptrdiff_t)j);
	}
}

static struct nf_cell
cell_of(const struct nf_run *r, uint32_t i)
{
	return (struct nf_cell){ .seed = r->seed, .row = number_of(r, i),
		.column = r->column, .context = r->prep->context };
}

/* One value at op k, and what it adds to the row's slope. */
static int
step(const struct nf_run *r, uint32_t k, uint32_t i,
    int (*take)(struct nf_step *), double *x, double *slope)
{
	const struct nf_op *o = &r->prep->chain[r->column].op[k];
	struct nf_step s = { .op = o, .a = o->arg, .x = *x };
	struct nf_cell cell;

	if (o->def->flags & NF_OP_DRAWS && (take == o->def->draw ||
	    o->def->draw == NULL)) {
		cell = cell_of(r, i);
		s.u = nf_cell_draw(&cell, k);
	}
	if (o->def->flags & NF_OP_PARTNER)
		s.partner = raw_at(r, i, (ptrdiff_t)r->column + o->at);
	if (take(&s) == -1)
		return -1;
	*x = s.y;
	if (slope != NULL && o->def->slope != NULL)
		slope[i] += o->def->slope(&s);
	return 0;
}

/* Values that op k takes past those before it join the others. */
static int
join(struct nf_run *r, uint32_t k, double *slope)
{
	const struct nf_opdef *d = r->prep->chain[r->column].op[k].def;
	uint32_t l;
	int rc = 0;

	for (l = 0; l < r->nlate; l++) {
		if (r->late_op[l] != k)
			continue;
		r->at[r->n] = r->late[l];
		r->x[r->n] = 0;
		rc |= step(r, k, r->late[l], d->draw, &r->x[r->n], slope);
		r->n++;
	}
	return rc;
}

int
nf_run_op(struct nf_run *r, uint32_t k, double *slope)
{
	const struct nf_op *o = &r->prep->chain[r->column].op[k];
	uint32_t i, bad = 0;
	int rc = 0;

	if (o->def->run != NULL && slope == NULL)
		rc = o->def->run(o, r->x, r->n);
	else
		for (i = 0; i < r->n; i++)
			rc |= step(r, k, r->at[i], o->def->forward, &r->x[i],
			    slope);
	if (o->def->takes != NULL && k > 0)
		rc |= join(r, k, slope);
	for (i = 0; i < r->n; i++)
		bad |= !(fabs(r->x[i]) <= FLT_MAX);
	return rc == -1 || bad ? -1 : 0;
}

int
nf_run_fail(const struct nf_run *r, const uint32_t *see, struct nf_err *err)
{
	const struct nf_chain *c;
	struct nf_cell cell;
	uint32_t i, j, n, bad = 0;
	double x, slope = 0;
	int rc;

	for (i = 0; i < r->nrow; i++)
		for (j = 0; j < r->prep->ncol; j++) {
			c = &r->prep->chain[j];
			cell = cell_of(r, r->row[i]);
			cell.column = j;
			cell.rows = r->rows;
			cell.at = r->first + r->row[i];
			n = see == NULL ? c->nop : see[j];
			if (see != NULL && n == c->nop)
				continue;
			rc = nf_chain_forward(c, n, &cell, &x, &slope, &bad);
			if (rc == 0 && n < c->nop && (!isfinite(x) ||
			    (c->op[n].share != NULL &&
			    nf_op_value(&c->op[n], x) == -1))) {
				bad = n;
				rc = -1;
			}
			if (rc == -1)
				return nf_chain_fail(c, &cell, bad, x, err);
		}
	return nf_fail(err, NF_EDATA, "a recipe refused a value");
}

/* ---- forward ------------------------------------------------------------ */

static void
put(const struct nf_run *r, const struct nf_prep_out *out)
{
	const struct nf_chain *c = &r->prep->chain[r->column];
	int is_wide = c->op[c->nop - 1].def->flags & NF_OP_WIDE;
	uint32_t i, k;
	size_t row, at;
	double y;

	for (i = 0; i < r->n; i++) {
		row = r->first + r->at[i];
		row = out->place != NULL ? out->place[row] : row;
		for (k = 0; k < c->nout; k++) {
			y = is_wide ? k == (uint32_t)r->x[i] : r->x[i];
			at = row * out->ld + c->out + k;
			if (out->wide)
				((double *)out->x)[at] = y;
			else
				((float *)out->x)[at] = (float)y;
		}
	}
}

static int
forward_run(struct nf_run *r, const struct nf_prep_out *out, double *logjac)
{
	double slope[NF_PREP_RUN] = { 0 }, *s = logjac == NULL ? NULL : slope;
	uint32_t j, k, i;

	for (j = 0; j < r->prep->ncol; j++) {
		nf_run_column(r, j);
		for (k = 0; k < r->prep->chain[j].nop; k++)
			if (nf_run_op(r, k, s) == -1)
				return -1;
		put(r, out);
	}
	for (i = 0; logjac != NULL && i < r->nrow; i++)
		logjac[r->first + r->row[i]] += slope[r->row[i]];
	return 0;
}

int
nf_prep_apply(const struct nf_prep *p, uint64_t seed,
    const struct nf_prep_rows *rows, const struct nf_prep_out *out,
    double *logjac, struct nf_err *err)
{
	uint64_t n = (rows->nrow + NF_PREP_RUN - 1) / NF_PREP_RUN, b;
	uint64_t first = n;
	int nthread = nf_prep_nthread(p);

	if (nf_prep_partners_check(p, err) == -1)
		return -1;
	if (!nf_prep_fitted(p))
		return nf_fail(err, NF_EUSE, "the recipe has not been fitted");
#pragma omp parallel for num_threads(nthread) schedule(dynamic, 1) if (n > 1)
	for (b = 0; b < n; b++) {
		uint64_t at = b * NF_PREP_RUN, left = rows->nrow - at;
		struct nf_err mine;
		struct nf_run r;

		nf_run_begin(&r, p, rows, seed, at, left < NF_PREP_RUN ?
		    (uint32_t)left : NF_PREP_RUN);
		if (forward_run(&r, out, logjac) == 0)
			continue;
		nf_run_fail(&r, NULL, &mine);
#pragma omp critical(nf_prep)
		if (b < first) {
			first = b;
			if (err != NULL)
				*err = mine;
		}
	}
	return first == n ? 0 : -1;
}

int
nf_prep_forward(const struct nf_prep *p, uint64_t seed, uint64_t row0,
    uint64_t nrow, const double *raw, size_t ldraw, double *out,
    size_t ldout, double *logjac, struct nf_err *err)
{
	struct nf_prep_rows rows = { .x = raw, .wide = 1, .ld = ldraw,
		.nrow = nrow, .first = row0 };
	struct nf_prep_out to = { out, 1, ldout, NULL };

	return nf_prep_apply(p, seed, &rows, &to, logjac, err);
}

/* ---- and back ----------------------------------------------------------- */

uint64_t
nf_prep_inverse(const struct nf_prep *p, uint64_t nrow, const double *in,
    size_t ldin, double *raw, size_t ldraw)
{
	uint64_t clamped = 0, i;
	int nthread = nf_prep_nthread(p);

#pragma omp parallel for reduction(+:clamped) num_threads(nthread) \
    if (nrow > NF_PREP_RUN)
	for (i = 0; i < nrow; i++) {
		double *row = raw + i * ldraw;
		uint32_t k, j;
		int n = 0;

		for (k = 0; k < p->ncol; k++) {
			j = p->order[k];
			row[j] = nf_chain_inverse(&p->chain[j],
			    in[i * ldin + p->chain[j].out], row + j, &n);
		}
		clamped += (uint64_t)n;
	}
	return clamped;
}
