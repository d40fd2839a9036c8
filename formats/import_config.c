/* The configuration of a checkpoint: what is asked for, and what it says. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dataset.h"
#include "import_part.h"
#include "modelfile.h"
#include "number.h"

#define RANGE	"seen -3.4e+38 3.4e+38"	/* all that a float holds */

bool
nf_import_says(const struct nf_cfg *c, const char *key)
{
	size_t n = strlen(key);
	const char *s;

	for (s = c->text; s != NULL; s = strchr(s, '\n')) {
		s += strspn(s, " \t\r\n");
		if (strncmp(s, key, n) == 0 &&
		    s[n + strspn(s + n, " \t")] == '=')
			return true;
	}
	return false;
}

/* An override that the checkpoint makes. */
static int
add_set(struct nf_importer *m, const char *section, const char *key,
    const char *value)
{
	char line[128];

	snprintf(line, sizeof(line), "%s.%s=%s", section, key, value);
	return nf_list_add(&m->set, line, m->err);
}

int
nf_import_set(struct nf_importer *m, const struct nf_cfg *base,
    const char *section, const char *key, double value)
{
	char s[NF_NUMBER_SIZE + 1];

	if (nf_import_says(base, key))
		return 0;
	s[nf_number_print(s, value, false)] = '\0';
	return add_set(m, section, key, s);
}

/* ---- [flow] ----------------------------------------------------------- */

static double
field(const struct nf_model_field *f, const struct nf_shape *s)
{
	const char *at = (const char *)s + f->offset;

	return f->type == NF_FIELD_DOUBLE ? *(const double *)at :
	    *(const uint32_t *)at;
}

static int
differs(struct nf_importer *m, const char *key, const char *asked,
    const char *is)
{
	return nf_fail(m->err, NF_EDATA, "%s: [flow] %s is %s, but the "
	    "checkpoint's is %s: leave it out", m->path, key, asked, is);
}

/* What the checkpoint knows is said; what it does not is asked for. */
static int
agree_field(struct nf_importer *m, const struct nf_model_field *f,
    const struct nf_cfg *base, struct nf_shape *s)
{
	double is = field(f, s), asked = field(f, &base->flow);
	bool known = f->type != NF_FIELD_DOUBLE ||
	    (m->has_tail && f->offset == offsetof(struct nf_shape,
	    tail_bound)) || (m->has_dropout && f->offset ==
	    offsetof(struct nf_shape, dropout));
	char a[32], b[32];

	if (!nf_import_says(base, f->name))
		return known || is != asked ?
		    nf_import_set(m, base, "flow", f->name, is) : 0;
	if (!known)
		memcpy((char *)s + f->offset, (const char *)&base->flow +
		    f->offset, sizeof(double));
	else if (is != asked) {
		snprintf(a, sizeof(a), "%g", asked);
		snprintf(b, sizeof(b), "%g", is);
		return differs(m, f->name, a, b);
	}
	return 0;
}

static int
agree_flow(struct nf_importer *m, const struct nf_cfg *base,
    struct nf_shape *s)
{
	const struct nf_model_field *f;
	const char *act = nf_act_name(s->activation);

	for (f = nf_model_shape; f->name != NULL; f++)
		if (strcmp(f->name, "features") != 0 &&
		    strcmp(f->name, "context_features") != 0 &&
		    agree_field(m, f, base, s) == -1)
			return -1;
	if (!nf_import_says(base, "activation"))
		return add_set(m, "flow", "activation", act);
	if (m->has_activation && base->flow.activation != s->activation)
		return differs(m, "activation",
		    nf_act_name(base->flow.activation), act);
	s->activation = base->flow.activation;
	return 0;
}

/* ---- columns ---------------------------------------------------------- */

static int
add_names(struct nf_list *l, char letter, uint32_t n, struct nf_err *err)
{
	char name[16];
	uint32_t i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%c%u", letter, i);
		if (nf_list_add(l, name, err) == -1)
			return -1;
	}
	return 0;
}

/* The names in COLUMNS, which without a table must be names alone. */
static int
split_names(struct nf_list *l, const char *columns, struct nf_err *err)
{
	char *copy = nf_strdup(columns, err), *s = copy, *name, *end;
	int rc = copy == NULL ? -1 : 0;

	while (rc == 0 && (name = strsep(&s, ",")) != NULL) {
		name += strspn(name, " \t");
		for (end = name + strlen(name); end > name &&
		    isspace((unsigned char)end[-1]); )
			*--end = '\0';
		if (*name == '\0' || strpbrk(name, "*?[:") != NULL ||
		    isdigit((unsigned char)*name))
			rc = nf_fail(err, NF_EUSE, "\"%.64s\" is no column's "
			    "name; which columns it means, --table FILE "
			    "tells", name);
		else
			rc = nf_list_add(l, name, err);
	}
	nf_free(copy);
	return rc;
}

/* The table that columns are chosen from; where none is given, made up. */
static int
make_table(struct nf_importer *m, const struct nf_cfg *base,
    struct nf_schema *s)
{
	const struct nf_shape *shape = &m->model->flow->shape;
	int rc;

	s->type = NF_F32;
	if (m->how->table != NULL)
		return nf_schema_copy(s, m->how->table->schema, m->err);
	rc = base->context != NULL ?
	    split_names(&s->column, base->context, m->err) :
	    add_names(&s->column, 'y', shape->context, m->err);
	if (rc == 0)
		rc = base->target != NULL ?
		    split_names(&s->column, base->target, m->err) :
		    add_names(&s->column, 'x', shape->features, m->err);
	if (rc == 0 && base->weight != NULL)
		rc = nf_list_add(&s->column, base->weight, m->err);
	return rc;
}

/* y0, y1, .. as the configuration has to name them; else they are targets. */
static int
name_context(struct nf_importer *m, const struct nf_cfg *base)
{
	uint32_t n = m->model->flow->shape.context, i;
	size_t room = 32 + (size_t)n * 8, at;
	char *line;
	int rc;

	if (base->context != NULL || n == 0 || m->how->table != NULL)
		return 0;
	line = nf_alloc(room, 1, "columns", m->err);
	if (line == NULL)
		return -1;
	at = (size_t)snprintf(line, room, "data.context=y0");
	for (i = 1; i < n; i++)
		at += (size_t)snprintf(line + at, room - at, ",y%u", i);
	rc = nf_list_add(&m->set, line, m->err);
	nf_free(line);
	return rc;
}

/* What a recipe leaves open, from the table's rows. */
static int
fit_recipe(struct nf_importer *m, struct nf_dataset *d,
    const struct nf_choice *c)
{
	uint32_t ncol = c->ncontext + c->ntarget + c->nweight;
	const struct nf_feed *table = m->how->table;
	struct nf_table t;
	int rc = -1;

	if (table == NULL)
		return nf_fail(m->err, NF_EDATA, "%s: the recipe leaves "
		    "something open: give all ops of [prep] their numbers, "
		    "and all columns a line; or --table FILE has rows to fit "
		    "it to", m->path);
	if (nf_table_feed(&t, table, c->col, ncol, NF_F64, m->how->memory,
	    m->err) == -1)
		return -1;
	if (t.schema.nrow == 0)
		nf_fail(m->err, NF_EDATA, "%s: no rows to fit the recipe to",
		    table->name);
	else if (nf_prep_fit(d->context, t.x, ncol, t.schema.nrow, NULL,
	    m->err) == 0 && nf_prep_fit(d->target, (double *)t.x +
	    c->ncontext, ncol, t.schema.nrow, NULL, m->err) == 0)
		rc = 0;
	nf_table_free(&t);
	return rc;
}

/*
 * Without rows nothing tells the range of a raw column; it is needed only
 * where a draw overflows.
 */
static int
open_ranges(struct nf_list *to, const struct nf_list *prep,
    struct nf_err *err)
{
	const char *s, *ops;
	uint32_t i;
	char *line;
	size_t n;
	int rc = 0;

	for (i = 0; rc == 0 && i < prep->n; i++) {
		s = prep->s[i];
		ops = strstr(s, " = ");
		n = strlen(s) + 64;
		line = nf_alloc(n, 1, "a recipe", err);
		if (line == NULL)
			return -1;
		if (ops == NULL || strncmp(ops + 3, "seen", 4) == 0 ||
		    strcmp(ops + 3, "none") == 0)
			strcpy(line, s);
		else
			snprintf(line, n, "%.*s = " RANGE ", %s",
			    (int)(ops - s), s, ops + 3);
		rc = nf_list_add(to, line, err);
		nf_free(line);
	}
	return rc;
}

/* The flow's columns are those of the configuration, with its recipe. */
static int
take_columns(struct nf_importer *m, const struct nf_cfg *cfg,
    const struct nf_schema *table)
{
	const struct nf_shape *s = &m->model->flow->shape;
	const struct nf_list *lines = &cfg->prep;
	struct nf_list ranged = { 0, NULL };
	struct nf_dataset *d = NULL;
	struct nf_choice c;
	int rc = -1;

	if (nf_choice_make(&c, cfg, table, m->err) == -1)
		return -1;
	if (m->how->table == NULL)
		lines = &ranged;
	if ((lines == &ranged &&
	    open_ranges(&ranged, &cfg->prep, m->err) == -1) ||
	    nf_dataset_new(&d, &c, lines, &cfg->prep_where, 1, m->err) == -1)
		;
	else if (d->C != s->context || d->D != s->features)
		nf_fail(m->err, NF_EDATA, "%s: a flow of %u conditions and %u "
		    "targets, but the columns make %u and %u: name them by "
		    "--context and --target", m->path, s->context,
		    s->features, d->C, d->D);
	else if ((!nf_prep_fitted(d->context) ||
	    !nf_prep_fitted(d->target)) && fit_recipe(m, d, &c) == -1)
		;
	else if (nf_list_copy(&m->model->context, &c.context, m->err) == 0 &&
	    nf_list_copy(&m->model->target, &c.target, m->err) == 0)
		rc = nf_dataset_recipe(d, &m->model->prep, m->err);
	nf_list_free(&ranged);
	nf_dataset_free(d);
	nf_choice_free(&c);
	return rc;
}

/* ---- the configuration ------------------------------------------------ */

/* What the checkpoint says, as the text of a configuration. */
static void
put_text(struct nf_page *t, const struct nf_list *set)
{
	static const char *const section[] = { "data", "prep", "flow",
		"train" };
	const char *s, *eq;
	uint32_t i;
	size_t n;
	int k, begun;

	for (k = 0; k < 4; k++)
		for (begun = 0, i = 0; i < set->n; i++) {
			s = set->s[i];
			n = strlen(section[k]);
			if (strncmp(s, section[k], n) != 0 || s[n] != '.')
				continue;
			if (!begun)
				nf_page_add(t, "%s[%s]\n", t->n > 0 ? "\n" :
				    "", section[k]);
			begun = 1;
			eq = strchr(s, '=');
			nf_page_add(t, "%.*s = %s\n", (int)(eq - s - n - 1),
			    s + n + 1, eq + 1);
		}
}

/*
 * What the checkpoint says stands before what is asked for, which is the
 * last word; without a file it is the configuration's beginning.
 */
static int
make_cfg(struct nf_importer *m, struct nf_cfg **cfg)
{
	const struct nf_import *how = m->how;
	struct nf_page t = { 0 };
	int rc;

	put_text(&t, &m->set);
	rc = nf_page_check(&t, m->err) == -1 ? -1 : nf_cfg_parse(cfg,
	    t.n > 0 ? t.s : "", m->path, how->set, how->nset, m->err);
	nf_page_free(&t);
	return rc;
}

static int
read_cfg(struct nf_importer *m, struct nf_cfg **cfg)
{
	const struct nf_import *how = m->how;
	uint32_t n = m->set.n + how->nset, i;
	const char **set;
	int rc;

	if (how->cfg == NULL)
		return make_cfg(m, cfg);
	set = nf_alloc(n, sizeof(*set), "settings", m->err);
	if (set == NULL)
		return -1;
	for (i = 0; i < n; i++)
		set[i] = i < m->set.n ? m->set.s[i] : how->set[i - m->set.n];
	rc = nf_cfg_read(cfg, how->cfg, set, n, m->err);
	nf_free(set);
	return rc;
}

int
nf_import_config(struct nf_importer *m, struct nf_shape *s,
    struct nf_cfg **cfg)
{
	struct nf_schema table = { 0 };
	struct nf_cfg *base;
	int rc = -1;

	if (nf_cfg_read(&base, m->how->cfg, m->how->set, m->how->nset,
	    m->err) == -1)
		return -1;
	if (agree_flow(m, base, s) == 0 &&
	    nf_import_train_sets(m, base) == 0 &&
	    make_table(m, base, &table) == 0 && name_context(m, base) == 0 &&
	    (m->how->cfg != NULL || nf_import_says(base, "*") ||
	    add_set(m, "prep", "*", "none") == 0) &&
	    read_cfg(m, cfg) == 0 && take_columns(m, *cfg, &table) == 0) {
		m->model->config = nf_strdup((*cfg)->text, m->err);
		rc = m->model->config == NULL ? -1 : 0;
	}
	nf_schema_free(&table);
	nf_cfg_free(base);
	return rc;
}
