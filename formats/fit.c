/* A training run and its files. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_own.h"

char *
nf_fit_last_path(const char *path, struct nf_err *err)
{
	size_t n = strlen(path) + sizeof(".last");
	char *p = nf_alloc(n, 1, "path", err);

	if (p != NULL)
		snprintf(p, n, "%s.last", path);
	return p;
}

double
nf_fit_memory(const struct nf_shape *s, uint32_t batch,
    const struct nf_dev *dev)
{
	/* The parameters now and at their best, and both moments. */
	double host = 4 * sizeof(float) * nf_shape_count(s);

	/* A GPU's memory is its own, and its driver knows it. */
	return strncmp(dev->name, "cpu", 3) != 0 ? host :
	    host + nf_trainer_memory(s, batch);
}

uint32_t
nf_fit_epoch(const struct nf_fit *f)
{
	return f->model->history.nrow;
}

int
nf_fit_done(const struct nf_fit *f)
{
	uint32_t epoch = nf_fit_epoch(f), patience = f->cfg->train.patience;

	return epoch >= f->cfg->train.epochs ||
	    (patience > 0 && epoch - f->best_epoch >= patience);
}

uint64_t
nf_fit_batches(const struct nf_fit *f)
{
	return nf_trainer_nbatch(f->trainer);
}

uint32_t
nf_fit_batch_rows(const struct nf_fit *f)
{
	return nf_trainer_batch(f->trainer);
}

uint64_t
nf_fit_window(const struct nf_fit *f)
{
	return nf_trainer_window(f->trainer);
}

int
nf_fit_valid_here(const struct nf_fit *f)
{
	return f->data->nvalid == 0 || nf_trainer_valid_here(f->trainer);
}

int
nf_fit_run(struct nf_fit *f, uint64_t nbatch, uint64_t *done, double *nll,
    struct nf_err *err)
{
	struct nf_train_state st = { 0 };
	int rc = nf_trainer_run(f->trainer, nbatch, err);

	if (rc == -1)
		return -1;
	nf_trainer_tally(f->trainer, &st);
	*done = st.batch;
	*nll = st.sum_nll / st.sum_weight;
	return rc;
}

double
nf_fit_judged(const double *row)
{
	return isnan(row[NF_HISTORY_VALID_NLL]) ? row[NF_HISTORY_TRAIN_NLL] :
	    row[NF_HISTORY_VALID_NLL];
}

/* The history's row of the epoch that has ended. */
static int
judge_epoch(struct nf_fit *f, const struct nf_train_state *st, double *row,
    struct nf_err *err)
{
	const struct nf_history *h = &f->model->history;
	double sum;
	uint32_t i, n;

	row[NF_HISTORY_EPOCH] = h->nrow + 1;
	row[NF_HISTORY_STEP] = (double)st->step;
	row[NF_HISTORY_LR] = nf_train_lr(&f->cfg->train, h->nrow);
	row[NF_HISTORY_TRAIN_NLL] = st->sum_nll / st->sum_weight;
	row[NF_HISTORY_VALID_NLL] = NAN;
	row[NF_HISTORY_GRAD_NORM] = st->sum_norm / (double)st->taken;
	row[NF_HISTORY_SKIPPED] = (double)st->skipped;
	if (f->data->nvalid > 0 && nf_trainer_nll(f->trainer,
	    &f->data->valid, &row[NF_HISTORY_VALID_NLL], err) == -1)
		return -1;
	sum = row[NF_HISTORY_VALID_NLL];
	for (n = 1; n < 5 && n <= h->nrow; n++) {
		i = h->nrow - n;
		sum += h->row[i][NF_HISTORY_VALID_NLL];
	}
	row[NF_HISTORY_VALID_AVG5] = sum / n;
	return 0;
}

int
nf_fit_epoch_end(struct nf_fit *f, struct nf_epoch *e, struct nf_err *err)
{
	struct nf_train_state st = { 0 };
	uint32_t epoch = nf_fit_epoch(f) + 1;
	size_t nbyte = f->model->flow->nall * sizeof(*f->best);

	nf_trainer_tally(f->trainer, &st);
	memset(e, 0, sizeof(*e));
	if (judge_epoch(f, &st, e->row, err) == -1)
		return -1;
	if (nf_fit_judged(e->row) < f->best_nll) {
		if (nf_trainer_get(f->trainer, &st, err) == -1)
			return -1;
		memcpy(f->best, f->model->flow->param, nbyte);
		f->best_new = 1;
		f->best_nll = nf_fit_judged(e->row);
		f->best_epoch = epoch;
		e->best = 1;
	}
	if (nf_history_add(&f->model->history, e->row, err) == -1)
		return -1;
	return nf_trainer_next(f->trainer, err);
}

/* The best parameters as a model, and no checkpoint. */
static int
write_best(struct nf_fit *f, struct nf_err *err)
{
	struct nf_flow *flow = f->model->flow;
	float *now = flow->param;
	int rc;

	flow->param = f->best;
	f->model->has_train = 0;
	rc = nf_model_write(f->model, f->path, err);
	f->model->has_train = 1;
	flow->param = now;
	if (rc == 0)
		f->best_new = 0;
	return rc;
}

int
nf_fit_save(struct nf_fit *f, struct nf_err *err)
{
	int done = nf_fit_done(f);

	if (nf_trainer_get(f->trainer, &f->model->state, err) == -1 ||
	    ((f->best_new || (done && f->best_epoch > 0)) &&
	    write_best(f, err) == -1) ||
	    nf_model_write(f->model, f->last, err) == -1)
		return -1;
	if (done && f->best_epoch == 0)
		return nf_fail(err, NF_EDATA, "%s: not written: no epoch had "
		    "a finite loss; lower lr, or set clip_norm", f->path);
	return 0;
}
