/* A few threads that take work from a queue; not for other folders. */
#ifndef NF_POOL_H
#define NF_POOL_H

#include "fault.h"

#define NF_POOL_MAX	65		/* threads, the caller's with them */

struct nf_pool;

/* Work for a pool; run gets its thread's number, 0 .. nf_pool_size - 1. */
struct nf_task {
	void (*run)(struct nf_task *t, unsigned thread);
	unsigned *pending;		/* counts down as tasks finish */
	struct nf_task *next;		/* the pool's */
};

/* As many threads as OpenMP would take, the caller's being one. */
int nf_pool_open(struct nf_pool **p, struct nf_err *err) NF_CHECKED;
/* n threads beside the caller's, which mostly wait for files. */
int nf_pool_waiting(struct nf_pool **p, unsigned n, struct nf_err *err)
    NF_CHECKED;
unsigned nf_pool_size(const struct nf_pool *p);
void nf_pool_add(struct nf_pool *p, struct nf_task *t, unsigned *pending);
/* Help until *pending is at most most. */
void nf_pool_wait(struct nf_pool *p, unsigned *pending, unsigned most);
void nf_pool_close(struct nf_pool *p);	/* nothing may be pending */

#endif
