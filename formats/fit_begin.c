/* How a training run begins. */
#include <math.h>
#include <string.h>

#include "fit_own.h"

/* ---- without rows ------------------------------------------------------- */

int
nf_fit_open(struct nf_fit **out, const char *path, const struct nf_cfg *cfg,
    struct nf_model *from, struct nf_dev *dev, struct nf_err *err)
{
	struct nf_fit *f = nf_alloc(1, sizeof(*f), "training", err);

	*out = f;
	if (f == NULL)
		return -1;
	f->cfg = cfg;
	f->dev = dev;
	f->model = from;
	f->lent = from != NULL;
	f->best_nll = INFINITY;
	f->path = nf_strdup(path, err);
	f->last = nf_fit_last_path(path, err);
	if (f->path != NULL && f->last != NULL)
		return 0;
	nf_fit_free(f);
	*out = NULL;
	return -1;
}

/* A fresh model of the configuration's shape. */
static int
make_model(struct nf_fit *f, uint32_t D, uint32_t C, struct nf_err *err)
{
	const struct nf_train_opt *o = &f->cfg->train;
	struct nf_shape s = f->cfg->flow;
	struct nf_flow *flow;

	s.features = D;
	s.context = C;
	if (nf_shape_check(&s, err) == -1 ||
	    nf_flow_new(&flow, &s, err) == -1)
		return -1;
	nf_flow_init(flow, o->init, o->permutation, o->seed);
	if (nf_model_new(&f->model, flow, err) == 0)
		return 0;
	nf_flow_free(flow);
	return -1;
}

/* What is not there yet. */
static int
make(struct nf_fit *f, uint32_t D, uint32_t C, uint64_t nrow,
    struct nf_err *err)
{
	struct nf_train_state *st;
	struct nf_flow *flow;

	if (f->model == NULL && make_model(f, D, C, err) == -1)
		return -1;
	flow = f->model->flow;
	st = &f->model->state;
	if (f->best == NULL)
		f->best = nf_alloc(flow->nall, sizeof(*f->best),
		    "parameters", err);
	if (st->adam_m == NULL)
		st->adam_m = nf_alloc(flow->nparam, sizeof(*st->adam_m),
		    "moments", err);
	if (st->adam_v == NULL)
		st->adam_v = nf_alloc(flow->nparam, sizeof(*st->adam_v),
		    "moments", err);
	if (f->best == NULL || st->adam_m == NULL || st->adam_v == NULL)
		return -1;
	return nf_trainer_open(&f->trainer, f->dev, flow, &f->cfg->train,
	    nrow, err);
}

void
nf_fit_make(struct nf_fit *f, uint32_t D, uint32_t C, uint64_t nrow,
    int just)
{
	f->rc = make(f, D, C, nrow, &f->err);
	if (f->rc == 0 && just)
		f->rc = nf_trainer_expect(f->trainer, nrow, &f->err);
}

/* ---- with them ---------------------------------------------------------- */

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
		if (nf_fit_judged(h->row[i]) < f->best_nll) {
			f->best_nll = nf_fit_judged(h->row[i]);
			f->best_epoch = i + 1;
		}
	if (f->best_epoch > 0 && read_best(f, err) == -1)
		return -1;
	return nf_trainer_set(f->trainer, &f->model->state, err);
}

static int
describe(struct nf_fit *f, const struct nf_choice *c, struct nf_err *err)
{
	struct nf_model *m = f->model;

	nf_free(m->config);
	nf_free(m->created_by);
	m->config = nf_strdup(f->cfg->text, err);
	m->created_by = nf_strdup("nftrain (nfpipe) " NF_VERSION, err);
	if (m->config == NULL || m->created_by == NULL)
		return -1;
	if (!f->lent && (nf_list_copy(&m->context, &c->context, err) == -1 ||
	    nf_list_copy(&m->target, &c->target, err) == -1 ||
	    nf_dataset_recipe(f->data, &m->prep, err) == -1))
		return -1;
	m->has_train = 1;
	m->train_seed = f->cfg->train.seed;
	m->train_rows = f->data->digest;
	m->train_block = f->data->size.block;
	m->train_window = f->data->size.window;
	return 0;
}

/* A trainer for as many rows as there are. */
static int
make_trainer(struct nf_fit *f, struct nf_err *err)
{
	const struct nf_dataset *d = f->data;
	uint32_t batch = f->cfg->train.batch;

	if (f->rc == -1 && err != NULL)
		*err = f->err;
	if (f->rc == -1)
		return -1;
	if (f->trainer != NULL && nf_trainer_batch(f->trainer) !=
	    (d->ntrain < batch ? d->ntrain : batch)) {
		nf_trainer_free(f->trainer);
		f->trainer = NULL;
	}
	if (f->trainer == NULL && make(f, d->D, d->C, d->ntrain, err) == -1)
		return -1;
	nf_trainer_later(f->trainer, &d->maker);
	return nf_trainer_rows(f->trainer, &d->train, d->spool != NULL ?
	    &d->windows : NULL, err);
}

int
nf_fit_begin(struct nf_fit *f, const struct nf_choice *c,
    const struct nf_dataset *data, struct nf_err *err)
{
	f->data = data;
	if (check_valid(&data->valid, err) == -1 ||
	    (f->lent && check_rows(f, f->model, err) == -1) ||
	    make_trainer(f, err) == -1 || describe(f, c, err) == -1 ||
	    nf_trainer_valid(f->trainer, &data->valid, err) == -1 ||
	    (f->lent && resume(f, err) == -1))
		return -1;
	f->lent = 0;
	return 0;
}

void
nf_fit_free(struct nf_fit *f)
{
	if (f == NULL)
		return;
	nf_trainer_free(f->trainer);
	if (!f->lent)
		nf_model_free(f->model);
	nf_free(f->best);
	nf_free(f->path);
	nf_free(f->last);
	nf_free(f);
}
