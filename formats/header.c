/* The text of a stream's header, and the schema that it spells. */
#include <string.h>

#include "stream.h"

static const char *const type_name[] = { [NF_F32] = "f32", [NF_F64] = "f64" };

const char *
nf_type_name(enum nf_type t)
{
	return type_name[t];
}

/* Keys in the order in which their lines stand. */
enum key { KEY_VERSION, KEY_TYPE, KEY_COLUMN, KEY_PREP, KEY_NOTE, KEY_OTHER };
static const char *const key_name[] = {
	"nfstream", "type", "column", "prep", "note"
};

static enum key
key_find(const char *s, size_t n)
{
	int i;

	for (i = 0; i < KEY_OTHER; i++)
		if (strlen(key_name[i]) == n && memcmp(key_name[i], s, n) == 0)
			break;
	return (enum key)i;
}

static int
type_parse(struct nf_schema *s, const char *v, struct nf_err *err)
{
	if (strcmp(v, type_name[NF_F32]) == 0)
		s->type = NF_F32;
	else if (strcmp(v, type_name[NF_F64]) == 0)
		s->type = NF_F64;
	else
		return nf_fail(err, NF_EDATA, "type \"%.32s\", want f32 or f64",
		    v);
	return 0;
}

static int
list_parse(struct nf_list *l, uint32_t max, const char *v, struct nf_err *err)
{
	if (l->n == max)
		return nf_fail(err, NF_EDATA, "more than %u such lines", max);
	return nf_list_add(l, v, err);
}

/* One line, LF cut off; last is the key of the one before it that counts. */
static int
line_parse(struct nf_schema *s, char *line, enum key *last,
    struct nf_err *err)
{
	char *v = strchr(line, ' ');
	enum key key;

	if (v == NULL || v == line)
		return nf_fail(err, NF_EDATA, "no key and value");
	*v++ = '\0';
	key = key_find(line, strlen(line));
	if (key == KEY_OTHER && *last != KEY_OTHER)
		return 0;		/* of a later version: skipped */
	if (*last == KEY_OTHER && key != KEY_VERSION)
		return nf_fail(err, NF_EDATA, "no version");
	if (*last != KEY_OTHER && (key < *last || key > *last + 1) &&
	    !(*last == KEY_COLUMN && key == KEY_NOTE))
		return nf_fail(err, NF_EDATA, "\"%s\" does not follow \"%s\"",
		    line, key_name[*last]);
	if (key == *last && key <= KEY_TYPE)
		return nf_fail(err, NF_EDATA, "\"%s\" for the second time",
		    line);
	*last = key;
	switch (key) {
	case KEY_VERSION:
		if (strcmp(v, "1") == 0)
			return 0;
		return nf_fail(err, NF_EDATA,
		    "version \"%.32s\" of the stream, only 1 is known", v);
	case KEY_TYPE:
		return type_parse(s, v, err);
	case KEY_COLUMN:
		return list_parse(&s->column, NF_MAX_COLS, v, err);
	case KEY_PREP:
		return list_parse(&s->prep, NF_MAX_LINES, v, err);
	default:
		return list_parse(&s->note, NF_MAX_LINES, v, err);
	}
}

int
nf_header_parse(struct nf_schema *s, const char *text, size_t n,
    struct nf_err *err)
{
	enum key last = KEY_OTHER;
	uint32_t nline = 0;
	size_t k, end;
	char *copy;
	int rc = 0;

	if (n == 0 || text[n - 1] != '\n' || memchr(text, '\0', n) != NULL)
		return nf_fail(err, NF_EDATA, "header: not lines of text");
	copy = nf_alloc(n, 1, "the header", err);
	if (copy == NULL)
		return -1;
	memcpy(copy, text, n);
	for (k = 0; k < n && rc == 0; k = end + 1) {
		end = (size_t)((char *)memchr(copy + k, '\n', n - k) - copy);
		copy[end] = '\0';
		nline++;
		rc = nf_line_check(copy + k, err);
		if (rc == 0)
			rc = line_parse(s, copy + k, &last, err);
		if (rc == -1)
			nf_fail_in(err, "header line %u", nline);
	}
	nf_free(copy);
	if (rc == 0 && nf_schema_check(s, err) == -1)
		rc = nf_fail_in(err, "header");
	return rc;
}

/* Append "KEY VALUE\n" at *p; only add up the bytes where *p is NULL. */
static void
line_put(char **p, size_t *n, enum key key, const char *v)
{
	size_t k = strlen(key_name[key]), m = strlen(v);

	*n += k + m + 2;
	if (*p == NULL)
		return;
	memcpy(*p, key_name[key], k);
	(*p)[k] = ' ';
	memcpy(*p + k + 1, v, m);
	(*p)[k + m + 1] = '\n';
	*p += k + m + 2;
}

static size_t
header_put(const struct nf_schema *s, char *p)
{
	size_t n = 0;
	uint32_t j;

	line_put(&p, &n, KEY_VERSION, "1");
	line_put(&p, &n, KEY_TYPE, type_name[s->type]);
	for (j = 0; j < s->column.n; j++)
		line_put(&p, &n, KEY_COLUMN, s->column.s[j]);
	for (j = 0; j < s->prep.n; j++)
		line_put(&p, &n, KEY_PREP, s->prep.s[j]);
	for (j = 0; j < s->note.n; j++)
		line_put(&p, &n, KEY_NOTE, s->note.s[j]);
	return n;
}

int
nf_header_text(const struct nf_schema *s, char **text, size_t *n,
    struct nf_err *err)
{
	if (nf_schema_check(s, err) == -1)
		return -1;
	*n = header_put(s, NULL);
	if (*n > NF_MAX_PAYLOAD)
		return nf_fail(err, NF_EDATA, "%zu bytes of names and notes, "
		    "at most %u", *n, NF_MAX_PAYLOAD);
	*text = nf_alloc(*n, 1, "the header", err);
	if (*text == NULL)
		return -1;
	header_put(s, *text);
	return 0;
}
