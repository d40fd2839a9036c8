/* Files past the system's cache. */
#include <fcntl.h>
#include <unistd.h>

#include "direct.h"

void *
nf_direct_alloc(void **base, size_t n, const char *what, struct nf_err *err)
{
	char *p;

	*base = NULL;
	if (n > SIZE_MAX - NF_DIRECT)
		n = SIZE_MAX - NF_DIRECT;	/* is refused */
	*base = p = nf_alloc(n + NF_DIRECT, 1, what, err);
	return p == NULL ? NULL : p + -(uintptr_t)p % NF_DIRECT;
}

void
nf_direct_begin(int fd, uint64_t at)
{
	int was = fcntl(fd, F_GETFL);
	void *base, *p = nf_direct_alloc(&base, NF_DIRECT, "a page", NULL);

	if (p == NULL || was == -1)
		return;
	/* Some allow it, and then find that sizes do not suit them. */
	if (fcntl(fd, F_SETFL, was | O_DIRECT) == 0 && (pwrite(fd, p,
	    NF_DIRECT, (off_t)at) != (ssize_t)NF_DIRECT || pread(fd, p,
	    NF_DIRECT, (off_t)at) != (ssize_t)NF_DIRECT))
		(void)fcntl(fd, F_SETFL, was);
	nf_free(base);
}

bool
nf_direct_is(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && (flags & O_DIRECT) != 0;
}
