/* nfcat: look at tensor streams, convert, check, cut and join them */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

const char tool_name[] = "nfcat";
const char tool_synopsis[] =
    "[-i | -t | --csv | --npy | --check | --sum] [-z] [-n ROWS]\n"
    "[-s SKIP] [-c COLUMNS] [--type f32|f64] [FILE...]";
const char tool_purpose[] =
    "look at tensor streams, convert, check, cut and join them";

/* The forms of output, and what is none. */
enum mode {
	STREAM = NF_FORM_STREAM, TSV = NF_FORM_TSV, CSV = NF_FORM_CSV,
	NPY = NF_FORM_NPY, INFO, CHECK, SUM
};

struct cat {
	enum mode mode;
	int flags;			/* of the stream written */
	const char *columns;		/* NULL: all */
	int type;			/* -1: the input's */
	struct nf_schema in, out;	/* of the first input; of what passes */
	uint32_t *col;
	struct nf_pick pick;
	uint64_t nrow;			/* passed on */
	struct nf_digest digest;
	struct nf_sink *sink;		/* where the mode is a form */
};

static int
output_open(struct cat *c, struct nf_err *err)
{
	uint32_t j;

	if (c->mode == SUM) {
		nf_digest_name(&c->digest, nf_type_name(c->out.type));
		for (j = 0; j < c->out.column.n; j++)
			nf_digest_name(&c->digest, c->out.column.s[j]);
	}
	if ((c->mode == STREAM || c->mode == NPY) && tool_no_terminal(
	    c->mode == STREAM ? "a stream" : "an npy file", err) == -1)
		return -1;
	return c->mode > NPY ? 0 :
	    nf_sink_open(&c->sink, (enum nf_form)c->mode, STDOUT_FILENO,
	    "stdout", &c->out, c->flags, err);
}

/* The first input decides on columns, type and what is written first. */
static int
begin(struct cat *c, const struct nf_schema *s, const char *name,
    uint64_t total, struct nf_err *err)
{
	struct nf_pick *p = &c->pick;

	if (nf_schema_copy(&c->in, s, err) == -1 || (c->columns != NULL &&
	    nf_columns_find(c->columns, &s->column, &c->col, &p->ncol,
	    err) == -1))
		return nf_fail_in(err, "%s", name);
	p->col = c->col;
	p->type = c->type == -1 ? s->type : (enum nf_type)c->type;
	if (nf_schema_choose(&c->out, s, p->col, p->ncol, err) == -1)
		return -1;
	c->out.type = p->type;
	c->out.nrow = nf_pick_total(p, total);
	return output_open(c, err);
}

static int
pass(struct cat *c, struct nf_rows rows, struct nf_err *err)
{
	if (nf_pick_rows(&c->pick, &rows, err) == -1)
		return -1;
	c->nrow += rows.nrow;
	if (c->mode == SUM)
		nf_digest_rows(&c->digest, rows.x, rows.nrow, rows.ncol *
		    nf_type_size(rows.type));
	return c->sink == NULL ? 0 :
	    nf_sink_put(c->sink, rows.x, rows.nrow, err);
}

/* A table that follows another must be more of the same. */
static int
agree(const struct cat *c, const struct nf_schema *s, const char *name,
    struct nf_err *err)
{
	if (nf_schema_agree(&c->in, s, err) == -1)
		return nf_fail_in(err, "%s: does not fit what came before",
		    name);
	if (c->type == -1 && s->type != c->in.type)
		return nf_fail(err, NF_EDATA, "%s: has type %s, what came "
		    "before has %s (--type makes them one)", name,
		    nf_type_name(s->type), nf_type_name(c->in.type));
	return 0;
}

static int
cat_source(struct cat *c, struct nf_source *s, const char *name, bool alone,
    struct nf_err *err)
{
	uint64_t total = alone ? nf_source_total(s) : NF_NROW_UNKNOWN;
	const struct nf_schema *schema = nf_source_schema(s);
	struct nf_rows rows;
	int rc;

	do {
		if ((c->in.column.n > 0 ? agree(c, schema, name, err) :
		    begin(c, schema, name, total, err)) == -1)
			return -1;
		if (c->mode == INFO && c->out.nrow != NF_NROW_UNKNOWN)
			return 0;
		rc = 1;
		while (c->pick.max > 0 &&
		    (rc = nf_source_next(s, &rows, err)) == 1)
			if (pass(c, rows, err) == -1)
				return -1;
		if (rc == 0)
			rc = nf_source_again(s, err);
	} while (rc == 1 && c->pick.max > 0);
	return rc == -1 ? -1 : 0;
}

static int
cat_file(struct cat *c, const char *file, bool alone, struct nf_err *err)
{
	struct nf_source *s;
	const char *name;
	int fd, rc = -1;

	if (tool_input(file, &fd, &name, err) == -1)
		return -1;
	if (nf_source_open(&s, fd, name, err) == 0) {
		rc = cat_source(c, s, name, alone, err);
		nf_source_close(s);
	}
	if (fd != STDIN_FILENO)
		close(fd);
	return rc;
}

static void
print_lines(const char *what, const struct nf_list *l)
{
	uint32_t j;

	for (j = 0; j < l->n; j++)
		printf("%s\t%s\n", what, l->s[j]);
}

static int
end(struct cat *c, struct nf_err *err)
{
	char digest[33];

	if (c->sink != NULL)
		return nf_sink_end(c->sink, err);
	if (c->mode == SUM) {
		nf_digest_text(&c->digest, digest);
		printf("%llu\t%s\n", (unsigned long long)c->nrow, digest);
	} else if (c->mode == INFO) {
		printf("rows\t%llu\ntype\t%s\ncolumns\t%u\n",
		    (unsigned long long)(c->out.nrow != NF_NROW_UNKNOWN ?
		    c->out.nrow : c->nrow), nf_type_name(c->out.type),
		    c->out.column.n);
		print_lines("column", &c->out.column);
		print_lines("prep", &c->out.prep);
		print_lines("note", &c->out.note);
	}
	return tool_flush(err);
}

static void
options(struct cat *c, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "info", no_argument, NULL, 'i' },
		{ "text", no_argument, NULL, 't' },
		{ "zstd", no_argument, NULL, 'z' },
		{ "rows", required_argument, NULL, 'n' },
		{ "skip", required_argument, NULL, 's' },
		{ "columns", required_argument, NULL, 'c' },
		{ "csv", no_argument, NULL, 256 + CSV },
		{ "npy", no_argument, NULL, 256 + NPY },
		{ "check", no_argument, NULL, 256 + CHECK },
		{ "sum", no_argument, NULL, 256 + SUM },
		{ "type", required_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 }
	};
	enum mode mode;
	int o;

	while ((o = tool_option(argc, argv, "itzn:s:c:", longs)) != -1)
		switch (o) {
		case 'z':
			c->flags = NF_ZSTD;
			break;
		case 'n':
			c->pick.max = (uint64_t)tool_int(optarg, 0, INT64_MAX,
			    "-n");
			break;
		case 's':
			c->pick.skip = (uint64_t)tool_int(optarg, 0,
			    INT64_MAX, "-s");
			break;
		case 'c':
			c->columns = optarg;
			break;
		case 'T':
			c->type = strcmp(optarg, "f32") == 0 ? NF_F32 : NF_F64;
			if (strcmp(optarg, nf_type_name(c->type)) != 0)
				tool_usage("--type %s: want f32 or f64",
				    optarg);
			break;
		default:
			mode = o == 'i' ? INFO : o == 't' ? TSV :
			    (enum mode)(o - 256);
			if (c->mode != STREAM && c->mode != mode)
				tool_usage("one kind of output at a time");
			c->mode = mode;
		}
	if (c->flags != 0 && c->mode != STREAM)
		tool_usage("-z compresses streams only");
}

int
main(int argc, char *argv[])
{
	struct cat c = { .type = -1, .pick.max = UINT64_MAX };
	struct nf_err err;
	int i, rc;

	options(&c, argc, argv);
	i = optind;
	do
		rc = cat_file(&c, argv[i], argc - optind <= 1, &err);
	while (rc == 0 && i < argc && ++i < argc);
	if (rc == 0)
		rc = end(&c, &err);
	nf_sink_close(c.sink);
	nf_schema_free(&c.in);
	nf_schema_free(&c.out);
	nf_free(c.col);
	nf_pick_free(&c.pick);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
