/* Training: epochs of shuffled batches over rows that lie on the device. */
#include <string.h>

#include "train_check.h"
#include "trainer.h"

/*
 * Without batch norm rows know nothing of one another until their gradients
 * are added: each lane then takes its share of a batch all the way, and none
 * waits for another in between.  Not with so many parameters that adding up
 * would cost more.
 */
#define SHARE_PARAM	(1u << 22)

/* The tally's first part, for the epoch that begins or goes on. */
static void
put_host_part(struct nf_trainer *t)
{
	struct nf_tally *h = &t->host;

	h->lr = nf_train_lr(&t->opt, t->epoch);
	h->beta1 = t->opt.beta1;
	h->beta2 = t->opt.beta2;
	h->eps = t->opt.eps;
	h->clip_norm = t->opt.clip_norm;
	h->weight_norm = 1 / (t->batch * t->mean_weight);
	h->seed = t->opt.seed;
	h->seen = t->epoch * nf_trainer_nbatch(t) + h->batch;
	t->dev->ops->upload(t->dev, t->tally, h, sizeof(*h));
}

static int
begin_epoch(struct nf_trainer *t, struct nf_err *err)
{
	nf_train_rows_epoch(&t->rows, t->opt.seed, t->epoch);
	put_host_part(t);
	return t->dev->ops->sync(t->dev, err);
}

static struct nf_mat
new_mat(struct nf_dev *d, uint32_t n, uint32_t ncol)
{
	return nf_mat(d->ops->alloc(d, (size_t)n * ncol * sizeof(nf_real)),
	    ncol, ncol);
}

/* Cut the batch; each share's work begins where its rows are put. */
static int
make_shares(struct nf_trainer *t, struct nf_err *err)
{
	const struct nf_ops *o = t->dev->ops;
	uint32_t n = t->dev->nlane, i, lo, hi;
	struct nf_share *h;

	if (o->add_share == NULL || t->flow->shape.batch_norm ||
	    t->flow->nparam > SHARE_PARAM)
		n = 1;
	n = n < t->batch ? n : t->batch;
	if ((t->share = nf_alloc(n, sizeof(*t->share), "shares", err)) ==
	    NULL)
		return -1;
	for (i = 0; i < n; i++) {
		h = &t->share[t->nshare++];
		lo = (uint32_t)((uint64_t)t->batch * i / n);
		hi = (uint32_t)((uint64_t)t->batch * (i + 1) / n);
		h->lo = lo;
		h->n = hi - lo;
		if (nf_work_new(&h->work, t->net, t->dev, h->n, 1, err) == -1)
			return -1;
		h->work->tally = t->tally;
		h->work->row0 = lo;
		h->work->x.x = t->batch_x.x + (size_t)lo * t->batch_x.ld;
		h->work->context.x = t->batch_context.x +
		    (size_t)lo * t->batch_context.ld;
		h->grad = i == 0 ? t->grad : o->alloc(t->dev,
		    t->flow->nparam * sizeof(nf_real));
	}
	return o->sync(t->dev, err);
}

/*
 * What steps and validation have yet to take of a device's memory: rows of
 * each lane; scratch, which is less than what a training keeps of as many
 * rows for one coupling; and the weights as products like them.
 */
static int
will_take(const struct nf_trainer *t, uint64_t *nbyte, struct nf_err *err)
{
	const struct nf_dev *d = t->dev;
	uint64_t lane, tile, step;

	if (nf_work_size(t->net, t->dev, d->tile, 0, &lane, err) == -1 ||
	    nf_work_size(t->net, t->dev, d->tile, 1, &tile, err) == -1 ||
	    nf_work_size(t->net, t->dev, t->batch, 1, &step, err) == -1)
		return -1;
	*nbyte = d->nlane * lane + (d->nlane * tile + step) /
	    t->flow->shape.steps + 2 * t->flow->nparam * sizeof(nf_real);
	return 0;
}

int
nf_trainer_open(struct nf_trainer **out, struct nf_dev *dev,
    struct nf_flow *f, const struct nf_train_opt *o, uint64_t nrow,
    struct nf_err *err)
{
	const struct nf_ops *op = dev->ops;
	size_t nbyte = f->nparam * sizeof(nf_real);
	struct nf_trainer *t;

	*out = NULL;
	if (nf_train_check(f, o, nrow, err) == -1)
		return -1;
	if ((t = nf_alloc(1, sizeof(*t), "trainer", err)) == NULL)
		return -1;
	t->dev = dev;
	t->dev->precision = o->precision;
	t->flow = f;
	t->opt = *o;
	t->batch = o->batch < nrow ? o->batch : (uint32_t)nrow;
	if (nf_net_new(&t->net, dev, f, err) == -1 ||
	    nf_eval_new(&t->eval, t->net, err) == -1)
		goto fail;
	t->batch_x = new_mat(dev, t->batch, f->shape.features);
	t->batch_context = new_mat(dev, t->batch, f->shape.context);
	t->batch_weight = op->alloc(dev, t->batch * sizeof(nf_real));
	t->grad = op->alloc(dev, nbyte);
	t->m = op->alloc(dev, nbyte);
	t->v = op->alloc(dev, nbyte);
	t->tally = op->alloc(dev, sizeof(*t->tally));
	if (op->sync(dev, err) == -1 || make_shares(t, err) == -1)
		goto fail;
	*out = t;
	return 0;
fail:
	nf_trainer_free(t);
	return -1;
}

void
nf_trainer_later(struct nf_trainer *t, const struct nf_maker *m)
{
	t->rows.maker = *m;
}

/* A GPU makes an order in no time, and keeps its memory for rows till then. */
int
nf_trainer_expect(struct nf_trainer *t, uint64_t nrow, struct nf_err *err)
{
	if (!t->dev->host || nf_train_check(t->flow, &t->opt, nrow, err) == -1)
		return t->dev->host ? -1 : 0;
	return nf_train_rows_expect(&t->rows, t->dev, t->opt.seed,
	    (uint32_t)nrow, err);
}

int
nf_trainer_rows(struct nf_trainer *t, const struct nf_rowset *rows,
    const struct nf_windows *windows, struct nf_err *err)
{
	struct nf_rowset none = { 0 };

	if (windows != NULL) {
		none.nrow = windows->nrow;
		rows = &none;
	}
	if (nf_train_check(t->flow, &t->opt, rows->nrow, err) == -1 ||
	    nf_train_mean_weight(rows, windows, &t->mean_weight, err) == -1 ||
	    will_take(t, &t->rows.keep, err) == -1)
		return -1;
	t->nrow = (uint32_t)rows->nrow;
	if (nf_train_rows_put(&t->rows, t->dev, t->flow, t->opt.seed,
	    t->batch, rows, windows, err) == -1)
		return -1;
	return begin_epoch(t, err);
}

static int
make(struct nf_trainer **t, struct nf_dev *dev, struct nf_flow *f,
    const struct nf_train_opt *o, const struct nf_rowset *rows,
    const struct nf_windows *windows, struct nf_err *err)
{
	if (nf_trainer_open(t, dev, f, o, rows != NULL ? rows->nrow :
	    windows->nrow, err) == -1)
		return -1;
	if (nf_trainer_rows(*t, rows, windows, err) == 0)
		return 0;
	nf_trainer_free(*t);
	*t = NULL;
	return -1;
}

int
nf_trainer_new(struct nf_trainer **t, struct nf_dev *dev, struct nf_flow *f,
    const struct nf_train_opt *o, const struct nf_rowset *rows,
    struct nf_err *err)
{
	return make(t, dev, f, o, rows, NULL, err);
}

int
nf_trainer_new_windows(struct nf_trainer **t, struct nf_dev *dev,
    struct nf_flow *f, const struct nf_train_opt *o,
    const struct nf_windows *windows, struct nf_err *err)
{
	return make(t, dev, f, o, NULL, windows, err);
}

void
nf_trainer_free(struct nf_trainer *t)
{
	const struct nf_ops *o;
	uint32_t i;

	if (t == NULL)
		return;
	o = t->dev->ops;
	for (i = 0; i < t->nshare; i++) {
		nf_work_free(t->share[i].work);
		if (i > 0)
			o->free(t->dev, t->share[i].grad);
	}
	nf_free(t->share);
	if (t->unit != NULL)
		o->capture_free(t->dev, t->unit);
	nf_eval_free(t->eval);
	nf_net_free(t->net);
	nf_train_rows_free(&t->rows);
	nf_train_rows_free(&t->valid_rows);
	o->free(t->dev, t->batch_x.x);
	o->free(t->dev, t->batch_context.x);
	o->free(t->dev, t->batch_weight);
	o->free(t->dev, t->grad);
	o->free(t->dev, t->m);
	o->free(t->dev, t->v);
	o->free(t->dev, t->tally);
	nf_free(t);
}

uint64_t
nf_trainer_nbatch(const struct nf_trainer *t)
{
	return t->nrow / t->batch;
}

uint32_t
nf_trainer_batch(const struct nf_trainer *t)
{
	return t->batch;
}

uint64_t
nf_trainer_window(const struct nf_trainer *t)
{
	return t->rows.mix == NULL ? 0 : t->rows.windows.nwindow;
}

static void
fetch_tally(struct nf_trainer *t)
{
	t->dev->ops->download(t->dev, &t->host, t->tally, sizeof(t->host));
}

void
nf_trainer_tally(const struct nf_trainer *t, struct nf_train_state *st)
{
	st->epoch = t->epoch;
	st->batch = t->host.batch;
	st->step = t->host.step;
	st->sum_weight = t->host.sum_weight;
	st->sum_nll = t->host.sum_nll;
	st->sum_norm = t->host.sum_norm;
	st->taken = t->host.taken;
	st->skipped = t->host.skipped;
	st->skipped_run = t->host.skipped_run;
}

int
nf_trainer_get(struct nf_trainer *t, struct nf_train_state *st,
    struct nf_err *err)
{
	const struct nf_ops *o = t->dev->ops;
	size_t nbyte = t->flow->nparam * sizeof(nf_real);

	fetch_tally(t);
	o->download(t->dev, t->flow->param, t->net->param,
	    t->flow->nall * sizeof(nf_real));
	if (st->adam_m != NULL)
		o->download(t->dev, st->adam_m, t->m, nbyte);
	if (st->adam_v != NULL)
		o->download(t->dev, st->adam_v, t->v, nbyte);
	if (o->sync(t->dev, err) == -1)
		return -1;
	nf_trainer_tally(t, st);
	return 0;
}

int
nf_trainer_set(struct nf_trainer *t, const struct nf_train_state *st,
    struct nf_err *err)
{
	const struct nf_ops *o = t->dev->ops;
	size_t nbyte = t->flow->nparam * sizeof(nf_real);

	o->upload(t->dev, t->net->param, t->flow->param,
	    t->flow->nall * sizeof(nf_real));
	if (st->adam_m != NULL)
		o->upload(t->dev, t->m, st->adam_m, nbyte);
	if (st->adam_v != NULL)
		o->upload(t->dev, t->v, st->adam_v, nbyte);
	memset(&t->host, 0, sizeof(t->host));
	t->epoch = st->epoch;
	t->host.batch = st->batch;
	t->host.step = st->step;
	t->host.sum_weight = st->sum_weight;
	t->host.sum_nll = st->sum_nll;
	t->host.sum_norm = st->sum_norm;
	t->host.taken = st->taken;
	t->host.skipped = st->skipped;
	t->host.skipped_run = st->skipped_run;
	nf_eval_refresh(t->eval);
	if (nf_train_rows_make(&t->rows, t->nrow, err) == -1)
		return -1;
	return begin_epoch(t, err);
}

int
nf_trainer_run(struct nf_trainer *t, uint64_t nbatch, struct nf_err *err)
{
	uint64_t n = nf_trainer_nbatch(t), left = n - t->host.batch, i;

	nf_eval_refresh(t->eval);
	for (i = 0; i < nbatch && i < left; i++) {
		if (nf_train_rows_load(&t->rows, t->epoch, (t->host.batch + i) *
		    t->batch, t->batch, err) == -1)
			return -1;
		nf_trainer_step(t);
	}
	if ((i == left ? nf_train_rows_next(&t->rows, t->epoch + 1, err) :
	    nf_train_rows_ahead(&t->rows, t->epoch, n * t->batch, err)) ==
	    -1)
		return -1;
	fetch_tally(t);
	if (t->dev->ops->sync(t->dev, err) == -1)
		return -1;
	if (t->host.skipped_worst > 0 &&
	    t->host.skipped_worst >= t->opt.max_skipped)
		return nf_fail(err, NF_EDATA, "epoch %u: %llu batches in a "
		    "row gave a loss or gradient that is not finite; lower "
		    "lr or set clip_norm", t->epoch + 1,
		    (unsigned long long)t->host.skipped_worst);
	return t->host.batch == nf_trainer_nbatch(t);
}

int
nf_trainer_next(struct nf_trainer *t, struct nf_err *err)
{
	struct nf_tally *h = &t->host;

	if (nf_train_rows_make(&t->rows, t->nrow, err) == -1)
		return -1;
	t->epoch++;
	h->batch = h->taken = h->skipped = h->skipped_worst = 0;
	h->sum_weight = h->sum_nll = h->sum_norm = 0;
	return begin_epoch(t, err);
}

int
nf_trainer_valid(struct nf_trainer *t, const struct nf_rowset *rows,
    struct nf_err *err)
{
	nf_train_rows_free(&t->valid_rows);
	t->valid = *rows;
	return nf_train_rows_keep(&t->valid_rows, &t->rows, rows, err);
}

int
nf_trainer_valid_here(const struct nf_trainer *t)
{
	return t->dev->host || t->valid_rows.x != NULL;
}

int
nf_trainer_nll(struct nf_trainer *t, const struct nf_rowset *rows,
    double *nll, struct nf_err *err)
{
	const struct nf_train_rows *v = &t->valid_rows;
	int here = v->x != NULL && rows->nrow == t->valid.nrow &&
	    rows->x == t->valid.x && rows->context == t->valid.context;

	return nf_eval_nll(t->eval, here, rows->nrow, here ? v->x : rows->x,
	    here ? v->context : rows->context, rows->weight, nll, err);
}
