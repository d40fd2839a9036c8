/* One HDF5 dataset: what it is, how its bytes are reached, and H5Dread. */
#include <string.h>

#include "h5.h"

#define MIN_CHUNK	1024	/* bytes */

/* ---- how it is stored ------------------------------------------------- */

/*
 * The filters that are undone here are shuffle, deflate, and shuffle before
 * deflate; false leaves any other pipeline to libhdf5.
 */
static bool
known_filters(struct nf_h5_part *p, hid_t plist)
{
	int i, n = H5Pget_nfilters(plist);
	unsigned flags, value[1], config;
	size_t nvalue;
	H5Z_filter_t f;

	for (i = 0; i < n; i++) {
		nvalue = 1;
		value[0] = 0;
		f = H5Pget_filter2(plist, (unsigned)i, &flags, &nvalue, value,
		    0, NULL, &config);
		if (f == H5Z_FILTER_SHUFFLE && i == 0 &&
		    value[0] == p->elem.size)
			p->shuffle = i;
		else if (f == H5Z_FILTER_DEFLATE && i == p->shuffle + 1)
			p->deflate = i;
		else
			return false;
	}
	return n >= 0;
}

static int
inspect_chunks(struct nf_h5_part *p, hid_t plist, struct nf_err *err)
{
	hsize_t dim[2] = { 1, 1 };
	unsigned opts = 0;
	uint64_t nbyte;

	if (H5Pget_chunk(plist, p->rank, dim) != p->rank)
		return nf_h5_fail(err, "cannot read its chunks' shape");
	/* A chunk is at most 4 GiB, so the product does not overflow. */
	if (dim[0] == 0 || dim[1] == 0 || dim[0] > UINT32_MAX ||
	    dim[1] > UINT32_MAX || dim[0] * dim[1] > NF_H5_MAX_CHUNK ||
	    (nbyte = dim[0] * dim[1] * p->elem.size) > NF_H5_MAX_CHUNK)
		return nf_fail(err, NF_EDATA, "chunks of %llu x %llu elements "
		    "of %u bytes, want at most %u bytes a chunk",
		    (unsigned long long)dim[0], (unsigned long long)dim[1],
		    p->elem.size, NF_H5_MAX_CHUNK);
	p->chunk_rows = dim[0];
	p->chunk_cols = (uint32_t)dim[1];
	p->chunk_bytes = nbyte;
	/* Tiny chunks are not worth a thread's attention. */
	if (p->elem.kind != NF_H5_LIB && nbyte >= MIN_CHUNK &&
	    known_filters(p, plist) && H5Pget_chunk_opts(plist,
	    &opts) >= 0 && opts == 0)
		p->way = NF_H5_CHUNK;
	return 0;
}

/* The file's own descriptor, where addresses are places in it; else -1. */
static int
descriptor(hid_t file)
{
	hid_t fapl = H5Fget_access_plist(file), fcpl;
	hsize_t user = 1;
	void *handle = NULL;
	int fd = -1;

	if ((fcpl = H5Fget_create_plist(file)) >= 0) {
		H5Pget_userblock(fcpl, &user);
		H5Pclose(fcpl);
	}
	if (user == 0 && H5Pget_driver(fapl) == H5FD_SEC2 &&
	    H5Fget_vfd_handle(file, fapl, &handle) >= 0 && handle != NULL)
		fd = *(int *)handle;
	if (fapl >= 0)
		H5Pclose(fapl);
	H5Eclear2(H5E_DEFAULT);
	return fd;
}

/* A contiguous dataset of the file itself can be read without libhdf5. */
static void
inspect_flat(struct nf_h5_part *p, hid_t plist)
{
	haddr_t at = H5Dget_offset(p->id);
	size_t rowsize = (size_t)p->ncol * p->elem.size;
	uint64_t n;

	if (p->elem.kind != NF_H5_LIB && at != HADDR_UNDEF &&
	    !__builtin_mul_overflow(p->nrow, rowsize, &n) &&
	    H5Dget_storage_size(p->id) == n && at <= INT64_MAX - n &&
	    H5Pget_external_count(plist) == 0 && p->fd != -1) {
		p->way = NF_H5_FLAT;
		p->offset = at;
	}
	H5Eclear2(H5E_DEFAULT);
}

static int
inspect_storage(struct nf_h5_part *p, hid_t file, struct nf_err *err)
{
	hid_t plist = H5Dget_create_plist(p->id);
	int rc = 0;

	if (plist < 0)
		return nf_h5_fail(err, "cannot read how it is stored");
	p->fd = descriptor(file);
	if (H5Pget_layout(plist) == H5D_CHUNKED)
		rc = inspect_chunks(p, plist, err);
	else if (H5Pget_layout(plist) == H5D_CONTIGUOUS)
		inspect_flat(p, plist);
	H5Pclose(plist);
	return rc;
}

/* ---- what it is ------------------------------------------------------- */

static int
inspect_type(struct nf_h5_part *p, struct nf_err *err)
{
	hid_t type = H5Dget_type(p->id);
	char words[64];

	if (type < 0)
		return nf_h5_fail(err, "cannot read its type");
	if (nf_h5_elem(type, &p->elem) == -1) {
		nf_h5_type_words(type, words, sizeof(words));
		snprintf(p->bad, sizeof(p->bad),
		    "holds %s, want floats or integers of at most 64 bits",
		    words);
	}
	H5Tclose(type);
	return 0;
}

static int
inspect_shape(struct nf_h5_part *p, struct nf_err *err)
{
	hid_t space = H5Dget_space(p->id);
	hsize_t dim[2] = { 0, 1 };
	char words[128];
	int rc = -1;

	p->rank = H5Sget_simple_extent_ndims(space);
	if (space < 0 || p->rank < 0)
		nf_h5_fail(err, "cannot read its shape");
	else if (p->rank < 1 || p->rank > 2 ||
	    H5Sget_simple_extent_dims(space, dim, NULL) < 0) {
		nf_h5_shape_words(space, words, sizeof(words));
		nf_fail(err, NF_EDATA, "%s, want rows x columns", words);
	} else if (dim[1] == 0 || dim[1] > NF_MAX_COLS)
		nf_fail(err, NF_EDATA, "%llu columns, want 1 to %d",
		    (unsigned long long)dim[1], NF_MAX_COLS);
	else
		rc = 0;
	p->nrow = dim[0];
	p->ncol = p->chunk_cols = (uint32_t)dim[1];
	if (space >= 0)
		H5Sclose(space);
	return rc;
}

int
nf_h5_part_open(struct nf_h5_part *p, hid_t id, hid_t file,
    struct nf_err *err)
{
	p->id = id;
	p->way = NF_H5_READ;
	p->shuffle = p->deflate = -1;
	p->chunk_rows = 1;
	if (inspect_type(p, err) == -1 || inspect_shape(p, err) == -1)
		return -1;
	return p->bad[0] != '\0' ? 0 : inspect_storage(p, file, err);
}

void
nf_h5_part_close(struct nf_h5_part *p)
{
	if (p->id > 0)
		H5Dclose(p->id);
}

/* ---- libhdf5's own reading -------------------------------------------- */

/* Read a rectangle of elements as the part's mem kind. */
static int
read_rectangle(const struct nf_h5_part *p, const hsize_t at[2],
    const hsize_t n[2], void *x, struct nf_err *err)
{
	hid_t file = H5Dget_space(p->id);
	hid_t mem = H5Screate_simple(p->rank, n, NULL);
	int rc = -1;

	if (nf_fault(NF_FAULT_READ))
		nf_fail(err, NF_ESYS, "cannot read: a fault was asked for");
	else if (file < 0 || mem < 0 ||
	    H5Sselect_hyperslab(file, H5S_SELECT_SET, at, NULL, n, NULL) < 0 ||
	    H5Dread(p->id, nf_h5_memtype(p->elem.mem), mem, file, H5P_DEFAULT,
	    x) < 0)
		nf_h5_fail(err, "row %llu and on: cannot read",
		    (unsigned long long)at[0]);
	else
		rc = 0;
	if (file >= 0)
		H5Sclose(file);
	if (mem >= 0)
		H5Sclose(mem);
	return rc;
}

int
nf_h5_part_read(const struct nf_h5_part *p, uint64_t row, uint32_t col,
    uint32_t ncol, const struct nf_h5_gather *to, struct nf_h5_bad *bad,
    struct nf_err *err)
{
	struct nf_h5_gather g = *to;
	size_t rowsize = (size_t)ncol * nf_h5_memsize(p->elem.mem);
	uint64_t i, n = NF_H5_SLAB / rowsize + 1;
	hsize_t at[2] = { row, col }, size[2] = { 0, ncol };
	unsigned char *x;
	int rc = 0;

	if (n > to->nrow)
		n = to->nrow;
	if ((x = nf_alloc(n, rowsize, "rows", err)) == NULL)
		return -1;
	g.src = x;
	g.src_step = ncol;
	for (i = 0; i < to->nrow && rc == 0; i += n) {
		at[0] = row + i;
		size[0] = g.nrow = to->nrow - i < n ? to->nrow - i : n;
		g.out = to->out + i * to->row_step * nf_type_size(to->type);
		rc = read_rectangle(p, at, size, x, err);
		if (rc == 0 && nf_h5_gather(&g, p->elem.mem, false,
		    bad) == -1) {
			bad->row += i;
			break;
		}
	}
	nf_free(x);
	return rc;
}
