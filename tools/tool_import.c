/* nfmodel import: a checkpoint of PyTorch becomes a model. */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fit.h"
#include "tool_data.h"
#include "tool_import.h"

void
tool_import_data(struct tool_import *o, int which, const char *key,
    const char *columns)
{
	size_t n = strlen(key) + strlen(columns) + 2;
	struct nf_err err;
	char *s;

	s = o->made[which] == NULL ? nf_alloc(n, 1, "columns", &err) : NULL;
	if (s == NULL && o->made[which] == NULL)
		tool_die(&err);
	if (s == NULL || o->nset == TOOL_IMPORT_SETS)
		tool_usage("%s: once is enough", key);
	snprintf(s, n, "%s=%s", key, columns);
	o->made[which] = s;
	o->set[o->nset++] = s;
}

/* The table of --table: HDF5, or whatever nfcat reads. */
struct table {
	struct nf_feed feed;
	struct nf_source *source;
	struct nf_h5 *h5;
	int fd;
};

static int
next_of_source(void *arg, struct nf_rows *rows, struct nf_err *err)
{
	return nf_source_next(arg, rows, err);
}

static int
next_of_h5(void *arg, struct nf_rows *rows, struct nf_err *err)
{
	return nf_h5_next(arg, rows, err);
}

static int
table_open(struct table *t, const char *file, struct nf_err *err)
{
	t->fd = -1;
	t->feed.name = file;
	if (tool_is_h5(file)) {
		if (nf_h5_open(&t->h5, &file, 1, "data", err) == -1)
			return -1;
		t->feed.schema = nf_h5_schema(t->h5);
		t->feed.total = t->feed.schema->nrow;
		t->feed.next = next_of_h5;
		t->feed.arg = t->h5;
		return 0;
	}
	if (tool_input(file, &t->fd, &t->feed.name, err) == -1 ||
	    nf_source_open(&t->source, t->fd, t->feed.name, err) == -1)
		return -1;
	t->feed.schema = nf_source_schema(t->source);
	t->feed.total = nf_source_total(t->source);
	t->feed.next = next_of_source;
	t->feed.arg = t->source;
	return 0;
}

static void
table_close(struct table *t)
{
	nf_h5_close(t->h5);
	nf_source_close(t->source);
	if (t->fd > STDERR_FILENO)
		close(t->fd);
}

/* A checkpoint may be the only one: it is not replaced. */
static int
check_apart(const char *checkpoint, const char *model, struct nf_err *err)
{
	struct stat a, b;

	if (stat(checkpoint, &a) == -1 || stat(model, &b) == -1 ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return 0;
	return nf_fail(err, NF_EUSE, "%s: the checkpoint, which the model "
	    "would replace: want another -o", model);
}

/* The checkpoint first: where the model is, both are. */
static int
write_both(struct nf_model *m, const char *path, struct nf_err *err)
{
	char *last;
	int rc = 0;

	if (m->has_train) {
		last = nf_fit_last_path(path, err);
		rc = last == NULL ? -1 : nf_model_write(m, last, err);
		nf_free(last);
	}
	m->has_train = 0;
	return rc == -1 ? -1 : nf_model_write(m, path, err);
}

int
tool_import(struct tool_import *o, const char *checkpoint, const char *model,
    struct nf_err *err)
{
	struct nf_list notes = { 0, NULL };
	struct table table = { .fd = -1 };
	struct nf_import how = { .cfg = o->cfg, .set = o->set,
		.nset = o->nset, .memory = tool_memory() / 2 };
	struct nf_model *m = NULL;
	uint32_t i;
	int rc = check_apart(checkpoint, model, err);

	if (rc == 0 && o->table != NULL) {
		rc = table_open(&table, o->table, err);
		how.table = &table.feed;
	}
	if (rc == 0)
		rc = nf_import(&m, checkpoint, &how, &notes, err);
	for (i = 0; rc == 0 && i < notes.n; i++)
		tool_warn("%s", notes.s[i]);
	if (rc == 0)
		rc = write_both(m, model, err);
	nf_model_free(m);
	nf_list_free(&notes);
	table_close(&table);
	nf_free(o->made[0]);
	nf_free(o->made[1]);
	return rc;
}
