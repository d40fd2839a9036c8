/* Recipes: a chain of ops for every raw column, from lines and to lines. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "prep_op.h"

#define BLANKS	" \t"

/* ---- from lines --------------------------------------------------------- */

/*
 * The ops of a line whose name is exactly, or as a glob, that of a column;
 * NULL if it is not.  A name may itself hold "=": the exact one goes first.
 */
static const char *
line_ops(const char *line, const char *name, int *exact)
{
	size_t n = strlen(name), k;
	const char *eq, *s;
	char glob[1024];

	line += strspn(line, BLANKS);
	*exact = 0;
	if (strncmp(line, name, n) == 0) {
		s = line + n + strspn(line + n, BLANKS);
		if (*s == '=') {
			*exact = 1;
			return s + 1;
		}
	}
	eq = strchr(line, '=');
	if (eq == NULL)
		return NULL;
	for (k = (size_t)(eq - line); k > 0 &&
	    strchr(BLANKS, line[k - 1]) != NULL; k--)
		;
	if (k >= sizeof(glob))
		return NULL;
	memcpy(glob, line, k);
	glob[k] = '\0';
	return fnmatch(glob, name, 0) == 0 ? eq + 1 : NULL;
}

/* The ops that the lines, or else fallback, give a column. */
static const char *
find_ops(const char *name, const char *const *line, uint32_t nline,
    const char *fallback, int *used)
{
	const char *found = fallback != NULL ? fallback : "none", *ops;
	int exact, best = 0;
	uint32_t i;

	for (i = 0; i < nline; i++) {
		ops = line_ops(line[i], name, &exact);
		if (ops == NULL)
			continue;
		if (used != NULL)
			used[i] = 1;
		if (exact >= best) {
			best = exact;
			found = ops;
		}
	}
	return found;
}

static int
check_lines(const char *const *line, uint32_t nline, struct nf_err *err)
{
	uint32_t i;

	for (i = 0; i < nline; i++)
		if (strchr(line[i], '=') == NULL)
			return nf_fail(err, NF_EDATA, "recipe line \"%.80s\": "
			    "want NAME = OP, OP..", line[i]);
	return 0;
}

/* How many ops of a chain lean on another column. */
static uint32_t
count_partners(const struct nf_chain *c)
{
	uint32_t n = 0, k;

	for (k = 0; k < c->nop; k++)
		n += c->op[k].partner != NULL;
	return n;
}

static int
build_column(struct nf_prep *p, uint32_t j, const char *name, const char *ops,
    struct nf_err *err)
{
	struct nf_chain *c = &p->chain[j];
	const struct nf_op *last;
	uint32_t k;

	c->name = nf_strdup(name, err);
	if (c->name == NULL)
		return -1;
	if (nf_chain_parse(c, ops, err) == -1)
		return nf_fail_in(err, "recipe of column %s", name);
	last = &c->op[c->nop - 1];
	c->out = p->nout;
	for (k = 1; k < c->nop; k++)
		c->takes |= c->op[k].def->takes != NULL;
	c->nout = last->def->flags & NF_OP_WIDE ? last->narg : 1;
	p->nout += c->nout;
	if (last->def->flags & NF_OP_WIDE && !p->context)
		return nf_fail(err, NF_EDATA, "recipe of column %s: %s is for "
		    "conditions, and this is a target; levels is for both",
		    name, last->def->name);
	return 0;
}

/* Columns that lean on others come back after them. */
static void
set_order(struct nf_prep *p)
{
	uint32_t n = 0, j;

	for (j = 0; j < p->ncol; j++)
		if (count_partners(&p->chain[j]) == 0)
			p->order[n++] = j;
	for (j = 0; j < p->ncol; j++)
		if (count_partners(&p->chain[j]) > 0)
			p->order[n++] = j;
}

int
nf_prep_partner(struct nf_prep *p, const char *const *name,
    const ptrdiff_t *at, uint32_t n, struct nf_err *err)
{
	struct nf_op *o;
	uint32_t i, j, k;

	for (j = 0; j < p->ncol; j++)
		for (k = 0; k < p->chain[j].nop; k++) {
			o = &p->chain[j].op[k];
			for (i = 0; o->partner != NULL && i < n; i++)
				if (strcmp(o->partner, name[i]) == 0 &&
				    o->at == NF_PREP_NOWHERE)
					o->at = at[i] - (ptrdiff_t)j;
			if (o->partner == NULL || o->at == NF_PREP_NOWHERE)
				continue;
			i = (uint32_t)((ptrdiff_t)j + o->at);
			if (i < p->ncol && count_partners(&p->chain[i]) > 0)
				return nf_fail(err, NF_EDATA, "recipe of "
				    "column %s: %s %s: that column leans on "
				    "another itself", p->chain[j].name,
				    o->def->name, o->partner);
		}
	return 0;
}

int
nf_prep_new(struct nf_prep **out, const char *const *name, uint32_t ncol,
    const char *const *line, uint32_t nline, const char *fallback,
    int context, int *used, struct nf_err *err)
{
	struct nf_prep *p = nf_alloc(1, sizeof(*p), "a recipe", err);
	ptrdiff_t *own = NULL;
	uint32_t j;

	*out = NULL;
	if (p == NULL)
		return -1;
	p->context = context;
	p->chain = nf_alloc(ncol, sizeof(*p->chain), "a recipe", err);
	p->order = nf_alloc(ncol, sizeof(*p->order), "a recipe", err);
	own = nf_alloc(ncol, sizeof(*own), "a recipe", err);
	if (p->chain == NULL || p->order == NULL || own == NULL ||
	    check_lines(line, nline, err) == -1)
		goto fail;
	p->ncol = ncol;
	for (j = 0; j < ncol; j++) {
		own[j] = (ptrdiff_t)j;
		if (build_column(p, j, name[j], find_ops(name[j], line, nline,
		    fallback, used), err) == -1)
			goto fail;
	}
	if (nf_prep_partner(p, name, own, ncol, err) == -1)
		goto fail;
	set_order(p);
	nf_free(own);
	*out = p;
	return 0;
fail:
	nf_free(own);
	nf_prep_free(p);
	return -1;
}

void
nf_prep_free(struct nf_prep *p)
{
	uint32_t j;

	if (p == NULL)
		return;
	for (j = 0; j < p->ncol; j++) {
		nf_chain_clear(&p->chain[j]);
		nf_free(p->chain[j].name);
	}
	nf_free(p->chain);
	nf_free(p->order);
	nf_free(p);
}

int
nf_prep_check(const char *ops, struct nf_err *err)
{
	struct nf_chain c = { .name = NULL };
	int rc = nf_chain_parse(&c, ops, err);

	nf_chain_clear(&c);
	return rc;
}

uint32_t
nf_prep_ncol(const struct nf_prep *p)
{
	return p->ncol;
}

uint32_t
nf_prep_nout(const struct nf_prep *p)
{
	return p->nout;
}

char *
nf_prep_name(const struct nf_prep *p, uint32_t k, struct nf_err *err)
{
	const struct nf_chain *c = p->chain;
	const struct nf_op *last;
	char number[NF_NUMBER_SIZE], *s;
	size_t n;
	int len;

	while (k >= c->out + c->nout)
		c++;
	last = &c->op[c->nop - 1];
	if (!(last->def->flags & NF_OP_WIDE))
		return nf_strdup(c->name, err);
	len = (int)nf_number_print(number, last->arg[k - c->out], false);
	n = strlen(c->name) + (size_t)len + 2;
	s = nf_alloc(n, 1, "a name", err);
	if (s != NULL)
		snprintf(s, n, "%s:%.*s", c->name, len, number);
	return s;
}

int
nf_prep_fitted(const struct nf_prep *p)
{
	uint32_t j, k;

	for (j = 0; j < p->ncol; j++) {
		if (p->chain[j].nop == 1)
			continue;	/* seen alone may wait */
		for (k = 0; k < p->chain[j].nop; k++)
			if (!p->chain[j].op[k].fitted)
				return 0;
	}
	return 1;
}

/* The line into s of n bytes; the length it needs. */
static size_t
print_line(const struct nf_chain *c, char *s, size_t n)
{
	size_t len = (size_t)snprintf(s, n, "%s = ", c->name);
	uint32_t k;

	for (k = 0; k < c->nop; k++) {
		if (k > 0)
			len += (size_t)snprintf(len < n ? s + len : NULL,
			    len < n ? n - len : 0, ", ");
		len += nf_op_print(&c->op[k], len < n ? s + len : NULL,
		    len < n ? n - len : 0);
	}
	return len;
}

char *
nf_prep_line(const struct nf_prep *p, uint32_t j, struct nf_err *err)
{
	size_t n = print_line(&p->chain[j], NULL, 0) + 1;
	char *s = nf_alloc(n, 1, "a recipe", err);

	if (s != NULL)
		print_line(&p->chain[j], s, n);
	return s;
}
