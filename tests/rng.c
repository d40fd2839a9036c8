/*
 * Random numbers: Philox against its published answers, normal numbers
 * against libm and their distribution, shuffles against sorting and theirs.
 * Seeds are fixed, so what passes once passes always.
 */
#include <stdlib.h>
#include <string.h>

#include "normal.h"
#include "shuffle.h"
#include "tap.h"

#define TWO_PI	6.283185307179586476925286766559L

/* ---- Philox ----------------------------------------------------------- */

/* Known answers of Random123's philox4x32-10. */
static void
test_philox(void)
{
	static const uint32_t kat[][10] = {	/* counter, key, answer */
		{ 0, 0, 0, 0, 0, 0,
		    0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
		{ 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
		    0xffffffff, 0xffffffff,
		    0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
		{ 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344,
		    0xa4093822, 0x299f31d0,
		    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 },
	};
	uint32_t key[2] = { 0x89abcdef, 0x01234567 }, out[4];
	uint32_t ctr[4] = { 0x44332211, 0x88776655, 9, NF_FOR_ROWS };
	int i;

	for (i = 0; i < 3; i++) {
		nf_philox(kat[i] + 4, kat[i], out);
		ok(memcmp(out, kat[i] + 6, sizeof(out)) == 0,
		    "known answer %d", i);
	}
	nf_philox(key, ctr, out);
	ok(nf_philox_u64(0x0123456789abcdef, NF_FOR_ROWS, 0x8877665544332211,
	    9) == ((uint64_t)out[1] << 32 | out[0]),
	    "seed, purpose, index and draw have their places");
}

/* ---- normal numbers --------------------------------------------------- */

static void
test_formula(void)
{
	uint32_t key[2] = { 42, 7 }, ctr[4] = { 0, 3, 5, 0 }, r[4], i, k;
	double z[4], u, v, c, s, e = 0;

	for (i = 0; i < 100000; i++) {
		ctr[0] = i;
		ctr[3] = NF_FOR_NOISE | (i % 9) << 8;
		nf_philox(key, ctr, r);
		nf_normal4((uint64_t)7 << 32 | 42, NF_FOR_NOISE,
		    (uint64_t)3 << 32 | i, 5, i % 9, z);
		for (k = 0; k < 4; k += 2) {
			u = ((double)r[k] + 0.5) / 4294967296.0;
			v = 2 * M_PI * ((double)r[k + 1] / 4294967296.0);
			e = fmax(e, fabs(z[k] - sqrt(-2 * log(u)) * cos(v)));
			e = fmax(e, fabs(z[k + 1] -
			    sqrt(-2 * log(u)) * sin(v)));
		}
	}
	ok(e <= 5e-15, "Box and Muller's formula, to %.1g", e);

	e = 0;
	for (i = 0; i < 200000; i++) {
		u = ((double)(i < 100000 ? i : 0xffffffff - (i - 100000)) +
		    0.5) / 4294967296.0;
		e = fmax(e, fabs(nf_normal_log(u) / log(u) - 1));
	}
	ok(e <= 1e-15, "logarithms at both ends, to %.1g", e);
	e = 0;
	for (i = 0; i < 1u << 16; i++)
		for (k = 0; k < 3; k++) {
			/* Octants' ends are among them, and their sides. */
			u = (double)((i << 16) + (k - 1)) / 4294967296.0;
			nf_normal_turn(u, &c, &s);
			e = fmax(e, fabs((double)(c - cosl(TWO_PI * u))));
			e = fmax(e, fabs((double)(s - sinl(TWO_PI * u))));
		}
	ok(e <= 4e-16, "cosine and sine around the circle, to %.1g", e);
	nf_normal_turn(0.25, &c, &s);
	ok(fabs(c) <= 1e-16 && s == 1, "a quarter turn");
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

#define NNORMAL	400000

/* Moments within 4 of their standard deviations; Kolmogorov and Smirnov. */
static void
test_distribution(void)
{
	double *z = malloc(NNORMAL * sizeof(*z)), sum[5] = { 0 }, x, p;
	double cross[3] = { 0 }, d = 0, n = NNORMAL;
	int i, k;

	for (i = 0; i < NNORMAL; i += 4)
		nf_normal4(2024, NF_FOR_NOISE, (uint64_t)i / 8, i % 8 / 4,
		    (uint32_t)i % 3, z + i);
	for (i = 0; i < NNORMAL; i++)
		for (x = 1, k = 0; k < 5; k++, x *= z[i])
			sum[k] += x;
	for (i = 0; i < NNORMAL; i += 4)
		for (k = 0; k < 3; k++)
			cross[k] += z[i] * z[i + k + 1];
	near(sum[1] / n, 0, 4 * sqrt(1 / n), "mean");
	near(sum[2] / n, 1, 4 * sqrt(2 / n), "variance");
	near(sum[3] / n, 0, 4 * sqrt(15 / n), "third moment");
	near(sum[4] / n, 3, 4 * sqrt(96 / n), "fourth moment");
	for (k = 0; k < 3; k++)
		near(cross[k] / (n / 4), 0, 4 * sqrt(4 / n),
		    "a block's numbers do not correlate, %d", k + 1);
	qsort(z, NNORMAL, sizeof(*z), ascending);
	for (i = 0; i < NNORMAL; i++) {
		p = 0.5 * erfc(-z[i] / sqrt(2));
		d = fmax(d, fmax((i + 1) / n - p, p - i / n));
	}
	ok(d * sqrt(n) <= 1.95, "Kolmogorov-Smirnov: %.2f, want 1.95 at most",
	    d * sqrt(n));
	ok(z[0] < -4 && z[NNORMAL - 1] > 4, "there are tails");
	free(z);
}

/* Every part of a number's name makes another number. */
static void
test_names(void)
{
	double z[6][4];
	int i, k, same = 0;

	nf_normal4(1, NF_FOR_NOISE, 2, 3, 4, z[0]);
	nf_normal4(1 + ((uint64_t)1 << 32), NF_FOR_NOISE, 2, 3, 4, z[1]);
	nf_normal4(1, NF_FOR_PREP, 2, 3, 4, z[2]);
	nf_normal4(1, NF_FOR_NOISE, 2 + ((uint64_t)1 << 32), 3, 4, z[3]);
	nf_normal4(1, NF_FOR_NOISE, 2, 2, 4, z[4]);
	nf_normal4(1, NF_FOR_NOISE, 2, 3, 5, z[5]);
	for (i = 0; i < 6; i++)
		for (k = 0; k < i; k++)
			same |= z[i][0] == z[k][0] || z[i][3] == z[k][3];
	ok(!same, "seed, purpose, row, draw and block all tell");
}

/* ---- shuffles --------------------------------------------------------- */

struct item {
	uint64_t key;
	uint32_t row;
};

static int
by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key) :
	    (x->row > y->row) - (x->row < y->row);
}

/* The same as sorting the keys: so a permutation, too. */
static void
test_sorting(uint32_t n)
{
	struct item *item = malloc((n + 1) * sizeof(*item));
	uint32_t *index = malloc((n + 1) * sizeof(*index)), i;
	struct nf_err err;
	int good;

	index[n] = 77;
	good = nf_shuffle(99, NF_FOR_ROWS, 3, n, index, &err) == 0;
	for (i = 0; i < n; i++) {
		item[i].key = nf_philox_u64(99, NF_FOR_ROWS, i, 3);
		item[i].row = i;
	}
	qsort(item, n, sizeof(*item), by_key);
	for (i = 0; good && i < n; i++)
		good = index[i] == item[i].row;
	ok(good && index[n] == 77, "a shuffle of %u rows", n);
	free(item);
	free(index);
}

static double
chi2(const uint32_t *count, uint32_t n, double each)
{
	double sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += (count[i] - each) * (count[i] - each) / each;
	return sum;
}

/* All orders of four, and every row at every place of 16. */
static void
test_uniform(void)
{
	uint32_t order[256] = { 0 }, place[256] = { 0 }, index[16], i, k;
	uint32_t four[24], m = 0, good = 1;
	struct nf_err err;
	double c;

	for (i = 0; i < 24000; i++) {
		good &= nf_shuffle(5, NF_FOR_EPOCH, i, 4, index, &err) == 0;
		order[index[0] << 6 | index[1] << 4 | index[2] << 2 |
		    index[3]]++;
	}
	for (i = 0; i < 256; i++)
		if (order[i] > 0 && m < 24)
			four[m++] = order[i];
	c = chi2(four, m, 1000);
	ok(m == 24 && c <= 49.7, "24 orders of 4: chi2 %.1f of 23, "
	    "want 49.7 at most", c);	/* p = 0.001 */
	for (i = 0; i < 16000; i++) {
		good &= nf_shuffle(i, NF_FOR_ROWS, 0, 16, index, &err) == 0;
		for (k = 0; k < 16; k++)
			place[k << 4 | index[k]]++;
	}
	c = chi2(place, 256, 1000) * 15 / 16;
	ok(good && c <= 296, "rows and places of 16: chi2 %.1f of 225, "
	    "want 296 at most", c);
}

static void
test_independent(void)
{
	static uint32_t a[4][1000];
	uint32_t i, k, m, same;
	struct nf_err err;
	int good = 1;

	good &= nf_shuffle(1, NF_FOR_ROWS, 0, 1000, a[0], &err) == 0;
	good &= nf_shuffle(2, NF_FOR_ROWS, 0, 1000, a[1], &err) == 0;
	good &= nf_shuffle(1, NF_FOR_EPOCH, 0, 1000, a[2], &err) == 0;
	good &= nf_shuffle(1, NF_FOR_ROWS, 1, 1000, a[3], &err) == 0;
	for (i = 0; i < 4; i++)
		for (k = 0; k < i; k++) {
			for (same = 0, m = 0; m < 1000; m++)
				same += a[i][m] == a[k][m];
			good &= same <= 7;	/* Poisson of mean 1 */
		}
	ok(good, "seed, purpose and draw all tell");
}

int
main(void)
{
	test_philox();
	test_formula();
	test_distribution();
	test_names();
	test_sorting(0);
	test_sorting(1);
	test_sorting(2);
	test_sorting(31);
	test_sorting(2049);
	test_sorting(300001);
	test_uniform();
	test_independent();
	return done();
}
