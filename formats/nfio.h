/*
 * nfpipe's formats: bytes to structs and back.  The tensor stream, HDF5
 * tables, text and npy, the configuration and the model file.
 */
#ifndef NFIO_H
#define NFIO_H

#include <stdbool.h>
#include <stdio.h>

#include "digest.h"
#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- bounds: every count from outside is checked against one ---------- */

#define NF_MAX_COLS	65536
#define NF_MAX_NAME	255			/* bytes of a column name */
#define NF_MAX_LINES	65536			/* of prep, and of notes */
#define NF_MAX_PAYLOAD	(64u << 20)		/* bytes of a block */
#define NF_NROW_UNKNOWN	UINT64_MAX

/* ---- schema: what a table's rows are ---------------------------------- */

enum nf_type { NF_F32, NF_F64 };

const char *nf_type_name(enum nf_type t);	/* "f32" */

static inline size_t
nf_type_size(enum nf_type t)
{
	return t == NF_F32 ? 4 : 8;
}

/* An ordered list of strings, owned. */
struct nf_list {
	uint32_t n;
	char **s;
};

int nf_list_add(struct nf_list *l, const char *s, struct nf_err *err)
    NF_CHECKED;
int nf_list_copy(struct nf_list *to, const struct nf_list *from,
    struct nf_err *err) NF_CHECKED;
void nf_list_free(struct nf_list *l);		/* leaves it empty */

struct nf_schema {
	enum nf_type type;
	uint64_t nrow;			/* or NF_NROW_UNKNOWN */
	struct nf_list column;		/* names, unique */
	struct nf_list prep;		/* recipe lines: NAME = OP, OP.. */
	struct nf_list note;		/* where the rows came from */
};

int nf_schema_copy(struct nf_schema *to, const struct nf_schema *from,
    struct nf_err *err) NF_CHECKED;
void nf_schema_free(struct nf_schema *s);
/* Copy what concerns the columns col[0..ncol) (NULL: all), in that order. */
int nf_schema_choose(struct nf_schema *to, const struct nf_schema *from,
    const uint32_t *col, uint32_t ncol, struct nf_err *err) NF_CHECKED;

/* Text for one line: valid UTF-8 without control characters. */
int nf_line_check(const char *s, struct nf_err *err) NF_CHECKED;
/* What a stream can carry: names and lines within their rules and bounds. */
int nf_schema_check(const struct nf_schema *s, struct nf_err *err) NF_CHECKED;
/*
 * The columns' names and recipe of b are those of a, as for tables that are
 * joined; the error names the first difference.  Types may differ.
 */
int nf_schema_agree(const struct nf_schema *a, const struct nf_schema *b,
    struct nf_err *err) NF_CHECKED;

/* ---- rows ------------------------------------------------------------- */

/* A run of whole rows, row-major, of the schema's type. */
struct nf_rows {
	uint64_t nrow;
	uint32_t ncol;
	enum nf_type type;
	const void *x;
};

static inline double
nf_rows_get(const struct nf_rows *r, uint64_t i, uint32_t j)
{
	size_t k = (size_t)i * r->ncol + j;

	return r->type == NF_F32 ? ((const float *)r->x)[k] :
	    ((const double *)r->x)[k];
}

/* Element k of an array of type, from a double. */
static inline void
nf_put(void *x, enum nf_type type, size_t k, double v)
{
	if (type == NF_F32)
		((float *)x)[k] = (float)v;
	else
		((double *)x)[k] = v;
}

/*
 * Gather the columns col[0..ncol) (NULL: all) of every row into out, which
 * holds r->nrow * ncol elements of type.  A double too large for a float
 * becomes an infinity, as in C.
 */
void nf_rows_gather(const struct nf_rows *r, const uint32_t *col,
    uint32_t ncol, enum nf_type type, void *out);

/*
 * Refuse (NF_ESYS) to hold nrow rows of ncol doubles at a time where memory
 * (bytes) has no room for them.
 */
int nf_batch_check(uint32_t nrow, size_t ncol, uint64_t memory,
    struct nf_err *err) NF_CHECKED;

/*
 * Rows and columns picked from a table as it passes.  Zeroed but for the
 * choice: the columns col[0..ncol) (NULL: all), as type, of at most max rows
 * after skip ones, both of which count down.
 */
struct nf_pick {
	uint64_t skip, max;
	const uint32_t *col;
	uint32_t ncol;
	enum nf_type type;
	void *buf;			/* ours, as is room */
	uint64_t room;
};

/* Leave in *rows what is picked of it, valid until the next call. */
int nf_pick_rows(struct nf_pick *p, struct nf_rows *rows, struct nf_err *err)
    NF_CHECKED;
/* How many of total rows (or NF_NROW_UNKNOWN) are picked, at the start. */
uint64_t nf_pick_total(const struct nf_pick *p, uint64_t total);
void nf_pick_free(struct nf_pick *p);

/* True if every value is finite; else *i and *j are the first that is not. */
bool nf_rows_finite(const struct nf_rows *r, uint64_t *i, uint32_t *j);
/* Move the rows of x that are finite to its front; returns how many. */
uint64_t nf_rows_drop(void *x, uint64_t nrow, uint32_t ncol,
    enum nf_type type);

/* ---- the tensor stream: nfstream(5) ----------------------------------- */

struct nf_reader;
struct nf_writer;

/*
 * Read a stream's header from fd; name stands in messages ("stdin", a
 * path).  The descriptor is the caller's and is not closed.  Refuses
 * (NF_EDATA) what is not a whole, valid header.
 */
int nf_reader_open(struct nf_reader **r, int fd, const char *name,
    struct nf_err *err) NF_CHECKED;
const struct nf_schema *nf_reader_schema(const struct nf_reader *r);
const char *nf_reader_name(const struct nf_reader *r);
/*
 * Rows on this descriptor in all, as far as that can be known before they
 * are read, or NF_NROW_UNKNOWN.  In a file the end has been looked at.
 */
uint64_t nf_reader_total(const struct nf_reader *r);

/*
 * Get the next frame of rows.  Returns 1 with *rows valid until the next
 * call; 0 at the end, once its count agrees with what was read and nothing
 * follows it; -1 on damage.  Input that stops before the end is damage.
 * Rows are handed out only after their checksum has matched.
 */
int nf_reader_next(struct nf_reader *r, struct nf_rows *rows,
    struct nf_err *err) NF_CHECKED;

/*
 * Let streams follow one another on this descriptor: nf_reader_next then
 * returns 0 at each one's end, and nf_reader_again opens the one that
 * follows (1; its schema replaces the last) or says that none does (0).
 */
void nf_reader_many(struct nf_reader *r);
int nf_reader_again(struct nf_reader *r, struct nf_err *err) NF_CHECKED;
void nf_reader_close(struct nf_reader *r);

/*
 * Write the header of a stream to fd; the schema is copied.  flags: NF_ZSTD
 * compresses the frames.
 */
#define NF_ZSTD	1
int nf_writer_open(struct nf_writer **w, int fd, const char *name,
    const struct nf_schema *s, int flags, struct nf_err *err) NF_CHECKED;

/*
 * Append rows of the schema's type.  The stream's frames are of about 1 MiB
 * whatever the calls' sizes, so its bytes depend on the rows alone.
 */
int nf_writer_put(struct nf_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;

/*
 * Write what is buffered and the end.  Call it only when every row has been
 * written: its absence is how the next program learns that this one failed.
 * Where the schema said how many rows would come, another count is an error.
 */
int nf_writer_end(struct nf_writer *w, struct nf_err *err) NF_CHECKED;
void nf_writer_close(struct nf_writer *w);	/* writes nothing */

/* ---- any table: streams, npy, text ------------------------------------ */

struct nf_source;

/*
 * Read rows from fd, which holds streams, an npy file or a table of text, as
 * its first bytes say.  Text is separated by tabs, commas, semicolons or
 * blanks; its first line names the columns unless it is all numbers.
 */
int nf_source_open(struct nf_source **s, int fd, const char *name,
    struct nf_err *err) NF_CHECKED;
const struct nf_schema *nf_source_schema(const struct nf_source *s);
uint64_t nf_source_total(const struct nf_source *s); /* nf_reader_total */
/* As nf_reader_next and, for a stream that follows, nf_reader_again. */
int nf_source_next(struct nf_source *s, struct nf_rows *rows,
    struct nf_err *err) NF_CHECKED;
int nf_source_again(struct nf_source *s, struct nf_err *err) NF_CHECKED;
void nf_source_close(struct nf_source *s);

/*
 * Write rows in one of several forms.  As text: numbers so that they read
 * back as the same bits; the first line names the columns, in quotes where
 * they would not read back.  As npy: a 2-D array; where the number of rows is
 * not known it is filled in at the end, and on the way to a pipe the rows
 * wait in $TMPDIR.  flags are nf_writer_open's.
 */
enum nf_form { NF_FORM_STREAM, NF_FORM_TSV, NF_FORM_CSV, NF_FORM_NPY };

struct nf_sink;
int nf_sink_open(struct nf_sink **s, enum nf_form form, int fd,
    const char *name, const struct nf_schema *schema, int flags,
    struct nf_err *err) NF_CHECKED;
/* As nf_writer_put, nf_writer_end and nf_writer_close. */
int nf_sink_put(struct nf_sink *s, const void *x, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
int nf_sink_end(struct nf_sink *s, struct nf_err *err) NF_CHECKED;
void nf_sink_close(struct nf_sink *s);

/* ---- columns ---------------------------------------------------------- */

/*
 * Resolve COLUMNS (comma-separated names, globs, positions, ranges LO:HI, in
 * the order wanted) against names.  col is allocated.  An exact name goes
 * before a position or range of the same spelling; a column asked for twice
 * is an error, but not where a glob brings it again.  An unknown one is
 * NF_EDATA and names the nearest.
 */
int nf_columns_find(const char *columns, const struct nf_list *names,
    uint32_t **col, uint32_t *ncol, struct nf_err *err) NF_CHECKED;

/* The position of name, or -1 and an error that names the nearest. */
int nf_columns_index(const struct nf_list *names, const char *name,
    struct nf_err *err);

/*
 * An order of columns: "reverse", "random" by seed, or COLUMNS, which may
 * leave some out.  Its inverse takes what that order gave back to what it was
 * made from; of COLUMNS it needs positions, and all of them.
 */
int nf_columns_permute(const char *order, uint64_t seed, bool inverse,
    const struct nf_list *names, uint32_t **col, uint32_t *ncol,
    struct nf_err *err) NF_CHECKED;

/* ---- rows in another order -------------------------------------------- */

/*
 * Take rows of rowsize bytes and give them back shuffled by seed, each order
 * as likely as any other; inverse takes such rows back to what they were.
 * The order depends on the seed and the number of rows alone: rows beyond
 * what memory (bytes) holds wait in temporary files in $TMPDIR.
 */
struct nf_permuter;
int nf_permuter_open(struct nf_permuter **p, size_t rowsize, uint64_t seed,
    bool inverse, uint64_t memory, struct nf_err *err) NF_CHECKED;
/* Before the first row: their number, if known; most bytes of cached files. */
void nf_permuter_expect(struct nf_permuter *p, uint64_t nrow, uint64_t cache);
int nf_permuter_put(struct nf_permuter *p, const void *x, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
/* After the last row: 1 and some rows, valid until the next call; 0; -1. */
int nf_permuter_next(struct nf_permuter *p, const void **x, uint64_t *nrow,
    struct nf_err *err) NF_CHECKED;
void nf_permuter_close(struct nf_permuter *p);

/* ---- a table in memory ------------------------------------------------ */

struct nf_table {
	struct nf_schema schema;	/* nrow is known */
	void *x;			/* schema.nrow x schema.column.n */
	size_t reserved;		/* of addresses at x */
};

/*
 * Read a whole stream, of columns col[0..ncol) (NULL: all), into memory as
 * type; refuses (NF_ESYS, with the way out) more than max bytes.
 */
int nf_table_read(struct nf_table *t, struct nf_reader *r,
    const uint32_t *col, uint32_t ncol, enum nf_type type, uint64_t max,
    struct nf_err *err) NF_CHECKED;
/* The same from anything that hands out rows as nf_reader_next does. */
struct nf_feed {
	const struct nf_schema *schema;
	uint64_t total;			/* rows, or NF_NROW_UNKNOWN */
	const char *name;
	int (*next)(void *arg, struct nf_rows *rows, struct nf_err *err);
	void *arg;
};
struct nf_feed nf_feed_reader(struct nf_reader *r);
int nf_table_feed(struct nf_table *t, const struct nf_feed *f,
    const uint32_t *col, uint32_t ncol, enum nf_type type, uint64_t max,
    struct nf_err *err) NF_CHECKED;
void nf_table_free(struct nf_table *t);

/* ---- files ------------------------------------------------------------ */

/* Whole reads and writes: EINTR retried, short counts continued. */
int nf_read_full(int fd, void *buf, size_t n, size_t *got, const char *name,
    struct nf_err *err) NF_CHECKED;	/* *got < n: the input ended */
int nf_write_full(int fd, const void *buf, size_t n, const char *name,
    struct nf_err *err) NF_CHECKED;

/*
 * A file that appears under its name only when whole: opened to write as
 * nf_whole_tmp says, flushed to disk and named by nf_whole_commit.  Before,
 * it has no name, or one beside that nf_whole_abort removes.  Both free.
 */
struct nf_whole;
int nf_whole_begin(struct nf_whole **f, const char *path, struct nf_err *err)
    NF_CHECKED;
const char *nf_whole_tmp(const struct nf_whole *f);
int nf_whole_commit(struct nf_whole *f, struct nf_err *err) NF_CHECKED;
void nf_whole_abort(struct nf_whole *f);	/* accepts NULL */

/* A file without a name in $TMPDIR (or /tmp): gone when closed. */
int nf_temp_open(int *fd, struct nf_err *err) NF_CHECKED;

/* ---- HDF5 tables ------------------------------------------------------ */

struct nf_h5;

/*
 * Open one or more HDF5 files as one table: dataset is a 2-D dataset with
 * attribute `columns`, or a group of 1-D columns.  type is NF_F64 where any
 * column needs it (64-bit floats, integers beyond 24 bits).  Values are
 * exact: an integer that float64 cannot hold is NF_EDATA.  libhdf5 prints
 * no errors of its own from then on.
 */
int nf_h5_open(struct nf_h5 **t, const char *const *file, uint32_t nfile,
    const char *dataset, struct nf_err *err) NF_CHECKED;
const struct nf_schema *nf_h5_schema(const struct nf_h5 *t);
/* Choose columns and rows before the first nf_h5_next. */
int nf_h5_select(struct nf_h5 *t, const uint32_t *col, uint32_t ncol,
    uint64_t skip, uint64_t nrow, struct nf_err *err) NF_CHECKED;

/*
 * What to do with rows that hold an infinity or NaN: an error that names
 * row and column (the default), nothing, or leave them out, counted; the
 * schema's nrow is then unknown.  Before the first nf_h5_next.
 */
enum nf_nonfinite { NF_FAIL, NF_PASS, NF_DROP };
void nf_h5_nonfinite(struct nf_h5 *t, enum nf_nonfinite policy);
uint64_t nf_h5_dropped(const struct nf_h5 *t);

/* As nf_reader_next; threads read ahead. */
int nf_h5_next(struct nf_h5 *t, struct nf_rows *rows, struct nf_err *err)
    NF_CHECKED;
void nf_h5_close(struct nf_h5 *t);

/*
 * Write a file that nf_h5_open reads: dataset is chunked, rows x columns, or
 * with group a group of 1-D columns; names, prep and notes are attributes.
 * gzip: 0 stores the bytes as they are, 1 to 9 shuffles and deflates them.
 * The file appears under its name when nf_h5_writer_end has returned 0.
 */
struct nf_h5_writer;
int nf_h5_writer_open(struct nf_h5_writer **w, const char *path,
    const char *dataset, const struct nf_schema *s, bool group, int gzip,
    struct nf_err *err) NF_CHECKED;
int nf_h5_writer_put(struct nf_h5_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
int nf_h5_writer_end(struct nf_h5_writer *w, struct nf_err *err) NF_CHECKED;
void nf_h5_writer_close(struct nf_h5_writer *w);	/* commits nothing */

/* ---- the configuration, nfpipe.cfg(5), and the model, nfmodel(5) ------ */

#include "cfg.h"
#include "model.h"
#include "plot.h"
#include "tiles.h"

#ifdef __cplusplus
}
#endif
#endif
