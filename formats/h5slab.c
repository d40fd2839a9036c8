/* Slabs of rows: chunks are read in order, and unpacked by a pool. */
#include <string.h>

#include "h5.h"

#define FLAT_BYTES	(1u << 20)	/* of a contiguous dataset in a job */
#define MIN_SPAN	(32u << 10)	/* bytes, on average */
#define MAX_FLIGHT	(256u << 20)	/* bytes of chunks in jobs */

/* What has become of a chunk: left to libhdf5, in its place, or packed. */
enum fetched { ABSENT, PLACED, RAW };

/* ---- jobs ------------------------------------------------------------- */

static int
cannot_unpack(const struct nf_h5_job *j, const char *why, struct nf_err *err)
{
	const struct nf_h5_source *s = j->slab->src;
	bool group = s->npart > 1;

	return nf_fail(err, NF_EDATA, "%s%scorrupt chunk at row %llu, column "
	    "%u: %s", group ? s->schema.column.s[j->part->first] : "",
	    group ? ": " : "", (unsigned long long)j->first,
	    j->block * j->part->chunk_cols, why);
}

static int
inexact(const struct nf_h5_slab *s, const struct nf_h5_bad *bad,
    struct nf_err *err)
{
	return nf_fail(err, NF_EDATA, "row %llu, column %s: an integer beyond "
	    "2^53, which a stream cannot hold exactly; choose other columns",
	    (unsigned long long)bad->row, s->column->s[bad->to]);
}

static int
judge(const struct nf_h5_job *j, struct nf_err *err)
{
	switch (j->trouble) {
	case NF_H5_FINE:
		return 0;
	case NF_H5_NO_MEMORY:
		return nf_fail(err, NF_ESYS, "no memory for a chunk of %zu "
		    "bytes", j->part->chunk_bytes);
	case NF_H5_BAD_DEFLATE:
		return cannot_unpack(j, "its deflated bytes are damaged", err);
	case NF_H5_TOO_SHORT:
		return cannot_unpack(j, "it holds too few bytes", err);
	case NF_H5_TOO_LONG:
		return cannot_unpack(j, "it holds too many bytes", err);
	case NF_H5_INEXACT:
		return inexact(j->slab, &j->bad, err);
	case NF_H5_CANNOT_READ:
		return nf_fail(err, NF_ESYS, "cannot read: %s",
		    strerror(j->system));
	case NF_H5_CUT_SHORT:
		break;
	}
	return nf_fail(err, NF_EDATA, "truncated: the file ends before row "
	    "%llu", (unsigned long long)(j->row + j->nrow));
}

/* Rows of a block that libhdf5 has to read, or a fill value stands for. */
static int
read_block(struct nf_h5_slab *s, const struct nf_h5_part *p, uint32_t block,
    uint64_t row, uint64_t nrow, struct nf_err *err)
{
	struct nf_h5_gather g = { .nrow = nrow };
	struct nf_h5_bad bad = { false, 0, 0 };
	uint32_t col = block * p->chunk_cols, n = p->ncol - col;

	if (n > p->chunk_cols)
		n = p->chunk_cols;
	nf_h5_aim(s, p, block, row, &g);
	if (nf_h5_part_read(p, row, col, n, &g, &bad, err) == -1)
		return s->src->npart == 1 ? -1 : nf_fail_in(err, "%s",
		    s->src->schema.column.s[p->first]);
	bad.row += row;
	return bad.found ? inexact(s, &bad, err) : 0;
}

/* Where the chunk of j stands, for a thread to read it. */
static int
find(struct nf_h5_job *j, const hsize_t at[2], enum fetched *what,
    struct nf_err *err)
{
	const struct nf_h5_part *p = j->part;
	haddr_t addr = HADDR_UNDEF;
	hsize_t n = 0;

	if (H5Dget_chunk_info_by_coord(p->id, at, &j->skipped, &addr, &n) <
	    0 || addr == HADDR_UNDEF || addr > INT64_MAX || n == 0) {
		H5Eclear2(H5E_DEFAULT);	/* if it is damaged, H5Dread tells */
		return 0;
	}
	if (n > p->chunk_bytes + p->chunk_bytes / 8 + 1024)
		return cannot_unpack(j, "it holds too many bytes", err);
	*what = RAW;
	j->at = addr;
	j->nraw = n;
	return 0;
}

/* Read the chunk of j to its place or to raw; absent, it is left to H5Dread. */
static int
fetch(struct nf_h5_job *j, enum fetched *what, struct nf_err *err)
{
	const struct nf_h5_part *p = j->part;
	hsize_t at[2] = { j->first, (hsize_t)j->block * p->chunk_cols };
	hsize_t n = 0;
	unsigned char *to;

	*what = ABSENT;
	if (nf_fault(NF_FAULT_READ))
		return nf_fail(err, NF_ESYS, "cannot read: a fault was asked "
		    "for");
	if (p->fd != -1)
		return find(j, at, what, err);
	if (H5Dget_chunk_storage_size(p->id, at, &n) < 0 || n == 0) {
		H5Eclear2(H5E_DEFAULT);	/* if it is damaged, H5Dread tells */
		return 0;
	}
	if (n > p->chunk_bytes + p->chunk_bytes / 8 + 1024)
		return cannot_unpack(j, "it holds too many bytes", err);
	*what = PLACED;
	if ((to = nf_h5_place(j, n)) == NULL) {
		*what = RAW;
		j->nraw = n;
		to = j->raw = nf_alloc(n, 1, "a chunk", err);
	}
	if (to == NULL)
		return -1;
	if (H5Dread_chunk(p->id, H5P_DEFAULT, at, &j->skipped, to) < 0)
		return nf_h5_fail(err, "chunk at row %llu, column %llu: cannot "
		    "read it", (unsigned long long)at[0],
		    (unsigned long long)at[1]);
	return 0;
}

/* ---- slabs ------------------------------------------------------------ */

static bool
is_chosen(const struct nf_h5_part *p, uint32_t block)
{
	return p->block[block + 1] > p->block[block];
}

/* Rows that a job of the part has at most. */
static uint64_t
job_rows(const struct nf_h5_part *p)
{
	return p->way == NF_H5_CHUNK ? p->chunk_rows :
	    FLAT_BYTES / ((uint64_t)p->ncol * p->elem.size) + 1;
}

/* Fresh memory costs least where the system clears it, in large pages. */
static int
grow(struct nf_grow *g, unsigned char **p, size_t want, struct nf_err *err)
{
	*p = g->p;
	if (want <= g->size)
		return 0;
	nf_grow_free(g);
	if (nf_grow_open(g, want, "rows", err) == -1 ||
	    nf_grow_to(g, want, "rows", err) == -1)
		return -1;
	*p = g->p;
	return 0;
}

/* Room for the rows and for as many jobs as there can be. */
static int
make_room(struct nf_h5_slab *s, struct nf_err *err)
{
	const struct nf_h5_part *p, *end = s->src->part + s->src->npart;
	size_t nbyte = s->nrow * s->column->n * nf_type_size(s->type);
	size_t n = 0;
	uint32_t b;

	for (p = s->src->part; p < end; p++)
		for (b = 0; p->way != NF_H5_READ && b < p->nblock; b++)
			if (is_chosen(p, b))
				n += s->nrow / job_rows(p) + 2;
	if (n > s->maxjob) {
		nf_free(s->job);
		nf_free(s->span);
		s->job = nf_alloc(n, sizeof(*s->job), "chunks", err);
		s->span = nf_alloc(n, sizeof(*s->span), "chunks", err);
		s->maxjob = s->job == NULL || s->span == NULL ? 0 :
		    (uint32_t)n;
	}
	if (n > s->maxjob || grow(&s->rows, &s->x, nbyte, err) == -1)
		return -1;
	return !s->src->scattered ? 0 :
	    grow(&s->columns, &s->turned, nbyte, err);
}

static void
add_job(struct nf_h5_slab *s, const struct nf_h5_job *j)
{
	size_t flight = 2 * j->part->chunk_bytes + 1;
	struct nf_pool *pool = nf_h5_work_pool(j->work);

	nf_pool_wait(pool, &s->pending, (unsigned)(MAX_FLIGHT / flight));
	s->job[s->njob] = *j;
	__atomic_add_fetch(&s->open, 1, __ATOMIC_RELAXED);
	nf_pool_add(pool, &s->job[s->njob++].task, &s->pending);
}

/* One block of one part, for the rows that a job has. */
static int
begin_block(struct nf_h5_slab *s, struct nf_h5_work *w,
    const struct nf_h5_part *p, uint32_t b, uint64_t row, uint64_t end,
    struct nf_err *err)
{
	enum fetched what = RAW;
	struct nf_h5_job j = {
		.task.run = p->way == NF_H5_CHUNK ? nf_h5_run_chunk :
		    nf_h5_run_flat,
		.slab = s, .work = w, .part = p, .block = b,
		.row = row, .nrow = end - row,
		.first = row / p->chunk_rows * p->chunk_rows,
	};

	if (p->way == NF_H5_READ)
		what = ABSENT;
	else if (p->way == NF_H5_CHUNK && fetch(&j, &what, err) == -1) {
		nf_free(j.raw);
		return -1;
	}
	if (what == ABSENT)
		return read_block(s, p, b, row, end - row, err);
	if (what == RAW)
		add_job(s, &j);
	return 0;
}

static int
begin_part(struct nf_h5_slab *s, struct nf_h5_work *w,
    const struct nf_h5_part *p, struct nf_err *err)
{
	uint64_t row, end, last = s->row + s->nrow, step = job_rows(p);
	uint32_t b;

	for (row = s->row; row < last; row = end) {
		end = p->way == NF_H5_CHUNK ? (row / step + 1) * step :
		    p->way == NF_H5_FLAT ? row + step : last;
		if (end > last)
			end = last;
		for (b = 0; b < p->nblock; b++)
			if (is_chosen(p, b) &&
			    begin_block(s, w, p, b, row, end, err) == -1)
				return -1;
	}
	return 0;
}

int
nf_h5_slab_begin(struct nf_h5_slab *s, struct nf_h5_work *w,
    struct nf_err *err)
{
	const struct nf_h5_part *p;

	s->njob = s->nspan = 0;
	s->open = 1;
	if (make_room(s, err) == -1)
		return -1;
	for (p = s->src->part; p < s->src->part + s->src->npart; p++)
		if (p->block[p->nblock] > 0 && begin_part(s, w, p, err) == -1)
			return -1;
	nf_h5_done(s);
	return 0;
}

/* Where all rows stand in the file, if they do, in pieces worth the call. */
static void
find_spans(struct nf_h5_slab *s)
{
	uint64_t row = s->row, nbyte = 0;
	const struct nf_h5_job *j;

	for (j = s->job; j < s->job + s->njob && j->copied &&
	    j->row == row; j++) {
		s->span[j - s->job] = (struct nf_span){ j->part->fd, j->at,
			j->nraw };
		row += j->nrow;
		nbyte += j->nraw;
	}
	s->nspan = row == s->row + s->nrow && j == s->job + s->njob &&
	    nbyte / MIN_SPAN >= s->njob ? s->njob : 0;
}

int
nf_h5_slab_end(struct nf_h5_slab *s, struct nf_h5_work *w,
    struct nf_err *err)
{
	uint32_t k;

	nf_pool_wait(nf_h5_work_pool(w), &s->pending, 0);
	for (k = 0; k < s->njob; k++)
		if (judge(&s->job[k], err) == -1)
			return -1;
	find_spans(s);
	return 0;
}

void
nf_h5_slab_free(struct nf_h5_slab *s, struct nf_h5_work *w)
{
	if (w != NULL)
		nf_pool_wait(nf_h5_work_pool(w), &s->pending, 0);
	nf_grow_free(&s->rows);
	nf_grow_free(&s->columns);
	nf_free(s->job);
	nf_free(s->span);
}
