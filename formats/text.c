/* Tables of text, read. */
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "source.h"

#define MAX_LINE	(16u << 20)
#define CHUNK		(1u << 18)

struct nf_text {
	struct nf_bytes in;
	char separator;			/* ' ': any blanks */
	struct nf_list column;
	uint64_t nline;			/* the line that is read */
	char *buf;			/* lines not yet read: [at, end) */
	size_t size, at, end;
	bool over;			/* the input is */
	double *x;
	uint64_t max;			/* rows that x holds */
};

/* More bytes behind those in buf, which move to its start. */
static int
fill(struct nf_text *t, struct nf_err *err)
{
	size_t have = t->end - t->at, got;
	char *grown;

	if (t->at > 0)			/* else they are there already */
		memmove(t->buf, t->buf + t->at, have);
	t->at = 0;
	t->end = have;
	if (have > MAX_LINE)
		return nf_fail(err, NF_EDATA, "%s: line %llu is longer than "
		    "16 MiB", t->in.name, (unsigned long long)t->nline + 1);
	if (have + CHUNK > t->size) {
		grown = nf_alloc(have * 2 + CHUNK, 1, "text", err);
		if (grown == NULL)
			return -1;
		if (have > 0)
			memcpy(grown, t->buf, have);
		nf_free(t->buf);
		t->buf = grown;
		t->size = have * 2 + CHUNK;
	}
	if (nf_bytes_some(&t->in, t->buf + have, t->size - have, &got,
	    err) == -1)
		return -1;
	t->end += got;
	t->over = got == 0;
	return 0;
}

/*
 * The next line that is not blank, without its end: 1.  0: none is in buf,
 * which may get more unless t->over.
 */
static int
line_next(struct nf_text *t, char **line, char **end)
{
	char *p, *lf;

	while (t->at < t->end) {
		p = t->buf + t->at;
		lf = memchr(p, '\n', t->end - t->at);
		if (lf == NULL && !t->over)
			return 0;
		*line = p;
		*end = lf != NULL ? lf : t->buf + t->end;
		t->at = (size_t)(*end - t->buf) + (lf != NULL);
		t->nline++;
		while (*end > p && ((*end)[-1] == '\r' || (*end)[-1] == ' '))
			--*end;
		if (*end > p)
			return 1;
	}
	return 0;
}

/* The end of a text whose opening quote is before s, "" in it made one. */
static char *
unquote(char *s, char *end, char **after)
{
	char *to = s;

	for (; s < end; s++) {
		if (*s == '"' && (s + 1 == end || s[1] != '"'))
			break;
		s += *s == '"';
		*to++ = *s;
	}
	for (*after = s + (s < end); *after < end && **after == ' '; )
		++*after;
	return to;
}

/*
 * The field [s, e) that begins at *p, without its quotes and the blanks
 * around it; *p then stands at the separator or the line's end.
 */
static bool
field(const struct nf_text *t, char **p, char *end, char **s, char **e)
{
	while (*p < end && **p == ' ')
		++*p;
	*s = *p;
	if (*p < end && **p == '"') {
		*e = unquote(++*s, end, p);
		/* What stands between a quote and a separator is kept. */
		while (*p < end && **p != t->separator && (*p)[-1] != ' ')
			*(*e)++ = *(*p)++;
		return true;
	}
	while (*p < end && **p != t->separator)
		++*p;
	for (*e = *p; *e > *s && (*e)[-1] == ' '; )
		--*e;
	return false;
}

/* One line of numbers into a row. */
static int
row_parse(struct nf_text *t, char *line, char *end, double *x,
    struct nf_err *err)
{
	uint32_t j, n = t->column.n;
	char *p = line, *s, *e;

	for (j = 0; j < n; j++, p++) {
		field(t, &p, end, &s, &e);
		if (!nf_number_parse(s, e, &x[j])) {
			if (e == s)
				return nf_fail(err, NF_EDATA, "%s: line %llu, "
				    "column %s: empty, want a number or nan",
				    t->in.name, (unsigned long long)t->nline,
				    t->column.s[j]);
			return nf_fail(err, NF_EDATA, "%s: line %llu, column "
			    "%s: \"%.*s\" is not a number", t->in.name,
			    (unsigned long long)t->nline, t->column.s[j],
			    e - s < 64 ? (int)(e - s) : 64, s);
		}
		if (p == end)
			break;
	}
	if (j == n - 1 && p == end)
		return 0;
	return nf_fail(err, NF_EDATA, "%s: line %llu has %s%u values, want %u",
	    t->in.name, (unsigned long long)t->nline, j == n ? "more than " :
	    "", j == n ? n : j + 1, n);
}

int
nf_text_next(struct nf_text *t, struct nf_rows *rows, struct nf_err *err)
{
	char *line, *end;
	uint64_t n = 0;

	while (n < t->max) {
		if (line_next(t, &line, &end)) {
			if (row_parse(t, line, end, t->x + n * t->column.n,
			    err) == -1)
				return -1;
			n++;
		} else if (t->over || n > 0)
			break;
		else if (fill(t, err) == -1)
			return -1;
	}
	rows->nrow = n;
	rows->ncol = t->column.n;
	rows->type = NF_F64;
	rows->x = t->x;
	return n > 0;
}

/* ---- the first line --------------------------------------------------- */

/* The first of these that stands in the line, outside of quotes. */
static char
separator_find(const char *line, const char *end)
{
	static const char choice[] = "\t,; ";
	const char *c, *p;
	bool quoted;

	for (c = choice; *c != '\0'; c++)
		for (p = line, quoted = false; p < end; p++) {
			quoted ^= *p == '"';
			if (*p == *c && !quoted)
				return *c;
		}
	return '\t';
}

/* Names from the first line; *numbers where it has none but numbers. */
static int
names_parse(struct nf_text *t, char *p, char *end, bool *numbers,
    struct nf_err *err)
{
	bool hash = p < end && *p == '#', quoted;
	const char *number = NULL, *word = NULL;
	char *s, *e, *name;
	double v;
	int rc;

	for (p += hash; p < end && *p == ' '; )
		p++;
	for (;; p++) {
		quoted = field(t, &p, end, &s, &e);
		name = strndup(s, (size_t)(e - s));
		rc = name == NULL ? nf_fail(err, NF_ESYS, "no memory") :
		    nf_list_add(&t->column, name, err);
		free(name);
		if (rc == -1)
			return -1;
		if (!quoted && !hash && nf_number_parse(s, e, &v))
			number = t->column.s[t->column.n - 1];
		else
			word = t->column.s[t->column.n - 1];
		if (p == end || t->column.n > NF_MAX_COLS)
			break;
	}
	*numbers = word == NULL;
	if (word != NULL && number != NULL)
		return nf_fail(err, NF_EDATA, "%s: line %llu: neither names "
		    "nor numbers: \"%.64s\" is one, \"%.64s\" is none",
		    t->in.name, (unsigned long long)t->nline, number, word);
	return 0;
}

/* Names c0, c1, .. for a table that has none. */
static int
names_make(struct nf_list *l, uint32_t n, struct nf_err *err)
{
	char name[16];
	uint32_t j;

	nf_list_free(l);
	for (j = 0; j < n; j++) {
		snprintf(name, sizeof(name), "c%u", j);
		if (nf_list_add(l, name, err) == -1)
			return -1;
	}
	return 0;
}

/* The schema, from the first line, which stays to be read if it is numbers. */
static int
header_read(struct nf_text *t, struct nf_schema *schema, struct nf_err *err)
{
	static const char mark[] = "\357\273\277";	/* of UTF-8 */
	char *line, *end;
	bool numbers;

	while (!line_next(t, &line, &end)) {
		if (t->over)
			return nf_fail(err, NF_EDATA,
			    "%s: nothing but blank lines", t->in.name);
		if (fill(t, err) == -1)
			return -1;
	}
	if (end - line >= 3 && memcmp(line, mark, 3) == 0)
		line += 3;
	t->separator = separator_find(line, end);
	if (names_parse(t, line, end, &numbers, err) == -1 || (numbers &&
	    names_make(&t->column, t->column.n, err) == -1))
		return -1;
	schema->type = NF_F64;
	schema->nrow = NF_NROW_UNKNOWN;
	if (nf_list_copy(&schema->column, &t->column, err) == -1)
		return -1;
	if (nf_schema_check(schema, err) == -1)
		return nf_fail_in(err, "%s: line %llu", t->in.name,
		    (unsigned long long)t->nline);
	if (numbers) {
		t->at = (size_t)(line - t->buf);
		t->nline--;
	}
	return 0;
}

int
nf_text_open(struct nf_text **text, const struct nf_bytes *in,
    struct nf_schema *schema, struct nf_err *err)
{
	struct nf_text *t;

	*text = t = nf_alloc(1, sizeof(*t), "a text reader", err);
	if (t == NULL)
		return -1;
	t->in = *in;
	if (header_read(t, schema, err) == -1)
		return -1;
	t->max = nf_frame_rows(schema);
	t->x = nf_alloc(t->max * t->column.n, sizeof(*t->x), "rows", err);
	return t->x == NULL ? -1 : 0;
}

void
nf_text_close(struct nf_text *t)
{
	if (t == NULL)
		return;
	nf_list_free(&t->column);
	nf_free(t->buf);
	nf_free(t->x);
	nf_free(t);
}
