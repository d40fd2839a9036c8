/*
 * Values of a Python pickle as PyTorch writes it: protocol 2, and of the
 * things that a pickle may call only those that stand for numbers.  Nothing
 * is executed; what is not known is refused.  Not for other folders.
 */
#ifndef PICKLE_H
#define PICKLE_H

#include <stdbool.h>

#include "fault.h"

#define NF_PICKLE_MAX	(64u << 20)	/* bytes of a pickle */
#define NF_PICKLE_VALUES (1u << 22)	/* values in it, and on its stack */
#define NF_PICKLE_DIMS	4		/* dimensions of a tensor */

enum nf_pickle_kind {
	NF_PICKLE_NONE, NF_PICKLE_BOOL, NF_PICKLE_INT, NF_PICKLE_REAL,
	NF_PICKLE_TEXT, NF_PICKLE_TUPLE, NF_PICKLE_LIST, NF_PICKLE_DICT,
	NF_PICKLE_STORAGE, NF_PICKLE_TENSOR,
	NF_PICKLE_GLOBAL, NF_PICKLE_MARK	/* never in what is built */
};

enum nf_pickle_number {
	NF_PICKLE_F32, NF_PICKLE_F64, NF_PICKLE_I64, NF_PICKLE_I32,
	NF_PICKLE_I16, NF_PICKLE_I8, NF_PICKLE_U8, NF_PICKLE_BOOLS
};

struct nf_pickle_value;

/* Bytes of the pickle, not terminated. */
struct nf_pickle_text {
	const char *s;
	uint32_t n;
};

/* Numbers that lie elsewhere, under a key. */
struct nf_pickle_storage {
	enum nf_pickle_number number;
	const struct nf_pickle_value *key;	/* a text */
	uint64_t n;
};

/* A view of a storage, which it does not leave; in elements. */
struct nf_pickle_tensor {
	const struct nf_pickle_value *storage;
	uint64_t offset;
	uint32_t ndim;
	uint64_t size[NF_PICKLE_DIMS], stride[NF_PICKLE_DIMS];
};

struct nf_pickle_value {
	enum nf_pickle_kind kind;
	union {
		int64_t i;		/* BOOL, INT, GLOBAL (its number) */
		double x;		/* REAL */
		struct nf_pickle_text text;
		struct {		/* of a dict: key, value, key, .. */
			const struct nf_pickle_value **item;
			uint32_t n, room;
		} seq;			/* TUPLE, LIST, DICT */
		struct nf_pickle_storage *storage;
		struct nf_pickle_tensor *tensor;
	} u;
};

struct nf_pickle;

/*
 * Read the n bytes at s, which become the pickle's (or, on failure, are
 * freed).  What is refused (NF_EDATA) is named, with the byte it stands at.
 */
int nf_pickle_read(struct nf_pickle **p, unsigned char *s, size_t n,
    struct nf_err *err) NF_CHECKED;
void nf_pickle_free(struct nf_pickle *p);
const struct nf_pickle_value *nf_pickle_root(const struct nf_pickle *p);

/* "a dict of 3", "'relu'", "1.5": for messages; to[64]. */
#define NF_PICKLE_WORDS	64
const char *nf_pickle_words(const struct nf_pickle_value *v, char *to);

bool nf_pickle_is(const struct nf_pickle_value *v, const char *text);
/* The last of a dict's values under a text or a number, or NULL. */
const struct nf_pickle_value *nf_pickle_get(const struct nf_pickle_value *d,
    const char *key);
const struct nf_pickle_value *nf_pickle_at(const struct nf_pickle_value *d,
    int64_t key);
/* A number as a double: 1 done, 0 it is none (v may be NULL). */
int nf_pickle_number(const struct nf_pickle_value *v, double *x);

size_t nf_pickle_size(enum nf_pickle_number number);	/* in bytes */

#endif
