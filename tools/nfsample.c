/* nfsample: draw from a conditional flow */
#include <stdlib.h>
#include <string.h>

#include "raw.h"
#include "tool_model.h"

const char tool_name[] = "nfsample";
const char tool_synopsis[] = "[-n REPEAT] [--rows ROWS] [--seed N] "
    "[--shard I/N]\n[--targets-only] [--index] [--raw] [--batch N] [-z] "
    "[--device auto|cpu|cuda]\n[--threads N] MODEL [FILE]";
const char tool_purpose[] = "draw from a conditional flow";

static struct {
	uint32_t repeat, shard, nshard, batch, threads;
	uint64_t rows, seed;
	int has_rows, targets_only, index, raw, flags;
	const char *device;
} opt = { .repeat = 1, .nshard = 1, .batch = 8192, .device = "auto" };

/* What turns rows of conditions into rows of draws. */
struct work {
	struct tool_model m;
	struct nf_reader *r;		/* NULL: --rows */
	struct nf_table all;		/* its rows, if they had to be counted */
	struct nf_writer *w;
	enum nf_type type;		/* of the output */
	uint32_t *col;			/* conditions in the input */
	uint32_t *keep, nkeep;		/* input columns passed on */
	uint32_t ncol;			/* of the output */
	uint64_t row, lo, hi;		/* next input row; rows wanted */
	double *context;		/* [rows of a block][ncontext] */
	double *target;			/* [batch][ntarget] */
	char *out;			/* [batch][ncol] */
};

static void
read_shard(const char *arg)
{
	char *end;
	long i = strtol(arg, &end, 10), n;

	if (end == arg || *end != '/')
		tool_usage("--shard %s: want I/N, as 0/8", arg);
	n = tool_int(end + 1, 1, 1000000, "--shard");
	if (i < 0 || i >= n)
		tool_usage("--shard %s: want I from 0 to N-1", arg);
	opt.shard = (uint32_t)i;
	opt.nshard = (uint32_t)n;
}

static void
read_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "rows", required_argument, NULL, 256 },
		{ "seed", required_argument, NULL, 257 },
		{ "shard", required_argument, NULL, 258 },
		{ "targets-only", no_argument, NULL, 259 },
		{ "index", no_argument, NULL, 260 },
		{ "raw", no_argument, NULL, 261 },
		{ "batch", required_argument, NULL, 262 },
		{ "device", required_argument, NULL, 263 },
		{ "threads", required_argument, NULL, 264 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = tool_option(argc, argv, "n:z", longs)) != -1)
		switch (c) {
		case 'n':
			opt.repeat = (uint32_t)tool_int(optarg, 1, UINT32_MAX,
			    "-n");
			break;
		case 'z':
			opt.flags = NF_ZSTD;
			break;
		case 256:
			opt.rows = (uint64_t)tool_int(optarg, 0, INT64_MAX,
			    "--rows");
			opt.has_rows = 1;
			break;
		case 257:
			opt.seed = (uint64_t)tool_int(optarg, 0, INT64_MAX,
			    "--seed");
			break;
		case 258:
			read_shard(optarg);
			break;
		case 259:
			opt.targets_only = 1;
			break;
		case 260:
			opt.index = 1;
			break;
		case 261:
			opt.raw = 1;
			break;
		case 262:
			opt.batch = (uint32_t)tool_int(optarg, 1, 1 << 24,
			    "--batch");
			break;
		case 263:
			opt.device = optarg;
			break;
		case 264:
			opt.threads = (uint32_t)tool_int(optarg, 1, 1024,
			    "--threads");
			break;
		}
}

/* ---- what comes in and what goes out ---------------------------------- */

/* Input columns that bear no target's name go on. */
static int
choose_kept(struct work *k, struct nf_err *err)
{
	const struct nf_list *in = &nf_reader_schema(k->r)->column;
	uint32_t i, j;

	k->keep = nf_alloc(in->n, sizeof(*k->keep), "columns", err);
	if (k->keep == NULL)
		return -1;
	for (i = 0; !opt.targets_only && i < in->n; i++) {
		for (j = 0; j < k->m.target.n &&
		    strcmp(in->s[i], k->m.target.s[j]) != 0; j++)
			;
		if (j == k->m.target.n)
			k->keep[k->nkeep++] = i;
	}
	return 0;
}

/* Which rows: the shard's of all there are. */
static int
choose_rows(struct work *k, struct nf_err *err)
{
	uint64_t all = opt.rows;

	if (k->r != NULL)
		all = nf_reader_total(k->r);
	if (all == NF_NROW_UNKNOWN && opt.nshard > 1) {
		if (nf_table_read(&k->all, k->r, NULL, 0,
		    nf_reader_schema(k->r)->type, tool_memory() / 2, err) ==
		    -1)
			return -1;
		all = k->all.schema.nrow;
	}
	k->hi = all;
	if (opt.nshard > 1) {
		k->lo = (uint64_t)((__uint128_t)all * opt.shard /
		    opt.nshard);
		k->hi = (uint64_t)((__uint128_t)all * (opt.shard + 1) /
		    opt.nshard);
	}
	if (all != NF_NROW_UNKNOWN && all > UINT64_MAX / opt.repeat)
		return nf_fail(err, NF_EUSE, "%llu rows with %u draws each "
		    "are more than can be counted", (unsigned long long)all,
		    opt.repeat);
	return 0;
}

static int
add_columns(struct work *k, struct nf_schema *s, struct nf_err *err)
{
	const struct nf_list *in = k->r == NULL ? NULL :
	    &nf_reader_schema(k->r)->column;
	uint32_t j;

	if (opt.index && (nf_list_add(&s->column, "row", err) == -1 ||
	    nf_list_add(&s->column, "draw", err) == -1))
		return -1;
	for (j = 0; j < k->nkeep; j++)
		if (nf_list_add(&s->column, in->s[k->keep[j]], err) == -1)
			return -1;
	for (j = 0; j < k->m.target.n; j++)
		if (nf_list_add(&s->column, k->m.target.s[j], err) == -1)
			return -1;
	return 0;
}

static int
open_output(struct work *k, struct nf_err *err)
{
	struct nf_schema s = { .type = NF_F32, .nrow = NF_NROW_UNKNOWN };
	int rc = -1;

	if (opt.index || (k->r != NULL &&
	    nf_reader_schema(k->r)->type == NF_F64))
		s.type = NF_F64;
	if (k->hi != NF_NROW_UNKNOWN)
		s.nrow = (k->hi - k->lo) * opt.repeat;
	if ((k->r == NULL || nf_list_copy(&s.note,
	    &nf_reader_schema(k->r)->note, err) == 0) &&
	    tool_model_note(&k->m, &s, opt.seed, err) == 0 &&
	    add_columns(k, &s, err) == 0)
		rc = tool_output(&s, opt.flags, &k->w, err);
	k->type = s.type;
	k->ncol = s.column.n;
	nf_schema_free(&s);
	return rc;
}

/* ---- draws ------------------------------------------------------------ */

/* Output rows of draws first .. first + n, whose input rows are in. */
static void
put_rows(struct work *k, const struct nf_rows *in, uint64_t in0,
    uint64_t first, uint64_t n)
{
	uint32_t nt = k->m.target.n, j;
	uint64_t i, row;
	size_t at = 0;

	for (i = 0; i < n; i++) {
		row = (first + i) / opt.repeat;
		if (opt.index) {
			nf_put(k->out, k->type, at++, (double)row);
			nf_put(k->out, k->type, at++,
			    (double)((first + i) % opt.repeat));
		}
		for (j = 0; j < k->nkeep; j++)
			nf_put(k->out, k->type, at++,
			    nf_rows_get(in, row - in0, k->keep[j]));
		for (j = 0; j < nt; j++)
			nf_put(k->out, k->type, at++, k->target[i * nt + j]);
	}
}

/* All draws of nrow input rows (in NULL: of none), the first numbered row. */
static int
draw_rows(struct work *k, const struct nf_rows *in, uint64_t row,
    uint64_t nrow, struct nf_err *err)
{
	struct nf_noise g = { opt.seed, row * opt.repeat, opt.repeat };
	uint32_t nc = nf_raw_ncontext(k->m.raw);
	uint64_t end = (row + nrow) * opt.repeat, n, i;
	uint32_t j;

	for (i = 0; in != NULL && i < nrow; i++)
		for (j = 0; j < nc; j++)
			k->context[i * nc + j] = nf_rows_get(in, i,
			    k->col[j]);
	for (; g.first < end; g.first += n) {
		n = opt.batch - g.first % opt.batch;
		n = n < end - g.first ? n : end - g.first;
		if (nf_raw_sample(k->m.raw, &g, n, k->context +
		    (g.first / opt.repeat - row) * nc, k->target, err) == -1)
			return -1;
		put_rows(k, in, row, g.first, n);
		if (nf_writer_put(k->w, k->out, n, err) == -1)
			return -1;
	}
	return 0;
}

/* The wanted ones among a run of input rows, a block at a time. */
static int
draw_wanted(struct work *k, const struct nf_rows *rows, struct nf_err *err)
{
	size_t size = rows->ncol * nf_type_size(rows->type);
	uint64_t end = k->row + rows->nrow, i = k->row, n;
	struct nf_rows in = *rows;

	k->row = end;
	i = i < k->lo ? k->lo : i;
	for (end = end < k->hi ? end : k->hi; i < end; i += n) {
		n = opt.batch - i % opt.batch;
		n = n < end - i ? n : end - i;
		in.x = (const char *)rows->x +
		    (i - (k->row - rows->nrow)) * size;
		in.nrow = n;
		if (draw_rows(k, &in, i, n, err) == -1)
			return -1;
	}
	return 0;
}

static int
sample(struct work *k, struct nf_err *err)
{
	struct nf_rows rows;
	uint64_t i, n;
	int rc;

	if (k->all.x != NULL) {
		rows = (struct nf_rows){ k->all.schema.nrow,
			k->all.schema.column.n, k->all.schema.type,
			k->all.x };
		return draw_wanted(k, &rows, err);
	}
	if (k->r != NULL) {
		while ((rc = nf_reader_next(k->r, &rows, err)) == 1)
			if (draw_wanted(k, &rows, err) == -1)
				return -1;
		return rc;
	}
	for (i = k->lo; i < k->hi; i += n) {
		n = k->hi - i < opt.batch ? k->hi - i : opt.batch;
		if (draw_rows(k, NULL, i, n, err) == -1)
			return -1;
	}
	return 0;
}

/* ---- */

static int
open_all(struct work *k, const char *model, const char *file,
    struct nf_err *err)
{
	uint32_t nc;

	if (tool_no_terminal("a stream", err) == -1 ||
	    tool_model_open(&k->m, model, opt.raw, opt.device, opt.threads,
	    err) == -1)
		return -1;
	nc = nf_raw_ncontext(k->m.raw);
	if (opt.has_rows && nc > 0)
		return nf_fail(err, NF_EUSE, "--rows is for flows without "
		    "conditions; %s wants %u columns of them", model, nc);
	if (!opt.has_rows && (tool_open(file, &k->r, err) == -1 ||
	    tool_model_find(&k->m, &k->m.context, k->r, &k->col, err) == -1 ||
	    choose_kept(k, err) == -1))
		return -1;
	k->context = nf_alloc((size_t)opt.batch * nc, sizeof(double), "rows",
	    err);
	k->target = nf_alloc((size_t)opt.batch * k->m.target.n,
	    sizeof(double), "rows", err);
	if (k->context == NULL || k->target == NULL ||
	    choose_rows(k, err) == -1 || open_output(k, err) == -1)
		return -1;
	k->out = nf_alloc((size_t)opt.batch * k->ncol, sizeof(double),
	    "rows", err);
	return k->out == NULL ? -1 : 0;
}

int
main(int argc, char *argv[])
{
	struct work k = { .nkeep = 0 };
	const char *file;
	struct nf_err err;
	int rc = -1;

	read_options(argc, argv);
	if (optind == argc)
		tool_usage("no MODEL");
	if (argc - optind > 2 || (opt.has_rows && argc - optind > 1))
		tool_usage("too many arguments");
	file = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (open_all(&k, argv[optind], file, &err) == 0 &&
	    sample(&k, &err) == 0 && nf_writer_end(k.w, &err) == 0)
		rc = 0;
	if (rc == 0)
		tool_model_warn(&k.m);
	nf_writer_close(k.w);
	nf_reader_close(k.r);
	nf_table_free(&k.all);
	tool_model_close(&k.m);
	nf_free(k.col);
	nf_free(k.keep);
	nf_free(k.context);
	nf_free(k.target);
	nf_free(k.out);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
