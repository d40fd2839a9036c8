/*
 * Recipes at work: applied and undone.  Runs of rows go through a column's
 * chain together, op by op, so that an op meets many values at a time.
 */
#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "cpu.h"
#include "prep_kernel.h"

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

void
nf_run_begin(struct nf_run *r, const struct nf_prep *p,
    const struct nf_prep_rows *rows, uint64_t seed, uint64_t first,
    uint32_t n)
{
	uint32_t i;

	r->prep = p;
	r->rows = rows;
	r->kernels = nf_kernels_best();
	r->seed = seed;
	r->first = first;
	r->nrow = r->panel = r->npanel = 0;
	for (i = 0; i < n; i++) {
		r->row[r->nrow] = i;
		r->nrow += rows->skip == NULL || !rows->skip[first + i];
	}
}

static uint64_t
number_of(const struct nf_run *r, uint32_t i)
{
	const struct nf_prep_rows *rows = r->rows;

	return rows->number != NULL ? rows->number[r->first + i] :
	    rows->first + r->first + i;
}

/* Rows that a later op takes past the others are set apart. */
static void
set_apart(struct nf_run *r, const struct nf_chain *c, const double *raw)
{
	double op[NF_PREP_RUN] = { 0 };
	uint32_t i, k, is_late;

	for (k = c->nop; k-- > 1;)	/* the first has its way */
		if (c->op[k].def->takes != NULL)
			r->kernels->mark(raw, r->nrow, c->op[k].arg[0], k, op);
	r->n = 0;
	for (i = 0; i < r->nrow; i++) {
		is_late = op[i] > 0;
		r->late_op[r->nlate] = (uint32_t)op[i];
		r->late[r->nlate] = i;
		r->nlate += is_late;
		r->at[r->n] = i;
		r->x[r->n] = raw[i];
		r->n += !is_late;
	}
	for (i = 0; i < r->nlate; i++) {
		r->at[r->n + i] = r->late[i];
		r->x[r->n + i] = raw[r->late[i]];
	}
}

/* Columns from j on. */
static void
load(struct nf_run *r, uint32_t j)
{
	const struct nf_prep_rows *rows = r->rows;
	size_t size = rows->wide ? sizeof(double) : sizeof(float);
	uint32_t n = r->prep->ncol - j, i;
	const void *from[NF_PREP_RUN];

	for (i = 0; i < r->nrow; i++)
		from[i] = (const char *)rows->x +
		    ((r->first + r->row[i]) * rows->ld + j) * size;
	r->panel = j;
	r->npanel = n < NF_PREP_PANEL ? n : NF_PREP_PANEL;
	r->kernels->load(from, rows->wide, r->nrow, r->npanel, r->raw);
}

/* The values of column j that begin with its first op are on their way. */
void
nf_run_column(struct nf_run *r, uint32_t j)
{
	const struct nf_chain *c = &r->prep->chain[j];
	const double *raw;
	uint32_t i;

	if (j < r->panel || j >= r->panel + r->npanel)
		load(r, j);
	raw = r->raw[j - r->panel];
	r->column = j;
	r->nlate = 0;
	if (c->takes) {
		set_apart(r, c, raw);
		return;
	}
	r->n = r->nrow;
	for (i = 0; i < r->nrow; i++)
		r->at[i] = i;
	memcpy(r->x, raw, r->nrow * sizeof(*raw));
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

/* Columns on their way out: numbers first to first + n, turned. */
struct panel {
	uint32_t first, n;
	union {
		double d[NF_PREP_PANEL][NF_PREP_PITCH];
		float f[NF_PREP_PANEL][NF_PREP_PITCH];
	} y;
};

static void
flush(const struct nf_run *r, const struct nf_prep_out *out, struct panel *p)
{
	size_t size = out->wide ? sizeof(double) : sizeof(float), row;
	void *to[NF_PREP_RUN];
	uint32_t i;

	for (i = 0; i < r->nrow; i++) {
		row = r->first + r->row[i];
		row = out->place != NULL ? out->place[row] : row;
		to[i] = (char *)out->x + (row * out->ld + p->first) * size;
	}
	r->kernels->store(&p->y, out->wide, r->nrow, p->n, to);
	p->first += p->n;
	p->n = 0;
}

/* A column's numbers, in x, of all rows of the run. */
static void
put(const struct nf_run *r, const struct nf_prep_out *out, struct panel *p,
    const double *x)
{
	if (p->n == NF_PREP_PANEL)
		flush(r, out, p);
	if (out->wide)
		memcpy(p->y.d[p->n], x, r->nrow * sizeof(*x));
	else
		r->kernels->narrow(x, r->nrow, p->y.f[p->n]);
	p->n++;
}

/* What column the run is at has become. */
static void
put_column(struct nf_run *r, const struct nf_prep_out *out, struct panel *p)
{
	const struct nf_chain *c = &r->prep->chain[r->column];
	double y[NF_PREP_RUN];
	uint32_t i, k;

	if (c->takes) {			/* some rows were set apart */
		for (i = 0; i < r->n; i++)
			y[r->at[i]] = r->x[i];
		put(r, out, p, y);
	} else if (!(c->op[c->nop - 1].def->flags & NF_OP_WIDE))
		put(r, out, p, r->x);
	else
		for (k = 0; k < c->nout; k++) {
			for (i = 0; i < r->n; i++)
				y[i] = r->x[i] == k ? 1 : 0;
			put(r, out, p, y);
		}
}

static int
forward_run(struct nf_run *r, const struct nf_prep_out *out, double *logjac)
{
	double slope[NF_PREP_RUN] = { 0 }, *s = logjac == NULL ? NULL : slope;
	struct panel p = { .n = 0 };
	uint32_t j, k, i;

	for (j = 0; j < r->prep->ncol; j++) {
		nf_run_column(r, j);
		for (k = 0; k < r->prep->chain[j].nop; k++)
			if (nf_run_op(r, k, s) == -1)
				return -1;
		put_column(r, out, &p);
	}
	flush(r, out, &p);
	for (i = 0; logjac != NULL && i < r->nrow; i++)
		logjac[r->first + r->row[i]] += slope[i];
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
