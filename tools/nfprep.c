/* nfprep: transform the columns of a stream by a recipe, and back */
#include "recipe.h"
#include "tool.h"

const char tool_name[] = "nfprep";
const char tool_synopsis[] = "-c FILE.cfg [-z] [--seed N] [FILE]\n"
    "--inverse [-z] [FILE]";
const char tool_purpose[] =
    "transform the columns of a stream by a recipe, and back";

#define BLOCK	8192			/* rows at a time */

struct work {
	const char *config;
	int inverse, flags;
	struct nf_reader *in;
	struct nf_writer *out;
	struct nf_schema schema;	/* of out */
	struct nf_prep *prep;
	uint32_t ncol, nout;
	double *x, *y;			/* a block, before and after */
	void *z;			/* and in the stream's type */
	struct nf_prep_loss *loss;	/* [ncol * NF_PREP_OPS] */
	uint64_t seed, nrow, clamped;	/* the last two so far */
};

/* Build the recipe; what is to be done must be about some column. */
static int
build(struct work *w, const struct nf_list *lines, const char *source,
    int context, struct nf_err *err)
{
	const struct nf_list *names = &nf_reader_schema(w->in)->column;
	int *used = nf_alloc(lines->n, sizeof(*used), "a recipe", err);
	uint32_t i, n = 0;
	int rc;

	if (used == NULL)
		return -1;
	rc = nf_prep_new(&w->prep, (const char *const *)names->s, names->n,
	    (const char *const *)lines->s, lines->n, NULL, context, used,
	    err);
	for (i = 0; i < lines->n; i++) {
		n += used[i] != 0;
		if (rc == 0 && w->inverse && !used[i])
			tool_warn("%s: no such column, so this is not undone; "
			    "what onehot made stays", lines->s[i]);
	}
	nf_free(used);
	if (rc == 0 && n == 0 && !w->inverse)
		rc = nf_fail(err, NF_EDATA, "%s: no line of its recipe is "
		    "about a column of %s", source, nf_reader_name(w->in));
	return rc;
}

static int
open_blocks(struct work *w, struct nf_err *err)
{
	const struct nf_schema *in = nf_reader_schema(w->in);

	w->schema.type = in->type;
	w->schema.nrow = in->nrow;
	w->ncol = nf_prep_ncol(w->prep);
	w->nout = nf_prep_nout(w->prep);
	w->loss = nf_alloc(w->ncol, NF_PREP_OPS * sizeof(*w->loss), "a recipe",
	    err);
	w->x = nf_alloc(BLOCK, w->ncol * sizeof(double), "rows", err);
	w->y = nf_alloc(BLOCK, w->nout * sizeof(double), "rows", err);
	w->z = nf_alloc(BLOCK, w->nout * sizeof(double), "rows", err);
	return w->loss == NULL || w->x == NULL || w->y == NULL ||
	    w->z == NULL || (!w->inverse && nf_recipe_describe(w->prep,
	    &w->schema.column, &w->schema.prep, err) == -1) ||
	    nf_list_copy(&w->schema.note, &in->note, err) == -1 ? -1 :
	    tool_output(&w->schema, w->flags, &w->out, err);
}

static int
pass_block(struct work *w, const struct nf_rows *in, struct nf_err *err)
{
	struct nf_rows out = { in->nrow, w->nout, NF_F64, w->y };

	nf_rows_gather(in, NULL, w->ncol, NF_F64, w->x);
	if (w->inverse)
		w->clamped += nf_prep_inverse(w->prep, in->nrow, w->x,
		    w->ncol, w->y, w->nout);
	else if (nf_prep_forward(w->prep, w->seed, w->nrow, in->nrow, w->x,
	    w->ncol, w->y, w->nout, NULL, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(w->in));
	else
		nf_prep_losses(w->prep, w->seed, w->nrow, in->nrow, w->x,
		    w->ncol, w->loss);
	w->nrow += in->nrow;
	nf_rows_gather(&out, NULL, w->nout, w->schema.type, w->z);
	return nf_writer_put(w->out, w->z, out.nrow, err);
}

static int
pass_rows(struct work *w, const struct nf_rows *rows, struct nf_err *err)
{
	struct nf_rows part = *rows;
	uint64_t i;

	for (i = 0; i < rows->nrow; i += part.nrow) {
		part.nrow = rows->nrow - i < BLOCK ? rows->nrow - i : BLOCK;
		part.x = (const char *)rows->x +
		    i * rows->ncol * nf_type_size(rows->type);
		if (pass_block(w, &part, err) == -1)
			return -1;
	}
	return 0;
}

static int
pass_stream(struct work *w, struct nf_err *err)
{
	struct nf_rows rows;
	int rc;

	if (open_blocks(w, err) == -1)
		return -1;
	while ((rc = nf_reader_next(w->in, &rows, err)) == 1)
		if (pass_rows(w, &rows, err) == -1)
			return -1;
	return rc;
}

/* Fitting takes the whole table; a recipe that is fitted, none of it. */
static int
forward(struct work *w, const struct nf_cfg *cfg, struct nf_err *err)
{
	struct nf_table t = { .x = NULL };
	struct nf_rows all;
	int rc;

	if (nf_reader_schema(w->in)->prep.n > 0)
		return nf_fail(err, NF_EDATA, "%s: its columns have been "
		    "transformed already; nfprep --inverse undoes that",
		    nf_reader_name(w->in));
	if (build(w, &cfg->prep, w->config, 1, err) == -1)
		return -1;
	if (nf_prep_fitted(w->prep))
		return pass_stream(w, err);
	if (nf_table_read(&t, w->in, NULL, 0, NF_F64, tool_memory(),
	    err) == -1)
		return -1;
	all = (struct nf_rows){ t.schema.nrow, t.schema.column.n, NF_F64,
	    t.x };
	if (nf_prep_fit(w->prep, t.x, all.ncol, all.nrow, NULL, err) == -1)
		rc = nf_fail_in(err, "%s", nf_reader_name(w->in));
	else
		rc = open_blocks(w, err) == -1 ? -1 : pass_rows(w, &all, err);
	nf_table_free(&t);
	return rc;
}

static void
say_losses(const struct work *w)
{
	char line[512];
	uint32_t k;

	for (k = 0; k < w->ncol * NF_PREP_OPS; k++)
		if (nf_prep_loss_print(w->prep, k, w->loss, line,
		    sizeof(line)) > 0)
			tool_warn("%s", line);
}

static int
inverse(struct work *w, struct nf_err *err)
{
	const struct nf_schema *in = nf_reader_schema(w->in);
	const char *name = nf_reader_name(w->in);

	if (in->prep.n == 0)
		return nf_fail(err, NF_EDATA, "%s: its header holds no "
		    "recipe, so there is nothing to undo", name);
	if (build(w, &in->prep, name, 0, err) == -1)
		return -1;
	if (!nf_prep_fitted(w->prep))
		return nf_fail(err, NF_EDATA, "%s: its recipe has not been "
		    "fitted", name);
	if (nf_list_copy(&w->schema.column, &in->column, err) == -1 ||
	    pass_stream(w, err) == -1)
		return -1;
	if (w->clamped > 0)
		tool_warn("values that overflowed and were brought back into "
		    "the range that the recipe was fitted to: %llu",
		    (unsigned long long)w->clamped);
	return 0;
}

static const char *
options(struct work *w, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "config", 1, NULL, 'c' }, { "zstd", 0, NULL, 'z' },
		{ "inverse", 0, NULL, 256 }, { "seed", 1, NULL, 257 },
		{ NULL, 0, NULL, 0 }
	};
	const char *seed = NULL;
	int o;

	while ((o = tool_option(argc, argv, "c:z", longs)) != -1)
		if (o == 'c')
			w->config = optarg;
		else if (o == 'z')
			w->flags = NF_ZSTD;
		else if (o == 257)
			w->seed = tool_seed(seed = optarg);
		else
			w->inverse = 1;
	if (w->inverse && (w->config != NULL || seed != NULL))
		tool_usage("--inverse goes without -c and --seed");
	if (w->config == NULL && !w->inverse)
		tool_usage("-c FILE.cfg, which holds the recipe, is missing");
	if (argc - optind > 1)
		tool_usage("one input at a time: nfcat joins files");
	return argv[optind];
}

int
main(int argc, char *argv[])
{
	struct work w = { .config = NULL };
	const char *file = options(&w, argc, argv);
	struct nf_cfg *cfg = NULL;
	struct nf_err err;
	int rc = w.inverse ? 0 : nf_cfg_read(&cfg, w.config, NULL, 0, &err);

	if (rc == 0)
		rc = tool_open(file, &w.in, &err);
	if (rc == 0)
		rc = w.inverse ? inverse(&w, &err) : forward(&w, cfg, &err);
	if (rc == 0)
		rc = nf_writer_end(w.out, &err);
	if (rc == 0 && !w.inverse)
		say_losses(&w);
	nf_writer_close(w.out);
	nf_reader_close(w.in);
	nf_prep_free(w.prep);
	nf_cfg_free(cfg);
	nf_schema_free(&w.schema);
	nf_free(w.loss);
	nf_free(w.x);
	nf_free(w.y);
	nf_free(w.z);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
