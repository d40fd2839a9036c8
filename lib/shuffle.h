/*
 * Uniform permutations of rows: the order of 64-bit Philox keys of (seed,
 * purpose, draw, row), ties by row.  So a permutation is a function of its
 * name alone, and can be made in parts, in parallel or on a device.
 */
#ifndef NF_SHUFFLE_H
#define NF_SHUFFLE_H

#include "fault.h"
#include "philox.h"

/*
 * index[0..n) = the rows in their new order; takes less than 64 KB and
 * n / 64 bytes a thread meanwhile.
 */
int nf_shuffle(uint64_t seed, enum nf_purpose purpose, uint32_t draw,
    uint32_t n, uint32_t *index, struct nf_err *err) NF_CHECKED;

/* A row and the key that it is ordered by. */
struct nf_order {
	uint64_t key;
	uint32_t row;
};

/* Sort a[0..n) by key, stably; returns where it is: a, or tmp of its size. */
struct nf_order *nf_order_sort(struct nf_order *a, struct nf_order *tmp,
    uint32_t n);

#endif
