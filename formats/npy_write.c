/* npy files, written. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "source.h"

#define HEAD	128
#define CHUNK	(1u << 20)

struct nf_npy_writer {
	int fd, temp;			/* temp: -1 where not needed */
	char *name;
	uint64_t want, nrow;
	uint32_t ncol;
	enum nf_type type;
	off_t at;			/* where the header goes, or -1 */
};

/* The header has the same size for any number of rows. */
static void
head_make(const struct nf_npy_writer *w, uint64_t nrow, char head[HEAD])
{
	int n;

	memset(head, ' ', HEAD);
	memcpy(head, "\223NUMPY\001\000\166\000", 10);	/* 118 follow */
	n = snprintf(head + 10, HEAD - 10, "{'descr': '<f%zu', "
	    "'fortran_order': False, 'shape': (%llu, %u), }",
	    nf_type_size(w->type), (unsigned long long)nrow, w->ncol);
	head[10 + n] = ' ';
	head[HEAD - 1] = '\n';
}

static int
begin(struct nf_npy_writer *w, struct nf_err *err)
{
	char head[HEAD];
	int flags = fcntl(w->fd, F_GETFL);

	if (w->want == NF_NROW_UNKNOWN) {
		w->at = flags != -1 && (flags & O_APPEND) ? -1 :
		    lseek(w->fd, 0, SEEK_CUR);
		if (w->at == -1)
			return nf_temp_open(&w->temp, err);
		/* Until then it is no npy file. */
		memset(head, 0, sizeof(head));
	} else
		head_make(w, w->want, head);
	return nf_write_full(w->fd, head, sizeof(head), w->name, err);
}

int
nf_npy_writer_open(struct nf_npy_writer **writer, int fd, const char *name,
    const struct nf_schema *s, struct nf_err *err)
{
	struct nf_npy_writer *w;

	*writer = w = nf_alloc(1, sizeof(*w), "an npy writer", err);
	if (w == NULL)
		return -1;
	w->fd = fd;
	w->temp = -1;
	w->at = -1;
	w->want = s->nrow;
	w->ncol = s->column.n;
	w->type = s->type;
	w->name = nf_strdup(name, err);
	if (w->name == NULL || begin(w, err) == -1) {
		nf_npy_writer_close(w);
		*writer = NULL;
		return -1;
	}
	return 0;
}

int
nf_npy_writer_put(struct nf_npy_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	w->nrow += nrow;
	if (w->want != NF_NROW_UNKNOWN && w->nrow > w->want)
		return nf_fail(err, NF_EDATA, "%s: more rows than the %llu "
		    "that its header promises", w->name,
		    (unsigned long long)w->want);
	return nf_write_full(w->temp != -1 ? w->temp : w->fd, x,
	    nrow * w->ncol * nf_type_size(w->type),
	    w->temp != -1 ? "a temporary file" : w->name, err);
}

/* The rows that waited. */
static int
temp_copy(struct nf_npy_writer *w, struct nf_err *err)
{
	char *buf = nf_alloc(CHUNK, 1, "rows", err);
	size_t got;
	int rc = -1;

	if (buf == NULL)
		return -1;
	if (lseek(w->temp, 0, SEEK_SET) == -1)
		nf_fail(err, NF_ESYS, "a temporary file: %s", strerror(errno));
	else
		do
			rc = nf_read_full(w->temp, buf, CHUNK, &got,
			    "a temporary file", err) == 0 ?
			    nf_write_full(w->fd, buf, got, w->name, err) : -1;
		while (rc == 0 && got == CHUNK);
	nf_free(buf);
	return rc;
}

int
nf_npy_writer_end(struct nf_npy_writer *w, struct nf_err *err)
{
	char head[HEAD];

	head_make(w, w->nrow, head);
	if (w->temp != -1)
		return nf_write_full(w->fd, head, sizeof(head), w->name,
		    err) == 0 ? temp_copy(w, err) : -1;
	if (w->want != NF_NROW_UNKNOWN && w->nrow != w->want)
		return nf_fail(err, NF_EDATA, "%s: %llu rows, but its header "
		    "promises %llu", w->name, (unsigned long long)w->nrow,
		    (unsigned long long)w->want);
	if (w->want == NF_NROW_UNKNOWN && (nf_fault(NF_FAULT_WRITE) ||
	    pwrite(w->fd, head, sizeof(head), w->at) != sizeof(head)))
		return nf_fail(err, NF_ESYS, "%s: cannot write its header: %s",
		    w->name, strerror(errno));
	return 0;
}

void
nf_npy_writer_close(struct nf_npy_writer *w)
{
	if (w == NULL)
		return;
	if (w->temp != -1)
		close(w->temp);
	nf_free(w->name);
	nf_free(w);
}
