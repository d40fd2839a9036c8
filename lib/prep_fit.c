/*
 * Fitting a recipe: rounds of passes over the rows.  In a round every column
 * lets its ops see as much as can be known before it ends; most recipes take
 * one or two.  Rows are added up in runs of NF_PREP_RUN, in order, so that
 * neither threads nor the calls' sizes matter.
 */
#include <math.h>
#include <string.h>

#include "prep_kernel.h"

#define GROUP	64			/* runs between two sums */
#define TAME	1e30			/* numbers that make no huge ones */

struct nf_fitting {
	struct nf_prep *p;
	uint64_t nrow;			/* in this round */
	uint32_t *lo, *hi;		/* of each column: ops lo to hi see
					 * this round; its nop where none
					 * does */
	uint32_t *run;			/* and those before this one run; ..
					 * NF_RUN_UNSEEN where none sees */
	uint32_t *sure;			/* those before it take all rows */
	uint32_t *at;			/* of each column: its first spread */
	uint32_t nspread, room;
	struct nf_spread *total;	/* [room], and GROUP times as many */
};

/* ---- rounds ------------------------------------------------------------- */

static int
fit_op(struct nf_chain *c, struct nf_op *o, struct nf_spread *s,
    struct nf_err *err)
{
	int rc;

	s->count = o->share;
	rc = o->def->fit(o, s, err);
	if (o->def->full > 0)
		o->narg = o->def->full;
	o->fitted = 1;
	if (rc == 0 && o->def->check != NULL)
		rc = o->def->check(o, err);
	return rc == 0 ? 0 : nf_fail_in(err, "recipe of column %s", c->name);
}

/* Which ops of a column see the next round: those up to the first that the
 * values cannot pass before it is fitted. */
static int
plan_column(struct nf_fitting *f, uint32_t j, struct nf_err *err)
{
	struct nf_chain *c = &f->p->chain[j];
	struct nf_spread none = { 0 };
	struct nf_op *o;
	uint32_t k;

	f->lo[j] = f->hi[j] = c->nop;
	f->run[j] = NF_RUN_UNSEEN;
	f->at[j] = f->nspread;
	for (k = 0; k < c->nop; k++) {
		o = &c->op[k];
		if (!o->fitted && o->def->flags & NF_OP_GIVEN &&
		    fit_op(c, o, &none, err) == -1)
			return -1;
		if (o->fitted)
			continue;
		if (f->lo[j] == c->nop)
			f->lo[j] = k;
		f->hi[j] = f->run[j] = k;
		f->nspread++;
		if (o->share != NULL)
			memset(o->share, 0, o->narg * sizeof(*o->share));
		if (!(o->def->flags & NF_OP_FREE))
			break;
	}
	/* With all that can be known of them, they run to the end. */
	if (k == c->nop && f->lo[j] < c->nop)
		f->run[j] = c->nop;
	if (f->lo[j] < c->nop)
		f->sure[j] = f->run[j];
	return 0;
}

/* 1 where there is something to see, 0 where all is fitted. */
static int
plan(struct nf_fitting *f, struct nf_err *err)
{
	uint32_t j;

	f->nspread = 0;
	f->nrow = 0;
	for (j = 0; j < f->p->ncol; j++)
		if (plan_column(f, j, err) == -1)
			return -1;
	if (f->nspread > f->room) {
		nf_free(f->total);
		f->room = f->nspread;
		f->total = nf_alloc((size_t)f->room * (GROUP + 1),
		    sizeof(*f->total), "a recipe", err);
		if (f->total == NULL)
			return -1;
	}
	if (f->nspread > 0)
		memset(f->total, 0, f->nspread * sizeof(*f->total));
	return f->nspread > 0;
}

int
nf_fitting_new(struct nf_fitting **out, struct nf_prep *p, struct nf_err *err)
{
	struct nf_fitting *f = nf_alloc(1, sizeof(*f), "a recipe", err);
	int rc = -1;

	*out = f;
	if (f == NULL)
		return -1;
	f->p = p;
	f->lo = nf_alloc(p->ncol, 5 * sizeof(*f->lo), "a recipe", err);
	if (f->lo != NULL && nf_prep_partners_check(p, err) == 0) {
		f->hi = f->lo + p->ncol;
		f->at = f->hi + p->ncol;
		f->run = f->at + p->ncol;
		f->sure = f->run + p->ncol;
		rc = plan(f, err);
	}
	if (rc == -1) {
		nf_fitting_free(f);
		*out = NULL;
	}
	return rc;
}

void
nf_fitting_free(struct nf_fitting *f)
{
	if (f == NULL)
		return;
	nf_free(f->lo);
	nf_free(f->total);
	nf_free(f);
}

/* What a run of rows shows, to s[nspread]. */
static int
see_run(const struct nf_fitting *f, struct nf_run *r, struct nf_spread *s)
{
	const struct nf_chain *c;
	uint32_t j, k;

	for (j = 0; j < f->p->ncol; j++) {
		c = &f->p->chain[j];
		if (f->lo[j] == c->nop)
			continue;
		nf_run_column(r, j);
		for (k = 0; k <= f->hi[j] || k < f->run[j]; k++)
			if ((!c->op[k].fitted && nf_see(r, k, s++) == -1) ||
			    (k < f->run[j] && nf_run_op(r, k, NULL) == -1))
				return -1;
	}
	return 0;
}

int
nf_fitting_rows(struct nf_fitting *f, const struct nf_prep_rows *rows,
    struct nf_err *err)
{
	uint64_t n = (rows->nrow + NF_PREP_RUN - 1) / NF_PREP_RUN, b, g, m;
	struct nf_spread *part = f->total + f->nspread;
	int nthread = nf_prep_nthread(f->p);
	uint64_t bad = n;
	uint32_t k;

	for (b = 0; b < n && bad == n; b += m) {
		m = n - b < GROUP ? n - b : GROUP;
#pragma omp parallel for num_threads(nthread) schedule(dynamic, 1) \
    if (m > 1)
		for (g = 0; g < m; g++) {
			uint64_t at = (b + g) * NF_PREP_RUN;
			uint64_t left = rows->nrow - at;
			struct nf_err mine;
			struct nf_run r;

			nf_run_begin(&r, f->p, rows, 0, at, left <
			    NF_PREP_RUN ? (uint32_t)left : NF_PREP_RUN);
			if (see_run(f, &r, part + g * f->nspread) == 0)
				continue;
			nf_run_fail(&r, f->run, &mine);
#pragma omp critical(nf_prep)
			if (b + g < bad) {
				bad = b + g;
				if (err != NULL)
					*err = mine;
			}
		}
		for (g = 0; g < m && bad == n; g++)
			for (k = 0; k < f->nspread; k++)
				nf_see_add(&f->total[k],
				    &part[g * f->nspread + k]);
	}
	f->nrow += rows->nrow;
	return bad == n ? 0 : -1;
}

/* Op k of column j has seen all rows: those that it takes are known. */
static void
extend(struct nf_fitting *f, uint32_t j, uint32_t k)
{
	const struct nf_op *o = &f->p->chain[j].op[k];
	uint32_t i;

	if (k != f->sure[j] || (!(o->def->flags & NF_OP_SURE) &&
	    o->share == NULL))
		return;
	for (i = 0; i < o->narg; i++)
		if (!(fabs(o->arg[i]) <= TAME))
			return;
	f->sure[j]++;
}

int
nf_fitting_sure(const struct nf_fitting *f)
{
	const struct nf_chain *c;
	uint32_t j, k, drawn;

	for (j = 0; j < f->p->ncol; j++) {
		c = &f->p->chain[j];
		if (f->sure[j] < c->nop)
			return 0;
		/* Other draws than fit saw are to come. */
		for (k = drawn = 0; k < c->nop; k++) {
			if (drawn && !(c->op[k].def->flags & NF_OP_SURE))
				return 0;
			drawn |= c->op[k].def->flags & NF_OP_DRAWS;
		}
	}
	return 1;
}

int
nf_fitting_round(struct nf_fitting *f, struct nf_err *err)
{
	struct nf_spread *s = f->total, zero = { .n = 1 };
	struct nf_chain *c;
	struct nf_op *o;
	uint32_t j, k;

	if (f->nrow == 0 && !nf_prep_fitted(f->p))
		return nf_fail(err, NF_EDATA, "no rows to fit a recipe to");
	for (j = 0; j < f->p->ncol; j++) {
		c = &f->p->chain[j];
		for (k = f->lo[j]; k < c->nop && k <= f->hi[j]; k++) {
			o = &c->op[k];
			if (o->fitted)
				continue;
			/* A spike may have taken every row. */
			if (s->n == 0 && o->def->takes == NULL)
				*s = zero;
			if (fit_op(c, o, s, err) == -1)
				return -1;
			extend(f, j, k);
			if (nf_see_is_mixed(c, k) && o->def->mix(o, s)) {
				if (fit_op(c, o + 1, s, err) == -1)
					return -1;
				extend(f, j, k + 1);
			}
			s++;
		}
	}
	return plan(f, err);
}

int
nf_prep_fit(struct nf_prep *p, const double *raw, size_t ld, uint64_t nrow,
    const uint64_t *row, struct nf_err *err)
{
	struct nf_prep_rows rows = { .x = raw, .wide = 1, .ld = ld,
		.nrow = nrow, .number = row };
	struct nf_fitting *f;
	int rc = nf_fitting_new(&f, p, err);

	while (rc == 1)
		rc = nf_fitting_rows(f, &rows, err) == -1 ? -1 :
		    nf_fitting_round(f, err);
	nf_fitting_free(f);
	return rc;
}
