/*
 * h5edit FILE EDIT...: damage an HDF5 file, or write it as others would.
 *
 * delete PATH		unlink an object
 * rename PATH NEW	and a new name
 * only PATH		delete all other objects and the attributes of the root
 * group PATH		an empty group in its place
 * set PATH K VALUE	element K of a dataset, as a number (nan, inf)
 * shape PATH RxC	of this shape (N, RxC or scalar), elements kept
 * type PATH TYPE	of this type: f16 f32 f64 f32be i8 i32 i64 bool str vstr
 * gzip PATH		in small compressed chunks
 * names PATH A,B,..	a dataset of strings, as h5py writes them
 * retype PATH TYPE	type, for every dataset below PATH
 * int PATH NAME V, double PATH NAME V, bool, str, vstr PATH NAME V
 *			an attribute, replaced, as h5py writes it
 * ints PATH NAME N	an attribute of N zeros
 * unset PATH NAME	an attribute removed
 */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hid_t file;

static void
die(const char *what)
{
	fprintf(stderr, "h5edit: %s\n", what);
	exit(1);
}

static hid_t
want(hid_t id, const char *what)
{
	if (id < 0)
		die(what);
	return id;
}

/* What a type's name means: "f64", .. */
static hid_t
type_of(const char *name)
{
	const struct { const char *name; hid_t id; } table[] = {
		{ "f32", H5T_IEEE_F32LE }, { "f64", H5T_IEEE_F64LE },
		{ "f32be", H5T_IEEE_F32BE }, { "i8", H5T_STD_I8LE },
		{ "i32", H5T_STD_I32LE }, { "i64", H5T_STD_I64LE },
		{ "u64", H5T_STD_U64LE },
	};
	hid_t id;
	signed char v;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return H5Tcopy(table[i].id);
	if (strcmp(name, "f16") == 0) {		/* numpy's half */
		id = H5Tcopy(H5T_IEEE_F32LE);
		H5Tset_fields(id, 15, 10, 5, 0, 10);
		H5Tset_size(id, 2);
		H5Tset_ebias(id, 15);
		return want(id, name);
	}
	if (strcmp(name, "bool") == 0) {
		id = H5Tenum_create(H5T_STD_I8LE);
		H5Tenum_insert(id, "FALSE", (v = 0, &v));
		H5Tenum_insert(id, "TRUE", (v = 1, &v));
		return want(id, name);
	}
	id = H5Tcopy(H5T_C_S1);
	if (strcmp(name, "vstr") == 0)
		H5Tset_size(id, H5T_VARIABLE);
	else if (strcmp(name, "str") != 0)
		die(name);
	H5Tset_cset(id, H5T_CSET_UTF8);
	return id;
}

/* The elements of a dataset as doubles; *n of them. */
static double *
numbers(const char *path, size_t *n)
{
	hid_t id = want(H5Dopen2(file, path, H5P_DEFAULT), path);
	hid_t space = H5Dget_space(id);
	double *x;

	*n = (size_t)H5Sget_simple_extent_npoints(space);
	x = calloc(*n + 1, sizeof(*x));
	if (H5Tget_class(H5Dget_type(id)) != H5T_STRING)
		want(H5Dread(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL,
		    H5P_DEFAULT, x), path);
	H5Sclose(space);
	H5Dclose(id);
	return x;
}

/* Put a dataset at path, in place of what is there; n doubles are at x. */
static void
replace(const char *path, hid_t type, hid_t space, hid_t make,
    const double *x, size_t n)
{
	size_t total = (size_t)H5Sget_simple_extent_npoints(space);
	double *y = calloc(total + 1, sizeof(*y));
	hid_t id;

	memcpy(y, x, (n < total ? n : total) * sizeof(*y));
	want(H5Ldelete(file, path, H5P_DEFAULT), path);
	id = want(H5Dcreate2(file, path, type, space, H5P_DEFAULT, make,
	    H5P_DEFAULT), path);
	if (H5Tget_class(type) != H5T_STRING)
		want(H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL,
		    H5P_DEFAULT, y), path);
	H5Dclose(id);
	free(y);
}

static void
edit_shape(const char *path, const char *shape)
{
	hsize_t dim[2];
	int rank = sscanf(shape, "%llux%llu", (unsigned long long *)&dim[0],
	    (unsigned long long *)&dim[1]);
	hid_t id = want(H5Dopen2(file, path, H5P_DEFAULT), path), type;
	double *x;
	size_t n;

	type = H5Dget_type(id);
	H5Dclose(id);
	x = numbers(path, &n);
	replace(path, type, rank < 1 ? H5Screate(H5S_SCALAR) :
	    H5Screate_simple(rank, dim, NULL), H5P_DEFAULT, x, n);
	free(x);
}

static void
edit_type(const char *path, const char *type)
{
	hid_t id = want(H5Dopen2(file, path, H5P_DEFAULT), path);
	hid_t space = H5Dget_space(id), make = H5P_DEFAULT, old;
	double *x;
	hsize_t dim[2];
	size_t n;
	int i, rank = H5Sget_simple_extent_ndims(space);

	old = H5Dget_type(id);
	H5Dclose(id);
	x = numbers(path, &n);
	if (strcmp(type, "gzip") == 0) {
		H5Sget_simple_extent_dims(space, dim, NULL);
		for (i = 0; i < rank; i++)
			dim[i] = dim[i] / 2 + 1;
		make = H5Pcreate(H5P_DATASET_CREATE);
		H5Pset_chunk(make, rank, dim);
		H5Pset_shuffle(make);
		H5Pset_deflate(make, 4);
	}
	replace(path, make == H5P_DEFAULT ? type_of(type) : old, space, make,
	    x, n);
	free(x);
}

static void
edit_names(const char *path, char *names)
{
	const char *name[64];
	hid_t links = H5Pcreate(H5P_LINK_CREATE), id;
	hsize_t n = 0;
	char *s;

	for (s = strtok(names, ","); s != NULL && n < 64;
	    s = strtok(NULL, ","))
		name[n++] = s;
	H5Pset_create_intermediate_group(links, 1);
	H5Ldelete(file, path, H5P_DEFAULT);
	id = want(H5Dcreate2(file, path, type_of("vstr"),
	    H5Screate_simple(1, &n, NULL), links, H5P_DEFAULT, H5P_DEFAULT),
	    path);
	want(H5Dwrite(id, type_of("vstr"), H5S_ALL, H5S_ALL, H5P_DEFAULT,
	    name), path);
	H5Dclose(id);
}

static void
edit_set(const char *path, size_t k, double v)
{
	hid_t id;
	double *x;
	size_t n;

	x = numbers(path, &n);
	if (k >= n)
		die("no such element");
	x[k] = v;
	id = H5Dopen2(file, path, H5P_DEFAULT);
	want(H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
	    x), path);
	H5Dclose(id);
	free(x);
}

static herr_t
retype(hid_t group, const char *name, const H5L_info_t *info, void *type)
{
	hid_t id = H5Oopen(group, name, H5P_DEFAULT);
	H5I_type_t kind = H5Iget_type(id);
	char path[256];

	(void)info;
	H5Iget_name(id, path, sizeof(path));
	H5Oclose(id);
	if (kind == H5I_GROUP)
		H5Literate_by_name(file, path, H5_INDEX_NAME, H5_ITER_INC,
		    NULL, retype, type, H5P_DEFAULT);
	else if (strstr(path, "permutation") == NULL)
		edit_type(path, type);
	return 0;
}

static herr_t
drop(hid_t group, const char *name, const H5L_info_t *info, void *keep)
{
	(void)info;
	if (strcmp(name, (const char *)keep + 1) != 0)
		want(H5Ldelete(group, name, H5P_DEFAULT), name);
	return 0;
}

static void
edit_only(char *path)
{
	hsize_t at = 0;

	while (H5Adelete_by_idx(file, "/", H5_INDEX_NAME, H5_ITER_INC, 0,
	    H5P_DEFAULT) >= 0)
		;
	H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, &at, drop, path);
}

static void
edit_attr(const char *kind, const char *path, const char *name,
    const char *value)
{
	hid_t obj = want(H5Oopen(file, path, H5P_DEFAULT), path);
	hid_t type, space = H5Screate(H5S_SCALAR), id;
	hsize_t n = strtoull(value, NULL, 10);
	double v = strtod(value, NULL);
	long long i = strtoll(value, NULL, 0);

	type = type_of(strncmp(kind, "int", 3) == 0 ? "i64" :
	    strcmp(kind, "double") == 0 ? "f64" : kind);
	if (strcmp(kind, "str") == 0)
		H5Tset_size(type, strlen(value) + (*value == '\0'));
	if (strcmp(kind, "ints") == 0)
		space = H5Screate_simple(1, &n, NULL);
	if (H5Aexists(obj, name) > 0)
		H5Adelete(obj, name);
	id = want(H5Acreate2(obj, name, type, space, H5P_DEFAULT,
	    H5P_DEFAULT), name);
	if (strcmp(kind, "double") == 0)
		want(H5Awrite(id, H5T_NATIVE_DOUBLE, &v), name);
	else if (strcmp(kind, "vstr") == 0)
		want(H5Awrite(id, type, &value), name);
	else if (strcmp(kind, "str") == 0 || strcmp(kind, "bool") == 0)
		want(H5Awrite(id, type, *kind == 's' ? (const void *)value :
		    (const void *)&i), name);
	else if (strcmp(kind, "int") == 0)
		want(H5Awrite(id, H5T_NATIVE_LLONG, &i), name);
	H5Aclose(id);
	H5Oclose(obj);
}

/* One edit; returns how many words it took. */
static int
edit(char *word[])
{
	hid_t id;

	if (word[1] == NULL)
		die("an edit without a path");
	if (strcmp(word[0], "delete") == 0) {
		want(H5Ldelete(file, word[1], H5P_DEFAULT), word[1]);
		return 2;
	}
	if (strcmp(word[0], "only") == 0) {
		edit_only(word[1]);
		return 2;
	}
	if (strcmp(word[0], "gzip") == 0) {
		edit_type(word[1], "gzip");
		return 2;
	}
	if (strcmp(word[0], "group") == 0) {
		H5Ldelete(file, word[1], H5P_DEFAULT);
		want(H5Gcreate2(file, word[1], H5P_DEFAULT, H5P_DEFAULT,
		    H5P_DEFAULT), word[1]);
		return 2;
	}
	if (word[2] == NULL)
		die("an edit without a second word");
	if (strcmp(word[0], "rename") == 0) {
		want(H5Lmove(file, word[1], file, word[2], H5P_DEFAULT,
		    H5P_DEFAULT), word[1]);
		return 3;
	}
	if (strcmp(word[0], "shape") == 0) {
		edit_shape(word[1], word[2]);
		return 3;
	}
	if (strcmp(word[0], "names") == 0) {
		edit_names(word[1], word[2]);
		return 3;
	}
	if (strcmp(word[0], "type") == 0) {
		edit_type(word[1], word[2]);
		return 3;
	}
	if (strcmp(word[0], "retype") == 0) {
		H5Literate_by_name(file, word[1], H5_INDEX_NAME, H5_ITER_INC,
		    NULL, retype, word[2], H5P_DEFAULT);
		return 3;
	}
	if (strcmp(word[0], "unset") == 0) {
		id = want(H5Oopen(file, word[1], H5P_DEFAULT), word[1]);
		want(H5Adelete(id, word[2]), word[2]);
		H5Oclose(id);
		return 3;
	}
	if (word[3] == NULL)
		die("an edit without a third word");
	if (strcmp(word[0], "set") == 0)
		edit_set(word[1], strtoull(word[2], NULL, 10),
		    strtod(word[3], NULL));
	else
		edit_attr(word[0], word[1], word[2], word[3]);
	return 4;
}

int
main(int argc, char *argv[])
{
	int i;

	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	if (argc < 3)
		die("h5edit FILE EDIT...");
	file = want(H5Fopen(argv[1], H5F_ACC_RDWR, H5P_DEFAULT), argv[1]);
	for (i = 2; i < argc; i += edit(argv + i))
		;
	want(H5Fclose(file), argv[1]);
	return 0;
}
