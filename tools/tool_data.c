/* What nftrain learns from. */
#include <sys/stat.h>

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "tool_data.h"

/* ---- headers ---------------------------------------------------------- */

int
tool_is_h5(const char *path)
{
	static const char magic[8] = "\211HDF\r\n\032\n";
	char found[sizeof(magic)];
	struct stat st;
	int fd, yes;

	if (stat(path, &st) == -1 || !S_ISREG(st.st_mode) ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	yes = read(fd, found, sizeof(found)) == sizeof(found) &&
	    memcmp(found, magic, sizeof(magic)) == 0;
	close(fd);
	return yes;
}

static int
open_valid(struct tool_data *d, struct nf_err *err)
{
	const struct nf_schema *s;

	if (tool_is_h5(d->valid)) {
		if (nf_h5_open(&d->valid_h5, &d->valid, 1, "data", err) == -1)
			return -1;
		s = nf_h5_schema(d->valid_h5);
	} else {
		if (tool_open(d->valid, &d->valid_in, err) == -1)
			return -1;
		s = nf_reader_schema(d->valid_in);
	}
	if (nf_choice_match(&d->valid_choice, &d->choice, d->cfg->weight, s,
	    err) == -1)
		return nf_fail_in(err, "validation %s", d->valid);
	return 0;
}

int
tool_data_open(struct tool_data *d, const char *file, const char *valid,
    const struct nf_cfg *cfg, struct nf_err *err)
{
	d->cfg = cfg;
	d->valid = valid;
	if (tool_open(file, &d->in, err) == -1)
		return -1;
	if (nf_choice_make(&d->choice, cfg, nf_reader_schema(d->in),
	    err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(d->in));
	return valid == NULL ? 0 : open_valid(d, err);
}

/* ---- rows ------------------------------------------------------------- */

/*
 * Refuse a flow that would not fit beside used bytes; *left is what it and
 * they leave.  A batch has no more rows than there are.
 */
static int
check_room(const struct tool_data *d, uint64_t nrow, double used,
    double *left, struct nf_err *err)
{
	struct nf_shape s = d->cfg->flow;
	uint32_t batch = d->cfg->train.batch;
	double nbyte;

	s.context = d->rows->C;
	s.features = d->rows->D;
	if (nf_shape_check(&s, err) == -1)
		return -1;
	batch = nrow < batch ? (uint32_t)nrow : batch;
	nbyte = nf_fit_memory(&s, batch, d->dev);
	*left = (double)d->memory - used - nbyte;
	if (*left > 0)
		return 0;
	return nf_fail(err, NF_ESYS, "a flow of %.3g parameters and batches "
	    "of %u rows take %.3g GB of memory, of which %.3g are left: make "
	    "it smaller, or take a smaller batch", nf_shape_count(&s), batch,
	    nbyte / 1e9, fmax((double)d->memory - used, 0) / 1e9);
}

static int
make_recipe(struct tool_data *d, const struct nf_model *from,
    struct nf_err *err)
{
	const struct nf_cfg *cfg = d->cfg;

	if (nf_dataset_new(&d->rows, &d->choice,
	    from != NULL ? &from->prep : &cfg->prep,
	    from != NULL ? NULL : &cfg->prep_where, d->threads, err) == -1)
		return nf_fail_in(err, "%s", nf_reader_name(d->in));
	return 0;
}

static void
make_fit(void *arg, uint64_t ntrain)
{
	struct tool_data *d = arg;
	uint64_t n = ntrain > 0 ? ntrain : d->nrow;

	if (n > 0 && n <= UINT32_MAX)
		nf_fit_make(d->fit, d->rows->D, d->rows->C, n, ntrain > 0);
}

static int
read_rows(struct tool_data *d, uint64_t memory, const struct nf_model *from,
    struct nf_err *err)
{
	struct nf_feed f = nf_feed_reader(d->in);
	struct nf_dataset_opt o = { .fraction = d->valid == NULL ?
		d->cfg->valid_fraction : 0, .seed = d->cfg->train.seed,
		.batch = d->cfg->train.batch, .memory = memory,
		.later = d->nrow > 0,
		.begun = make_fit, .arg = d };

	if (d->valid != NULL)
		o.memory = memory / 4 * 3;	/* the others come later */
	if (from != NULL) {
		o.resumes = 1;
		o.size.block = from->train_block;
		o.size.window = from->train_window;
	}
	return nf_dataset_train(d->rows, &d->choice, &f, &o, err);
}

static int
next_of_h5(void *arg, struct nf_rows *rows, struct nf_err *err)
{
	return nf_h5_next(arg, rows, err);
}

static int
read_valid(struct tool_data *d, uint64_t memory, struct nf_err *err)
{
	struct nf_feed f;

	if (d->valid_h5 != NULL)
		f = (struct nf_feed){ nf_h5_schema(d->valid_h5),
			nf_h5_schema(d->valid_h5)->nrow, d->valid, next_of_h5,
			d->valid_h5 };
	else
		f = nf_feed_reader(d->valid_in);
	f.name = d->valid;
	return nf_dataset_valid(d->rows, &d->valid_choice, &f,
	    d->cfg->train.seed, memory, err);
}

/* Memory for rows: what all that they will need beside them leaves. */
static int
leave_room(struct tool_data *d, double *left, struct nf_err *err)
{
	d->nrow = nf_reader_total(d->in);
	if (d->nrow != NF_NROW_UNKNOWN)
		return check_room(d, d->nrow, 0, left, err);
	d->nrow = d->cfg->train.batch;
	if (check_room(d, d->nrow, 0, left, err) == 0)
		return 0;
	d->nrow = 0;			/* they may be few */
	return check_room(d, 1, 0, left, err);
}

int
tool_data_read(struct tool_data *d, uint64_t memory,
    const struct nf_model *from, const struct nf_dev *dev,
    struct nf_fit *fit, struct nf_err *err)
{
	double left;

	d->memory = memory;
	d->dev = dev;
	d->fit = fit;
	if (make_recipe(d, from, err) == -1 ||
	    leave_room(d, &left, err) == -1 ||
	    read_rows(d, (uint64_t)left, from, err) == -1 ||
	    check_room(d, d->rows->ntrain,
	    (double)nf_dataset_memory(d->rows), &left, err) == -1)
		return -1;
	return d->valid == NULL ? 0 : read_valid(d, (uint64_t)left, err);
}

void
tool_data_close(struct tool_data *d)
{
	nf_reader_close(d->in);
	nf_reader_close(d->valid_in);
	nf_h5_close(d->valid_h5);
	nf_dataset_free(d->rows);
	nf_choice_free(&d->choice);
	nf_choice_free(&d->valid_choice);
}
