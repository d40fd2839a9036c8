/* Writing a model file: nfmodel(5). */
#include <math.h>
#include <string.h>

#include "h5.h"
#include "h5new.h"
#include "modelfile.h"

struct out {
	struct nf_h5_new *new;
	hid_t file;
	const char *path;		/* of the file, for messages */
	char last[NF_MODEL_PATH];	/* whose groups are there */
	struct nf_err *err;
};

static int
refused(struct out *o, const char *name)
{
	if (nf_h5_new_ok(o->new, o->err) == -1)
		return -1;
	return nf_h5_fail(o->err, "%s: %s: cannot write", o->path, name);
}

/* libhdf5 would make groups by itself, but note the time in them. */
static int
group_put(struct out *o, const char *name)
{
	hid_t make = H5Pcreate(H5P_GROUP_CREATE), id = -1;
	int rc;

	if (H5Pset_obj_track_times(make, 0) >= 0)
		id = H5Gcreate2(o->file, name, H5P_DEFAULT, make,
		    H5P_DEFAULT);
	rc = id < 0 || H5Gclose(id) < 0 ? refused(o, name) : 0;
	H5Pclose(make);
	return rc;
}

/* Make the groups above name; those of the last call need no look. */
static int
groups_put(struct out *o, const char *name)
{
	char part[NF_MODEL_PATH];
	size_t n;

	for (n = 1; name[n] != '\0'; n++) {
		if (name[n] != '/' || strncmp(name, o->last, n + 1) == 0)
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)n, name);
		if (H5Lexists(o->file, part, H5P_DEFAULT) <= 0 &&
		    group_put(o, part) == -1)
			return -1;
	}
	snprintf(o->last, sizeof(o->last), "%s", name);
	return 0;
}

/*
 * How a dataset lies: a small one in its header, which has a checksum, a
 * larger one in chunks, each with its own, and NaN where one is not found.
 */
static hid_t
layout(hid_t type, int ndim, const hsize_t *dim)
{
	hid_t make = H5Pcreate(H5P_DATASET_CREATE);
	hsize_t chunk[2] = { dim[0], ndim == 2 ? dim[1] : 1 };
	const float nan = NAN;

	if (make < 0 || H5Pset_obj_track_times(make, 0) < 0)
		goto fail;
	if (H5Tget_size(type) * chunk[0] * chunk[1] <= NF_MODEL_COMPACT) {
		if (H5Pset_layout(make, H5D_COMPACT) < 0)
			goto fail;
		return make;
	}
	while (chunk[0] * chunk[1] > NF_MODEL_CHUNK && chunk[0] > 1)
		chunk[0] = (chunk[0] + 1) / 2;
	if (H5Pset_chunk(make, ndim, chunk) < 0 ||
	    H5Pset_fletcher32(make) < 0 ||
	    (H5Tget_class(type) == H5T_FLOAT &&
	    H5Pset_fill_value(make, H5T_NATIVE_FLOAT, &nan) < 0))
		goto fail;
	return make;
fail:
	H5Pclose(make);
	return -1;
}

/* x, of type mem, becomes a dataset of type. */
static int
data_put(struct out *o, const char *name, hid_t type, hid_t mem, int ndim,
    const hsize_t *dim, const void *x)
{
	hid_t space, make, id = -1;
	int rc = -1;

	if (groups_put(o, name) == -1)
		return -1;
	space = H5Screate_simple(ndim, dim, NULL);
	make = layout(type, ndim, dim);
	if (space >= 0 && make >= 0)
		id = H5Dcreate2(o->file, name, type, space, H5P_DEFAULT, make,
		    H5P_DEFAULT);
	if (id >= 0) {
		rc = H5Dwrite(id, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
		if (H5Dclose(id) < 0)
			rc = -1;
	}
	rc = rc < 0 ? refused(o, name) : nf_h5_new_ok(o->new, o->err);
	H5Pclose(make);
	H5Sclose(space);
	return rc;
}

/* An empty list is not written. */
static int
strings_put(struct out *o, const char *name, const struct nf_list *l)
{
	struct nf_h5_text t;
	hsize_t n = l->n;
	int rc;

	if (n == 0)
		return 0;
	if (nf_h5_text_pack(&t, l, o->err) == -1)
		return -1;
	rc = data_put(o, name, t.type, t.type, 1, &n, t.x);
	nf_h5_text_free(&t);
	return rc;
}

/* ---- attributes ------------------------------------------------------- */

static int
attr_put(struct out *o, hid_t obj, const char *name, hid_t type, hid_t mem,
    const void *x)
{
	hid_t space = H5Screate(H5S_SCALAR), id = -1;
	int rc = -1;

	if (space >= 0)
		id = H5Acreate2(obj, name, type, space, H5P_DEFAULT,
		    H5P_DEFAULT);
	if (id >= 0 && H5Awrite(id, mem, x) >= 0)
		rc = 0;
	if (rc == -1)
		refused(o, name);
	H5Aclose(id);
	H5Sclose(space);
	return rc;
}

static int
attr_int(struct out *o, hid_t obj, const char *name, uint64_t v)
{
	int32_t small = (int32_t)v;

	if (v <= INT32_MAX)
		return attr_put(o, obj, name, H5T_STD_I32LE, H5T_NATIVE_INT32,
		    &small);
	return attr_put(o, obj, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &v);
}

static int
attr_double(struct out *o, hid_t obj, const char *name, double v)
{
	return attr_put(o, obj, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &v);
}

/*
 * Of fixed length: strings of variable length stand in a heap that has no
 * checksum, and libhdf5 1.10 can loop for ever in a damaged one.
 */
static int
attr_text(struct out *o, hid_t obj, const char *name, const char *s)
{
	const struct nf_list one = { .n = 1, .s = (char **)&s };
	struct nf_h5_text t;
	int rc;

	if (nf_h5_text_pack(&t, &one, o->err) == -1)
		return -1;
	rc = attr_put(o, obj, name, t.type, t.type, t.x);
	nf_h5_text_free(&t);
	return rc;
}

/* ---- the parts of a model --------------------------------------------- */

static int
root_put(struct out *o, const struct nf_model *m)
{
	if (attr_text(o, o->file, "format", NF_MODEL_FORMAT) == -1 ||
	    attr_int(o, o->file, "version", NF_MODEL_VERSION) == -1 ||
	    (m->config != NULL &&
	    attr_text(o, o->file, "config", m->config) == -1))
		return -1;
	return m->created_by == NULL ? 0 :
	    attr_text(o, o->file, "created_by", m->created_by);
}

/* The members of base that table names, as attributes of the group name. */
static int
fields_put(struct out *o, const char *name, const struct nf_model_field *f,
    const void *base)
{
	hid_t id = H5Gopen2(o->file, name, H5P_DEFAULT);
	const void *v;
	int rc = 0;

	if (id < 0)
		return refused(o, name);
	for (; f->name != NULL && rc == 0; f++) {
		v = (const char *)base + f->offset;
		rc = f->type == NF_FIELD_DOUBLE ?
		    attr_double(o, id, f->name, *(const double *)v) :
		    attr_int(o, id, f->name, f->type == NF_FIELD_U64 ?
		    *(const uint64_t *)v : *(const uint32_t *)v);
	}
	H5Gclose(id);
	return rc;
}

static int
shape_put(struct out *o, const struct nf_shape *s)
{
	hid_t id;
	int rc;

	if (fields_put(o, "/flow", nf_model_shape, s) == -1)
		return -1;
	id = H5Gopen2(o->file, "/flow", H5P_DEFAULT);
	if (id < 0)
		return refused(o, "/flow");
	rc = attr_text(o, id, "activation", nf_act_name(s->activation));
	H5Gclose(id);
	return rc;
}

static int
perm_put(struct out *o, const struct nf_flow *f, uint32_t i)
{
	hsize_t d = f->shape.features;
	char name[NF_MODEL_PATH];

	nf_model_perm_path(name, f, i);
	return data_put(o, name, H5T_STD_I32LE, H5T_NATIVE_INT32, 1, &d,
	    f->perm + i * d);
}

/* x, an array of the flow's shape, as the tree of tensors below root. */
static int
tensors_put(struct out *o, const char *root, const struct nf_flow *f,
    const float *x, int stats)
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
		if (data_put(o, name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT,
		    (int)t->ndim, dim, x + t->offset) == -1)
			return -1;
	}
	return 0;
}

static int
flow_put(struct out *o, const struct nf_flow *f)
{
	uint32_t i;

	for (i = 0; i <= f->shape.steps; i++)
		if (perm_put(o, f, i) == -1)
			return -1;
	if (shape_put(o, &f->shape) == -1)
		return -1;
	return tensors_put(o, "/flow", f, f->param, 1);
}

static int
history_put(struct out *o, const struct nf_history *h)
{
	const struct nf_list names = {
		.n = NF_HISTORY_NCOL, .s = (char **)nf_history_column
	};
	hsize_t dim[2] = { h->nrow, NF_HISTORY_NCOL };
	hid_t id;
	int rc;

	if (h->nrow == 0)
		return 0;
	if (data_put(o, "/history", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 2, dim,
	    h->row) == -1)
		return -1;
	id = H5Dopen2(o->file, "/history", H5P_DEFAULT);
	if (id < 0)
		return refused(o, "/history");
	rc = nf_h5_attr_write(id, "columns", &names, o->err);
	H5Dclose(id);
	return rc == -1 ? nf_fail_in(o->err, "%s: /history", o->path) : 0;
}

static int
train_put(struct out *o, const struct nf_model *m)
{
	const struct nf_train_state *st = &m->state;

	if (groups_put(o, "/train/") == -1 ||
	    fields_put(o, "/train", nf_model_train, m) == -1 ||
	    tensors_put(o, "/train/adam_m", m->flow, st->adam_m, 0) == -1)
		return -1;
	return tensors_put(o, "/train/adam_v", m->flow, st->adam_v, 0);
}

int
nf_model_write(const struct nf_model *m, const char *path,
    struct nf_err *err)
{
	struct out o = { .path = path, .err = err };
	int train = m->has_train && m->state.adam_m != NULL;

	if (nf_flow_check(m->flow, err) == -1 ||
	    (train && nf_model_moments_check(m, err) == -1))
		return nf_fail_in(err, "%s: not written", path);
	if (nf_h5_new_begin(&o.new, path, err) == -1)
		return -1;
	o.file = nf_h5_new_file(o.new);
	if (root_put(&o, m) == 0 && flow_put(&o, m->flow) == 0 &&
	    strings_put(&o, "/columns/context", &m->context) == 0 &&
	    strings_put(&o, "/columns/target", &m->target) == 0 &&
	    strings_put(&o, "/prep", &m->prep) == 0 &&
	    history_put(&o, &m->history) == 0 &&
	    (!train || train_put(&o, m) == 0))
		return nf_h5_new_commit(o.new, err);
	nf_h5_new_abort(o.new);
	return -1;
}
