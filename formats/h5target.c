/* The file that a table is written to: its datasets and attributes. */
#include <string.h>

#include "h5.h"
#include "h5new.h"
#include "stream.h"

#define GROUP_BAND	(16u << 20)	/* bytes of a chunk of every column */

/* ---- property lists --------------------------------------------------- */

/* Times would make files of the same rows differ. */
static hid_t
dataset_plist(const struct nf_h5_target *t, int gzip, struct nf_err *err)
{
	hsize_t chunk[2] = { t->chunk_rows, t->ncol };
	hid_t p = H5Pcreate(H5P_DATASET_CREATE);

	if (p >= 0 && H5Pset_chunk(p, t->group ? 1 : 2, chunk) >= 0 &&
	    H5Pset_obj_track_times(p, false) >= 0 &&
	    (gzip == 0 || (H5Pset_shuffle(p) >= 0 &&
	    H5Pset_deflate(p, (unsigned)gzip) >= 0)))
		return p;
	nf_h5_fail(err, "cannot describe the dataset");
	if (p >= 0)
		H5Pclose(p);
	return -1;
}

static hid_t
group_plist(struct nf_err *err)
{
	hid_t p = H5Pcreate(H5P_GROUP_CREATE);

	if (p >= 0 && H5Pset_obj_track_times(p, false) >= 0 &&
	    H5Pset_link_creation_order(p, H5P_CRT_ORDER_TRACKED |
	    H5P_CRT_ORDER_INDEXED) >= 0)
		return p;
	nf_h5_fail(err, "cannot describe the group");
	if (p >= 0)
		H5Pclose(p);
	return -1;
}

/* ---- creating --------------------------------------------------------- */

/* One dataset below where, of no rows yet. */
static hid_t
create_dataset(const struct nf_h5_target *t, hid_t where, const char *name,
    enum nf_type type, hid_t plist, struct nf_err *err)
{
	hsize_t now[2] = { 0, t->ncol }, most[2] = { H5S_UNLIMITED, t->ncol };
	hid_t id = -1, space = H5Screate_simple(t->group ? 1 : 2, now, most);

	if (space < 0 || (id = H5Dcreate2(where, name, type == NF_F32 ?
	    H5T_IEEE_F32LE : H5T_IEEE_F64LE, space, H5P_DEFAULT, plist,
	    H5P_DEFAULT)) < 0)
		nf_h5_fail(err, "cannot create the dataset");
	if (space >= 0)
		H5Sclose(space);
	return id;
}

/* Create the groups of path, a/b/c, each within the last; cuts path up. */
static hid_t
create_groups(hid_t file, char *path, struct nf_err *err)
{
	hid_t plist = group_plist(err), id, next;
	char *name, *rest = NULL;

	if (plist < 0)
		return -1;
	if ((id = H5Gopen2(file, "/", H5P_DEFAULT)) < 0)
		nf_h5_fail(err, "cannot open the root");
	for (name = strtok_r(path, "/", &rest); name != NULL && id >= 0;
	    name = strtok_r(NULL, "/", &rest)) {
		next = H5Gcreate2(id, name, H5P_DEFAULT, plist, H5P_DEFAULT);
		if (next < 0)
			nf_h5_fail(err, "cannot create the group %s", name);
		H5Gclose(id);
		id = next;
	}
	H5Pclose(plist);
	return id;
}

static int
write_attributes(hid_t obj, const struct nf_schema *s, bool group,
    struct nf_err *err)
{
	if ((!group && nf_h5_attr_write(obj, "columns", &s->column,
	    err) == -1) || nf_h5_attr_write(obj, "prep", &s->prep, err) == -1)
		return -1;
	return nf_h5_attr_write(obj, "note", &s->note, err);
}

static int
create_columns(struct nf_h5_target *t, char *path, const struct nf_schema *s,
    hid_t plist, struct nf_err *err)
{
	hid_t group = create_groups(t->file, path, err);
	const char *column;
	uint32_t k;
	int rc = group < 0 ? -1 : write_attributes(group, s, true, err);

	for (k = 0; k < t->n && rc == 0; k++) {
		column = s->column.s[k];
		if (strchr(column, '/') != NULL || strcmp(column, ".") == 0)
			rc = nf_fail(err, NF_EDATA, "column \"%s\" cannot be "
			    "the name of a dataset", column);
		else if ((t->dataset[k] = create_dataset(t, group, column,
		    s->type, plist, err)) < 0)
			rc = -1;
	}
	if (group >= 0)
		H5Gclose(group);
	return rc;
}

static int
create_table(struct nf_h5_target *t, char *path, const struct nf_schema *s,
    hid_t plist, struct nf_err *err)
{
	char *slash = strrchr(path, '/'), *leaf = slash == NULL ? path :
	    slash + 1;
	char none[1] = "";
	hid_t group;

	if (*leaf == '\0')
		return nf_fail(err, NF_EUSE, "is a group and cannot be a "
		    "dataset");
	if (slash != NULL)
		*slash = '\0';
	group = create_groups(t->file, slash == NULL ? none : path, err);
	if (group < 0)
		return -1;
	t->dataset[0] = create_dataset(t, group, leaf, s->type, plist, err);
	H5Gclose(group);
	return t->dataset[0] < 0 ? -1 :
	    write_attributes(t->dataset[0], s, false, err);
}

/* About 1 MiB, but no more than there is. */
static uint64_t
chunk_rows(const struct nf_schema *s, bool group)
{
	size_t size = nf_type_size(s->type);
	uint64_t n = group ? GROUP_BAND / (s->column.n * size) :
	    nf_frame_rows(s);

	if (group && n > (1u << 20) / size)
		n = (1u << 20) / size;
	if (n > s->nrow)
		n = s->nrow;
	return n == 0 ? 1 : n;
}

/* The datasets, with their names and notes, in a file that is open. */
static int
create(struct nf_h5_target *t, const char *dataset,
    const struct nf_schema *s, int gzip, struct nf_err *err)
{
	hid_t plist = dataset_plist(t, gzip, err);
	char *path = nf_strdup(dataset, err);
	int rc = -1;

	if (plist >= 0 && path != NULL)
		rc = t->group ? create_columns(t, path, s, plist, err) :
		    create_table(t, path, s, plist, err);
	nf_free(path);
	if (plist >= 0)
		H5Pclose(plist);
	return rc;
}

int
nf_h5_target_open(struct nf_h5_target *t, const char *path,
    const char *dataset, const struct nf_schema *s, bool group, int gzip,
    struct nf_err *err)
{
	t->path = path;
	t->group = group;
	t->n = group ? s->column.n : 1;
	t->ncol = group ? 1 : s->column.n;
	t->chunk_rows = chunk_rows(s, group);
	t->dataset = nf_alloc(t->n, sizeof(*t->dataset), "columns", err);
	if (t->dataset == NULL || nf_h5_new_begin(&t->new, path, err) == -1)
		return -1;
	t->file = nf_h5_new_file(t->new);
	if (create(t, dataset, s, gzip, err) == -1)
		return nf_fail_in(err, "%s:%s", path, dataset);
	return nf_h5_new_ok(t->new, err);
}

/* ---- writing ---------------------------------------------------------- */

int
nf_h5_target_write(const struct nf_h5_target *t, uint32_t k, uint64_t row,
    uint64_t nrow, const void *chunk, size_t nbyte, bool undeflated,
    struct nf_err *err)
{
	hsize_t at[2] = { row, 0 }, extent[2] = { row + nrow, t->ncol };
	uint32_t skipped = undeflated ? 1u << 1 : 0;

	if (H5Dset_extent(t->dataset[k], extent) < 0 ||
	    H5Dwrite_chunk(t->dataset[k], H5P_DEFAULT, skipped, at, nbyte,
	    chunk) < 0)
		return nf_h5_fail(err, "%s: cannot write", t->path);
	return nf_h5_new_ok(t->new, err);
}

static void
close_datasets(struct nf_h5_target *t)
{
	uint32_t k;

	for (k = 0; t->dataset != NULL && k < t->n; k++)
		if (t->dataset[k] > 0)
			H5Dclose(t->dataset[k]);
	nf_free(t->dataset);
	t->dataset = NULL;
}

int
nf_h5_target_end(struct nf_h5_target *t, struct nf_err *err)
{
	struct nf_h5_new *new = t->new;

	close_datasets(t);
	t->new = NULL;
	return nf_h5_new_commit(new, err);
}

void
nf_h5_target_close(struct nf_h5_target *t)
{
	close_datasets(t);
	nf_h5_new_abort(t->new);
	t->new = NULL;
}
