/* A whole table in memory. */
#include <string.h>

#include "grow.h"
#include "nfio.h"

static int
too_large(const struct nf_feed *f, uint64_t max, struct nf_err *err)
{
	return nf_fail(err, NF_ESYS, "%s: more than %.1f MB of rows, which is "
	    "all that may be kept in memory: take fewer rows or columns",
	    f->name, (double)max / 1e6);
}

int
nf_table_feed(struct nf_table *t, const struct nf_feed *f,
    const uint32_t *col, uint32_t ncol, enum nf_type type, uint64_t max,
    struct nf_err *err)
{
	struct nf_grow g = { NULL, 0, 0 };
	struct nf_rows rows;
	size_t rowsize, used = 0, n;
	int rc;

	memset(t, 0, sizeof(*t));
	if (nf_schema_choose(&t->schema, f->schema, col, ncol, err) == -1)
		goto fail;
	t->schema.type = type;
	t->schema.nrow = 0;
	rowsize = t->schema.column.n * nf_type_size(type);
	if (f->total != NF_NROW_UNKNOWN && f->total > max / rowsize) {
		too_large(f, max, err);
		goto fail;
	}
	if (nf_grow_open(&g, max, "a table", err) == -1)
		goto fail;
	while ((rc = f->next(f->arg, &rows, err)) == 1) {
		n = rows.nrow * rowsize;
		if (n > max - used) {
			too_large(f, max, err);
			goto fail;
		}
		if (nf_grow_to(&g, used + n, "a table", err) == -1)
			goto fail;
		nf_rows_gather(&rows, col, ncol, type, (char *)g.p + used);
		used += n;
		t->schema.nrow += rows.nrow;
	}
	if (rc == -1)
		goto fail;
	t->x = g.p;
	t->reserved = g.max;
	return 0;
fail:
	nf_grow_free(&g);
	nf_schema_free(&t->schema);
	return -1;
}

static int
next_of_reader(void *arg, struct nf_rows *rows, struct nf_err *err)
{
	return nf_reader_next(arg, rows, err);
}

struct nf_feed
nf_feed_reader(struct nf_reader *r)
{
	return (struct nf_feed){ nf_reader_schema(r), nf_reader_total(r),
		nf_reader_name(r), next_of_reader, r };
}

int
nf_table_read(struct nf_table *t, struct nf_reader *r, const uint32_t *col,
    uint32_t ncol, enum nf_type type, uint64_t max, struct nf_err *err)
{
	struct nf_feed f = nf_feed_reader(r);

	return nf_table_feed(t, &f, col, ncol, type, max, err);
}

void
nf_table_free(struct nf_table *t)
{
	struct nf_grow g = { t->x, 0, t->reserved };

	nf_grow_free(&g);
	nf_schema_free(&t->schema);
	memset(t, 0, sizeof(*t));
}
