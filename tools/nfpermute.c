/* nfpermute: shuffle rows; choose and reorder columns; undo both */
#include <string.h>

#include "tool.h"

const char tool_name[] = "nfpermute";
const char tool_synopsis[] =
    "[--rows] [--columns=COLUMNS|reverse|random] [--seed N]\n"
    "[--memory SIZE] [--inverse] [FILE]";
const char tool_purpose[] =
    "shuffle rows; choose and reorder columns; undo both";

struct permute {
	bool rows, inverse;
	const char *columns;		/* NULL: as they are */
	uint64_t seed, memory, cache;
};

/* Rows one after another, their columns in the new order. */
static int
pass(struct nf_reader *r, struct nf_pick *pick, struct nf_writer *w,
    struct nf_err *err)
{
	struct nf_rows rows;
	int rc;

	while ((rc = nf_reader_next(r, &rows, err)) == 1)
		if (nf_pick_rows(pick, &rows, err) == -1 ||
		    nf_writer_put(w, rows.x, rows.nrow, err) == -1)
			return -1;
	return rc == -1 ? -1 : nf_writer_end(w, err);
}

/* Take all rows; their number is then known. */
static int
take(struct nf_reader *r, struct nf_pick *pick, struct nf_permuter *p,
    uint64_t cache, uint64_t *nrow, struct nf_err *err)
{
	struct nf_rows rows;
	int rc;

	*nrow = 0;
	nf_permuter_expect(p, nf_reader_total(r), cache);
	while ((rc = nf_reader_next(r, &rows, err)) == 1) {
		if (nf_pick_rows(pick, &rows, err) == -1 ||
		    nf_permuter_put(p, rows.x, rows.nrow, err) == -1)
			return -1;
		*nrow += rows.nrow;
	}
	return rc;
}

static int
give(struct nf_permuter *p, struct nf_writer *w, struct nf_err *err)
{
	const void *x;
	uint64_t n;
	int rc;

	while ((rc = nf_permuter_next(p, &x, &n, err)) == 1)
		if (nf_writer_put(w, x, n, err) == -1)
			return -1;
	return rc == -1 ? -1 : nf_writer_end(w, err);
}

static int
permute(const struct permute *o, struct nf_reader *r, struct nf_err *err)
{
	const struct nf_schema *s = nf_reader_schema(r);
	struct nf_schema out = { .nrow = 0 };
	struct nf_pick pick = { .max = UINT64_MAX, .type = s->type };
	struct nf_permuter *p = NULL;
	struct nf_writer *w = NULL;
	uint32_t *col = NULL;
	int rc = -1;

	if (o->columns != NULL && nf_columns_permute(o->columns, o->seed,
	    o->inverse, &s->column, &col, &pick.ncol, err) == -1) {
		if (err->code == NF_EDATA)
			nf_fail_in(err, "%s", nf_reader_name(r));
		goto out;
	}
	pick.col = col;
	if (nf_schema_choose(&out, s, col, pick.ncol, err) == -1)
		goto out;
	if (!o->rows) {
		out.nrow = nf_reader_total(r);
		rc = tool_output(&out, 0, &w, err) == -1 ? -1 :
		    pass(r, &pick, w, err);
	} else if (tool_no_terminal("a stream", err) == 0 &&
	    nf_permuter_open(&p, out.column.n * nf_type_size(out.type),
	    o->seed, o->inverse, o->memory, err) == 0 &&
	    take(r, &pick, p, o->cache, &out.nrow, err) == 0 &&
	    tool_output(&out, 0, &w, err) == 0)
		rc = give(p, w, err);
out:
	nf_writer_close(w);
	nf_permuter_close(p);
	nf_pick_free(&pick);
	nf_schema_free(&out);
	nf_free(col);
	return rc;
}

int
main(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "rows", no_argument, NULL, 'r' },
		{ "columns", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 'S' },
		{ "memory", required_argument, NULL, 'm' },
		{ "inverse", no_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 }
	};
	struct permute o = { .seed = 1 };
	struct nf_reader *r = NULL;
	struct nf_err err;
	int c, rc = -1;

	while ((c = tool_option(argc, argv, "", longs)) != -1)
		switch (c) {
		case 'r':
			o.rows = true;
			break;
		case 'c':
			o.columns = optarg;
			break;
		case 'S':
			o.seed = tool_seed(optarg);
			break;
		case 'm':
			o.memory = tool_size(optarg, "--memory");
			break;
		case 'i':
			o.inverse = true;
			break;
		}
	if (argc - optind > 1)
		tool_usage("one FILE at most");
	if (!o.rows && o.columns == NULL)
		tool_usage("nothing to do: want --rows or --columns");
	o.cache = tool_memory();
	if (o.memory == 0)
		o.memory = o.cache / 2;
	o.cache -= o.memory < o.cache ? o.memory : o.cache;
	if (tool_open(argv[optind], &r, &err) == 0)
		rc = permute(&o, r, &err);
	nf_reader_close(r);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
