/* h5save: save a tensor stream in an HDF5 file */
#include "tool.h"

const char tool_name[] = "h5save";
const char tool_synopsis[] =
    "-o FILE [-d DATASET] [--group] [--gzip[=LEVEL]] [STREAM]";
const char tool_purpose[] = "save a tensor stream in an HDF5 file";

enum { OPT_GROUP = 256, OPT_GZIP };

/* The command line. */
struct request {
	const char *file, *dataset, *stream;
	bool group;
	int gzip;
};

static void
parse(struct request *q, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "output", 1, NULL, 'o' }, { "dataset", 1, NULL, 'd' },
		{ "group", 0, NULL, OPT_GROUP },
		{ "gzip", 2, NULL, OPT_GZIP }, { NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = tool_option(argc, argv, "d:o:", longs)) != -1)
		switch (c) {
		case 'd':
			q->dataset = optarg;
			break;
		case 'o':
			q->file = optarg;
			break;
		case OPT_GROUP:
			q->group = true;
			break;
		default:
			q->gzip = optarg == NULL ? 6 :
			    (int)tool_int(optarg, 1, 9, "--gzip");
		}
	if (q->file == NULL)
		tool_usage("-o FILE is missing");
	if (argc - optind > 1)
		tool_usage("more than one STREAM");
	q->stream = argv[optind];
}

static int
copy(struct nf_reader *r, struct nf_h5_writer *w, struct nf_err *err)
{
	struct nf_rows rows;
	int rc;

	while ((rc = nf_reader_next(r, &rows, err)) == 1)
		if (nf_h5_writer_put(w, rows.x, rows.nrow, err) == -1)
			return -1;
	return rc == 0 ? nf_h5_writer_end(w, err) : -1;
}

int
main(int argc, char *argv[])
{
	struct request q = { .dataset = "data" };
	struct nf_h5_writer *w = NULL;
	struct nf_reader *r = NULL;
	struct nf_err err;
	int rc = -1;

	parse(&q, argc, argv);
	if (tool_open(q.stream, &r, &err) == 0 &&
	    nf_h5_writer_open(&w, q.file, q.dataset, nf_reader_schema(r),
	    q.group, q.gzip, &err) == 0 && copy(r, w, &err) == 0)
		rc = 0;
	nf_h5_writer_close(w);
	nf_reader_close(r);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
