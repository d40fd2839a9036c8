/* Draws from a flow for a table of conditions. */
#include <string.h>

#include "draw.h"

/* A column passed on: of the input, or a condition that is given. */
struct kept {
	uint32_t column;		/* of the input, or of conditions */
	int given;
};

struct nf_draw {
	struct nf_draw_opt opt;
	struct nf_raw *raw;
	struct nf_reader *in;
	struct nf_table all;		/* its rows, where they were counted */
	int whole;			/* no row will come from the input */
	struct nf_schema out;
	const uint32_t *col;		/* conditions in the input */
	int32_t *given;			/* [ncontext] in opt.given, or -1 */
	uint64_t *period;		/* [ngiven] rows with one value */
	struct kept *keep;
	uint32_t nkeep;
	uint64_t lo, hi;		/* input rows wanted */
	struct nf_rows rows;		/* of the input, at hand */
	uint64_t row, end;		/* the first's number; after the last */
	uint64_t next, done;		/* draws: the next; come out */
	double *context;		/* [batch][ncontext] */
	double *target;			/* [batch][ntarget] */
	char *out_rows;			/* [batch][columns out] */
};

/* ---- what comes out --------------------------------------------------- */

static int
find(const struct nf_list *l, const char *name)
{
	uint32_t j;

	for (j = 0; j < l->n; j++)
		if (strcmp(l->s[j], name) == 0)
			return (int)j;
	return -1;
}

/* Where each condition comes from. */
static int
set_given(struct nf_draw *d, struct nf_err *err)
{
	uint32_t nc = nf_raw_ncontext(d->raw), j, k;
	uint64_t period = 1;

	d->given = nf_alloc(nc, sizeof(*d->given), "conditions", err);
	d->period = nf_alloc(d->opt.ngiven, sizeof(*d->period), "conditions",
	    err);
	if (d->given == NULL || d->period == NULL)
		return -1;
	for (j = 0; j < nc; j++)
		d->given[j] = -1;
	for (k = d->opt.ngiven; k-- > 0;) {
		d->given[d->opt.given[k].condition] = (int32_t)k;
		d->period[k] = period;
		/* What no row reaches does not matter. */
		if (period < UINT64_MAX / NF_GIVEN_MAX)
			period *= d->opt.given[k].n;
	}
	return 0;
}

/* Input columns that bear no target's name go on; then what is given. */
static int
choose_kept(struct nf_draw *d, const struct nf_draw_names *names,
    struct nf_list *kept, struct nf_err *err)
{
	const struct nf_list none = { 0, NULL };
	const struct nf_list *in = d->in == NULL ? &none :
	    &nf_reader_schema(d->in)->column;
	uint32_t j, k;
	int at;

	d->keep = nf_alloc((size_t)in->n + d->opt.ngiven, sizeof(*d->keep),
	    "columns", err);
	if (d->keep == NULL)
		return -1;
	for (j = 0; !d->opt.targets_only && j < in->n; j++) {
		if (find(names->target, in->s[j]) != -1)
			continue;
		at = find(names->context, in->s[j]);
		d->keep[d->nkeep++] = at == -1 || d->given[at] == -1 ?
		    (struct kept){ j, 0 } : (struct kept){ (uint32_t)at, 1 };
		if (nf_list_add(kept, in->s[j], err) == -1)
			return -1;
	}
	for (k = 0; !d->opt.targets_only && k < d->opt.ngiven; k++) {
		j = d->opt.given[k].condition;
		if (find(in, names->context->s[j]) != -1)
			continue;
		d->keep[d->nkeep++] = (struct kept){ j, 1 };
		if (nf_list_add(kept, names->context->s[j], err) == -1)
			return -1;
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
		d->whole = 1;
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

/* The recipe's lines of what is passed on, and the input's notes. */
static int
pass_text(struct nf_draw *d, struct nf_err *err)
{
	struct nf_schema kept = { .type = NF_F32 };
	uint32_t *col, n = 0, k;
	int rc = -1;

	col = nf_alloc(d->nkeep, sizeof(*col), "columns", err);
	if (col == NULL)
		return -1;
	for (k = 0; k < d->nkeep; k++)
		if (!d->keep[k].given)
			col[n++] = d->keep[k].column;
	if (nf_schema_choose(&kept, nf_reader_schema(d->in), col, n,
	    err) == 0 && add_all(&d->out.prep, &kept.prep, err) == 0)
		rc = add_all(&d->out.note, &kept.note, err);
	nf_schema_free(&kept);
	nf_free(col);
	return rc;
}

static int
make_schema(struct nf_draw *d, const struct nf_draw_names *names,
    struct nf_err *err)
{
	struct nf_list kept = { 0, NULL };
	int rc = -1;

	if (choose_kept(d, names, &kept, err) == -1)
		goto out;
	d->out.type = d->opt.index || d->opt.f64 ? NF_F64 : d->in == NULL ?
	    NF_F32 : nf_reader_schema(d->in)->type;
	d->out.nrow = d->hi == NF_NROW_UNKNOWN ? d->hi :
	    (d->hi - d->lo) * d->opt.repeat;
	if (d->opt.index && (nf_list_add(&d->out.column, "row", err) == -1 ||
	    nf_list_add(&d->out.column, "draw", err) == -1))
		goto out;
	if (add_all(&d->out.column, &kept, err) == 0 &&
	    add_all(&d->out.column, names->target, err) == 0 &&
	    (d->in == NULL || pass_text(d, err) == 0))
		rc = add_all(&d->out.prep, names->prep, err);
out:
	nf_list_free(&kept);
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
	d->out_rows = nf_alloc(n * no, sizeof(double), "rows", err);
	return d->context == NULL || d->target == NULL ||
	    d->out_rows == NULL ? -1 : 0;
}

/* The rows that are here already: none of a stream. */
static void
begin(struct nf_draw *d)
{
	d->row = d->end = d->next = 0;
	d->whole |= d->in == NULL;
	if (!d->whole)
		return;
	d->rows = (struct nf_rows){ d->hi, d->all.schema.column.n,
		d->all.schema.type, d->all.x };
	d->end = d->hi;
	d->next = d->lo * d->opt.repeat;
}

int
nf_draw_new(struct nf_draw **out, struct nf_raw *raw,
    const struct nf_draw_opt *o, struct nf_reader *in, const uint32_t *col,
    const struct nf_draw_names *names, struct nf_err *err)
{
	struct nf_draw *d = nf_alloc(1, sizeof(*d), "draws", err);

	*out = d;
	if (d == NULL)
		return -1;
	d->opt = *o;
	d->raw = raw;
	d->in = in;
	d->col = col;
	if (set_given(d, err) == 0 && choose_rows(d, err) == 0 &&
	    make_schema(d, names, err) == 0 && make_room(d, err) == 0) {
		begin(d);
		return 0;
	}
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
	nf_free(d->given);
	nf_free(d->period);
	nf_free(d->context);
	nf_free(d->target);
	nf_free(d->out_rows);
	nf_free(d);
}

struct nf_schema *
nf_draw_schema(struct nf_draw *d)
{
	return &d->out;
}

/* ---- at work ---------------------------------------------------------- */

/* The value of a given condition in a row. */
static double
given_value(const struct nf_draw *d, uint32_t k, uint64_t row)
{
	const struct nf_given *g = &d->opt.given[k];
	uint64_t i = row / d->period[k] % g->n;

	if (i == 0)
		return g->lo;
	return i == g->n - 1 ? g->hi : g->lo + (g->hi - g->lo) *
	    ((double)i / (g->n - 1));
}

static void
gather_context(struct nf_draw *d, uint64_t row, uint64_t n)
{
	uint32_t nc = nf_raw_ncontext(d->raw), j;
	double *x = d->context;
	uint64_t i;

	for (i = row; i < row + n; i++)
		for (j = 0; j < nc; j++)
			*x++ = d->given[j] != -1 ?
			    given_value(d, (uint32_t)d->given[j], i) :
			    nf_rows_get(&d->rows, i - d->row, d->col[j]);
}

/* Output rows of the next n draws; context begins with that of row0. */
static void
fill_rows(struct nf_draw *d, uint64_t row0, uint64_t n)
{
	uint32_t nc = nf_raw_ncontext(d->raw), nt = nf_raw_ntarget(d->raw), j;
	enum nf_type type = d->out.type;
	char *to = d->out_rows;
	uint64_t i, row;
	struct kept k;
	size_t at = 0;

	for (i = 0; i < n; i++) {
		row = (d->next + i) / d->opt.repeat;
		if (d->opt.index) {
			nf_put(to, type, at++, (double)row);
			nf_put(to, type, at++,
			    (double)((d->next + i) % d->opt.repeat));
		}
		for (j = 0; j < d->nkeep; j++) {
			k = d->keep[j];
			nf_put(to, type, at++, k.given ?
			    d->context[(row - row0) * nc + k.column] :
			    nf_rows_get(&d->rows, row - d->row, k.column));
		}
		for (j = 0; j < nt; j++)
			nf_put(to, type, at++, d->target[i * nt + j]);
	}
}

/* Have input rows that are wanted at hand: 0 when there are none. */
static int
next_rows(struct nf_draw *d, struct nf_err *err)
{
	uint64_t first;
	int rc;

	while (d->next >= d->end * d->opt.repeat) {
		if (d->whole)
			return 0;
		d->row += d->rows.nrow;
		rc = nf_reader_next(d->in, &d->rows, err);
		if (rc != 1)
			return rc;
		first = d->row < d->lo ? d->lo : d->row;
		d->end = d->row + d->rows.nrow;
		d->end = d->end < d->hi ? d->end : d->hi;
		d->next = first * d->opt.repeat;
	}
	return 1;
}

int
nf_draw_next(struct nf_draw *d, struct nf_writer *w, struct nf_err *err)
{
	uint32_t repeat = d->opt.repeat;
	struct nf_noise g;
	uint64_t n, left, row;
	int rc = next_rows(d, err);

	if (rc != 1)
		return rc;
	n = d->opt.batch - d->next % d->opt.batch;
	left = d->end * repeat - d->next;
	n = n < left ? n : left;
	row = d->next / repeat;
	gather_context(d, row, (d->next + n - 1) / repeat - row + 1);
	g = (struct nf_noise){ .seed = d->opt.seed, .first = d->next,
		.repeat = repeat, .temperature = d->opt.temperature };
	if (nf_raw_sample(d->raw, &g, n, d->context, d->target, err) == -1)
		return d->in == NULL ? -1 :
		    nf_fail_in(err, "%s", nf_reader_name(d->in));
	fill_rows(d, row, n);
	if (nf_writer_put(w, d->out_rows, n, err) == -1)
		return -1;
	d->next += n;
	d->done += n;
	return 1;
}

uint64_t
nf_draw_done(const struct nf_draw *d)
{
	return d->done;
}
