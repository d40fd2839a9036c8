/* Conditions that are given on the command line. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "tool_given.h"

/* A condition is a float in the end. */
static double
read_number(const char *name, const char *arg)
{
	double x = tool_double(arg, "--given");

	if (!(fabs(x) <= FLT_MAX))
		tool_usage("--given %s: %s is beyond single precision", name,
		    arg);
	return x;
}

/* VALUE, or LO:HI:N. */
static void
read_value(struct nf_given *g, const char *name, char *value)
{
	char *hi = strchr(value, ':'), *n;

	n = hi == NULL ? NULL : strchr(hi + 1, ':');
	if ((hi == NULL) != (n == NULL))
		tool_usage("--given %s=%s: want a number or LO:HI:N", name,
		    value);
	if (n != NULL)
		*hi++ = *n++ = '\0';
	g->lo = g->hi = read_number(name, value);
	g->n = 1;
	if (n == NULL)
		return;
	g->hi = read_number(name, hi);
	g->n = (uint32_t)tool_int(n, 2, NF_GIVEN_MAX, "--given");
}

void
tool_given_add(struct tool_given *g, char *arg)
{
	char *value = strrchr(arg, '=');
	uint32_t k;

	if (value == NULL || value == arg)
		tool_usage("--given %s: want COLUMN=VALUE", arg);
	if (g->n == TOOL_GIVEN_MAX)
		tool_usage("--given: more than %d columns", TOOL_GIVEN_MAX);
	*value++ = '\0';
	for (k = 0; k < g->n; k++)
		if (strcmp(g->name[k], arg) == 0)
			tool_usage("--given %s: it is given twice", arg);
	read_value(&g->value[g->n], arg, value);
	g->name[g->n++] = arg;
}

static int
is_given(const struct tool_given *g, uint32_t condition)
{
	uint32_t k;

	for (k = 0; k < g->n; k++)
		if (g->value[k].condition == condition)
			return 1;
	return 0;
}

/* The conditions that have to come from the input. */
static int
find_others(const struct tool_given *g, const struct nf_handle *m,
    struct nf_list *others, struct nf_err *err)
{
	uint32_t j;

	for (j = 0; j < m->context.n; j++)
		if (!is_given(g, j) &&
		    nf_list_add(others, m->context.s[j], err) == -1)
			return -1;
	return 0;
}

int
tool_given_find(struct tool_given *g, const struct nf_handle *m,
    const struct nf_reader *r, uint32_t **col, struct nf_err *err)
{
	struct nf_list others = { 0, NULL };
	uint32_t *at = NULL, j, k;
	int rc = -1, i;

	for (k = 0; k < g->n; k++) {
		i = nf_columns_index(&m->context, g->name[k], err);
		if (i == -1)
			return nf_fail_in(err, "--given: %s's conditions",
			    m->path);
		g->value[k].condition = (uint32_t)i;
	}
	*col = nf_alloc(m->context.n, sizeof(**col), "columns", err);
	if (*col == NULL || find_others(g, m, &others, err) == -1)
		goto out;
	if (r != NULL)
		rc = tool_model_find(m, &others, r, &at, err);
	else if (others.n == 0)
		rc = 0;
	else
		nf_fail(err, NF_EUSE, "--rows: %s wants %u conditions that "
		    "are not --given, %s first", m->path, others.n,
		    others.s[0]);
	for (j = k = 0; rc == 0 && at != NULL && j < m->context.n; j++)
		if (!is_given(g, j))
			(*col)[j] = at[k++];
out:
	nf_list_free(&others);
	nf_free(at);
	return rc;
}
