/* A table within one HDF5 file: a dataset, or a group of columns. */
#include <string.h>

#include "h5.h"

#define MAX_MEMBER	(4 * NF_MAX_COLS)	/* links of a group */

/* ---- opening ---------------------------------------------------------- */

/* Notes are for people: what is not a line of text is left out. */
static int
read_notes(struct nf_h5_source *s, hid_t obj, struct nf_err *err)
{
	struct nf_list l = { 0, NULL };
	uint32_t i;
	int rc = 0;

	if (nf_h5_attr_read(obj, "note", &l, NULL) == 0)
		for (i = 0; i < l.n && rc == 0; i++)
			if (nf_line_check(l.s[i], NULL) == 0)
				rc = nf_list_add(&s->schema.note, l.s[i], err);
	nf_list_free(&l);
	return rc;
}

/* Names from the attribute, else c0, c1, ..; a lone column has its path's. */
static int
name_columns(struct nf_h5_source *s, hid_t obj, const char *dataset,
    struct nf_err *err)
{
	struct nf_list *l = &s->schema.column;
	const char *base = strrchr(dataset, '/');
	char name[16];
	uint32_t j;

	if (nf_h5_attr_read(obj, "columns", l, err) == -1)
		return -1;
	if (l->n == 0 && s->part[0].rank == 1)
		return nf_list_add(l, base == NULL ? dataset : base + 1, err);
	if (l->n != 0 && l->n != s->part[0].ncol)
		return nf_fail(err, NF_EDATA, "attribute columns has %u names "
		    "for %u columns", l->n, s->part[0].ncol);
	for (j = l->n; j < s->part[0].ncol; j++) {
		snprintf(name, sizeof(name), "c%u", j);
		if (nf_list_add(l, name, err) == -1)
			return -1;
	}
	return 0;
}

/* obj is the source's from here on. */
static int
open_dataset(struct nf_h5_source *s, hid_t obj, const char *dataset,
    struct nf_err *err)
{
	s->part = nf_alloc(1, sizeof(*s->part), "a dataset", err);
	if (s->part == NULL) {
		H5Oclose(obj);
		return -1;
	}
	s->npart = 1;
	if (nf_h5_part_open(s->part, obj, s->file, err) == -1)
		return -1;
	s->schema.nrow = s->part->nrow;
	return name_columns(s, obj, dataset, err);
}

/* ---- groups ----------------------------------------------------------- */

static herr_t
add_name(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
	(void)group;
	(void)info;
	return nf_list_add(arg, name, NULL);
}

/* The links' names: in the order of creation where that is known. */
static int
list_members(hid_t group, struct nf_list *l, struct nf_err *err)
{
	hid_t plist = H5Gget_create_plist(group);
	unsigned order = 0;
	H5G_info_t info;
	int rc = -1;

	if (plist >= 0)
		H5Pget_link_creation_order(plist, &order);
	if (H5Gget_info(group, &info) < 0)
		nf_h5_fail(err, "cannot read the group");
	else if (info.nlinks > MAX_MEMBER)
		nf_fail(err, NF_EDATA, "a group of %llu members, want at most "
		    "%d", (unsigned long long)info.nlinks, MAX_MEMBER);
	else if (H5Literate(group, order & H5P_CRT_ORDER_TRACKED ?
	    H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, NULL, add_name,
	    l) < 0)
		nf_h5_fail(err, "cannot list the group");
	else
		rc = 0;
	if (plist >= 0)
		H5Pclose(plist);
	return rc;
}

static bool
is_column(hid_t obj)
{
	hid_t space;
	int rank;

	if (H5Iget_type(obj) != H5I_DATASET)
		return false;
	space = H5Dget_space(obj);
	rank = H5Sget_simple_extent_ndims(space);
	H5Sclose(space);
	return rank == 1;
}

/* A member that is a 1-D dataset is the next column; others are no part. */
static int
add_member(struct nf_h5_source *s, hid_t group, const char *name,
    struct nf_err *err)
{
	struct nf_h5_part *p = &s->part[s->npart];
	hid_t obj = H5Oopen(group, name, H5P_DEFAULT);

	if (obj < 0)
		return nf_h5_fail(err, "cannot open it");
	if (!is_column(obj)) {
		H5Oclose(obj);
		return 0;
	}
	p->first = s->npart++;
	if (nf_h5_part_open(p, obj, s->file, err) == -1 ||
	    nf_list_add(&s->schema.column, name, err) == -1)
		return -1;
	if (p->nrow != s->part[0].nrow)
		return nf_fail(err, NF_EDATA, "%llu rows, but %s has %llu; "
		    "want columns of equal length",
		    (unsigned long long)p->nrow, s->schema.column.s[0],
		    (unsigned long long)s->part[0].nrow);
	if (s->npart > NF_MAX_COLS)
		return nf_fail(err, NF_EDATA, "more than %d columns",
		    NF_MAX_COLS);
	return 0;
}

static int
open_group(struct nf_h5_source *s, hid_t group, struct nf_err *err)
{
	struct nf_list name = { 0, NULL };
	char words[512];
	uint32_t i;
	int rc;

	rc = list_members(group, &name, err);
	if (rc == 0) {
		s->part = nf_alloc(name.n, sizeof(*s->part), "columns", err);
		rc = s->part == NULL ? -1 : 0;
	}
	for (i = 0; i < name.n && rc == 0; i++)
		if ((rc = add_member(s, group, name.s[i], err)) == -1)
			nf_fail_in(err, "%s", name.s[i]);
	nf_list_free(&name);
	if (rc == -1)
		return -1;
	if (s->npart == 0) {
		nf_h5_contents(group, words, sizeof(words));
		return nf_fail(err, NF_EDATA, "no 1-D datasets in this group, "
		    "which holds %s", words);
	}
	s->schema.nrow = s->part[0].nrow;
	return 0;
}

/* ---- both ------------------------------------------------------------- */

static int
open_object(struct nf_h5_source *s, const char *dataset, struct nf_err *err)
{
	htri_t known = H5Lexists(s->file, dataset, H5P_DEFAULT);
	hid_t obj = H5Oopen(s->file, dataset, H5P_DEFAULT);
	H5I_type_t type;
	char words[768];
	int rc = -1;

	if (obj < 0 && known > 0)
		return nf_h5_fail(err, "cannot open it");
	if (obj < 0) {
		nf_h5_contents(s->file, words, sizeof(words));
		return nf_fail(err, NF_EDATA, "not in this file, which holds "
		    "%s (h5cols -d chooses)", words);
	}
	type = H5Iget_type(obj);
	if (nf_h5_attr_read(obj, "prep", &s->schema.prep, err) == -1 ||
	    read_notes(s, obj, err) == -1)
		H5Oclose(obj);
	else if (type == H5I_DATASET)
		rc = open_dataset(s, obj, dataset, err);
	else {
		if (type == H5I_GROUP)
			rc = open_group(s, obj, err);
		else
			nf_fail(err, NF_EDATA, "neither a dataset nor a group");
		H5Oclose(obj);
	}
	return rc;
}

int
nf_h5_source_open(struct nf_h5_source **out, const char *file,
    const char *dataset, struct nf_err *err)
{
	struct nf_h5_source *s = nf_alloc(1, sizeof(*s), "a file", err);
	uint32_t i;

	*out = s;
	if (s == NULL)
		return -1;
	if ((s->file = nf_h5_open_file(file, err)) == -1)
		goto fail;
	if (open_object(s, dataset, err) == -1 ||
	    nf_schema_check(&s->schema, err) == -1) {
		nf_fail_in(err, "%s:%s", file, dataset);
		goto fail;
	}
	for (i = 0; i < s->npart; i++)
		if (s->part[i].elem.wide)
			s->schema.type = NF_F64;
	return 0;
fail:
	nf_h5_source_close(s);
	*out = NULL;
	return -1;
}

void
nf_h5_source_close(struct nf_h5_source *s)
{
	uint32_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->npart; i++)
		nf_h5_part_close(&s->part[i]);
	nf_free(s->part);
	nf_free(s->room);
	nf_schema_free(&s->schema);
	if (s->file > 0)
		H5Fclose(s->file);
	nf_free(s);
}
