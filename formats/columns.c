/* COLUMNS: names, globs, positions and ranges, resolved. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "near.h"
#include "nfio.h"
#include "shuffle.h"

/* What has been chosen so far. */
struct chosen {
	const struct nf_list *names;
	uint32_t *col, ncol;
	bool *has;
};

static int
unknown(const struct nf_list *names, const char *name, struct nf_err *err)
{
	const char *near = nf_near(name, (const char *const *)names->s,
	    names->n);

	if (near == NULL)
		return nf_fail(err, NF_EDATA, "no column \"%.255s\": there "
		    "are none", name);
	return nf_fail(err, NF_EDATA,
	    "no column \"%.255s\" (the nearest is \"%s\")", name, near);
}

/* The position of name, or -1. */
static int64_t
name_find(const struct nf_list *names, const char *name)
{
	uint32_t j;

	for (j = 0; j < names->n; j++)
		if (strcmp(names->s[j], name) == 0)
			return j;
	return -1;
}

int
nf_columns_index(const struct nf_list *names, const char *name,
    struct nf_err *err)
{
	int64_t j = name_find(names, name);

	return j == -1 ? unknown(names, name, err) : (int)j;
}

static int
choose(struct chosen *c, uint32_t j, struct nf_err *err)
{
	if (c->has[j])
		return nf_fail(err, NF_EDATA,
		    "column \"%s\" is asked for twice", c->names->s[j]);
	c->has[j] = true;
	c->col[c->ncol++] = j;
	return 0;
}

/* Digits up to end as a number; bounded, so that it cannot overflow. */
static bool
number(const char *s, const char *end, uint32_t *v)
{
	for (*v = 0; s < end && isdigit((unsigned char)*s); s++)
		if (*v <= NF_MAX_COLS)
			*v = *v * 10 + (uint32_t)(*s - '0');
	return s == end;
}

/* A position or a range LO:HI, either of which may be left out; 0 if not. */
static int
range(struct chosen *c, const char *s, struct nf_err *err)
{
	const char *colon = strchr(s, ':'), *end = s + strlen(s);
	uint32_t lo, hi, j;

	if (!number(s, colon != NULL ? colon : end, &lo) || s == end)
		return 0;
	hi = lo + 1;
	if (colon != NULL) {
		if (!number(colon + 1, end, &hi))
			return 0;
		if (colon + 1 == end)
			hi = c->names->n;
	}
	if (hi > c->names->n)
		return nf_fail(err, NF_EDATA, "no column %.32s: there are %u, "
		    "the first is 0", s, c->names->n);
	if (lo >= hi)
		return nf_fail(err, NF_EDATA, "the range %.32s is empty", s);
	for (j = lo; j < hi; j++)
		if (choose(c, j, err) == -1)
			return -1;
	return 1;
}

static int
glob(struct chosen *c, const char *s, struct nf_err *err)
{
	bool found = false;
	uint32_t j;

	for (j = 0; j < c->names->n; j++)
		if (fnmatch(s, c->names->s[j], 0) == 0) {
			found = true;
			if (!c->has[j] && choose(c, j, err) == -1)
				return -1;
		}
	return found ? 0 : nf_fail(err, NF_EDATA,
	    "no column matches \"%.255s\"", s);
}

static int
item(struct chosen *c, const char *s, struct nf_err *err)
{
	int64_t j = name_find(c->names, s);
	int rc;

	if (j != -1)
		return choose(c, (uint32_t)j, err);
	rc = range(c, s, err);
	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (strpbrk(s, "*?[") != NULL)
		return glob(c, s, err);
	if (*s == '\0')
		return nf_fail(err, NF_EDATA, "an empty name among columns");
	return unknown(c->names, s, err);
}

int
nf_columns_find(const char *columns, const struct nf_list *names,
    uint32_t **col, uint32_t *ncol, struct nf_err *err)
{
	struct chosen c = { .names = names };
	char *copy = NULL, *s, *next, *end;
	int rc = -1;

	c.col = nf_alloc(names->n, sizeof(*c.col), "columns", err);
	c.has = nf_alloc(names->n, sizeof(*c.has), "columns", err);
	if (c.col != NULL && c.has != NULL)
		copy = nf_strdup(columns, err);
	for (s = copy; s != NULL; s = next) {
		next = strchr(s, ',');
		if (next != NULL)
			*next++ = '\0';
		while (*s == ' ' || *s == '\t')
			s++;
		for (end = s + strlen(s); end > s &&
		    (end[-1] == ' ' || end[-1] == '\t'); end--)
			end[-1] = '\0';
		rc = item(&c, s, err);
		if (rc == -1)
			break;
	}
	nf_free(copy);
	nf_free(c.has);
	if (rc == -1) {
		nf_free(c.col);
		c.col = NULL;
	}
	*col = c.col;
	*ncol = c.ncol;
	return rc;
}

/* What takes the columns col[] back, in its place. */
static int
invert(const char *order, uint32_t *col, uint32_t ncol,
    const struct nf_list *names, struct nf_err *err)
{
	uint32_t *was, j;

	if (strspn(order, "0123456789:, ") != strlen(order))
		return nf_fail(err, NF_EUSE, "names do not say where columns "
		    "stood: the inverse needs positions");
	if (ncol != names->n)
		return nf_fail(err, NF_EUSE, "%u of %u columns have no "
		    "inverse", ncol, names->n);
	was = nf_alloc(ncol, sizeof(*was), "columns", err);
	if (was == NULL)
		return -1;
	memcpy(was, col, ncol * sizeof(*was));
	for (j = 0; j < ncol; j++)
		col[was[j]] = j;
	nf_free(was);
	return 0;
}

int
nf_columns_permute(const char *order, uint64_t seed, bool inverse,
    const struct nf_list *names, uint32_t **col, uint32_t *ncol,
    struct nf_err *err)
{
	bool random = strcmp(order, "random") == 0;
	uint32_t j, n = names->n;
	int rc;

	if (!random && strcmp(order, "reverse") != 0)
		rc = nf_columns_find(order, names, col, ncol, err);
	else {
		*col = nf_alloc(n, sizeof(**col), "columns", err);
		*ncol = n;
		for (j = 0; *col != NULL && j < n; j++)
			(*col)[j] = n - 1 - j;
		rc = *col == NULL ? -1 : !random ? 0 :
		    nf_shuffle(seed, NF_FOR_COLUMNS, 0, n, *col, err);
	}
	if (rc == 0 && inverse && strcmp(order, "reverse") != 0)
		rc = invert(random ? "" : order, *col, *ncol, names, err);
	if (rc == -1) {
		nf_free(*col);
		*col = NULL;
	}
	return rc;
}
