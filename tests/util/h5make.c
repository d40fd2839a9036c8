/*
 * Make HDF5 files, odd ones among them, for tests.
 *
 * usage: h5make FILE [KEY=VALUE].. [-- KEY=VALUE..]..
 *
 * Each run of KEY=VALUE makes one object:
 *   path=data      where; group=1 makes an empty group of it instead
 *   order=1        the group it stands in tracks the order of creation
 *   type=f32       f16 f32 f64 f80 i8 .. u64 i24 bool bit string vstring
 *                  compound; "be" behind a number: big-endian
 *   shape=10x3     or "scalar", "null"; max=0x3: 0 may grow for ever
 *   layout=        contiguous, compact, chunks as 4x2
 *   filter=        of shuffle deflate fletcher scale nofill, with commas
 *   base=0         element k of the table is base + k
 *   set=K:V,..     but element K is V
 *   rows=N         write only the first N rows; fill=V is in the others
 *   names=a,b      the attribute columns; vnames= of variable length
 *   note=T prep=T  such attributes, one string each
 *   chunk=R,C,MODE rewrite the chunk at row R, column C: plain (no filter
 *                  was applied), shuffled (deflate was not), junk, short,
 *                  long, cut
 */
#define H5_USE_110_API
#include <hdf5.h>
#include <libdeflate.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object {
	const char *path, *type, *shape, *max, *layout, *filter, *base, *set;
	const char *rows, *fill, *names, *vnames, *note, *prep, *chunk;
	const char *group, *order;
};

static void
need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "h5make: %s\n", what);
	exit(1);
}

/* ---- types ------------------------------------------------------------ */

static hid_t
compound_type(void)
{
	hid_t t = H5Tcreate(H5T_COMPOUND, 8);

	H5Tinsert(t, "x", 0, H5T_IEEE_F32LE);
	H5Tinsert(t, "y", 4, H5T_IEEE_F32LE);
	return t;
}

static hid_t
bool_type(void)
{
	hid_t t = H5Tenum_create(H5T_STD_I8LE);
	int8_t v = 0;

	H5Tenum_insert(t, "FALSE", &v);
	v = 1;
	H5Tenum_insert(t, "TRUE", &v);
	return t;
}

static hid_t
half_type(void)
{
	hid_t t = H5Tcopy(H5T_IEEE_F32LE);

	H5Tset_fields(t, 15, 10, 5, 0, 10);
	H5Tset_size(t, 2);
	H5Tset_ebias(t, 15);
	return t;
}

static hid_t
make_type(const char *s)
{
	size_t n = strlen(s), bits = (size_t)atoi(s + 1);
	bool big = n > 2 && strcmp(s + n - 2, "be") == 0;
	hid_t t = -1;

	if (strcmp(s, "compound") == 0)
		return compound_type();
	if (strcmp(s, "bool") == 0)
		return bool_type();
	if (strcmp(s, "bit") == 0)
		return H5Tcopy(H5T_STD_B8LE);
	if (strcmp(s, "string") == 0 || strcmp(s, "vstring") == 0) {
		t = H5Tcopy(H5T_C_S1);
		H5Tset_size(t, *s == 'v' ? H5T_VARIABLE : 5);
		return t;
	}
	if (*s == 'f')
		t = bits == 16 ? half_type() : H5Tcopy(bits == 32 ?
		    H5T_IEEE_F32LE : bits == 64 ? H5T_IEEE_F64LE :
		    H5T_NATIVE_LDOUBLE);
	else {
		t = H5Tcopy(*s == 'i' ? H5T_STD_I64LE : H5T_STD_U64LE);
		H5Tset_precision(t, bits);
		H5Tset_size(t, bits <= 8 ? 1 : bits <= 16 ? 2 :
		    bits <= 32 ? 4 : 8);
	}
	if (big)
		H5Tset_order(t, H5T_ORDER_BE);
	need(t >= 0, s);
	return t;
}

/* ---- values ----------------------------------------------------------- */

/* Element k as the memory type that write_values chose. */
static void
put(void *x, size_t k, const char *text, long long i, bool real, bool byte)
{
	if (byte)
		((int8_t *)x)[k] = (int8_t)(text ? atoi(text) : i & 1);
	else if (real)
		((double *)x)[k] = text ? strtod(text, NULL) : (double)i;
	else if (text && *text != '-')
		((uint64_t *)x)[k] = strtoull(text, NULL, 10);
	else
		((int64_t *)x)[k] = text ? strtoll(text, NULL, 10) : i;
}

static void
write_values(const struct object *o, hid_t d, hid_t type, size_t nrow,
    size_t ncol)
{
	hsize_t n[3] = { nrow, ncol, 1 }, zero[3] = { 0 };
	bool real = H5Tget_class(type) == H5T_FLOAT;
	bool byte = H5Tget_class(type) == H5T_ENUM;
	bool plus = !real && !byte && H5Tget_sign(type) == H5T_SGN_NONE;
	hid_t space = H5Dget_space(d), mem;
	double *x = calloc(nrow * ncol + 1, 8);
	const char *s = o->set;
	char *end;
	size_t k;

	for (k = 0; k < nrow * ncol; k++)
		put(x, k, NULL, atoll(o->base ? o->base : "0") + (long long)k,
		    real, byte);
	while (s != NULL && *s != '\0') {
		k = strtoul(s, &end, 10);
		need(*end == ':' && k < nrow * ncol, "set");
		put(x, k, end + 1, 0, real, byte);
		s = strchr(end, ',');
		s += s != NULL;
	}
	mem = H5Screate_simple(H5Sget_simple_extent_ndims(space), n, NULL);
	need(nrow == 0 || (H5Sselect_hyperslab(space, H5S_SELECT_SET, zero,
	    NULL, n, NULL) >= 0 && H5Dwrite(d, byte ? type : real ?
	    H5T_NATIVE_DOUBLE : plus ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64,
	    mem, space, H5P_DEFAULT, x) >= 0), "write");
	free(x);
}

/* ---- attributes ------------------------------------------------------- */

static void
write_strings(hid_t d, const char *name, const char *list, bool variable)
{
	char *copy = strdup(list), *s, *at[256] = { NULL }, fixed[256 * 24];
	hid_t type = H5Tcopy(H5T_C_S1), space, a;
	hsize_t n = 0;

	for (s = strtok(copy, ","); s != NULL; s = strtok(NULL, ","))
		at[n++] = s;
	memset(fixed, 0, sizeof(fixed));
	for (hsize_t k = 0; k < n; k++)
		memcpy(fixed + 24 * k, at[k], strlen(at[k]));
	H5Tset_size(type, variable ? H5T_VARIABLE : 24);
	H5Tset_strpad(type, variable ? H5T_STR_NULLTERM : H5T_STR_NULLPAD);
	space = H5Screate_simple(1, &n, NULL);
	a = H5Acreate2(d, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
	need(H5Awrite(a, type, variable ? (void *)at : fixed) >= 0, name);
	H5Aclose(a);
	free(copy);
}

static void
write_attributes(const struct object *o, hid_t d)
{
	int v = 3;
	hid_t a;

	if (o->names != NULL && strcmp(o->names, "3") == 0) {
		a = H5Acreate2(d, "columns", H5T_STD_I32LE,
		    H5Screate(H5S_SCALAR), H5P_DEFAULT, H5P_DEFAULT);
		H5Awrite(a, H5T_NATIVE_INT, &v);
		H5Aclose(a);
	} else if (o->names != NULL)
		write_strings(d, "columns", o->names, false);
	if (o->vnames != NULL)
		write_strings(d, "columns", o->vnames, true);
	if (o->note != NULL)
		write_strings(d, "note", o->note, false);
	if (o->prep != NULL)
		write_strings(d, "prep", o->prep, false);
}

/* ---- chunks ----------------------------------------------------------- */

static void
rewrite_chunk(const struct object *o, hid_t d)
{
	struct libdeflate_compressor *z = libdeflate_alloc_compressor(6);
	unsigned long long row, col;
	char mode[16];
	hid_t plist = H5Dget_create_plist(d);
	hsize_t dim[2] = { 1, 1 }, at[2], n;
	unsigned char *x, *y;
	uint32_t mask = 0;

	need(sscanf(o->chunk, "%llu,%llu,%15s", &row, &col, mode) == 3,
	    "chunk");
	H5Pget_chunk(plist, 2, dim);
	n = dim[0] * dim[1] * H5Tget_size(H5Dget_type(d));
	x = calloc(1, n + 100);
	y = calloc(1, 2 * n + 1000);
	at[0] = row;
	at[1] = col;
	for (hsize_t k = 0; k < n; k++)
		x[k] = (unsigned char)(k % 4 == 3 ? 0x40 : k);
	if (strcmp(mode, "plain") == 0)
		mask = (1u << H5Pget_nfilters(plist)) - 1;
	else if (strcmp(mode, "shuffled") == 0)
		mask = 2;
	else if (strcmp(mode, "junk") != 0) {
		need(n > 100, "a larger chunk");
		n = libdeflate_zlib_compress(z, x, strcmp(mode, "short") == 0 ?
		    n - 4 : strcmp(mode, "long") == 0 ? n + 4 : n, y,
		    2 * n + 1000);
		if (strcmp(mode, "cut") == 0)
			n -= 5;
		memcpy(x, y, n);
	}
	need(H5Dwrite_chunk(d, H5P_DEFAULT, mask, at, n, x) >= 0, "chunk");
	free(x);
	free(y);
	libdeflate_free_compressor(z);
}

static void
set_filters(hid_t plist, const char *s)
{
	if (strstr(s, "shuffle"))
		H5Pset_shuffle(plist);
	if (strstr(s, "scale"))
		H5Pset_scaleoffset(plist, H5Z_SO_INT, 0);
	if (strstr(s, "deflate"))
		H5Pset_deflate(plist, 6);
	if (strstr(s, "fletcher"))
		H5Pset_fletcher32(plist);
	if (strstr(s, "nofill"))
		H5Pset_chunk_opts(plist, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
}

/* ---- objects ---------------------------------------------------------- */

static int
dims(const char *s, hsize_t *dim)
{
	int rank = 0;
	char *end;

	while (rank < 5) {
		dim[rank++] = strtoull(s, &end, 10);
		if (*end != 'x')
			break;
		s = end + 1;
	}
	return rank;
}

static hid_t
make_plist(const struct object *o, hid_t type)
{
	hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
	hsize_t chunk[5];
	double fill;
	int rank;

	if (o->layout != NULL && strcmp(o->layout, "compact") == 0)
		H5Pset_layout(plist, H5D_COMPACT);
	else if (o->layout != NULL && *o->layout != 'c') {
		rank = dims(o->layout, chunk);
		need(H5Pset_chunk(plist, rank, chunk) >= 0, "layout");
	}
	if (o->filter != NULL)
		set_filters(plist, o->filter);
	if (o->fill != NULL) {
		fill = strtod(o->fill, NULL);
		H5Pset_fill_value(plist, H5T_NATIVE_DOUBLE, &fill);
	}
	(void)type;
	return plist;
}

static void
make_dataset(const struct object *o, hid_t file)
{
	const char *shape = o->shape == NULL ? "4x3" : o->shape;
	hid_t type = make_type(o->type == NULL ? "f32" : o->type);
	hid_t plist = make_plist(o, type), space, d;
	H5T_class_t class = H5Tget_class(type);
	hsize_t dim[5] = { 1, 1, 1, 1, 1 }, most[5];
	int rank = 0;

	if (strcmp(shape, "scalar") == 0)
		space = H5Screate(H5S_SCALAR);
	else if (strcmp(shape, "null") == 0)
		space = H5Screate(H5S_NULL);
	else {
		rank = dims(shape, dim);
		if (o->max != NULL)
			dims(o->max, most);
		for (int k = 0; o->max != NULL && k < rank; k++)
			if (most[k] == 0)
				most[k] = H5S_UNLIMITED;
		space = H5Screate_simple(rank, dim, o->max ? most : NULL);
	}
	d = H5Dcreate2(file, o->path == NULL ? "data" : o->path, type, space,
	    H5P_DEFAULT, plist, H5P_DEFAULT);
	need(d >= 0, "dataset");
	if ((rank == 1 || rank == 2) && (class == H5T_FLOAT ||
	    class == H5T_INTEGER || class == H5T_ENUM))
		write_values(o, d, type, o->rows ? (size_t)atoll(o->rows) :
		    dim[0], dim[1]);
	write_attributes(o, d);
	if (o->chunk != NULL)
		rewrite_chunk(o, d);
	H5Dclose(d);
}

static void
make_group(const struct object *o, hid_t file)
{
	hid_t plist = H5Pcreate(H5P_GROUP_CREATE), g;

	if (o->order != NULL)
		H5Pset_link_creation_order(plist, H5P_CRT_ORDER_TRACKED);
	g = H5Gcreate2(file, o->path, H5P_DEFAULT, plist, H5P_DEFAULT);
	need(g >= 0, "group");
	write_attributes(o, g);
	H5Gclose(g);
}

static void
set(struct object *o, char *arg)
{
	struct { const char *name; const char **value; } key[] = {
		{ "path", &o->path }, { "type", &o->type },
		{ "shape", &o->shape }, { "max", &o->max },
		{ "layout", &o->layout }, { "filter", &o->filter },
		{ "base", &o->base }, { "set", &o->set }, { "rows", &o->rows },
		{ "fill", &o->fill }, { "names", &o->names },
		{ "vnames", &o->vnames }, { "note", &o->note },
		{ "prep", &o->prep }, { "chunk", &o->chunk },
		{ "group", &o->group }, { "order", &o->order },
	};
	char *value = strchr(arg, '=');
	size_t k;

	need(value != NULL, arg);
	*value++ = '\0';
	for (k = 0; k < sizeof(key) / sizeof(key[0]); k++)
		if (strcmp(key[k].name, arg) == 0) {
			*key[k].value = value;
			return;
		}
	need(false, arg);
}

int
main(int argc, char *argv[])
{
	struct object o;
	hid_t file, plist = H5Pcreate(H5P_FILE_ACCESS);
	int i = 2;

	need(argc > 1, "no FILE");
	H5Pset_libver_bounds(plist, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
	file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, plist);
	need(file >= 0, argv[1]);
	for (; i <= argc; i++) {
		memset(&o, 0, sizeof(o));
		for (; i < argc && strcmp(argv[i], "--") != 0; i++)
			set(&o, argv[i]);
		if (o.group != NULL)
			make_group(&o, file);
		else
			make_dataset(&o, file);
	}
	need(H5Fclose(file) >= 0, "close");
	return 0;
}
