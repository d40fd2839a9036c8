/* Descriptors: whole reads and writes, temporary files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

/* True where a failed call is to be repeated, perhaps after a wait. */
static int
again(int fd, short event)
{
	struct pollfd p = { .fd = fd, .events = event };

	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return poll(&p, 1, -1) != -1 || errno == EINTR;
	return errno == EINTR;
}

/* Where a descriptor stands, for want of a place in its file. */
#define HERE	((off_t)-1)

/* One read that succeeds: k > 0 bytes, or 0 at the end of the input. */
static ssize_t
read_some(int fd, void *buf, size_t n, off_t at, const char *name,
    struct nf_err *err)
{
	ssize_t k;

	do {
		if (nf_fault(NF_FAULT_READ)) {
			errno = EIO;
			k = -1;
		} else
			k = at == HERE ? read(fd, buf, n) :
			    pread(fd, buf, n, at);
	} while (k == -1 && again(fd, POLLIN));
	if (k == -1)
		return nf_fail(err, NF_ESYS, "%s: cannot read: %s", name,
		    strerror(errno));
	return k;
}

static int
read_full(int fd, void *buf, size_t n, off_t at, size_t *got,
    const char *name, struct nf_err *err)
{
	ssize_t k;

	for (*got = 0; *got < n; *got += (size_t)k) {
		k = read_some(fd, (char *)buf + *got, n - *got,
		    at == HERE ? HERE : at + (off_t)*got, name, err);
		if (k <= 0)
			return (int)k;
	}
	return 0;
}

int
nf_read_full(int fd, void *buf, size_t n, size_t *got, const char *name,
    struct nf_err *err)
{
	return read_full(fd, buf, n, HERE, got, name, err);
}

int
nf_pread_full(int fd, void *buf, size_t n, uint64_t at, const char *name,
    struct nf_err *err)
{
	size_t got;

	if (read_full(fd, buf, n, (off_t)at, &got, name, err) == -1)
		return -1;
	return got == n ? 0 : nf_fail(err, NF_ESYS, "%s became shorter",
	    name);
}

static int
writev_full(int fd, struct iovec *v, int n, off_t at, const char *name,
    struct nf_err *err)
{
	ssize_t k;

	while (n > 0) {
		if (v->iov_len == 0) {
			v++;
			n--;
			continue;
		}
		if (nf_fault(NF_FAULT_WRITE)) {
			errno = EIO;
			k = -1;
		} else
			k = at == HERE ? writev(fd, v, n) :
			    pwritev(fd, v, n, at);
		if (k == -1 && !again(fd, POLLOUT))
			return nf_fail(err, NF_ESYS, "%s: cannot write: %s",
			    name, strerror(errno));
		if (at != HERE && k > 0)
			at += k;
		for (; k > 0; v++, n--) {
			if ((size_t)k < v->iov_len) {
				v->iov_base = (char *)v->iov_base + k;
				v->iov_len -= (size_t)k;
				break;
			}
			k -= (ssize_t)v->iov_len;
		}
	}
	return 0;
}

int
nf_writev_full(int fd, struct iovec *v, int n, const char *name,
    struct nf_err *err)
{
	return writev_full(fd, v, n, HERE, name, err);
}

int
nf_pwritev_full(int fd, struct iovec *v, int n, uint64_t at,
    const char *name, struct nf_err *err)
{
	return writev_full(fd, v, n, (off_t)at, name, err);
}

int
nf_write_full(int fd, const void *buf, size_t n, const char *name,
    struct nf_err *err)
{
	struct iovec v = { .iov_base = (void *)buf, .iov_len = n };

	return nf_writev_full(fd, &v, 1, name, err);
}

/* Take up to n of the bytes that were read ahead. */
static size_t
take_ahead(struct nf_bytes *b, void *buf, size_t n)
{
	size_t k = b->nahead < n ? b->nahead : n;

	memcpy(buf, b->ahead, k);
	b->nahead -= k;
	memmove(b->ahead, b->ahead + k, b->nahead);
	return k;
}

int
nf_bytes_read(struct nf_bytes *b, void *buf, size_t n, size_t *got,
    struct nf_err *err)
{
	size_t k = take_ahead(b, buf, n);

	if (nf_read_full(b->fd, (char *)buf + k, n - k, got, b->name,
	    err) == -1)
		return -1;
	*got += k;
	return 0;
}

int
nf_bytes_some(struct nf_bytes *b, void *buf, size_t n, size_t *got,
    struct nf_err *err)
{
	ssize_t k;

	*got = take_ahead(b, buf, n);
	if (*got > 0)
		return 0;
	k = read_some(b->fd, buf, n, HERE, b->name, err);
	if (k == -1)
		return -1;
	*got = (size_t)k;
	return 0;
}

int
nf_temp_open(int *fd, struct nf_err *err)
{
	const char *dir = getenv("TMPDIR");
	char path[PATH_MAX];

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	if ((size_t)snprintf(path, sizeof(path), "%s/nfpipe-XXXXXX", dir) >=
	    sizeof(path))
		return nf_fail(err, NF_ESYS, "TMPDIR is too long a path");
	/* Where the system can make it without a name it never has one. */
	*fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (*fd != -1)
		return 0;
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd == -1)
		return nf_fail(err, NF_ESYS,
		    "%s: cannot make a temporary file: %s (TMPDIR says where)",
		    dir, strerror(errno));
	unlink(path);
	return 0;
}
