/*
 * What the tests of PyTorch's checkpoints share: one that it wrote
 * (tests/data/README.md), and copies of it, changed, in memory.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "flows.h"
#include "import.h"

#define GOOD	"tests/data/flashsim_tiny.pt"
#define SECONDS	900			/* all of a program, on any machine */

static struct nf_err err;
static char bad[64];			/* a damaged file, in memory */
static int bad_fd;

/* Before all else: the damaged file, and a bound on the time. */
static inline void
begin(void)
{
	bad_fd = memfd_create("damaged", 0);
	snprintf(bad, sizeof(bad), "/proc/self/fd/%d", bad_fd);
	alarm(SECONDS);
}

static inline unsigned char *
slurp(const char *path, size_t *n)
{
	struct stat st;
	unsigned char *s;
	int fd = open(path, O_RDONLY);

	if (fd == -1 || fstat(fd, &st) == -1) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
	s = room((size_t)st.st_size, 1);
	must(nf_read_full(fd, s, (size_t)st.st_size, n, path, &err), &err);
	close(fd);
	return s;
}

static inline void
spill(const void *s, size_t n)
{
	if (ftruncate(bad_fd, 0) == -1 ||
	    pwrite(bad_fd, s, n, 0) != (ssize_t)n)
		ok(false, "a file in memory");
}

/* Import path: 1 taken, 0 refused as bad input, with a line. */
static inline int
take(const char *path, struct nf_model **m)
{
	struct nf_import how = { 0 };
	struct nf_list notes = { 0, NULL };
	int rc;

	err.msg[0] = '\0';
	rc = nf_import(m, path, &how, &notes, &err);
	nf_list_free(&notes);
	if (rc == -1 && err.code != NF_EDATA)
		ok(false, "refused as bad input: %s", err.msg);
	return rc == 0;
}

static inline int
taken(const char *path)
{
	struct nf_model *m;

	if (!take(path, &m))
		return 0;
	nf_model_free(m);
	return 1;
}

static inline int
says(const char *want)
{
	if (strstr(err.msg, want) != NULL)
		return ok(true, "%s", err.msg);
	return ok(false, "%s: %s", want, err.msg);
}

/* ---- the good archive, changed ---------------------------------------- */

static inline uint64_t
get(const unsigned char *s, int n)
{
	uint64_t x = 0;

	while (n-- > 0)
		x = x << 8 | s[n];
	return x;
}

static inline void
put(unsigned char *s, uint64_t x, int n)
{
	for (; n-- > 0; x >>= 8)
		*s++ = (unsigned char)x;
}

/* The directory's entry whose name ends so, in the archive s. */
static inline unsigned char *
entry(unsigned char *s, size_t n, const char *end)
{
	unsigned char *e = s + get(s + n - 6, 4);
	size_t len = strlen(end), k;

	for (; memcmp(e, "PK\1\2", 4) == 0; e += 46 + k + get(e + 30, 2) +
	    get(e + 32, 2)) {
		k = get(e + 28, 2);
		if (k >= len && memcmp(e + 46 + k - len, end, len) == 0)
			return e;
	}
	printf("Bail out! no %s\n", end);
	exit(1);
}

/* Where the bytes of an entry's member begin. */
static inline unsigned char *
bytes(unsigned char *s, const unsigned char *e)
{
	unsigned char *local = s + get(e + 42, 4);

	return local + 30 + get(local + 26, 2) + get(local + 28, 2);
}

static inline void
changed(const unsigned char *s, size_t n, const char *want)
{
	spill(s, n);
	ok(!taken(bad), "refused");
	says(want);
}

#endif
