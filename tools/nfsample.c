/* nfsample: draw from a conditional flow */
#include <stdlib.h>

#include "tool_given.h"

const char tool_name[] = "nfsample";
const char tool_synopsis[] = "[-n REPEAT] [--rows ROWS] [--seed N] "
    "[--shard I/N]\n[--given COLUMN=VALUE]... [--temperature T] "
    "[--targets-only] [--index]\n[--f64] [--raw] [--batch N] [-z] [-q] "
    "[--device auto|cpu|cuda]\n[--precision fp32|tf32|bf16] [--threads N] "
    "MODEL [FILE]";
const char tool_purpose[] = "draw from a conditional flow";

static struct {
	struct nf_draw_opt draw;
	struct tool_given given;
	uint32_t threads;
	int has_rows, raw, quiet, flags;
	const char *device, *model, *file;
	enum nf_precision precision;
} opt = {
	.draw = { .repeat = 1, .nshard = 1, .temperature = 1 },
	.device = "auto", .precision = NF_TF32,
};

static void
read_shard(const char *arg)
{
	char *end;
	long i = strtol(arg, &end, 10), n;

	if (end == arg || *end != '/')
		tool_usage("--shard %s: want I/N, as 0/8", arg);
	n = (long)tool_int(end + 1, 1, 1000000, "--shard");
	if (i < 0 || i >= n)
		tool_usage("--shard %s: want I from 0 to N-1", arg);
	opt.draw.shard = (uint32_t)i;
	opt.draw.nshard = (uint32_t)n;
}

static void
read_option(int c)
{
	switch (c) {
	case 'n':
		opt.draw.repeat = (uint32_t)tool_int(optarg, 1, UINT32_MAX,
		    "-n");
		break;
	case 'q':
		opt.quiet = 1;
		break;
	case 'z':
		opt.flags = NF_ZSTD;
		break;
	case 256:
		opt.draw.nrow = (uint64_t)tool_int(optarg, 0, INT64_MAX,
		    "--rows");
		opt.has_rows = 1;
		break;
	case 257:
		opt.draw.seed = tool_seed(optarg);
		break;
	case 258:
		read_shard(optarg);
		break;
	case 259:
		opt.draw.targets_only = 1;
		break;
	case 260:
		opt.draw.index = 1;
		break;
	case 261:
		opt.raw = 1;
		break;
	case 262:
		opt.draw.batch = (uint32_t)tool_int(optarg, 1, 1 << 24,
		    "--batch");
		break;
	case 263:
		opt.device = optarg;
		break;
	case 264:
		opt.threads = (uint32_t)tool_int(optarg, 1, 1024,
		    "--threads");
		break;
	case 265:
		opt.precision = tool_precision(optarg, "--precision");
		break;
	case 266:
		tool_given_add(&opt.given, optarg);
		break;
	case 267:
		opt.draw.temperature = tool_double(optarg, "--temperature");
		if (!(opt.draw.temperature >= 0 &&
		    opt.draw.temperature <= NF_MAX_TEMPERATURE))
			tool_usage("--temperature %s: want 0 to %d", optarg,
			    NF_MAX_TEMPERATURE);
		break;
	case 268:
		opt.draw.f64 = 1;
		break;
	}
}

static void
read_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "repeat", required_argument, NULL, 'n' },
		{ "zstd", no_argument, NULL, 'z' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "rows", required_argument, NULL, 256 },
		{ "seed", required_argument, NULL, 257 },
		{ "shard", required_argument, NULL, 258 },
		{ "targets-only", no_argument, NULL, 259 },
		{ "index", no_argument, NULL, 260 },
		{ "raw", no_argument, NULL, 261 },
		{ "batch", required_argument, NULL, 262 },
		{ "device", required_argument, NULL, 263 },
		{ "threads", required_argument, NULL, 264 },
		{ "precision", required_argument, NULL, 265 },
		{ "given", required_argument, NULL, 266 },
		{ "temperature", required_argument, NULL, 267 },
		{ "f64", no_argument, NULL, 268 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = tool_option(argc, argv, "n:qz", longs)) != -1)
		read_option(c);
	if (optind == argc)
		tool_usage("no MODEL");
	if (argc - optind > 2)
		tool_usage("more than MODEL and one FILE");
	if (opt.has_rows && argc - optind > 1)
		tool_usage("--rows wants no FILE");
	opt.model = argv[optind];
	opt.file = argv[optind + 1];	/* NULL where there is none */
	opt.draw.memory = tool_memory();
	opt.draw.given = opt.given.value;
	opt.draw.ngiven = opt.given.n;
}

/* Conditions: the stream's, unless they are given. */
static int
open_input(const struct nf_handle *m, struct nf_reader **r, uint32_t **col,
    struct nf_err *err)
{
	if (opt.draw.batch == 0)
		opt.draw.batch = tool_batch(m->dev, m->context.n +
		    2 * (size_t)m->target.n);
	return !opt.has_rows && tool_open(opt.file, r, err) == -1 ? -1 :
	    tool_given_find(&opt.given, m, *r, col, err);
}

static void
show(const struct nf_draw *d, uint64_t nrow, double start)
{
	double done = (double)nf_draw_done(d), took = tool_seconds() - start;

	if (nrow == NF_NROW_UNKNOWN)
		tool_progress("%.0f rows  %.0f rows/s", done, done / took);
	else
		tool_progress("%3.0f %%  %.0f of %llu rows  %.0f rows/s",
		    100 * done / (double)nrow, done,
		    (unsigned long long)nrow, done / took);
}

static int
sample(struct nf_draw *d, const struct nf_handle *m, struct nf_err *err)
{
	struct nf_schema *s = nf_draw_schema(d);
	struct nf_writer *w = NULL;
	double start = tool_seconds();
	int rc = -1;

	if (tool_model_note(m, s, opt.draw.seed, err) == 0 &&
	    tool_output(s, opt.flags, &w, err) == 0)
		while ((rc = nf_draw_next(d, w, err)) == 1)
			if (!opt.quiet)
				show(d, s->nrow, start);
	tool_progress_end();
	if (rc == 0)
		rc = nf_writer_end(w, err);
	nf_writer_close(w);
	if (rc == 0)
		tool_model_warn(m);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct nf_handle m = { .path = NULL };
	struct nf_draw_names names = { &m.context, &m.target, NULL };
	struct nf_reader *r = NULL;
	struct nf_draw *d = NULL;
	uint32_t *col = NULL;
	struct nf_err err;
	int rc = -1;

	read_options(argc, argv);
	if (opt.raw)
		names.prep = &m.target_prep;
	if (tool_no_terminal("a stream", &err) == 0 &&
	    tool_model_open(&m, opt.model, opt.raw, opt.device, opt.threads,
	    opt.precision, &err) == 0 &&
	    open_input(&m, &r, &col, &err) == 0 &&
	    nf_draw_new(&d, m.raw, &opt.draw, r, col, &names, &err) == 0)
		rc = sample(d, &m, &err);
	nf_draw_free(d);
	nf_reader_close(r);
	nf_handle_end(&m);
	nf_free(col);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
