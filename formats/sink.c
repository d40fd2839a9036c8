/* Rows to whatever is wanted. */
#include "source.h"

struct nf_sink {
	struct nf_writer *stream;	/* one of these three */
	struct nf_text_writer *text;
	struct nf_npy_writer *npy;
};

int
nf_sink_open(struct nf_sink **sink, enum nf_form form, int fd,
    const char *name, const struct nf_schema *schema, int flags,
    struct nf_err *err)
{
	struct nf_sink *s;
	int rc;

	*sink = s = nf_alloc(1, sizeof(*s), "an output", err);
	if (s == NULL)
		return -1;
	if (form == NF_FORM_STREAM)
		rc = nf_writer_open(&s->stream, fd, name, schema, flags, err);
	else if (form == NF_FORM_NPY)
		rc = nf_npy_writer_open(&s->npy, fd, name, schema, err);
	else
		rc = nf_text_writer_open(&s->text, fd, name, schema,
		    form == NF_FORM_TSV ? '\t' : ',', err);
	if (rc == -1) {
		nf_sink_close(s);
		*sink = NULL;
	}
	return rc;
}

int
nf_sink_put(struct nf_sink *s, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	if (s->stream != NULL)
		return nf_writer_put(s->stream, x, nrow, err);
	if (s->npy != NULL)
		return nf_npy_writer_put(s->npy, x, nrow, err);
	return nf_text_writer_put(s->text, x, nrow, err);
}

int
nf_sink_end(struct nf_sink *s, struct nf_err *err)
{
	if (s->stream != NULL)
		return nf_writer_end(s->stream, err);
	if (s->npy != NULL)
		return nf_npy_writer_end(s->npy, err);
	return nf_text_writer_end(s->text, err);
}

void
nf_sink_close(struct nf_sink *s)
{
	if (s == NULL)
		return;
	nf_writer_close(s->stream);
	nf_npy_writer_close(s->npy);
	nf_text_writer_close(s->text);
	nf_free(s);
}
