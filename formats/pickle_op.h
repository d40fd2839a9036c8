/* The machine inside of pickle*.c. */
#ifndef PICKLE_OP_H
#define PICKLE_OP_H

#include "pickle.h"

#define NF_PICKLE_CHUNK	1024		/* values allocated at a time */

/* A row of values that grows. */
struct nf_pickle_pile {
	struct nf_pickle_value **v;
	uint32_t n, room;
};

struct nf_pickle {
	unsigned char *s;
	size_t n, at, op;		/* the next byte; the last opcode */
	struct nf_pickle_chunk {
		struct nf_pickle_chunk *next;
		uint32_t used;
		struct nf_pickle_value v[NF_PICKLE_CHUNK];
	} *chunk;
	uint32_t nvalue;
	struct nf_pickle_pile stack, memo;
	struct nf_pickle_value mark;
	struct nf_err *err;
};

struct nf_pickle_value *nf_pickle_new(struct nf_pickle *p,
    enum nf_pickle_kind kind);
/* Room for n more pointers behind the used ones at *v. */
int nf_pickle_grow(struct nf_pickle *p, void *v, uint32_t used,
    uint32_t *room, uint32_t n) NF_CHECKED;
int nf_pickle_add(struct nf_pickle *p, struct nf_pickle_pile *a,
    struct nf_pickle_value *v) NF_CHECKED;
int nf_pickle_bad(struct nf_pickle *p, const char *what);
/* The next k bytes, as a little-endian number where k is at most 8. */
const unsigned char *nf_pickle_take(struct nf_pickle *p, size_t k,
    uint64_t *number);

int nf_pickle_push(struct nf_pickle *p, struct nf_pickle_value *v)
    NF_CHECKED;			/* v may be NULL, as after an error */
/* The value on top of the stack, above any mark, or NULL. */
struct nf_pickle_value *nf_pickle_top(struct nf_pickle *p);
struct nf_pickle_value *nf_pickle_pop(struct nf_pickle *p);

/* Each does op, if it is one of its own: 1 done, 0 it is not, -1 error. */
int nf_pickle_plain(struct nf_pickle *p, int op) NF_CHECKED;
int nf_pickle_contain(struct nf_pickle *p, int op) NF_CHECKED;
int nf_pickle_memo(struct nf_pickle *p, int op) NF_CHECKED;
int nf_pickle_call(struct nf_pickle *p, int op) NF_CHECKED;

/* The global's number, or -1. */
int nf_pickle_global(const char *module, size_t nmodule, const char *name,
    size_t nname);
/* Globals that are not types of storage; those follow. */
enum { NF_PICKLE_ODICT, NF_PICKLE_REBUILD, NF_PICKLE_PARAMETER,
	NF_PICKLE_STORAGES };
/* The storage that a persistent identifier means. */
int nf_pickle_store(const struct nf_pickle_value *id,
    struct nf_pickle_storage *to, struct nf_err *err) NF_CHECKED;
/* What _rebuild_tensor_v2 makes of its arguments. */
int nf_pickle_rebuild(const struct nf_pickle_value *arg,
    struct nf_pickle_tensor *to, struct nf_err *err) NF_CHECKED;

#endif
