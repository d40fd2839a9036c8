/*
 * Files that appear when whole.  Until then they have no name, so that even a
 * program that is killed leaves nothing; where the file system cannot make
 * such a file, it has a temporary one beside its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nfio.h"

struct nf_whole {
	char *path;
	char *beside;			/* path.PID-N.tmp; "": not yet made */
	size_t room;			/* of beside */
	char *tmp;			/* how it is opened meanwhile */
	int fd;				/* of a file without a name, or -1 */
	mode_t mode;			/* of the file replaced, or 0 */
};

static void
whole_free(struct nf_whole *f)
{
	if (f->fd != -1)
		close(f->fd);
	nf_free(f->path);
	nf_free(f->beside);
	nf_free(f->tmp);
	nf_free(f);
}

/* Where path leads: the file that a link points to, not the link. */
static int
find_path(struct nf_whole *f, const char *path, struct nf_err *err)
{
	char *real;
	struct stat st;

	real = realpath(path, NULL);
	f->path = nf_strdup(real != NULL ? real : path, err);
	free(real);
	if (f->path == NULL)
		return -1;
	f->room = strlen(f->path) + 32;
	f->beside = nf_alloc(f->room, 1, "a file name", err);
	if (f->beside == NULL)
		return -1;
	if (stat(f->path, &st) == -1)
		return 0;
	if (!S_ISREG(st.st_mode))
		return nf_fail(err, NF_EUSE,
		    "%s: not a regular file, so it cannot be replaced", path);
	f->mode = st.st_mode & 0777;
	return 0;
}

/* Open the directory of path, or make a file without a name in it. */
static int
open_directory(const struct nf_whole *f, int flags)
{
	const char *slash = strrchr(f->path, '/');
	char dir[PATH_MAX];
	size_t n = slash == NULL ? 0 : (size_t)(slash - f->path);

	if (n >= sizeof(dir))
		return -1;
	memcpy(dir, f->path, n);
	if (n == 0)
		dir[n++] = slash == NULL ? '.' : '/';
	dir[n] = '\0';
	return open(dir, flags | O_CLOEXEC, 0666);
}

/* 1: made; 0: the system cannot, and a name will have to do; -1. */
static int
make_unnamed(struct nf_whole *f, struct nf_err *err)
{
	char name[64];

	f->fd = open_directory(f, O_TMPFILE | O_RDWR);
	if (f->fd == -1)
		return 0;
	/* Other programs, as gnuplot, can open it too. */
	snprintf(name, sizeof(name), "/proc/%ld/fd/%d", (long)getpid(),
	    f->fd);
	if (access(name, R_OK | W_OK) == -1) {
		close(f->fd);
		f->fd = -1;
		return 0;
	}
	f->tmp = nf_strdup(name, err);
	return f->tmp == NULL ? -1 : 1;
}

static void
name_beside(struct nf_whole *f, int i)
{
	snprintf(f->beside, f->room, "%s.%ld-%d.tmp", f->path,
	    (long)getpid(), i);
}

/* Make an empty file beside path, of a name that is nobody's. */
static int
make_beside(struct nf_whole *f, struct nf_err *err)
{
	int fd = -1, i;

	for (i = 0; i < 100 && fd == -1; i++) {
		name_beside(f, i);
		fd = open(f->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
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
	f->tmp = nf_strdup(f->beside, err);
	if (f->tmp == NULL)
		unlink(f->beside);
	return f->tmp == NULL ? -1 : 0;
}

int
nf_whole_begin(struct nf_whole **f, const char *path, struct nf_err *err)
{
	int rc = -1;

	*f = nf_alloc(1, sizeof(**f), "a file", err);
	if (*f == NULL)
		return -1;
	(*f)->fd = -1;
	if (find_path(*f, path, err) == 0)
		rc = make_unnamed(*f, err);
	if (rc == 0)
		rc = make_beside(*f, err);
	if (rc != -1)
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

/* Flush to disk what is open, and close it. */
static int
flush(int fd)
{
	int rc = -1;

	if (nf_fault(NF_FAULT_WRITE))
		errno = EIO;
	else if (fd != -1)
		rc = fsync(fd);
	if (fd != -1)
		close(fd);
	return rc;
}

/*
 * Give the file without a name its own.  A link replaces nothing, so where
 * something is there it gets a name beside it first, for an instant.
 */
static int
give_name(struct nf_whole *f)
{
	int i, rc;

	rc = linkat(AT_FDCWD, f->tmp, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW);
	for (i = 0; i < 100 && rc == -1 && errno == EEXIST; i++) {
		name_beside(f, i);
		rc = linkat(AT_FDCWD, f->tmp, AT_FDCWD, f->beside,
		    AT_SYMLINK_FOLLOW);
		if (rc == 0 && (rc = rename(f->beside, f->path)) == -1) {
			i = errno;
			unlink(f->beside);
			errno = i;
			return -1;
		}
	}
	return rc;
}

/* On disk first, and then under its name. */
static int
finish(struct nf_whole *f)
{
	if (f->fd == -1)
		return flush(open(f->tmp, O_RDONLY | O_CLOEXEC)) == -1 ? -1 :
		    rename(f->tmp, f->path);
	if (f->mode != 0)
		(void)fchmod(f->fd, f->mode);
	return flush(fcntl(f->fd, F_DUPFD_CLOEXEC, 0)) == -1 ? -1 :
	    give_name(f);
}

int
nf_whole_commit(struct nf_whole *f, struct nf_err *err)
{
	if (finish(f) == -1) {
		nf_fail(err, NF_ESYS, "%s: cannot finish: %s", f->path,
		    strerror(errno));
		nf_whole_abort(f);
		return -1;
	}
	/* The file is whole; that its name survives a crash is a wish. */
	(void)flush(open_directory(f, O_RDONLY | O_DIRECTORY));
	whole_free(f);
	return 0;
}

void
nf_whole_abort(struct nf_whole *f)
{
	if (f == NULL)
		return;
	if (f->fd == -1)
		unlink(f->tmp);
	whole_free(f);
}
