/* The blocks of a stream, and what an input is by its first bytes. */
#include <ctype.h>
#include <string.h>
#define XXH_INLINE_ALL			/* a state may stand on the stack */
#include <xxhash.h>

#include "stream.h"

uint64_t
nf_head_sum(const struct nf_head *h, const void *payload)
{
	XXH3_state_t state;

	if (XXH3_64bits_reset(&state) != XXH_OK ||
	    XXH3_64bits_update(&state, h, 24) != XXH_OK ||
	    (h->bytes > 0 &&
	    XXH3_64bits_update(&state, payload, h->bytes) != XXH_OK))
		return 0;		/* only where payload is NULL */
	return XXH3_64bits_digest(&state);
}

uint64_t
nf_frame_rows(const struct nf_schema *s)
{
	uint64_t n = (1 << 20) / (s->column.n * nf_type_size(s->type));

	return n == 0 ? 1 : n;
}

static const struct {
	enum nf_kind kind;
	const char *magic;
} kinds[] = {
	{ NF_KIND_STREAM, "NFSH" },
	{ NF_KIND_NPY, "\223NUMPY" },
	{ NF_KIND_HDF5, "\211HDF\r\n\032\n" },
	{ NF_KIND_GZIP, "\037\213" },
	{ NF_KIND_ZSTD, "\050\265\057\375" },
};

enum nf_kind
nf_kind_find(const void *p, size_t n)
{
	const unsigned char *c = p;
	size_t i, k;

	if (n == 0)
		return NF_KIND_EMPTY;
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		k = strlen(kinds[i].magic);
		/* What ends within a tag is a stream that was cut. */
		if (memcmp(p, kinds[i].magic, n < k ? n : k) == 0 &&
		    (n >= k || kinds[i].kind == NF_KIND_STREAM) &&
		    (n <= k || kinds[i].kind != NF_KIND_STREAM || c[k] < 32))
			return kinds[i].kind;
	}
	for (i = 0; i < n; i++)
		if ((c[i] < 32 && !isspace(c[i])) || c[i] == 127)
			return NF_KIND_OTHER;
	return NF_KIND_TEXT;
}

const char *
nf_kind_hint(enum nf_kind kind)
{
	static const char *const hint[] = {
		[NF_KIND_OTHER] = "",
		[NF_KIND_STREAM] = "",
		[NF_KIND_EMPTY] = ": the input is empty",
		[NF_KIND_TEXT] = " but text (nfcat reads tables of numbers)",
		[NF_KIND_NPY] = " but an npy file (nfcat reads it)",
		[NF_KIND_HDF5] = " but an HDF5 file (h5cols reads it)",
		[NF_KIND_GZIP] = " but compressed (gzip -dc reads it)",
		[NF_KIND_ZSTD] = " but compressed (zstd -dc reads it)",
	};

	return hint[kind];
}
