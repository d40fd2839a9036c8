/* Which columns a training reads. */
#include <string.h>

#include "dataset.h"

static int
add_names(struct nf_list *l, const struct nf_schema *s, const uint32_t *col,
    uint32_t n, struct nf_err *err)
{
	uint32_t j;

	for (j = 0; j < n; j++)
		if (nf_list_add(l, s->column.s[col[j]], err) == -1)
			return -1;
	return 0;
}

/* A column may have one role. */
static int
check_roles(const struct nf_choice *c, const struct nf_schema *s,
    struct nf_err *err)
{
	uint32_t n = c->ncontext + c->ntarget + c->nweight, i;
	char *seen = nf_alloc(s->column.n, 1, "columns", err);

	if (seen == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		if (seen[c->col[i]]++ == 0)
			continue;
		nf_free(seen);
		return nf_fail(err, NF_EDATA, "[data]: column %s is asked for "
		    "twice among context, target and weight",
		    s->column.s[c->col[i]]);
	}
	nf_free(seen);
	if (c->ntarget < 2)
		return nf_fail(err, NF_EDATA, "[data]: %u target column%s, "
		    "want at least 2", c->ntarget,
		    c->ntarget == 1 ? "" : "s");
	return 0;
}

/* All columns that are not among the n in col. */
static int
others(const struct nf_schema *s, const uint32_t *col, uint32_t n,
    uint32_t **out, uint32_t *nout, struct nf_err *err)
{
	uint32_t i, j;

	*nout = 0;
	*out = nf_alloc(s->column.n, sizeof(**out), "columns", err);
	if (*out == NULL)
		return -1;
	for (i = 0; i < s->column.n; i++) {
		for (j = 0; j < n && col[j] != i; j++)
			;
		if (j == n)
			(*out)[(*nout)++] = i;
	}
	return 0;
}

/* Context, weight (one after the other in taken) and target columns. */
static int
find_roles(struct nf_choice *c, const struct nf_cfg *cfg,
    const struct nf_schema *s, uint32_t *taken, uint32_t **target,
    struct nf_err *err)
{
	uint32_t *col = NULL;
	int k;

	if (cfg->context != NULL) {
		if (nf_columns_find(cfg->context, &s->column, &col,
		    &c->ncontext, err) == -1)
			return nf_fail_in(err, "[data] context");
		memcpy(taken, col, c->ncontext * sizeof(*col));
		nf_free(col);
	}
	if (cfg->weight != NULL) {
		k = nf_columns_index(&s->column, cfg->weight, err);
		if (k == -1)
			return nf_fail_in(err, "[data] weight");
		taken[c->ncontext] = (uint32_t)k;
		c->nweight = 1;
	}
	if (cfg->target == NULL)
		return others(s, taken, c->ncontext + c->nweight, target,
		    &c->ntarget, err);
	if (nf_columns_find(cfg->target, &s->column, target, &c->ntarget,
	    err) == -1)
		return nf_fail_in(err, "[data] target");
	return 0;
}

int
nf_choice_make(struct nf_choice *c, const struct nf_cfg *cfg,
    const struct nf_schema *s, struct nf_err *err)
{
	uint32_t n = s->column.n, *taken, *target = NULL;
	int rc = -1;

	memset(c, 0, sizeof(*c));
	taken = nf_alloc(n + 1, sizeof(*taken), "columns", err);
	c->col = nf_alloc(2 * (size_t)n + 1, sizeof(*c->col), "columns", err);
	if (taken == NULL || c->col == NULL ||
	    find_roles(c, cfg, s, taken, &target, err) == -1)
		goto out;
	memcpy(c->col, taken, c->ncontext * sizeof(*taken));
	memcpy(c->col + c->ncontext, target, c->ntarget * sizeof(*target));
	memcpy(c->col + c->ncontext + c->ntarget, taken + c->ncontext,
	    c->nweight * sizeof(*taken));
	if (check_roles(c, s, err) == -1 ||
	    add_names(&c->context, s, c->col, c->ncontext, err) == -1 ||
	    add_names(&c->target, s, c->col + c->ncontext, c->ntarget,
	    err) == -1)
		goto out;
	rc = 0;
out:
	nf_free(taken);
	nf_free(target);
	if (rc == -1)
		nf_choice_free(c);
	return rc;
}

int
nf_choice_match(struct nf_choice *to, const struct nf_choice *from,
    const char *weight, const struct nf_schema *s, struct nf_err *err)
{
	uint32_t n = from->ncontext + from->ntarget + from->nweight, j;
	const char *name;
	int k;

	memset(to, 0, sizeof(*to));
	to->ncontext = from->ncontext;
	to->ntarget = from->ntarget;
	to->nweight = from->nweight;
	to->col = nf_alloc(n, sizeof(*to->col), "columns", err);
	if (to->col == NULL ||
	    nf_list_copy(&to->context, &from->context, err) == -1 ||
	    nf_list_copy(&to->target, &from->target, err) == -1)
		goto fail;
	for (j = 0; j < n; j++) {
		name = j < from->ncontext ? from->context.s[j] :
		    j < from->ncontext + from->ntarget ?
		    from->target.s[j - from->ncontext] : weight;
		k = nf_columns_index(&s->column, name, err);
		if (k == -1)
			goto fail;
		to->col[j] = (uint32_t)k;
	}
	return 0;
fail:
	nf_choice_free(to);
	return -1;
}

void
nf_choice_free(struct nf_choice *c)
{
	nf_free(c->col);
	nf_list_free(&c->context);
	nf_list_free(&c->target);
	memset(c, 0, sizeof(*c));
}
