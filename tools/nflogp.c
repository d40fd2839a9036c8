/* nflogp: log density or latent of every row */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_model.h"

const char tool_name[] = "nflogp";
const char tool_synopsis[] = "[--latent | --mean] [--raw] [--seed N] "
    "[--batch N] [-z]\n[--device auto|cpu|cuda] [--precision fp32|tf32|bf16]\n"
    "[--threads N] MODEL [FILE]";
const char tool_purpose[] = "log density or latent of every row";

static struct {
	int latent, mean, raw, flags;
	uint32_t batch, threads;
	uint64_t seed;
	const char *device;
	enum nf_precision precision;
} opt = { .device = "auto", .precision = NF_FP32 };

struct work {
	struct nf_handle m;
	struct nf_reader *r;
	struct nf_writer *w;		/* NULL: --mean */
	uint32_t nin, nadd;		/* columns that come in, and added */
	uint32_t *col;			/* [context | target] in the input */
	double *row;			/* [batch][context | target] */
	double *z, *logp, *out;
	uint64_t nrow;
	double sum;			/* of -logp */
};

static void
read_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "latent", 0, NULL, 256 }, { "mean", 0, NULL, 257 },
		{ "zstd", no_argument, NULL, 'z' },
		{ "raw", no_argument, NULL, 258 },
		{ "seed", required_argument, NULL, 259 },
		{ "batch", required_argument, NULL, 260 },
		{ "device", required_argument, NULL, 261 },
		{ "threads", required_argument, NULL, 262 },
		{ "precision", required_argument, NULL, 263 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = tool_option(argc, argv, "z", longs)) != -1)
		switch (c) {
		case 'z':
			opt.flags = NF_ZSTD;
			break;
		case 256:
			opt.latent = 1;
			break;
		case 257:
			opt.mean = 1;
			break;
		case 258:
			opt.raw = 1;
			break;
		case 259:
			opt.seed = tool_seed(optarg);
			break;
		case 260:
			opt.batch = (uint32_t)tool_int(optarg, 1, 1 << 24,
			    "--batch");
			break;
		case 261:
			opt.device = optarg;
			break;
		case 262:
			opt.threads = (uint32_t)tool_int(optarg, 1, 1024,
			    "--threads");
			break;
		case 263:
			opt.precision = tool_precision(optarg,
			    "--precision");
			break;
		}
	if (opt.latent && opt.mean)
		tool_usage("--latent and --mean exclude each other");
}

/* Conditions, then targets, as the input has them. */
static int
find_columns(struct work *k, struct nf_err *err)
{
	uint32_t *context = NULL, *target = NULL;
	uint32_t nc = k->m.context.n, nt = k->m.target.n;
	int rc = -1;

	k->col = nf_alloc((size_t)nc + nt, sizeof(*k->col), "columns", err);
	if (k->col != NULL &&
	    tool_model_find(&k->m, &k->m.context, k->r, &context, err) == 0 &&
	    tool_model_find(&k->m, &k->m.target, k->r, &target, err) == 0) {
		memcpy(k->col, context, nc * sizeof(*context));
		memcpy(k->col + nc, target, nt * sizeof(*target));
		rc = 0;
	}
	nf_free(context);
	nf_free(target);
	return rc;
}

static int
open_output(struct work *k, struct nf_err *err)
{
	struct nf_schema s = { .type = NF_F64 };
	char name[16];
	uint32_t j;
	int rc = -1;

	if (nf_schema_copy(&s, nf_reader_schema(k->r), err) == -1 ||
	    tool_model_note(&k->m, &s, opt.seed, err) == -1)
		goto out;
	s.type = NF_F64;
	s.nrow = nf_reader_total(k->r);
	for (j = 0; j < k->nadd; j++) {
		snprintf(name, sizeof(name), "z%u", j);
		if (nf_list_add(&s.column, opt.latent ? name : "log_prob",
		    err) == -1)
			goto out;
	}
	rc = tool_output(&s, opt.flags, &k->w, err);
out:
	nf_schema_free(&s);
	return rc;
}

static int
open_all(struct work *k, const char *model, const char *file,
    struct nf_err *err)
{
	uint32_t nt;

	if ((!opt.mean && tool_no_terminal("a stream", err) == -1) ||
	    tool_model_open(&k->m, model, opt.raw, opt.device, opt.threads,
	    opt.precision, err) == -1 ||
	    tool_open(file, &k->r, err) == -1 || find_columns(k, err) == -1)
		return -1;
	nt = k->m.target.n;
	k->nin = nf_reader_schema(k->r)->column.n;
	k->nadd = opt.latent ? nt : 1;
	if (opt.batch == 0)
		opt.batch = tool_batch(k->m.dev, k->m.context.n +
		    2 * (size_t)nt + k->nin);
	if (nf_batch_check(opt.batch, k->m.context.n + 2 * (size_t)nt + 1 +
	    k->nin + k->nadd, tool_memory(), err) == -1)
		return -1;
	k->row = nf_alloc((size_t)opt.batch * (k->m.context.n + nt),
	    sizeof(double), "rows", err);
	k->z = nf_alloc((size_t)opt.batch * nt, sizeof(double), "rows", err);
	k->logp = nf_alloc(opt.batch, sizeof(double), "rows", err);
	k->out = nf_alloc((size_t)opt.batch * (k->nin + k->nadd),
	    sizeof(double), "rows", err);
	if (k->row == NULL || k->z == NULL || k->logp == NULL ||
	    k->out == NULL)
		return -1;
	return opt.mean ? 0 : open_output(k, err);
}

/* n rows of in, from row i on. */
static int
block(struct work *k, const struct nf_rows *in, uint64_t i, uint64_t n,
    struct nf_err *err)
{
	uint32_t nc = k->m.context.n + k->m.target.n, j;
	size_t at = 0;
	uint64_t r;

	for (r = 0; r < n; r++)
		for (j = 0; j < nc; j++)
			k->row[r * nc + j] = nf_rows_get(in, i + r,
			    k->col[j]);
	if (nf_raw_density(k->m.raw, opt.seed, k->nrow, n, k->row,
	    opt.latent ? k->z : NULL, opt.latent ? NULL : k->logp, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(k->r));
	k->nrow += n;
	for (r = 0; opt.mean && r < n; r++)
		k->sum -= k->logp[r];
	if (opt.mean)
		return 0;
	for (r = 0; r < n; r++) {
		for (j = 0; j < k->nin; j++)
			k->out[at++] = nf_rows_get(in, i + r, j);
		for (j = 0; j < k->nadd; j++)
			k->out[at++] = opt.latent ?
			    k->z[r * k->nadd + j] : k->logp[r];
	}
	return nf_writer_put(k->w, k->out, n, err);
}

static int
all_rows(struct work *k, struct nf_err *err)
{
	struct nf_rows rows;
	uint64_t i, n;
	int rc;

	while ((rc = nf_reader_next(k->r, &rows, err)) == 1)
		for (i = 0; i < rows.nrow; i += n) {
			n = opt.batch - k->nrow % opt.batch;
			n = n < rows.nrow - i ? n : rows.nrow - i;
			if (block(k, &rows, i, n, err) == -1)
				return -1;
		}
	if (rc == -1)
		return -1;
	if (!opt.mean)
		return nf_writer_end(k->w, err);
	if (k->nrow == 0)
		return nf_fail(err, NF_EDATA, "%s: no rows: there is no mean",
		    nf_reader_name(k->r));
	printf("%.9g\n", k->sum / (double)k->nrow);
	return tool_flush(err);
}

int
main(int argc, char *argv[])
{
	struct work k = { .nrow = 0 };
	struct nf_err err;
	int rc = -1;

	read_options(argc, argv);
	if (optind == argc)
		tool_usage("no MODEL");
	if (argc - optind > 2)
		tool_usage("more than MODEL and one FILE");
	if (open_all(&k, argv[optind], optind + 1 < argc ? argv[optind + 1] :
	    NULL, &err) == 0)
		rc = all_rows(&k, &err);
	if (rc == 0)
		tool_model_warn(&k.m);
	nf_writer_close(k.w);
	nf_reader_close(k.r);
	nf_handle_end(&k.m);
	nf_free(k.col);
	nf_free(k.row);
	nf_free(k.z);
	nf_free(k.logp);
	nf_free(k.out);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
