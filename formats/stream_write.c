/* The tensor stream's writer: an end is written only on request. */
#include <fcntl.h>
#include <string.h>
#include <zstd.h>

#include "stream.h"

struct nf_writer {
	int fd;
	char *name;
	uint64_t want, nrow;		/* promised; put so far */
	size_t rowsize;
	uint64_t frame, used;		/* rows of a full frame; in buf */
	char *buf;			/* NULL: so far all frames came whole */
	char *packed;			/* NULL: not compressed */
	size_t npacked;
	ZSTD_CCtx *cctx;
};

static int
block_write(struct nf_writer *w, uint32_t tag, uint64_t rows, const void *x,
    size_t n, struct nf_err *err)
{
	struct nf_head h = { .tag = tag, .rows = rows, .bytes = n };
	struct iovec v[2];
	size_t k;

	if (w->packed != NULL && tag == NF_TAG('D')) {
		k = ZSTD_compressCCtx(w->cctx, w->packed, w->npacked, x, n,
		    ZSTD_CLEVEL_DEFAULT);
		if (ZSTD_isError(k))
			return nf_fail(err, NF_ESYS, "%s: cannot compress: %s",
			    w->name, ZSTD_getErrorName(k));
		if (k < n) {		/* noise stays as it is */
			h.flags = NF_BLOCK_ZSTD;
			h.bytes = k;
			x = w->packed;
		}
	}
	h.sum = nf_head_sum(&h, x);
	v[0].iov_base = &h;
	v[0].iov_len = sizeof(h);
	v[1].iov_base = (void *)x;
	v[1].iov_len = h.bytes;
	return nf_writev_full(w->fd, v, 2, w->name, err);
}

static int
header_write(struct nf_writer *w, const struct nf_schema *s,
    struct nf_err *err)
{
	char *text;
	size_t n;
	int rc;

	if (nf_header_text(s, &text, &n, err) == -1)
		return nf_fail_in(err, "%s", w->name);
	rc = block_write(w, NF_TAG('H'), s->nrow, text, n, err);
	nf_free(text);
	return rc;
}

static int
zstd_init(struct nf_writer *w, struct nf_err *err)
{
	w->npacked = ZSTD_compressBound(w->frame * w->rowsize);
	w->packed = nf_alloc(w->npacked, 1, "compressed rows", err);
	if (w->packed == NULL)
		return -1;
	w->cctx = ZSTD_createCCtx();
	if (w->cctx == NULL)
		return nf_fail(err, NF_ESYS, "no memory to compress");
	return 0;
}

int
nf_writer_open(struct nf_writer **writer, int fd, const char *name,
    const struct nf_schema *s, int flags, struct nf_err *err)
{
	struct nf_writer *w;

	*writer = w = nf_alloc(1, sizeof(*w), "a writer", err);
	if (w == NULL)
		return -1;
	w->fd = fd;
	w->want = s->nrow;
	w->rowsize = s->column.n * nf_type_size(s->type);
	w->name = nf_strdup(name, err);
	if (w->name == NULL)
		goto fail;
	(void)fcntl(fd, F_SETPIPE_SZ, NF_PIPE_SIZE);
	if (header_write(w, s, err) == -1)
		goto fail;
	w->frame = nf_frame_rows(s);
	if ((flags & NF_ZSTD) && zstd_init(w, err) == -1)
		goto fail;
	return 0;
fail:
	nf_writer_close(w);
	*writer = NULL;
	return -1;
}

int
nf_writer_put(struct nf_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	const char *p = x;
	uint64_t n;

	if (w->want != NF_NROW_UNKNOWN && nrow > w->want - w->nrow)
		return nf_fail(err, NF_EDATA, "%s: more rows than the %llu "
		    "that its header promises", w->name,
		    (unsigned long long)w->want);
	w->nrow += nrow;
	for (; nrow > 0; nrow -= n, p += n * w->rowsize) {
		n = w->frame - w->used;
		if (n > nrow)
			n = nrow;
		if (n == w->frame) {	/* whole frames are not copied */
			if (block_write(w, NF_TAG('D'), n, p, n * w->rowsize,
			    err) == -1)
				return -1;
			continue;
		}
		if (w->buf == NULL && (w->buf = nf_alloc(w->frame, w->rowsize,
		    "a frame", err)) == NULL)
			return -1;
		memcpy(w->buf + w->used * w->rowsize, p, n * w->rowsize);
		w->used += n;
		if (w->used < w->frame)
			continue;
		if (block_write(w, NF_TAG('D'), w->used, w->buf,
		    w->used * w->rowsize, err) == -1)
			return -1;
		w->used = 0;
	}
	return 0;
}

int
nf_writer_end(struct nf_writer *w, struct nf_err *err)
{
	if (w->want != NF_NROW_UNKNOWN && w->nrow != w->want)
		return nf_fail(err, NF_EDATA, "%s: %llu rows, but its header "
		    "promises %llu", w->name, (unsigned long long)w->nrow,
		    (unsigned long long)w->want);
	if (w->used > 0 && block_write(w, NF_TAG('D'), w->used, w->buf,
	    w->used * w->rowsize, err) == -1)
		return -1;
	w->used = 0;
	return block_write(w, NF_TAG('E'), w->nrow, NULL, 0, err);
}

void
nf_writer_close(struct nf_writer *w)
{
	if (w == NULL)
		return;
	nf_free(w->name);
	nf_free(w->buf);
	nf_free(w->packed);
	ZSTD_freeCCtx(w->cctx);
	nf_free(w);
}
