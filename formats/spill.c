/* Rows in temporary files, in buckets: appended in chunks to one file. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "spill.h"

#define MIN_CHUNK	(4u << 10)	/* bytes: smaller ones are slow */
#define CHUNK		(256u << 10)	/* larger ones are not faster */
#define MAX_BITS	12
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
	struct bucket *bucket;
	char *buf;			/* of all buckets */
	struct chunk *chunk;
	uint32_t nchunk, room;
	uint64_t at;			/* bytes written */
};

static const char temp_name[] = "a temporary file";

/* As many buckets as there are buffers of a good size in memory. */
static void
divide(struct nf_spill *s, uint64_t memory)
{
	uint64_t chunk = CHUNK;

	if (memory / chunk < 256)
		chunk = memory / 256 > MIN_CHUNK ? memory / 256 : MIN_CHUNK;
	if (chunk < s->record)
		chunk = s->record;
	for (s->bits = 1; s->bits < MAX_BITS && s->bits < 64 - s->used &&
	    chunk << (s->bits + 1) <= memory; )
		s->bits++;
	s->max = (uint32_t)(chunk / s->record);
}

int
nf_spill_open(struct nf_spill **spill, size_t rowsize, int used,
    uint64_t memory, struct nf_err *err)
{
	struct nf_spill *s;
	uint32_t b;

	*spill = s = nf_alloc(1, sizeof(*s), "temporary rows", err);
	if (s == NULL)
		return -1;
	s->fd = -1;
	s->used = used;
	s->record = NF_SPILL_KEY + rowsize;
	divide(s, memory);
	s->bucket = nf_alloc(nf_spill_nbucket(s), sizeof(*s->bucket),
	    "temporary rows", err);
	s->buf = nf_alloc((size_t)nf_spill_nbucket(s) * s->max, s->record,
	    "temporary rows", err);
	if (s->bucket == NULL || s->buf == NULL ||
	    nf_temp_open(&s->fd, err) == -1) {
		nf_spill_close(s);
		*spill = NULL;
		return -1;
	}
	for (b = 0; b < nf_spill_nbucket(s); b++) {
		s->bucket[b].first = s->bucket[b].last = NONE;
		s->bucket[b].buf = s->buf + (size_t)b * s->max * s->record;
	}
	return 0;
}

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
	size_t size = b->nbuf * s->record;
	uint32_t k = 0;

	if (b->nbuf == 0)
		return 0;
	if (chunk_add(s, &k, err) == -1 ||
	    nf_write_full(s->fd, b->buf, size, temp_name, err) == -1)
		return -1;
	s->chunk[k] = (struct chunk){ s->at, b->nbuf, NONE };
	if (b->last == NONE)
		b->first = k;
	else
		s->chunk[b->last].next = k;
	b->last = k;
	b->nbuf = 0;
	s->at += size;
	return 0;
}

int
nf_spill_put(struct nf_spill *s, uint64_t key, const void *row,
    struct nf_err *err)
{
	struct bucket *b = &s->bucket[key << s->used >> (64 - s->bits)];
	char *p = b->buf + b->nbuf * s->record;

	memcpy(p, &key, NF_SPILL_KEY);
	memcpy(p + NF_SPILL_KEY, row, s->record - NF_SPILL_KEY);
	b->n++;
	return ++b->nbuf < s->max ? 0 : bucket_write(s, b, err);
}

int
nf_spill_done(struct nf_spill *s, struct nf_err *err)
{
	uint32_t b;

	for (b = 0; b < nf_spill_nbucket(s); b++)
		if (bucket_write(s, &s->bucket[b], err) == -1)
			return -1;
	nf_free(s->buf);
	s->buf = NULL;
	return 0;
}

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
chunk_read(struct nf_spill *s, const struct chunk *c, char *p,
    struct nf_err *err)
{
	size_t got;

	if (lseek(s->fd, (off_t)c->at, SEEK_SET) == -1)
		return nf_fail(err, NF_ESYS, "%s: %s", temp_name,
		    strerror(errno));
	if (nf_read_full(s->fd, p, c->n * s->record, &got, temp_name,
	    err) == -1)
		return -1;
	return got == c->n * s->record ? 0 : nf_fail(err, NF_ESYS,
	    "%s became shorter", temp_name);
}

int
nf_spill_load(struct nf_spill *s, uint32_t bucket, void *records,
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

int
nf_spill_split(struct nf_spill *s, uint32_t bucket, struct nf_spill **finer,
    uint64_t memory, struct nf_err *err)
{
	char *buf, *p;
	uint64_t key;
	uint32_t k, i;
	int rc;

	*finer = NULL;
	buf = nf_alloc(s->max, s->record, "temporary rows", err);
	if (buf == NULL)
		return -1;
	rc = nf_spill_open(finer, s->record - NF_SPILL_KEY, nf_spill_used(s),
	    memory, err);
	for (k = s->bucket[bucket].first; rc == 0 && k != NONE;
	    k = s->chunk[k].next) {
		rc = chunk_read(s, &s->chunk[k], buf, err);
		p = buf;
		for (i = 0; rc == 0 && i < s->chunk[k].n; i++) {
			memcpy(&key, p, NF_SPILL_KEY);
			rc = nf_spill_put(*finer, key, p + NF_SPILL_KEY, err);
			p += s->record;
		}
	}
	nf_free(buf);
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
	if (s->fd != -1)
		close(s->fd);
	nf_free(s->bucket);
	nf_free(s->buf);
	nf_free(s->chunk);
	nf_free(s);
}
