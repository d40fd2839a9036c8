/* histograms in the terminal, with a reference and a ratio */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "tool_draw.h"

const char tool_name[] = "nfhist";
const char tool_synopsis[] = "[-c COLUMNS | --2d X,Y | --profile X,Y | "
    "--roc SCORE,TRUTH[=VALUE]]\n"
    "[-b BINS] [--range LO:HI] [--yrange LO:HI] [--log] [--logx]\n"
    "[-w WEIGHT] [--fold EVENT] [-r REFERENCE] [--unscaled] [--pull]\n"
    "[--width N] [--ascii] [--tsv] [-o IMAGE] [-T] [FILE...]";
const char tool_purpose[] =
    "histograms in the terminal, with a reference and a ratio";

static struct {
	struct nf_views_spec spec;
	struct nf_plot plot;
	char *reference[1];
	char *image;
	bool tsv, pass;
} o = {
	.spec = { .truth = NAN, .bx = { .lo = NAN, .hi = NAN },
		.by = { .lo = NAN, .hi = NAN } }
};

struct drawing {
	const struct nf_views *v;
	const char *const *name;
};

static int
script(struct nf_page *page, enum nf_image image, const char *file,
    const void *arg, struct nf_err *err)
{
	const struct drawing *d = arg;

	return nf_plot_gnuplot(page, &o.plot, d->name, d->v, image, file,
	    err);
}

/* Draw on fd, or into the image. */
static int
draw(const struct nf_views *v, const struct nf_list *names, int fd,
    struct nf_err *err)
{
	const char *const *name = (const char *const *)names->s;
	struct drawing d = { v, name };
	struct nf_page page = { 0 };
	int rc;

	if (o.image != NULL)
		return tool_image(o.image, script, &d, err);
	if (o.tsv)
		rc = nf_plot_tsv(&page, &o.plot, name, v, err);
	else
		rc = nf_plot_views(&page, &o.plot, name, v, err);
	if (rc == 0)
		rc = nf_write_full(fd, page.s, page.n,
		    fd == STDOUT_FILENO ? "stdout" : "stderr", err);
	nf_page_free(&page);
	return rc;
}

/* With -T the rows go on to standard output, and the picture beside it. */
static int
run(struct nf_tiles side[2], int fd, struct nf_err *err)
{
	struct nf_tiles *in = &side[NF_SAMPLE];
	struct nf_views v = { 0 };
	int rc = 0;

	if (o.pass && (nf_tiles_open(in, err) == -1 || tool_output(
	    nf_reader_schema(in->r), 0, &in->copy, err) == -1))
		return -1;
	rc = nf_views_read(&v, side, &o.spec, err);
	if (rc == 0)
		rc = draw(&v, &in->names, fd, err);
	if (rc == 0 && o.pass)
		rc = nf_writer_end(in->copy, err);
	nf_writer_close(in->copy);
	nf_views_free(&v);
	return rc;
}

/* ---- options ---------------------------------------------------------- */

enum { OPT_2D = 256, OPT_PROFILE, OPT_ROC, OPT_RANGE, OPT_YRANGE, OPT_LOG,
	OPT_LOGX, OPT_FOLD, OPT_UNSCALED, OPT_PULL, OPT_WIDTH, OPT_ASCII,
	OPT_TSV };

static const struct option longs[] = {
	{ "columns", required_argument, NULL, 'c' },
	{ "2d", required_argument, NULL, OPT_2D },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "roc", required_argument, NULL, OPT_ROC },
	{ "bins", required_argument, NULL, 'b' },
	{ "weight", required_argument, NULL, 'w' },
	{ "reference", required_argument, NULL, 'r' },
	{ "output", required_argument, NULL, 'o' },
	{ "range", required_argument, NULL, OPT_RANGE },
	{ "yrange", required_argument, NULL, OPT_YRANGE },
	{ "log", 0, NULL, OPT_LOG }, { "logx", 0, NULL, OPT_LOGX },
	{ "pass", no_argument, NULL, 'T' },
	{ "fold", required_argument, NULL, OPT_FOLD },
	{ "unscaled", no_argument, NULL, OPT_UNSCALED },
	{ "pull", no_argument, NULL, OPT_PULL },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "tsv", no_argument, NULL, OPT_TSV },
	{ NULL, 0, NULL, 0 }
};

static void
take_kind(enum nf_view_kind kind, char *arg)
{
	char *value = kind == NF_VIEW_ROC ? strrchr(arg, '=') : NULL;

	if (o.spec.columns != NULL)
		tool_usage("one of -c, --2d, --profile and --roc is enough");
	if (value != NULL) {
		*value = '\0';
		o.spec.truth = tool_double(value + 1, "--roc");
	}
	o.spec.kind = kind;
	o.spec.columns = arg;
}

static void
take_option(int c)
{
	struct nf_views_spec *s = &o.spec;

	switch (c) {
	case 'c':
		take_kind(NF_VIEW_HIST, optarg);
		break;
	case OPT_2D:
		take_kind(NF_VIEW_MAP, optarg);
		break;
	case OPT_PROFILE:
		take_kind(NF_VIEW_PROFILE, optarg);
		break;
	case OPT_ROC:
		take_kind(NF_VIEW_ROC, optarg);
		break;
	case 'b':
		tool_bins(optarg, &s->bx, "-b");
		break;
	case 'w':
		s->weight = optarg;
		break;
	case 'r':
		o.reference[0] = optarg;
		break;
	case 'o':
		tool_image_kind(optarg, "-o");
		o.image = optarg;
		break;
	case 'T':
		o.pass = true;
		break;
	case OPT_RANGE:
		tool_range(optarg, &s->bx.lo, &s->bx.hi, "--range");
		break;
	case OPT_YRANGE:
		tool_range(optarg, &s->by.lo, &s->by.hi, "--yrange");
		break;
	case OPT_LOG:
		o.plot.log = true;
		break;
	case OPT_LOGX:
		s->bx.log = true;
		break;
	case OPT_FOLD:
		s->fold = optarg;
		break;
	case OPT_UNSCALED:
		o.plot.unscaled = true;
		break;
	case OPT_PULL:
		o.plot.pull = true;
		break;
	case OPT_WIDTH:
		o.plot.width = (int)tool_int(optarg, NF_PLOT_MIN,
		    NF_PLOT_MAX, "--width");
		break;
	case OPT_ASCII:
		o.plot.ascii = true;
		break;
	case OPT_TSV:
		o.tsv = true;
		break;
	}
}

/* What options mean together. */
static void
check_options(char *const *file, int nfile)
{
	const struct nf_binning *b = &o.spec.bx;
	bool taken = nfile == 0;	/* standard input, by the sample */

	o.spec.by.nbin = b->nbin;
	if (b->edge != NULL && (b->log || !isnan(b->lo) || !isnan(b->hi)))
		tool_usage("-b EDGES leaves no room for --range and --logx");
	if (b->log && (b->lo <= 0 || b->hi <= 0))
		tool_usage("--logx: the range must be above 0");
	if (o.tsv && o.image != NULL)
		tool_usage("--tsv or -o: one kind of output at a time");
	if (o.pass && nfile > 1)
		tool_usage("-T passes on one FILE");
	for (; nfile > 0; nfile--)
		taken |= strcmp(*file++, "-") == 0;
	if (o.reference[0] != NULL && strcmp(o.reference[0], "-") == 0 &&
	    taken)
		tool_usage("-r -: standard input is the sample");
}

int
main(int argc, char *argv[])
{
	struct nf_tiles side[2] = { { .open = tool_open }, { 0 } };
	struct nf_err err;
	int c, rc, fd;

	while ((c = tool_option(argc, argv, "c:b:w:r:o:T", longs)) != -1)
		take_option(c);
	check_options(argv + optind, argc - optind);
	fd = o.pass ? STDERR_FILENO : STDOUT_FILENO;
	o.plot.colour = tool_colour(fd);
	if (o.plot.width == 0)
		o.plot.width = tool_width(fd);
	side[NF_SAMPLE].file = argv + optind;
	side[NF_SAMPLE].nfile = argc - optind;
	if (o.reference[0] != NULL) {
		side[NF_REFERENCE].open = tool_open;
		side[NF_REFERENCE].file = o.reference;
		side[NF_REFERENCE].nfile = 1;
	}
	rc = run(side, fd, &err);
	nf_tiles_close(&side[NF_SAMPLE]);
	nf_tiles_close(&side[NF_REFERENCE]);
	if (rc == -1)
		tool_die(&err);
	return TOOL_OK;
}
