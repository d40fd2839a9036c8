/* Order statistics: Hoare's selection. */
#include <stdint.h>
#include <stdlib.h>

#include "select.h"

static void
swap(double *a, double *b)
{
	double t = *a;

	*a = *b;
	*b = t;
}

double
nf_select(double *x, size_t n, size_t k)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	size_t lo = 0, hi = n - 1, i, j;
	double pivot;

	while (lo < hi) {
		/* A pivot that no order of the data foresees. */
		seed = seed * 6364136223846793005 + 1442695040888963407;
		pivot = x[lo + (seed >> 33) % (hi - lo + 1)];
		i = lo;
		j = hi;
		for (;;) {
			while (x[i] < pivot)
				i++;
			while (pivot < x[j])
				j--;
			if (i >= j)
				break;
			swap(&x[i++], &x[j--]);
		}
		/* x[lo..i) <= pivot, and what is after j is not below it. */
		if (i == j) {
			if (k == i)
				return x[k];
			if (k < i)
				hi = i - 1;
			else
				lo = i + 1;
		} else if (k <= j)
			hi = j;
		else
			lo = i;
	}
	return x[lo];
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
nf_sort(double *x, size_t n)
{
	qsort(x, n, sizeof(*x), by_value);
}
