/*
 * Writing behind: buffers go to a file in the order given, many at a time, by
 * a thread, while their owner fills others.  Not for other folders.
 */
#ifndef NF_BEHIND_H
#define NF_BEHIND_H

#include "direct.h"
#include "pool.h"
#include "stream.h"

struct nf_behind;

#define NF_BEHIND	4		/* writes, of which one is filled */

/*
 * Append to a new file, whose descriptor stays the caller's, writes of most
 * buffers of size bytes, of which the system's cache gets the first cache.
 * It takes NF_BEHIND * most buffers' memory.
 */
int nf_behind_open(struct nf_behind **b, int fd, const char *name,
    size_t size, uint32_t most, uint64_t cache, struct nf_pool *pool,
    struct nf_err *err) NF_CHECKED;
/*
 * Have the first n bytes of a buffer written, later, at *at; an empty buffer
 * comes in exchange.  Sizes and buffers are as direct.h wants them.  NULL: an
 * earlier write failed.
 */
char *nf_behind_put(struct nf_behind *b, char *buf, size_t n, uint64_t *at,
    struct nf_err *err) NF_CHECKED;
/* Wait until everything is in the file. */
int nf_behind_end(struct nf_behind *b, struct nf_err *err) NF_CHECKED;
/* Free; the buffers given in exchange are gone too.  Accepts NULL. */
void nf_behind_close(struct nf_behind *b);

#endif
