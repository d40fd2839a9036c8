/*
 * Rows in temporary files, in buckets by their 64-bit keys, for tables larger
 * than memory.  What comes first into a bucket stays first.
 */
#ifndef NF_SPILL_H
#define NF_SPILL_H

#include "direct.h"
#include "nfio.h"
#include "pool.h"

/*
 * Buckets of the bits of a key that follow its first `used` ones, about want
 * or more of them, kept in as much memory until a thread of the pool writes
 * them.  Where memory is too small for so many there are fewer, to be split.
 * Rows have rowsize bytes.  What goes to a file beyond its first cache bytes,
 * or few MB, goes past the system's cache, if that can be.
 */
struct nf_spill;
int nf_spill_open(struct nf_spill **s, size_t rowsize, int used,
    uint64_t want, uint64_t memory, uint64_t cache, struct nf_pool *pool,
    struct nf_err *err) NF_CHECKED;
/* Rows that stand stride bytes apart, and their keys. */
int nf_spill_put(struct nf_spill *s, const uint64_t *key, const void *rows,
    size_t stride, uint64_t nrow, struct nf_err *err) NF_CHECKED;
/* After the last row: write what is left, and free that memory. */
int nf_spill_done(struct nf_spill *s, struct nf_err *err) NF_CHECKED;

uint32_t nf_spill_nbucket(const struct nf_spill *s);
uint64_t nf_spill_count(const struct nf_spill *s, uint32_t bucket);
int nf_spill_used(const struct nf_spill *s);	/* bits, with its own */

/* A record is the key and the row. */
#define NF_SPILL_KEY	sizeof(uint64_t)

/*
 * Read one of nparts parts of a bucket to its place among count records,
 * behind which less than NF_DIRECT bytes more come, in memory of
 * nf_direct_alloc.  Any thread may, once all is written.
 */
int nf_spill_load(const struct nf_spill *s, uint32_t bucket, unsigned part,
    unsigned nparts, void *records, struct nf_err *err) NF_CHECKED;
/* Ask the system to have a bucket read by the time that it is loaded. */
void nf_spill_want(const struct nf_spill *s, uint32_t bucket);
/* Divide a bucket that is too large by the bits that follow, if any do. */
int nf_spill_split(const struct nf_spill *s, uint32_t bucket,
    struct nf_spill **finer, uint64_t want, uint64_t memory,
    struct nf_err *err) NF_CHECKED;
void nf_spill_close(struct nf_spill *s);	/* accepts NULL */

#endif
