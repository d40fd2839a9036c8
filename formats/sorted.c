/* Buckets of rows in order: each is read and sorted ahead of its time. */
#include <string.h>

#include "shuffle.h"
#include "sorted.h"

#define MAX_DEPTH	64		/* a bucket has at least one bit */

/* A bucket in memory, or about to be. */
struct slot {
	struct nf_task task;		/* first, so that a slot is a task */
	const struct nf_spill *spill;
	uint32_t bucket;
	uint64_t n, room;		/* records; those that fit */
	size_t stride;
	char *record;
	uint32_t *order;
	struct nf_order *sort;		/* lent while it is loaded */
	unsigned pending;
	struct nf_err err;		/* code 0: none */
};

struct nf_sorted {
	size_t rowsize;
	uint64_t memory;
	struct nf_pool *pool;		/* the caller's */
	struct {			/* buckets, and finer ones of one */
		struct nf_spill *spill;
		uint32_t next;		/* bucket to come */
	} stack[MAX_DEPTH];
	int depth;
	struct slot slot[2];		/* one is the caller's, one ahead */
	unsigned ahead;
	bool begun, loading;
	struct nf_order *sort;		/* 2 x room */
	uint64_t room;
};

int
nf_sorted_open(struct nf_sorted **out, struct nf_spill *s, size_t rowsize,
    uint64_t memory, struct nf_pool *pool, struct nf_err *err)
{
	struct nf_sorted *t = nf_alloc(1, sizeof(*t), "rows in order", err);

	*out = t;
	if (t == NULL) {
		nf_spill_close(s);
		return -1;
	}
	t->rowsize = rowsize;
	t->memory = memory;
	t->pool = pool;
	t->stack[0].spill = s;
	t->depth = 1;
	return 0;
}

/* ---- a bucket --------------------------------------------------------- */

/* Do two such buckets fit, and what sorting one takes? */
static bool
fits(const struct nf_sorted *t, uint64_t n)
{
	size_t row = 2 * (NF_SPILL_KEY + t->rowsize + sizeof(uint32_t)) +
	    2 * sizeof(struct nf_order);

	return n < UINT32_MAX && n <= t->memory / 4 * 3 / row;
}

static void
run_load(struct nf_task *task, unsigned thread)
{
	struct slot *k = (struct slot *)task;
	int used = nf_spill_used(k->spill);
	struct nf_order *sorted;
	uint64_t i;

	(void)thread;
	if (k->bucket + 1 < nf_spill_nbucket(k->spill))
		nf_spill_want(k->spill, k->bucket + 1);
	if (nf_spill_load(k->spill, k->bucket, k->record, &k->err) == -1)
		return;
	for (i = 0; i < k->n; i++) {
		memcpy(&k->sort[i].key, k->record + i * k->stride,
		    NF_SPILL_KEY);
		k->sort[i].key <<= used & 63;
		k->sort[i].row = (uint32_t)i;
	}
	sorted = nf_order_sort(k->sort, k->sort + k->n, (uint32_t)k->n);
	for (i = 0; i < k->n; i++)
		k->order[i] = sorted[i].row;
}

/* Make room for a bucket, and for others that are a little larger. */
static int
make_room(struct nf_sorted *t, struct slot *k, struct nf_err *err)
{
	uint64_t n = k->n + k->n / 16;

	k->stride = NF_SPILL_KEY + t->rowsize;
	if (k->n > k->room) {
		nf_free(k->record);
		nf_free(k->order);
		k->room = 0;
		k->record = nf_alloc(n, k->stride, "rows", err);
		k->order = nf_alloc(n, sizeof(*k->order), "rows", err);
		if (k->record == NULL || k->order == NULL)
			return -1;
		k->room = n;
	}
	if (k->n > t->room) {
		nf_free(t->sort);
		t->room = 0;
		t->sort = nf_alloc(2 * n, sizeof(*t->sort), "rows", err);
		if (t->sort == NULL)
			return -1;
		t->room = n;
	}
	k->sort = t->sort;
	return 0;
}

/* ---- one after another ------------------------------------------------ */

/* Find the next bucket that holds rows: 1.  0: there is none. */
static int
find(struct nf_sorted *t, struct slot *k, struct nf_err *err)
{
	struct nf_spill *s;

	while (t->depth > 0) {
		s = t->stack[t->depth - 1].spill;
		k->bucket = t->stack[t->depth - 1].next++;
		if (k->bucket == nf_spill_nbucket(s)) {
			t->stack[--t->depth].spill = NULL;
			nf_spill_close(s);
			continue;
		}
		k->spill = s;
		k->n = nf_spill_count(s, k->bucket);
		if (k->n == 0)
			continue;
		if (k->n == 1 || nf_spill_used(s) >= 63 || fits(t, k->n))
			return 1;
		t->stack[t->depth].next = 0;
		if (nf_spill_split(s, k->bucket, &t->stack[t->depth].spill,
		    t->memory / 4, err) == -1)
			return -1;
		t->depth++;
	}
	return 0;
}

/* Begin to load the next bucket, if there is one. */
static int
begin(struct nf_sorted *t, struct nf_err *err)
{
	struct slot *k = &t->slot[t->ahead];
	int rc = find(t, k, err);

	t->loading = false;
	if (rc != 1)
		return rc;
	if (make_room(t, k, err) == -1)
		return -1;
	k->task.run = run_load;
	nf_pool_add(t->pool, &k->task, &k->pending);
	t->loading = true;
	return 0;
}

int
nf_sorted_next(struct nf_sorted *t, struct nf_run *run, struct nf_err *err)
{
	struct slot *k;

	if (!t->begun && begin(t, err) == -1)
		return -1;
	t->begun = true;
	if (!t->loading)
		return 0;
	k = &t->slot[t->ahead];
	nf_pool_wait(t->pool, &k->pending, 0);
	if (k->err.code != 0)
		return nf_fail(err, k->err.code, "%s", k->err.msg);
	*run = (struct nf_run){ k->record + NF_SPILL_KEY, k->stride,
		k->order, k->n };
	t->ahead ^= 1;
	return begin(t, err) == -1 ? -1 : 1;
}

void
nf_sorted_close(struct nf_sorted *t)
{
	struct slot *k;

	if (t == NULL)
		return;
	for (k = t->slot; k < t->slot + 2; k++) {
		nf_pool_wait(t->pool, &k->pending, 0);
		nf_free(k->record);
		nf_free(k->order);
	}
	while (t->depth > 0)
		nf_spill_close(t->stack[--t->depth].spill);
	nf_free(t->sort);
	nf_free(t);
}
