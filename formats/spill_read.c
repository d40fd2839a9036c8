/* Rows of a temporary file: a bucket at a time, or into finer buckets. */
#include <fcntl.h>
#include <string.h>

#include "spill_part.h"
#include "stream.h"

#define KEYS		256		/* taken at once */

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

/* What a bucket's chunks hold, one after another. */
struct walk {
	uint32_t k;			/* the chunk, or NF_SPILL_NONE */
	size_t n;			/* its bytes */
	uint64_t left;			/* of the bucket, behind it */
};

static struct walk
walk_from(const struct nf_spill *s, uint32_t bucket)
{
	uint64_t all = s->bucket[bucket].n * s->record;
	size_t n = nf_spill_first(s, bucket);

	n = n < all ? n : all;
	return (struct walk){ s->bucket[bucket].first, n, all - n };
}

static struct walk
walk_on(const struct nf_spill *s, struct walk w)
{
	size_t n = s->size < w.left ? s->size : w.left;

	return (struct walk){ s->chunk[w.k].next, n, w.left - n };
}

static int
chunk_read(const struct nf_spill *s, struct walk w, char *p,
    struct nf_err *err)
{
	return nf_pread_full(s->fd, p, nf_direct_round(w.n),
	    s->chunk[w.k].at, NF_SPILL_FILE, err);
}

int
nf_spill_load(const struct nf_spill *s, uint32_t bucket, unsigned part,
    unsigned nparts, void *records, struct nf_err *err)
{
	struct walk w = walk_from(s, bucket);
	unsigned turn = 0;
	char *p = records;

	for (; w.k != NF_SPILL_NONE; p += w.n, w = walk_on(s, w)) {
		if (turn == part && chunk_read(s, w, p, err) == -1)
			return -1;
		turn = turn + 1 < nparts ? turn + 1 : 0;
	}
	return 0;
}

void
nf_spill_want(const struct nf_spill *s, uint32_t bucket)
{
	struct walk w = walk_from(s, bucket);

	if (nf_direct_is(s->fd))
		return;
	for (; w.k != NF_SPILL_NONE; w = walk_on(s, w))
		(void)posix_fadvise(s->fd, (off_t)s->chunk[w.k].at,
		    (off_t)w.n, POSIX_FADV_WILLNEED);
}

/* Put n records that follow one another, with KEYS keys at a time. */
static int
put_records(struct nf_spill *s, const char *p, uint64_t n,
    struct nf_err *err)
{
	uint64_t key[KEYS], k, i;

	for (; n > 0; n -= k, p += k * s->record) {
		k = n < KEYS ? n : KEYS;
		for (i = 0; i < k; i++)
			memcpy(&key[i], p + i * s->record, NF_SPILL_KEY);
		if (nf_spill_put(s, key, p + NF_SPILL_KEY, s->record, k,
		    err) == -1)
			return -1;
	}
	return 0;
}

/* Read a bucket by chunks; what is left of a record goes before the next. */
static int
put_bucket(const struct nf_spill *s, uint32_t bucket, struct nf_spill *to,
    struct nf_err *err)
{
	struct walk w = walk_from(s, bucket);
	size_t before = nf_direct_round(s->record), over = 0, n;
	void *base;
	char *p, *x;
	int rc = 0;

	p = nf_direct_alloc(&base, before + s->size, "temporary rows", err);
	if (p == NULL)
		return -1;
	p += before;
	for (; rc == 0 && w.k != NF_SPILL_NONE; w = walk_on(s, w)) {
		rc = chunk_read(s, w, p, err);
		x = p - over;
		n = w.n + over;
		over = n % s->record;
		if (rc == 0)
			rc = put_records(to, x, n / s->record, err);
		memmove(p - over, x + n - over, over);
	}
	nf_free(base);
	return rc;
}

int
nf_spill_split(const struct nf_spill *s, uint32_t bucket,
    struct nf_spill **finer, uint64_t want, uint64_t memory,
    struct nf_err *err)
{
	if (nf_spill_open(finer, s->record - NF_SPILL_KEY, nf_spill_used(s),
	    want, memory, s->cache, s->pool, err) == -1)
		return -1;
	if (put_bucket(s, bucket, *finer, err) == 0 &&
	    nf_spill_done(*finer, err) == 0)
		return 0;
	nf_spill_close(*finer);
	*finer = NULL;
	return -1;
}
