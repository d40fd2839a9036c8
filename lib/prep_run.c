/*
 * Runs of rows: they go through a column's chain together, op by op, so that
 * an op meets many values at a time.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "prep_form.h"
#include "prep_kernel.h"

const struct nf_kernels *
nf_kernels_best(void)
{
	switch (nf_cpu_isa()) {
#if defined(__x86_64__) && !defined(NF_REF)
	case NF_ISA_AVX512:
		return &nf_kernels_avx512;
	case NF_ISA_AVX2:
		return &nf_kernels_avx2;
#endif
	default:
		return &nf_kernels_portable;
	}
}

uint64_t
nf_prep_choose(uint64_t seed, uint64_t first, uint32_t n, uint64_t bound,
    uint8_t *chosen)
{
	return nf_kernels_best()->choose(seed, first, n, bound, chosen);
}

void
nf_run_begin(struct nf_run *r, const struct nf_prep *p,
    const struct nf_prep_rows *rows, uint64_t seed, uint64_t first,
    uint32_t n)
{
	uint32_t i, nrow = 0;

	r->prep = p;
	r->rows = rows;
	r->kernels = nf_kernels_best();
	r->seed = seed;
	r->first = first;
	r->panel = r->npanel = 0;
	for (i = 0; i < n; i++) {
		r->row[nrow] = i;
		nrow += rows->skip == NULL || !rows->skip[first + i];
	}
	r->nrow = nrow;
	r->in_order = 0;
}

static uint64_t
number_of(const struct nf_run *r, uint32_t i)
{
	const struct nf_prep_rows *rows = r->rows;

	return rows->number != NULL ? rows->number[r->first + i] :
	    rows->first + nf_prep_at(rows, r->first + i);
}

/* Rows that a later op takes past the others are set apart. */
static void
set_apart(struct nf_run *r, const struct nf_chain *c)
{
	const double *raw = r->raw;
	double op[NF_PREP_RUN] = { 0 };
	uint32_t i, k, is_late, n = 0, nlate = 0;

	for (k = c->nop; k-- > 1;)	/* the first has its way */
		if (c->op[k].def->takes != NULL)
			r->kernels->mark(raw, r->nrow, c->op[k].arg[0], k, op);
	for (i = 0; i < r->nrow; i++) {
		is_late = op[i] > 0;
		r->late_op[nlate] = (uint32_t)op[i];
		r->late[nlate] = i;
		nlate += is_late;
		r->at[n] = i;
		r->x[n] = raw[i];
		n += !is_late;
	}
	for (i = 0; i < nlate; i++) {
		r->at[n + i] = r->late[i];
		r->x[n + i] = raw[r->late[i]];
	}
	r->n = n;
	r->nlate = nlate;
	r->in_order = nlate == 0;
}

/* Columns from j on. */
static void
load(struct nf_run *r, uint32_t j)
{
	const struct nf_prep_rows *rows = r->rows;
	size_t size = rows->wide ? sizeof(double) : sizeof(float);
	uint32_t i;
	const void *from[NF_PREP_RUN];

	for (i = 0; i < r->nrow; i++)
		from[i] = (const char *)rows->x +
		    (nf_prep_at(rows, r->first + r->row[i]) * rows->ld + j) *
		    size;
	r->panel = j;
	r->npanel = nf_panel_size(r->prep->ncol - j);
	r->kernels->load(from, rows->wide, r->nrow, r->npanel, &r->turned);
}

/* The values of column j that begin with its first op are on their way. */
void
nf_run_column(struct nf_run *r, uint32_t j)
{
	const struct nf_chain *c = &r->prep->chain[j];
	double *x = c->takes ? r->raw : r->x;
	uint32_t i;

	if (j < r->panel || j >= r->panel + r->npanel)
		load(r, j);
	if (r->rows->wide)
		memcpy(x, r->turned.d[j - r->panel], r->nrow * sizeof(*x));
	else
		r->kernels->widen(r->turned.f[j - r->panel], r->nrow, x);
	r->column = j;
	r->nlate = 0;
	if (c->takes) {
		set_apart(r, c);
		return;
	}
	r->n = r->nrow;
	for (i = 0; i < r->nrow && !r->in_order; i++)
		r->at[i] = i;
	r->in_order = 1;
}

static struct nf_cell
cell_of(const struct nf_run *r, uint32_t i)
{
	return (struct nf_cell){ .seed = r->seed, .row = number_of(r, i),
		.column = r->column, .context = r->prep->context,
		.rows = r->rows, .at = r->first + i };
}

/* What op k asks for of values [from, from + n): draws, or partners. */
static void
ask(struct nf_run *r, uint32_t k, int draws, uint32_t from, uint32_t n)
{
	const struct nf_op *o = &r->prep->chain[r->column].op[k];
	uint64_t number[NF_PREP_RUN];
	uint32_t i;

	if (draws) {
		for (i = 0; i < n; i++)
			number[i] = number_of(r, r->row[r->at[from + i]]);
		r->kernels->draw(r->seed, nf_draw_which(r->prep->context,
		    r->column, k), number, n, r->u + from);
	} else if (o->def->flags & NF_OP_PARTNER)
		for (i = from; i < from + n; i++)
			r->u[i] = nf_prep_raw(r->rows, r->first +
			    r->row[r->at[i]], (ptrdiff_t)r->column + o->at);
}

/* Values [from, from + n) one at a time, for what each adds to the slope. */
static int
step(struct nf_run *r, const struct nf_op *o, int draws, uint32_t from,
    uint32_t n, double *slope)
{
	struct nf_step s = { .op = o, .a = o->arg };
	uint32_t i;
	int rc = 0;

	for (i = from; i < from + n; i++) {
		s.x = r->x[i];
		s.u = s.partner = r->u[i];
		rc |= draws && o->def->draw != NULL ? o->def->draw(&s) :
		    o->def->forward(&s);
		if (rc == -1 || !(fabs(s.y) <= FLT_MAX))
			return -1;
		r->x[i] = s.y;
		if (o->def->slope != NULL)
			slope[r->at[i]] += o->def->slope(&s);
	}
	return 0;
}

/* Op k, or its draw of what it takes, for values [from, from + n). */
static int
take(struct nf_run *r, uint32_t k, int late, uint32_t from, uint32_t n,
    double *slope)
{
	const struct nf_op *o = &r->prep->chain[r->column].op[k];
	const struct nf_opdef *d = o->def;
	int draws = d->flags & NF_OP_DRAWS && (late || d->draw == NULL);
	struct nf_values v = { r->x + from, r->u + from, r->u + from, n };

	ask(r, k, draws, from, n);
	if (slope != NULL)
		return step(r, o, draws, from, n, slope);
	return r->kernels->run[late ? d->run_draw : d->run](o, &v);
}

uint32_t
nf_run_draws(struct nf_run *r, uint32_t k, double *z)
{
	const struct nf_opdef *d = r->prep->chain[r->column].op[k].def;
	double usual[] = { 0, 1, 0, NF_SPIKE_AWAY };	/* V SIGMA AT EDGE */
	struct nf_op o = { .def = d, .narg = 4, .arg = usual };
	struct nf_values v = { z, r->u + r->n, NULL, 0 };
	uint32_t l;

	for (l = 0; l < r->nlate; l++)
		if (r->late_op[l] == k)
			r->at[r->n + v.n++] = r->late[l];
	ask(r, k, 1, r->n, v.n);
	memset(z, 0, v.n * sizeof(*z));
	r->kernels->run[d->run_draw](&o, &v);
	return v.n;
}

int
nf_run_op(struct nf_run *r, uint32_t k, double *slope)
{
	const struct nf_opdef *d = r->prep->chain[r->column].op[k].def;
	uint32_t l, n = r->n;

	if (take(r, k, 0, 0, r->n, slope) == -1)
		return -1;
	if (d->takes == NULL || k == 0)
		return 0;
	/* Those that it takes past the ops before it join the others. */
	for (l = 0; l < r->nlate; l++)
		if (r->late_op[l] == k)
			r->at[r->n++] = r->late[l];
	return take(r, k, 1, n, r->n - n, slope);
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
			n = see == NULL ? c->nop : see[j];
			if (see != NULL && n == NF_RUN_UNSEEN)
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
