/* New HDF5 files, through a driver that survives a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "h5new.h"

struct nf_h5_new {
	struct nf_whole *whole;
	hid_t file, driver;
	int fd;
	char *path;			/* for messages */
	struct nf_err err;		/* the first failure, if code != 0 */
};

/* ---- the driver: libhdf5's view of the file --------------------------- */

struct disk {
	H5FD_t pub;			/* libhdf5's; must be first */
	haddr_t eoa, eof;
	struct nf_h5_new *n;
};

static H5FD_t *
disk_open(const char *name, unsigned flags, hid_t fapl, haddr_t max)
{
	struct nf_h5_new *const *n = H5Pget_driver_info(fapl);
	struct disk *d;

	(void)name, (void)flags, (void)max;
	if (n == NULL)
		return NULL;
	d = nf_alloc(1, sizeof(*d), "a file", &(*n)->err);
	if (d == NULL)
		return NULL;
	d->n = *n;
	return &d->pub;
}

static herr_t
disk_close(H5FD_t *f)
{
	nf_free(f);
	return 0;
}

static herr_t
disk_query(const H5FD_t *f, unsigned long *flags)
{
	(void)f;
	*flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
	    H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
	return 0;
}

static haddr_t
disk_get_eoa(const H5FD_t *f, H5FD_mem_t type)
{
	(void)type;
	return ((const struct disk *)f)->eoa;
}

static herr_t
disk_set_eoa(H5FD_t *f, H5FD_mem_t type, haddr_t eoa)
{
	(void)type;
	((struct disk *)f)->eoa = eoa;
	return 0;
}

static haddr_t
disk_get_eof(const H5FD_t *f, H5FD_mem_t type)
{
	(void)type;
	return ((const struct disk *)f)->eof;
}

/* Bytes beyond what was written are zeros, as those of a hole. */
static herr_t
disk_read(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n,
    void *buf)
{
	struct disk *d = (struct disk *)f;
	char *p = buf;
	ssize_t k = 0;

	(void)type, (void)dxpl;
	for (; n > 0; p += k, n -= (size_t)k, at += (haddr_t)k) {
		k = pread(d->n->fd, p, n, (off_t)at);
		if (k == -1 && errno == EINTR)
			k = 0;
		else if (k == -1) {
			if (d->n->err.code == 0)
				nf_fail(&d->n->err, NF_ESYS,
				    "%s: cannot read back: %s", d->n->path,
				    strerror(errno));
			return -1;
		} else if (k == 0) {
			memset(p, 0, n);
			break;
		}
	}
	return 0;
}

static herr_t
disk_write(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n,
    const void *buf)
{
	struct disk *d = (struct disk *)f;
	struct nf_h5_new *new = d->n;

	(void)type, (void)dxpl;
	if (at + n > d->eof)
		d->eof = at + n;
	if (new->err.code != 0)
		return 0;
	if (lseek(new->fd, (off_t)at, SEEK_SET) == -1)
		nf_fail(&new->err, NF_ESYS, "%s: cannot seek: %s", new->path,
		    strerror(errno));
	else if (nf_write_full(new->fd, buf, n, new->path, &new->err) == -1)
		new->err.code = NF_ESYS;
	return 0;
}

static herr_t
disk_truncate(H5FD_t *f, hid_t dxpl, hbool_t closing)
{
	struct disk *d = (struct disk *)f;

	(void)dxpl, (void)closing;
	if (d->eof != d->eoa && d->n->err.code == 0 &&
	    ftruncate(d->n->fd, (off_t)d->eoa) == -1)
		nf_fail(&d->n->err, NF_ESYS, "%s: cannot set its size: %s",
		    d->n->path, strerror(errno));
	d->eof = d->eoa;
	return 0;
}

static const H5FD_class_t disk_class = {
#if H5_VERSION_GE(1, 13, 0)
	.version = H5FD_CLASS_VERSION,
	.value = 512,			/* the first that is free for all */
#endif
	.name = "nfpipe",
	.maxaddr = LLONG_MAX,
	.fc_degree = H5F_CLOSE_STRONG,
	.fapl_size = sizeof(struct nf_h5_new *),
	.open = disk_open,
	.close = disk_close,
	.query = disk_query,
	.get_eoa = disk_get_eoa,
	.set_eoa = disk_set_eoa,
	.get_eof = disk_get_eof,
	.read = disk_read,
	.write = disk_write,
	.truncate = disk_truncate,
	.fl_map = H5FD_FLMAP_DICHOTOMY
};

/* ---- the file --------------------------------------------------------- */

/*
 * The format of HDF5 1.8 (2008): its metadata carry checksums, and every
 * libhdf5 in use reads it.
 */
static hid_t
create(struct nf_h5_new *n)
{
	hid_t access = H5Pcreate(H5P_FILE_ACCESS);
	hid_t make = H5Pcreate(H5P_FILE_CREATE), file = -1;

	n->driver = H5FDregister(&disk_class);
	if (access >= 0 && make >= 0 && n->driver >= 0 &&
	    H5Pset_driver(access, n->driver, &n) >= 0 &&
	    H5Pset_libver_bounds(access, H5F_LIBVER_V18,
	    H5F_LIBVER_V18) >= 0 && H5Pset_obj_track_times(make, 0) >= 0 &&
	    H5Pset_link_creation_order(make, H5P_CRT_ORDER_TRACKED |
	    H5P_CRT_ORDER_INDEXED) >= 0)
		file = H5Fcreate(nf_whole_tmp(n->whole), H5F_ACC_TRUNC, make,
		    access);
	H5Pclose(make);
	H5Pclose(access);
	return file;
}

static void
new_free(struct nf_h5_new *n)
{
	if (n->driver >= 0)
		H5FDunregister(n->driver);
	if (n->fd != -1)
		close(n->fd);
	nf_free(n->path);
	nf_free(n);
}

int
nf_h5_new_begin(struct nf_h5_new **out, const char *path, struct nf_err *err)
{
	struct nf_h5_new *n;

	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	*out = NULL;
	n = nf_alloc(1, sizeof(*n), "a file", err);
	if (n == NULL)
		return -1;
	n->fd = -1;
	n->file = n->driver = -1;
	n->path = nf_strdup(path, err);
	if (n->path == NULL || nf_whole_begin(&n->whole, path, err) == -1)
		goto fail;
	n->fd = open(nf_whole_tmp(n->whole), O_RDWR | O_CLOEXEC);
	if (n->fd == -1) {
		nf_fail(err, NF_ESYS, "%s: cannot open: %s", path,
		    strerror(errno));
		goto fail;
	}
	n->file = create(n);
	if (n->file < 0) {
		if (nf_h5_new_ok(n, err) == 0)
			nf_fail(err, NF_ESYS, "%s: libhdf5 cannot create it",
			    path);
		goto fail;
	}
	*out = n;
	return 0;
fail:
	nf_whole_abort(n->whole);
	new_free(n);
	return -1;
}

hid_t
nf_h5_new_file(const struct nf_h5_new *n)
{
	return n->file;
}

int
nf_h5_new_ok(const struct nf_h5_new *n, struct nf_err *err)
{
	if (n->err.code == 0)
		return 0;
	return nf_fail(err, n->err.code, "%s", n->err.msg);
}

int
nf_h5_new_commit(struct nf_h5_new *n, struct nf_err *err)
{
	struct nf_whole *whole = n->whole;
	int rc = 0;

	if (H5Fclose(n->file) < 0)
		rc = nf_fail(err, NF_ESYS, "%s: libhdf5 cannot finish it",
		    n->path);
	if (nf_h5_new_ok(n, err) == -1)		/* tells more */
		rc = -1;
	new_free(n);
	if (rc == 0)
		return nf_whole_commit(whole, err);
	nf_whole_abort(whole);
	return -1;
}

void
nf_h5_new_abort(struct nf_h5_new *n)
{
	if (n == NULL)
		return;
	/* Nothing more need reach the disk. */
	if (n->err.code == 0)
		nf_fail(&n->err, NF_ESYS, "%s: given up", n->path);
	H5Fclose(n->file);
	nf_whole_abort(n->whole);
	new_free(n);
}
