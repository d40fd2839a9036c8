/* The kinds of input behind nf_source, and of output behind nf_sink. */
#ifndef NF_SOURCE_H
#define NF_SOURCE_H

#include "stream.h"

/* ---- input ------------------------------------------------------------ */

/* Each opens after the bytes read ahead, fills schema and is like a reader. */
struct nf_npy;
int nf_npy_open(struct nf_npy **n, const struct nf_bytes *in,
    struct nf_schema *schema, struct nf_err *err) NF_CHECKED;
int nf_npy_next(struct nf_npy *n, struct nf_rows *rows, struct nf_err *err)
    NF_CHECKED;
void nf_npy_close(struct nf_npy *n);

/* One element of a row as it is stored. */
struct nf_npy_element {
	char kind;			/* f i u b */
	uint8_t size;
	bool swap;			/* big-endian */
};

/* What the header of an npy file says. */
struct nf_npy_layout {
	uint64_t nrow;
	uint32_t ncol;			/* a plain array has one element */
	uint32_t nelement;
	struct nf_npy_element *element;
	struct nf_list names;		/* of a record's fields */
	enum nf_type type;		/* that holds all of them */
	bool plain;			/* rows are stored in that type */
	size_t rowsize;			/* as stored */
};

/* From its text, terminated, which is changed; fills a zeroed layout. */
int nf_npy_layout_parse(struct nf_npy_layout *n, char *text,
    struct nf_err *err) NF_CHECKED;
void nf_npy_layout_free(struct nf_npy_layout *n);

struct nf_text;
int nf_text_open(struct nf_text **t, const struct nf_bytes *in,
    struct nf_schema *schema, struct nf_err *err) NF_CHECKED;
int nf_text_next(struct nf_text *t, struct nf_rows *rows, struct nf_err *err)
    NF_CHECKED;
void nf_text_close(struct nf_text *t);

/* ---- output ----------------------------------------------------------- */

struct nf_text_writer;
int nf_text_writer_open(struct nf_text_writer **w, int fd, const char *name,
    const struct nf_schema *s, char separator, struct nf_err *err) NF_CHECKED;
int nf_text_writer_put(struct nf_text_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
int nf_text_writer_end(struct nf_text_writer *w, struct nf_err *err)
    NF_CHECKED;
void nf_text_writer_close(struct nf_text_writer *w);

struct nf_npy_writer;
int nf_npy_writer_open(struct nf_npy_writer **w, int fd, const char *name,
    const struct nf_schema *s, struct nf_err *err) NF_CHECKED;
int nf_npy_writer_put(struct nf_npy_writer *w, const void *x, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
int nf_npy_writer_end(struct nf_npy_writer *w, struct nf_err *err)
    NF_CHECKED;
void nf_npy_writer_close(struct nf_npy_writer *w);

#endif
