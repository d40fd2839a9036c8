/* h5cols: columns and rows of HDF5 files as a tensor stream */
#include <string.h>

#include "span.h"
#include "tool.h"

const char tool_name[] = "h5cols";
const char tool_synopsis[] =
    "[-z] [-c COLUMNS] [-d DATASET] [-n ROWS] [-s SKIP]\n"
    "[--nonfinite=pass|drop|fail] FILE...";
const char tool_purpose[] =
    "columns and rows of HDF5 files as a tensor stream";

/* The command line, as far as it is not files. */
struct request {
	const char *dataset, *columns;
	uint64_t skip, nrow;
	enum nf_nonfinite policy;
	int flags;
};

static enum nf_nonfinite
parse_policy(const char *arg)
{
	if (strcmp(arg, "pass") == 0)
		return NF_PASS;
	if (strcmp(arg, "drop") == 0)
		return NF_DROP;
	if (strcmp(arg, "fail") != 0)
		tool_usage("--nonfinite: '%s' is not pass, drop or fail", arg);
	return NF_FAIL;
}

static void
parse(struct request *q, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "columns", 1, NULL, 'c' }, { "dataset", 1, NULL, 'd' },
		{ "rows", 1, NULL, 'n' }, { "skip", 1, NULL, 's' },
		{ "zstd", 0, NULL, 'z' }, { "nonfinite", 1, NULL, 256 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = tool_option(argc, argv, "c:d:n:s:z", longs)) != -1)
		switch (c) {
		case 'c':
			q->columns = optarg;
			break;
		case 'd':
			q->dataset = optarg;
			break;
		case 'n':
			q->nrow = (uint64_t)tool_int(optarg, 0, INT64_MAX,
			    "-n");
			break;
		case 's':
			q->skip = (uint64_t)tool_int(optarg, 0, INT64_MAX,
			    "-s");
			break;
		case 'z':
			q->flags |= NF_ZSTD;
			break;
		default:
			q->policy = parse_policy(optarg);
		}
	if (optind == argc)
		tool_usage("no FILE");
}

static int
choose(struct nf_h5 *t, const struct request *q, const char *file,
    struct nf_err *err)
{
	uint32_t *col = NULL, ncol = 0;
	int rc;

	nf_h5_nonfinite(t, q->policy);
	if (q->columns != NULL && nf_columns_find(q->columns,
	    &nf_h5_schema(t)->column, &col, &ncol, err) == -1)
		return nf_fail_in(err, "%s", file);
	rc = nf_h5_select(t, col, ncol, q->skip, q->nrow, err);
	nf_free(col);
	return rc;
}

static int
copy(struct nf_h5 *t, struct nf_writer *w, struct nf_err *err)
{
	const struct nf_span *span;
	struct nf_rows rows;
	uint32_t n;
	int rc;

	while ((rc = nf_h5_next(t, &rows, err)) == 1) {
		span = nf_h5_spans(t, &n);
		if (nf_writer_put_spans(w, rows.x, rows.nrow, span, n,
		    err) == -1)
			return -1;
	}
	return rc == 0 ? nf_writer_end(w, err) : -1;
}

int
main(int argc, char *argv[])
{
	struct request q = { .dataset = "data", .nrow = UINT64_MAX };
	struct nf_writer *w = NULL;
	struct nf_h5 *t = NULL;
	struct nf_err err;
	int rc = -1;

	parse(&q, argc, argv);
	if (nf_h5_open(&t, (const char *const *)argv + optind,
	    (uint32_t)(argc - optind), q.dataset, &err) == 0 &&
	    choose(t, &q, argv[optind], &err) == 0 &&
	    tool_output(nf_h5_schema(t), q.flags, &w, &err) == 0 &&
	    copy(t, w, &err) == 0)
		rc = 0;
	if (rc == 0 && nf_h5_dropped(t) > 0)
		tool_warn("%llu rows with NaN or infinity left out",
		    (unsigned long long)nf_h5_dropped(t));
	nf_writer_close(w);
	nf_h5_close(t);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
