/* Tables in HDF5 files: many files as one, read ahead by slabs of rows. */
#include <string.h>

#include "h5.h"
#include "stream.h"

#define AHEAD		2		/* slabs: one in use, one being read */
#define MAX_AHEAD	(64u << 20)	/* of a slab, to read ahead of */
#define MAX_WANT	(32u << 20)	/* bytes of a slab, if chunks allow */
#define MAX_NOTES	256		/* lines carried over from files */

struct nf_h5 {
	struct nf_list file;
	char *dataset;
	struct nf_schema all;		/* every column there is */
	struct nf_schema schema;	/* of the output */
	uint64_t *nrow;			/* of each file */
	bool *wide;			/* of each column, in any file */
	uint32_t *col;			/* of each of the output */
	enum nf_nonfinite policy;
	uint64_t ndropped;

	uint32_t at;			/* the next slab's file .. */
	uint64_t row, left;		/* .. and row; rows yet to begin */
	struct nf_h5_source *src;	/* the file open, which is .. */
	uint32_t src_at;		/* .. this one */
	struct nf_h5_work *work;
	struct nf_h5_slab slab[AHEAD];
	unsigned first, nslab;		/* the oldest slab; slabs begun */
	bool lent;			/* the oldest is the caller's */
	bool failed;
	struct nf_err late;		/* why the next slab did not begin */
};

static int
fail_in_file(const struct nf_h5 *t, uint32_t i, struct nf_err *err)
{
	return nf_fail_in(err, "%s:%s", t->file.s[i], t->dataset);
}

/* ---- opening ---------------------------------------------------------- */

/* "h5cols FILE:DATASET"; what a line cannot hold is shown as '?'. */
static int
note_file(struct nf_h5 *t, const char *file, struct nf_err *err)
{
	size_t n = strlen(file) + strlen(t->dataset) + 16, k;
	char *line = nf_alloc(n, 1, "a note", err);
	bool text;
	int rc;

	if (line == NULL)
		return -1;
	snprintf(line, n, "h5cols %s:%s", file, t->dataset);
	text = nf_line_check(line, NULL) == 0;
	for (k = 0; !text && line[k] != '\0'; k++)
		if (line[k] < ' ' || line[k] > '~')
			line[k] = '?';
	rc = nf_list_add(&t->all.note, line, err);
	nf_free(line);
	return rc;
}

/* Append one file to the table: its columns must be those of the first. */
static int
join(struct nf_h5 *t, const struct nf_h5_source *s, uint32_t i,
    struct nf_err *err)
{
	const struct nf_list *note = &s->schema.note;
	uint32_t k;

	if (i == 0) {
		if (nf_schema_copy(&t->all, &s->schema, err) == -1 ||
		    (t->wide = nf_alloc(t->all.column.n, sizeof(*t->wide),
		    "columns", err)) == NULL)
			return -1;
		t->all.nrow = 0;
	} else if (nf_schema_agree(&t->all, &s->schema, err) == -1)
		return fail_in_file(t, i, err);
	for (k = 0; i > 0 && k < note->n && t->all.note.n < MAX_NOTES; k++)
		if (!nf_list_has(&t->all.note, note->s[k]) &&
		    nf_list_add(&t->all.note, note->s[k], err) == -1)
			return -1;
	for (k = 0; k < t->all.column.n; k++)
		t->wide[k] |= nf_h5_source_wide(s, k);
	t->nrow[i] = s->schema.nrow;
	if (__builtin_add_overflow(t->all.nrow, s->schema.nrow,
	    &t->all.nrow) || t->all.nrow > INT64_MAX) {
		nf_fail(err, NF_EDATA, "more than 2^63 rows");
		return fail_in_file(t, i, err);
	}
	return note_file(t, t->file.s[i], err);
}

static int
open_files(struct nf_h5 *t, const char *const *file, uint32_t nfile,
    struct nf_err *err)
{
	struct nf_h5_source *s;
	uint32_t i;
	int rc;

	t->nrow = nf_alloc(nfile, sizeof(*t->nrow), "files", err);
	if (t->nrow == NULL)
		return -1;
	for (i = 0; i < nfile; i++) {
		if (nf_list_add(&t->file, file[i], err) == -1 ||
		    nf_h5_source_open(&s, file[i], t->dataset, err) == -1)
			return -1;
		rc = join(t, s, i, err);
		if (i == 0)
			t->src = s;	/* a lone file is opened once */
		else
			nf_h5_source_close(s);
		if (rc == -1)
			return -1;
	}
	return nf_h5_select(t, NULL, 0, 0, UINT64_MAX, err);
}

int
nf_h5_open(struct nf_h5 **out, const char *const *file, uint32_t nfile,
    const char *dataset, struct nf_err *err)
{
	struct nf_h5 *t = nf_alloc(1, sizeof(*t), "a table", err);

	*out = t;
	if (t == NULL)
		return -1;
	if (nfile == 0)
		nf_fail(err, NF_EUSE, "no HDF5 file");
	else if ((t->dataset = nf_strdup(dataset, err)) != NULL &&
	    open_files(t, file, nfile, err) == 0 &&
	    nf_h5_work_open(&t->work, err) == 0)
		return 0;
	nf_h5_close(t);
	*out = NULL;
	return -1;
}

const struct nf_schema *
nf_h5_schema(const struct nf_h5 *t)
{
	return &t->schema;
}

/* ---- choosing --------------------------------------------------------- */

static int
choose_columns(struct nf_h5 *t, const uint32_t *col, uint32_t ncol,
    struct nf_err *err)
{
	const struct nf_list *all = &t->all.column;
	uint32_t k;

	nf_schema_free(&t->schema);
	nf_free(t->col);
	t->col = NULL;
	if (nf_list_copy(&t->schema.prep, &t->all.prep, err) == -1 ||
	    nf_list_copy(&t->schema.note, &t->all.note, err) == -1 ||
	    (t->col = nf_alloc(ncol, sizeof(*t->col), "columns", err)) == NULL)
		return -1;
	t->schema.type = NF_F32;
	for (k = 0; k < ncol; k++) {
		t->col[k] = col == NULL ? k : col[k];
		if (nf_list_add(&t->schema.column, all->s[t->col[k]],
		    err) == -1)
			return -1;
		if (t->wide[t->col[k]])
			t->schema.type = NF_F64;
	}
	return 0;
}

int
nf_h5_select(struct nf_h5 *t, const uint32_t *col, uint32_t ncol,
    uint64_t skip, uint64_t nrow, struct nf_err *err)
{
	if (choose_columns(t, col, col == NULL ? t->all.column.n : ncol,
	    err) == -1)
		return -1;
	if (skip > t->all.nrow)
		skip = t->all.nrow;
	t->left = t->all.nrow - skip;
	if (t->left > nrow)
		t->left = nrow;
	for (t->at = 0; t->at < t->file.n && skip >= t->nrow[t->at]; t->at++)
		skip -= t->nrow[t->at];
	t->row = skip;
	nf_h5_nonfinite(t, t->policy);
	return 0;
}

void
nf_h5_nonfinite(struct nf_h5 *t, enum nf_nonfinite policy)
{
	t->policy = policy;
	t->schema.nrow = policy == NF_DROP ? NF_NROW_UNKNOWN : t->left;
}

uint64_t
nf_h5_dropped(const struct nf_h5 *t)
{
	return t->ndropped;
}

/* ---- reading ahead ---------------------------------------------------- */

/* Close a source that neither the table nor a slab refers to. */
static void
leave(const struct nf_h5 *t, struct nf_h5_source *s)
{
	if (s != NULL && s != t->src && s->nslab == 0)
		nf_h5_source_close(s);
}

/* Have the file of the next row open, and as it was when first looked at. */
static int
enter(struct nf_h5 *t, struct nf_err *err)
{
	struct nf_h5_source *old = t->src;

	for (; t->row == t->nrow[t->at]; t->at++)
		t->row = 0;
	if (old == NULL || t->src_at != t->at) {
		t->src = NULL;
		leave(t, old);
		if (nf_h5_source_open(&t->src, t->file.s[t->at], t->dataset,
		    err) == -1)
			return -1;
		t->src_at = t->at;
		if (t->src->schema.nrow != t->nrow[t->at] ||
		    nf_schema_agree(&t->all, &t->src->schema, NULL) == -1)
			return nf_fail(err, NF_EDATA, "%s:%s: changed while "
			    "it was read", t->file.s[t->at], t->dataset);
	}
	if (t->src->room == NULL && nf_h5_source_select(t->src, t->col,
	    t->schema.column.n, t->schema.type, err) == -1)
		return fail_in_file(t, t->at, err);
	return 0;
}

/*
 * Rows of the next slab: whole rows of chunks, so that none is unpacked
 * twice, unless they are too large; enough to keep the threads busy.
 */
static uint64_t
slab_rows(const struct nf_h5 *t)
{
	const struct nf_h5_source *s = t->src;
	uint64_t want, most, n, frame = nf_frame_rows(&t->schema);

	want = (uint64_t)NF_H5_SLAB * nf_pool_size(nf_h5_work_pool(t->work));
	if (want > MAX_WANT)
		want = MAX_WANT;
	want = want / s->row_bytes + 1;
	most = NF_H5_MAX_SLAB / (t->schema.column.n *
	    nf_type_size(t->schema.type)) + 1;
	if (s->chunk_rows > most)
		n = most;
	else if (s->chunk_rows > want)
		n = s->chunk_rows - t->row % s->chunk_rows;
	else if (s->chunk_rows > 1)
		n = want - (t->row + want) % s->chunk_rows;
	else
		n = want > frame ? want - want % frame : want;
	if (n > t->nrow[t->at] - t->row)
		n = t->nrow[t->at] - t->row;
	return n > t->left ? t->left : n;
}

static int
begin(struct nf_h5 *t, struct nf_err *err)
{
	struct nf_h5_slab *s = &t->slab[(t->first + t->nslab) % AHEAD];

	if (enter(t, err) == -1)
		return -1;
	s->src = t->src;
	s->row = t->row;
	s->nrow = slab_rows(t);
	s->type = t->schema.type;
	s->column = &t->schema.column;
	s->file = t->at;
	s->trust = t->policy == NF_PASS;
	if (nf_h5_slab_begin(s, t->work, err) == -1)
		return fail_in_file(t, t->at, err);
	t->src->nslab++;
	t->nslab++;
	t->row += s->nrow;
	t->left -= s->nrow;
	return 0;
}

/* Begin what may be begun; a failure waits until the rows before are out. */
static void
begin_ahead(struct nf_h5 *t)
{
	while (t->left > 0 && !t->failed && t->nslab < AHEAD &&
	    (t->nslab == 0 || (t->slab[t->first].rows.size <= MAX_AHEAD &&
	    t->src->chunk_bytes <= MAX_AHEAD)))
		if (begin(t, &t->late) == -1)
			t->failed = true;
}

static void
release(struct nf_h5 *t)
{
	struct nf_h5_source *src = t->slab[t->first].src;

	t->first = (t->first + 1) % AHEAD;
	t->nslab--;
	t->lent = false;
	src->nslab--;
	leave(t, src);
}

/* What the policy says about values that are no numbers. */
static int
apply_policy(struct nf_h5 *t, const struct nf_h5_slab *s,
    struct nf_rows *rows, struct nf_err *err)
{
	uint64_t i, n = rows->nrow;
	uint32_t j;

	if (s->finite)
		return 0;
	if (t->policy == NF_FAIL && !nf_rows_finite(rows, &i, &j)) {
		nf_fail(err, NF_EDATA, "row %llu, column %s is %g (h5cols "
		    "--nonfinite=drop leaves such rows out)",
		    (unsigned long long)(s->row + i), s->column->s[j],
		    nf_rows_get(rows, i, j));
		return fail_in_file(t, s->file, err);
	}
	rows->nrow = nf_rows_drop(s->x, n, rows->ncol, rows->type);
	t->ndropped += n - rows->nrow;
	return 0;
}

const struct nf_span *
nf_h5_spans(const struct nf_h5 *t, uint32_t *nspan)
{
	const struct nf_h5_slab *s = &t->slab[t->first];

	*nspan = !t->lent || (t->policy == NF_DROP && !s->finite) ? 0 :
	    s->nspan;
	return s->span;
}

int
nf_h5_next(struct nf_h5 *t, struct nf_rows *rows, struct nf_err *err)
{
	struct nf_h5_slab *s;

	do {
		if (t->lent)
			release(t);
		begin_ahead(t);
		if (t->nslab == 0 && t->failed) {
			if (err != NULL)
				*err = t->late;
			return -1;
		}
		if (t->nslab == 0)
			return 0;
		s = &t->slab[t->first];
		if (nf_h5_slab_end(s, t->work, err) == -1)
			return fail_in_file(t, s->file, err);
		t->lent = true;
		*rows = (struct nf_rows){ s->nrow, s->column->n, s->type,
		    s->x };
		if (apply_policy(t, s, rows, err) == -1)
			return -1;
	} while (rows->nrow == 0);
	return 1;
}

void
nf_h5_close(struct nf_h5 *t)
{
	unsigned i;

	if (t == NULL)
		return;
	for (i = 0; i < AHEAD; i++)
		nf_h5_slab_free(&t->slab[i], t->work);
	while (t->nslab > 0)
		release(t);
	nf_h5_source_close(t->src);
	nf_h5_work_close(t->work);
	nf_list_free(&t->file);
	nf_schema_free(&t->all);
	nf_schema_free(&t->schema);
	nf_free(t->dataset);
	nf_free(t->nrow);
	nf_free(t->wide);
	nf_free(t->col);
	nf_free(t);
}
