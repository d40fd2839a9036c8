/* Reading a model file, all of it checked: nfmodel(5). */
#include <math.h>
#include <string.h>

#include "modelin.h"

/* A file of n bytes cannot hold more numbers than this, however packed. */
#define NUMBERS_A_BYTE	1024

/* ---- the flow --------------------------------------------------------- */

/* What the file says it is: may be silent, must not be wrong. */
static int
root_read(const struct nf_model_in *in, struct nf_model *m)
{
	static const struct nf_model_field field = {
		"version", 0, NF_FIELD_U32, 1
	};
	uint32_t version = NF_MODEL_VERSION;
	char *format;
	int rc = 0;

	if (nf_model_string(in, in->file, "/", "format", &format) == -1)
		return -1;
	if (format != NULL && strcmp(format, NF_MODEL_FORMAT) != 0)
		rc = nf_fail(in->err, NF_EDATA, "%s: not a model: its format "
		    "is \"%.64s\", want \"%s\"", in->path, format,
		    NF_MODEL_FORMAT);
	nf_free(format);
	if (rc == 0 && !nf_model_exists(in, "/flow"))
		rc = nf_fail(in->err, NF_EDATA, "%s: not a model: it has no "
		    "/flow", in->path);
	if (rc == -1 || nf_model_number(in, in->file, "/", &field,
	    &version) == -1)
		return -1;
	if (version != NF_MODEL_VERSION)
		return nf_fail(in->err, NF_EDATA, "%s: a model of version %u, "
		    "want %d: %s", in->path, version, NF_MODEL_VERSION,
		    version > NF_MODEL_VERSION ? "a newer nfpipe reads it" :
		    "there is no such version");
	if (nf_model_string(in, in->file, "/", "config", &m->config) == -1 ||
	    nf_model_string(in, in->file, "/", "created_by",
	    &m->created_by) == -1)
		return -1;
	if (m->created_by != NULL &&
	    nf_line_check(m->created_by, in->err) == -1)
		return nf_fail_in(in->err, "%s: /: attribute created_by",
		    in->path);
	return 0;
}

static int
activation_read(const struct nf_model_in *in, struct nf_shape *s)
{
	hid_t id = H5Gopen2(in->file, "/flow", H5P_DEFAULT);
	char *name = NULL;
	int rc, act;

	if (id < 0)
		return nf_h5_fail(in->err, "%s: /flow: cannot open it",
		    in->path);
	rc = nf_model_string(in, id, "/flow", "activation", &name);
	H5Gclose(id);
	if (rc == -1)
		return -1;
	act = name == NULL ? -1 : nf_act_find(name);
	rc = 0;
	if (act == -1)
		rc = nf_fail(in->err, NF_EDATA, "%s: /flow: attribute "
		    "activation: %.64s, want relu, elu or leaky_relu",
		    in->path, name == NULL ? "missing" : name);
	else
		s->activation = (enum nf_act)act;
	nf_free(name);
	return rc;
}

/* The shape, bounded, also by what the file can hold. */
static int
shape_read(const struct nf_model_in *in, struct nf_shape *s)
{
	hsize_t nbyte;

	nf_shape_default(s);
	if (nf_model_fields(in, "/flow", nf_model_shape, s) == -1 ||
	    activation_read(in, s) == -1)
		return -1;
	if (nf_shape_check(s, in->err) == -1) {
		in->err->code = NF_EDATA;
		return nf_fail_in(in->err, "%s: /flow", in->path);
	}
	if (H5Fget_filesize(in->file, &nbyte) < 0)
		return nf_h5_fail(in->err, "%s: no size", in->path);
	if (nf_shape_count(s) > (double)nbyte * NUMBERS_A_BYTE)
		return nf_fail(in->err, NF_EDATA, "%s: /flow: attributes of a "
		    "flow of %.0f parameters, in a file of %llu bytes",
		    in->path, nf_shape_count(s), (unsigned long long)nbyte);
	return 0;
}

/* The tree of tensors below root into x, an array of the flow's shape. */
static int
tensors_read(const struct nf_model_in *in, const char *root,
    const struct nf_flow *f, float *x, int stats)
{
	const struct nf_tensor *t;
	char name[NF_MODEL_PATH];
	hsize_t dim[2];
	uint32_t i;

	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		if (t->stat && !stats)
			continue;
		dim[0] = t->shape[0];
		dim[1] = t->shape[1];
		snprintf(name, sizeof(name), "%s/%s", root, t->name);
		if (nf_model_data(in, name, H5T_NATIVE_FLOAT,
		    (int)t->ndim, dim, x + t->offset) == -1)
			return -1;
	}
	return 0;
}

static int
flow_read(const struct nf_model_in *in, struct nf_flow **f)
{
	struct nf_shape s;
	char name[NF_MODEL_PATH];
	hsize_t d;
	uint32_t i;

	if (shape_read(in, &s) == -1)
		return -1;
	if (nf_flow_new(f, &s, in->err) == -1)
		return nf_fail_in(in->err, "%s", in->path);
	d = s.features;
	for (i = 0; i <= s.steps; i++) {
		nf_model_perm_path(name, *f, i);
		if (nf_model_data(in, name, H5T_NATIVE_INT32, 1, &d,
		    (*f)->perm + i * d) == -1)
			return -1;
	}
	if (tensors_read(in, "/flow", *f, (*f)->param, 1) == -1)
		return -1;
	if (nf_flow_check(*f, in->err) == -1)
		return nf_fail_in(in->err, "%s", in->path);
	return 0;
}

/* ---- columns and recipe ----------------------------------------------- */

/* The names at path; where there are none, LETTER0, LETTER1, .. */
static int
names_read(const struct nf_model_in *in, const char *path, char letter,
    uint32_t n, struct nf_list *l)
{
	char name[16];
	uint32_t i;
	int rc = nf_model_strings(in, path, l);

	for (i = 0; rc == 0 && i < n; i++) {
		snprintf(name, sizeof(name), "%c%u", letter, i);
		rc = nf_list_add(l, name, in->err);
	}
	return rc == -1 ? -1 : 0;
}

/* The names, with the recipe, would do for a stream. */
static int
names_check(const struct nf_model_in *in, const char *path,
    const struct nf_list *l, const struct nf_list *prep)
{
	const struct nf_schema s = { .column = *l, .prep = *prep };

	if (l->n == 0 || nf_schema_check(&s, in->err) == 0)
		return 0;
	return nf_fail_in(in->err, "%s: %s", in->path, path);
}

static int
columns_read(const struct nf_model_in *in, struct nf_model *m)
{
	const struct nf_shape *s = &m->flow->shape;
	const struct nf_list none = { 0, NULL };

	if (nf_model_strings(in, "/prep", &m->prep) == -1 ||
	    names_read(in, "/columns/context", 'y', s->context,
	    &m->context) == -1 ||
	    names_read(in, "/columns/target", 'x', s->features,
	    &m->target) == -1 ||
	    names_check(in, "/columns/context", &m->context, &none) == -1 ||
	    names_check(in, "/columns/target", &m->target, &none) == -1 ||
	    names_check(in, "/prep", &m->target, &m->prep) == -1)
		return -1;
	if (m->target.n != s->features)
		return nf_fail(in->err, NF_EDATA, "%s: /columns/target: %u "
		    "names, want %u, a feature each", in->path, m->target.n,
		    s->features);
	/* A recipe may make several inputs of one condition, or none. */
	if (m->prep.n == 0 && m->context.n != s->context)
		return nf_fail(in->err, NF_EDATA, "%s: /columns/context: %u "
		    "names, want %u", in->path, m->context.n, s->context);
	return 0;
}

/* ---- history and checkpoint ------------------------------------------- */

/* Add nrow rows x; a column is known by its name, and NaN where absent. */
static int
history_add(struct nf_history *h, uint32_t nrow, const struct nf_list *names,
    const double *x, struct nf_err *err)
{
	uint32_t at[NF_HISTORY_NCOL], i, j;
	double row[NF_HISTORY_NCOL];

	for (j = 0; j < NF_HISTORY_NCOL; j++)
		for (at[j] = 0; at[j] < names->n; at[j]++)
			if (strcmp(names->s[at[j]], nf_history_column[j]) == 0)
				break;
	for (i = 0; i < nrow; i++, x += names->n) {
		for (j = 0; j < NF_HISTORY_NCOL; j++)
			row[j] = at[j] < names->n ? x[at[j]] : NAN;
		if (nf_history_add(h, row, err) == -1)
			return -1;
	}
	return 0;
}

/* How many rows, and the names of the columns. */
static int
history_size(const struct nf_model_in *in, hsize_t *nrow,
    struct nf_list *names)
{
	hid_t id = H5Dopen2(in->file, "/history", H5P_DEFAULT);
	hid_t space = id < 0 ? -1 : H5Dget_space(id);
	hsize_t dim[H5S_MAX_RANK] = { 0 };
	int rc = -1;

	if (space < 0)
		nf_h5_fail(in->err, "%s: /history: cannot open it", in->path);
	else if (nf_h5_attr_read(id, "columns", names, in->err) == -1)
		nf_fail_in(in->err, "%s: /history", in->path);
	else if (names->n == 0)
		nf_fail(in->err, NF_EDATA, "%s: /history: attribute columns: "
		    "missing, want its columns' names", in->path);
	else if (H5Sget_simple_extent_dims(space, dim, NULL) > 0 &&
	    dim[0] > NF_MODEL_EPOCHS * NF_HISTORY_NCOL / names->n)
		nf_fail(in->err, NF_EDATA, "%s: /history: %llu rows of %u, "
		    "want at most %u numbers", in->path,
		    (unsigned long long)dim[0], names->n, NF_MODEL_EPOCHS *
		    NF_HISTORY_NCOL);
	else
		rc = 0;
	*nrow = dim[0];
	H5Sclose(space);
	H5Dclose(id);
	return rc;
}

static int
history_read(const struct nf_model_in *in, struct nf_history *h)
{
	struct nf_list names = { 0, NULL };
	hsize_t dim[2];
	double *x = NULL;
	int rc = -1;

	if (!nf_model_exists(in, "/history"))
		return 0;
	if (history_size(in, &dim[0], &names) == 0)
		x = nf_alloc(dim[0] * names.n, sizeof(*x), "the history",
		    in->err);
	dim[1] = names.n;
	if (x != NULL && nf_model_data(in, "/history",
	    H5T_NATIVE_DOUBLE, 2, dim, x) == 0)
		rc = history_add(h, (uint32_t)dim[0], &names, x, in->err);
	nf_free(x);
	nf_list_free(&names);
	return rc;
}

static int
train_read(const struct nf_model_in *in, struct nf_model *m, int moments)
{
	struct nf_train_state *st = &m->state;

	if (!nf_model_exists(in, "/train"))
		return 0;
	if (nf_model_fields(in, "/train", nf_model_train, m) == -1)
		return -1;
	m->has_train = 1;
	if (!moments)
		return 0;
	st->adam_m = nf_alloc(m->flow->nparam, sizeof(float), "moments",
	    in->err);
	st->adam_v = nf_alloc(m->flow->nparam, sizeof(float), "moments",
	    in->err);
	if (st->adam_m == NULL || st->adam_v == NULL ||
	    tensors_read(in, "/train/adam_m", m->flow, st->adam_m, 0) == -1 ||
	    tensors_read(in, "/train/adam_v", m->flow, st->adam_v, 0) == -1)
		return -1;
	if (nf_model_moments_check(m, in->err) == -1)
		return nf_fail_in(in->err, "%s", in->path);
	return 0;
}

int
nf_model_read(struct nf_model **out, const char *path, int with_train,
    struct nf_err *err)
{
	struct nf_model_in in = { .path = path, .err = err };
	struct nf_model *m;
	int rc = -1;

	*out = NULL;
	in.file = nf_h5_open_file(path, err);
	if (in.file < 0)
		return -1;
	if (nf_model_new(&m, NULL, err) == 0 && root_read(&in, m) == 0 &&
	    flow_read(&in, &m->flow) == 0 && columns_read(&in, m) == 0 &&
	    history_read(&in, &m->history) == 0)
		rc = train_read(&in, m, with_train);
	H5Fclose(in.file);
	if (rc == -1)
		nf_model_free(m);
	else
		*out = m;
	return rc;
}
