/* Uniform permutations of rows, by sorting random keys. */
#include <string.h>

#include "shuffle.h"

#define DIGIT	11
#define NDIGIT	3		/* 33 bits are enough for 2^32 rows, nearly */

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
	int k;

	for (k = 0; k < NDIGIT; k++) {
		pass(n, a, tmp, 64 - DIGIT * (NDIGIT - k));
		t = a;
		a = tmp;
		tmp = t;
	}
	finish(n, a);
	return a;
}

int
nf_shuffle(uint64_t seed, enum nf_purpose purpose, uint32_t draw, uint32_t n,
    uint32_t *index, struct nf_err *err)
{
	struct nf_order *a, *b, *sorted;
	uint32_t i;

	a = nf_alloc(n, sizeof(*a), "shuffle", err);
	b = nf_alloc(n, sizeof(*b), "shuffle", err);
	if (a == NULL || b == NULL) {
		nf_free(a);
		nf_free(b);
		return -1;
	}
#pragma omp parallel for if (n > 100000)
	for (i = 0; i < n; i++) {
		a[i].key = nf_philox_u64(seed, purpose, i, draw);
		a[i].row = i;
	}
	sorted = nf_order_sort(a, b, n);
	for (i = 0; i < n; i++)
		index[i] = sorted[i].row;
	nf_free(a);
	nf_free(b);
	return 0;
}
