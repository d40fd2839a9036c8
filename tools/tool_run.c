/* nftrain's run: batches, the clock, signals and checkpoints. */
#include <signal.h>

#include "tool_run.h"

#define SAVE_EVERY	60		/* seconds between checkpoints, .. */
#define SAVE_SHARE	0.05		/* .. which take no more of the time */

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

int
tool_signal(void)
{
	return caught;
}

struct run {
	struct nf_fit *fit;
	struct tool_log *log;
	double deadline;
	uint64_t nbatch;		/* to take between looks at the clock */
	double saved, save_took;	/* when, and for how long */
};

static int
save(struct run *r, struct nf_err *err)
{
	double start = tool_seconds();
	int rc = nf_fit_save(r->fit, err);

	r->saved = tool_seconds();
	r->save_took = r->saved - start;
	return rc;
}

static int
save_if_due(struct run *r, struct nf_err *err)
{
	double since = tool_seconds() - r->saved;

	return since < SAVE_EVERY || since * SAVE_SHARE < r->save_took ? 0 :
	    save(r, err);
}

/* Batches for about a fifth of a second: 1 the epoch's last among them. */
static int
take_batches(struct run *r, uint64_t *done, double *nll, struct nf_err *err)
{
	double start = tool_seconds(), took;
	int rc = nf_fit_run(r->fit, r->nbatch, done, nll, err);

	took = tool_seconds() - start;
	if (took < 0.1 && r->nbatch < UINT32_MAX)
		r->nbatch *= 2;
	else if (took > 0.4 && r->nbatch > 1)
		r->nbatch /= 2;
	return rc;
}

/* What is left of an epoch: 1 done, 0 told to stop, -1 error. */
static int
run_epoch(struct run *r, struct nf_err *err)
{
	double nll, start = tool_seconds(), rows = 0;
	uint64_t first, done, all = nf_fit_batches(r->fit);
	int rc = nf_fit_run(r->fit, 0, &first, &nll, err);
	struct nf_epoch e;

	while (rc == 0 && !caught) {
		rc = take_batches(r, &done, &nll, err);
		if (rc == -1)
			return -1;
		rows = (double)(done - first) * nf_fit_batch_rows(r->fit);
		if (!r->log->quiet)
			tool_progress("epoch %u  %3.0f %%  train %.4f  "
			    "%.0f rows/s", nf_fit_epoch(r->fit) + 1,
			    100 * (double)done / (double)all, nll,
			    rows / (tool_seconds() - start));
		if (rc == 0 && tool_seconds() >= r->deadline)
			return 0;
		if (rc == 0 && save_if_due(r, err) == -1)
			return -1;
	}
	if (rc != 1)
		return rc;
	tool_progress_end();
	if (nf_fit_epoch_end(r->fit, &e, err) == -1 || tool_log_epoch(r->log,
	    &e, rows, tool_seconds() - start, err) == -1)
		return -1;
	return 1;
}

static void
say_end(const struct run *r, int rc)
{
	uint32_t done = nf_fit_epoch(r->fit);

	if (rc == 0)
		tool_say("stopped in epoch %u of %u: --resume goes on",
		    done + 1, r->log->epochs);
	else if (done < r->log->epochs)
		tool_say("stopped after epoch %u: patience is out", done);
}

/* A second signal of a kind ends the program at once. */
static void
catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int
tool_run(struct nf_fit *f, struct tool_log *log, double deadline,
    struct nf_err *err)
{
	struct run r = { f, log, deadline, 1, tool_seconds(), 0 };
	struct nf_err later;
	int rc = 1;

	catch_signals();
	while (rc == 1 && !nf_fit_done(f)) {
		rc = run_epoch(&r, err);
		if (rc != 1 || nf_fit_done(f))
			break;
		if (tool_seconds() >= deadline)
			rc = 0;
		else if (save_if_due(&r, err) == -1)
			return -1;
	}
	tool_progress_end();
	/* Too many batches were not finite; but what was before them is. */
	if (rc == -1) {
		if (err->code == NF_EDATA && save(&r, &later) == -1)
			tool_warn("%s", later.msg);
		return -1;
	}
	if (save(&r, err) == -1)
		return -1;
	if (!log->quiet)
		say_end(&r, rc);
	return rc;
}
