/* A model at the disposal of a program. */
#include <stdio.h>
#include <string.h>

#include "tool_model.h"

#define STRINGS(l)	((const char *const *)(l).s)

/* The flow's own conditions: what the recipe makes of the columns. */
static int
name_made(struct tool_model *m, struct nf_err *err)
{
	const struct nf_model *f = m->model;
	struct nf_prep *p;
	uint32_t k;
	char *s;
	int rc;

	rc = nf_prep_new(&p, STRINGS(f->context), f->context.n,
	    STRINGS(f->prep), f->prep.n, NULL, 1, NULL, err);
	for (k = 0; rc == 0 && k < nf_prep_nout(p); k++) {
		s = nf_prep_name(p, k, err);
		rc = s == NULL ? -1 : nf_list_add(&m->context, s, err);
		nf_free(s);
	}
	nf_prep_free(p);
	return rc;
}

static int
add_line(struct nf_list *l, const char *name, const char *ops,
    struct nf_err *err)
{
	size_t n = strlen(name) + strlen(ops) + sizeof(" = ");
	char *line = nf_alloc(n, 1, "a recipe", err);
	int rc = -1;

	if (line != NULL) {
		snprintf(line, n, "%s = %s", name, ops);
		rc = nf_list_add(l, line, err);
	}
	nf_free(line);
	return rc;
}

static int
name_targets(struct tool_model *m, struct nf_err *err)
{
	const struct nf_list *t = &m->model->target;
	const char *ops;
	uint32_t j;

	for (j = 0; j < t->n; j++) {
		ops = nf_model_ops(m->model, t->s[j]);
		if (ops != NULL &&
		    add_line(&m->target_prep, t->s[j], ops, err) == -1)
			return -1;
	}
	return nf_list_copy(&m->target, t, err);
}

int
tool_model_open(struct tool_model *m, const char *path, int plain,
    const char *device, uint32_t nthread, struct nf_err *err)
{
	struct nf_raw_names n;

	memset(m, 0, sizeof(*m));
	m->path = path;
	if (nf_model_read(&m->model, path, 0, err) == -1)
		return -1;
	if ((plain ? name_made(m, err) : nf_list_copy(&m->context,
	    &m->model->context, err)) == -1 ||
	    name_targets(m, err) == -1)
		return nf_fail_in(err, "%s", path);
	if (nf_dev_open(&m->dev, device, nthread, err) == -1)
		return -1;
	n.context = STRINGS(m->context);
	n.ncontext = m->context.n;
	n.target = STRINGS(m->target);
	n.ntarget = m->target.n;
	n.prep = STRINGS(m->model->prep);
	n.nprep = m->model->prep.n;
	if (nf_raw_new(&m->raw, m->dev, m->model->flow, &n, plain, err) == -1)
		return nf_fail_in(err, "%s", path);
	return 0;
}

void
tool_model_close(struct tool_model *m)
{
	nf_raw_free(m->raw);
	nf_dev_close(m->dev);
	nf_model_free(m->model);
	nf_list_free(&m->context);
	nf_list_free(&m->target);
	nf_list_free(&m->target_prep);
}

int
tool_model_find(const struct tool_model *m, const struct nf_list *names,
    const struct nf_reader *r, uint32_t **col, struct nf_err *err)
{
	const struct nf_list *have = &nf_reader_schema(r)->column;
	uint32_t j;
	int k;

	*col = nf_alloc(names->n, sizeof(**col), "columns", err);
	if (*col == NULL)
		return -1;
	for (j = 0; j < names->n; j++) {
		k = nf_columns_index(have, names->s[j], err);
		if (k == -1)
			return nf_fail_in(err, "%s: %s wants a column that "
			    "is not there", nf_reader_name(r), m->path);
		(*col)[j] = (uint32_t)k;
	}
	return 0;
}

void
tool_model_warn(const struct tool_model *m)
{
	uint64_t flow = nf_raw_clamped_flow(m->raw);
	uint64_t prep = nf_raw_clamped_prep(m->raw);

	if (flow > 0)
		tool_warn("%llu numbers in the flow were beyond floating "
		    "point and were bounded", (unsigned long long)flow);
	if (prep > 0)
		tool_warn("%llu values were brought back into the range seen "
		    "in training", (unsigned long long)prep);
}

int
tool_model_note(const struct tool_model *m, struct nf_schema *s,
    uint64_t seed, struct nf_err *err)
{
	char note[512];

	snprintf(note, sizeof(note), "%s %s seed %llu", tool_name, m->path,
	    (unsigned long long)seed);
	return nf_list_add(&s->note, note, err);
}
