/* The optimiser's state and the history of a checkpoint. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_part.h"
#include "modelfile.h"

/* Item k of what get finds under key, or NULL. */
static const struct nf_pickle_value *
item(const struct nf_pickle_value *v, uint32_t k)
{
	return v != NULL && (v->kind == NF_PICKLE_LIST ||
	    v->kind == NF_PICKLE_TUPLE) && k < v->u.seq.n ?
	    v->u.seq.item[k] : NULL;
}

static const struct nf_pickle_value *
get(const struct nf_pickle_value *d, const char *key)
{
	return d == NULL ? NULL : nf_pickle_get(d, key);
}

/* The optimiser's first group of parameters, or NULL. */
static const struct nf_pickle_value *
group(const struct nf_importer *m)
{
	return item(get(nf_pickle_get(m->root, "optimizer_state_dict"),
	    "param_groups"), 0);
}

/* ---- what they say about [train] -------------------------------------- */

static int
set(struct nf_importer *m, const struct nf_cfg *base, const char *key,
    const struct nf_pickle_value *v)
{
	double x;

	return nf_pickle_number(v, &x) && x > 0 && isfinite(x) ?
	    nf_import_set(m, base, "train", key, x) : 0;
}

/* Cosine annealing is told by its length; any other is constant here. */
static int
set_schedule(struct nf_importer *m, const struct nf_cfg *base,
    const struct nf_pickle_value *g)
{
	const struct nf_pickle_value *s = nf_pickle_get(m->root,
	    "scheduler_state_dict"), *lr;
	double x, least = 0;

	lr = item(get(s, "base_lrs"), 0);
	if (lr == NULL)
		lr = get(g, "initial_lr");
	if (lr == NULL)
		lr = get(g, "lr");
	if (set(m, base, "lr", lr) == -1)
		return -1;
	if (!nf_pickle_number(get(s, "T_max"), &x) || x < 1 || x > 1e6)
		return nf_import_says(base, "schedule") ? 0 :
		    nf_list_add(&m->set, "train.schedule=constant", m->err);
	if (set(m, base, "epochs", get(s, "T_max")) == -1 ||
	    (nf_pickle_number(get(s, "eta_min"), &least) &&
	    set(m, base, "lr_min", get(s, "eta_min")) == -1))
		return -1;
	return nf_import_says(base, "schedule") ? 0 :
	    nf_list_add(&m->set, "train.schedule=cosine", m->err);
}

int
nf_import_train_sets(struct nf_importer *m, const struct nf_cfg *base)
{
	const struct nf_pickle_value *g = group(m);
	double x;

	if (g == NULL)
		return 0;
	if (set_schedule(m, base, g) == -1 ||
	    set(m, base, "beta1", item(get(g, "betas"), 0)) == -1 ||
	    set(m, base, "beta2", item(get(g, "betas"), 1)) == -1 ||
	    set(m, base, "eps", get(g, "eps")) == -1)
		return -1;
	if (nf_pickle_number(get(g, "weight_decay"), &x) && x != 0 &&
	    nf_import_note(m, "weight_decay %g is left out: nftrain has "
	    "none", x) == -1)
		return -1;
	if (nf_pickle_number(get(g, "amsgrad"), &x) && x != 0)
		return nf_import_note(m, "amsgrad is left out: nftrain has "
		    "Adam alone");
	return 0;
}

/* ---- the optimiser ---------------------------------------------------- */

/* A trained tensor, and where the module has it. */
struct param {
	uint32_t place;
	const struct nf_tensor *tensor;
};

static int
by_place(const void *a, const void *b)
{
	uint32_t x = ((const struct param *)a)->place;
	uint32_t y = ((const struct param *)b)->place;

	return (x > y) - (x < y);
}

/* One moment of a parameter, into an array of the flow's shape. */
static int
take_moment(struct nf_importer *m, const struct nf_pickle_value *state,
    const char *key, const struct nf_tensor *t, float *x)
{
	const struct nf_pickle_value *v = nf_pickle_get(state, key);
	char name[96];

	snprintf(name, sizeof(name), "optimizer_state_dict: %s of %s", key,
	    t->name);
	if (v == NULL)
		return nf_fail(m->err, NF_EDATA, "%s: %s: missing, want "
		    "Adam's", m->path, name);
	return nf_torch_floats(m->torch, v, name, t->ndim, t->shape,
	    x + t->offset, m->err);
}

/* The state s of the parameter that is tensor t. */
static int
take_param(struct nf_importer *m, const struct nf_pickle_value *s,
    const struct nf_tensor *t, double *step)
{
	struct nf_train_state *st = &m->model->state;
	int rc;

	if (s == NULL)
		return nf_fail(m->err, NF_EDATA, "%s: optimizer_state_dict: "
		    "nothing about %s", m->path, t->name);
	rc = nf_torch_number(m->torch, get(s, "step"), "step", step, m->err);
	if (rc == 0)
		nf_fail(m->err, NF_EDATA, "%s: optimizer_state_dict: no step "
		    "of %s", m->path, t->name);
	return rc != 1 || take_moment(m, s, "exp_avg", t, st->adam_m) == -1 ?
	    -1 : take_moment(m, s, "exp_avg_sq", t, st->adam_v);
}

/* All parameters' states; all must have taken as many steps. */
static int
take_params(struct nf_importer *m, const struct nf_pickle_value *states,
    const struct nf_pickle_value *ids, const struct param *p, uint32_t n)
{
	struct nf_train_state *st = &m->model->state;
	double step = 0, first = 0;
	uint32_t i;

	if (states->u.seq.n == 0)		/* no step was taken */
		return 0;
	for (i = 0; i < n; i++) {
		if (ids->u.seq.item[i]->kind != NF_PICKLE_INT)
			return nf_fail(m->err, NF_EDATA, "%s: "
			    "optimizer_state_dict: parameter %u has no number",
			    m->path, i);
		if (take_param(m, nf_pickle_at(states,
		    ids->u.seq.item[i]->u.i), p[i].tensor, &step) == -1)
			return -1;
		if (i == 0)
			first = step;
		if (step != first || !(step >= 0 && step < 0x1p53) ||
		    step != floor(step))
			return nf_fail(m->err, NF_EDATA, "%s: "
			    "optimizer_state_dict: parameter %u has taken %g "
			    "steps, the first %g: want all alike", m->path, i,
			    step, first);
	}
	st->step = (uint64_t)first;
	return 0;
}

/* The state_dict's order of parameters is that of the optimiser. */
static int
take_optimizer(struct nf_importer *m, const struct nf_pickle_value *o)
{
	const struct nf_pickle_value *ids = get(group(m), "params"), *states;
	const struct nf_flow *f = m->model->flow;
	struct nf_train_state *st = &m->model->state;
	struct param *p = nf_alloc(f->ntensor, sizeof(*p), "names", m->err);
	uint32_t i, n = 0;
	int rc = -1;

	st->adam_m = nf_alloc(f->nparam, sizeof(*st->adam_m), "moments",
	    m->err);
	st->adam_v = nf_alloc(f->nparam, sizeof(*st->adam_v), "moments",
	    m->err);
	if (p == NULL || st->adam_m == NULL || st->adam_v == NULL)
		goto out;
	for (i = 0; i < f->ntensor; i++)
		if (!f->tensor[i].stat)
			p[n++] = (struct param){ m->place[i], &f->tensor[i] };
	qsort(p, n, sizeof(*p), by_place);
	states = get(o, "state");
	if (item(ids, n - 1) == NULL || item(ids, n) != NULL ||
	    states == NULL || states->kind != NF_PICKLE_DICT ||
	    states->u.seq.n > 2 * n)
		nf_fail(m->err, NF_EDATA, "%s: optimizer_state_dict: not of "
		    "%u parameters in one group, as the flow has them",
		    m->path, n);
	else
		rc = take_params(m, states, ids, p, n);
	if (rc == 0)
		m->model->has_train = 1;
out:
	nf_free(p);
	return rc;
}

/* ---- the history ------------------------------------------------------ */

/* Losses so far, of which there are n; the last one is the last epoch's. */
static uint32_t
losses(const struct nf_pickle_value *v)
{
	return v != NULL && (v->kind == NF_PICKLE_LIST ||
	    v->kind == NF_PICKLE_TUPLE) ? v->u.seq.n : 0;
}

/* Row i of n, of a list that ends with the last. */
static int
take_loss(struct nf_importer *m, const char *key, uint32_t i, uint32_t n,
    double *to)
{
	const struct nf_pickle_value *v = nf_pickle_get(m->root, key);
	uint32_t have = losses(v);

	*to = NAN;
	return i + have < n ? 0 : nf_torch_number(m->torch,
	    v->u.seq.item[i + have - n], key, to, m->err) == -1 ? -1 : 0;
}

/* The row of epoch i of n; what is not known is not a number. */
static int
take_row(struct nf_importer *m, const struct nf_cfg *cfg, uint32_t i,
    uint32_t n)
{
	struct nf_history *h = &m->model->history;
	uint64_t step = m->model->state.step;
	double row[NF_HISTORY_NCOL], sum;
	uint32_t k;

	for (k = 0; k < NF_HISTORY_NCOL; k++)
		row[k] = NAN;
	row[NF_HISTORY_EPOCH] = i + 1;
	if (step > 0 && step % n == 0)
		row[NF_HISTORY_STEP] = (double)(step / n * (i + 1));
	if (group(m) != NULL)
		row[NF_HISTORY_LR] = nf_train_lr(&cfg->train, i);
	if (take_loss(m, "train_history", i, n,
	    &row[NF_HISTORY_TRAIN_NLL]) == -1 ||
	    take_loss(m, "test_history", i, n,
	    &row[NF_HISTORY_VALID_NLL]) == -1)
		return -1;
	sum = row[NF_HISTORY_VALID_NLL];
	for (k = 1; k < 5 && k <= i; k++)
		sum += h->row[i - k][NF_HISTORY_VALID_NLL];
	row[NF_HISTORY_VALID_AVG5] = sum / k;
	return nf_history_add(h, row, m->err);
}

int
nf_import_train(struct nf_importer *m, const struct nf_cfg *cfg)
{
	const struct nf_pickle_value *o;
	uint32_t a, b, n, i;
	double epoch = 0;

	o = nf_pickle_get(m->root, "optimizer_state_dict");
	if (o != NULL && o->kind == NF_PICKLE_DICT &&
	    take_optimizer(m, o) == -1)
		return -1;
	a = losses(nf_pickle_get(m->root, "train_history"));
	b = losses(nf_pickle_get(m->root, "test_history"));
	n = a > b ? a : b;
	/* A history may have begun after the training. */
	if (nf_torch_number(m->torch, nf_pickle_get(m->root, "epoch"),
	    "epoch", &epoch, m->err) == -1)
		return -1;
	if (epoch > n && epoch <= NF_MODEL_EPOCHS)
		n = (uint32_t)epoch;
	for (i = 0; i < n; i++)
		if (take_row(m, cfg, i, n) == -1)
			return -1;
	m->model->state.epoch = n;
	m->model->train_seed = cfg->train.seed;
	return 0;
}
