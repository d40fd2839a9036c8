/* how far two samples differ, column by column, with a limit for make */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "tool.h"

#define MAX_BINS	1000		/* of a condition */

const char tool_name[] = "nfcmp";
const char tool_synopsis[] = "[-c COLUMNS] [-w WEIGHT] [--by COLUMN:N]\n"
    "[--max-w1 X] [--max-ks X] [--max-auc X] [--rows N] [--seed N]\n"
    "[--tsv | --json] A B\n"
    "--normal [-c COLUMNS] [-w WEIGHT] [--by COLUMN:N]\n"
    "[--max-w1 X] [--max-ks X] [--rows N] [--seed N] [--tsv | --json] "
    "[FILE]";
const char tool_purpose[] =
    "how far two samples differ, column by column, with a limit for make";

static struct {
	struct nf_compare_spec spec;
	struct nf_cmp_limits limits;
	enum nf_cmp_form form;
} o = {
	.limits = { NAN, NAN, NAN }
};

/* Print, and say what is above a limit: 1 if anything is. */
static int
report(const struct nf_cmps *t, const struct nf_list *names,
    struct nf_err *err)
{
	const char *const *name = (const char *const *)names->s;
	struct nf_page page = { 0 }, news = { 0 };
	char *line, *next;
	int rc, above = nf_cmp_exceeds(t, &o.limits, name, &news) > 0;

	rc = nf_cmp_print(&page, t, o.form, name, o.spec.by, &o.limits, err);
	if (rc == 0)
		rc = nf_page_check(&news, err);
	if (rc == 0)
		rc = nf_write_full(STDOUT_FILENO, page.s, page.n, "stdout",
		    err);
	for (line = news.s; rc == 0 && line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next == NULL)
			break;
		*next++ = '\0';
		tool_warn("%s", line);
	}
	nf_page_free(&page);
	nf_page_free(&news);
	return rc == -1 ? -1 : above;
}

/* ---- options ---------------------------------------------------------- */

enum { OPT_BY = 256, OPT_MAX_W1, OPT_MAX_KS, OPT_MAX_AUC,
	OPT_ROWS, OPT_SEED, OPT_TSV, OPT_JSON, OPT_NORMAL };

static const struct option longs[] = {
	{ "columns", required_argument, NULL, 'c' },
	{ "weight", required_argument, NULL, 'w' },
	{ "by", required_argument, NULL, OPT_BY },
	{ "max-w1", required_argument, NULL, OPT_MAX_W1 },
	{ "max-ks", required_argument, NULL, OPT_MAX_KS },
	{ "max-auc", required_argument, NULL, OPT_MAX_AUC },
	{ "rows", required_argument, NULL, OPT_ROWS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "tsv", no_argument, NULL, OPT_TSV },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "normal", no_argument, NULL, OPT_NORMAL },
	{ NULL, 0, NULL, 0 }
};

static double
limit(const char *arg, const char *opt)
{
	double x = tool_double(arg, opt);

	if (!(x >= 0))
		tool_usage("%s: \"%s\" is no limit, want 0 or more", opt, arg);
	return x;
}

/* COLUMN:N; a name may hold colons itself. */
static void
take_by(char *arg)
{
	char *colon = strrchr(arg, ':');

	if (colon == NULL || colon == arg)
		tool_usage("--by: \"%s\", want COLUMN:N", arg);
	*colon = '\0';
	o.spec.by = arg;
	o.spec.nbin = (int)tool_int(colon + 1, 1, MAX_BINS, "--by");
}

static void
take_option(int c)
{
	switch (c) {
	case 'c':
		o.spec.columns = optarg;
		break;
	case 'w':
		o.spec.weight = optarg;
		break;
	case OPT_BY:
		take_by(optarg);
		break;
	case OPT_MAX_W1:
		o.limits.w1 = limit(optarg, "--max-w1");
		break;
	case OPT_MAX_KS:
		o.limits.ks = limit(optarg, "--max-ks");
		break;
	case OPT_MAX_AUC:
		o.limits.auc = limit(optarg, "--max-auc");
		break;
	case OPT_ROWS:
		o.spec.rows = (uint64_t)tool_int(optarg, 2, NF_KEEP_ROWS,
		    "--rows");
		break;
	case OPT_SEED:
		o.spec.seed = tool_seed(optarg);
		break;
	case OPT_TSV:
	case OPT_JSON:
		if (o.form != NF_CMP_TEXT)
			tool_usage("one kind of output at a time");
		o.form = c == OPT_TSV ? NF_CMP_TSV : NF_CMP_JSON;
		break;
	case OPT_NORMAL:
		o.spec.normal = true;
		break;
	}
}

/* Both samples, or the one. */
static void
take_files(struct nf_tiles side[2], int n, char *file[])
{
	static char *standard[] = { (char *)"-" };
	int k;

	if (o.spec.normal && n > 1)
		tool_usage("--normal wants one sample");
	if (o.spec.normal && !isnan(o.limits.auc))
		tool_usage("--max-auc does not go with --normal");
	if (!o.spec.normal && n != 2)
		tool_usage("want two samples, A and B");
	if (n == 2 && strcmp(file[0], "-") == 0 && strcmp(file[1], "-") == 0)
		tool_usage("standard input is one sample, not both");
	for (k = 0; k < 2; k++)
		side[k].file = k < n ? &file[k] : standard;
}

int
main(int argc, char *argv[])
{
	struct nf_tiles side[2] = { { .open = tool_open, .nfile = 1 },
	    { .open = tool_open, .nfile = 1 } };
	struct nf_list names = { 0, NULL };
	struct nf_cmps t = { 0 };
	struct nf_err err;
	int c, rc;

	while ((c = tool_option(argc, argv, "c:w:", longs)) != -1)
		take_option(c);
	take_files(side, argc - optind, argv + optind);
	rc = nf_compare_read(&t, &names, side, &o.spec, &err);
	if (rc == 0)
		rc = report(&t, &names, &err);
	nf_cmps_free(&t);
	nf_list_free(&names);
	nf_tiles_close(&side[0]);
	nf_tiles_close(&side[1]);
	if (rc == -1)
		tool_die(&err);
	return rc == 1 ? EXIT_FAILURE : TOOL_OK;
}
