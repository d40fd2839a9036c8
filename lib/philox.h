/*
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC11): a random number is a function of its key and its
 * counter, so it does not depend on who asks for it or when.
 *
 * By convention the key is the seed (low word first), ctr[3] says what the
 * number is for (enum nf_purpose) and ctr[0..2] which one it is.
 */
#ifndef NF_PHILOX_H
#define NF_PHILOX_H

#include <stdint.h>

#include "inline.h"

/* Draws for different purposes never meet, whatever the seed. */
enum nf_purpose {
	NF_FOR_ROWS = 1,		/* a shuffle of rows */
	NF_FOR_COLUMNS,			/* a permutation of columns */
	NF_FOR_EPOCH,			/* an epoch's shuffle */
	NF_FOR_NOISE,			/* latents of draws */
	NF_FOR_DROPOUT,
	NF_FOR_VALID,			/* which rows validate */
	NF_FOR_PREP,			/* dequantisation */
	NF_FOR_INIT,			/* initial weights */
	NF_FOR_PERM,			/* a flow's permutations */
	NF_FOR_COMPARE,			/* halves; rows that are kept */
	NF_FOR_WINDOW			/* an epoch of rows on disk */
};

/* One block: 128 random bits for this key and counter. */
NF_INLINE void
nf_philox(const uint32_t key[2], const uint32_t ctr[4], uint32_t out[4])
{
	uint32_t k0 = key[0], k1 = key[1];
	uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
	uint64_t p, q;
	int i;

	for (i = 0; i < 10; i++) {
		p = (uint64_t)0xd2511f53 * c0;
		q = (uint64_t)0xcd9e8d57 * c2;
		c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)q;
		c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p;
		k0 += 0x9e3779b9;
		k1 += 0xbb67ae85;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

/* The first 64 bits of the block at (seed, purpose, index, draw). */
NF_INLINE uint64_t
nf_philox_u64(uint64_t seed, enum nf_purpose purpose, uint64_t index,
    uint32_t draw)
{
	uint32_t key[2], ctr[4], out[4];

	key[0] = (uint32_t)seed;
	key[1] = (uint32_t)(seed >> 32);
	ctr[0] = (uint32_t)index;
	ctr[1] = (uint32_t)(index >> 32);
	ctr[2] = draw;
	ctr[3] = (uint32_t)purpose;
	nf_philox(key, ctr, out);
	return (uint64_t)out[1] << 32 | out[0];
}

#endif
