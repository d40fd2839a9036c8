/* Calls what tools/tool.h offers, so that tests can see what it does. */
#include "../../tools/tool.h"

const char tool_name[] = "tool_probe";
const char tool_synopsis[] = "[-n N] [-x X] [-s SIZE] [-d DURATION]\n[--open] "
    "[FILE]";
const char tool_purpose[] = "show what the programs share";

enum { OPEN = 256, OUTPUT, MEMORY, PROGRESS, DIE };

static const struct option longs[] = {
	{ "open", no_argument, NULL, OPEN },
	{ "output", no_argument, NULL, OUTPUT },
	{ "memory", no_argument, NULL, MEMORY },
	{ "progress", no_argument, NULL, PROGRESS },
	{ "die", required_argument, NULL, DIE },
	{ "size", required_argument, NULL, 's' },
	{ 0 }
};

static int
probe(int c, const char *file, struct nf_err *err)
{
	struct nf_schema schema = { .type = NF_F32, .nrow = 0 };
	struct nf_reader *r = NULL;
	struct nf_writer *w = NULL;
	int rc = 0;

	if (c == OPEN) {
		rc = tool_open(file, &r, err);
		if (rc == 0)
			printf("%s\n", nf_reader_name(r));
		nf_reader_close(r);
	} else if (c == OUTPUT) {
		if (nf_list_add(&schema.column, "c", err) == -1 ||
		    tool_output(&schema, 0, &w, err) == -1 ||
		    nf_writer_end(w, err) == -1)
			rc = -1;
		nf_writer_close(w);
		nf_schema_free(&schema);
	}
	return rc;
}

static void
show(int c)
{
	int k;

	switch (c) {
	case 'n':
		printf("%lld\n", tool_int(optarg, -5, 100, "-n"));
		break;
	case 'x':
		printf("%.17g\n", tool_double(optarg, "-x"));
		break;
	case 's':
		printf("%ju\n", (uintmax_t)tool_size(optarg, "-s"));
		break;
	case 'd':
		printf("%.17g\n", tool_duration(optarg, "-d"));
		break;
	case MEMORY:
		printf("%ju\n", (uintmax_t)tool_memory());
		break;
	case PROGRESS:
		for (k = 0; k < 1000; k++)
			tool_progress("%d \u2588\u2588\u2588\u2588\u2588", k);
		tool_warn("in between");
		tool_progress("%0500d", 7);
		tool_progress_end();
		break;
	}
}

int
main(int argc, char *argv[])
{
	struct nf_err err;
	int c, what = 0;

	while ((c = tool_option(argc, argv, "n:x:s:d:", longs)) != -1)
		if (c == DIE) {
			nf_fail(&err, (enum nf_code)tool_int(optarg, 1, 3,
			    "--die"), "as asked");
			tool_die(&err);
		} else if (c == OPEN || c == OUTPUT)
			what = c;
		else
			show(c);
	if (probe(what, argv[optind], &err) == -1)
		tool_die(&err);
	return TOOL_OK;
}
