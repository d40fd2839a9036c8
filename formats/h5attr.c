/* Lists of strings in HDF5, as attributes and as datasets. */
#include <string.h>

#include "h5.h"

/* Add n bytes at s, without their padding. */
static int
add_text(struct nf_list *l, const char *s, size_t n, bool spaces,
    struct nf_err *err)
{
	char *p;
	int rc;

	n = strnlen(s, n);
	while (spaces && n > 0 && s[n - 1] == ' ')
		n--;
	if ((p = nf_alloc(n + 1, 1, "text", err)) == NULL)
		return -1;
	memcpy(p, s, n);
	rc = nf_list_add(l, p, err);
	nf_free(p);
	return rc;
}

static herr_t
read_bytes(hid_t id, hid_t type, void *p)
{
	return H5Iget_type(id) == H5I_ATTR ? H5Aread(id, type, p) :
	    H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, p);
}

static int
read_fixed(hid_t id, hid_t type, size_t n, struct nf_list *l,
    struct nf_err *err)
{
	size_t i, size = H5Tget_size(type);
	bool spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
	char *p;
	int rc = -1;

	if (size == 0 || size > NF_H5_MAX_TEXT / (n == 0 ? 1 : n))
		return nf_fail(err, NF_EDATA, "%zu strings of %zu bytes are "
		    "more than %u bytes", n, size, NF_H5_MAX_TEXT);
	if ((p = nf_alloc(n * size, 1, "text", err)) == NULL)
		return -1;
	if (read_bytes(id, type, p) < 0)
		nf_h5_fail(err, "cannot read it");
	else
		for (i = 0, rc = 0; i < n && rc == 0; i++)
			rc = add_text(l, p + i * size, size, spaces, err);
	nf_free(p);
	return rc;
}

static int
read_variable(hid_t id, hid_t type, hid_t space, size_t n,
    struct nf_list *l, struct nf_err *err)
{
	char **p = nf_alloc(n, sizeof(*p), "text", err);
	size_t i;
	int rc = -1;

	if (p == NULL)
		return -1;
	if (read_bytes(id, type, p) < 0)
		nf_h5_fail(err, "cannot read it");
	else {
		for (i = 0, rc = 0; i < n && rc == 0; i++)
			rc = p[i] == NULL ? nf_list_add(l, "", err) :
			    add_text(l, p[i], strlen(p[i]), false, err);
		H5Dvlen_reclaim(type, space, H5P_DEFAULT, p);
	}
	nf_free(p);
	return rc;
}

int
nf_h5_strings_read(hid_t id, struct nf_list *l, struct nf_err *err)
{
	bool is_attr = H5Iget_type(id) == H5I_ATTR;
	hid_t type = is_attr ? H5Aget_type(id) : H5Dget_type(id);
	hid_t space = is_attr ? H5Aget_space(id) : H5Dget_space(id);
	hssize_t n = H5Sget_simple_extent_npoints(space);
	char words[64];
	int rc = -1;

	if (type < 0 || n < 0)
		nf_h5_fail(err, "cannot read it");
	else if (n == 0)
		rc = 0;			/* of whatever type */
	else if (H5Tget_class(type) != H5T_STRING) {
		nf_h5_type_words(type, words, sizeof(words));
		nf_fail(err, NF_EDATA, "holds %s, want strings", words);
	} else if (n > NF_MAX_COLS)
		nf_fail(err, NF_EDATA, "holds %lld strings, want at most %d",
		    (long long)n, NF_MAX_COLS);
	else if (H5Tis_variable_str(type) > 0)
		rc = read_variable(id, type, space, (size_t)n, l, err);
	else
		rc = read_fixed(id, type, (size_t)n, l, err);
	if (type >= 0)
		H5Tclose(type);
	if (space >= 0)
		H5Sclose(space);
	return rc;
}

int
nf_h5_attr_read(hid_t obj, const char *name, struct nf_list *l,
    struct nf_err *err)
{
	hid_t attr;
	int rc;

	if (H5Aexists(obj, name) == 0)
		return 0;
	if ((attr = H5Aopen(obj, name, H5P_DEFAULT)) < 0)
		return nf_h5_fail(err, "attribute %s: cannot open it", name);
	rc = nf_h5_strings_read(attr, l, err);
	H5Aclose(attr);
	return rc == 0 ? 0 : nf_fail_in(err, "attribute %s", name);
}

int
nf_h5_text_pack(struct nf_h5_text *t, const struct nf_list *l,
    struct nf_err *err)
{
	size_t size = 1;
	uint32_t i;

	for (i = 0; i < l->n; i++)
		if (strlen(l->s[i]) > size)
			size = strlen(l->s[i]);
	t->type = -1;
	t->x = nf_alloc(l->n, size, "text", err);
	if (t->x == NULL)
		return -1;
	for (i = 0; i < l->n; i++)
		memcpy(t->x + i * size, l->s[i], strlen(l->s[i]));
	if ((t->type = H5Tcopy(H5T_C_S1)) >= 0 &&
	    H5Tset_size(t->type, size) >= 0 &&
	    H5Tset_strpad(t->type, H5T_STR_NULLPAD) >= 0 &&
	    H5Tset_cset(t->type, H5T_CSET_UTF8) >= 0)
		return 0;
	nf_h5_fail(err, "cannot describe text");
	nf_h5_text_free(t);
	return -1;
}

void
nf_h5_text_free(struct nf_h5_text *t)
{
	if (t->type >= 0)
		H5Tclose(t->type);
	nf_free(t->x);
}

int
nf_h5_attr_write(hid_t obj, const char *name, const struct nf_list *l,
    struct nf_err *err)
{
	hsize_t n = l->n;
	hid_t attr = -1, space = -1;
	struct nf_h5_text t;
	int rc = -1;

	if (l->n == 0)
		return 0;
	if (nf_h5_text_pack(&t, l, err) == -1)
		return -1;
	if ((space = H5Screate_simple(1, &n, NULL)) >= 0 &&
	    (attr = H5Acreate2(obj, name, t.type, space, H5P_DEFAULT,
	    H5P_DEFAULT)) >= 0 && H5Awrite(attr, t.type, t.x) >= 0)
		rc = 0;
	else
		nf_h5_fail(err, "attribute %s: cannot write it", name);
	if (attr >= 0)
		H5Aclose(attr);
	if (space >= 0)
		H5Sclose(space);
	nf_h5_text_free(&t);
	return rc;
}
