/* Rows for training: chosen, split, prepared. */
#include <omp.h>
#include <string.h>
#include <xxhash.h>

#include "later.h"

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

int
nf_dataset_new(struct nf_dataset **out, const struct nf_choice *c,
    const struct nf_list *prep, const struct nf_list *where,
    uint32_t nthread, struct nf_err *err)
{
	struct nf_dataset *d = nf_alloc(1, sizeof(*d), "data", err);

	*out = NULL;
	if (d == NULL)
		return -1;
	d->nthread = nthread > 0 ? (int)nthread : omp_get_max_threads();
	if (make_preps(d, c, prep, where, err) == -1) {
		nf_dataset_free(d);
		return -1;
	}
	nf_prep_threads(d->context, nthread);
	nf_prep_threads(d->target, nthread);
	d->C = nf_prep_nout(d->context);
	d->D = nf_prep_nout(d->target);
	*out = d;
	return 0;
}

/* ---- rows --------------------------------------------------------------- */

static void
free_held(struct nf_held *h)
{
	int k;

	for (k = 0; k < 3; k++)
		nf_grow_free(&h->mem[k]);
}

/* Room for n prepared rows, where it will be; memory is taken later. */
static int
open_held(const struct nf_dataset *d, struct nf_held *h, uint64_t n,
    int weighted, struct nf_err *err)
{
	size_t ncol[3] = { d->D, d->C, weighted != 0 }, size;
	int k;

	for (k = 0; k < 3; k++) {
		h->size[k] = ncol[k] * sizeof(nf_real);
		size = n * h->size[k];
		if (size > 0 && nf_grow_open(&h->mem[k], size,
		    "training rows", err) == -1)
			return -1;
	}
	return 0;
}

/* Room for n rows that may be used. */
static int
make_held(const struct nf_dataset *d, struct nf_held *h, uint64_t n,
    int weighted, struct nf_err *err)
{
	int k, fits = h->size[0] > 0;	/* it has been open */

	for (k = 0; k < 3; k++)
		fits &= h->size[k] == 0 || (h->mem[k].p != NULL &&
		    n * h->size[k] <= h->mem[k].max);
	if (!fits) {
		free_held(h);
		if (open_held(d, h, n, weighted, err) == -1)
			return -1;
	}
	for (k = 0; k < 3; k++)
		if (h->size[k] > 0 && nf_grow_to(&h->mem[k], n * h->size[k],
		    "training rows", err) == -1)
			return -1;
	return 0;
}

static struct nf_rowset
view(const struct nf_dataset *d, const struct nf_held *h, uint64_t first,
    uint64_t n)
{
	const nf_real *x = h->mem[0].p, *y = h->mem[1].p, *w = h->mem[2].p;

	return (struct nf_rowset){ n, x == NULL ? NULL : x + first * d->D,
		y == NULL ? NULL : y + first * d->C,
		w == NULL ? NULL : w + first };
}

/* Bytes of a row: as it comes, and prepared. */
static void
sizes(const struct nf_dataset *d, const struct nf_choice *c,
    enum nf_type type, uint64_t *raw, uint64_t *prepared)
{
	*raw = (c->ncontext + c->ntarget + c->nweight) * nf_type_size(type);
	*prepared = (d->C + d->D + c->nweight) * sizeof(nf_real);
}

/*
 * What may be held in memory of rows that come: prepared ones lie beside, and
 * numbers, if later, of those to be prepared.
 */
static uint64_t
raw_share(const struct nf_dataset *d, const struct nf_choice *c,
    enum nf_type type, uint64_t memory, int later)
{
	uint64_t raw, prepared;

	sizes(d, c, type, &raw, &prepared);
	prepared += later ? sizeof(uint32_t) : 0;
	return (uint64_t)((double)memory * (double)raw /
	    (double)(raw + prepared));
}

/* How many rows that may be; 0 where they will not stay in memory. */
static uint64_t
most_rows(const struct nf_choice *c, const struct nf_feed *f, uint64_t share)
{
	uint64_t n = share / ((c->ncontext + c->ntarget + c->nweight) *
	    nf_type_size(f->schema->type));

	return f->total == NF_NROW_UNKNOWN ? n : f->total <= n ? f->total : 0;
}

uint64_t
nf_dataset_memory(const struct nf_dataset *d)
{
	uint64_t row = (d->C + d->D + d->weighted) * sizeof(nf_real);
	uint64_t raw = d->later == NULL ? 0 : nf_later_memory(d->later);

	return d->spool == NULL ? (d->ntrain + d->nvalid) * row + raw :
	    d->nvalid * row + nf_spool_memory(&d->size,
	    d->C + d->D + d->weighted);
}

/* Rows that are more than memory holds. */
static int
spool(struct nf_dataset *d, struct nf_pass *p, const struct nf_dataset_opt *o,
    struct nf_err *err)
{
	uint32_t ncol = d->D + d->C + p->c->nweight;
	uint64_t held = d->nvalid * ncol * sizeof(nf_real);

	if (held > o->memory / 2)
		return nf_fail(err, NF_ESYS, "%llu rows that validate take "
		    "%.3g MB of the %.3g that are left: keep fewer "
		    "(valid_fraction)", (unsigned long long)d->nvalid,
		    (double)held / 1e6, (double)o->memory / 1e6);
	free_held(&d->all);		/* which was for all rows */
	d->size = o->size;
	if ((o->size.window == 0 && nf_spool_fit(&d->size, ncol, o->batch,
	    o->memory - held, err) == -1) ||
	    make_held(d, &d->all, d->nvalid, d->weighted, err) == -1 ||
	    nf_spool_new(&d->spool, d->D, d->C, d->weighted, &d->size,
	    o->seed, (o->memory - held) / 2, err) == -1 ||
	    nf_pass_spool(p, err) == -1)
		return -1;
	nf_store_free(p->store);	/* before as much is written again */
	if (nf_spool_done(d->spool, &d->windows, err) == -1)
		return -1;
	d->valid = view(d, &d->all, 0, d->nvalid);
	return 0;
}

static int
hold(struct nf_dataset *d, struct nf_pass *p, struct nf_err *err)
{
	if (make_held(d, &d->all, p->store->nrow, d->weighted, err) == -1 ||
	    (p->sure ? nf_later_new(&d->later, p, err) :
	    nf_pass_hold(p, &d->all, err)) == -1)
		return -1;
	d->train = view(d, &d->all, 0, d->ntrain);
	d->valid = view(d, &d->all, d->ntrain, d->nvalid);
	if (d->later != NULL)
		d->maker = (struct nf_maker){ nf_later_make, d->later };
	return 0;
}

/* Where rows will not stay in memory, none are prepared later. */
static int
open_numbers(struct nf_pass *p, uint64_t nrow, struct nf_err *err)
{
	int k;

	p->keep &= nrow > 0;
	nrow = nrow < UINT32_MAX ? nrow : UINT32_MAX;
	for (k = 0; k < 2 && p->keep; k++)
		if (nf_grow_open(&p->number[k], nrow * sizeof(uint32_t),
		    "rows", err) == -1)
			return -1;
	return 0;
}

int
nf_dataset_train(struct nf_dataset *d, const struct nf_choice *c,
    const struct nf_feed *f, const struct nf_dataset_opt *o,
    struct nf_err *err)
{
	struct nf_store store = { 0 };
	struct nf_pass p = { .d = d, .c = c, .store = &store,
		.seed = o->seed, .begun = o->begun, .arg = o->arg,
		.keep = o->later };
	struct nf_watch watch = { nf_pass_begun, nf_pass_show, nf_pass_room,
		&p };
	uint64_t share = o->size.window > 0 ? 0 : raw_share(d, c,
	    f->schema->type, o->memory, o->later);
	uint64_t most = most_rows(c, f, share);
	int rc = -1;

	d->weighted = c->nweight > 0;
	p.total = f->total == NF_NROW_UNKNOWN ? 0 : most;
	nf_pass_begin(&p, o->fraction);
	if (open_held(d, &d->all, most, d->weighted, err) == -1 ||
	    open_numbers(&p, most, err) == -1 ||
	    nf_store_fill(&store, f, c->col, c->ncontext + c->ntarget +
	    c->nweight, share, &watch, err) == -1) {
		nf_pass_free(&p);
		return -1;
	}
	if (store.nrow == 0)
		nf_fail(err, NF_EDATA, "the stream has no rows");
	else if (o->resumes && o->size.window == 0 &&
	    nf_store_in_file(&store))
		nf_fail(err, NF_ESYS, "the training began with all rows in "
		    "memory, where they no longer fit: give it more "
		    "(--memory), or begin anew");
	else {
		nf_pass_choose(&p);
		d->digest = XXH3_64bits_withSeed(&store.digest,
		    sizeof(store.digest), d->ntrain);
		if (nf_pass_fit(&p, err) == 0)
			rc = nf_store_in_file(&store) ?
			    spool(d, &p, o, err) : hold(d, &p, err);
	}
	nf_pass_free(&p);
	nf_store_free(&store);
	return rc == -1 ? nf_fail_in(err, "%s", f->name) : 0;
}

/* Rows that train are prepared now, so that others may have the memory. */
static int
settle(struct nf_dataset *d, uint64_t *memory, struct nf_err *err)
{
	*memory += nf_later_memory(d->later);
	if (nf_later_all(d->later, err) == -1)
		return -1;
	nf_later_free(d->later);
	d->later = NULL;
	d->maker = (struct nf_maker){ NULL, NULL };
	return 0;
}

int
nf_dataset_valid(struct nf_dataset *d, const struct nf_choice *c,
    const struct nf_feed *f, uint64_t seed, uint64_t memory,
    struct nf_err *err)
{
	struct nf_store store = { 0 };
	struct nf_pass p = { .d = d, .c = c, .store = &store, .seed = seed };
	uint64_t ntrain = d->ntrain;
	int rc = -1;

	if (d->later != NULL && (f->total == NF_NROW_UNKNOWN || most_rows(c, f,
	    raw_share(d, c, f->schema->type, memory, 0)) == 0) &&
	    settle(d, &memory, err) == -1)
		return -1;
	if (nf_store_fill(&store, f, c->col, c->ncontext + c->ntarget +
	    c->nweight, raw_share(d, c, f->schema->type, memory, 0), NULL,
	    err) == -1)
		return -1;
	if (store.nrow == 0)
		nf_fail(err, NF_EDATA, "no rows to validate with");
	else if (nf_store_in_file(&store))
		nf_fail(err, NF_ESYS, "%llu rows do not fit in the %.3g MB of "
		    "memory that are left for them: take fewer",
		    (unsigned long long)store.nrow, (double)memory / 1e6);
	else if (make_held(d, &d->extra, store.nrow, c->nweight > 0,
	    err) == 0) {
		d->ntrain = 0;		/* the first place is theirs */
		rc = nf_pass_hold(&p, &d->extra, err);
		d->ntrain = ntrain;
		d->nvalid = store.nrow;
		d->valid = view(d, &d->extra, 0, d->nvalid);
	}
	nf_pass_free(&p);
	nf_store_free(&store);
	return rc == -1 ? nf_fail_in(err, "validation %s", f->name) : 0;
}

void
nf_dataset_free(struct nf_dataset *d)
{
	if (d == NULL)
		return;
	nf_prep_free(d->context);
	nf_prep_free(d->target);
	free_held(&d->all);
	free_held(&d->extra);
	nf_spool_close(d->spool);
	nf_later_free(d->later);
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
