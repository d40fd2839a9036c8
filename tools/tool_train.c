/* nftrain's log, and the table that it validates with. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "tool_train.h"

/* ---- VALIDATION ------------------------------------------------------- */

static int
next_of_h5(void *arg, struct nf_rows *rows, struct nf_err *err)
{
	return nf_h5_next(arg, rows, err);
}

static int
next_of_reader(void *arg, struct nf_rows *rows, struct nf_err *err)
{
	return nf_reader_next(arg, rows, err);
}

/* Does path begin as an HDF5 file does? */
static int
is_h5(const char *path)
{
	static const char magic[8] = "\211HDF\r\n\032\n";
	char found[sizeof(magic)];
	int fd = open(path, O_RDONLY | O_CLOEXEC), yes;

	if (fd == -1)
		return 0;
	yes = read(fd, found, sizeof(found)) == sizeof(found) &&
	    memcmp(found, magic, sizeof(magic)) == 0;
	close(fd);
	return yes;
}

int
tool_table(const char *path, const struct nf_choice *like, const char *weight,
    uint64_t max, struct nf_choice *c, struct nf_table *t, struct nf_err *err)
{
	struct nf_feed f = { .name = path };
	struct nf_reader *r = NULL;
	struct nf_h5 *h5 = NULL;
	int rc = -1;

	if (is_h5(path)) {
		if (nf_h5_open(&h5, &path, 1, "data", err) == -1)
			return -1;
		f.schema = nf_h5_schema(h5);
		f.next = next_of_h5;
		f.arg = h5;
	} else {
		if (tool_open(path, &r, err) == -1)
			return -1;
		f.schema = nf_reader_schema(r);
		f.next = next_of_reader;
		f.arg = r;
	}
	f.total = f.schema->nrow;
	if (nf_choice_match(c, like, weight, f.schema, err) == 0)
		rc = nf_table_feed(t, &f, c->col, c->ncontext + c->ntarget +
		    c->nweight, NF_F64, max, err);
	nf_reader_close(r);
	nf_h5_close(h5);
	return rc;
}

/* ---- the log ---------------------------------------------------------- */

/* A line: the names (row NULL) or an epoch's figures, two by the clock. */
static void
put_row(FILE *f, const double *row, double rows_per_s, double seconds)
{
	int j;

	for (j = 0; j < NF_HISTORY_NCOL; j++) {
		if (j > 0)
			fputc('\t', f);
		if (j == NF_HISTORY_GRAD_NORM && row == NULL)
			fprintf(f, "rows_per_s\tseconds\t");
		else if (j == NF_HISTORY_GRAD_NORM)
			fprintf(f, "%.1f\t%.3f\t", rows_per_s, seconds);
		if (row == NULL)
			fputs(nf_history_column[j], f);
		else
			fprintf(f, "%.9g", row[j]);
	}
	fputc('\n', f);
}

int
tool_log_open(struct tool_log *l, const char *name, int append,
    struct nf_err *err)
{
	l->name = name;
	if (name == NULL)
		return 0;
	l->file = fopen(name, append ? "ae" : "we");
	if (l->file == NULL)
		return nf_fail(err, NF_ESYS, "%s: %s", name, strerror(errno));
	if (ftell(l->file) != 0)
		return 0;
	put_row(l->file, NULL, 0, 0);
	return fflush(l->file) == 0 ? 0 : nf_fail(err, NF_ESYS, "%s: %s",
	    name, strerror(errno));
}

static void
say_epoch(const struct tool_log *l, const struct nf_epoch *e, double seconds)
{
	const double *r = e->row;
	char valid[64] = "", skipped[64] = "";

	if (!isnan(r[NF_HISTORY_VALID_NLL]))
		snprintf(valid, sizeof(valid), "  valid %.4f%s",
		    r[NF_HISTORY_VALID_NLL], e->best ? " best" : "     ");
	if (r[NF_HISTORY_SKIPPED] > 0)
		snprintf(skipped, sizeof(skipped),
		    "  %.0f batches skipped: not finite",
		    r[NF_HISTORY_SKIPPED]);
	tool_say("epoch %.0f/%u  train %.4f%s  lr %.3g  |g| %.3g  "
	    "%.0f rows/s  %.1f s%s", r[NF_HISTORY_EPOCH], l->epochs,
	    r[NF_HISTORY_TRAIN_NLL], valid, r[NF_HISTORY_LR],
	    r[NF_HISTORY_GRAD_NORM], l->rows / seconds, seconds, skipped);
}

int
tool_log_epoch(struct tool_log *l, const struct nf_epoch *e, double seconds,
    struct nf_err *err)
{
	if (!l->quiet)
		say_epoch(l, e, seconds);
	if (l->file == NULL)
		return 0;
	put_row(l->file, e->row, l->rows / seconds, seconds);
	return fflush(l->file) == 0 ? 0 : nf_fail(err, NF_ESYS, "%s: %s",
	    l->name, strerror(errno));
}

void
tool_log_close(struct tool_log *l)
{
	if (l->file != NULL)
		fclose(l->file);
	l->file = NULL;
}
