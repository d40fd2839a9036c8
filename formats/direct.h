/*
 * Temporary files that are read and written past the system's cache, which
 * for more than fits into it costs much and saves nothing.  Not for other
 * folders.
 */
#ifndef NF_DIRECT_H
#define NF_DIRECT_H

#include <stdbool.h>

#include "fault.h"

/* What places in the file, sizes and memory have to be multiples of. */
#define NF_DIRECT	((size_t)4096)

static inline size_t
nf_direct_round(size_t n)
{
	return (n + NF_DIRECT - 1) / NF_DIRECT * NF_DIRECT;
}

/* n such bytes; *base is for nf_free.  NULL: none. */
void *nf_direct_alloc(void **base, size_t n, const char *what,
    struct nf_err *err) NF_CHECKED;
/*
 * From here on go past the cache, where system, file system and device can;
 * NF_DIRECT bytes at `at`, which nobody may need, are overwritten to see.
 */
void nf_direct_begin(int fd, uint64_t at);
bool nf_direct_is(int fd);

#endif
