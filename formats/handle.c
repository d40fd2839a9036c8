/* A model file at work: read, on a device, its columns named. */
#include <stdio.h>
#include <string.h>

#include "handle.h"

#define STRINGS(l)	((const char *const *)(l).s)

/* The flow's own conditions: what the recipe makes of the columns. */
static int
name_made(struct nf_handle *h, struct nf_err *err)
{
	const struct nf_model *f = h->model;
	struct nf_prep *p;
	uint32_t k;
	char *s;
	int rc;

	rc = nf_prep_new(&p, STRINGS(f->context), f->context.n,
	    STRINGS(f->prep), f->prep.n, NULL, 1, NULL, err);
	for (k = 0; rc == 0 && k < nf_prep_nout(p); k++) {
		s = nf_prep_name(p, k, err);
		rc = s == NULL ? -1 : nf_list_add(&h->context, s, err);
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
name_targets(struct nf_handle *h, struct nf_err *err)
{
	const struct nf_list *t = &h->model->target;
	const char *ops;
	uint32_t j;

	for (j = 0; j < t->n; j++) {
		ops = nf_model_ops(h->model, t->s[j]);
		if (ops != NULL &&
		    add_line(&h->target_prep, t->s[j], ops, err) == -1)
			return -1;
	}
	return nf_list_copy(&h->target, t, err);
}

int
nf_handle_init(struct nf_handle *h, const char *path, int plain,
    const char *device, uint32_t nthread, struct nf_err *err)
{
	struct nf_raw_names n;

	*h = (struct nf_handle){ .lock = PTHREAD_MUTEX_INITIALIZER };
	if ((h->path = nf_strdup(path, err)) == NULL ||
	    nf_model_read(&h->model, path, 0, err) == -1)
		return -1;
	if ((plain ? name_made(h, err) : nf_list_copy(&h->context,
	    &h->model->context, err)) == -1 ||
	    name_targets(h, err) == -1)
		return nf_fail_in(err, "%s", path);
	if (nf_dev_open(&h->dev, device, nthread, err) == -1)
		return -1;
	n.context = STRINGS(h->context);
	n.ncontext = h->context.n;
	n.target = STRINGS(h->target);
	n.ntarget = h->target.n;
	n.prep = STRINGS(h->model->prep);
	n.nprep = h->model->prep.n;
	if (nf_raw_new(&h->raw, h->dev, h->model->flow, &n, plain, err) == -1)
		return nf_fail_in(err, "%s", path);
	nf_raw_threads(h->raw, nthread);
	return 0;
}

void
nf_handle_end(struct nf_handle *h)
{
	nf_raw_free(h->raw);
	nf_dev_close(h->dev);
	nf_model_free(h->model);
	nf_list_free(&h->context);
	nf_list_free(&h->target);
	nf_list_free(&h->target_prep);
	nf_free(h->rows);
	nf_free(h->path);
}
