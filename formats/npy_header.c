/* The text of an npy file's header: a Python literal, and what it says. */
#include <ctype.h>
#include <string.h>

#include "source.h"

struct literal {
	char *p;			/* terminated */
	bool fortran;
	uint64_t shape[2];
	int ndim;
	struct nf_npy_layout *to;
};

/* Skip blanks, then c if it is next; true if it was. */
static bool
skip(struct literal *l, char c)
{
	while (*l->p == ' ' || *l->p == '\n')
		l->p++;
	if (*l->p != c)
		return false;
	l->p++;
	return true;
}

/* A quoted string without escapes, ended in place, or NULL. */
static char *
string(struct literal *l)
{
	char *s, quote;

	if (!skip(l, '\''))
		if (!skip(l, '"'))
			return NULL;
	quote = l->p[-1];
	s = l->p;
	l->p += strcspn(s, quote == '"' ? "\"\\" : "'\\");
	if (*l->p != quote)
		return NULL;
	*l->p++ = '\0';
	return s;
}

/* '<f4' and its like. */
static int
element_parse(struct literal *l, const char *s, struct nf_err *err)
{
	struct nf_npy_element *e = &l->to->element[l->to->nelement];
	const char *d = s;

	if (l->to->nelement == NF_MAX_COLS)
		return nf_fail(err, NF_EDATA, "more than %d fields",
		    NF_MAX_COLS);
	e->swap = *d == '>';
	if (*d != '\0' && strchr("<>|=", *d) != NULL)
		d++;
	e->kind = *d;
	e->size = (uint8_t)(*d != '\0' && d[1] != '\0' && d[2] == '\0' ?
	    d[1] - '0' : 0);
	if (!((e->kind == 'f' && (e->size == 4 || e->size == 8)) ||
	    ((e->kind == 'i' || e->kind == 'u') && (e->size == 1 ||
	    e->size == 2 || e->size == 4 || e->size == 8)) ||
	    (e->kind == 'b' && e->size == 1)))
		return nf_fail(err, NF_EDATA, "numbers of type '%.16s', want "
		    "f4, f8, i1 to i8, u1 to u8 or b1", s);
	l->to->nelement++;
	return 0;
}

static int
bad(struct nf_err *err)
{
	return nf_fail(err, NF_EDATA, "the header is not that of an array");
}

/* 'descr': a type, or a list of (name, type). */
static int
descr_parse(struct literal *l, struct nf_err *err)
{
	char *name, *type;

	if (!skip(l, '[')) {
		type = string(l);
		return type == NULL ? bad(err) : element_parse(l, type, err);
	}
	while (!skip(l, ']')) {
		if (!skip(l, '(') || (name = string(l)) == NULL ||
		    !skip(l, ',') || (type = string(l)) == NULL ||
		    (!skip(l, ')') && (!skip(l, ',') || !skip(l, ')'))))
			return nf_fail(err, NF_EDATA, "fields that are not "
			    "single numbers, or have no simple names");
		skip(l, ',');
		if (element_parse(l, type, err) == -1 ||
		    nf_list_add(&l->to->names, name, err) == -1)
			return -1;
	}
	return 0;
}

static int
shape_parse(struct literal *l, struct nf_err *err)
{
	uint64_t v;

	if (!skip(l, '('))
		return bad(err);
	for (l->ndim = 0; !skip(l, ')'); l->ndim++) {
		skip(l, ' ');
		if (!isdigit((unsigned char)*l->p))
			return bad(err);
		for (v = 0; isdigit((unsigned char)*l->p); l->p++)
			if (__builtin_mul_overflow(v, 10, &v) ||
			    __builtin_add_overflow(v, *l->p - '0', &v))
				return bad(err);
		if (l->ndim < 2)
			l->shape[l->ndim] = v;
		skip(l, 'L');
		skip(l, ',');
	}
	return 0;
}

static int
literal_parse(struct literal *l, struct nf_err *err)
{
	bool descr = false, order = false, shape = false;
	char *key;

	if (!skip(l, '{'))
		return bad(err);
	while (!skip(l, '}')) {
		key = string(l);
		if (key == NULL || !skip(l, ':'))
			return bad(err);
		if (strcmp(key, "descr") == 0 && !descr) {
			descr = true;
			if (descr_parse(l, err) == -1)
				return -1;
		} else if (strcmp(key, "fortran_order") == 0) {
			order = true;
			skip(l, ' ');
			l->fortran = strncmp(l->p, "True", 4) == 0;
			if (!l->fortran && strncmp(l->p, "False", 5) != 0)
				return bad(err);
			l->p += l->fortran ? 4 : 5;
		} else if (strcmp(key, "shape") == 0) {
			shape = true;
			if (shape_parse(l, err) == -1)
				return -1;
		} else
			return bad(err);
		skip(l, ',');
	}
	return descr && order && shape ? 0 : bad(err);
}

/* ---- what it says about rows ------------------------------------------ */

static int
rows_parse(const struct literal *l, struct nf_npy_layout *n,
    struct nf_err *err)
{
	bool record = n->names.n > 0;
	const struct nf_npy_element *e;
	uint32_t j;

	if (n->nelement == 0)
		return nf_fail(err, NF_EDATA, "no fields");
	if (l->ndim < 1 || l->ndim > (record ? 1 : 2))
		return nf_fail(err, NF_EDATA, "an array of %d dimensions, want "
		    "%s", l->ndim, record ? "1, of records" : "1 or 2");
	if (l->fortran && l->ndim == 2)
		return nf_fail(err, NF_EDATA, "stored by columns (Fortran "
		    "order): save numpy.ascontiguousarray(x)");
	if (l->ndim == 2 && (l->shape[1] == 0 || l->shape[1] > NF_MAX_COLS))
		return nf_fail(err, NF_EDATA, "%llu columns, want 1 to %d",
		    (unsigned long long)l->shape[1], NF_MAX_COLS);
	n->nrow = l->shape[0];
	n->ncol = record ? n->nelement : l->ndim == 2 ?
	    (uint32_t)l->shape[1] : 1;
	n->type = NF_F32;
	for (j = 0; j < n->nelement; j++) {
		e = &n->element[j];
		if (e->size == 8 || (e->kind != 'f' && e->size == 4))
			n->type = NF_F64;
	}
	n->plain = true;
	for (j = 0; j < n->nelement; j++) {
		e = &n->element[j];
		n->plain &= e->kind == 'f' && !e->swap &&
		    e->size == nf_type_size(n->type);
		n->rowsize += record ? e->size : (size_t)e->size * n->ncol;
	}
	return 0;
}

int
nf_npy_layout_parse(struct nf_npy_layout *n, char *text, struct nf_err *err)
{
	struct literal l = { .p = text, .to = n };

	n->element = nf_alloc(NF_MAX_COLS, sizeof(*n->element), "fields", err);
	if (n->element == NULL || literal_parse(&l, err) == -1)
		return -1;
	return rows_parse(&l, n, err);
}

void
nf_npy_layout_free(struct nf_npy_layout *n)
{
	nf_free(n->element);
	nf_list_free(&n->names);
}
