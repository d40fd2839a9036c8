/*
 * ZIP archives whose members are stored as they are: PyTorch's checkpoints,
 * numpy's npz.  ZIP64 where a size needs it.  Not for other folders.
 */
#ifndef ZIP_H
#define ZIP_H

#include "nfio.h"

#define NF_ZIP_MEMBERS	(1u << 20)
#define NF_ZIP_NAME	255		/* bytes of a member's name */

struct nf_zip;

struct nf_zip_member {
	char *name;
	uint64_t size, offset;		/* offset: of its local header */
	uint64_t limit;			/* where the next one begins */
	uint32_t crc;
	uint16_t method, flags;
};

/*
 * Open an archive; every member that it lists is checked to lie in it, and
 * none upon another.  Refuses (NF_EDATA) what is not an archive.
 */
int nf_zip_open(struct nf_zip **z, const char *path, struct nf_err *err)
    NF_CHECKED;
void nf_zip_close(struct nf_zip *z);
uint64_t nf_zip_nbyte(const struct nf_zip *z);	/* of the file */
/* The member of that name, or NULL; the only one whose name ends so. */
const struct nf_zip_member *nf_zip_find(const struct nf_zip *z,
    const char *name, size_t n);
const struct nf_zip_member *nf_zip_ends(const struct nf_zip *z,
    const char *end);
/* Its m->size bytes into buf; their checksum is looked at. */
int nf_zip_read(const struct nf_zip *z, const struct nf_zip_member *m,
    void *buf, struct nf_err *err) NF_CHECKED;

/* ---- writing: zip_write.c --------------------------------------------- */

struct nf_zip_writer;

/* A new archive, under its name once nf_zip_writer_end has returned 0. */
int nf_zip_writer_open(struct nf_zip_writer **w, const char *path,
    struct nf_err *err) NF_CHECKED;
/* Add a member: the bytes of head, then those of x. */
int nf_zip_writer_put(struct nf_zip_writer *w, const char *name,
    const void *head, size_t nhead, const void *x, size_t n,
    struct nf_err *err) NF_CHECKED;
int nf_zip_writer_end(struct nf_zip_writer *w, struct nf_err *err)
    NF_CHECKED;
void nf_zip_writer_close(struct nf_zip_writer *w);	/* accepts NULL */

#endif
