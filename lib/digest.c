/* A digest of rows that does not depend on their order. */
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL			/* rows are short: calls would show */
#include <xxhash.h>

#include "digest.h"

void
nf_digest_name(struct nf_digest *d, const char *name)
{
	/* With its end, so that "a" "b" is not "ab". */
	d->about = XXH3_64bits_withSeed(name, strlen(name) + 1, d->about);
}

void
nf_digest_rows(struct nf_digest *d, const void *x, uint64_t nrow,
    size_t rowsize)
{
	const char *p = x;
	XXH128_hash_t h;
	uint64_t i;

	for (i = 0; i < nrow; i++, p += rowsize) {
		h = XXH3_128bits(p, rowsize);
		d->sum[0] += h.low64;
		d->sum[1] += h.high64;
	}
	d->nrow += nrow;
}

void
nf_digest_text(const struct nf_digest *d, char text[33])
{
	XXH128_hash_t h = XXH3_128bits(d, sizeof(*d));

	snprintf(text, 33, "%016llx%016llx", (unsigned long long)h.high64,
	    (unsigned long long)h.low64);
}
