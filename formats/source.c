/* Rows from whatever holds them. */
#include "source.h"

struct nf_source {
	char *name;
	struct nf_reader *reader;	/* one of these three */
	struct nf_npy *npy;
	struct nf_text *text;
	struct nf_schema schema;	/* not for streams */
};

static int
open_kind(struct nf_source *s, const struct nf_bytes *in, enum nf_kind kind,
    struct nf_err *err)
{
	switch (kind) {
	case NF_KIND_NPY:
		return nf_npy_open(&s->npy, in, &s->schema, err);
	case NF_KIND_TEXT:
		return nf_text_open(&s->text, in, &s->schema, err);
	case NF_KIND_STREAM:
		if (nf_reader_open_bytes(&s->reader, in, err) == -1)
			return -1;
		nf_reader_many(s->reader);
		return 0;
	default:
		return nf_fail(err, NF_EDATA, "%s: not a tensor stream, npy "
		    "or text%s", in->name, nf_kind_hint(kind));
	}
}

int
nf_source_open(struct nf_source **source, int fd, const char *name,
    struct nf_err *err)
{
	struct nf_source *s;
	struct nf_bytes in = { .fd = fd };

	*source = s = nf_alloc(1, sizeof(*s), "an input", err);
	if (s == NULL)
		return -1;
	in.name = s->name = nf_strdup(name, err);
	if (s->name == NULL ||
	    nf_read_full(fd, in.ahead, sizeof(in.ahead), &in.nahead, name,
	    err) == -1 ||
	    open_kind(s, &in, nf_kind_find(in.ahead, in.nahead), err) == -1) {
		nf_source_close(s);
		*source = NULL;
		return -1;
	}
	return 0;
}

const struct nf_schema *
nf_source_schema(const struct nf_source *s)
{
	return s->reader != NULL ? nf_reader_schema(s->reader) : &s->schema;
}

uint64_t
nf_source_total(const struct nf_source *s)
{
	return s->reader != NULL ? nf_reader_total(s->reader) :
	    s->schema.nrow;
}

int
nf_source_next(struct nf_source *s, struct nf_rows *rows, struct nf_err *err)
{
	if (s->reader != NULL)
		return nf_reader_next(s->reader, rows, err);
	if (s->npy != NULL)
		return nf_npy_next(s->npy, rows, err);
	return nf_text_next(s->text, rows, err);
}

int
nf_source_again(struct nf_source *s, struct nf_err *err)
{
	return s->reader != NULL ? nf_reader_again(s->reader, err) : 0;
}

void
nf_source_close(struct nf_source *s)
{
	if (s == NULL)
		return;
	nf_reader_close(s->reader);
	nf_npy_close(s->npy);
	nf_text_close(s->text);
	nf_schema_free(&s->schema);
	nf_free(s->name);
	nf_free(s);
}
