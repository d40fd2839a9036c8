/* Writing behind: batches of buffers, one filled, others being written. */
#include "behind.h"

/* Buffers that follow one another in the file. */
struct batch {
	struct nf_task task;		/* first, so that a batch is a task */
	const struct nf_behind *b;
	uint64_t at;
	struct iovec *v;
	char **buf;
	uint32_t n;
	unsigned pending;
	struct nf_err err;		/* code 0: none */
};

struct nf_behind {
	int fd;
	const char *name;
	struct nf_pool *pool;		/* the caller's */
	uint32_t most;			/* buffers of a batch */
	uint64_t at;			/* bytes put into the file */
	uint64_t cache;			/* of those, for the system's */
	bool cached;			/* they are, so far */
	void *memory;
	char **spare;			/* buffers that nobody has, nspare .. */
	uint32_t nspare;
	struct iovec *v;
	struct batch batch[NF_BEHIND];	/* .. and then those of each batch */
	unsigned filling;
};

int
nf_behind_open(struct nf_behind **out, int fd, const char *name, size_t size,
    uint32_t most, uint64_t cache, struct nf_pool *pool, struct nf_err *err)
{
	struct nf_behind *b;
	uint32_t k;
	char *p;

	*out = b = nf_alloc(1, sizeof(*b), "temporary rows", err);
	if (b == NULL)
		return -1;
	b->fd = fd;
	b->name = name;
	b->pool = pool;
	b->most = most;
	b->cache = cache;
	b->cached = true;
	p = nf_direct_alloc(&b->memory, NF_BEHIND * most * size,
	    "temporary rows", err);
	b->spare = nf_alloc(2 * NF_BEHIND * (size_t)most, sizeof(*b->spare),
	    "temporary rows", err);
	b->v = nf_alloc(NF_BEHIND * (size_t)most, sizeof(*b->v),
	    "temporary rows", err);
	if (p == NULL || b->spare == NULL || b->v == NULL) {
		nf_behind_close(b);
		*out = NULL;
		return -1;
	}
	for (k = 0; k < NF_BEHIND; k++) {
		b->batch[k].b = b;
		b->batch[k].v = b->v + k * most;
		b->batch[k].buf = b->spare + (NF_BEHIND + k) * most;
	}
	for (; b->nspare < NF_BEHIND * most; b->nspare++)
		b->spare[b->nspare] = p + b->nspare * size;
	return 0;
}

static void
run_batch(struct nf_task *task, unsigned thread)
{
	struct batch *k = (struct batch *)task;

	(void)thread;
	if (nf_pwritev_full(k->b->fd, k->v, (int)k->n, k->at, k->b->name,
	    &k->err) == -1)
		k->err.code = NF_ESYS;
}

/* Wait until a batch is written, and take its buffers back. */
static int
batch_end(struct nf_behind *b, struct batch *k, struct nf_err *err)
{
	nf_pool_wait(b->pool, &k->pending, 0);
	while (k->n > 0)
		b->spare[b->nspare++] = k->buf[--k->n];
	return k->err.code == 0 ? 0 : nf_fail(err, k->err.code, "%s",
	    k->err.msg);
}

/* Have the batch that was filled written, and fill the oldest. */
static int
batch_begin(struct nf_behind *b, struct nf_err *err)
{
	struct batch *k = &b->batch[b->filling];

	k->task.run = run_batch;
	nf_pool_add(b->pool, &k->task, &k->pending);
	b->filling = (b->filling + 1) % NF_BEHIND;
	return batch_end(b, &b->batch[b->filling], err);
}

char *
nf_behind_put(struct nf_behind *b, char *buf, size_t n, uint64_t *at,
    struct nf_err *err)
{
	struct batch *k = &b->batch[b->filling];
	char *empty = b->spare[--b->nspare];

	if (b->cached && b->at >= b->cache) {
		b->cached = false;
		nf_direct_begin(b->fd, b->at);
	}
	*at = b->at;
	if (k->n == 0)
		k->at = b->at;
	b->at += n;
	k->v[k->n] = (struct iovec){ buf, n };
	k->buf[k->n++] = buf;
	return k->n == b->most && batch_begin(b, err) == -1 ? NULL : empty;
}

int
nf_behind_end(struct nf_behind *b, struct nf_err *err)
{
	unsigned k;

	if (batch_begin(b, err) == -1)
		return -1;
	for (k = 0; k < NF_BEHIND; k++)
		if (batch_end(b, &b->batch[k], err) == -1)
			return -1;
	return 0;
}

void
nf_behind_close(struct nf_behind *b)
{
	unsigned k;

	if (b == NULL)
		return;
	for (k = 0; k < NF_BEHIND; k++)
		nf_pool_wait(b->pool, &b->batch[k].pending, 0);
	nf_free(b->memory);
	nf_free(b->spare);
	nf_free(b->v);
	nf_free(b);
}
