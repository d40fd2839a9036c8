/* What the readers and writers of formats/ share: bytes and blocks. */
#ifndef NF_STREAM_H
#define NF_STREAM_H

#include <sys/uio.h>

#include "nfio.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "streams are little-endian, and so must be the machine"
#endif

/* ---- bytes ------------------------------------------------------------ */

/* A descriptor, and what was read from it to see what it holds. */
struct nf_bytes {
	int fd;
	const char *name;		/* in messages */
	size_t nahead;
	unsigned char ahead[16];
};

enum nf_kind {
	NF_KIND_OTHER, NF_KIND_STREAM, NF_KIND_EMPTY, NF_KIND_TEXT,
	NF_KIND_NPY, NF_KIND_HDF5, NF_KIND_GZIP, NF_KIND_ZSTD
};

/* What an input is by its first n bytes; 16 are enough. */
enum nf_kind nf_kind_find(const void *p, size_t n);
/* What to say after "not a tensor stream". */
const char *nf_kind_hint(enum nf_kind kind);

/* As nf_read_full; what was read ahead comes first. */
int nf_bytes_read(struct nf_bytes *b, void *buf, size_t n, size_t *got,
    struct nf_err *err) NF_CHECKED;
/* At least one byte, or *got = 0 at the end of the input. */
int nf_bytes_some(struct nf_bytes *b, void *buf, size_t n, size_t *got,
    struct nf_err *err) NF_CHECKED;
int nf_writev_full(int fd, struct iovec *v, int n, const char *name,
    struct nf_err *err) NF_CHECKED;	/* changes v */
/* The same, and n bytes, at a place in a file; fewer to read are NF_ESYS. */
int nf_pwritev_full(int fd, struct iovec *v, int n, uint64_t at,
    const char *name, struct nf_err *err) NF_CHECKED;
int nf_pread_full(int fd, void *buf, size_t n, uint64_t at, const char *name,
    struct nf_err *err) NF_CHECKED;

bool nf_list_has(const struct nf_list *l, const char *s);

/* ---- blocks: nfstream(5) ---------------------------------------------- */

#define NF_TAG(c)	((uint32_t)'N' | 'F' << 8 | 'S' << 16 | (c) << 24)
#define NF_BLOCK_ZSTD	1u
#define NF_PIPE_SIZE	(1 << 20)

/* The 32 bytes before a payload. */
struct nf_head {
	uint32_t tag, flags;
	uint64_t rows, bytes, sum;
};

uint64_t nf_head_sum(const struct nf_head *h, const void *payload);

/* Rows of a frame of about 1 MiB. */
uint64_t nf_frame_rows(const struct nf_schema *s);

/* As nf_reader_open, after the bytes that were read ahead. */
int nf_reader_open_bytes(struct nf_reader **r, const struct nf_bytes *in,
    struct nf_err *err) NF_CHECKED;

/*
 * The header's text: nf_header_parse fills a zeroed schema (but for nrow)
 * or names the line that is wrong; nf_header_text allocates *text.
 */
int nf_header_parse(struct nf_schema *s, const char *text, size_t n,
    struct nf_err *err) NF_CHECKED;
int nf_header_text(const struct nf_schema *s, char **text, size_t *n,
    struct nf_err *err) NF_CHECKED;

#endif
