/* Pictures of the columns of a sample and a reference. */
#include <string.h>

#include "nfio.h"

/* Is name one of the columns that say how rows count? */
static bool
is_extra(const struct nf_views_spec *s, const char *name)
{
	return (s->weight != NULL && strcmp(name, s->weight) == 0) ||
	    (s->fold != NULL && strcmp(name, s->fold) == 0);
}

/* The columns that are drawn, of the sample's first file. */
static int
choose(const struct nf_reader *r, const struct nf_views_spec *s,
    struct nf_list *names, struct nf_err *err)
{
	const struct nf_list *have = &nf_reader_schema(r)->column;
	const char *columns = s->columns == NULL ? "*" : s->columns;
	uint32_t *col, ncol, j;
	int rc = 0;

	if (nf_columns_find(columns, have, &col, &ncol, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(r));
	for (j = 0; j < ncol && rc == 0; j++)
		if (s->columns != NULL || !is_extra(s, have->s[col[j]]))
			rc = nf_list_add(names, have->s[col[j]], err);
	nf_free(col);
	if (rc == 0 && s->kind != NF_VIEW_HIST && names->n != 2)
		rc = nf_fail(err, NF_EUSE, "%s: \"%s\" are %u columns, want 2",
		    nf_reader_name(r), columns, names->n);
	if (rc == 0 && names->n == 0)
		rc = nf_fail(err, NF_EDATA, "%s: no column but %s",
		    nf_reader_name(r), s->weight != NULL ? "the weight" :
		    "the events");
	return rc;
}

static int
begin_sample(struct nf_views *t, struct nf_tiles *in,
    const struct nf_views_spec *s, struct nf_err *err)
{
	struct nf_weighing how = { s->weight != NULL, s->fold != NULL };
	struct nf_list names = { 0, NULL };
	uint32_t ncol;
	int rc = -1;

	if ((in->r == NULL && nf_tiles_open(in, err) == -1) ||
	    choose(in->r, s, &names, err) == -1)
		goto out;
	ncol = names.n;
	if ((how.weighted && nf_list_add(&names, s->weight, err) == -1) ||
	    (how.folded && nf_list_add(&names, s->fold, err) == -1) ||
	    nf_tiles_choose(in, &names, false, err) == -1 ||
	    nf_views_init(t, s->kind, ncol, err) == -1)
		goto out;
	t->view[0].truth = s->truth;
	rc = nf_views_side(t, NF_SAMPLE, &how, NULL, err);
out:
	nf_list_free(&names);
	return rc;
}

/*
 * The reference's names are the sample's, but for a weight or events that
 * it lacks: these stand behind the columns and are simply not there.
 */
static int
reference_names(const struct nf_list *column, const struct nf_views_spec *s,
    const struct nf_list *sample, uint32_t ncol, struct nf_weighing *how,
    struct nf_list *names, struct nf_err *err)
{
	uint32_t j;

	*how = (struct nf_weighing){ false, false };
	for (j = 0; j < column->n; j++) {
		how->weighted |= s->weight != NULL &&
		    strcmp(column->s[j], s->weight) == 0;
		how->folded |= s->fold != NULL &&
		    strcmp(column->s[j], s->fold) == 0;
	}
	for (j = 0; j < ncol; j++)
		if (nf_list_add(names, sample->s[j], err) == -1)
			return -1;
	if ((how->weighted && nf_list_add(names, s->weight, err) == -1) ||
	    (how->folded && nf_list_add(names, s->fold, err) == -1))
		return -1;
	return 0;
}

/* Columns that it lacks are drawn without it, unless they were asked for. */
static int
begin_reference(struct nf_views *t, struct nf_tiles *in,
    const struct nf_list *sample, const struct nf_views_spec *s,
    struct nf_err *err)
{
	bool *absent = nf_alloc(t->ncol, sizeof(*absent), "flags", err);
	struct nf_list names = { 0, NULL };
	const struct nf_list *have;
	struct nf_weighing how;
	uint32_t j, found = 0;
	int rc = -1;

	if (absent == NULL || nf_tiles_open(in, err) == -1)
		goto out;
	have = &nf_reader_schema(in->r)->column;
	if (reference_names(have, s, sample, t->ncol, &how, &names, err) == -1
	    || nf_tiles_choose(in, &names, true, err) == -1)
		goto out;
	for (j = 0; j < t->ncol; j++) {
		absent[j] = in->col[j] == NF_NO_COLUMN;
		found += !absent[j];
	}
	for (j = 0; j < t->ncol; j++)
		if (absent[j] && (s->columns != NULL || found == 0)) {
			nf_columns_index(have, names.s[j], err);
			nf_fail_in(err, "%s", nf_reader_name(in->r));
			goto out;
		}
	rc = nf_views_side(t, NF_REFERENCE, &how, absent, err);
out:
	nf_list_free(&names);
	nf_free(absent);
	return rc;
}

/* Count the next rows of a side; *over at its end. */
static int
step(struct nf_views *t, enum nf_side side, struct nf_tiles *in, bool *over,
    struct nf_err *err)
{
	int n = nf_tiles_next(in, err);

	*over = n == 0;
	if (n < 1)
		return n;
	if (nf_views_put(t, side, in->x, (uint32_t)n, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(in->r));
	return 0;
}

/*
 * Both sides in turn, so that one program may feed both: first what the bins
 * are chosen from, where wanted is set, then all.
 */
static int
drain(struct nf_views *t, struct nf_tiles in[2], bool over[2], bool wanted,
    struct nf_err *err)
{
	bool more = true;
	int side;

	while (more) {
		more = false;
		for (side = 0; side < 2; side++) {
			if (over[side] || (wanted && !nf_views_wants(t, side)))
				continue;
			if (step(t, side, &in[side], &over[side], err) == -1)
				return -1;
			more = true;
		}
	}
	return 0;
}

int
nf_views_read(struct nf_views *t, struct nf_tiles side[2],
    const struct nf_views_spec *s, struct nf_err *err)
{
	bool over[2] = { false, side[NF_REFERENCE].open == NULL };

	*t = (struct nf_views){ 0 };
	if (begin_sample(t, &side[NF_SAMPLE], s, err) == -1)
		return -1;
	if (!over[NF_REFERENCE] && begin_reference(t, &side[NF_REFERENCE],
	    &side[NF_SAMPLE].names, s, err) == -1)
		return -1;
	if (drain(t, side, over, true, err) == -1 ||
	    nf_views_fit(t, &s->bx, &s->by, err) == -1 ||
	    drain(t, side, over, false, err) == -1)
		return -1;
	nf_views_end(t);
	return 0;
}
