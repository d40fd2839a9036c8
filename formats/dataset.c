/* Rows for training: chosen, split, prepared. */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

#include "dataset.h"
#include "philox.h"

#define BLOCK	4096			/* rows in double at a time */

/* A line of the recipe that fits no column is a mistake, not a wish. */
static int
check_used(const struct nf_list *prep, const struct nf_list *where,
    const int *used, struct nf_err *err)
{
	uint32_t i;

	for (i = 0; i < prep->n; i++)
		if (!used[i])
			return nf_fail(err, NF_EDATA, "%s%s[prep] %.64s: no "
			    "context or target column has that name",
			    where == NULL ? "" : where->s[i],
			    where == NULL ? "" : ": ", prep->s[i]);
	return 0;
}

static int
make_preps(struct nf_dataset *d, const struct nf_choice *c,
    const struct nf_list *prep, const struct nf_list *where,
    struct nf_err *err)
{
	int *used = nf_alloc(prep->n, sizeof(*used), "recipe", err), rc = -1;
	const char *const *line = (const char *const *)prep->s;
	ptrdiff_t *at = nf_alloc(c->ncontext, sizeof(*at), "recipe", err);
	uint32_t j;

	for (j = 0; at != NULL && j < c->ncontext; j++)
		at[j] = (ptrdiff_t)j - (ptrdiff_t)c->ncontext;
	if (used != NULL && at != NULL &&
	    nf_prep_new(&d->context, (const char *const *)c->context.s,
	    c->ncontext, line, prep->n, "standardize", 1, used, err) == 0 &&
	    nf_prep_new(&d->target, (const char *const *)c->target.s,
	    c->ntarget, line, prep->n, "standardize", 0, used, err) == 0 &&
	    nf_prep_partner(d->target, (const char *const *)c->context.s, at,
	    c->ncontext, err) == 0)
		rc = check_used(prep, where, used, err);
	nf_free(used);
	nf_free(at);
	return rc;
}

/*
 * Move the rows that validate behind the others, both in their order; their
 * original numbers go to row.
 */
static int
split(struct nf_dataset *d, struct nf_table *t, uint32_t ncol,
    double fraction, uint64_t seed, uint64_t *row, struct nf_err *err)
{
	uint64_t n = t->schema.nrow, i, k = 0, bound;
	size_t nbyte = ncol * sizeof(double);
	double *x = t->x, *aside;

	bound = fraction <= 0 ? 0 : (uint64_t)ldexp(fraction, 64);
	for (i = 0; i < n; i++)
		d->nvalid += nf_philox_u64(seed, NF_FOR_VALID, i, 0) < bound;
	if (d->nvalid == n)
		d->nvalid = 0;		/* too few rows to spare any */
	bound = d->nvalid == 0 ? 0 : bound;
	d->ntrain = n - d->nvalid;
	aside = nf_alloc(d->nvalid, nbyte, "validation rows", err);
	if (aside == NULL)
		return -1;
	for (i = 0; i < n; i++)
		if (nf_philox_u64(seed, NF_FOR_VALID, i, 0) < bound) {
			memcpy(aside + k * ncol, x + i * ncol, nbyte);
			row[d->ntrain + k++] = i;
		} else {
			memmove(x + (i - k) * ncol, x + i * ncol, nbyte);
			row[i - k] = i;
		}
	memcpy(x + d->ntrain * ncol, aside, d->nvalid * nbyte);
	nf_free(aside);
	return 0;
}

/* Room for n rows behind the n0 there are. */
static int
grow(nf_real **p, uint64_t n0, uint64_t n, uint32_t ncol, struct nf_err *err)
{
	nf_real *q = nf_alloc((size_t)(n0 + n) * ncol, sizeof(*q),
	    "training rows", err);

	if (q == NULL)
		return -1;
	if (*p != NULL)
		memcpy(q, *p, n0 * ncol * sizeof(*q));
	nf_free(*p);
	*p = q;
	return 0;
}

/* Rows [i, i + n) of x (all columns of c) to places at, at + 1, .. of d. */
static int
take(struct nf_dataset *d, const struct nf_choice *c, const double *x,
    uint64_t row0, uint64_t n, uint64_t at, uint64_t seed, double *wide,
    struct nf_err *err)
{
	uint32_t ncol = c->ncontext + c->ntarget + c->nweight, j;
	uint64_t i;

	if (nf_prep_forward(d->context, seed, row0, n, x, ncol, wide, d->C,
	    NULL, err) == -1)
		return -1;
	for (i = 0; i < n * d->C; i++)
		d->y[at * d->C + i] = (nf_real)wide[i];
	if (nf_prep_forward(d->target, seed, row0, n, x + c->ncontext, ncol,
	    wide, d->D, NULL, err) == -1)
		return -1;
	for (i = 0; i < n * d->D; i++)
		d->x[at * d->D + i] = (nf_real)wide[i];
	for (i = 0; c->nweight > 0 && i < n; i++) {
		j = c->ncontext + c->ntarget;
		d->w[at + i] = (nf_real)x[i * ncol + j];
		if (!isfinite(d->w[at + i]))
			return nf_fail(err, NF_EDATA, "row %llu: weight is %g, "
			    "want a finite number",
			    (unsigned long long)(row0 + i + 1),
			    x[i * ncol + j]);
	}
	return 0;
}

/* What take_all is to do, and what its threads tell of it. */
struct taking {
	const struct nf_choice *c;
	const double *x;
	const uint64_t *row;		/* rows' numbers; NULL: 0, 1, .. */
	uint64_t n, at, seed;		/* how many, to which place on */
};

/* Rows [lo, hi) of them. */
static int
take_part(struct nf_dataset *d, const struct taking *t, uint64_t lo,
    uint64_t hi, struct nf_err *err)
{
	uint32_t ncol = t->c->ncontext + t->c->ntarget + t->c->nweight;
	uint32_t most = d->C > d->D ? d->C : d->D;
	double *wide = nf_alloc(BLOCK * (size_t)most, sizeof(*wide), "rows",
	    err);
	const uint64_t *row = t->row;
	uint64_t i, m, r;
	int rc = wide == NULL ? -1 : 0;

	/* Runs of rows that follow one another in the table, too. */
	for (i = lo; rc == 0 && i < hi; i += m) {
		r = row == NULL ? i : row[i];
		for (m = 1; m < BLOCK && i + m < hi &&
		    (row == NULL || row[i + m] == r + m); m++)
			;
		rc = take(d, t->c, t->x + i * ncol, r, m, t->at + i, t->seed,
		    wide, err);
	}
	nf_free(wide);
	return rc;
}

/* All of them, by every thread; the error is the first row's. */
static int
take_all(struct nf_dataset *d, const struct taking *t, struct nf_err *err)
{
	uint32_t n = d->nthread == 0 ? (uint32_t)omp_get_max_threads() :
	    d->nthread, i;
	struct nf_err *each = nf_alloc(n, sizeof(*each), "messages", err);
	int *failed = nf_alloc(n, sizeof(*failed), "messages", err);
	int rc = each == NULL || failed == NULL ? -1 : 0;

#pragma omp parallel for num_threads(n) schedule(static, 1) \
    if (n > 1 && rc == 0)
	for (i = 0; i < n; i++)
		if (rc == 0)
			failed[i] = take_part(d, t, t->n * i / n,
			    t->n * (i + 1) / n, &each[i]);
	for (i = 0; rc == 0 && i < n; i++)
		if (failed[i] == -1) {
			*err = each[i];
			rc = -1;
		}
	nf_free(each);
	nf_free(failed);
	return rc;
}

static void
set_views(struct nf_dataset *d)
{
	d->train = (struct nf_rowset){ d->ntrain, d->x, d->y, d->w };
	d->valid = (struct nf_rowset){ d->nvalid, d->x + d->ntrain * d->D,
		d->y + d->ntrain * d->C,
		d->w == NULL ? NULL : d->w + d->ntrain };
}

int
nf_dataset_new(struct nf_dataset **out, const struct nf_choice *c,
    const struct nf_list *prep, const struct nf_list *where,
    uint32_t nthread, struct nf_err *err)
{
	struct nf_dataset *d = nf_alloc(1, sizeof(*d), "data", err);

	*out = NULL;
	if (d == NULL)
		return -1;
	d->nthread = nthread;
	if (make_preps(d, c, prep, where, err) == -1) {
		nf_dataset_free(d);
		return -1;
	}
	d->C = nf_prep_nout(d->context);
	d->D = nf_prep_nout(d->target);
	*out = d;
	return 0;
}

int
nf_dataset_train(struct nf_dataset *d, const struct nf_choice *c,
    struct nf_table *t, double fraction, uint64_t seed, struct nf_err *err)
{
	uint32_t ncol = c->ncontext + c->ntarget + c->nweight;
	uint64_t n = t->schema.nrow, *row;
	struct taking all = { c, t->x, NULL, n, 0, seed };
	int rc = -1;

	if (n == 0)
		return nf_fail(err, NF_EDATA, "the stream has no rows");
	all.row = row = nf_alloc(n, sizeof(*row), "row numbers", err);
	if (row == NULL ||
	    split(d, t, ncol, fraction, seed, row, err) == -1)
		goto out;
	d->digest = XXH3_64bits_withSeed(t->x, n * ncol * sizeof(double),
	    d->ntrain);
	if (nf_prep_fit(d->context, t->x, ncol, d->ntrain, row, err) == -1 ||
	    nf_prep_fit(d->target, (double *)t->x + c->ncontext, ncol,
	    d->ntrain, row, err) == -1 ||
	    grow(&d->x, 0, n, d->D, err) == -1 ||
	    grow(&d->y, 0, n, d->C, err) == -1 ||
	    (c->nweight > 0 && grow(&d->w, 0, n, 1, err) == -1) ||
	    take_all(d, &all, err) == -1)
		goto out;
	nf_table_free(t);
	set_views(d);
	rc = 0;
out:
	nf_free(row);
	return rc;
}

int
nf_dataset_valid(struct nf_dataset *d, const struct nf_choice *c,
    struct nf_table *t, uint64_t seed, struct nf_err *err)
{
	uint64_t n = t->schema.nrow;
	struct taking all = { c, t->x, NULL, n, d->ntrain, seed };

	if (n == 0)
		return nf_fail(err, NF_EDATA, "no rows to validate with");
	if (grow(&d->x, d->ntrain, n, d->D, err) == -1 ||
	    grow(&d->y, d->ntrain, n, d->C, err) == -1 ||
	    (c->nweight > 0 && grow(&d->w, d->ntrain, n, 1, err) == -1) ||
	    take_all(d, &all, err) == -1)
		return -1;
	d->nvalid = n;
	nf_table_free(t);
	set_views(d);
	return 0;
}

void
nf_dataset_free(struct nf_dataset *d)
{
	if (d == NULL)
		return;
	nf_prep_free(d->context);
	nf_prep_free(d->target);
	nf_free(d->x);
	nf_free(d->y);
	nf_free(d->w);
	nf_free(d);
}

int
nf_dataset_recipe(const struct nf_dataset *d, struct nf_list *l,
    struct nf_err *err)
{
	const struct nf_prep *p[2] = { d->context, d->target };
	char *line;
	uint32_t j;
	int k, rc;

	for (k = 0; k < 2; k++)
		for (j = 0; j < nf_prep_ncol(p[k]); j++) {
			if ((line = nf_prep_line(p[k], j, err)) == NULL)
				return -1;
			rc = nf_list_add(l, line, err);
			nf_free(line);
			if (rc == -1)
				return -1;
		}
	return 0;
}
