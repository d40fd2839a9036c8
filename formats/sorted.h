/* The rows of a spill in the order of their keys; not for other folders. */
#ifndef NF_SORTED_H
#define NF_SORTED_H

#include "spill.h"

struct nf_sorted;

/* Rows of a bucket that need not be split; at least one. */
uint64_t nf_sorted_most(size_t rowsize, uint64_t memory);

/* Rows i, for i in [0, n), stand at base + order[i] * stride. */
struct nf_run {
	const char *base;
	size_t stride;
	const uint32_t *order;
	uint64_t n;
};

/*
 * Take over a spill, done, of rows of rowsize bytes; it is closed also where
 * this fails.  Buckets are sorted one at a time in about 3/4 of memory, while
 * threads of the pool read the next.
 */
int nf_sorted_open(struct nf_sorted **t, struct nf_spill *s, size_t rowsize,
    uint64_t memory, struct nf_pool *pool, struct nf_err *err) NF_CHECKED;
/* The next bucket: 1 and its rows, valid until the next call; 0; -1. */
int nf_sorted_next(struct nf_sorted *t, struct nf_run *run,
    struct nf_err *err) NF_CHECKED;
void nf_sorted_close(struct nf_sorted *t);	/* accepts NULL */

#endif
