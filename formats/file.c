/* Descriptors and files: whole reads and writes, whole files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd == -1)
		return nf_fail(err, NF_ESYS,
		    "%s: cannot make a temporary file: %s (TMPDIR says where)",
		    dir, strerror(errno));
	unlink(path);
	return 0;
}

/* ---- files that appear when whole ------------------------------------- */

struct nf_whole {
	char *path, *tmp;
	mode_t mode;			/* of the file replaced, or 0 */
};

static void
whole_free(struct nf_whole *f)
{
	nf_free(f->path);
	nf_free(f->tmp);
	nf_free(f);
}

/* Where path leads: the file that a link points to, not the link. */
static int
whole_path(struct nf_whole *f, const char *path, struct nf_err *err)
{
	char *real;
	struct stat st;

	real = realpath(path, NULL);
	f->path = nf_strdup(real != NULL ? real : path, err);
	free(real);
	if (f->path == NULL)
		return -1;
	if (stat(f->path, &st) == -1)
		return 0;
	if (!S_ISREG(st.st_mode))
		return nf_fail(err, NF_EUSE,
		    "%s: not a regular file, so it cannot be replaced", path);
	f->mode = st.st_mode & 0777;
	return 0;
}

/* Make an empty file beside path, of a name that is nobody's. */
static int
whole_make(struct nf_whole *f, struct nf_err *err)
{
	size_t n = strlen(f->path) + 32;
	int fd = -1, i;

	f->tmp = nf_alloc(n, 1, "a file name", err);
	if (f->tmp == NULL)
		return -1;
	for (i = 0; i < 100 && fd == -1; i++) {
		snprintf(f->tmp, n, "%s.%ld-%d.tmp", f->path, (long)getpid(),
		    i);
		fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0666);
		if (fd == -1 && errno != EEXIST)
			break;
	}
	if (fd == -1)
		return nf_fail(err, NF_ESYS, "%s: cannot create: %s", f->path,
		    strerror(errno));
	if (f->mode != 0)
		(void)fchmod(fd, f->mode);
	close(fd);
	return 0;
}

int
nf_whole_begin(struct nf_whole **f, const char *path, struct nf_err *err)
{
	*f = nf_alloc(1, sizeof(**f), "a file", err);
	if (*f == NULL)
		return -1;
	if (whole_path(*f, path, err) == 0 && whole_make(*f, err) == 0)
		return 0;
	whole_free(*f);
	*f = NULL;
	return -1;
}

const char *
nf_whole_tmp(const struct nf_whole *f)
{
	return f->tmp;
}

/* Flush to disk what path names: a file, or a directory's entries. */
static int
flush(const char *path, int flags)
{
	int fd, rc;

	if (nf_fault(NF_FAULT_WRITE)) {
		errno = EIO;
		return -1;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	if (fd == -1)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int
nf_whole_commit(struct nf_whole *f, struct nf_err *err)
{
	char *slash;

	if (flush(f->tmp, 0) == -1 || rename(f->tmp, f->path) == -1) {
		nf_fail(err, NF_ESYS, "%s: cannot finish: %s", f->path,
		    strerror(errno));
		nf_whole_abort(f);
		return -1;
	}
	/* The file is whole; that its name survives a crash is a wish. */
	slash = strrchr(f->path, '/');
	if (slash != NULL)
		slash[slash == f->path] = '\0';
	(void)flush(slash == NULL ? "." : f->path, O_DIRECTORY);
	whole_free(f);
	return 0;
}

void
nf_whole_abort(struct nf_whole *f)
{
	if (f == NULL)
		return;
	unlink(f->tmp);
	whole_free(f);
}
