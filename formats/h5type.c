/* HDF5's element types: which are numbers, and how they are read. */
#include <string.h>

#include "h5.h"

static const struct {
	const char *name;
	uint8_t size;
	bool wide;
} kinds[] = {
	[NF_H5_LIB] = { "", 0, false },
	[NF_H5_F32] = { "float32", 4, false },
	[NF_H5_F64] = { "float64", 8, true },
	[NF_H5_I8] = { "int8", 1, false },
	[NF_H5_U8] = { "uint8", 1, false },
	[NF_H5_I16] = { "int16", 2, false },
	[NF_H5_U16] = { "uint16", 2, false },
	[NF_H5_I32] = { "int32", 4, true },
	[NF_H5_U32] = { "uint32", 4, true },
	[NF_H5_I64] = { "int64", 8, true },
	[NF_H5_U64] = { "uint64", 8, true },
};

hid_t
nf_h5_memtype(enum nf_h5_kind kind)
{
	switch (kind) {
	case NF_H5_F32: return H5T_NATIVE_FLOAT;
	case NF_H5_F64: return H5T_NATIVE_DOUBLE;
	case NF_H5_I8: return H5T_NATIVE_INT8;
	case NF_H5_U8: return H5T_NATIVE_UINT8;
	case NF_H5_I16: return H5T_NATIVE_INT16;
	case NF_H5_U16: return H5T_NATIVE_UINT16;
	case NF_H5_I32: return H5T_NATIVE_INT32;
	case NF_H5_U32: return H5T_NATIVE_UINT32;
	case NF_H5_I64: return H5T_NATIVE_INT64;
	case NF_H5_U64: return H5T_NATIVE_UINT64;
	case NF_H5_LIB: break;
	}
	return -1;
}

uint8_t
nf_h5_memsize(enum nf_h5_kind kind)
{
	return kinds[kind].size;
}

/* Floats: IEEE ones by hand, any other by libhdf5 if float64 holds it. */
static int
classify_float(hid_t type, struct nf_h5_elem *e)
{
	size_t sign, epos, esize, mpos, msize;

	if (H5Tget_fields(type, &sign, &epos, &esize, &mpos, &msize) < 0 ||
	    esize > 11 || msize > 52)
		return -1;
	e->mem = esize <= 8 && msize <= 23 ? NF_H5_F32 : NF_H5_F64;
	if (H5Tequal(type, H5T_IEEE_F32LE) > 0 ||
	    H5Tequal(type, H5T_IEEE_F32BE) > 0 ||
	    H5Tequal(type, H5T_IEEE_F64LE) > 0 ||
	    H5Tequal(type, H5T_IEEE_F64BE) > 0)
		e->kind = e->mem;
	return 0;
}

/* Integers of 8, 16, 32 and 64 bits by hand, odd ones by libhdf5. */
static int
classify_integer(hid_t type, struct nf_h5_elem *e)
{
	static const enum nf_h5_kind by_size[][2] = {
		[1] = { NF_H5_U8, NF_H5_I8 }, [2] = { NF_H5_U16, NF_H5_I16 },
		[4] = { NF_H5_U32, NF_H5_I32 }, [8] = { NF_H5_U64, NF_H5_I64 },
	};
	size_t bits = H5Tget_precision(type);
	H5T_sign_t sign = H5Tget_sign(type);
	size_t size = e->size;

	if (bits == 0 || bits > 64 || sign < 0)
		return -1;
	if ((size == 1 || size == 2 || size == 4 || size == 8) &&
	    bits == 8 * size && H5Tget_offset(type) == 0) {
		e->kind = by_size[size][sign == H5T_SGN_2];
		e->mem = e->kind;
	} else if (bits > 24)
		e->mem = by_size[8][sign == H5T_SGN_2];
	else
		e->mem = by_size[4][sign == H5T_SGN_2];
	return 0;
}

int
nf_h5_elem(hid_t type, struct nf_h5_elem *e)
{
	H5T_class_t class = H5Tget_class(type);
	H5T_order_t order;
	size_t size = H5Tget_size(type);
	hid_t super;
	int rc = -1;

	if (class == H5T_ENUM) {	/* h5py's bool is one */
		if ((super = H5Tget_super(type)) < 0)
			return -1;
		rc = nf_h5_elem(super, e);
		H5Tclose(super);
		return rc;
	}
	memset(e, 0, sizeof(*e));
	if (size == 0 || size > UINT8_MAX)
		return -1;
	e->size = (uint8_t)size;
	if (class == H5T_FLOAT)
		rc = classify_float(type, e);
	else if (class == H5T_INTEGER)
		rc = classify_integer(type, e);
	if (rc == -1)
		return -1;
	order = H5Tget_order(type);
	if (order != H5T_ORDER_LE && order != H5T_ORDER_BE && size > 1)
		e->kind = NF_H5_LIB;
	e->swap = size > 1 && order != H5Tget_order(H5T_NATIVE_INT);
	e->wide = e->kind == NF_H5_LIB && class == H5T_INTEGER ?
	    H5Tget_precision(type) > 24 : kinds[e->mem].wide;
	return 0;
}

void
nf_h5_type_words(hid_t type, char *buf, size_t n)
{
	H5T_class_t class = H5Tget_class(type);
	size_t size = H5Tget_size(type);
	struct nf_h5_elem e;

	if (class == H5T_ENUM)
		snprintf(buf, n, "an enumeration");
	else if (nf_h5_elem(type, &e) == 0 && e.kind != NF_H5_LIB)
		snprintf(buf, n, "%s", kinds[e.kind].name);
	else if (class == H5T_FLOAT)
		snprintf(buf, n, "float%zu", 8 * size);
	else if (class == H5T_INTEGER)
		snprintf(buf, n, "integers of %zu bytes", size);
	else if (class == H5T_COMPOUND)
		snprintf(buf, n, "a compound type of %d fields",
		    H5Tget_nmembers(type));
	else if (class == H5T_STRING)
		snprintf(buf, n, "strings");
	else
		snprintf(buf, n, "%s", class == H5T_REFERENCE ? "references" :
		    class == H5T_VLEN ? "lists of variable length" :
		    class == H5T_ARRAY ? "arrays" : "no numbers");
}

void
nf_h5_shape_words(hid_t space, char *buf, size_t n)
{
	hsize_t dim[H5S_MAX_RANK];
	int i, rank = H5Sget_simple_extent_ndims(space);
	size_t k = 0;

	if (rank <= 0 || H5Sget_simple_extent_dims(space, dim, NULL) < 0) {
		snprintf(buf, n, rank == 0 &&
		    H5Sget_simple_extent_type(space) == H5S_SCALAR ?
		    "a scalar" : "empty");
		return;
	}
	for (i = 0; i < rank && k < n; i++)
		k += (size_t)snprintf(buf + k, n - k, "%s%llu",
		    i == 0 ? "" : " x ", (unsigned long long)dim[i]);
}
