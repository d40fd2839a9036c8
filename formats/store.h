/* Rows as they arrive, in their order: in memory while they fit in it. */
#ifndef NF_STORE_H
#define NF_STORE_H

#include "grow.h"
#include "nfio.h"

/*
 * Who wants rows before the last of them is there: begun(arg) is called when
 * the first are on their way; rows(arg, ..) gets n rows from first on, in
 * order, in whole chunks, while they stay in memory; and idle is called, with
 * how many it has got, while no chunk is there: it does a little and returns
 * whether there is more to do.
 */
struct nf_watch {
	void (*begun)(void *arg);
	void (*rows)(void *arg, const void *x, uint64_t first, uint64_t n);
	int (*idle)(void *arg, uint64_t nrow);
	void *arg;
};

struct nf_store {
	uint32_t ncol;
	enum nf_type type;		/* the stream's */
	uint64_t nrow;
	uint64_t digest;		/* of their bytes */
	uint64_t chunk;			/* rows of a chunk */
	/* inside */
	size_t rowsize;
	uint64_t max;			/* bytes of memory */
	struct nf_grow mem;
	int fd;				/* of what was too much, or -1 */
	char *buf;			/* a chunk of it */
	size_t nbuf;
};

/*
 * Take all of f's rows, columns col[0..ncol), into max bytes of memory or
 * else a temporary file ($TMPDIR), where they go at once if max is 0.
 * watch, unless NULL, is called here while a thread reads on.
 */
int nf_store_fill(struct nf_store *s, const struct nf_feed *f,
    const uint32_t *col, uint32_t ncol, uint64_t max,
    const struct nf_watch *watch, struct nf_err *err) NF_CHECKED;
bool nf_store_in_file(const struct nf_store *s);
/*
 * Some rows from row first on, up to *nrow - first of which are there: a
 * multiple of NF_PREP_RUN but at the end, and valid until the next call.
 */
int nf_store_rows(struct nf_store *s, uint64_t first, const void **x,
    uint64_t *nrow, struct nf_err *err) NF_CHECKED;
void nf_store_free(struct nf_store *s);	/* accepts a zeroed one, twice */

#endif
