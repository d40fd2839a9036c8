/* Values that are no numbers, found. */
#include <string.h>

#include "nfio.h"

#define BLOCK	4096		/* values looked at before asking */

/* An exponent of ones is an infinity or not a number. */
static bool
all_finite(const char *x, enum nf_type type, size_t n)
{
	const uint32_t ones_32 = 0x7f800000u;
	const uint64_t ones_64 = 0x7ffull << 52;
	uint32_t v, bad_32 = 0;
	uint64_t u, bad_64 = 0;
	size_t k;

	if (type == NF_F32)
		for (k = 0; k < n; k++) {
			memcpy(&v, x + k * 4, 4);
			bad_32 |= (v & ones_32) == ones_32;
		}
	else
		for (k = 0; k < n; k++) {
			memcpy(&u, x + k * 8, 8);
			bad_64 |= (u & ones_64) == ones_64;
		}
	return bad_32 == 0 && bad_64 == 0;
}

bool
nf_rows_finite(const struct nf_rows *r, uint64_t *i, uint32_t *j)
{
	size_t k, n, total = (size_t)r->nrow * r->ncol;
	size_t size = nf_type_size(r->type);
	const char *x = r->x;

	for (k = 0; k < total; k += n) {
		n = total - k < BLOCK ? total - k : BLOCK;
		if (all_finite(x + k * size, r->type, n))
			continue;
		while (all_finite(x + k * size, r->type, 1))
			k++;
		*i = k / r->ncol;
		*j = (uint32_t)(k % r->ncol);
		return false;
	}
	return true;
}

uint64_t
nf_rows_drop(void *x, uint64_t nrow, uint32_t ncol, enum nf_type type)
{
	struct nf_rows r = { nrow, ncol, type, x };
	size_t size = ncol * nf_type_size(type);
	char *from = x, *to = x;
	uint64_t i;
	uint32_t j;

	while (r.nrow > 0) {
		i = r.nrow;
		r.x = from;
		if (!nf_rows_finite(&r, &i, &j))
			r.nrow -= i + 1;
		else
			r.nrow = 0;
		memmove(to, from, i * size);
		to += i * size;
		from += (i + 1) * size;
	}
	return (uint64_t)(to - (char *)x) / size;
}
