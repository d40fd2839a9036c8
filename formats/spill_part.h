/* What the writing and the reading of a spill share. */
#ifndef NF_SPILL_PART_H
#define NF_SPILL_PART_H

#include "spill.h"

#define NF_SPILL_FILE	"a temporary file"	/* in messages */
#define NF_SPILL_NONE	UINT32_MAX

/* Bytes of one bucket that stand together in the file. */
struct nf_spill_chunk {
	uint64_t at;
	uint32_t next;			/* of the bucket, or NF_SPILL_NONE */
};

/*
 * A bucket's records follow one another without a gap, so that all chunks
 * but the last are full, and a record may begin in one and end in another.
 * Buckets fill at one pace: only where their first chunks are smaller, each
 * by another step, are they not all full at one time, but one after another.
 */
struct nf_spill_bucket {
	char *buf;			/* what is not yet written */
	size_t used, size;		/* bytes there; those of the chunk */
	uint32_t first, last;		/* chunks, or NF_SPILL_NONE */
	uint64_t n;
};

struct nf_spill {
	int fd, used, bits;
	size_t record, size;		/* bytes of one, and of a chunk */
	uint64_t cache;
	struct nf_pool *pool;		/* the caller's */
	struct nf_spill_bucket *bucket;
	void *buf;			/* the buckets', at first */
	uint32_t most;			/* chunks of a write */
	struct nf_behind *behind;
	struct nf_spill_chunk *chunk;
	uint32_t nchunk, room;
};

/* Bytes of a bucket's first chunk, if it is full. */
static inline size_t
nf_spill_first(const struct nf_spill *s, uint32_t bucket)
{
	return nf_direct_round(s->size * (bucket + 1) >> s->bits);
}

#endif
