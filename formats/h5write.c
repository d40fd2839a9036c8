/* Tables written to HDF5: bands of rows, packed into chunks by a pool. */
#include <libdeflate.h>
#include <string.h>

#include "h5.h"

#define MAX_BANDS	32

/* One dataset's chunk of a band. */
struct chunk {
	struct nf_task task;		/* first, so that a chunk is a task */
	const struct nf_h5_writer *w;
	const struct band *band;
	uint32_t first;			/* column */
	unsigned char *plain, *packed;
	size_t npacked;			/* 0: not deflated */
};

/* The rows of one chunk of every dataset. */
struct band {
	uint64_t row, nrow;
	unsigned char *x;
	struct chunk *chunk;		/* one a dataset */
	unsigned pending;
};

struct nf_h5_writer {
	char *path;
	struct nf_h5_target target;
	size_t size, rowsize, chunk_bytes;
	uint64_t want, nrow;		/* promised; put so far */
	int gzip;
	struct band *band;
	unsigned nband, first, nfull;	/* the oldest full one; how many are */
	struct nf_pool *pool;
	struct libdeflate_compressor **deflate;	/* one a thread */
};

/* ---- packing, in a thread --------------------------------------------- */

static void
pack(struct nf_task *task, unsigned thread)
{
	struct chunk *c = (struct chunk *)task;
	const struct nf_h5_writer *w = c->w;
	size_t step = w->target.ncol * w->size;
	const unsigned char *x = c->band->x + c->first * w->size;
	uint64_t i;

	memset(c->plain, 0, w->chunk_bytes);
	for (i = 0; i < c->band->nrow; i++)
		memcpy(c->plain + i * step, x + i * w->rowsize, step);
	c->npacked = 0;
	if (w->gzip == 0)
		return;
	nf_h5_shuffle(c->plain, w->chunk_bytes / w->size, w->size, c->packed);
	memcpy(c->plain, c->packed, w->chunk_bytes);
	c->npacked = libdeflate_zlib_compress(w->deflate[thread], c->plain,
	    w->chunk_bytes, c->packed, w->chunk_bytes);
}

/* ---- bands ------------------------------------------------------------ */

/* Write the oldest full band's chunks, in order. */
static int
write_band(struct nf_h5_writer *w, struct nf_err *err)
{
	struct band *b = &w->band[w->first];
	const struct chunk *c;
	uint32_t k;

	nf_pool_wait(w->pool, &b->pending, 0);
	for (k = 0; k < w->target.n; k++) {
		c = &b->chunk[k];
		if (nf_h5_target_write(&w->target, k, b->row, b->nrow,
		    c->npacked > 0 ? c->packed : c->plain,
		    c->npacked > 0 ? c->npacked : w->chunk_bytes,
		    w->gzip > 0 && c->npacked == 0, err) == -1)
			return -1;
	}
	w->first = (w->first + 1) % w->nband;
	w->nfull--;
	return 0;
}

/* The band that rows are being put into. */
static struct band *
open_band(struct nf_h5_writer *w)
{
	return &w->band[(w->first + w->nfull) % w->nband];
}

/* Pack it, and write the oldest if no other is free. */
static int
send_band(struct nf_h5_writer *w, struct nf_err *err)
{
	struct band *b = open_band(w);
	uint32_t k;

	for (k = 0; k < w->target.n; k++)
		nf_pool_add(w->pool, &b->chunk[k].task, &b->pending);
	if (++w->nfull == w->nband && write_band(w, err) == -1)
		return -1;
	b = open_band(w);
	b->row = w->nrow;
	b->nrow = 0;
	return 0;
}

static int
make_band(struct nf_h5_writer *w, struct band *b, struct nf_err *err)
{
	struct chunk *c;
	uint32_t k;

	b->x = nf_alloc(w->target.chunk_rows, w->rowsize, "rows", err);
	b->chunk = nf_alloc(w->target.n, sizeof(*b->chunk), "chunks", err);
	if (b->x == NULL || b->chunk == NULL)
		return -1;
	for (k = 0; k < w->target.n; k++) {
		c = &b->chunk[k];
		c->task.run = pack;
		c->w = w;
		c->band = b;
		c->first = k * w->target.ncol;
		c->plain = nf_alloc(w->chunk_bytes, 1, "a chunk", err);
		if (c->plain == NULL)
			return -1;
		if (w->gzip > 0 && (c->packed = nf_alloc(w->chunk_bytes, 1,
		    "a chunk", err)) == NULL)
			return -1;
	}
	return 0;
}

/* Two bands of many columns, or as many as keep the threads busy. */
static int
make_bands(struct nf_h5_writer *w, struct nf_err *err)
{
	unsigned i, n = nf_pool_size(w->pool);

	w->nband = w->target.group ? 2 : n < MAX_BANDS / 2 ? n + 2 : MAX_BANDS;
	w->band = nf_alloc(w->nband, sizeof(*w->band), "rows", err);
	w->deflate = nf_alloc(n, sizeof(*w->deflate), "threads", err);
	if (w->band == NULL || w->deflate == NULL)
		return -1;
	for (i = 0; i < w->nband; i++)
		if (make_band(w, &w->band[i], err) == -1)
			return -1;
	for (i = 0; w->gzip > 0 && i < n; i++)
		if ((w->deflate[i] =
		    libdeflate_alloc_compressor(w->gzip)) == NULL)
			return nf_fail(err, NF_ESYS, "no memory to compress");
	return 0;
}

/* ---- the writer ------------------------------------------------------- */

int
nf_h5_writer_open(struct nf_h5_writer **out, const char *path,
    const char *dataset, const struct nf_schema *s, bool group, int gzip,
    struct nf_err *err)
{
	struct nf_h5_writer *w = nf_alloc(1, sizeof(*w), "a writer", err);

	*out = w;
	if (w == NULL)
		return -1;
	w->want = s->nrow;
	w->gzip = gzip;
	w->size = nf_type_size(s->type);
	w->rowsize = s->column.n * w->size;
	if ((w->path = nf_strdup(path, err)) == NULL ||
	    nf_h5_target_open(&w->target, w->path, dataset, s, group, gzip,
	    err) == -1)
		goto fail;
	w->chunk_bytes = w->target.chunk_rows * w->target.ncol * w->size;
	if (nf_pool_open(&w->pool, err) == 0 &&
	    make_bands(w, err) == 0)
		return 0;
fail:
	nf_h5_writer_close(w);
	*out = NULL;
	return -1;
}

int
nf_h5_writer_put(struct nf_h5_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	const unsigned char *p = x;
	struct band *b;
	uint64_t n;

	for (; nrow > 0; nrow -= n, p += n * w->rowsize) {
		b = open_band(w);
		n = w->target.chunk_rows - b->nrow;
		if (n > nrow)
			n = nrow;
		memcpy(b->x + b->nrow * w->rowsize, p, n * w->rowsize);
		b->nrow += n;
		w->nrow += n;
		if (b->nrow == w->target.chunk_rows &&
		    send_band(w, err) == -1)
			return -1;
	}
	return 0;
}

int
nf_h5_writer_end(struct nf_h5_writer *w, struct nf_err *err)
{
	if (w->want != NF_NROW_UNKNOWN && w->nrow != w->want)
		return nf_fail(err, NF_EDATA, "%s: %llu rows, but the header "
		    "promised %llu", w->path, (unsigned long long)w->nrow,
		    (unsigned long long)w->want);
	if (open_band(w)->nrow > 0 && send_band(w, err) == -1)
		return -1;
	while (w->nfull > 0)
		if (write_band(w, err) == -1)
			return -1;
	return nf_h5_target_end(&w->target, err);
}

static void
free_band(struct nf_h5_writer *w, struct band *b)
{
	uint32_t k;

	nf_pool_wait(w->pool, &b->pending, 0);
	for (k = 0; b->chunk != NULL && k < w->target.n; k++) {
		nf_free(b->chunk[k].plain);
		nf_free(b->chunk[k].packed);
	}
	nf_free(b->chunk);
	nf_free(b->x);
}

void
nf_h5_writer_close(struct nf_h5_writer *w)
{
	unsigned i;

	if (w == NULL)
		return;
	for (i = 0; w->band != NULL && i < w->nband; i++)
		free_band(w, &w->band[i]);
	for (i = 0; w->deflate != NULL && i < nf_pool_size(w->pool); i++)
		libdeflate_free_compressor(w->deflate[i]);
	nf_pool_close(w->pool);
	nf_h5_target_close(&w->target);
	nf_free(w->band);
	nf_free(w->deflate);
	nf_free(w->path);
	nf_free(w);
}
