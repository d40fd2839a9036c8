/* Memory that grows in place: reserved once, taken as it is filled. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "grow.h"

#define STEP	((size_t)2 << 20)	/* a huge page on most machines */

int
nf_grow_open(struct nf_grow *g, size_t max, const char *what,
    struct nf_err *err)
{
	memset(g, 0, sizeof(*g));
	if (max > SIZE_MAX / 2)
		max = SIZE_MAX / 2;
	max = max == 0 ? STEP : (max + STEP - 1) / STEP * STEP;
	/* Addresses may be scarce (ulimit -v): half of them may do. */
	for (g->p = MAP_FAILED; max >= STEP && !nf_fault(NF_FAULT_ALLOC);
	    max = max / 2 / STEP * STEP) {
		g->p = mmap(NULL, max, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (g->p != MAP_FAILED)
			break;
	}
	if (g->p == MAP_FAILED) {
		g->p = NULL;
		return nf_fail(err, NF_ESYS, "no memory for %s", what);
	}
	madvise(g->p, max, MADV_HUGEPAGE);	/* where the kernel can */
	g->max = max;
	return 0;
}

int
nf_grow_to(struct nf_grow *g, size_t size, const char *what,
    struct nf_err *err)
{
	size_t want = g->size;

	if (size <= g->size)
		return 0;
	if (size <= g->max) {
		/* Ahead by an eighth, so that calls are few. */
		want = (size + size / 8 + STEP - 1) / STEP * STEP;
		if (want > g->max)
			want = g->max;
	}
	if (size > g->max || nf_fault(NF_FAULT_ALLOC) ||
	    mprotect((char *)g->p + g->size, want - g->size,
	    PROT_READ | PROT_WRITE) == -1)
		return nf_fail(err, NF_ESYS, "no memory for %.1f MB of %s",
		    (double)size / 1e6, what);
	g->size = want;
	return 0;
}

void
nf_grow_free(struct nf_grow *g)
{
	if (g->p != NULL)
		munmap(g->p, g->max);
	memset(g, 0, sizeof(*g));
}
