/* Rows in another order: uniform, undone, and the same in memory and files. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "direct.h"
#include "nfio.h"
#include "shuffle.h"
#include "tap.h"

static struct nf_err err;
static uint64_t cache;			/* of files, the system's */

/* nrow rows of size bytes through a permuter that expects so many. */
static int
permuted(const char *x, uint64_t nrow, size_t size, uint64_t expect,
    bool inverse, uint64_t memory, char *out)
{
	struct nf_permuter *p;
	uint64_t i, n, total = 0;
	const void *rows;
	int rc;

	if (nf_permuter_open(&p, size, 5, inverse, memory, &err) == -1)
		return -1;
	nf_permuter_expect(p, expect, cache);
	for (i = 0; i < nrow; i += n) {
		n = 1 + i % 1000;
		n = nrow - i < n ? nrow - i : n;
		if (nf_permuter_put(p, x + i * size, n, &err) == -1)
			break;
	}
	while ((rc = nf_permuter_next(p, &rows, &n, &err)) == 1) {
		memcpy(out + total * size, rows, n * size);
		total += n;
	}
	nf_permuter_close(p);
	return rc == 0 && i == nrow && total == nrow ? 0 : -1;
}

static void
memories(uint64_t nrow, size_t size)
{
	static const uint64_t memory[] = { 1, 20000, 300000, 2000000 };
	char *x = malloc(nrow * size + 1), *want = malloc(nrow * size + 1),
	    *got = malloc(nrow * size + 1);
	uint64_t i, k;
	size_t m;
	int bad = 0, undone = 0;

	for (k = 0; k < nrow * size; k++)
		x[k] = (char)(k % size < 8 ? k / size >> k % size * 8 : k);
	if (permuted(x, nrow, size, NF_NROW_UNKNOWN, false, UINT64_MAX,
	    want) == -1)
		bad = 1;
	for (i = 0; i < 2 * sizeof(memory) / sizeof(*memory); i++) {
		m = memory[i / 2];
		k = i % 2 == 0 ? NF_NROW_UNKNOWN : nrow;
		if (m == 1 && nrow > 100)	/* or files would be many */
			m = 100000;
		if (nrow * size > 1 << 22 && m < 1 << 20)
			m = 1 << 20;
		bad += permuted(x, nrow, size, k, false, m, got) == -1 ||
		    memcmp(got, want, nrow * size) != 0;
		undone += permuted(want, nrow, size, k, true, m, got) == 0 &&
		    memcmp(got, x, nrow * size) == 0;
	}
	ok(bad == 0, "%llu rows of %zu bytes: one order for any memory",
	    (unsigned long long)nrow, size);
	ok(undone == 8, "and the inverse takes it back");
	free(x);
	free(want);
	free(got);
}

/* Files past the system's cache, in it, and first in it and then past it. */
static void
caches(void)
{
	static const uint64_t some[] = { UINT64_MAX, 0, 5 << 20 };
	size_t k;

	for (k = 0; k < sizeof(some) / sizeof(*some); k++) {
		cache = some[k];
		memories(60000, 100);
	}
	cache = 0;
}

/* What a file holds is the same past the cache; a pipe has none. */
static void
direct(void)
{
	void *base = NULL, *wrong = NULL;
	char *p = nf_direct_alloc(&base, 3 * NF_DIRECT, "a test", &err);
	char *got = nf_direct_alloc(&wrong, 3 * NF_DIRECT, "a test", &err);
	int fd = -1, pipes[2] = { -1, -1 };

	if (p == NULL || got == NULL || nf_temp_open(&fd, &err) == -1 ||
	    pipe(pipes) == -1)
		return;
	ok((uintptr_t)p % NF_DIRECT == 0 && (uintptr_t)got % NF_DIRECT == 0,
	    "memory for direct files begins with a page");
	memset(p, 'x', 2 * NF_DIRECT);
	if (pwrite(fd, p, NF_DIRECT, 0) != (ssize_t)NF_DIRECT)
		return;
	nf_direct_begin(fd, NF_DIRECT);
	ok(pwrite(fd, p, NF_DIRECT, NF_DIRECT) == (ssize_t)NF_DIRECT &&
	    pread(fd, got, 2 * NF_DIRECT, 0) == (ssize_t)(2 * NF_DIRECT) &&
	    memcmp(got, p, 2 * NF_DIRECT) == 0,
	    "what was written before and after is there");
	nf_direct_begin(pipes[1], 0);
	ok(!nf_direct_is(pipes[1]) && write(pipes[1], "a", 1) == 1,
	    "a pipe stays as it is");
	nf_free(base);
	nf_free(wrong);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

/* Another number of rows than was promised. */
static void
promised(uint64_t nrow, bool inverse, uint64_t memory, const char *why)
{
	char x[40000] = "", got[40000];

	err.msg[0] = '\0';
	ok(permuted(x, 10000, 4, nrow, inverse, memory, got) == -1 &&
	    err.code == NF_EDATA && strcmp(err.msg, why) == 0, "%s", why);
}

/* Each of the 24 orders of four rows is as likely as any other. */
static void
uniform(void)
{
	unsigned count[256] = { 0 }, seed, n = 0, i;
	double chi2 = 0, want;
	uint32_t index[4];

	for (seed = 0; seed < 24000; seed++) {
		if (nf_shuffle(seed, NF_FOR_ROWS, 0, 4, index, &err) == -1)
			return;
		count[index[0] | index[1] << 2 | index[2] << 4 |
		    index[3] << 6]++;
	}
	for (i = 0; i < 256; i++)
		if (count[i] > 0) {
			want = 1000;
			chi2 += (count[i] - want) * (count[i] - want) / want;
			n++;
		}
	ok(n == 24, "%u orders of four rows", n);
	/* 23 degrees of freedom: 7.5 and 45 are one in a thousand each. */
	ok(chi2 > 7.5 && chi2 < 45, "chi2 of their counts is %.1f", chi2);
}

/* Where a row lands does not depend on where it was. */
static void
mixed(void)
{
	enum { N = 100000, B = 10 };
	uint32_t *index = malloc(N * sizeof(*index)), i;
	double count[B * B] = { 0 }, chi2 = 0, want = N / (B * B);

	if (nf_shuffle(1, NF_FOR_ROWS, 0, N, index, &err) == -1)
		return;
	for (i = 0; i < N; i++)
		count[i / (N / B) * B + index[i] / (N / B)]++;
	for (i = 0; i < B * B; i++)
		chi2 += (count[i] - want) * (count[i] - want) / want;
	/* 81 degrees of freedom: sigma is 12.7. */
	ok(chi2 > 81 - 4 * 12.7 && chi2 < 81 + 4 * 12.7,
	    "chi2 of places before and after is %.1f of 81", chi2);
	free(index);
}

int
main(void)
{
	memories(0, 4);
	memories(1, 8);
	memories(2, 12);
	memories(1000, 4);
	memories(5000, 40);
	memories(30000, 12);
	memories(300, 100000);
	caches();
	direct();
	promised(9000, false, 20000, "more rows than the 9000 that were "
	    "promised");
	promised(9000, true, 1 << 20, "more rows than the 9000 that were "
	    "promised");
	promised(10001, true, 100000, "10000 rows, but 10001 were promised");
	uniform();
	mixed();
	return done();
}
