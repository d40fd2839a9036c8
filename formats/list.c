/* Lists of strings, and the schema of a table that is made of them. */
#include <stdlib.h>
#include <string.h>

#include "stream.h"

int
nf_list_add(struct nf_list *l, const char *s, struct nf_err *err)
{
	char **grown;

	/* The room is the power of two above n. */
	if ((l->n & (l->n - 1)) == 0) {
		grown = nf_alloc(l->n == 0 ? 1 : (size_t)l->n * 2,
		    sizeof(*grown), "a list", err);
		if (grown == NULL)
			return -1;
		if (l->n > 0)
			memcpy(grown, l->s, l->n * sizeof(*grown));
		nf_free(l->s);
		l->s = grown;
	}
	l->s[l->n] = nf_strdup(s, err);
	if (l->s[l->n] == NULL)
		return -1;
	l->n++;
	return 0;
}

int
nf_list_copy(struct nf_list *to, const struct nf_list *from,
    struct nf_err *err)
{
	uint32_t i;

	memset(to, 0, sizeof(*to));
	for (i = 0; i < from->n; i++)
		if (nf_list_add(to, from->s[i], err) == -1) {
			nf_list_free(to);
			return -1;
		}
	return 0;
}

bool
nf_list_has(const struct nf_list *l, const char *s)
{
	uint32_t k;

	for (k = 0; k < l->n; k++)
		if (strcmp(l->s[k], s) == 0)
			return true;
	return false;
}

void
nf_list_free(struct nf_list *l)
{
	uint32_t i;

	for (i = 0; i < l->n; i++)
		nf_free(l->s[i]);
	nf_free(l->s);
	memset(l, 0, sizeof(*l));
}

int
nf_schema_copy(struct nf_schema *to, const struct nf_schema *from,
    struct nf_err *err)
{
	memset(to, 0, sizeof(*to));
	to->type = from->type;
	to->nrow = from->nrow;
	if (nf_list_copy(&to->column, &from->column, err) == 0 &&
	    nf_list_copy(&to->prep, &from->prep, err) == 0 &&
	    nf_list_copy(&to->note, &from->note, err) == 0)
		return 0;
	nf_schema_free(to);
	return -1;
}

/* Is this line of a recipe (NAME = OP, OP..) about that column? */
static bool
is_about(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0)
		return false;
	for (line += n; *line == ' '; )
		line++;
	return *line == '=';
}

/* Leave out the recipe of columns that are not chosen. */
static int
prep_choose(struct nf_list *to, const struct nf_schema *from,
    const bool *chosen, struct nf_err *err)
{
	uint32_t i, j;

	for (i = 0; i < from->prep.n; i++) {
		for (j = 0; j < from->column.n; j++)
			if (is_about(from->prep.s[i], from->column.s[j]))
				break;
		if ((j == from->column.n || chosen[j]) &&
		    nf_list_add(to, from->prep.s[i], err) == -1)
			return -1;
	}
	return 0;
}

int
nf_schema_choose(struct nf_schema *to, const struct nf_schema *from,
    const uint32_t *col, uint32_t ncol, struct nf_err *err)
{
	bool *chosen;
	uint32_t j;
	int rc = 0;

	if (col == NULL)
		return nf_schema_copy(to, from, err);
	memset(to, 0, sizeof(*to));
	to->type = from->type;
	to->nrow = from->nrow;
	chosen = nf_alloc(from->column.n, sizeof(*chosen), "columns", err);
	if (chosen == NULL)
		return -1;
	for (j = 0; j < ncol && rc == 0; j++) {
		chosen[col[j]] = true;
		rc = nf_list_add(&to->column, from->column.s[col[j]], err);
	}
	if (rc == 0)
		rc = prep_choose(&to->prep, from, chosen, err);
	if (rc == 0)
		rc = nf_list_copy(&to->note, &from->note, err);
	if (rc == -1)
		nf_schema_free(to);
	nf_free(chosen);
	return rc;
}

void
nf_schema_free(struct nf_schema *s)
{
	nf_list_free(&s->column);
	nf_list_free(&s->prep);
	nf_list_free(&s->note);
}

int
nf_line_check(const char *s, struct nf_err *err)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c, least;
	int more;

	for (; *p != '\0'; p++) {
		c = *p;
		more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 :
		    (c & 0xf0) == 0xe0 ? 2 : (c & 0xf8) == 0xf0 ? 3 : -1;
		if (more == -1)
			return nf_fail(err, NF_EDATA, "not UTF-8");
		least = more == 0 ? 0 : more == 1 ? 0x80 :
		    more == 2 ? 0x800 : 0x10000;
		for (c &= more == 0 ? 0x7f : 0x3fu >> more; more > 0; more--) {
			if ((*++p & 0xc0) != 0x80)
				return nf_fail(err, NF_EDATA, "not UTF-8");
			c = c << 6 | (*p & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return nf_fail(err, NF_EDATA, "not UTF-8");
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return nf_fail(err, NF_EDATA,
			    "a control character (0x%02x)", c);
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(**(char ***)a, **(char ***)b);
}

/* Refuse a list that holds a name twice. */
static int
unique_check(const struct nf_list *l, struct nf_err *err)
{
	char ***at;
	uint32_t i;
	int rc = 0;

	at = nf_alloc(l->n, sizeof(*at), "column names", err);
	if (at == NULL)
		return -1;
	for (i = 0; i < l->n; i++)
		at[i] = &l->s[i];
	qsort(at, l->n, sizeof(*at), by_name);
	for (i = 1; i < l->n && rc == 0; i++)
		if (strcmp(*at[i - 1], *at[i]) == 0)
			rc = nf_fail(err, NF_EDATA,
			    "columns %td and %td have one name, \"%s\": "
			    "rename one, or leave it out",
			    at[i - 1] < at[i] ? at[i - 1] - l->s : at[i] - l->s,
			    at[i - 1] < at[i] ? at[i] - l->s : at[i - 1] - l->s,
			    *at[i]);
	nf_free(at);
	return rc;
}

static int
lines_check(const struct nf_list *l, const char *what, struct nf_err *err)
{
	uint32_t i;

	if (l->n > NF_MAX_LINES)
		return nf_fail(err, NF_EDATA, "%u %s lines, at most %d", l->n,
		    what, NF_MAX_LINES);
	for (i = 0; i < l->n; i++)
		if (nf_line_check(l->s[i], err) == -1)
			return nf_fail_in(err, "%s line %u", what, i + 1);
	return 0;
}

int
nf_schema_check(const struct nf_schema *s, struct nf_err *err)
{
	uint32_t j;
	size_t n;

	if (s->column.n == 0 || s->column.n > NF_MAX_COLS)
		return nf_fail(err, NF_EDATA, "%u columns, want 1 to %d",
		    s->column.n, NF_MAX_COLS);
	for (j = 0; j < s->column.n; j++) {
		n = strlen(s->column.s[j]);
		if (n == 0 || n > NF_MAX_NAME)
			return nf_fail(err, NF_EDATA,
			    "the name of column %u has %zu bytes, want 1 to %d",
			    j, n, NF_MAX_NAME);
		if (nf_line_check(s->column.s[j], err) == -1)
			return nf_fail_in(err, "the name of column %u", j);
	}
	if (unique_check(&s->column, err) == -1 ||
	    lines_check(&s->prep, "prep", err) == -1 ||
	    lines_check(&s->note, "note", err) == -1)
		return -1;
	return 0;
}

int
nf_schema_agree(const struct nf_schema *a, const struct nf_schema *b,
    struct nf_err *err)
{
	uint32_t j;

	for (j = 0; j < a->column.n && j < b->column.n; j++)
		if (strcmp(a->column.s[j], b->column.s[j]) != 0)
			return nf_fail(err, NF_EDATA,
			    "column %u is \"%s\", want \"%s\"", j,
			    b->column.s[j], a->column.s[j]);
	if (a->column.n != b->column.n)
		return nf_fail(err, NF_EDATA, "%u columns, want %u",
		    b->column.n, a->column.n);
	for (j = 0; j < a->prep.n && j < b->prep.n; j++)
		if (strcmp(a->prep.s[j], b->prep.s[j]) != 0)
			break;
	if (j < a->prep.n || j < b->prep.n)
		return nf_fail(err, NF_EDATA,
		    "its columns were transformed by another recipe: "
		    "\"%.200s\", want \"%.200s\"",
		    j < b->prep.n ? b->prep.s[j] : "none",
		    j < a->prep.n ? a->prep.s[j] : "none");
	return 0;
}
