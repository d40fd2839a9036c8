/* Uniform permutations of rows, by sorting random keys. */
#include <omp.h>
#include <string.h>

#include "prep_kernel.h"
#include "shuffle.h"

#define DIGIT	11
#define MAX_BITS	12		/* of a key that choose a bucket */
#define IN_BUCKET	1024		/* rows, more or less, to fit a cache */
#define PARALLEL	100000		/* rows that are worth threads */
#define RUN		256		/* keys that are made together */

/* One stable pass of a radix sort by the DIGIT bits from shift up. */
static void
pass(uint32_t n, const struct nf_order *from, struct nf_order *to, int shift)
{
	uint32_t at[1 << DIGIT], i, k, sum = 0, count;

	memset(at, 0, sizeof(at));
	for (i = 0; i < n; i++)
		at[from[i].key >> shift & ((1 << DIGIT) - 1)]++;
	for (k = 0; k < 1 << DIGIT; k++) {
		count = at[k];
		at[k] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++)
		to[at[from[i].key >> shift & ((1 << DIGIT) - 1)]++] = from[i];
}

/* What the upper bits left in disorder is short runs of equal ones. */
static void
finish(uint32_t n, struct nf_order *a)
{
	struct nf_order t;
	uint32_t i, k;

	for (i = 1; i < n; i++) {
		t = a[i];
		for (k = i; k > 0 && a[k - 1].key > t.key; k--)
			a[k] = a[k - 1];
		a[k] = t;
	}
}

struct nf_order *
nf_order_sort(struct nf_order *a, struct nf_order *tmp, uint32_t n)
{
	struct nf_order *t;
	/* So many digits that few of n random keys have the same. */
	int ndigit = n <= 16 ? 0 : n <= 4096 ? 1 : n <= 1 << 21 ? 2 : 3, k;

	for (k = 0; k < ndigit; k++) {
		pass(n, a, tmp, 64 - DIGIT * (ndigit - k));
		t = a;
		a = tmp;
		tmp = t;
	}
	finish(n, a);
	return a;
}

/* ---- a shuffle -------------------------------------------------------- */

/*
 * Rows go to buckets by their keys' first bits, then each bucket is sorted in
 * cache.  A key is made again where it is wanted: memory is dearer.
 */
struct shuffle {
	uint64_t seed;
	enum nf_purpose purpose;
	const struct nf_kernels *kernels;
	uint32_t draw, n;
	int bits, nthread;
	uint32_t *at;			/* nthread x 2^bits places in index */
	uint32_t *index;
	struct nf_order *sort;		/* nthread x 2 x most */
	uint32_t most;			/* rows of a bucket */
};

static void
keys(const struct shuffle *s, const uint32_t *row, uint32_t n, uint64_t *key)
{
	s->kernels->keys(s->seed, s->purpose, s->draw, row, n, key);
}

/* Buckets of rows from first to last, RUN at most. */
static uint32_t
buckets(const struct shuffle *s, uint32_t first, uint32_t last,
    uint32_t *bucket)
{
	uint32_t n = last - first < RUN ? last - first : RUN, row[RUN], i;
	uint64_t key[RUN];

	for (i = 0; i < n; i++)
		row[i] = first + i;
	keys(s, row, n, key);
	for (i = 0; i < n; i++)
		bucket[i] = (uint32_t)(key[i] >> (64 - s->bits));
	return n;
}

/* Rows [first, last) are thread t's. */
static uint32_t
first_row(const struct shuffle *s, int t)
{
	return (uint32_t)((uint64_t)s->n * (unsigned)t /
	    (unsigned)s->nthread);
}

/* How many rows of thread t's go to each bucket. */
static void
count_rows(const struct shuffle *s, int t)
{
	uint32_t *at = s->at + ((size_t)t << s->bits), i, k, n;
	uint32_t last = first_row(s, t + 1), bucket[RUN];

	for (i = first_row(s, t); i < last; i += n) {
		n = buckets(s, i, last, bucket);
		for (k = 0; k < n; k++)
			at[bucket[k]]++;
	}
}

/* Counts become places: a bucket's rows stay in their order. */
static void
find_places(struct shuffle *s)
{
	uint32_t *at, b, sum = 0, begin, n;
	int t;

	for (b = 0; b < 1u << s->bits; b++) {
		begin = sum;
		for (t = 0; t < s->nthread; t++) {
			at = s->at + ((size_t)t << s->bits) + b;
			n = *at;
			*at = sum;
			sum += n;
		}
		if (sum - begin > s->most)
			s->most = sum - begin;
	}
}

static void
place_rows(const struct shuffle *s, int t)
{
	uint32_t *at = s->at + ((size_t)t << s->bits), i, k, n;
	uint32_t last = first_row(s, t + 1), bucket[RUN];

	for (i = first_row(s, t); i < last; i += n) {
		n = buckets(s, i, last, bucket);
		for (k = 0; k < n; k++)
			s->index[at[bucket[k]]++] = i + k;
	}
}

/* A bucket ends where the last thread's part of it ends. */
static void
sort_bucket(const struct shuffle *s, uint32_t b, struct nf_order *a)
{
	const uint32_t *end = s->at + ((size_t)(s->nthread - 1) << s->bits);
	uint32_t begin = b == 0 ? 0 : end[b - 1], n = end[b] - begin, i, k;
	uint32_t *index = s->index + begin;
	uint64_t key[RUN];

	for (i = 0; i < n; i++) {
		k = i % RUN;
		if (k == 0)
			keys(s, index + i, n - i < RUN ? n - i : RUN, key);
		a[i] = (struct nf_order){ key[k] << s->bits, index[i] };
	}
	a = nf_order_sort(a, a + n, n);
	for (i = 0; i < n; i++)
		index[i] = a[i].row;
}

static int
shuffle(struct shuffle *s, struct nf_err *err)
{
	int t, nb = 1 << s->bits;

	s->at = nf_alloc((size_t)s->nthread << s->bits, sizeof(*s->at),
	    "shuffle", err);
	if (s->at == NULL)
		return -1;
#pragma omp parallel for num_threads(s->nthread) schedule(static, 1)
	for (t = 0; t < s->nthread; t++)
		count_rows(s, t);
	find_places(s);
	s->sort = nf_alloc((size_t)s->nthread * 2 * s->most,
	    sizeof(*s->sort), "shuffle", err);
	if (s->sort == NULL)
		return -1;
#pragma omp parallel for num_threads(s->nthread) schedule(static, 1)
	for (t = 0; t < s->nthread; t++)
		place_rows(s, t);
#pragma omp parallel for num_threads(s->nthread) schedule(static)
	for (t = 0; t < nb; t++)
		sort_bucket(s, (uint32_t)t, s->sort +
		    (size_t)omp_get_thread_num() * 2 * s->most);
	return 0;
}

int
nf_shuffle(uint64_t seed, enum nf_purpose purpose, uint32_t draw, uint32_t n,
    uint32_t *index, struct nf_err *err)
{
	struct shuffle s = { .seed = seed, .purpose = purpose, .draw = draw,
		.kernels = nf_kernels_best(), .n = n, .index = index,
		.bits = 1 };
	int rc;

	while (s.bits < MAX_BITS && n >> s.bits > IN_BUCKET)
		s.bits++;
	s.nthread = n > PARALLEL ? omp_get_max_threads() : 1;
	rc = shuffle(&s, err);
	nf_free(s.at);
	nf_free(s.sort);
	return rc;
}
