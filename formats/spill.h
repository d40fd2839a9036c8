/*
 * Rows in temporary files, in buckets by their 64-bit keys, for tables larger
 * than memory.  What comes first into a bucket stays first.
 */
#ifndef NF_SPILL_H
#define NF_SPILL_H

#include "nfio.h"

/*
 * Buckets of the bits of a key that follow its first `used` ones, kept in as
 * much memory until they are written.  Rows have rowsize bytes.
 */
struct nf_spill;
int nf_spill_open(struct nf_spill **s, size_t rowsize, int used,
    uint64_t memory, struct nf_err *err) NF_CHECKED;
int nf_spill_put(struct nf_spill *s, uint64_t key, const void *row,
    struct nf_err *err) NF_CHECKED;
/* After the last row: write what is left, and free that memory. */
int nf_spill_done(struct nf_spill *s, struct nf_err *err) NF_CHECKED;

uint32_t nf_spill_nbucket(const struct nf_spill *s);
uint64_t nf_spill_count(const struct nf_spill *s, uint32_t bucket);
int nf_spill_used(const struct nf_spill *s);	/* bits, with its own */

/* A record is the key and the row. */
#define NF_SPILL_KEY	sizeof(uint64_t)

/* Read a bucket: count records. */
int nf_spill_load(struct nf_spill *s, uint32_t bucket, void *records,
    struct nf_err *err) NF_CHECKED;
/* Divide a bucket that is too large by the bits that follow, if any do. */
int nf_spill_split(struct nf_spill *s, uint32_t bucket,
    struct nf_spill **finer, uint64_t memory, struct nf_err *err) NF_CHECKED;
void nf_spill_close(struct nf_spill *s);	/* accepts NULL */

#endif
