/* Checked reading of a model file's attributes and datasets. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "modelin.h"

int
nf_model_exists(const struct nf_model_in *in, const char *name)
{
	char part[NF_MODEL_PATH];
	size_t n;

	for (n = 1; ; n++) {
		if (name[n] != '/' && name[n] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)n, name);
		if (H5Lexists(in->file, part, H5P_DEFAULT) <= 0)
			return 0;
		if (name[n] == '\0')
			return 1;
	}
}

/* ---- attributes ------------------------------------------------------- */

/* Open attr of obj, which must be one number. */
static int
number_open(const struct nf_model_in *in, hid_t obj, const char *name,
    const char *attr, hid_t *id, hid_t *type)
{
	hid_t space;
	hssize_t n;
	char words[64];
	htri_t there = H5Aexists(obj, attr);

	*id = *type = -1;
	if (there == 0)
		return 0;
	*id = H5Aopen(obj, attr, H5P_DEFAULT);
	if (*id < 0 || (*type = H5Aget_type(*id)) < 0)
		return nf_h5_fail(in->err, "%s: %s: attribute %s: cannot "
		    "read it", in->path, name, attr);
	space = H5Aget_space(*id);
	n = H5Sget_simple_extent_npoints(space);
	H5Sclose(space);
	switch (H5Tget_class(*type)) {
	case H5T_INTEGER:
	case H5T_ENUM:			/* h5py's bool */
	case H5T_FLOAT:
		if (n == 1)
			return 1;
		return nf_fail(in->err, NF_EDATA, "%s: %s: attribute %s: %lld "
		    "numbers, want one", in->path, name, attr, (long long)n);
	default:
		nf_h5_type_words(*type, words, sizeof(words));
		return nf_fail(in->err, NF_EDATA, "%s: %s: attribute %s: %s, "
		    "want a number", in->path, name, attr, words);
	}
}

/* A number as it was found: exact as an integer, where it is one. */
struct number {
	double x;
	uint64_t u;
	bool natural;			/* u says it: an integer of 0 or more */
};

static int
number_read(hid_t id, hid_t type, struct number *v)
{
	H5T_class_t class = H5Tget_class(type);
	int64_t i;

	if (class == H5T_FLOAT) {
		if (H5Aread(id, H5T_NATIVE_DOUBLE, &v->x) < 0)
			return -1;
		v->natural = v->x >= 0 && v->x <= 0x1p53 &&
		    v->x == floor(v->x);
		v->u = v->natural ? (uint64_t)v->x : 0;
	} else if (class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE) {
		if (H5Aread(id, H5T_NATIVE_UINT64, &v->u) < 0)
			return -1;
		v->natural = true;
		v->x = (double)v->u;
	} else {
		if (H5Aread(id, H5T_NATIVE_INT64, &i) < 0)
			return -1;
		v->natural = i >= 0;
		v->u = (uint64_t)i;
		v->x = (double)i;
	}
	return 0;
}

/* Keep it as the field wants it; else says what that is. */
static const char *
number_keep(const struct number *v, const struct nf_model_field *field,
    void *to)
{
	switch (field->type) {
	case NF_FIELD_DOUBLE:
		if (!isfinite(v->x))
			return "a finite number";
		*(double *)to = v->x;
		break;
	case NF_FIELD_U64:
		if (!v->natural)
			return "an integer of 0 to 18446744073709551615";
		*(uint64_t *)to = v->u;
		break;
	case NF_FIELD_U32:
		if (!v->natural || v->u > UINT32_MAX)
			return "an integer of 0 to 4294967295";
		*(uint32_t *)to = (uint32_t)v->u;
		break;
	}
	return NULL;
}

int
nf_model_number(const struct nf_model_in *in, hid_t obj, const char *name,
    const struct nf_model_field *field, void *to)
{
	struct number v;
	const char *want;
	hid_t id, type;
	int rc;

	rc = number_open(in, obj, name, field->name, &id, &type);
	if (rc == 1 && number_read(id, type, &v) == -1)
		rc = nf_h5_fail(in->err, "%s: %s: attribute %s: cannot read "
		    "it", in->path, name, field->name);
	else if (rc == 1 && (want = number_keep(&v, field, to)) != NULL)
		rc = nf_fail(in->err, NF_EDATA, "%s: %s: attribute %s: %.17g, "
		    "want %s", in->path, name, field->name, v.x, want);
	H5Tclose(type);
	H5Aclose(id);
	return rc;
}

int
nf_model_fields(const struct nf_model_in *in, const char *name,
    const struct nf_model_field *table, void *base)
{
	const struct nf_model_field *f;
	hid_t obj = H5Oopen(in->file, name, H5P_DEFAULT);
	int rc = 1;

	if (obj < 0)
		return nf_h5_fail(in->err, "%s: %s: cannot open it",
		    in->path, name);
	for (f = table; f->name != NULL && rc != -1; f++) {
		rc = nf_model_number(in, obj, name, f,
		    (char *)base + f->offset);
		if (rc == 0 && !f->optional)
			rc = nf_fail(in->err, NF_EDATA, "%s: %s: attribute %s: "
			    "missing, want a number", in->path, name, f->name);
	}
	H5Oclose(obj);
	return rc == -1 ? -1 : 1;
}

int
nf_model_string(const struct nf_model_in *in, hid_t obj, const char *name,
    const char *attr, char **s)
{
	struct nf_list l = { 0, NULL };
	int rc = -1;

	*s = NULL;
	if (nf_h5_attr_read(obj, attr, &l, in->err) == -1)
		nf_fail_in(in->err, "%s: %s", in->path, name);
	else if (l.n == 0)
		rc = 0;
	else if (l.n > 1)
		nf_fail(in->err, NF_EDATA, "%s: %s: attribute %s: %u strings, "
		    "want one", in->path, name, attr, l.n);
	else if ((*s = nf_strdup(l.s[0], in->err)) != NULL)
		rc = 1;
	nf_list_free(&l);
	return rc;
}

/* ---- datasets --------------------------------------------------------- */

/* "44 x 4 float32": what was found, and what is wanted. */
static void
words_found(hid_t type, hid_t space, char *buf, size_t n)
{
	char of[64], shape[128];

	nf_h5_type_words(type, of, sizeof(of));
	nf_h5_shape_words(space, shape, sizeof(shape));
	snprintf(buf, n, "%s %s", shape, of);
}

static void
words_wanted(hid_t mem, int ndim, const hsize_t *dim, char *buf, size_t n)
{
	char of[64];

	nf_h5_type_words(mem, of, sizeof(of));
	if (ndim == 2)
		snprintf(buf, n, "%llu x %llu %s", (unsigned long long)dim[0],
		    (unsigned long long)dim[1], of);
	else
		snprintf(buf, n, "%llu %s", (unsigned long long)dim[0], of);
}

/* The dataset has this shape, and numbers of this class. */
static int
fits(hid_t type, hid_t space, H5T_class_t class, int ndim,
    const hsize_t *dim)
{
	hsize_t found[H5S_MAX_RANK];

	return H5Tget_class(type) == class &&
	    H5Sget_simple_extent_ndims(space) == ndim &&
	    H5Sget_simple_extent_dims(space, found, NULL) == ndim &&
	    memcmp(found, dim, (size_t)ndim * sizeof(*dim)) == 0;
}

static hid_t
data_open(const struct nf_model_in *in, const char *name, const char *want)
{
	hid_t id = H5Dopen2(in->file, name, H5P_DEFAULT);

	if (id >= 0)
		return id;
	if (!nf_model_exists(in, name))
		return nf_fail(in->err, NF_EDATA, "%s: %s: missing, want %s",
		    in->path, name, want);
	id = H5Dopen2(in->file, name, H5P_DEFAULT);	/* for its reason */
	if (id < 0)
		nf_h5_fail(in->err, "%s: %s: cannot open it", in->path, name);
	return id;
}

int
nf_model_data(const struct nf_model_in *in, const char *name,
    hid_t mem, int ndim, const hsize_t *dim, void *x)
{
	hid_t id, type = -1, space = -1;
	char want[128], found[192];
	int rc = -1;

	words_wanted(mem, ndim, dim, want, sizeof(want));
	id = data_open(in, name, want);
	if (id < 0)
		return -1;
	if ((type = H5Dget_type(id)) < 0 || (space = H5Dget_space(id)) < 0)
		nf_h5_fail(in->err, "%s: %s: cannot open it", in->path, name);
	else if (!fits(type, space, H5Tget_class(mem), ndim, dim)) {
		words_found(type, space, found, sizeof(found));
		nf_fail(in->err, NF_EDATA, "%s: %s: %s, want %s", in->path,
		    name, found, want);
	} else if (nf_fault(NF_FAULT_READ))
		nf_fail(in->err, NF_ESYS, "%s: %s: cannot read it: %s",
		    in->path, name, strerror(EIO));
	else if (H5Dread(id, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) < 0)
		nf_h5_fail(in->err, "%s: %s: cannot read it", in->path, name);
	else
		rc = 0;
	H5Sclose(space);
	H5Tclose(type);
	H5Dclose(id);
	return rc;
}

int
nf_model_strings(const struct nf_model_in *in, const char *name,
    struct nf_list *l)
{
	hid_t id;
	int rc;

	if (!nf_model_exists(in, name))
		return 0;
	id = data_open(in, name, "strings");
	if (id < 0)
		return -1;
	rc = nf_h5_strings_read(id, l, in->err);
	H5Dclose(id);
	return rc == -1 ? nf_fail_in(in->err, "%s: %s", in->path, name) : 1;
}
