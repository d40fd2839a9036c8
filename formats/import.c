/* A model from a checkpoint of PyTorch. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_part.h"

#define FIRST	"_transform._transforms.0._transforms.0._transforms.0." \
		"_permutation"
#define MODULE	"module."		/* DistributedDataParallel's */
#define IGNORED	"_distribution._log_z"	/* of a normal distribution */

int
nf_import_note(struct nf_importer *m, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return nf_list_add(m->notes, line, m->err);
}

/* ---- the state_dict --------------------------------------------------- */

static int
order(const struct nf_pickle_text *a, const struct nf_pickle_text *b)
{
	int c = memcmp(a->s, b->s, a->n < b->n ? a->n : b->n);

	return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

static int
by_key(const void *a, const void *b)
{
	return order(((const struct nf_import_key *)a)->key,
	    ((const struct nf_import_key *)b)->key);
}

const struct nf_pickle_value *
nf_import_find(const struct nf_importer *m, const char *name, uint32_t *place)
{
	char full[NF_NFLOWS_NAME + sizeof(MODULE)];
	struct nf_pickle_text text = { .s = full };
	struct nf_import_key want = { .key = &text }, *k;

	text.n = (uint32_t)snprintf(full, sizeof(full), "%s%s", m->prefix,
	    name);
	k = bsearch(&want, m->key, m->nkey, sizeof(want), by_key);
	if (k == NULL)
		return NULL;
	if (place != NULL)
		*place = k->at;
	return m->state->u.seq.item[k->at + 1];
}

static int
index_state(struct nf_importer *m)
{
	const struct nf_pickle_value *d = m->state, *key;
	char words[NF_PICKLE_WORDS];
	uint32_t i;

	m->key = nf_alloc(d->u.seq.n / 2, sizeof(*m->key), "names", m->err);
	if (m->key == NULL)
		return -1;
	for (i = 0; i < d->u.seq.n; i += 2) {
		key = d->u.seq.item[i];
		if (key->kind != NF_PICKLE_TEXT)
			return nf_fail(m->err, NF_EDATA, "%s: model_state_dict"
			    ": %s, want names of tensors", m->path,
			    nf_pickle_words(key, words));
		m->key[m->nkey].key = &key->u.text;
		m->key[m->nkey++].at = i;
	}
	qsort(m->key, m->nkey, sizeof(*m->key), by_key);
	for (i = 1; i < m->nkey; i++)
		if (by_key(&m->key[i - 1], &m->key[i]) == 0)
			return nf_fail(m->err, NF_EDATA, "%s: model_state_dict"
			    ": %s stands there twice", m->path, nf_pickle_words
			    (d->u.seq.item[m->key[i].at], words));
	m->prefix = "";
	if (nf_import_find(m, FIRST, NULL) == NULL)
		m->prefix = MODULE;
	if (nf_import_find(m, FIRST, NULL) != NULL)
		return 0;
	return nf_fail(m->err, NF_EDATA, "%s: no tensor " FIRST ": not a flow "
	    "as FlashSim builds it", m->path);
}

/* A checkpoint's dict, or the state_dict alone. */
static int
find_state(struct nf_importer *m)
{
	static const char *const name[] = { "model_state_dict", "state_dict",
		"model" };
	const struct nf_pickle_value *v = NULL;
	char words[NF_PICKLE_WORDS];
	int k;

	m->root = nf_torch_root(m->torch);
	if (m->root->kind != NF_PICKLE_DICT)
		return nf_fail(m->err, NF_EDATA, "%s: %s, want a dict: a "
		    "checkpoint or a state_dict", m->path,
		    nf_pickle_words(m->root, words));
	for (k = 0; k < 3 && v == NULL; k++)
		v = nf_pickle_get(m->root, name[k]);
	m->state = v != NULL && v->kind == NF_PICKLE_DICT ? v : m->root;
	m->outer = nf_pickle_get(m->root, "model_hyperparams");
	if (m->outer != NULL) {
		m->kwargs = nf_pickle_get(m->outer, "base_transform_kwargs");
		if (m->kwargs == NULL)
			m->kwargs = nf_pickle_get(m->outer, "base_kwargs");
	}
	return index_state(m);
}

/* ---- the flow --------------------------------------------------------- */

/* Integers: of permutations into the flow, of features only looked at. */
static int
take_integers(struct nf_importer *m, const struct nf_nflows_entry *e,
    const struct nf_pickle_value *v)
{
	struct nf_flow *f = m->model->flow;
	double x[NF_MAX_FEATURES];
	int64_t want[NF_MAX_FEATURES];
	uint32_t j;

	if (e->kind == NF_NFLOWS_BATCHES)
		return 0;
	if (nf_torch_doubles(m->torch, v, e->name, 1, e->shape, x,
	    m->err) == -1)
		return -1;
	if (e->kind != NF_NFLOWS_PERM)
		nf_nflows_integers(f, e, 0, want);
	for (j = 0; j < e->shape[0]; j++)
		if (e->kind == NF_NFLOWS_PERM)
			f->perm[(size_t)e->step * e->shape[0] + j] =
			    x[j] >= 0 && x[j] < e->shape[0] ? (int32_t)x[j] :
			    -1;
		else if (x[j] != (double)want[j])
			return nf_fail(m->err, NF_EDATA, "%s: %s: feature %u "
			    "is %g, want %lld: a mask that alternates",
			    m->path, e->name, j, x[j], (long long)want[j]);
	return 0;
}

static int
take_entry(struct nf_importer *m, const struct nf_nflows_entry *e, char *used)
{
	struct nf_flow *f = m->model->flow;
	const struct nf_pickle_value *v;
	uint32_t place;

	v = nf_import_find(m, e->name, &place);
	if (v == NULL && e->kind == NF_NFLOWS_BATCHES)
		return 0;
	if (v == NULL)
		return nf_fail(m->err, NF_EDATA, "%s: no tensor %s%s", m->path,
		    m->prefix, e->name);
	used[place / 2] = 1;
	if (e->kind != NF_NFLOWS_FLOATS)
		return take_integers(m, e, v);
	m->place[e->tensor - f->tensor] = place;
	return nf_torch_floats(m->torch, v, e->name, e->ndim, e->shape,
	    f->param + e->tensor->offset, m->err);
}

/* A tensor that nobody asked for says that this is another flow. */
static int
check_used(struct nf_importer *m, const char *used)
{
	const struct nf_pickle_value *key;
	char words[NF_PICKLE_WORDS];
	uint32_t place, i;

	if (nf_import_find(m, IGNORED, &place) != NULL)
		i = place / 2;
	else
		i = UINT32_MAX;
	for (place = 0; place < m->nkey; place++) {
		key = m->state->u.seq.item[2 * place];
		if (!used[place] && place != i)
			return nf_fail(m->err, NF_EDATA, "%s: %s: no such "
			    "tensor in a flow as FlashSim builds it",
			    m->path, nf_pickle_words(key, words));
	}
	return 0;
}

static int
take_flow(struct nf_importer *m)
{
	struct nf_flow *f = m->model->flow;
	struct nf_nflows a = { 0 };
	char *used = nf_alloc(m->nkey, 1, "names", m->err);
	uint32_t i;
	int rc = -1;

	m->place = nf_alloc(f->ntensor, sizeof(*m->place), "names", m->err);
	if (used == NULL || m->place == NULL ||
	    nf_nflows_make(&a, f, m->err) == -1)
		goto out;
	for (i = 0; i < a.n; i++)
		if (take_entry(m, &a.entry[i], used) == -1)
			goto out;
	rc = check_used(m, used);
	if (rc == 0 && nf_flow_check(f, m->err) == -1)
		rc = nf_fail_in(m->err, "%s", m->path);
out:
	nf_nflows_free(&a);
	nf_free(used);
	return rc;
}

/* ---- the model -------------------------------------------------------- */

static int
make(struct nf_importer *m, struct nf_cfg **cfg)
{
	struct nf_shape s;
	struct nf_flow *f;

	if (find_state(m) == -1 || nf_import_shape(m, &s) == -1 ||
	    nf_flow_new(&f, &s, m->err) == -1)
		return -1;
	if (nf_model_new(&m->model, f, m->err) == -1) {
		nf_flow_free(f);
		return -1;
	}
	m->model->created_by = nf_strdup("nfmodel import (nfpipe) " NF_VERSION,
	    m->err);
	return m->model->created_by == NULL || take_flow(m) == -1 ||
	    nf_import_config(m, &f->shape, cfg) == -1 ? -1 :
	    nf_import_train(m, *cfg);
}

int
nf_import(struct nf_model **model, const char *path,
    const struct nf_import *how, struct nf_list *notes, struct nf_err *err)
{
	struct nf_importer m = { .path = path, .how = how, .notes = notes,
		.err = err };
	struct nf_cfg *cfg = NULL;
	int rc = -1;

	*model = NULL;
	if (nf_torch_open(&m.torch, path, err) == 0)
		rc = make(&m, &cfg);
	if (rc == 0)
		*model = m.model;
	else
		nf_model_free(m.model);
	nf_cfg_free(cfg);
	nf_list_free(&m.set);
	nf_free(m.key);
	nf_free(m.place);
	nf_torch_close(m.torch);
	return rc;
}
