/* A page of text that grows in memory. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "page.h"

/* Room for n more bytes and a NUL. */
static bool
grow(struct nf_page *t, size_t n)
{
	size_t size = t->size < 256 ? 256 : t->size;
	char *s;

	if (t->failed)
		return false;
	while (size < t->n + n + 1)
		size *= 2;
	if (size == t->size)
		return true;
	s = nf_alloc(size, 1, "text", NULL);
	t->failed = s == NULL;
	if (t->failed)
		return false;
	if (t->n > 0)
		memcpy(s, t->s, t->n);
	nf_free(t->s);
	t->s = s;
	t->size = size;
	return true;
}

void
nf_page_add(struct nf_page *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		t->failed = true;
	else if (grow(t, (size_t)n)) {
		vsnprintf(t->s + t->n, (size_t)n + 1, fmt, again);
		t->n += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

/* Bytes that the character at s (of n bytes, n > 0) takes. */
static size_t
character(const char *s, size_t n)
{
	size_t i = 1;

	while (i < n && ((unsigned char)s[i] & 0xc0) == 0x80)
		i++;
	return i;
}

/* Bytes of an escape sequence ESC [ .. letter at s, or 0. */
static size_t
escape(const char *s, size_t n)
{
	size_t i;

	if (n < 2 || s[0] != '\033' || s[1] != '[')
		return 0;
	for (i = 2; i < n && (s[i] == ';' || (s[i] >= '0' && s[i] <= '9'));)
		i++;
	return i < n ? i + 1 : n;
}

int
nf_page_width(const char *s, size_t nbyte)
{
	size_t i = 0, skip;
	int width = 0;

	while (i < nbyte) {
		skip = escape(s + i, nbyte - i);
		if (skip == 0) {
			skip = character(s + i, nbyte - i);
			width++;
		}
		i += skip;
	}
	return width;
}

/* Bytes of s that make width columns, and in *used how many they make. */
static size_t
cut(const char *s, int width, int *used)
{
	size_t n = strlen(s), i = 0;

	for (*used = 0; i < n && *used < width; ++*used)
		i += character(s + i, n - i);
	return i;
}

void
nf_page_left(struct nf_page *t, const char *s, int width)
{
	int used;
	size_t n = cut(s, width, &used);

	nf_page_add(t, "%.*s%*s", (int)n, s, width - used, "");
}

void
nf_page_right(struct nf_page *t, const char *s, int width)
{
	int used;
	size_t n = cut(s, width, &used);

	nf_page_add(t, "%*s%.*s", width - used, "", (int)n, s);
}

void
nf_page_number(struct nf_page *t, double x)
{
	char s[NF_NUMBER_SIZE];

	nf_page_add(t, "%.*s", (int)nf_number_print(s, x, false), s);
}

int
nf_page_check(const struct nf_page *t, struct nf_err *err)
{
	return t->failed ? nf_fail(err, NF_ESYS, "no memory for text") : 0;
}

void
nf_page_free(struct nf_page *t)
{
	nf_free(t->s);
	*t = (struct nf_page){ 0 };
}
