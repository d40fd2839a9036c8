/* histograms in the terminal, with a reference and a ratio */
#include <sys/ioctl.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

const char tool_name[] = "nfhist";
const char tool_synopsis[] = "[-c COLUMNS] [-b BINS] [--range LO:HI] "
    "[--log] [--logx]\n"
    "[-w WEIGHT] [-r REFERENCE] [--unscaled] [--pull]\n"
    "[--width N] [--ascii] [--tsv] [FILE...]";
const char tool_purpose[] =
    "histograms in the terminal, with a reference and a ratio";

struct options {
	const char *columns, *weight;
	char *reference[1];
	struct nf_binning binning;
	struct nf_plot plot;
	bool tsv;
};

static int
print(const struct nf_hists *t, const struct nf_list *names,
    const struct options *o, struct nf_err *err)
{
	const struct nf_hist *h, *ref;
	struct nf_page text = { 0 };
	uint32_t j;
	int rc;

	if (o->tsv)
		nf_plot_tsv_head(&text);
	for (j = 0; j < t->ncol; j++) {
		h = nf_hists_get(t, NF_SAMPLE, j);
		ref = nf_hists_get(t, NF_REFERENCE, j);
		if (o->tsv)
			nf_plot_tsv(&text, &o->plot, names->s[j], h, ref);
		else {
			nf_page_add(&text, "%s", j > 0 ? "\n" : "");
			nf_plot_hist(&text, &o->plot, names->s[j], h, ref);
		}
	}
	rc = nf_page_check(&text, err);
	if (rc == 0)
		rc = nf_write_full(STDOUT_FILENO, text.s, text.n, "stdout",
		    err);
	nf_page_free(&text);
	return rc;
}

/* ---- options ---------------------------------------------------------- */

static int
terminal_width(void)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	int n = s == NULL ? 0 : atoi(s);

	if (n <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		n = w.ws_col;
	if (n <= 0)
		n = 80;
	if (n < NF_PLOT_MIN)
		return NF_PLOT_MIN;
	return n > NF_PLOT_MAX ? NF_PLOT_MAX : n;
}

static bool
terminal_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

/* LO:HI, of which either may be left out. */
static void
take_range(struct nf_binning *b, char *arg)
{
	char *colon = strchr(arg, ':');

	if (colon == NULL)
		tool_usage("--range: '%s' is not LO:HI", arg);
	*colon = '\0';
	if (*arg != '\0')
		b->lo = tool_double(arg, "--range");
	if (colon[1] != '\0')
		b->hi = tool_double(colon + 1, "--range");
	if (b->lo >= b->hi)
		tool_usage("--range: %s is not below %s", arg, colon + 1);
}

/* How many bins, or their edges separated by commas. */
static void
take_bins(struct nf_binning *b, char *arg)
{
	static double edge[NF_AXIS_MAX_BINS + 1];
	char *s;

	if (strchr(arg, ',') == NULL) {
		b->nbin = (int)tool_int(arg, 1, NF_AXIS_MAX_BINS, "-b");
		return;
	}
	for (; (s = strsep(&arg, ",")) != NULL; b->nedge++) {
		if (b->nedge > NF_AXIS_MAX_BINS)
			tool_usage("-b: more than %d edges",
			    NF_AXIS_MAX_BINS + 1);
		edge[b->nedge] = tool_double(s, "-b");
		if (b->nedge > 0 && edge[b->nedge] <= edge[b->nedge - 1])
			tool_usage("-b: the edge %s does not ascend", s);
	}
	b->edge = edge;
}

/* ---- the program ------------------------------------------------------ */

enum { OPT_RANGE = 256, OPT_LOG, OPT_LOGX, OPT_UNSCALED, OPT_PULL, OPT_WIDTH,
	OPT_ASCII, OPT_TSV };

static const struct option longs[] = {
	{ "columns", required_argument, NULL, 'c' },
	{ "bins", required_argument, NULL, 'b' },
	{ "weight", required_argument, NULL, 'w' },
	{ "reference", required_argument, NULL, 'r' },
	{ "range", required_argument, NULL, OPT_RANGE },
	{ "log", no_argument, NULL, OPT_LOG },
	{ "logx", no_argument, NULL, OPT_LOGX },
	{ "unscaled", no_argument, NULL, OPT_UNSCALED },
	{ "pull", no_argument, NULL, OPT_PULL },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "tsv", no_argument, NULL, OPT_TSV },
	{ NULL, 0, NULL, 0 }
};

static void
take_option(struct options *o, int c)
{
	switch (c) {
	case 'c':
		o->columns = optarg;
		break;
	case 'b':
		take_bins(&o->binning, optarg);
		break;
	case 'w':
		o->weight = optarg;
		break;
	case 'r':
		o->reference[0] = optarg;
		break;
	case OPT_RANGE:
		take_range(&o->binning, optarg);
		break;
	case OPT_LOG:
		o->plot.log = true;
		break;
	case OPT_LOGX:
		o->binning.log = true;
		break;
	case OPT_UNSCALED:
		o->plot.unscaled = true;
		break;
	case OPT_PULL:
		o->plot.pull = true;
		break;
	case OPT_WIDTH:
		o->plot.width = (int)tool_int(optarg, NF_PLOT_MIN,
		    NF_PLOT_MAX, "--width");
		break;
	case OPT_ASCII:
		o->plot.ascii = true;
		break;
	case OPT_TSV:
		o->tsv = true;
		break;
	}
}

int
main(int argc, char *argv[])
{
	struct options o = { .binning = { .lo = NAN, .hi = NAN } };
	struct nf_tiles side[2] = { { 0 }, { 0 } };
	struct nf_hists t = { 0 };
	struct nf_err err;
	int c, rc;

	o.plot.width = terminal_width();
	o.plot.colour = terminal_colour();
	while ((c = tool_option(argc, argv, "c:b:w:r:", longs)) != -1)
		take_option(&o, c);
	if (o.binning.edge != NULL && (o.binning.log ||
	    !isnan(o.binning.lo) || !isnan(o.binning.hi)))
		tool_usage("-b EDGES leaves no room for --range and --logx");
	if (o.binning.log && (o.binning.lo <= 0 || o.binning.hi <= 0))
		tool_usage("--logx: the range must be above 0");
	if (o.reference[0] != NULL && strcmp(o.reference[0], "-") == 0) {
		for (c = optind; c < argc && strcmp(argv[c], "-") != 0; c++)
			;
		if (c < argc || optind == argc)
			tool_usage("-r -: standard input is the sample");
	}
	side[NF_SAMPLE].open = tool_open;
	side[NF_SAMPLE].file = argv + optind;
	side[NF_SAMPLE].nfile = argc - optind;
	if (o.reference[0] != NULL) {
		side[NF_REFERENCE].open = tool_open;
		side[NF_REFERENCE].file = o.reference;
		side[NF_REFERENCE].nfile = 1;
	}
	rc = nf_hists_read(&t, side, o.columns, o.weight, &o.binning, &err);
	if (rc == 0)
		rc = print(&t, &side[NF_SAMPLE].names, &o, &err);
	nf_hists_free(&t);
	nf_tiles_close(&side[NF_SAMPLE]);
	nf_tiles_close(&side[NF_REFERENCE]);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
