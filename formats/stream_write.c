/* The tensor stream's writer: an end is written only on request. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "span.h"
#include "stream.h"

struct nf_writer {
	int fd;
	bool pipe;
	char *name;
	uint64_t want, nrow;		/* promised; put so far */
	size_t rowsize;
	uint64_t frame, used;		/* rows of a full frame; in buf */
	char *buf;			/* NULL: so far all frames came whole */
	char *packed;			/* NULL: not compressed */
	size_t npacked;
	ZSTD_CCtx *cctx;
};

/* A place in spans that follow one another. */
struct cursor {
	const struct nf_span *span;	/* NULL: rows stand in no file */
	uint64_t skip;			/* bytes of it */
};

static const struct cursor nowhere = { NULL, 0 };

static void
cursor_move(struct cursor *c, uint64_t n)
{
	if (c->span == NULL)
		return;
	for (c->skip += n; n > 0 && c->skip >= c->span->n; c->span++) {
		c->skip -= c->span->n;
		if (c->skip == 0)
			n = 0;		/* there may be no other */
	}
}

/*
 * Have a pipe take up to n bytes from their file.  Whatever is in the way,
 * the rest can still be written from memory.
 */
static size_t
take(const struct nf_writer *w, struct cursor c, size_t n)
{
	size_t done = 0;
	uint64_t left;
	loff_t at;
	ssize_t k;

	while (w->pipe && c.span != NULL && done < n) {
		at = (loff_t)(c.span->at + c.skip);
		left = c.span->n - c.skip;
		k = splice(c.span->fd, &at, w->fd, NULL,
		    left < n - done ? left : n - done, 0);
		if (k <= 0)
			break;
		done += (size_t)k;
		cursor_move(&c, (uint64_t)k);
	}
	return done;
}

static int
block_write(struct nf_writer *w, uint32_t tag, uint64_t rows, const void *x,
    size_t n, struct cursor c, struct nf_err *err)
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
			c.span = NULL;
		}
	}
	h.sum = nf_head_sum(&h, x);
	v[0].iov_base = &h;
	v[0].iov_len = sizeof(h);
	v[1].iov_base = (void *)x;
	v[1].iov_len = h.bytes;
	if (!w->pipe || c.span == NULL)
		return nf_writev_full(w->fd, v, 2, w->name, err);
	if (nf_writev_full(w->fd, v, 1, w->name, err) == -1)
		return -1;
	k = take(w, c, h.bytes);
	v[1].iov_base = (char *)v[1].iov_base + k;
	v[1].iov_len -= k;
	return nf_writev_full(w->fd, v + 1, 1, w->name, err);
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
	rc = block_write(w, NF_TAG('H'), s->nrow, text, n, nowhere, err);
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
	struct stat st;

	*writer = w = nf_alloc(1, sizeof(*w), "a writer", err);
	if (w == NULL)
		return -1;
	w->fd = fd;
	w->want = s->nrow;
	w->rowsize = s->column.n * nf_type_size(s->type);
	w->name = nf_strdup(name, err);
	if (w->name == NULL)
		goto fail;
	w->pipe = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
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
nf_writer_put_spans(struct nf_writer *w, const void *x, uint64_t nrow,
    const struct nf_span *span, uint32_t nspan, struct nf_err *err)
{
	struct cursor c = { nspan > 0 ? span : NULL, 0 };
	const char *p = x;
	uint64_t n;

	if (w->want != NF_NROW_UNKNOWN && nrow > w->want - w->nrow)
		return nf_fail(err, NF_EDATA, "%s: more rows than the %llu "
		    "that its header promises", w->name,
		    (unsigned long long)w->want);
	w->nrow += nrow;
	for (; nrow > 0; nrow -= n, p += n * w->rowsize,
	    cursor_move(&c, n * w->rowsize)) {
		n = w->frame - w->used;
		if (n > nrow)
			n = nrow;
		if (n == w->frame) {	/* whole frames are not copied */
			if (block_write(w, NF_TAG('D'), n, p, n * w->rowsize,
			    c, err) == -1)
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
		    w->used * w->rowsize, nowhere, err) == -1)
			return -1;
		w->used = 0;
	}
	return 0;
}

int
nf_writer_put(struct nf_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	return nf_writer_put_spans(w, x, nrow, NULL, 0, err);
}

int
nf_writer_end(struct nf_writer *w, struct nf_err *err)
{
	if (w->want != NF_NROW_UNKNOWN && w->nrow != w->want)
		return nf_fail(err, NF_EDATA, "%s: %llu rows, but its header "
		    "promises %llu", w->name, (unsigned long long)w->nrow,
		    (unsigned long long)w->want);
	if (w->used > 0 && block_write(w, NF_TAG('D'), w->used, w->buf,
	    w->used * w->rowsize, nowhere, err) == -1)
		return -1;
	w->used = 0;
	return block_write(w, NF_TAG('E'), w->nrow, NULL, 0, nowhere, err);
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
