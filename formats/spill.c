/* Rows in temporary files, in buckets: appended in chunks to one file. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "behind.h"
#include "spill.h"

#define MIN_CHUNK	(4u << 10)	/* bytes: smaller ones are slow */
#define CHUNK		(256u << 10)	/* larger ones are not faster */
#define BATCH		(1u << 20)	/* bytes of a write, if chunks allow */
#define MIN_BITS	3		/* even if they take a little more */
#define MAX_BITS	12
#define SPLIT		256		/* buckets of one that is too large */
#define AHEAD		8		/* rows that a place is fetched for */
#define NONE		UINT32_MAX

/* Records of one bucket that stand together in the file. */
struct chunk {
	uint64_t at;
	uint32_t n, next;
};

struct bucket {
	char *buf;			/* records that are not yet written */
	uint32_t nbuf;
	uint32_t first, last;		/* chunks, or NONE */
	uint64_t n;
};

struct nf_spill {
	int fd, used, bits;
	size_t record;			/* bytes */
	uint32_t max;			/* records of a chunk */
	struct nf_pool *pool;		/* the caller's */
	struct bucket *bucket;
	char *buf;			/* the buckets', at first */
	uint32_t most;			/* chunks of a write */
	struct nf_behind *behind;
	struct chunk *chunk;
	uint32_t nchunk, room;
};

static const char temp_name[] = "a temporary file";

/* ---- memory ----------------------------------------------------------- */

/*
 * As many buckets as there are buffers of a good size in memory; smaller
 * buffers where these would be fewer than are wanted.
 */
static void
divide(struct nf_spill *s, uint64_t want, uint64_t memory)
{
	uint64_t chunk = CHUNK;

	memory = memory / 5 * 4;	/* the rest is to write behind */
	while (chunk > MIN_CHUNK && memory / chunk < want)
		chunk /= 2;
	if (chunk < s->record)
		chunk = s->record;
	for (s->bits = 1; s->bits < MAX_BITS && s->bits < 64 - s->used &&
	    (s->bits < MIN_BITS || chunk << (s->bits + 1) <= memory); )
		s->bits++;
	s->max = (uint32_t)(chunk / s->record);
	s->most = nf_spill_nbucket(s) / 8;
	if (s->most > BATCH / chunk)
		s->most = (uint32_t)(BATCH / chunk);
	if (s->most == 0)
		s->most = 1;
}

static int
make_buffers(struct nf_spill *s, struct nf_err *err)
{
	uint32_t nb = nf_spill_nbucket(s), b;
	size_t chunk = s->max * s->record;

	s->bucket = nf_alloc(nb, sizeof(*s->bucket), "temporary rows", err);
	s->buf = nf_alloc(nb, chunk, "temporary rows", err);
	if (s->bucket == NULL || s->buf == NULL)
		return -1;
	for (b = 0; b < nb; b++) {
		s->bucket[b].first = s->bucket[b].last = NONE;
		s->bucket[b].buf = s->buf + b * chunk;
	}
	return nf_behind_open(&s->behind, s->fd, temp_name, chunk, s->most,
	    s->pool, err);
}

static void
free_buffers(struct nf_spill *s)
{
	nf_behind_close(s->behind);
	nf_free(s->buf);
	s->behind = NULL;
	s->buf = NULL;
}

int
nf_spill_open(struct nf_spill **spill, size_t rowsize, int used,
    uint64_t want, uint64_t memory, struct nf_pool *pool, struct nf_err *err)
{
	struct nf_spill *s;

	*spill = s = nf_alloc(1, sizeof(*s), "temporary rows", err);
	if (s == NULL)
		return -1;
	s->fd = -1;
	s->used = used;
	s->record = NF_SPILL_KEY + rowsize;
	s->pool = pool;
	divide(s, want, memory);
	if (nf_temp_open(&s->fd, err) == 0 && make_buffers(s, err) == 0)
		return 0;
	nf_spill_close(s);
	*spill = NULL;
	return -1;
}

/* ---- writing ---------------------------------------------------------- */

static int
chunk_add(struct nf_spill *s, uint32_t *k, struct nf_err *err)
{
	struct chunk *grown;

	if (s->nchunk == s->room) {
		if (s->room >= NONE / 2)
			return nf_fail(err, NF_ESYS, "too many rows: a larger "
			    "--memory makes fewer chunks of them");
		grown = nf_alloc(s->room == 0 ? 64 : (size_t)s->room * 2,
		    sizeof(*grown), "temporary rows", err);
		if (grown == NULL)
			return -1;
		if (s->nchunk > 0)
			memcpy(grown, s->chunk, s->nchunk * sizeof(*grown));
		nf_free(s->chunk);
		s->chunk = grown;
		s->room = s->room == 0 ? 64 : s->room * 2;
	}
	*k = s->nchunk++;
	return 0;
}

static int
bucket_write(struct nf_spill *s, struct bucket *b, struct nf_err *err)
{
	uint32_t k = 0;
	uint64_t at;

	if (b->nbuf == 0)
		return 0;
	if (chunk_add(s, &k, err) == -1)
		return -1;
	b->buf = nf_behind_put(s->behind, b->buf, b->nbuf * s->record, &at,
	    err);
	if (b->buf == NULL)
		return -1;
	s->chunk[k] = (struct chunk){ at, b->nbuf, NONE };
	if (b->last == NONE)
		b->first = k;
	else
		s->chunk[b->last].next = k;
	b->last = k;
	b->nbuf = 0;
	return 0;
}

/* Have the place of a row to come in cache: it is anywhere. */
static void
fetch(const struct nf_spill *s, uint64_t key)
{
	const struct bucket *b = &s->bucket[key << s->used >> (64 - s->bits)];
	const char *p = b->buf + b->nbuf * s->record;
	size_t k;

	for (k = 0; k < s->record && k < 256; k += 64)
		__builtin_prefetch(p + k, 1);
}

int
nf_spill_put(struct nf_spill *s, const uint64_t *key, const void *rows,
    size_t stride, uint64_t nrow, struct nf_err *err)
{
	size_t size = s->record - NF_SPILL_KEY;
	const char *row = rows;
	struct bucket *b;
	uint64_t i;
	char *p;

	for (i = 0; i < nrow; i++, row += stride) {
		if (i + AHEAD < nrow)
			fetch(s, key[i + AHEAD]);
		b = &s->bucket[key[i] << s->used >> (64 - s->bits)];
		p = b->buf + b->nbuf * s->record;
		memcpy(p, &key[i], NF_SPILL_KEY);
		memcpy(p + NF_SPILL_KEY, row, size);
		b->n++;
		if (++b->nbuf == s->max && bucket_write(s, b, err) == -1)
			return -1;
	}
	return 0;
}

int
nf_spill_done(struct nf_spill *s, struct nf_err *err)
{
	uint32_t b;

	for (b = 0; b < nf_spill_nbucket(s); b++)
		if (bucket_write(s, &s->bucket[b], err) == -1)
			return -1;
	if (nf_behind_end(s->behind, err) == -1)
		return -1;
	free_buffers(s);
	return 0;
}

/* ---- reading ---------------------------------------------------------- */

uint32_t
nf_spill_nbucket(const struct nf_spill *s)
{
	return 1u << s->bits;
}

uint64_t
nf_spill_count(const struct nf_spill *s, uint32_t bucket)
{
	return s->bucket[bucket].n;
}

int
nf_spill_used(const struct nf_spill *s)
{
	return s->used + s->bits;
}

static int
chunk_read(const struct nf_spill *s, const struct chunk *c, char *p,
    struct nf_err *err)
{
	return nf_pread_full(s->fd, p, c->n * s->record, c->at, temp_name,
	    err);
}

int
nf_spill_load(const struct nf_spill *s, uint32_t bucket, void *records,
    struct nf_err *err)
{
	char *p = records;
	uint32_t k;

	for (k = s->bucket[bucket].first; k != NONE; k = s->chunk[k].next) {
		if (chunk_read(s, &s->chunk[k], p, err) == -1)
			return -1;
		p += s->chunk[k].n * s->record;
	}
	return 0;
}

void
nf_spill_want(const struct nf_spill *s, uint32_t bucket)
{
	uint32_t k;

	for (k = s->bucket[bucket].first; k != NONE; k = s->chunk[k].next)
		(void)posix_fadvise(s->fd, (off_t)s->chunk[k].at,
		    (off_t)(s->chunk[k].n * s->record), POSIX_FADV_WILLNEED);
}

int
nf_spill_split(const struct nf_spill *s, uint32_t bucket,
    struct nf_spill **finer, uint64_t memory, struct nf_err *err)
{
	uint64_t *key = NULL;
	uint32_t k, i;
	char *buf;
	int rc;

	*finer = NULL;
	buf = nf_alloc(s->max, s->record, "temporary rows", err);
	if (buf == NULL || (key = nf_alloc(s->max, sizeof(*key),
	    "temporary rows", err)) == NULL) {
		nf_free(buf);
		return -1;
	}
	rc = nf_spill_open(finer, s->record - NF_SPILL_KEY, nf_spill_used(s),
	    SPLIT, memory, s->pool, err);
	for (k = s->bucket[bucket].first; rc == 0 && k != NONE;
	    k = s->chunk[k].next) {
		rc = chunk_read(s, &s->chunk[k], buf, err);
		for (i = 0; i < s->chunk[k].n; i++)
			memcpy(&key[i], buf + i * s->record, NF_SPILL_KEY);
		if (rc == 0)
			rc = nf_spill_put(*finer, key, buf + NF_SPILL_KEY,
			    s->record, s->chunk[k].n, err);
	}
	nf_free(buf);
	nf_free(key);
	if (rc == 0)
		rc = nf_spill_done(*finer, err);
	if (rc == -1) {
		nf_spill_close(*finer);
		*finer = NULL;
	}
	return rc;
}

void
nf_spill_close(struct nf_spill *s)
{
	if (s == NULL)
		return;
	free_buffers(s);
	if (s->fd != -1)
		close(s->fd);
	nf_free(s->bucket);
	nf_free(s->chunk);
	nf_free(s);
}
