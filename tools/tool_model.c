/* What the programs share that apply a model: its columns, what it says. */
#include <stdio.h>

#include "tool_model.h"

int
tool_model_open(struct nf_handle *m, const char *path, int plain,
    const char *device, uint32_t nthread, enum nf_precision precision,
    struct nf_err *err)
{
	if (nf_handle_init(m, path, plain, device, nthread, err) == -1)
		return -1;
	m->dev->precision = precision;
	tool_device_warn(m->dev);
	return 0;
}

int
tool_model_find(const struct nf_handle *m, const struct nf_list *names,
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
tool_model_warn(const struct nf_handle *m)
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
tool_model_note(const struct nf_handle *m, struct nf_schema *s,
    uint64_t seed, struct nf_err *err)
{
	char note[512];

	snprintf(note, sizeof(note), "%s %s seed %llu", tool_name, m->path,
	    (unsigned long long)seed);
	return nf_list_add(&s->note, note, err);
}
