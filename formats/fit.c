/* A training run and its files. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit.h"

struct nf_fit {
	char *path, *last;
	const struct nf_cfg *cfg;
	const struct nf_dataset *data;
	struct nf_trainer *trainer;
	struct nf_model *model;		/* as it now is */
	float *best;			/* [nall], if not yet written */
	int best_new;
	double best_nll;
	uint32_t best_epoch;
};

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

/* The figure that judges an epoch: validation's if there is any. */
static double
judged(const double *row)
{
	return isnan(row[NF_HISTORY_VALID_NLL]) ? row[NF_HISTORY_TRAIN_NLL] :
	    row[NF_HISTORY_VALID_NLL];
}

/* A fresh model of the configuration's shape, for these columns. */
static int
make_model(struct nf_fit *f, const struct nf_choice *c, struct nf_err *err)
{
	const struct nf_train_opt *o = &f->cfg->train;
	struct nf_shape s = f->cfg->flow;
	struct nf_flow *flow;

	s.features = f->data->D;
	s.context = f->data->C;
	if (nf_shape_check(&s, err) == -1 ||
	    nf_flow_new(&flow, &s, err) == -1)
		return -1;
	nf_flow_init(flow, o->init, o->permutation, o->seed);
	if (nf_model_new(&f->model, flow, err) == -1) {
		nf_flow_free(flow);
		return -1;
	}
	if (nf_list_copy(&f->model->context, &c->context, err) == -1 ||
	    nf_list_copy(&f->model->target, &c->target, err) == -1 ||
	    nf_dataset_recipe(f->data, &f->model->prep, err) == -1)
		return -1;
	return 0;
}

/* Are these the rows that a checkpoint was made with? */
static int
check_rows(const struct nf_fit *f, const struct nf_model *m,
    struct nf_err *err)
{
	const struct nf_dataset *d = f->data;
	const struct nf_shape *s = &m->flow->shape;

	if (s->features == d->D && s->context == d->C &&
	    (m->train_rows == 0 || m->train_rows == d->digest))
		return 0;
	return nf_fail(err, NF_EDATA, "%s: trained on other rows, or another "
	    "share of them was left for validation: train into another file, "
	    "or as before", f->last);
}

/* The weights that judge an epoch. */
static int
check_valid(const struct nf_rowset *r, struct nf_err *err)
{
	double sum = 0;
	uint64_t i;

	for (i = 0; r->weight != NULL && i < r->nrow; i++)
		sum += (double)r->weight[i];
	if (r->weight == NULL || r->nrow == 0 || (sum > 0 && !isinf(sum)))
		return 0;
	return nf_fail(err, NF_EDATA, "the weights of the %llu rows that "
	    "validate sum to %g, want more than 0",
	    (unsigned long long)r->nrow, sum);
}

/* The best parameters so far stand in the model's own file. */
static int
read_best(struct nf_fit *f, struct nf_err *err)
{
	struct nf_model *m;
	int rc = -1;

	if (nf_model_read(&m, f->path, 0, err) == -1)
		return -1;
	if (m->flow->nall != f->model->flow->nall ||
	    m->history.nrow < f->best_epoch ||
	    memcmp(m->history.row[f->best_epoch - 1],
	    f->model->history.row[f->best_epoch - 1],
	    sizeof(*m->history.row)) != 0)
		nf_fail(err, NF_EDATA, "%s and %s are not of one training: "
		    "put back the model, or remove the checkpoint and begin "
		    "anew", f->path, f->last);
	else {
		memcpy(f->best, m->flow->param,
		    m->flow->nall * sizeof(*f->best));
		rc = 0;
	}
	nf_model_free(m);
	return rc;
}

static int
resume(struct nf_fit *f, struct nf_err *err)
{
	const struct nf_history *h = &f->model->history;
	uint64_t nbatch = nf_trainer_nbatch(f->trainer);
	uint32_t i;

	if (f->model->state.batch > nbatch ||
	    f->model->state.epoch != h->nrow)
		return nf_fail(err, NF_EDATA, "%s: epoch %u, batch %llu, but "
		    "its history has %u epochs, and the rows make %llu "
		    "batches", f->last, f->model->state.epoch,
		    (unsigned long long)f->model->state.batch, h->nrow,
		    (unsigned long long)nbatch);
	for (i = 0; i < h->nrow; i++)
		if (judged(h->row[i]) < f->best_nll) {
			f->best_nll = judged(h->row[i]);
			f->best_epoch = i + 1;
		}
	if (f->best_epoch > 0 && read_best(f, err) == -1)
		return -1;
	return nf_trainer_set(f->trainer, &f->model->state, err);
}

static int
make_trainer(struct nf_fit *f, struct nf_dev *dev, struct nf_err *err)
{
	struct nf_flow *flow = f->model->flow;

	return f->data->spool != NULL ? nf_trainer_new_windows(&f->trainer,
	    dev, flow, &f->cfg->train, &f->data->windows, err) :
	    nf_trainer_new(&f->trainer, dev, flow, &f->cfg->train,
	    &f->data->train, err);
}

int
nf_fit_new(struct nf_fit **out, const char *path, const struct nf_cfg *cfg,
    const struct nf_choice *c, const struct nf_dataset *data,
    struct nf_model *from, struct nf_dev *dev, struct nf_err *err)
{
	struct nf_fit *f = nf_alloc(1, sizeof(*f), "training", err);
	struct nf_train_state *st;
	struct nf_flow *flow;

	*out = NULL;
	if (f == NULL)
		return -1;
	f->cfg = cfg;
	f->data = data;
	f->best_nll = INFINITY;
	f->path = nf_strdup(path, err);
	f->last = nf_fit_last_path(path, err);
	if (f->path == NULL || f->last == NULL ||
	    check_valid(&data->valid, err) == -1 ||
	    (from != NULL ? check_rows(f, from, err) :
	    make_model(f, c, err)) == -1)
		goto fail;
	if (from != NULL)
		f->model = from;
	flow = f->model->flow;
	nf_free(f->model->config);
	nf_free(f->model->created_by);
	f->model->config = nf_strdup(cfg->text, err);
	f->model->created_by = nf_strdup("nftrain (nfpipe) " NF_VERSION, err);
	f->best = nf_alloc(flow->nall, sizeof(*f->best), "parameters", err);
	st = &f->model->state;
	if (st->adam_m == NULL)
		st->adam_m = nf_alloc(flow->nparam, sizeof(*st->adam_m),
		    "moments", err);
	if (st->adam_v == NULL)
		st->adam_v = nf_alloc(flow->nparam, sizeof(*st->adam_v),
		    "moments", err);
	if (f->model->config == NULL || f->model->created_by == NULL ||
	    f->best == NULL ||
	    st->adam_m == NULL || st->adam_v == NULL ||
	    make_trainer(f, dev, err) == -1 ||
	    nf_trainer_valid(f->trainer, &data->valid, err) == -1 ||
	    (from != NULL && resume(f, err) == -1))
		goto fail;
	f->model->has_train = 1;
	f->model->train_seed = cfg->train.seed;
	f->model->train_rows = data->digest;
	f->model->train_block = data->size.block;
	f->model->train_window = data->size.window;
	*out = f;
	return 0;
fail:
	if (f->model == from)
		f->model = NULL;
	nf_fit_free(f);
	return -1;
}

void
nf_fit_free(struct nf_fit *f)
{
	if (f == NULL)
		return;
	nf_trainer_free(f->trainer);
	nf_model_free(f->model);
	nf_free(f->best);
	nf_free(f->path);
	nf_free(f->last);
	nf_free(f);
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
	if (judged(e->row) < f->best_nll) {
		if (nf_trainer_get(f->trainer, &st, err) == -1)
			return -1;
		memcpy(f->best, f->model->flow->param, nbyte);
		f->best_new = 1;
		f->best_nll = judged(e->row);
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
