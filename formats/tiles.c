/* Columns of streams found by name, a few rows at a time, as doubles. */
#include <string.h>

#include "nfio.h"

int
nf_tiles_open(struct nf_tiles *t, struct nf_err *err)
{
	nf_reader_close(t->r);
	t->r = NULL;
	t->rows.nrow = t->row = 0;
	return t->open(t->nfile == 0 ? NULL : t->file[t->at++], &t->r, err);
}

/* Where the names stand in the file that is open. */
static int
find(struct nf_tiles *t, struct nf_err *err)
{
	const struct nf_list *have = &nf_reader_schema(t->r)->column;
	uint32_t j;
	int at = -1;

	for (j = 0; j < t->names.n; j++) {
		/* Mostly they stand as they are asked for. */
		if ((uint32_t)++at >= have->n ||
		    strcmp(have->s[at], t->names.s[j]) != 0)
			at = nf_columns_index(have, t->names.s[j], err);
		if (at == -1 && !t->optional)
			return nf_fail_in(err, "%s", nf_reader_name(t->r));
		t->col[j] = at == -1 ? NF_NO_COLUMN : (uint32_t)at;
	}
	return 0;
}

int
nf_tiles_choose(struct nf_tiles *t, const struct nf_list *names,
    bool optional, struct nf_err *err)
{
	t->optional = optional;
	if (nf_list_copy(&t->names, names, err) == -1)
		return -1;
	t->col = nf_alloc(names->n, sizeof(*t->col), "columns", err);
	t->x = nf_alloc(names->n, NF_TILE * sizeof(*t->x), "rows", err);
	return t->col == NULL || t->x == NULL ? -1 : find(t, err);
}

/* Have a frame with rows left: 1, or 0 at the end of all files. */
static int
have_rows(struct nf_tiles *t, struct nf_err *err)
{
	int rc;

	while (t->row == t->rows.nrow) {
		t->row = 0;
		rc = nf_reader_next(t->r, &t->rows, err);
		if (rc == 1 && t->copy != NULL &&
		    nf_writer_put(t->copy, t->rows.x, t->rows.nrow, err) == -1)
			return -1;
		if (rc == 1)
			continue;
		t->rows.nrow = 0;
		if (rc == -1 || t->at >= t->nfile)
			return rc;
		if (nf_tiles_open(t, err) == -1 || find(t, err) == -1)
			return -1;
	}
	return 1;
}

int
nf_tiles_next(struct nf_tiles *t, struct nf_err *err)
{
	struct nf_rows part;
	uint32_t j;
	int rc = have_rows(t, err);

	if (rc < 1)
		return rc;
	part = t->rows;
	part.x = (const char *)part.x + (size_t)t->row * part.ncol *
	    nf_type_size(part.type);
	part.nrow -= t->row;
	if (part.nrow > NF_TILE)
		part.nrow = NF_TILE;
	for (j = 0; j < t->names.n; j++)
		if (t->col[j] != NF_NO_COLUMN)
			nf_rows_gather(&part, &t->col[j], 1, NF_F64,
			    t->x + (size_t)j * NF_TILE);
	t->row += part.nrow;
	return (int)part.nrow;
}

void
nf_tiles_close(struct nf_tiles *t)
{
	nf_reader_close(t->r);
	nf_list_free(&t->names);
	nf_free(t->col);
	nf_free(t->x);
	*t = (struct nf_tiles){ 0 };
}
