/* A digest of rows that does not depend on their order. */
#ifndef NF_DIGEST_H
#define NF_DIGEST_H

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed at first; the sums of the rows' 128-bit hashes, modulo 2^64. */
struct nf_digest {
	uint64_t nrow, sum[2];
	uint64_t about;			/* hash of what was named, in order */
};

void nf_digest_name(struct nf_digest *d, const char *name);
void nf_digest_rows(struct nf_digest *d, const void *x, uint64_t nrow,
    size_t rowsize);
/* All of it as 32 hexadecimal digits. */
void nf_digest_text(const struct nf_digest *d, char text[33]);

#ifdef __cplusplus
}
#endif
#endif
