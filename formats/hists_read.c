/* Histograms of the columns of a sample and a reference. */
#include <string.h>

#include "nfio.h"

/* The columns that are drawn: of the sample's first file, not the weight. */
static int
choose(const struct nf_reader *r, const char *columns, const char *weight,
    struct nf_list *names, struct nf_err *err)
{
	const struct nf_list *have = &nf_reader_schema(r)->column;
	uint32_t *col, ncol, j;
	int rc = 0;

	if (nf_columns_find(columns == NULL ? "*" : columns, have, &col,
	    &ncol, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(r));
	for (j = 0; j < ncol && rc == 0; j++)
		if (columns != NULL || weight == NULL ||
		    strcmp(have->s[col[j]], weight) != 0)
			rc = nf_list_add(names, have->s[col[j]], err);
	nf_free(col);
	if (rc == 0 && names->n == 0)
		rc = nf_fail(err, NF_EDATA, "%s: no column but the weight",
		    nf_reader_name(r));
	return rc;
}

static int
begin_sample(struct nf_hists *t, struct nf_tiles *in, const char *columns,
    const char *weight, struct nf_err *err)
{
	struct nf_list names = { 0, NULL };
	uint32_t ncol;
	int rc = -1;

	if (nf_tiles_open(in, err) == -1 ||
	    choose(in->r, columns, weight, &names, err) == -1)
		goto out;
	ncol = names.n;
	if ((weight != NULL && nf_list_add(&names, weight, err) == -1) ||
	    nf_tiles_choose(in, &names, false, err) == -1)
		goto out;
	if (nf_hists_init(t, ncol, err) == 0)
		rc = nf_hists_side(t, NF_SAMPLE, weight != NULL, NULL, err);
out:
	nf_list_free(&names);
	return rc;
}

static int
begin_reference(struct nf_hists *t, struct nf_tiles *in,
    const struct nf_list *names, bool strict, struct nf_err *err)
{
	bool *absent = nf_alloc(t->ncol, sizeof(*absent), "flags", err);
	uint32_t j, found = 0;
	int rc = -1;

	if (absent == NULL || nf_tiles_open(in, err) == -1 ||
	    nf_tiles_choose(in, names, true, err) == -1)
		goto out;
	for (j = 0; j < t->ncol; j++) {
		absent[j] = in->col[j] == NF_NO_COLUMN;
		found += !absent[j];
	}
	for (j = 0; j < t->ncol; j++)
		if (absent[j] && (strict || found == 0)) {
			nf_columns_index(&nf_reader_schema(in->r)->column,
			    names->s[j], err);
			nf_fail_in(err, "%s", nf_reader_name(in->r));
			goto out;
		}
	rc = nf_hists_side(t, NF_REFERENCE, names->n > t->ncol &&
	    in->col[t->ncol] != NF_NO_COLUMN, absent, err);
out:
	nf_free(absent);
	return rc;
}

/* Count the next rows of a side; *over at its end. */
static int
step(struct nf_hists *t, enum nf_side side, struct nf_tiles *in, bool *over,
    struct nf_err *err)
{
	int n = nf_tiles_next(in, err);

	*over = n == 0;
	if (n < 1)
		return n;
	if (nf_hists_put(t, side, in->x, (uint32_t)n, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(in->r));
	return 0;
}

/*
 * Both sides in turn, so that one program may feed both: first what the bins
 * are chosen from, where wanted is set, then all.
 */
static int
drain(struct nf_hists *t, struct nf_tiles in[2], bool over[2], bool wanted,
    struct nf_err *err)
{
	bool more = true;
	int side;

	while (more) {
		more = false;
		for (side = 0; side < 2; side++) {
			if (over[side] || (wanted && !nf_hists_wants(t, side)))
				continue;
			if (step(t, side, &in[side], &over[side], err) == -1)
				return -1;
			more = true;
		}
	}
	return 0;
}

int
nf_hists_read(struct nf_hists *t, struct nf_tiles side[2],
    const char *columns, const char *weight, const struct nf_binning *b,
    struct nf_err *err)
{
	bool over[2] = { false, side[NF_REFERENCE].open == NULL };

	*t = (struct nf_hists){ 0 };
	if (begin_sample(t, &side[NF_SAMPLE], columns, weight, err) == -1)
		return -1;
	if (!over[NF_REFERENCE] && begin_reference(t, &side[NF_REFERENCE],
	    &side[NF_SAMPLE].names, columns != NULL, err) == -1)
		return -1;
	if (drain(t, side, over, true, err) == -1 ||
	    nf_hists_fit(t, b, err) == -1)
		return -1;
	return drain(t, side, over, false, err);
}
