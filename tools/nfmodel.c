/* nfmodel: show a model file, and bring models from and to PyTorch */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool_draw.h"
#include "tool_import.h"
#include "tool_show.h"

const char tool_name[] = "nfmodel";
const char tool_synopsis[] =
    "--devices | [--history | --config | --tensors] MODEL\n"
    "--plot [-o IMAGE] [--width N] [--ascii] MODEL\n"
    "import [-c FILE.cfg] [--table FILE] [--context COLUMNS]\n"
    "       [--target COLUMNS] [--set SECTION.KEY=VALUE]... -o MODEL\n"
    "       CHECKPOINT\n"
    "export -o FILE MODEL";
const char tool_purpose[] =
    "show a model file, and bring models from and to PyTorch";

enum { SHOW, IMPORT, EXPORT };

/* Options, and what may bear each. */
enum { OPT_HISTORY = 256, OPT_CONFIG, OPT_TENSORS, OPT_DEVICES, OPT_PLOT,
	OPT_WIDTH, OPT_ASCII, OPT_TABLE, OPT_CONTEXT, OPT_TARGET, OPT_SET };

static const struct option longs[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "history", no_argument, NULL, OPT_HISTORY },
	{ "config", no_argument, NULL, OPT_CONFIG },
	{ "tensors", no_argument, NULL, OPT_TENSORS },
	{ "devices", no_argument, NULL, OPT_DEVICES },
	{ "plot", no_argument, NULL, OPT_PLOT },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "table", required_argument, NULL, OPT_TABLE },
	{ "context", required_argument, NULL, OPT_CONTEXT },
	{ "target", required_argument, NULL, OPT_TARGET },
	{ "set", required_argument, NULL, OPT_SET },
	{ NULL, 0, NULL, 0 }
};

static struct {
	int what, mode;
	const char *output;
	struct nf_plot plot;
	bool drawn, imported;		/* options of a plot, of import */
	struct tool_import import;
} o;

static void
take_import(int c)
{
	struct tool_import *i = &o.import;

	o.imported = true;
	switch (c) {
	case 'c':
		i->cfg = optarg;
		break;
	case OPT_TABLE:
		i->table = optarg;
		break;
	case OPT_CONTEXT:
		tool_import_data(i, 0, "data.context", optarg);
		break;
	case OPT_TARGET:
		tool_import_data(i, 1, "data.target", optarg);
		break;
	case OPT_SET:
		if (i->nset == TOOL_IMPORT_SETS)
			tool_usage("--set: more than %d", TOOL_IMPORT_SETS);
		i->set[i->nset++] = optarg;
		break;
	}
}

static void
take_option(int c)
{
	switch (c) {
	case OPT_HISTORY:
	case OPT_CONFIG:
	case OPT_TENSORS:
	case OPT_DEVICES:
	case OPT_PLOT:
		if (o.mode != 0 && o.mode != c)
			tool_usage("one kind of output at a time");
		o.mode = c;
		break;
	case 'o':
		o.output = optarg;
		break;
	case OPT_WIDTH:
		o.plot.width = (int)tool_int(optarg, NF_PLOT_MIN,
		    NF_PLOT_MAX, "--width");
		o.drawn = true;
		break;
	case OPT_ASCII:
		o.plot.ascii = o.drawn = true;
		break;
	default:
		take_import(c);
	}
}

/* What options mean together. */
static void
check_options(int nfile)
{
	if (o.mode == OPT_DEVICES && o.what == SHOW) {
		if (nfile != 0)
			tool_usage("--devices wants no MODEL");
	} else if (nfile != 1)
		tool_usage(o.what == IMPORT ? "want one CHECKPOINT" :
		    "want one MODEL");
	if (o.what != SHOW && o.mode != 0)
		tool_usage("import and export print nothing");
	if (o.what != IMPORT && o.imported)
		tool_usage("-c, --table, --context, --target and --set are "
		    "for import");
	if (o.mode != OPT_PLOT && o.drawn)
		tool_usage("--width and --ascii are for --plot");
	if (o.what != SHOW && o.output == NULL)
		tool_usage(o.what == IMPORT ? "where to? -o MODEL" :
		    "where to? -o FILE.npz or FILE.h5");
	if (o.what == SHOW && o.output != NULL && o.mode != OPT_PLOT)
		tool_usage("-o is for --plot, import and export");
	if (o.mode == OPT_PLOT && o.output != NULL)
		tool_image_kind(o.output, "-o");
}

/* The end of the name says what is written. */
static int
export(const char *model, struct nf_err *err)
{
	const char *dot = strrchr(o.output, '.');
	struct nf_model *m;
	int rc;

	if (dot == NULL || (strcmp(dot, ".npz") != 0 &&
	    strcmp(dot, ".h5") != 0))
		tool_usage("-o: '%s' does not end in .npz or .h5", o.output);
	if (nf_model_read(&m, model, 0, err) == -1)
		return -1;
	rc = nf_export(m, o.output, err);
	nf_model_free(m);
	return rc;
}

static int
show(const char *path, struct nf_err *err)
{
	struct nf_model *m;
	int rc;

	if (o.mode == OPT_DEVICES)
		return tool_show_devices();
	if (nf_model_read(&m, path, 0, err) == -1)
		return -1;
	rc = o.mode == OPT_HISTORY ? tool_show_history(m, err) :
	    o.mode == OPT_CONFIG ? tool_show_config(m, path, err) :
	    o.mode == OPT_TENSORS ? tool_show_tensors(m) :
	    o.mode == OPT_PLOT ? tool_show_plot(m, path, &o.plot, o.output,
	    err) : tool_show_summary(m);
	nf_model_free(m);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct nf_err err;
	int c, rc;

	while ((c = tool_option(argc, argv, "c:o:", longs)) != -1)
		take_option(c);
	if (optind < argc && strcmp(argv[optind], "import") == 0)
		o.what = IMPORT;
	else if (optind < argc && strcmp(argv[optind], "export") == 0)
		o.what = EXPORT;
	optind += o.what != SHOW;
	check_options(argc - optind);
	rc = o.what == IMPORT ? tool_import(&o.import, argv[optind],
	    o.output, &err) : o.what == EXPORT ? export(argv[optind], &err) :
	    show(argv[optind], &err);
	if (rc == -1 || tool_flush(&err) == -1)
		tool_die(&err);
	return TOOL_OK;
}
