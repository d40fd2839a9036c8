/* Memory whose failure is an error with a name, and faults on demand. */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>

#include "fault.h"

int
nf_fault(enum nf_site site)
{
#ifdef NF_FAULTS
	static const char *const name[] = { "alloc:", "read:", "write:" };
	static int count[3];
	const char *s = getenv("NF_FAULT");
	size_t k = strlen(name[site]);

	if (s == NULL || strncmp(s, name[site], k) != 0)
		return 0;
	return __atomic_add_fetch(&count[site], 1, __ATOMIC_RELAXED) ==
	    atoi(s + k);
#else
	(void)site;
	return 0;
#endif
}

#define HUGE	((size_t)2 << 20)	/* a large page on most machines */
#define PAGE	((size_t)4096)		/* no machine has smaller ones */
#define LARGE	((size_t)1 << 20)	/* more is cleared by the system */

/*
 * The system clears pages when they are first written to, which for some of
 * them may be never: a large piece is left to it but for its ends.
 */
static int
clear_later(char *p, size_t nbyte)
{
	size_t head = -(uintptr_t)p % PAGE, n = (nbyte - head) / PAGE * PAGE;

	if (madvise(p + head, n, MADV_DONTNEED) == -1)
		return 0;
	memset(p, 0, head);
	memset(p + head + n, 0, nbyte - head - n);
	return 1;
}

void *
nf_alloc(size_t n, size_t size, const char *what, struct nf_err *err)
{
	size_t nbyte, align;
	void *p;

	if (__builtin_mul_overflow(n, size, &nbyte) ||
	    nbyte > SIZE_MAX / 2 || nf_fault(NF_FAULT_ALLOC)) {
		nf_fail(err, NF_ESYS, "no memory for %zu x %zu bytes of %s",
		    n, size, what);
		return NULL;
	}
	align = nbyte >= 2 * HUGE ? HUGE : 64;
	nbyte = nbyte == 0 ? align : (nbyte + align - 1) / align * align;
	p = aligned_alloc(align, nbyte);
	if (p == NULL) {
		nf_fail(err, NF_ESYS, "no memory for %.1f MB of %s",
		    (double)nbyte / 1e6, what);
		return NULL;
	}
	/* Large pages are a wish: a refusal costs nothing but speed. */
	if (align == HUGE)
		(void)madvise(p, nbyte, MADV_HUGEPAGE);
	if (nbyte < LARGE || !clear_later(p, nbyte))
		memset(p, 0, nbyte);
	return p;
}

void
nf_free(void *p)
{
	free(p);
}

char *
nf_strdup(const char *s, struct nf_err *err)
{
	size_t n = strlen(s) + 1;
	char *p = nf_alloc(n, 1, "text", err);

	if (p != NULL)
		memcpy(p, s, n);
	return p;
}
