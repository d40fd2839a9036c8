/* npy files, read: plain arrays of one or two dimensions, and records. */
#include <string.h>

#include "source.h"

#define MAX_HEADER	(1u << 20)

struct nf_npy {
	struct nf_bytes in;
	struct nf_npy_layout is;
	uint64_t done;			/* rows */
	char *buf;			/* rows as stored */
	void *x;			/* and converted */
	uint64_t max;			/* rows that they hold */
};

static int
early(struct nf_npy *n, struct nf_err *err)
{
	return nf_fail(err, NF_EDATA,
	    "%s: npy file ended early: in its header", n->in.name);
}

/* The text of the header, terminated, which the caller frees. */
static int
header_read(struct nf_npy *n, char **text, struct nf_err *err)
{
	unsigned char head[12];
	size_t got, size = 10, len, k;

	if (nf_bytes_read(&n->in, head, size, &got, err) == -1)
		return -1;
	if (got < size)
		return early(n, err);
	if (head[6] < 1 || head[6] > 3)
		return nf_fail(err, NF_EDATA, "%s: npy version %d, only 1 to 3 "
		    "are known", n->in.name, head[6]);
	if (head[6] > 1) {
		if (nf_bytes_read(&n->in, head + size, 2, &got, err) == -1)
			return -1;
		if (got < 2)
			return early(n, err);
		size += 2;
	}
	for (len = 0, k = size; k > 8; k--)
		len = len << 8 | head[k - 1];
	if (len > MAX_HEADER)
		return nf_fail(err, NF_EDATA, "%s: %zu bytes of header, at "
		    "most %u", n->in.name, len, MAX_HEADER);
	*text = nf_alloc(len + 1, 1, "a header", err);
	if (*text == NULL ||
	    nf_bytes_read(&n->in, *text, len, &got, err) == -1)
		return -1;
	return got < len ? early(n, err) : 0;
}

static int
schema_make(struct nf_npy_layout *is, struct nf_schema *s, struct nf_err *err)
{
	char name[16];
	uint32_t j;

	s->type = is->type;
	s->nrow = is->nrow;
	if (is->names.n > 0) {
		if (nf_list_copy(&s->column, &is->names, err) == -1)
			return -1;
		return nf_schema_check(s, err);
	}
	for (j = 0; j < is->ncol; j++) {
		snprintf(name, sizeof(name), "c%u", j);
		if (nf_list_add(&s->column, name, err) == -1)
			return -1;
	}
	return 0;
}

int
nf_npy_open(struct nf_npy **npy, const struct nf_bytes *in,
    struct nf_schema *schema, struct nf_err *err)
{
	struct nf_npy *n;
	char *text = NULL;
	int rc = -1;

	*npy = n = nf_alloc(1, sizeof(*n), "an npy reader", err);
	if (n == NULL)
		return -1;
	n->in = *in;
	if (header_read(n, &text, err) == -1)
		goto out;
	if (nf_npy_layout_parse(&n->is, text, err) == -1 ||
	    schema_make(&n->is, schema, err) == -1) {
		nf_fail_in(err, "%s: npy", in->name);
		goto out;
	}
	n->max = nf_frame_rows(schema);
	n->buf = nf_alloc(n->max, n->is.rowsize, "rows", err);
	n->x = nf_alloc(n->max * n->is.ncol, nf_type_size(n->is.type), "rows",
	    err);
	if (n->buf != NULL && n->x != NULL)
		rc = 0;
out:
	nf_free(text);
	return rc;
}

/* ---- rows ------------------------------------------------------------- */

static double
value(const struct nf_npy_element *e, const char *p)
{
	union {
		char c[8];
		float f4;
		double f8;
		int8_t i1;
		int16_t i2;
		int32_t i4;
		int64_t i8;
		uint64_t u8;
	} v = { { 0 } };
	int i;

	for (i = 0; i < e->size; i++)
		v.c[e->swap ? e->size - 1 - i : i] = p[i];
	if (e->kind == 'f')
		return e->size == 4 ? (double)v.f4 : v.f8;
	if (e->kind != 'i')
		return (double)v.u8;
	return e->size == 1 ? v.i1 : e->size == 2 ? v.i2 :
	    e->size == 4 ? v.i4 : (double)v.i8;
}

static void
convert(struct nf_npy *n, uint64_t nrow)
{
	const struct nf_npy_element *e = n->is.element;
	const char *p = n->buf;
	uint64_t i, k = 0;
	uint32_t j;
	double v;

	for (i = 0; i < nrow; i++)
		for (j = 0; j < n->is.ncol; j++, k++) {
			if (n->is.nelement > 1)
				e = &n->is.element[j];
			v = value(e, p);
			p += e->size;
			if (n->is.type == NF_F32)
				((float *)n->x)[k] = (float)v;
			else
				((double *)n->x)[k] = v;
		}
}

int
nf_npy_next(struct nf_npy *n, struct nf_rows *rows, struct nf_err *err)
{
	uint64_t want = n->is.nrow - n->done;
	size_t got, size;

	want = want < n->max ? want : n->max;
	if (want == 0) {
		if (nf_bytes_read(&n->in, n->buf, 1, &got, err) == -1)
			return -1;
		return got == 0 ? 0 : nf_fail(err, NF_EDATA,
		    "%s: bytes after the npy array", n->in.name);
	}
	size = want * n->is.rowsize;
	if (nf_bytes_read(&n->in, n->buf, size, &got, err) == -1)
		return -1;
	if (got < size)
		return nf_fail(err, NF_EDATA, "%s: npy file ended early: after "
		    "%llu of %llu rows", n->in.name,
		    (unsigned long long)(n->done + got / n->is.rowsize),
		    (unsigned long long)n->is.nrow);
	if (!n->is.plain)
		convert(n, want);
	n->done += want;
	rows->nrow = want;
	rows->ncol = n->is.ncol;
	rows->type = n->is.type;
	rows->x = n->is.plain ? n->buf : n->x;
	return 1;
}

void
nf_npy_close(struct nf_npy *n)
{
	if (n == NULL)
		return;
	nf_npy_layout_free(&n->is);
	nf_free(n->buf);
	nf_free(n->x);
	nf_free(n);
}
