/* Rows to a temporary file, in buckets: appended to it in chunks. */
#include <string.h>
#include <unistd.h>

#include "behind.h"
#include "spill_part.h"

#define MIN_CHUNK	(32u << 10)	/* bytes: smaller ones are slow */
#define CHUNK		(512u << 10)	/* larger ones are not faster .. */
#define CACHED		(64u << 10)	/* .. nor these, to a cache */
#define BATCH		(1u << 20)	/* bytes of a write, if chunks allow */
#define SMALL		(4u << 20)	/* bytes that a cache always gets */
#define MIN_BITS	3		/* even if they take a little more */
#define GOOD_BITS	7		/* if buffers need not be smaller */
#define MAX_BITS	12
#define AHEAD		8		/* rows that a place is fetched for */

/* ---- memory ----------------------------------------------------------- */

/*
 * As many buckets as are wanted, and some more where memory has buffers of a
 * good size for them.  Where buffers would become too small, each half of the
 * bits gets its own pass through files.
 */
static void
divide(struct nf_spill *s, uint64_t want, uint64_t memory)
{
	int need = want > 1 ? 64 - __builtin_clzll(want - 1) : 0, most;
	size_t good = s->cache > SMALL ? CACHED : CHUNK;

	memory = memory / 5 * 4;	/* the rest is to write behind */
	if (need > MAX_BITS || memory >> need < MIN_CHUNK)
		need = (need + 1) / 2;
	if (need < MIN_BITS)
		need = MIN_BITS;
	most = 64 - s->used < MAX_BITS ? 64 - s->used : MAX_BITS;
	for (s->bits = 1; s->bits < most && (s->bits < need ||
	    (s->bits < GOOD_BITS && memory >> (s->bits + 1) >= good)); )
		s->bits++;
	s->size = memory >> s->bits < good ? memory >> s->bits : good;
	s->size = s->size / NF_DIRECT * NF_DIRECT;
	if (s->size < s->record)
		s->size = nf_direct_round(s->record);
	if (s->size < MIN_CHUNK)	/* a cache puts small ones together */
		s->cache = UINT64_MAX;
	s->most = nf_spill_nbucket(s) / (4 * NF_BEHIND);
	if (s->most > BATCH / s->size)
		s->most = (uint32_t)(BATCH / s->size);
	if (s->most == 0)
		s->most = 1;
}

static int
make_buffers(struct nf_spill *s, struct nf_err *err)
{
	uint32_t nb = nf_spill_nbucket(s), b;
	char *p;

	s->bucket = nf_alloc(nb, sizeof(*s->bucket), "temporary rows", err);
	if (s->bucket == NULL || (p = nf_direct_alloc(&s->buf, nb * s->size,
	    "temporary rows", err)) == NULL)
		return -1;
	for (b = 0; b < nb; b++) {
		s->bucket[b].first = s->bucket[b].last = NF_SPILL_NONE;
		s->bucket[b].buf = p + b * s->size;
		s->bucket[b].size = nf_spill_first(s, b);
	}
	return nf_behind_open(&s->behind, s->fd, NF_SPILL_FILE, s->size,
	    s->most, s->cache, s->pool, err);
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
    uint64_t want, uint64_t memory, uint64_t cache, struct nf_pool *pool,
    struct nf_err *err)
{
	struct nf_spill *s;

	*spill = s = nf_alloc(1, sizeof(*s), "temporary rows", err);
	if (s == NULL)
		return -1;
	s->fd = -1;
	s->used = used;
	s->record = NF_SPILL_KEY + rowsize;
	s->cache = cache > SMALL ? cache : SMALL;
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
	struct nf_spill_chunk *grown;

	if (s->nchunk == s->room) {
		if (s->room >= NF_SPILL_NONE / 2)
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
bucket_write(struct nf_spill *s, struct nf_spill_bucket *b, struct nf_err *err)
{
	uint32_t k = 0;
	uint64_t at;

	if (b->used == 0)
		return 0;
	if (chunk_add(s, &k, err) == -1)
		return -1;
	b->buf = nf_behind_put(s->behind, b->buf, nf_direct_round(b->used),
	    &at, err);
	if (b->buf == NULL)
		return -1;
	s->chunk[k] = (struct nf_spill_chunk){ at, NF_SPILL_NONE };
	if (b->last == NF_SPILL_NONE)
		b->first = k;
	else
		s->chunk[b->last].next = k;
	b->last = k;
	b->used = 0;
	b->size = s->size;
	return 0;
}

/* Bytes that may fill the buffer. */
static int
bucket_put(struct nf_spill *s, struct nf_spill_bucket *b, const void *x,
    size_t n, struct nf_err *err)
{
	const char *p = x;
	size_t k;

	for (; n > 0; n -= k, p += k) {
		k = b->size - b->used < n ? b->size - b->used : n;
		memcpy(b->buf + b->used, p, k);
		b->used += k;
		if (b->used == b->size && bucket_write(s, b, err) == -1)
			return -1;
	}
	return 0;
}

static struct nf_spill_bucket *
bucket_of(const struct nf_spill *s, uint64_t key)
{
	return &s->bucket[key << s->used >> (64 - s->bits)];
}

/* Have the place of a row to come in cache: it is anywhere. */
static void
fetch(const struct nf_spill *s, uint64_t key)
{
	const struct nf_spill_bucket *b = bucket_of(s, key);
	const char *p = b->buf + b->used;
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
	struct nf_spill_bucket *b;
	uint64_t i;
	char *p;

	for (i = 0; i < nrow; i++, row += stride) {
		if (i + AHEAD < nrow)
			fetch(s, key[i + AHEAD]);
		b = bucket_of(s, key[i]);
		b->n++;
		if (b->used + s->record >= b->size) {
			if (bucket_put(s, b, &key[i], NF_SPILL_KEY,
			    err) == -1 || bucket_put(s, b, row, size,
			    err) == -1)
				return -1;
			continue;
		}
		p = b->buf + b->used;
		memcpy(p, &key[i], NF_SPILL_KEY);
		memcpy(p + NF_SPILL_KEY, row, size);
		b->used += s->record;
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
