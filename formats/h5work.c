/* A thread's share of reading: a chunk or a run of rows, to its place. */
#include <errno.h>
#include <libdeflate.h>
#include <string.h>
#include <unistd.h>

#include "h5.h"

#define TILE		(16u << 10)	/* bytes unshuffled at once: in cache */
#define KEEP		(32u << 20)	/* bytes a thread keeps for itself */

/* A thread's own: an unpacker; room for a chunk, packed or not, and a tile. */
struct mine {
	struct libdeflate_decompressor *inflate;
	unsigned char *raw, *chunk, *tile;
	size_t nraw, nchunk, ntile;
};

struct nf_h5_work {
	struct nf_pool *pool;
	struct mine *mine;		/* one a thread */
};

static unsigned char *
room(unsigned char **p, size_t *have, size_t want)
{
	if (*have < want) {
		nf_free(*p);
		*p = nf_alloc(want, 1, "a chunk", NULL);
		*have = *p == NULL ? 0 : want;
	}
	return *p;
}

void
nf_h5_aim(const struct nf_h5_slab *s, const struct nf_h5_part *p,
    uint32_t block, uint64_t row, struct nf_h5_gather *g)
{
	size_t size = nf_type_size(s->type), at = row - s->row;

	g->src_step = p->chunk_cols;
	g->from = p->from + p->block[block];
	g->to = p->to + p->block[block];
	g->n = p->block[block + 1] - p->block[block];
	g->type = s->type;
	if (s->src->scattered) {
		g->row_step = 1;
		g->col_step = s->nrow;
		g->out = s->turned + at * size;
	} else {
		g->row_step = s->column->n;
		g->col_step = 1;
		g->out = s->x + at * s->column->n * size;
	}
}

void
nf_h5_done(struct nf_h5_slab *s)
{
	struct nf_rows rows = { s->nrow, s->column->n, s->type, s->x };
	uint64_t i;
	uint32_t j;

	if (__atomic_sub_fetch(&s->open, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (s->src->scattered)
		nf_h5_transpose(s->turned, s->nrow, s->column->n, s->type,
		    s->x);
	s->finite = s->trust || nf_rows_finite(&rows, &i, &j);
}

unsigned char *
nf_h5_place(const struct nf_h5_job *j, uint64_t nbyte)
{
	const struct nf_h5_part *p = j->part;
	struct nf_h5_gather g;

	nf_h5_aim(j->slab, p, j->block, j->row, &g);
	if (p->shuffle != -1 || p->deflate != -1 || nbyte != p->chunk_bytes ||
	    j->row != j->first || j->nrow != p->chunk_rows ||
	    !nf_h5_gather_is_copy(&g, p->elem.kind, p->elem.swap))
		return NULL;
	return nf_h5_gather_at(&g);
}

static enum nf_h5_trouble
gather(struct nf_h5_job *j, struct nf_h5_gather *g, uint64_t row)
{
	if (nf_h5_gather(g, j->part->elem.kind, j->part->elem.swap,
	    &j->bad) == 0)
		return NF_H5_FINE;
	j->bad.row += row;
	return NF_H5_INEXACT;
}

/* Gather from a shuffled chunk, a tile of rows at a time. */
static enum nf_h5_trouble
gather_shuffled(struct nf_h5_job *j, struct mine *m, const unsigned char *x)
{
	const struct nf_h5_part *p = j->part;
	size_t step = p->chunk_cols, size = p->elem.size;
	uint64_t i, n = TILE / (step * size) + 1;
	struct nf_h5_gather g;
	enum nf_h5_trouble t = NF_H5_FINE;

	nf_h5_aim(j->slab, p, j->block, j->row, &g);
	if (nf_h5_gather_is_copy(&g, p->elem.kind, p->elem.swap)) {
		nf_h5_unshuffle(x, p->chunk_rows * step, size, (j->row -
		    j->first) * step, j->nrow * step, nf_h5_gather_at(&g));
		return NF_H5_FINE;
	}
	if (n > j->nrow)
		n = j->nrow;
	if (room(&m->tile, &m->ntile, n * step * size) == NULL)
		return NF_H5_NO_MEMORY;
	g.src = m->tile;
	for (i = 0; i < j->nrow && t == NF_H5_FINE; i += n) {
		g.nrow = j->nrow - i < n ? j->nrow - i : n;
		nf_h5_unshuffle(x, p->chunk_rows * step, size,
		    (j->row + i - j->first) * step, g.nrow * step, m->tile);
		nf_h5_aim(j->slab, p, j->block, j->row + i, &g);
		t = gather(j, &g, j->row + i);
	}
	return t;
}

/* The chunk's bytes, inflated if they were deflated. */
static enum nf_h5_trouble
unpack(const struct nf_h5_job *j, struct mine *m, const unsigned char *raw,
    const unsigned char **x)
{
	size_t want = j->part->chunk_bytes;
	int deflate = j->part->deflate;

	*x = raw;
	if (deflate == -1 || j->skipped >> deflate & 1)
		return j->nraw < want ? NF_H5_TOO_SHORT : j->nraw > want ?
		    NF_H5_TOO_LONG : NF_H5_FINE;
	*x = room(&m->chunk, &m->nchunk, want);
	if (m->inflate == NULL)
		m->inflate = libdeflate_alloc_decompressor();
	if (*x == NULL || m->inflate == NULL)
		return NF_H5_NO_MEMORY;
	switch (libdeflate_zlib_decompress(m->inflate, raw, j->nraw,
	    m->chunk, want, NULL)) {
	case LIBDEFLATE_SUCCESS:
		return NF_H5_FINE;
	case LIBDEFLATE_SHORT_OUTPUT:
		return NF_H5_TOO_SHORT;
	case LIBDEFLATE_INSUFFICIENT_SPACE:
		return NF_H5_TOO_LONG;
	default:
		return NF_H5_BAD_DEFLATE;
	}
}

static enum nf_h5_trouble
read_at(struct nf_h5_job *j, unsigned char *x, uint64_t at, size_t n)
{
	size_t got = 0;
	ssize_t k;

	while (got < n) {
		k = nf_fault(NF_FAULT_READ) ? (errno = EIO, -1) :
		    pread(j->part->fd, x + got, n - got, (off_t)(at + got));
		if (k == 0)
			return NF_H5_CUT_SHORT;
		if (k == -1 && errno != EINTR) {
			j->system = errno;
			return NF_H5_CANNOT_READ;
		}
		got += k == -1 ? 0 : (size_t)k;
	}
	return NF_H5_FINE;
}

/* The chunk's bytes, already read or not, to its place or their own. */
static enum nf_h5_trouble
take_chunk(struct nf_h5_job *j, struct mine *m)
{
	const struct nf_h5_part *p = j->part;
	const unsigned char *raw = j->raw, *x;
	struct nf_h5_gather g;
	enum nf_h5_trouble t;
	unsigned char *to;

	if (raw == NULL) {
		if ((to = nf_h5_place(j, j->nraw)) != NULL) {
			j->copied = true;
			return read_at(j, to, j->at, j->nraw);
		}
		if ((to = room(&m->raw, &m->nraw, j->nraw)) == NULL)
			return NF_H5_NO_MEMORY;
		if ((t = read_at(j, to, j->at, j->nraw)) != NF_H5_FINE)
			return t;
		raw = to;
	}
	if ((t = unpack(j, m, raw, &x)) != NF_H5_FINE)
		return t;
	if (p->shuffle != -1 && p->elem.size > 1 &&
	    !(j->skipped >> p->shuffle & 1))
		return gather_shuffled(j, m, x);
	g.src = x + (j->row - j->first) * p->chunk_cols * p->elem.size;
	g.nrow = j->nrow;
	nf_h5_aim(j->slab, p, j->block, j->row, &g);
	return gather(j, &g, j->row);
}

/* What is large is not kept. */
static void
trim(unsigned char **p, size_t *n)
{
	if (*n <= KEEP)
		return;
	nf_free(*p);
	*p = NULL;
	*n = 0;
}

void
nf_h5_run_chunk(struct nf_task *task, unsigned thread)
{
	struct nf_h5_job *j = (struct nf_h5_job *)task;
	struct mine *m = &j->work->mine[thread];

	j->trouble = take_chunk(j, m);
	nf_free(j->raw);
	j->raw = NULL;
	trim(&m->chunk, &m->nchunk);
	trim(&m->raw, &m->nraw);
	nf_h5_done(j->slab);
}

static enum nf_h5_trouble
flat(struct nf_h5_job *j, struct mine *m)
{
	const struct nf_h5_part *p = j->part;
	size_t rowsize = (size_t)p->ncol * p->elem.size;
	struct nf_h5_gather g;
	enum nf_h5_trouble t;

	nf_h5_aim(j->slab, p, j->block, j->row, &g);
	j->at = p->offset + j->row * rowsize;
	j->nraw = j->nrow * rowsize;
	j->copied = nf_h5_gather_is_copy(&g, p->elem.kind, p->elem.swap);
	if (j->copied)
		return read_at(j, nf_h5_gather_at(&g), j->at, j->nraw);
	if (room(&m->tile, &m->ntile, j->nraw) == NULL)
		return NF_H5_NO_MEMORY;
	t = read_at(j, m->tile, j->at, j->nraw);
	g.src = m->tile;
	g.nrow = j->nrow;
	return t == NF_H5_FINE ? gather(j, &g, j->row) : t;
}

void
nf_h5_run_flat(struct nf_task *task, unsigned thread)
{
	struct nf_h5_job *j = (struct nf_h5_job *)task;

	j->trouble = flat(j, &j->work->mine[thread]);
	nf_h5_done(j->slab);
}

/* ---- the threads ------------------------------------------------------ */

int
nf_h5_work_open(struct nf_h5_work **out, struct nf_err *err)
{
	struct nf_h5_work *w = nf_alloc(1, sizeof(*w), "threads", err);

	*out = w;
	if (w == NULL)
		return -1;
	if (nf_pool_open(&w->pool, err) == 0 &&
	    (w->mine = nf_alloc(nf_pool_size(w->pool), sizeof(*w->mine),
	    "threads", err)) != NULL)
		return 0;
	nf_h5_work_close(w);
	*out = NULL;
	return -1;
}

struct nf_pool *
nf_h5_work_pool(const struct nf_h5_work *w)
{
	return w->pool;
}

void
nf_h5_work_close(struct nf_h5_work *w)
{
	unsigned i;

	if (w == NULL)
		return;
	for (i = 0; w->mine != NULL && i < nf_pool_size(w->pool); i++) {
		nf_free(w->mine[i].raw);
		nf_free(w->mine[i].chunk);
		nf_free(w->mine[i].tile);
		libdeflate_free_decompressor(w->mine[i].inflate);
	}
	nf_pool_close(w->pool);
	nf_free(w->mine);
	nf_free(w);
}
