/*
 * What the files of formats/ that speak HDF5 share; not for others.
 *
 * libhdf5 is called from the caller's thread alone.  The threads of a pool
 * see only memory and, for a contiguous dataset, a descriptor to pread.
 */
#ifndef NF_H5_H
#define NF_H5_H

#define H5_USE_110_API
#include <hdf5.h>

#include "grow.h"
#include "nfio.h"
#include "pool.h"
#include "span.h"

#define NF_H5_MAX_CHUNK	(1u << 30)	/* bytes of a chunk, unpacked */
#define NF_H5_MAX_TEXT	(64u << 20)	/* bytes of a text attribute */
#define NF_H5_SLAB	(2u << 20)	/* bytes a thread is given at once .. */
#define NF_H5_MAX_SLAB	(1u << 30)	/* .. and most of a slab's output */

/* ---- errors: h5err.c -------------------------------------------------- */

/* libhdf5 prints nothing from now on. */
void nf_h5_quiet(void);

/*
 * Fail with a message and libhdf5's reason for its last failure, in short.
 * NF_ESYS with the system's words where the system refused, else NF_EDATA.
 */
int nf_h5_fail(struct nf_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Open to read; refuses what is not HDF5.  -1 with err. */
hid_t nf_h5_open_file(const char *name, struct nf_err *err);

/* ---- element types: h5type.c ------------------------------------------ */

enum nf_h5_kind {
	NF_H5_LIB,		/* only libhdf5 can read it */
	NF_H5_F32, NF_H5_F64,
	NF_H5_I8, NF_H5_U8, NF_H5_I16, NF_H5_U16,
	NF_H5_I32, NF_H5_U32, NF_H5_I64, NF_H5_U64
};

struct nf_h5_elem {
	enum nf_h5_kind kind;	/* as it stands in the file */
	enum nf_h5_kind mem;	/* what to ask libhdf5 for; never LIB */
	bool swap;		/* the file's byte order is the other one */
	bool wide;		/* float32 cannot hold every value */
	uint8_t size;		/* bytes in the file */
};

/* Classify; -1 where type is not a number that float64 can hold. */
int nf_h5_elem(hid_t type, struct nf_h5_elem *e);
hid_t nf_h5_memtype(enum nf_h5_kind kind);	/* a native type; not owned */
uint8_t nf_h5_memsize(enum nf_h5_kind kind);

/* Words for messages: "float32", "strings of 5 bytes"; "20000 x 31". */
void nf_h5_type_words(hid_t type, char *buf, size_t n);
void nf_h5_shape_words(hid_t space, char *buf, size_t n);

/* ---- elements in memory: h5conv.c ------------------------------------- */

/*
 * Elements to gather: column from[k] of every row of src becomes column
 * to[k] of out.  Steps, from one to the next, are in elements.
 */
struct nf_h5_gather {
	const unsigned char *src;
	size_t src_step;
	uint64_t nrow;
	const uint32_t *from, *to;
	uint32_t n;
	enum nf_type type;
	unsigned char *out;
	size_t row_step, col_step;	/* of out */
};

/* An integer that float64 cannot hold: its row, from 0, and output column. */
struct nf_h5_bad {
	bool found;
	uint64_t row;
	uint32_t to;
};

/*
 * Convert exactly; -1 at an integer that a double cannot hold, with *bad
 * set.  src holds kind, in the other byte order if swap.
 */
int nf_h5_gather(const struct nf_h5_gather *g, enum nf_h5_kind kind,
    bool swap, struct nf_h5_bad *bad);

/* True where that would be one memcpy, and where to. */
bool nf_h5_gather_is_copy(const struct nf_h5_gather *g, enum nf_h5_kind kind,
    bool swap);
unsigned char *nf_h5_gather_at(const struct nf_h5_gather *g);

/* out[i][j] = x[j][i], for nrow rows of out. */
void nf_h5_transpose(const unsigned char *x, uint64_t nrow, uint32_t ncol,
    enum nf_type type, unsigned char *out);

/*
 * Undo HDF5's shuffle filter: elements [first, first + n) of the total in
 * src, which holds byte 0 of all, then byte 1 of all, ...
 */
void nf_h5_unshuffle(const unsigned char *src, size_t total, size_t size,
    size_t first, size_t n, unsigned char *out);
/* And do it, for all n. */
void nf_h5_shuffle(const unsigned char *src, size_t n, size_t size,
    unsigned char *out);

/* ---- text: h5attr.c --------------------------------------------------- */

/*
 * Append the strings of a dataset or attribute to l, padding removed; of
 * attribute name of obj, where it is absent nothing.  Refuses what is not
 * strings; what the strings hold is not looked at.
 */
int nf_h5_strings_read(hid_t id, struct nf_list *l, struct nf_err *err)
    NF_CHECKED;
int nf_h5_attr_read(hid_t obj, const char *name, struct nf_list *l,
    struct nf_err *err) NF_CHECKED;

/* Strings as HDF5 takes them: fixed-length, NUL-padded UTF-8. */
struct nf_h5_text {
	hid_t type;
	char *x;
};
int nf_h5_text_pack(struct nf_h5_text *t, const struct nf_list *l,
    struct nf_err *err) NF_CHECKED;
void nf_h5_text_free(struct nf_h5_text *t);
/* A 1-D attribute of them; an empty list writes nothing. */
int nf_h5_attr_write(hid_t obj, const char *name, const struct nf_list *l,
    struct nf_err *err) NF_CHECKED;

/* ---- datasets: h5part.c ----------------------------------------------- */

/* How a dataset's bytes are reached. */
enum nf_h5_way {
	NF_H5_READ,		/* H5Dread */
	NF_H5_CHUNK,		/* raw chunks: none, shuffle, deflate, both */
	NF_H5_FLAT		/* pread of a contiguous dataset */
};

/* A dataset: of a table's columns, the ncol from first on. */
struct nf_h5_part {
	hid_t id;
	uint32_t first, ncol;
	uint64_t nrow;
	int rank;			/* 1 or 2 */
	struct nf_h5_elem elem;
	char bad[128];			/* why it cannot be read, or "" */
	enum nf_h5_way way;
	uint64_t chunk_rows;		/* 1 unless chunked */
	uint32_t chunk_cols;		/* ncol unless chunked */
	size_t chunk_bytes;
	int shuffle, deflate;		/* place in the pipeline, or -1 */
	uint64_t offset;		/* FLAT: where in the file */
	int fd;				/* to read its bytes with, or -1 */

	/*
	 * The columns chosen, by blocks of chunk_cols columns: those of block
	 * b are from[k], counted from the block's first, for k in
	 * [block[b], block[b + 1]), and go to column to[k] of the output.
	 */
	uint32_t nblock;
	uint32_t *block, *from, *to;
};

/*
 * Look at the dataset id, which the part then owns.  A type that is no
 * number is not yet an error: bad says so.
 */
int nf_h5_part_open(struct nf_h5_part *p, hid_t id, hid_t file,
    struct nf_err *err) NF_CHECKED;
void nf_h5_part_close(struct nf_h5_part *p);

/*
 * Read rows from row on, of columns [col, col + ncol), by H5Dread, and
 * gather them (to->src and src_step are not looked at; from counts from
 * col).  Where bad is found the read has stopped.
 */
int nf_h5_part_read(const struct nf_h5_part *p, uint64_t row, uint32_t col,
    uint32_t ncol, const struct nf_h5_gather *to, struct nf_h5_bad *bad,
    struct nf_err *err) NF_CHECKED;

/* ---- one file's table: h5source.c, h5list.c --------------------------- */

struct nf_h5_source {
	hid_t file;
	struct nf_schema schema;	/* all columns; wide ones make it f64 */
	struct nf_h5_part *part;	/* one, or one a column */
	uint32_t npart;
	unsigned nslab;			/* slabs that refer to it */

	/* Of what was chosen: */
	uint32_t *room;			/* the parts' lists */
	uint64_t chunk_rows;		/* the largest */
	size_t chunk_bytes;		/* the largest */
	uint64_t row_bytes;		/* read and written for a row */
	bool scattered;			/* in blocks of few columns */
};

int nf_h5_source_open(struct nf_h5_source **s, const char *file,
    const char *dataset, struct nf_err *err) NF_CHECKED;
/* True where column j does not fit into float32. */
bool nf_h5_source_wide(const struct nf_h5_source *s, uint32_t j);
/* Choose columns, for rows of type; refuses one that cannot be read. */
int nf_h5_source_select(struct nf_h5_source *s, const uint32_t *col,
    uint32_t ncol, enum nf_type type, struct nf_err *err) NF_CHECKED;
void nf_h5_source_close(struct nf_h5_source *s);	/* accepts NULL */

/* "data (20000 x 31, float32), jets (a group of 14)": what a group holds. */
void nf_h5_contents(hid_t group, char *buf, size_t n);

/* ---- work for threads: h5work.c --------------------------------------- */

struct nf_h5_slab;

/* The threads of one table, and what each needs. */
struct nf_h5_work;
int nf_h5_work_open(struct nf_h5_work **w, struct nf_err *err) NF_CHECKED;
struct nf_pool *nf_h5_work_pool(const struct nf_h5_work *w);
void nf_h5_work_close(struct nf_h5_work *w);	/* accepts NULL */

enum nf_h5_trouble {
	NF_H5_FINE, NF_H5_NO_MEMORY, NF_H5_BAD_DEFLATE, NF_H5_TOO_SHORT,
	NF_H5_TOO_LONG, NF_H5_INEXACT, NF_H5_CANNOT_READ, NF_H5_CUT_SHORT
};

/*
 * Rows [row, row + nrow) of one block of columns of one part, for a slab:
 * those that it has of a chunk, or of a contiguous dataset.
 */
struct nf_h5_job {
	struct nf_task task;		/* first, so that a job is a task */
	struct nf_h5_slab *slab;
	struct nf_h5_work *work;
	const struct nf_h5_part *part;
	uint32_t block;
	uint64_t row, nrow;
	uint64_t first;			/* the chunk's first row */
	unsigned char *raw;		/* the chunk as stored; run frees it */
	size_t nraw;			/* its bytes, which stand, .. */
	uint64_t at;			/* .. if raw is NULL, here, .. */
	bool copied;			/* .. and are copied as they are */
	uint32_t skipped;		/* filters that were not applied */
	enum nf_h5_trouble trouble;
	int system;			/* CANNOT_READ: errno */
	struct nf_h5_bad bad;		/* INEXACT */
};

/*
 * Where the chunk of j can be read to, if its nbyte bytes are stored as they
 * are needed, or NULL.
 */
unsigned char *nf_h5_place(const struct nf_h5_job *j, uint64_t nbyte);
void nf_h5_run_chunk(struct nf_task *job, unsigned thread);
void nf_h5_run_flat(struct nf_task *job, unsigned thread);

/* Where rows, from row on, of a part's block belong in a slab. */
void nf_h5_aim(const struct nf_h5_slab *s, const struct nf_h5_part *p,
    uint32_t block, uint64_t row, struct nf_h5_gather *g);
/* One of slab's open is done; the last one puts its rows together and, if
 * they are not trusted, sees whether they are finite. */
void nf_h5_done(struct nf_h5_slab *s);

/* ---- slabs of rows: h5slab.c ------------------------------------------ */

/* Rows [row, row + nrow) of a source. */
struct nf_h5_slab {
	struct nf_h5_source *src;
	uint32_t file;			/* the table's, that src is */
	uint64_t row, nrow;
	enum nf_type type;
	const struct nf_list *column;	/* of the output */
	unsigned char *x;		/* nrow x column->n of type */
	unsigned char *turned;		/* of a scattered source, by columns */
	struct nf_grow rows, columns;	/* room for each */
	bool trust, finite;
	unsigned open;			/* jobs, and the owner, yet to finish */
	struct nf_h5_job *job;
	uint32_t njob, maxjob;
	unsigned pending;
	struct nf_span *span;		/* once it has ended */
	uint32_t nspan;
};

/* Start to read; src, file, row, nrow, type and column are set. */
int nf_h5_slab_begin(struct nf_h5_slab *s, struct nf_h5_work *w,
    struct nf_err *err) NF_CHECKED;
/* Wait until x is whole, or fail with the first job's error. */
int nf_h5_slab_end(struct nf_h5_slab *s, struct nf_h5_work *w,
    struct nf_err *err) NF_CHECKED;
/* Wait for what is pending, and free what the slab owns. */
void nf_h5_slab_free(struct nf_h5_slab *s, struct nf_h5_work *w);

/* ---- datasets to write: h5target.c ------------------------------------ */

/* A new file with one dataset of all columns, or one for each. */
struct nf_h5_target {
	const char *path;		/* the caller's */
	struct nf_h5_new *new;
	hid_t file;
	bool group;
	hid_t *dataset;
	uint32_t n, ncol;		/* datasets; columns of each */
	uint64_t chunk_rows;
};

/* Create the file and its datasets, names and notes; close it if it fails. */
int nf_h5_target_open(struct nf_h5_target *t, const char *path,
    const char *dataset, const struct nf_schema *s, bool group, int gzip,
    struct nf_err *err) NF_CHECKED;
/* Write dataset k's chunk of rows [row, row + nrow) as it is to be stored. */
int nf_h5_target_write(const struct nf_h5_target *t, uint32_t k,
    uint64_t row, uint64_t nrow, const void *chunk, size_t nbyte,
    bool undeflated, struct nf_err *err) NF_CHECKED;
/* Close the file, which then appears under its name. */
int nf_h5_target_end(struct nf_h5_target *t, struct nf_err *err) NF_CHECKED;
void nf_h5_target_close(struct nf_h5_target *t);	/* or it is removed */

#endif
