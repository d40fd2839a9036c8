/* What nftrain says of its epochs. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool_log.h"

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

static int
flush(const struct tool_log *l, struct nf_err *err)
{
	return fflush(l->file) == 0 ? 0 : nf_fail(err, NF_ESYS, "%s: %s",
	    l->name, strerror(errno));
}

/* Where the header and the rows of epochs up to done end. */
static long
find_end(FILE *f, uint32_t done)
{
	char *line = NULL;
	size_t room = 0;
	long end = 0;
	ssize_t n;

	while ((n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n' &&
	    (end == 0 || strtoul(line, NULL, 10) <= done))
		end += n;
	free(line);
	return end;
}

int
tool_log_open(struct tool_log *l, const char *name, uint32_t done,
    struct nf_err *err)
{
	long end;

	l->name = name;
	if (name == NULL)
		return 0;
	l->file = done > 0 ? fopen(name, "r+e") : NULL;
	if (l->file == NULL)
		l->file = fopen(name, "we");
	if (l->file == NULL)
		return nf_fail(err, NF_ESYS, "%s: %s", name, strerror(errno));
	end = done > 0 ? find_end(l->file, done) : 0;
	if (end > 0)
		return fseek(l->file, end, SEEK_SET) == 0 &&
		    ftruncate(fileno(l->file), end) == 0 ? 0 : nf_fail(err,
		    NF_ESYS, "%s: %s", name, strerror(errno));
	put_row(l->file, NULL, 0, 0);
	return flush(l, err);
}

/* A loss; one that has gone astray may be of any size. */
static void
print_loss(char *s, size_t n, const char *name, double v)
{
	snprintf(s, n, fabs(v) < 1e6 ? "  %s %.4f" : "  %s %.4g", name, v);
}

static void
say_epoch(const struct tool_log *l, const struct nf_epoch *e, double speed,
    double seconds)
{
	const double *r = e->row;
	char train[64], valid[64] = "", skipped[64] = "";

	print_loss(train, sizeof(train), "train", r[NF_HISTORY_TRAIN_NLL]);
	if (!isnan(r[NF_HISTORY_VALID_NLL]))
		print_loss(valid, sizeof(valid), "valid",
		    r[NF_HISTORY_VALID_NLL]);
	if (r[NF_HISTORY_SKIPPED] > 0)
		snprintf(skipped, sizeof(skipped),
		    "  %.0f batches skipped: not finite",
		    r[NF_HISTORY_SKIPPED]);
	tool_say("epoch %.0f/%u%s%s%s  lr %.3g  |g| %.3g  %.0f rows/s  "
	    "%.1f s%s", r[NF_HISTORY_EPOCH], l->epochs, train, valid,
	    valid[0] == '\0' ? "" : e->best ? " best" : "     ",
	    r[NF_HISTORY_LR], r[NF_HISTORY_GRAD_NORM], speed, seconds,
	    skipped);
}

int
tool_log_epoch(struct tool_log *l, const struct nf_epoch *e, double rows,
    double seconds, struct nf_err *err)
{
	double speed = seconds > 0 ? rows / seconds : 0;

	if (!l->quiet)
		say_epoch(l, e, speed, seconds);
	if (l->file == NULL)
		return 0;
	put_row(l->file, e->row, speed, seconds);
	return flush(l, err);
}

void
tool_log_close(struct tool_log *l)
{
	if (l->file != NULL)
		fclose(l->file);
	l->file = NULL;
}
