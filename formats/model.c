/* A model in memory: parts, history, and what its file is made of. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "modelfile.h"

const char *const nf_history_column[NF_HISTORY_NCOL] = {
	"epoch", "step", "lr", "train_nll", "valid_nll", "valid_nll_avg5",
	"grad_norm", "skipped"
};

#define SHAPE(name, member, type, optional) \
	{ name, offsetof(struct nf_shape, member), type, optional }
const struct nf_model_field nf_model_shape[] = {
	SHAPE("features", features, NF_FIELD_U32, 0),
	SHAPE("context_features", context, NF_FIELD_U32, 0),
	SHAPE("steps", steps, NF_FIELD_U32, 0),
	SHAPE("hidden", hidden, NF_FIELD_U32, 0),
	SHAPE("blocks", blocks, NF_FIELD_U32, 0),
	SHAPE("bins", bins, NF_FIELD_U32, 0),
	SHAPE("tail_bound", tail_bound, NF_FIELD_DOUBLE, 0),
	SHAPE("dropout", dropout, NF_FIELD_DOUBLE, 1),
	SHAPE("min_bin_width", min_bin_width, NF_FIELD_DOUBLE, 0),
	SHAPE("min_bin_height", min_bin_height, NF_FIELD_DOUBLE, 0),
	SHAPE("min_derivative", min_derivative, NF_FIELD_DOUBLE, 0),
	SHAPE("batch_norm", batch_norm, NF_FIELD_U32, 0),
	{ NULL, 0, 0, 0 }
};

#define TRAIN(name, member, type, optional) \
	{ name, offsetof(struct nf_model, member), type, optional }
const struct nf_model_field nf_model_train[] = {
	TRAIN("epoch", state.epoch, NF_FIELD_U32, 0),
	TRAIN("step", state.step, NF_FIELD_U64, 0),
	TRAIN("seed", train_seed, NF_FIELD_U64, 0),
	TRAIN("rows", train_rows, NF_FIELD_U64, 1),
	TRAIN("block", train_block, NF_FIELD_U64, 1),
	TRAIN("window", train_window, NF_FIELD_U64, 1),
	TRAIN("batch", state.batch, NF_FIELD_U64, 1),
	TRAIN("sum_weight", state.sum_weight, NF_FIELD_DOUBLE, 1),
	TRAIN("sum_nll", state.sum_nll, NF_FIELD_DOUBLE, 1),
	TRAIN("sum_norm", state.sum_norm, NF_FIELD_DOUBLE, 1),
	TRAIN("taken", state.taken, NF_FIELD_U64, 1),
	TRAIN("skipped", state.skipped, NF_FIELD_U64, 1),
	TRAIN("skipped_run", state.skipped_run, NF_FIELD_U64, 1),
	{ NULL, 0, 0, 0 }
};

void
nf_model_perm_path(char *path, const struct nf_flow *f, uint32_t i)
{
	if (i < f->shape.steps)
		snprintf(path, NF_MODEL_PATH, "/flow/step_%02u/permutation",
		    i);
	else
		snprintf(path, NF_MODEL_PATH, "/flow/last/permutation");
}

/* The first number that is not finite, or below least, or n. */
static size_t
moment_check(const float *x, size_t n, double least)
{
	size_t k, end = nf_finite(x, n);

	for (k = 0; k < end && (double)x[k] >= least; k++)
		;
	return k;
}

int
nf_model_moments_check(const struct nf_model *m, struct nf_err *err)
{
	const float *x[2] = { m->state.adam_m, m->state.adam_v };
	const double least[2] = { -INFINITY, 0 };
	const struct nf_tensor *t;
	uint32_t i, j;
	size_t k;

	for (i = 0; i < m->flow->ntensor; i++)
		for (j = 0; j < 2; j++) {
			t = &m->flow->tensor[i];
			if (t->stat)
				continue;
			k = moment_check(x[j] + t->offset, t->n, least[j]);
			if (k < t->n)
				return nf_fail(err, NF_EDATA,
				    "/train/adam_%c/%s: element %zu is %g, "
				    "want finite numbers%s", "mv"[j], t->name,
				    k, (double)x[j][t->offset + k],
				    j == 1 ? " of 0 or more" : "");
		}
	return 0;
}

int
nf_model_new(struct nf_model **m, struct nf_flow *f, struct nf_err *err)
{
	*m = nf_alloc(1, sizeof(**m), "a model", err);
	if (*m == NULL)
		return -1;
	(*m)->flow = f;
	return 0;
}

void
nf_model_free(struct nf_model *m)
{
	if (m == NULL)
		return;
	nf_list_free(&m->context);
	nf_list_free(&m->target);
	nf_list_free(&m->prep);
	nf_flow_free(m->flow);
	nf_free(m->config);
	nf_free(m->created_by);
	nf_free(m->history.row);
	nf_free(m->state.adam_m);
	nf_free(m->state.adam_v);
	nf_free(m);
}

const char *
nf_model_ops(const struct nf_model *m, const char *column)
{
	size_t n = strlen(column);
	uint32_t i;

	for (i = 0; i < m->prep.n; i++)
		if (strncmp(m->prep.s[i], column, n) == 0 &&
		    strncmp(m->prep.s[i] + n, " = ", 3) == 0)
			return m->prep.s[i] + n + 3;
	return NULL;
}

int
nf_history_add(struct nf_history *h, const double row[NF_HISTORY_NCOL],
    struct nf_err *err)
{
	double (*grown)[NF_HISTORY_NCOL];
	size_t size = sizeof(*h->row);

	if (h->nrow >= NF_MODEL_EPOCHS)
		return nf_fail(err, NF_EUSE, "a history of more than %u "
		    "epochs", NF_MODEL_EPOCHS);
	/* The room is the power of two above nrow. */
	if ((h->nrow & (h->nrow - 1)) == 0) {
		grown = nf_alloc(h->nrow == 0 ? 1 : (size_t)h->nrow * 2, size,
		    "the history", err);
		if (grown == NULL)
			return -1;
		if (h->nrow > 0)
			memcpy(grown, h->row, h->nrow * size);
		nf_free(h->row);
		h->row = grown;
	}
	memcpy(h->row[h->nrow++], row, size);
	return 0;
}

const double *
nf_history_best(const struct nf_history *h)
{
	const double *best = NULL;
	uint32_t i;

	for (i = 0; i < h->nrow; i++)
		if (isfinite(h->row[i][NF_HISTORY_VALID_NLL]) &&
		    (best == NULL || h->row[i][NF_HISTORY_VALID_NLL] <
		    best[NF_HISTORY_VALID_NLL]))
			best = h->row[i];
	return best;
}
