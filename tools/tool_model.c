/* A model at the disposal of a program. */
#include <stdio.h>
#include <string.h>

#include "tool_model.h"

static int
name_columns(struct tool_model *m, int plain, struct nf_err *err)
{
	const struct nf_model *f = m->model;
	uint32_t C = f->flow->shape.context, j;
	char name[16];

	if (nf_list_copy(&m->target, &f->target, err) == -1)
		return -1;
	if (!plain || f->context.n == C)
		return nf_list_copy(&m->context, &f->context, err);
	for (j = 0; j < C; j++) {
		snprintf(name, sizeof(name), "y%u", j);
		if (nf_list_add(&m->context, name, err) == -1)
			return -1;
	}
	return 0;
}

int
tool_model_open(struct tool_model *m, const char *path, int plain,
    const char *device, uint32_t nthread, struct nf_err *err)
{
	struct nf_raw_names n;

	memset(m, 0, sizeof(*m));
	m->path = path;
	if (nf_model_read(&m->model, path, 0, err) == -1 ||
	    name_columns(m, plain, err) == -1 ||
	    nf_dev_open(&m->dev, device, nthread, err) == -1)
		return -1;
	n.context = (const char *const *)m->context.s;
	n.ncontext = m->context.n;
	n.target = (const char *const *)m->target.s;
	n.ntarget = m->target.n;
	n.prep = (const char *const *)m->model->prep.s;
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
