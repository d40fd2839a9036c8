/* nftrain: fit a conditional flow */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool_train.h"

const char tool_name[] = "nftrain";
const char tool_synopsis[] = "-c FILE.cfg [-o MODEL] [-v VALIDATION] "
    "[--set SECTION.KEY=VALUE]...\n[--resume] [--device auto|cpu|cuda] "
    "[--threads N] [--seed N]\n[--log FILE.tsv] [--max-time DURATION] "
    "[--memory SIZE] [-q] [FILE]";
const char tool_purpose[] = "fit a conditional flow";

#define SAVE_EVERY	60		/* seconds between checkpoints */
#define MAX_SET		256

static struct {
	const char *cfg, *model, *valid, *device, *log, *file;
	const char *set[MAX_SET];
	uint32_t nset, threads;
	int resume, quiet;
	double max_time;
	uint64_t memory;
	char seed[64];
} opt = { .device = "auto", .max_time = INFINITY };

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
read_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "set", required_argument, NULL, 256 },
		{ "resume", no_argument, NULL, 257 },
		{ "device", required_argument, NULL, 258 },
		{ "threads", required_argument, NULL, 259 },
		{ "seed", required_argument, NULL, 260 },
		{ "log", required_argument, NULL, 261 },
		{ "max-time", required_argument, NULL, 262 },
		{ "memory", required_argument, NULL, 263 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = tool_option(argc, argv, "c:o:v:q", longs)) != -1)
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
				tool_usage("more than %d times --set",
				    MAX_SET - 1);
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
			snprintf(opt.seed, sizeof(opt.seed), "train.seed=%lld",
			    tool_int(optarg, 0, INT64_MAX, "--seed"));
			break;
		case 261:
			opt.log = optarg;
			break;
		case 262:
			opt.max_time = tool_duration(optarg, "--max-time");
			break;
		case 263:
			opt.memory = tool_size(optarg, "--memory");
			break;
		}
	if (opt.cfg == NULL)
		tool_usage("no configuration: -c FILE.cfg");
	if (argc - optind > 1)
		tool_usage("more than one FILE");
	opt.file = optind < argc ? argv[optind] : NULL;
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

/* Bytes that rows may take while they arrive, as doubles. */
static uint64_t
most_memory(void)
{
	return opt.memory > 0 ? opt.memory : tool_memory() / 10 * 6;
}

/* All rows of an open stream, of the columns chosen. */
static int
read_rows(struct nf_reader *r, const struct nf_choice *c, struct nf_table *t,
    struct nf_err *err)
{
	return nf_table_read(t, r, c->col, c->ncontext + c->ntarget +
	    c->nweight, NF_F64, most_memory(), err);
}

static int
read_valid(struct nf_dataset *d, const struct nf_choice *choice,
    const struct nf_cfg *cfg, struct nf_err *err)
{
	struct nf_table t = { 0 };
	struct nf_choice c = { 0 };
	int rc = -1;

	if (tool_table(opt.valid, choice, cfg->weight, most_memory(), &c, &t,
	    err) == 0 &&
	    nf_dataset_valid(d, &c, &t, cfg->train.seed, err) == 0)
		rc = 0;
	nf_table_free(&t);
	nf_choice_free(&c);
	return rc == 0 ? 0 : nf_fail_in(err, "validation %s", opt.valid);
}

/* Rows and choice of columns, from the pipe and from VALIDATION. */
static int
read_data(const struct nf_cfg *cfg, const struct nf_model *from,
    struct nf_choice *choice, struct nf_dataset **d, struct nf_err *err)
{
	struct nf_reader *r = NULL;
	struct nf_table t = { 0 };
	int rc = -1;

	if (tool_open(opt.file, &r, err) == -1)
		return -1;
	if (nf_choice_make(choice, cfg, nf_reader_schema(r), err) == -1 ||
	    read_rows(r, choice, &t, err) == -1)
		goto out;
	if (nf_dataset_new(d, choice, from != NULL ? &from->prep : &cfg->prep,
	    from != NULL ? NULL : &cfg->prep_where, &t,
	    opt.valid == NULL ? cfg->valid_fraction : 0, cfg->train.seed,
	    err) == -1) {
		if (err->code == NF_EDATA && from == NULL)
			nf_fail_in(err, "%s", nf_reader_name(r));
		goto out;
	}
	if (opt.valid == NULL || read_valid(*d, choice, cfg, err) == 0)
		rc = 0;
out:
	nf_reader_close(r);
	nf_table_free(&t);
	return rc;
}

/* ---- the run ---------------------------------------------------------- */

/* Batches to take between looks at the clock: about a fifth of a second. */
static uint64_t
pace(uint64_t nbatch, double took)
{
	if (took < 0.1)
		return nbatch * 2;
	return took > 0.4 && nbatch > 1 ? nbatch / 2 : nbatch;
}

/* One epoch, or what is left of it: 1 done, 0 told to stop, -1 error. */
static int
run_epoch(struct nf_fit *f, double deadline, struct tool_log *log,
    struct nf_err *err)
{
	static uint64_t nbatch = 1;
	uint64_t done = 0, all = nf_fit_batches(f);
	double nll, t;
	int rc = 0;

	while (rc == 0) {
		if (caught || now() >= deadline)
			return 0;
		t = now();
		if ((rc = nf_fit_run(f, nbatch, &done, &nll, err)) == -1)
			return -1;
		nbatch = pace(nbatch, now() - t);
		log->rows += done > log->done ? (double)(done - log->done) *
		    nf_fit_batch_rows(f) : 0;
		log->done = done;
		if (!opt.quiet)
			tool_progress("epoch %u  %3.0f %%  train %.4f  "
			    "%.0f rows/s", nf_fit_epoch(f) + 1,
			    100 * (double)done / (double)all, nll,
			    log->rows / (now() - log->start));
	}
	return 1;
}

/* 1 finished, 0 stopped before (and saved), -1 error. */
static int
run(struct nf_fit *f, const struct nf_cfg *cfg, struct tool_log *log,
    struct nf_err *err)
{
	double deadline = now() + opt.max_time, saved = now();
	struct nf_epoch e = { .stop = 0 };
	uint64_t nbatch;
	double nll;
	int rc;

	while (nf_fit_epoch(f) < cfg->train.epochs && !e.stop) {
		log->start = now();
		log->rows = 0;
		if (nf_fit_run(f, 0, &log->done, &nll, err) == -1)
			return -1;
		nbatch = nf_fit_batches(f);
		rc = log->done == nbatch ? 1 : run_epoch(f, deadline, log,
		    err);
		tool_progress_end();
		if (rc == -1)
			return -1;
		if (rc == 0)
			return nf_fit_save(f, 0, err) == -1 ? -1 : 0;
		if (nf_fit_epoch_end(f, &e, err) == -1 ||
		    tool_log_epoch(log, &e, now() - log->start, err) == -1)
			return -1;
		if (now() - saved < SAVE_EVERY)
			continue;
		if (nf_fit_save(f, 0, err) == -1)
			return -1;
		saved = now();
	}
	if (e.stop)
		tool_say("no better for %u epochs: stopped", cfg->train.patience);
	return nf_fit_save(f, 1, err) == -1 ? -1 : 1;
}

/* The checkpoint to go on from, if --resume finds one. */
static int
find_checkpoint(const char *path, struct nf_model **m, struct nf_err *err)
{
	char *last = nf_fit_last_path(path, err);
	int rc = -1;

	*m = NULL;
	if (last == NULL)
		return -1;
	if (opt.resume && access(last, F_OK) == 0)
		rc = nf_model_read(m, last, 1, err);
	else {
		if (opt.resume)
			tool_say("%s: not there: training begins", last);
		rc = 0;
	}
	nf_free(last);
	return rc;
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

static int
train(const struct nf_cfg *cfg, const char *path, struct nf_err *err)
{
	struct tool_log log = { .epochs = cfg->train.epochs,
		.quiet = opt.quiet };
	struct nf_model *from = NULL;
	struct nf_dataset *data = NULL;
	struct nf_choice choice = { 0 };
	struct nf_dev *dev = NULL;
	struct nf_fit *f = NULL;
	int rc = -1;

	if (check_writable(path, err) == -1 ||
	    find_checkpoint(path, &from, err) == -1 ||
	    read_data(cfg, from, &choice, &data, err) == -1 ||
	    nf_dev_open(&dev, opt.device, opt.threads, err) == -1)
		goto out;
	if (!opt.quiet)
		tool_say("%llu rows to train on, %llu to validate, %u context "
		    "and %u target columns, on %s",
		    (unsigned long long)data->ntrain,
		    (unsigned long long)data->nvalid, data->C, data->D,
		    dev->name);
	if (nf_fit_new(&f, path, cfg, &choice, data, from, dev, err) == -1)
		goto out;
	from = NULL;
	if (tool_log_open(&log, opt.log, opt.resume, err) == 0)
		rc = run(f, cfg, &log, err);
out:
	tool_log_close(&log);
	nf_fit_free(f);
	nf_model_free(from);
	nf_dataset_free(data);
	nf_choice_free(&choice);
	nf_dev_close(dev);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct nf_cfg *cfg = NULL;
	struct nf_err err;
	char *path;
	int rc;

	read_options(argc, argv);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if ((path = model_name(&err)) == NULL ||
	    nf_cfg_read(&cfg, opt.cfg, opt.set, opt.nset, &err) == -1)
		tool_die(&err);
	rc = train(cfg, path, &err);
	nf_cfg_free(cfg);
	nf_free(path);
	if (rc == -1)
		tool_die(&err);
	if (rc == 0 && caught)
		return 128 + caught;
	return TOOL_OK;
}
