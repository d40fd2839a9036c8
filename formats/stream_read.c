/* The tensor stream's reader: nothing leaves it that is not verified. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "stream.h"

/* Bytes in memory, grown as they arrive. */
struct buf {
	char *p;
	size_t size;
};

struct nf_reader {
	struct nf_bytes in;
	char *name;
	struct nf_schema schema;
	uint64_t total;
	size_t rowsize;
	uint64_t nrow, nframe;		/* seen in this stream */
	bool many, ended;
	struct nf_head head;
	struct buf stored, plain;
	ZSTD_DCtx *dctx;
};

static int
early(struct nf_reader *r, struct nf_err *err)
{
	if (r->schema.column.n == 0)
		return nf_fail(err, NF_EDATA,
		    "%s: stream ended early: in its header", r->name);
	return nf_fail(err, NF_EDATA,
	    "%s: stream ended early: the writer stopped after %llu rows",
	    r->name, (unsigned long long)r->nrow);
}

static int
corrupt(struct nf_reader *r, const char *why, struct nf_err *err)
{
	if (r->schema.column.n == 0)
		return nf_fail(err, NF_EDATA, "%s: corrupt header: %s",
		    r->name, why);
	return nf_fail(err, NF_EDATA, "%s: corrupt frame %llu: %s", r->name,
	    (unsigned long long)r->nframe + 1, why);
}

/* Make b hold size bytes and keep its first used. */
static int
buf_grow(struct buf *b, size_t size, size_t used, struct nf_err *err)
{
	char *p;

	if (size <= b->size)
		return 0;
	p = nf_alloc(size, 1, "a frame", err);
	if (p == NULL)
		return -1;
	if (used > 0)
		memcpy(p, b->p, used);
	nf_free(b->p);
	b->p = p;
	b->size = size;
	return 0;
}

/* The payload of r->head, in memory that grows with what really comes. */
static int
payload_read(struct nf_reader *r, struct nf_err *err)
{
	size_t want = r->head.bytes, have = 0, room, got;

	while (have < want) {
		room = have == 0 ? NF_PIPE_SIZE : have * 2;
		if (buf_grow(&r->stored, want < room ? want : room, have,
		    err) == -1)
			return -1;
		room = (want < r->stored.size ? want : r->stored.size) - have;
		if (nf_bytes_read(&r->in, r->stored.p + have, room, &got,
		    err) == -1)
			return -1;
		have += got;
		if (got < room)
			return early(r, err);
	}
	return 0;
}

/*
 * Read a block whose head is in r->head, and verify it.  *x is its payload
 * as it was before compression: want bytes, or any where that is SIZE_MAX.
 */
static int
block_read(struct nf_reader *r, size_t want, const void **x, size_t *n,
    struct nf_err *err)
{
	unsigned long long size;

	if (r->head.flags & ~NF_BLOCK_ZSTD)
		return corrupt(r, "unknown flags", err);
	if (r->head.bytes > NF_MAX_PAYLOAD)
		return corrupt(r, "larger than 64 MiB", err);
	if (!(r->head.flags & NF_BLOCK_ZSTD) && want != SIZE_MAX &&
	    r->head.bytes != want)
		return corrupt(r, "its size is not that of its rows", err);
	if (payload_read(r, err) == -1)
		return -1;
	if (nf_head_sum(&r->head, r->stored.p) != r->head.sum)
		return corrupt(r, "the checksum differs", err);
	*x = r->stored.p;
	*n = r->head.bytes;
	if (!(r->head.flags & NF_BLOCK_ZSTD))
		return 0;

	if (ZSTD_findFrameCompressedSize(r->stored.p, *n) != *n)
		return corrupt(r, "not one zstd frame", err);
	size = ZSTD_getFrameContentSize(r->stored.p, *n);
	if (want == SIZE_MAX && size <= NF_MAX_PAYLOAD)
		want = size;		/* a header says it itself */
	if (want > NF_MAX_PAYLOAD ||
	    (size != want && size != ZSTD_CONTENTSIZE_UNKNOWN))
		return corrupt(r, "its size is not that of its rows", err);
	if (r->dctx == NULL)
		r->dctx = ZSTD_createDCtx();
	if (r->dctx == NULL)
		return nf_fail(err, NF_ESYS, "no memory to decompress");
	if (buf_grow(&r->plain, want, 0, err) == -1)
		return -1;
	*x = r->plain.p;
	*n = ZSTD_decompressDCtx(r->dctx, r->plain.p, want, r->stored.p,
	    r->head.bytes);
	if (ZSTD_isError(*n) || *n != want)
		return corrupt(r, "zstd cannot decompress it", err);
	return 0;
}

static int
not_stream(struct nf_reader *r, size_t got, struct nf_err *err)
{
	return nf_fail(err, NF_EDATA, "%s: not a tensor stream%s", r->name,
	    nf_kind_hint(nf_kind_find(&r->head, got)));
}

/* Read 32 bytes.  1; 0 where the input is over before them; -1. */
static int
head_read(struct nf_reader *r, struct nf_err *err)
{
	uint32_t tag = NF_TAG('H');
	size_t got;

	if (nf_bytes_read(&r->in, &r->head, sizeof(r->head), &got, err) == -1)
		return -1;
	if (got == 0)
		return 0;
	if (r->schema.column.n == 0 &&
	    memcmp(&r->head, &tag, got < 4 ? got : 4) != 0)
		return not_stream(r, got, err);
	return got < sizeof(r->head) ? early(r, err) : 1;
}

/* The rest of a header whose head has been read. */
static int
header_read(struct nf_reader *r, struct nf_err *err)
{
	const void *text;
	size_t n;

	r->nrow = r->nframe = 0;
	r->ended = false;
	if (block_read(r, SIZE_MAX, &text, &n, err) == -1)
		return -1;
	if (nf_header_parse(&r->schema, text, n, err) == -1) {
		nf_schema_free(&r->schema);
		return nf_fail_in(err, "%s", r->name);
	}
	r->schema.nrow = r->head.rows;
	r->rowsize = r->schema.column.n * nf_type_size(r->schema.type);
	return 0;
}

/*
 * In a file the end's count is there to be read.  That nothing but this one
 * stream stands in it follows from its size, if its frames are ours.
 */
static void
total_find(struct nf_reader *r)
{
	struct nf_head end;
	struct stat st;
	off_t at = lseek(r->in.fd, 0, SEEK_CUR);
	uint64_t frame = nf_frame_rows(&r->schema), n, size;

	r->total = NF_NROW_UNKNOWN;
	if (at == -1 || fstat(r->in.fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size - at < (off_t)sizeof(end) ||
	    pread(r->in.fd, &end, sizeof(end), st.st_size -
	    (off_t)sizeof(end)) != sizeof(end) || end.tag != NF_TAG('E') ||
	    end.bytes != 0 || nf_head_sum(&end, NULL) != end.sum)
		return;
	n = end.rows / frame + (end.rows % frame != 0);
	if (__builtin_mul_overflow(end.rows, r->rowsize, &size) ||
	    __builtin_add_overflow(size, (n + 1) * sizeof(end), &size) ||
	    size != (uint64_t)(st.st_size - at))
		return;
	r->total = end.rows;
}

int
nf_reader_open_bytes(struct nf_reader **reader, const struct nf_bytes *in,
    struct nf_err *err)
{
	struct nf_reader *r;
	int rc;

	*reader = r = nf_alloc(1, sizeof(*r), "a reader", err);
	if (r == NULL)
		return -1;
	r->in = *in;
	r->name = nf_strdup(in->name, err);
	if (r->name == NULL)
		goto fail;
	r->in.name = r->name;
	(void)fcntl(in->fd, F_SETPIPE_SZ, NF_PIPE_SIZE);
	rc = head_read(r, err);
	if (rc == 0)
		rc = not_stream(r, 0, err);
	if (rc == -1 || header_read(r, err) == -1)
		goto fail;
	total_find(r);
	return 0;
fail:
	nf_reader_close(r);
	*reader = NULL;
	return -1;
}

int
nf_reader_open(struct nf_reader **r, int fd, const char *name,
    struct nf_err *err)
{
	struct nf_bytes in = { .fd = fd, .name = name };

	return nf_reader_open_bytes(r, &in, err);
}

const struct nf_schema *
nf_reader_schema(const struct nf_reader *r)
{
	return &r->schema;
}

const char *
nf_reader_name(const struct nf_reader *r)
{
	return r->name;
}

uint64_t
nf_reader_total(const struct nf_reader *r)
{
	return r->many || r->total != NF_NROW_UNKNOWN ? r->total :
	    r->schema.nrow;
}

static int
end_check(struct nf_reader *r, struct nf_err *err)
{
	char byte;
	size_t got;

	if (r->head.flags != 0 || r->head.bytes != 0 ||
	    nf_head_sum(&r->head, NULL) != r->head.sum)
		return corrupt(r, "the end is damaged", err);
	if (r->head.rows != r->nrow)
		return nf_fail(err, NF_EDATA, "%s: the end counts %llu rows, "
		    "but %llu were there", r->name,
		    (unsigned long long)r->head.rows,
		    (unsigned long long)r->nrow);
	if (r->schema.nrow != NF_NROW_UNKNOWN && r->schema.nrow != r->nrow)
		return nf_fail(err, NF_EDATA, "%s: the header promises %llu "
		    "rows, but %llu were there", r->name,
		    (unsigned long long)r->schema.nrow,
		    (unsigned long long)r->nrow);
	r->ended = true;
	if (r->many)
		return 0;
	if (nf_bytes_read(&r->in, &byte, 1, &got, err) == -1)
		return -1;
	if (got != 0)
		return nf_fail(err, NF_EDATA, "%s: bytes after the end of the "
		    "stream (nfcat joins streams)", r->name);
	return 0;
}

int
nf_reader_next(struct nf_reader *r, struct nf_rows *rows, struct nf_err *err)
{
	size_t n;
	int rc;

	if (r->ended)
		return 0;
	rc = head_read(r, err);
	if (rc != 1)
		return rc == 0 ? early(r, err) : -1;
	if (r->head.tag == NF_TAG('E'))
		return end_check(r, err);
	if (r->head.tag != NF_TAG('D'))
		return corrupt(r, "its tag is wrong", err);
	if (r->head.rows == 0 || r->head.rows > NF_MAX_PAYLOAD / r->rowsize)
		return corrupt(r, "its number of rows is out of bounds", err);
	if (block_read(r, r->head.rows * r->rowsize, &rows->x, &n, err) == -1)
		return -1;
	if (r->schema.nrow != NF_NROW_UNKNOWN &&
	    r->head.rows > r->schema.nrow - r->nrow)
		return nf_fail(err, NF_EDATA, "%s: the header promises %llu "
		    "rows, but there are more", r->name,
		    (unsigned long long)r->schema.nrow);
	rows->nrow = r->head.rows;
	rows->ncol = r->schema.column.n;
	rows->type = r->schema.type;
	r->nrow += r->head.rows;
	r->nframe++;
	return 1;
}

void
nf_reader_many(struct nf_reader *r)
{
	r->many = true;
}

int
nf_reader_again(struct nf_reader *r, struct nf_err *err)
{
	int rc;

	nf_schema_free(&r->schema);
	rc = head_read(r, err);
	if (rc == 1 && header_read(r, err) == -1)
		rc = -1;
	return rc;
}

void
nf_reader_close(struct nf_reader *r)
{
	if (r == NULL)
		return;
	nf_schema_free(&r->schema);
	nf_free(r->name);
	nf_free(r->stored.p);
	nf_free(r->plain.p);
	ZSTD_freeDCtx(r->dctx);
	nf_free(r);
}
