/* Draws from a flow for a table of conditions. */
#include <string.h>

#include "draw.h"

struct nf_draw {
	struct nf_draw_opt opt;
	struct nf_raw *raw;
	struct nf_reader *in;
	struct nf_table all;		/* its rows, where they were counted */
	struct nf_schema out;
	const uint32_t *col;		/* conditions in the input */
	uint32_t *keep, nkeep;		/* input columns passed on */
	uint64_t lo, hi;		/* input rows wanted */
	double *context;		/* [batch][ncontext] */
	double *target;			/* [batch][ntarget] */
	char *rows;			/* [batch][columns out] */
};

/* ---- what comes out --------------------------------------------------- */

/* Input columns that bear no target's name go on. */
static int
choose_kept(struct nf_draw *d, const struct nf_list *target,
    struct nf_err *err)
{
	const struct nf_list *in = &nf_reader_schema(d->in)->column;
	uint32_t i, j;

	d->keep = nf_alloc(in->n, sizeof(*d->keep), "columns", err);
	if (d->keep == NULL)
		return -1;
	for (i = 0; !d->opt.targets_only && i < in->n; i++) {
		for (j = 0; j < target->n &&
		    strcmp(in->s[i], target->s[j]) != 0; j++)
			;
		if (j == target->n)
			d->keep[d->nkeep++] = i;
	}
	return 0;
}

/* Which rows: the shard's of all there are. */
static int
choose_rows(struct nf_draw *d, struct nf_err *err)
{
	const struct nf_draw_opt *o = &d->opt;
	uint64_t all = o->nrow;

	if (d->in != NULL)
		all = nf_reader_total(d->in);
	if (all == NF_NROW_UNKNOWN && o->nshard > 1) {
		if (nf_table_read(&d->all, d->in, NULL, 0,
		    nf_reader_schema(d->in)->type, o->memory / 2, err) == -1)
			return -1;
		all = d->all.schema.nrow;
	}
	d->hi = all;
	if (all == NF_NROW_UNKNOWN)
		return 0;
	if (all > UINT64_MAX / 2 / o->repeat)
		return nf_fail(err, NF_EUSE, "%llu rows with %u draws each "
		    "are more than can be counted", (unsigned long long)all,
		    o->repeat);
	d->lo = (uint64_t)((__uint128_t)all * o->shard / o->nshard);
	d->hi = (uint64_t)((__uint128_t)all * (o->shard + 1) / o->nshard);
	return 0;
}

static int
add_all(struct nf_list *to, const struct nf_list *from, struct nf_err *err)
{
	uint32_t j;

	for (j = 0; from != NULL && j < from->n; j++)
		if (nf_list_add(to, from->s[j], err) == -1)
			return -1;
	return 0;
}

static int
make_schema(struct nf_draw *d, const struct nf_list *target,
    const struct nf_list *prep, struct nf_err *err)
{
	struct nf_schema kept = { .type = NF_F32 };
	int rc = -1;

	if (d->in != NULL && nf_schema_choose(&kept, nf_reader_schema(d->in),
	    d->keep, d->nkeep, err) == -1)
		goto out;
	d->out.type = d->opt.index ? NF_F64 : kept.type;
	d->out.nrow = d->hi == NF_NROW_UNKNOWN ? d->hi :
	    (d->hi - d->lo) * d->opt.repeat;
	if (d->opt.index && (nf_list_add(&d->out.column, "row", err) == -1 ||
	    nf_list_add(&d->out.column, "draw", err) == -1))
		goto out;
	if (add_all(&d->out.column, &kept.column, err) == 0 &&
	    add_all(&d->out.column, target, err) == 0 &&
	    add_all(&d->out.prep, &kept.prep, err) == 0 &&
	    add_all(&d->out.prep, prep, err) == 0 &&
	    add_all(&d->out.note, &kept.note, err) == 0)
		rc = 0;
out:
	nf_schema_free(&kept);
	return rc;
}

static int
make_room(struct nf_draw *d, struct nf_err *err)
{
	size_t n = d->opt.batch, nc = nf_raw_ncontext(d->raw);
	size_t nt = nf_raw_ntarget(d->raw), no = d->out.column.n;

	if (nf_batch_check(d->opt.batch, nc + nt + no, d->opt.memory,
	    err) == -1)
		return -1;
	d->context = nf_alloc(n * nc, sizeof(*d->context), "rows", err);
	d->target = nf_alloc(n * nt, sizeof(*d->target), "rows", err);
	d->rows = nf_alloc(n * no, sizeof(double), "rows", err);
	return d->context == NULL || d->target == NULL || d->rows == NULL ?
	    -1 : 0;
}

int
nf_draw_new(struct nf_draw **out, struct nf_raw *raw,
    const struct nf_draw_opt *o, struct nf_reader *in, const uint32_t *col,
    const struct nf_list *target, const struct nf_list *prep,
    struct nf_err *err)
{
	struct nf_draw *d = nf_alloc(1, sizeof(*d), "draws", err);

	*out = d;
	if (d == NULL)
		return -1;
	d->opt = *o;
	d->raw = raw;
	d->in = in;
	d->col = col;
	if ((in == NULL || choose_kept(d, target, err) == 0) &&
	    choose_rows(d, err) == 0 &&
	    make_schema(d, target, prep, err) == 0 && make_room(d, err) == 0)
		return 0;
	nf_draw_free(d);
	*out = NULL;
	return -1;
}

void
nf_draw_free(struct nf_draw *d)
{
	if (d == NULL)
		return;
	nf_table_free(&d->all);
	nf_schema_free(&d->out);
	nf_free(d->keep);
	nf_free(d->context);
	nf_free(d->target);
	nf_free(d->rows);
	nf_free(d);
}

struct nf_schema *
nf_draw_schema(struct nf_draw *d)
{
	return &d->out;
}

/* ---- at work ---------------------------------------------------------- */

/* Output rows of n draws from first on; in begins with input row in0. */
static void
put_rows(struct nf_draw *d, const struct nf_rows *in, uint64_t in0,
    uint64_t first, uint64_t n)
{
	uint32_t nt = nf_raw_ntarget(d->raw), j;
	enum nf_type type = d->out.type;
	uint64_t i, row;
	size_t at = 0;

	for (i = 0; i < n; i++) {
		row = (first + i) / d->opt.repeat;
		if (d->opt.index) {
			nf_put(d->rows, type, at++, (double)row);
			nf_put(d->rows, type, at++,
			    (double)((first + i) % d->opt.repeat));
		}
		for (j = 0; j < d->nkeep; j++)
			nf_put(d->rows, type, at++,
			    nf_rows_get(in, row - in0, d->keep[j]));
		for (j = 0; j < nt; j++)
			nf_put(d->rows, type, at++, d->target[i * nt + j]);
	}
}

/* All draws of up to a batch of input rows (in NULL: of none). */
static int
draw_rows(struct nf_draw *d, const struct nf_rows *in, uint64_t row,
    uint64_t nrow, struct nf_writer *w, struct nf_err *err)
{
	uint32_t repeat = d->opt.repeat, batch = d->opt.batch, j;
	uint32_t nc = nf_raw_ncontext(d->raw);
	struct nf_noise g = { .seed = d->opt.seed, .first = row * repeat,
		.repeat = repeat };
	uint64_t end = (row + nrow) * repeat, n, i;

	for (i = 0; in != NULL && i < nrow; i++)
		for (j = 0; j < nc; j++)
			d->context[i * nc + j] = nf_rows_get(in, i,
			    d->col[j]);
	for (; g.first < end; g.first += n) {
		n = batch - g.first % batch;
		n = n < end - g.first ? n : end - g.first;
		if (nf_raw_sample(d->raw, &g, n, d->context +
		    (g.first / repeat - row) * nc, d->target, err) == -1)
			return in == NULL ? -1 :
			    nf_fail_in(err, "%s", nf_reader_name(d->in));
		put_rows(d, in, row, g.first, n);
		if (nf_writer_put(w, d->rows, n, err) == -1)
			return -1;
	}
	return 0;
}

/* The wanted ones among a run of input rows, the first numbered row. */
static int
draw_wanted(struct nf_draw *d, const struct nf_rows *rows, uint64_t row,
    struct nf_writer *w, struct nf_err *err)
{
	size_t size = rows->ncol * nf_type_size(rows->type);
	uint64_t end = row + rows->nrow < d->hi ? row + rows->nrow : d->hi;
	uint64_t i, n;
	struct nf_rows in = *rows;

	for (i = row < d->lo ? d->lo : row; i < end; i += n) {
		n = d->opt.batch - i % d->opt.batch;
		n = n < end - i ? n : end - i;
		in.x = (const char *)rows->x + (i - row) * size;
		in.nrow = n;
		if (draw_rows(d, &in, i, n, w, err) == -1)
			return -1;
	}
	return 0;
}

int
nf_draw_run(struct nf_draw *d, struct nf_writer *w, struct nf_err *err)
{
	struct nf_rows rows;
	uint64_t i, n;
	int rc = 0;

	if (d->in == NULL)
		for (i = d->lo; i < d->hi && rc == 0; i += n) {
			n = d->hi - i < d->opt.batch ? d->hi - i :
			    d->opt.batch;
			rc = draw_rows(d, NULL, i, n, w, err);
		}
	else if (d->all.x != NULL) {
		rows = (struct nf_rows){ d->all.schema.nrow,
			d->all.schema.column.n, d->all.schema.type,
			d->all.x };
		rc = draw_wanted(d, &rows, 0, w, err);
	} else {
		for (i = 0; (rc = nf_reader_next(d->in, &rows, err)) == 1;
		    i += rows.nrow)
			if (draw_wanted(d, &rows, i, w, err) == -1)
				return -1;
	}
	return rc;
}
