/* Tables of text, written. */
#include <string.h>

#include "number.h"
#include "source.h"

#define ROOM	(1u << 18)

struct nf_text_writer {
	int fd;
	char *name;
	char separator;
	enum nf_type type;
	uint32_t ncol;
	size_t used;
	char *buf;			/* ROOM bytes */
};

static int
flush(struct nf_text_writer *w, struct nf_err *err)
{
	size_t n = w->used;

	w->used = 0;
	return nf_write_full(w->fd, w->buf, n, w->name, err);
}

/* Would a reader take this name, perhaps alone, for something else? */
static bool
needs_quotes(const char *s, char separator, bool alone)
{
	size_t n = strlen(s);
	double v;

	return strchr(s, separator) != NULL || strchr(s, '"') != NULL ||
	    s[0] == ' ' || s[0] == '#' || s[n - 1] == ' ' ||
	    (alone && strpbrk(s, ",; ") != NULL) ||
	    nf_number_parse(s, s + n, &v);
}

static void
name_put(struct nf_text_writer *w, const char *s, bool quotes)
{
	if (quotes)
		w->buf[w->used++] = '"';
	for (; *s != '\0'; s++) {
		if (*s == '"')
			w->buf[w->used++] = '"';
		w->buf[w->used++] = *s;
	}
	if (quotes)
		w->buf[w->used++] = '"';
}

static int
names_write(struct nf_text_writer *w, const struct nf_list *column,
    struct nf_err *err)
{
	uint32_t j;

	for (j = 0; j < column->n; j++) {
		if (w->used + 2 * NF_MAX_NAME + 3 > ROOM &&
		    flush(w, err) == -1)
			return -1;
		name_put(w, column->s[j], needs_quotes(column->s[j],
		    w->separator, column->n == 1));
		w->buf[w->used++] = j + 1 < column->n ? w->separator : '\n';
	}
	return 0;
}

int
nf_text_writer_open(struct nf_text_writer **writer, int fd, const char *name,
    const struct nf_schema *s, char separator, struct nf_err *err)
{
	struct nf_text_writer *w = NULL;

	*writer = NULL;
	if (nf_schema_check(s, err) == -1 ||
	    (w = nf_alloc(1, sizeof(*w), "a text writer", err)) == NULL)
		return -1;
	w->fd = fd;
	w->separator = separator;
	w->type = s->type;
	w->ncol = s->column.n;
	w->name = nf_strdup(name, err);
	w->buf = nf_alloc(ROOM, 1, "text", err);
	if (w->name == NULL || w->buf == NULL ||
	    names_write(w, &s->column, err) == -1) {
		nf_text_writer_close(w);
		return -1;
	}
	*writer = w;
	return 0;
}

int
nf_text_writer_put(struct nf_text_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err)
{
	struct nf_rows rows = { nrow, w->ncol, w->type, x };
	uint64_t i;
	uint32_t j;

	for (i = 0; i < nrow; i++)
		for (j = 0; j < w->ncol; j++) {
			if (w->used + NF_NUMBER_SIZE + 1 > ROOM &&
			    flush(w, err) == -1)
				return -1;
			w->used += nf_number_print(w->buf + w->used,
			    nf_rows_get(&rows, i, j), w->type == NF_F32);
			w->buf[w->used++] = j + 1 < w->ncol ? w->separator :
			    '\n';
		}
	/* Whoever looks at a slow pipe sees the rows as they come. */
	return nrow == 0 ? 0 : flush(w, err);
}

int
nf_text_writer_end(struct nf_text_writer *w, struct nf_err *err)
{
	return flush(w, err);
}

void
nf_text_writer_close(struct nf_text_writer *w)
{
	if (w == NULL)
		return;
	nf_free(w->name);
	nf_free(w->buf);
	nf_free(w);
}
