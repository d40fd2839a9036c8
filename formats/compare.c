/* Two samples read from streams and compared. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"

/* Where a side's columns stand in its tiles. */
struct reading {
	struct nf_tiles *in;
	struct nf_sample *s;
	uint32_t ncol;
	int64_t weight, by;	/* or -1 */
	double *row;		/* [ncol + normal] */
	bool normal, over;
};

/* The latents z0, z1, .. that there are. */
static int
choose_latents(const struct nf_reader *r, struct nf_list *names,
    struct nf_err *err)
{
	const struct nf_list *have = &nf_reader_schema(r)->column;
	char name[16];
	uint32_t k, j;

	for (k = 0; k < have->n; k++) {
		snprintf(name, sizeof(name), "z%u", k);
		for (j = 0; j < have->n && strcmp(have->s[j], name) != 0; j++)
			;
		if (j == have->n)
			break;
		if (nf_list_add(names, name, err) == -1)
			return -1;
	}
	if (k > 0)
		return 0;
	return nf_fail(err, NF_EDATA, "%s: no column \"z0\": want latents, as "
	    "nflogp --latent writes them, or others chosen with -c",
	    nf_reader_name(r));
}

/* All columns but the weight, or those asked for. */
static int
choose_columns(const struct nf_reader *r, const struct nf_compare_spec *s,
    struct nf_list *names, struct nf_err *err)
{
	const struct nf_list *have = &nf_reader_schema(r)->column;
	uint32_t *col, ncol, j;
	const char *name;
	int rc = 0;

	if (nf_columns_find(s->columns == NULL ? "*" : s->columns, have,
	    &col, &ncol, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(r));
	for (j = 0; j < ncol && rc == 0; j++) {
		name = have->s[col[j]];
		if (s->columns != NULL || s->weight == NULL ||
		    strcmp(name, s->weight) != 0)
			rc = nf_list_add(names, name, err);
	}
	nf_free(col);
	return rc;
}

/* The columns that are compared, of the first. */
static int
choose(const struct nf_reader *r, const struct nf_compare_spec *s,
    struct nf_list *names, struct nf_err *err)
{
	if ((s->normal && s->columns == NULL ? choose_latents(r, names, err) :
	    choose_columns(r, s, names, err)) == -1)
		return -1;
	if (names->n == 0)
		return nf_fail(err, NF_EDATA, "%s: no column but the weight",
		    nf_reader_name(r));
	if (names->n > NF_CMP_MAX_COLS)
		return nf_fail(err, NF_EUSE, "%s: %u columns, at most %d can "
		    "be compared: choose some with -c", nf_reader_name(r),
		    names->n, NF_CMP_MAX_COLS);
	return 0;
}

static bool
has(const struct nf_tiles *in, const char *name)
{
	const struct nf_list *l = &nf_reader_schema(in->r)->column;
	uint32_t j;

	for (j = 0; j < l->n; j++)
		if (strcmp(l->s[j], name) == 0)
			return true;
	return false;
}

/* Find the columns names, the weight and the condition of one side. */
static int
begin(struct reading *r, const struct nf_compare_spec *s,
    const struct nf_list *names, bool first, struct nf_err *err)
{
	struct nf_list all = { 0, NULL };
	int rc = -1;

	r->ncol = names->n;
	r->normal = s->normal;
	r->weight = r->by = -1;
	r->row = nf_alloc(r->ncol + 1, sizeof(*r->row), "a row", err);
	if (r->row == NULL || nf_list_copy(&all, names, err) == -1)
		return -1;
	if (s->weight != NULL && (first || has(r->in, s->weight))) {
		r->weight = all.n;
		if (nf_list_add(&all, s->weight, err) == -1)
			goto out;
	}
	if (s->by != NULL) {
		r->by = all.n;
		if (nf_list_add(&all, s->by, err) == -1)
			goto out;
	}
	rc = nf_tiles_choose(r->in, &all, false, err);
	if (rc == 0)
		rc = nf_sample_init(r->s, r->ncol + s->normal, s->rows,
		    s->seed, !first, err);
out:
	nf_list_free(&all);
	return rc;
}

/* Every value of row i must be finite. */
static int
check(const struct reading *r, int i, struct nf_err *err)
{
	const struct nf_list *names = &r->in->names;
	uint32_t j;
	double x;

	for (j = 0; j < names->n; j++) {
		x = r->in->x[(size_t)j * NF_TILE + (size_t)i];
		if (!isfinite(x))
			return nf_fail(err, NF_EDATA, "%s: row %llu, column "
			    "\"%s\": %g is not finite; leave such rows out",
			    nf_reader_name(r->in->r),
			    (unsigned long long)r->s->nrow, names->s[j], x);
	}
	return 0;
}

static int
step(struct reading *r, struct nf_err *err)
{
	int n = nf_tiles_next(r->in, err), i;
	const double *x = r->in->x;
	uint32_t j;

	r->over = n == 0;
	for (i = 0; i < n; i++) {
		if (check(r, i, err) == -1)
			return -1;
		for (j = 0; j < r->ncol; j++)
			r->row[j] = x[(size_t)j * NF_TILE + (size_t)i];
		if (r->normal)
			r->row[r->ncol] = nf_cmp_radius(r->row, r->ncol);
		if (nf_sample_add(r->s, r->row,
		    r->weight == -1 ? 1 : x[r->weight * NF_TILE + i],
		    r->by == -1 ? 0 : x[r->by * NF_TILE + i], err) == -1)
			return -1;
	}
	if (r->over && r->s->nrow == 0)
		return nf_fail(err, NF_EDATA, "%s: no rows to compare",
		    nf_reader_name(r->in->r));
	return n == -1 ? -1 : 0;
}

/* Both in turn, so that one program may feed both. */
static int
drain(struct reading r[], int n, struct nf_err *err)
{
	int k;

	while (!r[0].over || !r[n - 1].over)
		for (k = 0; k < n; k++)
			if (!r[k].over && step(&r[k], err) == -1)
				return -1;
	return 0;
}

int
nf_compare_read(struct nf_cmps *t, struct nf_list *names,
    struct nf_tiles side[2], const struct nf_compare_spec *s,
    struct nf_err *err)
{
	struct nf_sample sample[2] = { { 0 }, { 0 } };
	struct reading r[2] = { { .in = &side[0], .s = &sample[0] },
	    { .in = &side[1], .s = &sample[1] } };
	int n = s->normal ? 1 : 2, rc = -1;

	if (nf_tiles_open(&side[0], err) == 0 &&
	    (n == 1 || nf_tiles_open(&side[1], err) == 0) &&
	    choose(side[0].r, s, names, err) == 0 &&
	    begin(&r[0], s, names, true, err) == 0 &&
	    (n == 1 || begin(&r[1], s, names, false, err) == 0) &&
	    drain(r, n, err) == 0 &&
	    (!s->normal || nf_list_add(names, "|z|^2", err) == 0) &&
	    nf_cmps_init(t, sample, n, s->by == NULL ? 0 : s->nbin, err) == 0)
		rc = 0;
	nf_sample_free(&sample[0]);
	nf_sample_free(&sample[1]);
	nf_free(r[0].row);
	nf_free(r[1].row);
	return rc;
}
