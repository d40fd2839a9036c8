/* nftrain: fit a conditional flow */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tool_data.h"
#include "tool_device.h"
#include "tool_run.h"

const char tool_name[] = "nftrain";
const char tool_synopsis[] = "-c FILE.cfg [-o MODEL] [-v VALIDATION] "
    "[--set SECTION.KEY=VALUE]...\n[--resume] [--device auto|cpu|cuda] "
    "[--threads N] [--seed N]\n[--log FILE.tsv] [--max-time DURATION] "
    "[--memory SIZE] [-q] [FILE]";
const char tool_purpose[] = "fit a conditional flow";

#define MAX_SET		256

static struct {
	const char *cfg, *model, *valid, *device, *log, *file;
	const char *set[MAX_SET];
	uint32_t nset, threads;
	int resume, quiet;
	double start, deadline;
	uint64_t memory;
	char seed[64];
} opt = { .device = "auto", .deadline = INFINITY };

static void
read_option(int c)
{
	switch (c) {
	case 'c':
		opt.cfg = optarg;
		break;
	case 'o':
		opt.model = optarg;
		break;
	case 'v':
		opt.valid = optarg;
		break;
	case 'q':
		opt.quiet = 1;
		break;
	case 256:
		if (opt.nset == MAX_SET - 1)
			tool_usage("more than %d times --set", MAX_SET - 1);
		opt.set[opt.nset++] = optarg;
		break;
	case 257:
		opt.resume = 1;
		break;
	case 258:
		opt.device = optarg;
		break;
	case 259:
		opt.threads = (uint32_t)tool_int(optarg, 1, 1024,
		    "--threads");
		break;
	case 260:
		snprintf(opt.seed, sizeof(opt.seed), "train.seed=%llu",
		    (unsigned long long)tool_seed(optarg));
		break;
	case 261:
		opt.log = optarg;
		break;
	case 262:
		opt.deadline = opt.start +
		    tool_duration(optarg, "--max-time");
		break;
	case 263:
		opt.memory = tool_size(optarg, "--memory");
		break;
	}
}

static void
read_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "config", 1, NULL, 'c' }, { "output", 1, NULL, 'o' },
		{ "validation", 1, NULL, 'v' }, { "quiet", 0, NULL, 'q' },
		{ "set", 1, NULL, 256 }, { "resume", 0, NULL, 257 },
		{ "device", 1, NULL, 258 }, { "threads", 1, NULL, 259 },
		{ "seed", 1, NULL, 260 }, { "log", 1, NULL, 261 },
		{ "max-time", required_argument, NULL, 262 },
		{ "memory", required_argument, NULL, 263 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	opt.start = tool_seconds();
	opt.memory = tool_memory() / 10 * 7;
	while ((c = tool_option(argc, argv, "c:o:v:q", longs)) != -1)
		read_option(c);
	if (opt.cfg == NULL)
		tool_usage("no configuration: -c FILE.cfg");
	if (argc - optind > 1)
		tool_usage("more than one FILE");
	opt.file = argv[optind];	/* NULL where there is none */
	if (opt.valid != NULL && strcmp(opt.valid, "-") == 0)
		tool_usage("-v: want a file, not standard input");
	if (opt.seed[0] != '\0')
		opt.set[opt.nset++] = opt.seed;
}

/* Without -o: jets.cfg gives jets.nf, in the current directory. */
static char *
model_name(struct nf_err *err)
{
	const char *base = strrchr(opt.cfg, '/');
	size_t n;
	char *p;

	if (opt.model != NULL)
		return nf_strdup(opt.model, err);
	base = base == NULL ? opt.cfg : base + 1;
	n = strlen(base);
	if (n > 4 && strcmp(base + n - 4, ".cfg") == 0)
		n -= 4;
	if ((p = nf_alloc(n + 4, 1, "path", err)) != NULL)
		snprintf(p, n + 4, "%.*s.nf", (int)n, base);
	return p;
}

/* Nothing is read before it is known that the model can be written. */
static int
check_writable(const char *path, struct nf_err *err)
{
	struct nf_whole *w;

	if (nf_whole_begin(&w, path, err) == -1)
		return -1;
	nf_whole_abort(w);
	return 0;
}

/* The checkpoint to go on from, if --resume finds one. */
static int
find_checkpoint(const char *last, struct nf_model **m, struct nf_err *err)
{
	*m = NULL;
	if (!opt.resume)
		return 0;
	if (access(last, F_OK) == 0)
		return nf_model_read(m, last, 1, err);
	if (!opt.quiet)
		tool_say("%s is not there: training begins", last);
	return 0;
}

static void
say_data(const struct nf_dataset *d, const char *device)
{
	tool_say("%llu rows to train on, %llu to validate, %u context and %u "
	    "target columns, on %s", (unsigned long long)d->ntrain,
	    (unsigned long long)d->nvalid, d->C, d->D, device);
	if (d->spool != NULL)
		tool_say("more than memory may hold (--memory): on disk, "
		    "mixed in windows of %llu rows",
		    (unsigned long long)d->size.window);
}

static void
say_ready(const struct nf_fit *f)
{
	uint64_t n = nf_fit_window(f);

	if (n > 0)
		tool_say("more rows than the GPU's free memory holds: there in "
		    "windows of %llu", (unsigned long long)n);
	if (!nf_fit_valid_here(f))
		tool_say("the rows that validate go to the GPU each epoch");
	tool_say("ready after %.2f s", tool_seconds() - opt.start);
}

/* With all that is needed open: 1 finished, 0 stopped, -1 error. */
static int
train(const struct nf_cfg *cfg, const char *path, struct nf_model **from,
    struct tool_data *d, struct nf_dev *dev, struct nf_err *err)
{
	struct tool_log log = { .epochs = cfg->train.epochs,
		.quiet = opt.quiet };
	struct nf_fit *f = NULL;
	int rc = -1;

	if (tool_log_open(&log, opt.log, *from == NULL ? 0 :
	    (*from)->history.nrow, err) == 0 &&
	    nf_fit_open(&f, path, cfg, *from, dev, err) == 0 &&
	    tool_data_read(d, opt.memory, *from, dev, f, err) == 0) {
		if (!opt.quiet)
			say_data(d->rows, dev->name);
		rc = nf_fit_begin(f, &d->choice, d->rows, err);
	}
	if (rc == 0) {
		if (!opt.quiet)
			say_ready(f);
		*from = NULL;
		rc = tool_run(f, &log, opt.deadline, err);
	}
	nf_fit_free(f);
	tool_log_close(&log);
	return rc;
}

static int
open_and_train(const struct nf_cfg *cfg, const char *path, const char *last,
    struct nf_err *err)
{
	struct nf_model *from = NULL;
	struct tool_data d = { .threads = opt.threads };
	struct nf_dev *dev = NULL;
	int rc = -1;

	if (check_writable(path, err) == 0 && check_writable(last, err) == 0 &&
	    find_checkpoint(last, &from, err) == 0 &&
	    tool_device_open(&dev, opt.device, opt.threads, err) == 0 &&
	    tool_data_open(&d, opt.file, opt.valid, cfg, err) == 0 &&
	    (from == NULL || nf_fit_agree(from, cfg, &d.choice, last,
	    err) == 0))
		rc = train(cfg, path, &from, &d, dev, err);
	nf_model_free(from);
	tool_data_close(&d);
	nf_dev_close(dev);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct nf_cfg *cfg = NULL;
	char *path, *last = NULL;
	struct nf_err err;
	int rc = -1;

	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if ((path = model_name(&err)) != NULL &&
	    (last = nf_fit_last_path(path, &err)) != NULL &&
	    nf_cfg_read(&cfg, opt.cfg, opt.set, opt.nset, &err) == 0)
		rc = open_and_train(cfg, path, last, &err);
	nf_cfg_free(cfg);
	nf_free(path);
	nf_free(last);
	if (rc == -1)
		tool_die(&err);
	return rc == 0 && tool_signal() != 0 ? 128 + tool_signal() : TOOL_OK;
}
