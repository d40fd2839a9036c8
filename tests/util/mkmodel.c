/*
 * mkmodel FILE [KEY=VALUE]...: write a model whose numbers follow a formula.
 *
 * features context steps hidden blocks bins tail_bound dropout min_bin_width
 * min_bin_height min_derivative batch_norm activation: the shape, by default
 * that of the golden flow; weights: golden (its numbers), identity or nflows
 * (as training starts), random; seed; gain: of random's final layers;
 * columns_context columns_target: NAME,NAME..; prep: a recipe line, may be
 * repeated; config: a file; history: epochs; train: 1 for a checkpoint.
 * from: a model to read and write again instead, with nothing else.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../golden.h"
#include "nfio.h"
#include "philox.h"

struct want {
	struct nf_shape shape;
	const char *weights;
	uint64_t seed;
	double gain;
	struct nf_list context, target, prep;
	const char *config, *from;
	int history, train;
};

static struct nf_err err;

static void
die(const char *why)
{
	fprintf(stderr, "mkmodel: %s\n", why);
	exit(err.code != 0 ? (int)err.code : 1);
}

static void
add(struct nf_list *l, const char *s)
{
	if (nf_list_add(l, s, &err) == -1)
		die(err.msg);
}

static void
split(struct nf_list *l, const char *names)
{
	char *copy = strdup(names), *s;

	for (s = strtok(copy, ","); s != NULL; s = strtok(NULL, ","))
		add(l, s);
	free(copy);
}

/* Where the value of key is kept, if it is a number. */
static uint32_t *
whole(struct want *w, const char *key)
{
	const struct { const char *key; uint32_t *at; } table[] = {
		{ "features", &w->shape.features },
		{ "context", &w->shape.context },
		{ "steps", &w->shape.steps },
		{ "hidden", &w->shape.hidden },
		{ "blocks", &w->shape.blocks },
		{ "bins", &w->shape.bins },
		{ "batch_norm", (uint32_t *)&w->shape.batch_norm },
		{ "history", (uint32_t *)&w->history },
		{ "train", (uint32_t *)&w->train },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].key, key) == 0)
			return table[i].at;
	return NULL;
}

static double *
real(struct want *w, const char *key)
{
	const struct { const char *key; double *at; } table[] = {
		{ "tail_bound", &w->shape.tail_bound },
		{ "dropout", &w->shape.dropout },
		{ "min_bin_width", &w->shape.min_bin_width },
		{ "min_bin_height", &w->shape.min_bin_height },
		{ "min_derivative", &w->shape.min_derivative },
		{ "gain", &w->gain },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].key, key) == 0)
			return table[i].at;
	return NULL;
}

static void
set(struct want *w, char *arg)
{
	char *value = strchr(arg, '=');
	int act;

	if (value == NULL)
		die("an argument without =");
	*value++ = '\0';
	if (whole(w, arg) != NULL)
		*whole(w, arg) = (uint32_t)strtoul(value, NULL, 10);
	else if (real(w, arg) != NULL)
		*real(w, arg) = strtod(value, NULL);
	else if (strcmp(arg, "activation") == 0) {
		if ((act = nf_act_find(value)) == -1)
			die("no such activation");
		w->shape.activation = (enum nf_act)act;
	} else if (strcmp(arg, "weights") == 0)
		w->weights = value;
	else if (strcmp(arg, "seed") == 0)
		w->seed = strtoull(value, NULL, 0);
	else if (strcmp(arg, "columns_context") == 0)
		split(&w->context, value);
	else if (strcmp(arg, "columns_target") == 0)
		split(&w->target, value);
	else if (strcmp(arg, "prep") == 0)
		add(&w->prep, value);
	else if (strcmp(arg, "from") == 0)
		w->from = value;
	else if (strcmp(arg, "config") == 0)
		w->config = value;
	else
		die("an unknown key");
}

/* U(-1, 1) by seed, tensor and element. */
static double
uniform(uint64_t seed, uint32_t i, size_t k)
{
	uint64_t u = nf_philox_u64(seed, (enum nf_purpose)1000, k, i);

	return (double)(u >> 11) * 0x1p-52 - 1;
}

/* Element k of a tensor, far from any start, near what training finds. */
static double
random_number(const struct want *w, const struct nf_tensor *t, double u)
{
	if (strstr(t->name, "lu/diag") != NULL)
		return 0.54 + 0.3 * u;
	if (strstr(t->name, "running_var") != NULL)
		return 1 + 0.5 * u;
	if (strstr(t->name, "norm_") != NULL &&
	    strstr(t->name, "/weight") != NULL)
		return 1 + 0.3 * u;
	if (strstr(t->name, "net/final/weight") != NULL)
		return w->gain * u * sqrt(3.0 / t->shape[1]);
	if (t->ndim == 2)
		return u * sqrt(3.0 / t->shape[1]);
	if (strstr(t->name, "lu/") != NULL)
		return 0.3 * u / sqrt(w->shape.features);
	return 0.2 * u;
}

static void
weigh(const struct want *w, struct nf_flow *f)
{
	const struct nf_tensor *t;
	uint32_t i;
	size_t k;

	nf_flow_init(f, strcmp(w->weights, "identity") == 0 ?
	    NF_INIT_IDENTITY : NF_INIT_NFLOWS, NF_PERM_RANDOM, w->seed);
	if (strcmp(w->weights, "golden") == 0) {
		if (w->shape.features == 3 && w->shape.steps == 2)
			golden_init(f);
		else
			golden_fill(f);
	}
	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		for (k = 0; k < t->n && strcmp(w->weights, "random") == 0; k++)
			f->param[t->offset + k] = (nf_real)random_number(w, t,
			    uniform(w->seed, i, k));
	}
}

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *s = NULL;
	size_t n = 0;

	if (f == NULL || (getdelim(&s, &n, '\0', f) == -1 && ferror(f)))
		die("cannot read the configuration");
	fclose(f);
	return s;
}

static void
history(struct nf_model *m, int n)
{
	double row[NF_HISTORY_NCOL];
	int i;

	for (i = 0; i < n; i++) {
		row[NF_HISTORY_EPOCH] = i + 1;
		row[NF_HISTORY_STEP] = 20.0 * (i + 1);
		row[NF_HISTORY_LR] = 1e-3 / (i + 1);
		row[NF_HISTORY_TRAIN_NLL] = 3.5 - i;
		row[NF_HISTORY_VALID_NLL] = i == 0 ? NAN : 3.75 - i % 3;
		row[NF_HISTORY_VALID_AVG5] = 3.7;
		row[NF_HISTORY_GRAD_NORM] = 0.1;
		row[NF_HISTORY_SKIPPED] = i == 1;
		if (nf_history_add(&m->history, row, &err) == -1)
			die(err.msg);
	}
}

/* A checkpoint in the middle of an epoch; moments in tensors, gaps 0. */
static void
checkpoint(struct nf_model *m)
{
	struct nf_train_state *st = &m->state;
	const struct nf_tensor *t;
	uint32_t i;
	size_t k;

	m->has_train = 1;
	m->train_seed = 0xfedcba9876543210;
	st->epoch = 3;
	st->batch = 7;
	st->step = 67;
	st->sum_weight = 700;
	st->sum_nll = 0.1;
	st->sum_norm = 1.0 / 3;
	st->taken = 6;
	st->skipped = 1;
	st->skipped_run = 1;
	st->adam_m = nf_alloc(m->flow->nparam, sizeof(nf_real), "m", &err);
	st->adam_v = nf_alloc(m->flow->nparam, sizeof(nf_real), "v", &err);
	if (st->adam_m == NULL || st->adam_v == NULL)
		die(err.msg);
	for (i = 0; i < m->flow->ntensor; i++) {
		t = &m->flow->tensor[i];
		for (k = t->offset; !t->stat && k < t->offset + t->n; k++) {
			st->adam_m[k] = -m->flow->param[k] / 8;
			st->adam_v[k] = st->adam_m[k] * st->adam_m[k];
		}
	}
}

/* The model that is wanted. */
static struct nf_model *
make(struct want *w)
{
	struct nf_model *m;
	struct nf_flow *f;

	if (nf_flow_new(&f, &w->shape, &err) == -1)
		die(err.msg);
	weigh(w, f);
	if (nf_model_new(&m, f, &err) == -1)
		die(err.msg);
	m->context = w->context;
	m->target = w->target;
	m->prep = w->prep;
	if (w->config != NULL)
		m->config = slurp(w->config);
	if ((m->created_by = nf_strdup("mkmodel 1", &err)) == NULL)
		die(err.msg);
	history(m, w->history);
	if (w->train)
		checkpoint(m);
	return m;
}

int
main(int argc, char *argv[])
{
	struct want w = { .weights = "golden", .gain = 1, .seed = 1 };
	struct nf_model *m;
	int i;

	golden_shape(&w.shape);
	if (argc < 2)
		die("mkmodel FILE [KEY=VALUE]...");
	for (i = 2; i < argc; i++)
		set(&w, argv[i]);
	if (w.from == NULL)
		m = make(&w);
	else if (nf_model_read(&m, w.from, 1, &err) == -1)
		die(err.msg);
	if (nf_model_write(m, argv[1], &err) == -1)
		die(err.msg);
	nf_model_free(m);
	return 0;
}
