/* ZIP archives, read. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zip.h"

#define END_SIZE	22		/* of the record at the end */
#define END_MAX		(END_SIZE + 65535)	/* with its comment */
#define ENTRY_SIZE	46		/* of a member in the directory */
#define LOCAL_SIZE	30		/* of its own header */
#define DIRECTORY_MAX	(1u << 28)	/* bytes */
#define ENCRYPTED	1

struct nf_zip {
	char *path;
	int fd;
	uint64_t size;			/* of the file */
	uint32_t n;
	struct nf_zip_member *member;	/* sorted by name */
};

/* ---- bytes ------------------------------------------------------------ */

static uint64_t
number(const unsigned char *s, int n)
{
	uint64_t x = 0;

	while (n-- > 0)
		x = x << 8 | s[n];
	return x;
}

static int
bad(const struct nf_zip *z, const char *what, struct nf_err *err)
{
	return nf_fail(err, NF_EDATA, "%s: %s: no whole checkpoint", z->path,
	    what);
}

/* n bytes from offset on; the file is known to have them. */
static int
get(const struct nf_zip *z, uint64_t offset, void *buf, size_t n,
    struct nf_err *err)
{
	size_t got;

	if (lseek(z->fd, (off_t)offset, SEEK_SET) == -1)
		return nf_fail(err, NF_ESYS, "%s: %s", z->path,
		    strerror(errno));
	if (nf_read_full(z->fd, buf, n, &got, z->path, err) == -1)
		return -1;
	return got == n ? 0 : bad(z, "it has become shorter", err);
}

/* ---- the directory ---------------------------------------------------- */

/* Where the directory stands, and what it counts. */
struct directory {
	uint64_t n, size, offset;
	uint64_t end;			/* it must end before this */
};

/* The ZIP64 record that stands before the end's, if there is one. */
static int
read_end64(const struct nf_zip *z, struct directory *d, struct nf_err *err)
{
	unsigned char s[56];
	uint64_t at;

	if (d->end < 20)
		return 0;
	if (get(z, d->end - 20, s, 20, err) == -1)
		return -1;
	if (memcmp(s, "PK\6\7", 4) != 0)
		return 0;
	at = number(s + 8, 8);
	d->end -= 20;
	if (d->end < sizeof(s) || at > d->end - sizeof(s))
		return bad(z, "its ZIP64 end stands nowhere", err);
	if (get(z, at, s, sizeof(s), err) == -1)
		return -1;
	if (memcmp(s, "PK\6\6", 4) != 0)
		return bad(z, "its ZIP64 end is none", err);
	d->end = at;
	d->n = number(s + 32, 8);
	d->size = number(s + 40, 8);
	d->offset = number(s + 48, 8);
	return 0;
}

/* The record at the end of the file, behind which a comment may stand. */
static int
read_end(const struct nf_zip *z, struct directory *d, struct nf_err *err)
{
	size_t n = z->size < END_MAX ? (size_t)z->size : END_MAX, k;
	unsigned char *s = nf_alloc(n, 1, "a file's end", err), *e = NULL;
	int rc = s == NULL ? -1 : get(z, z->size - n, s, n, err);

	for (k = n < END_SIZE ? 0 : n - END_SIZE + 1; rc == 0 && k-- > 0; )
		if (memcmp(s + k, "PK\5\6", 4) == 0 &&
		    k + END_SIZE + number(s + k + 20, 2) == n) {
			e = s + k;
			break;
		}
	if (rc == 0 && e == NULL)
		rc = bad(z, n >= 2 && get(z, 0, s, 2, err) == 0 &&
		    memcmp(s, "\200\2", 2) == 0 ? "written in PyTorch's "
		    "format before 1.6, load it and save it again" :
		    "a ZIP archive's end is missing", err);
	if (rc == 0) {
		d->end = z->size - n + (size_t)(e - s);
		d->n = number(e + 10, 2);
		d->size = number(e + 12, 4);
		d->offset = number(e + 16, 4);
		rc = read_end64(z, d, err);
	}
	nf_free(s);
	if (rc == 0 && (d->offset > d->end || d->size > d->end - d->offset ||
	    d->size > DIRECTORY_MAX || d->n > NF_ZIP_MEMBERS ||
	    d->n * ENTRY_SIZE > d->size))
		rc = bad(z, "the list of its members does not fit", err);
	return rc;
}

/* Numbers of 32 bits that were too small stand in the extra field. */
static int
read_extra(const unsigned char *s, size_t n, struct nf_zip_member *m,
    uint64_t *packed)
{
	uint64_t *to[3] = { &m->size, packed, &m->offset };
	size_t k, at = 4;
	int i;

	for (; n >= 4; s += k, n -= k) {
		k = 4 + (size_t)number(s + 2, 2);
		if (k > n)
			return 0;	/* padding, as PyTorch's */
		if (number(s, 2) != 1)
			continue;
		for (i = 0; i < 3; i++) {
			if (*to[i] != 0xffffffff)
				continue;
			if (at + 8 > k)
				return -1;
			*to[i] = number(s + at, 8);
			at += 8;
		}
		return 0;
	}
	return 0;
}

/* One member of the directory at s, of n bytes; *used of them. */
static int
read_entry(const struct nf_zip *z, const unsigned char *s, size_t n,
    size_t *used, struct nf_zip_member *m, struct nf_err *err)
{
	size_t nname, nextra;
	uint64_t packed;

	if (n < ENTRY_SIZE || memcmp(s, "PK\1\2", 4) != 0)
		return bad(z, "the list of its members is damaged", err);
	nname = (size_t)number(s + 28, 2);
	nextra = (size_t)number(s + 30, 2);
	*used = ENTRY_SIZE + nname + nextra + (size_t)number(s + 32, 2);
	if (*used > n || nname > NF_ZIP_NAME ||
	    memchr(s + ENTRY_SIZE, '\0', nname) != NULL)
		return bad(z, "the list of its members is damaged", err);
	m->flags = (uint16_t)number(s + 8, 2);
	m->method = (uint16_t)number(s + 10, 2);
	m->crc = (uint32_t)number(s + 16, 4);
	packed = number(s + 20, 4);
	m->size = number(s + 24, 4);
	m->offset = number(s + 42, 4);
	m->name = nf_alloc(nname + 1, 1, "a name", err);
	if (m->name == NULL)
		return -1;
	memcpy(m->name, s + ENTRY_SIZE, nname);
	if (read_extra(s + ENTRY_SIZE + nname, nextra, m, &packed) == -1 ||
	    (m->method == 0 && packed != m->size))
		return bad(z, "a member's size is damaged", err);
	return 0;
}

static int
by_offset(const void *a, const void *b)
{
	const struct nf_zip_member *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct nf_zip_member *)a)->name,
	    ((const struct nf_zip_member *)b)->name);
}

/* No member reaches beyond the next one's beginning; no name twice. */
static int
check_members(struct nf_zip *z, uint64_t end, struct nf_err *err)
{
	struct nf_zip_member *m = z->member;
	uint32_t i;

	qsort(m, z->n, sizeof(*m), by_offset);
	for (i = 0; i < z->n; i++) {
		m[i].limit = i + 1 < z->n ? m[i + 1].offset : end;
		if (m[i].offset > m[i].limit || (m[i].method == 0 &&
		    m[i].size > m[i].limit - m[i].offset))
			return bad(z, "two of its members overlap", err);
	}
	qsort(m, z->n, sizeof(*m), by_name);
	for (i = 1; i < z->n; i++)
		if (strcmp(m[i - 1].name, m[i].name) == 0)
			return bad(z, "two of its members have one name",
			    err);
	return 0;
}

static int
read_directory(struct nf_zip *z, struct nf_err *err)
{
	struct directory d = { 0 };
	unsigned char *s = NULL;
	size_t at = 0, used = 0;
	int rc;

	if (read_end(z, &d, err) == -1)
		return -1;
	z->member = nf_alloc(d.n, sizeof(*z->member), "members", err);
	s = nf_alloc(d.size, 1, "members", err);
	rc = s == NULL || z->member == NULL ? -1 :
	    get(z, d.offset, s, d.size, err);
	for (; rc == 0 && z->n < d.n; at += used) {
		rc = read_entry(z, s + at, d.size - at, &used,
		    &z->member[z->n], err);
		z->n++;
	}
	nf_free(s);
	return rc == -1 ? -1 : check_members(z, d.offset, err);
}

/* ---- the archive ------------------------------------------------------ */

int
nf_zip_open(struct nf_zip **out, const char *path, struct nf_err *err)
{
	struct nf_zip *z = nf_alloc(1, sizeof(*z), "an archive", err);
	struct stat st;
	int rc = -1;

	*out = NULL;
	if (z == NULL)
		return -1;
	z->fd = open(path, O_RDONLY | O_CLOEXEC);
	z->path = nf_strdup(path, err);
	if (z->path == NULL)
		;
	else if (z->fd == -1 || fstat(z->fd, &st) == -1)
		nf_fail(err, NF_ESYS, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		nf_fail(err, NF_EUSE, "%s: neither a pipe nor a directory, "
		    "but a file is wanted", path);
	else {
		z->size = (uint64_t)st.st_size;
		rc = read_directory(z, err);
	}
	if (rc == -1)
		nf_zip_close(z);
	else
		*out = z;
	return rc;
}

void
nf_zip_close(struct nf_zip *z)
{
	uint32_t i;

	if (z == NULL)
		return;
	for (i = 0; i < z->n; i++)
		nf_free(z->member[i].name);
	nf_free(z->member);
	nf_free(z->path);
	if (z->fd != -1)
		close(z->fd);
	nf_free(z);
}

uint64_t
nf_zip_nbyte(const struct nf_zip *z)
{
	return z->size;
}

const struct nf_zip_member *
nf_zip_find(const struct nf_zip *z, const char *name, size_t n)
{
	char key[NF_ZIP_NAME + 1];
	struct nf_zip_member want = { .name = key };

	if (n > NF_ZIP_NAME)
		return NULL;
	memcpy(key, name, n);
	key[n] = '\0';
	return bsearch(&want, z->member, z->n, sizeof(want), by_name);
}

const struct nf_zip_member *
nf_zip_ends(const struct nf_zip *z, const char *end)
{
	const struct nf_zip_member *found = NULL;
	size_t n = strlen(end), len;
	uint32_t i;

	for (i = 0; i < z->n; i++) {
		len = strlen(z->member[i].name);
		if (len < n || strcmp(z->member[i].name + len - n, end) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = &z->member[i];
	}
	return found;
}

int
nf_zip_read(const struct nf_zip *z, const struct nf_zip_member *m, void *buf,
    struct nf_err *err)
{
	unsigned char s[LOCAL_SIZE];
	uint64_t room = m->limit - m->offset, skip;

	if (m->method != 0 || (m->flags & ENCRYPTED))
		return nf_fail(err, NF_EDATA, "%s: %s is %s, want it as "
		    "PyTorch stores it: unpack the archive and pack it with "
		    "zip -0 -r", z->path, m->name,
		    m->method != 0 ? "compressed" : "encrypted");
	if (room < sizeof(s))
		return bad(z, "a member without a header", err);
	if (get(z, m->offset, s, sizeof(s), err) == -1)
		return -1;
	skip = sizeof(s) + number(s + 26, 2) + number(s + 28, 2);
	if (memcmp(s, "PK\3\4", 4) != 0 || skip > room ||
	    m->size > room - skip)
		return nf_fail(err, NF_EDATA, "%s: %s: its header is damaged",
		    z->path, m->name);
	if (get(z, m->offset + skip, buf, m->size, err) == -1)
		return -1;
	if (libdeflate_crc32(0, buf, m->size) != m->crc)
		return nf_fail(err, NF_EDATA, "%s: %s: its checksum differs: "
		    "it is damaged, or was saved without checksums", z->path,
		    m->name);
	return 0;
}
