/* Buckets of rows in order: while one is given out the next is read. */
#include <string.h>

#include "shuffle.h"
#include "sorted.h"

#define PARTS		4
#define MAX_DEPTH	64		/* a bucket has at least one bit */

/* Reading a part of a bucket; disks like to be asked for several at once. */
struct part {
	struct nf_task task;		/* first, so that a part is a task */
	struct slot *slot;
	struct nf_err err;		/* code 0: none */
};

/* A bucket in memory, or about to be. */
struct slot {
	struct part part[PARTS];
	const struct nf_spill *spill;
	uint32_t bucket;
	int used;			/* bits of keys that are all the same */
	uint64_t n, room;		/* records; those that fit */
	void *memory;			/* where records stand */
	char *record;
	unsigned pending;
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
	uint32_t *order;		/* room */
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

/* Two such buckets, and what sorting one takes, are 3/4 of memory. */
uint64_t
nf_sorted_most(size_t rowsize, uint64_t memory)
{
	size_t row = 2 * (NF_SPILL_KEY + rowsize) + sizeof(uint32_t) +
	    2 * sizeof(struct nf_order);
	uint64_t n = memory / 4 * 3 / row;

	return n < 1 ? 1 : n < UINT32_MAX ? n : UINT32_MAX - 1;
}

static void
run_part(struct nf_task *task, unsigned thread)
{
	struct part *p = (struct part *)task;
	const struct slot *k = p->slot;
	unsigned part = (unsigned)(p - k->part);

	(void)thread;
	if (part == 0 && k->bucket + 1 < nf_spill_nbucket(k->spill))
		nf_spill_want(k->spill, k->bucket + 1);
	if (nf_spill_load(k->spill, k->bucket, part, PARTS, k->record,
	    &p->err) == -1)
		p->err.code = NF_ESYS;
}

static void
sort(struct nf_sorted *t, const struct slot *k)
{
	size_t stride = NF_SPILL_KEY + t->rowsize;
	struct nf_order *a = t->sort;
	uint64_t i;

	for (i = 0; i < k->n; i++) {
		memcpy(&a[i].key, k->record + i * stride, NF_SPILL_KEY);
		a[i].key <<= k->used & 63;
		a[i].row = (uint32_t)i;
	}
	a = nf_order_sort(a, a + k->n, (uint32_t)k->n);
	for (i = 0; i < k->n; i++)
		t->order[i] = a[i].row;
}

/* Make room for a bucket, and for others that are a little larger. */
static int
make_room(struct nf_sorted *t, struct slot *k, struct nf_err *err)
{
	size_t stride = NF_SPILL_KEY + t->rowsize;
	uint64_t n = k->n + k->n / 16;

	if (n > SIZE_MAX / 2 / stride)
		return nf_fail(err, NF_ESYS, "no memory for %llu rows",
		    (unsigned long long)n);
	if (k->n > k->room) {
		nf_free(k->memory);
		k->room = 0;
		k->record = nf_direct_alloc(&k->memory, nf_direct_round(n *
		    stride), "rows", err);
		if (k->record == NULL)
			return -1;
		k->room = n;
	}
	if (k->n > t->room) {
		nf_free(t->sort);
		nf_free(t->order);
		t->room = 0;
		t->sort = nf_alloc(2 * n, sizeof(*t->sort), "rows", err);
		t->order = nf_alloc(n, sizeof(*t->order), "rows", err);
		if (t->sort == NULL || t->order == NULL)
			return -1;
		t->room = n;
	}
	return 0;
}

/* ---- one after another ------------------------------------------------ */

/* Find the next bucket that holds rows: 1.  0: there is none. */
static int
find(struct nf_sorted *t, struct slot *k, struct nf_err *err)
{
	uint64_t most = nf_sorted_most(t->rowsize, t->memory);
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
		k->used = nf_spill_used(s);
		k->n = nf_spill_count(s, k->bucket);
		if (k->n == 0)
			continue;
		if (k->n <= most || nf_spill_used(s) >= 63)
			return 1;
		t->stack[t->depth].next = 0;
		if (nf_spill_split(s, k->bucket, &t->stack[t->depth].spill,
		    k->n / most * 2, t->memory / 4, err) == -1)
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
	struct part *p;
	int rc = find(t, k, err);

	t->loading = false;
	if (rc != 1)
		return rc;
	if (make_room(t, k, err) == -1)
		return -1;
	for (p = k->part; p < k->part + PARTS; p++) {
		p->slot = k;
		p->task.run = run_part;
		nf_pool_add(t->pool, &p->task, &k->pending);
	}
	t->loading = true;
	return 0;
}

int
nf_sorted_next(struct nf_sorted *t, struct nf_run *run, struct nf_err *err)
{
	struct slot *k;
	struct part *p;

	if (!t->begun && begin(t, err) == -1)
		return -1;
	t->begun = true;
	if (!t->loading)
		return 0;
	k = &t->slot[t->ahead];
	nf_pool_wait(t->pool, &k->pending, 0);
	for (p = k->part; p < k->part + PARTS; p++)
		if (p->err.code != 0)
			return nf_fail(err, p->err.code, "%s", p->err.msg);
	t->ahead ^= 1;
	if (begin(t, err) == -1)
		return -1;
	sort(t, k);
	*run = (struct nf_run){ k->record + NF_SPILL_KEY, NF_SPILL_KEY +
		t->rowsize, t->order, k->n };
	return 1;
}

void
nf_sorted_close(struct nf_sorted *t)
{
	struct slot *k;

	if (t == NULL)
		return;
	for (k = t->slot; k < t->slot + 2; k++) {
		nf_pool_wait(t->pool, &k->pending, 0);
		nf_free(k->memory);
	}
	while (t->depth > 0)
		nf_spill_close(t->stack[--t->depth].spill);
	nf_free(t->sort);
	nf_free(t->order);
	nf_free(t);
}
