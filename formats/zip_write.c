/* ZIP archives, written: members stored as they are. */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zip.h"

#define BIG	0xffffffffu		/* a number that stands elsewhere */
#define NONE	0x21			/* the date: 1 January 1980 */
#define RECORD	(46 + NF_ZIP_NAME + 28)	/* bytes of a member, at most */

struct nf_zip_writer {
	struct nf_whole *whole;
	char *path;
	int fd;
	uint64_t at, n;			/* bytes and members written */
	struct nf_zip_member *member;
	uint64_t room;
};

/* ---- records ---------------------------------------------------------- */

struct record {
	unsigned char s[RECORD];
	size_t n;
};

static void
put(struct record *r, uint64_t x, int nbyte)
{
	for (; nbyte > 0; nbyte--, x >>= 8)
		r->s[r->n++] = (unsigned char)x;
}

static uint64_t
small(uint64_t x)
{
	return x < BIG ? x : BIG;
}

/*
 * A member's header, before its bytes or in the directory.  Numbers that
 * need more than 32 bits stand in an extra field behind the name.
 */
static void
header(struct record *r, const struct nf_zip_member *m, bool directory)
{
	bool size = m->size >= BIG, offset = directory && m->offset >= BIG;
	size_t name = strlen(m->name);
	int extra = 16 * size + 8 * offset;

	r->n = 0;
	put(r, directory ? 0x02014b50 : 0x04034b50, 4);
	if (directory)
		put(r, 45, 2);			/* made by, needed: ZIP64 */
	put(r, extra > 0 ? 45 : 20, 2);
	put(r, 0, 4);				/* flags, method */
	put(r, 0, 2);
	put(r, NONE, 2);
	put(r, m->crc, 4);
	put(r, small(m->size), 4);
	put(r, small(m->size), 4);
	put(r, name, 2);
	put(r, extra > 0 ? (uint64_t)extra + 4 : 0, 2);
	if (directory) {
		put(r, 0, 6);		/* comment, disk, kind of contents */
		put(r, 0, 4);
		put(r, small(m->offset), 4);
	}
	memcpy(r->s + r->n, m->name, name);
	r->n += name;
	if (extra > 0) {
		put(r, 1, 2);
		put(r, (uint64_t)extra, 2);
	}
	if (size) {
		put(r, m->size, 8);
		put(r, m->size, 8);
	}
	if (offset)
		put(r, m->offset, 8);
}

static int
out(struct nf_zip_writer *w, const void *s, size_t n, struct nf_err *err)
{
	w->at += n;
	return nf_write_full(w->fd, s, n, w->path, err);
}

/* ---- the archive ------------------------------------------------------ */

int
nf_zip_writer_open(struct nf_zip_writer **out_w, const char *path,
    struct nf_err *err)
{
	struct nf_zip_writer *w = nf_alloc(1, sizeof(*w), "an archive", err);

	*out_w = w;
	if (w == NULL)
		return -1;
	w->fd = -1;
	w->path = nf_strdup(path, err);
	if (w->path != NULL && nf_whole_begin(&w->whole, path, err) == 0) {
		w->fd = open(nf_whole_tmp(w->whole), O_WRONLY | O_CLOEXEC);
		if (w->fd != -1)
			return 0;
		nf_fail(err, NF_ESYS, "%s: %s", path, strerror(errno));
	}
	nf_zip_writer_close(w);
	*out_w = NULL;
	return -1;
}

/* Another member, named. */
static struct nf_zip_member *
add(struct nf_zip_writer *w, const char *name, struct nf_err *err)
{
	struct nf_zip_member *m;
	uint64_t room = w->room == 0 ? 64 : 2 * w->room;

	if (w->n == w->room) {
		m = nf_alloc(room, sizeof(*m), "members", err);
		if (m == NULL)
			return NULL;
		if (w->n > 0)
			memcpy(m, w->member, w->n * sizeof(*m));
		nf_free(w->member);
		w->member = m;
		w->room = room;
	}
	m = &w->member[w->n];
	m->name = nf_strdup(name, err);
	if (m->name == NULL)
		return NULL;
	w->n++;
	return m;
}

int
nf_zip_writer_put(struct nf_zip_writer *w, const char *name,
    const void *head, size_t nhead, const void *x, size_t n,
    struct nf_err *err)
{
	struct nf_zip_member *m;
	struct record r;

	if (strlen(name) > NF_ZIP_NAME)
		return nf_fail(err, NF_EUSE, "%s: a member's name of %zu "
		    "bytes", w->path, strlen(name));
	m = add(w, name, err);
	if (m == NULL)
		return -1;
	m->size = nhead + n;
	m->offset = w->at;
	m->crc = libdeflate_crc32(libdeflate_crc32(0, head, nhead), x, n);
	header(&r, m, false);
	return out(w, r.s, r.n, err) == -1 ||
	    out(w, head, nhead, err) == -1 ? -1 : out(w, x, n, err);
}

/* The records behind the directory, which is at offset, of n bytes. */
static void
ends(struct record *r, const struct nf_zip_writer *w, uint64_t offset,
    uint64_t n)
{
	uint64_t count = w->n < 0xffff ? w->n : 0xffff;

	r->n = 0;
	if (count == 0xffff || offset >= BIG || n >= BIG) {
		put(r, 0x06064b50, 4);
		put(r, 44, 8);			/* bytes that follow */
		put(r, 45, 2);
		put(r, 45, 2);
		put(r, 0, 8);			/* disks */
		put(r, w->n, 8);
		put(r, w->n, 8);
		put(r, n, 8);
		put(r, offset, 8);
		put(r, 0x07064b50, 4);
		put(r, 0, 4);
		put(r, offset + n, 8);		/* where the one above is */
		put(r, 1, 4);
	}
	put(r, 0x06054b50, 4);
	put(r, 0, 4);
	put(r, count, 2);
	put(r, count, 2);
	put(r, small(n), 4);
	put(r, small(offset), 4);
	put(r, 0, 2);
}

int
nf_zip_writer_end(struct nf_zip_writer *w, struct nf_err *err)
{
	uint64_t offset = w->at, i;
	struct nf_whole *whole;
	struct record r;

	for (i = 0; i < w->n; i++) {
		header(&r, &w->member[i], true);
		if (out(w, r.s, r.n, err) == -1)
			return -1;
	}
	ends(&r, w, offset, w->at - offset);
	if (out(w, r.s, r.n, err) == -1)
		return -1;
	whole = w->whole;
	w->whole = NULL;
	return nf_whole_commit(whole, err);
}

void
nf_zip_writer_close(struct nf_zip_writer *w)
{
	uint64_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->n; i++)
		nf_free(w->member[i].name);
	nf_free(w->member);
	if (w->fd != -1)
		close(w->fd);
	nf_whole_abort(w->whole);
	nf_free(w->path);
	nf_free(w);
}
