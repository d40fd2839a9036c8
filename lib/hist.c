/* Counting into bins. */
#include <math.h>

#include "hist.h"

#define TILE	256	/* values at a time, so that they stay in cache */

int
nf_hist_init(struct nf_hist *h, const struct nf_axis *axis, bool weighted,
    struct nf_err *err)
{
	*h = (struct nf_hist){ .axis = axis };
	h->origin = axis->lo / 2 + axis->hi / 2;
	return nf_bins_init(&h->b, (size_t)nf_axis_nslot(axis), weighted, err);
}

void
nf_hist_free(struct nf_hist *h)
{
	nf_bins_free(&h->b);
	*h = (struct nf_hist){ 0 };
}

/* Four sums side by side, so that no addition waits for the last. */
static void
add_moments(struct nf_hist *h, const double *x, size_t n)
{
	double count[4] = { 0 }, sumx[4] = { 0 }, sumxx[4] = { 0 };
	double origin = h->origin, d, one;
	size_t i;
	int j;

	for (i = 0; i + 4 <= n; i += 4)
		for (j = 0; j < 4; j++) {
			one = x[i + j] - x[i + j] == 0 ? 1 : 0;
			d = one != 0 ? x[i + j] - origin : 0;
			count[j] += one;
			sumx[j] += d;
			sumxx[j] += d * d;
		}
	for (; i < n; i++)
		if (isfinite(x[i])) {
			d = x[i] - origin;
			count[0]++;
			sumx[0] += d;
			sumxx[0] += d * d;
		}
	h->sum += (count[0] + count[1]) + (count[2] + count[3]);
	h->sumx += (sumx[0] + sumx[1]) + (sumx[2] + sumx[3]);
	h->sumxx += (sumxx[0] + sumxx[1]) + (sumxx[2] + sumxx[3]);
}

static void
add_weighted_moments(struct nf_hist *h, const double *x, const double *w,
    size_t n)
{
	double d;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			continue;
		d = x[i] - h->origin;
		h->sum += w[i];
		h->sumx += w[i] * d;
		h->sumxx += w[i] * d * d;
	}
}

/* One tile into the bins, or with f by event; w may be NULL. */
static void
add_tile(struct nf_hist *h, struct nf_fold *f, const double *x,
    const double *w, const double *id, size_t n)
{
	int k[TILE];

	nf_axis_find(h->axis, x, k, n);
	if (f != NULL)
		nf_fold_add(f, &h->b, k, w, id, n);
	else
		nf_bins_add(&h->b, k, w, n);
	if (w == NULL)
		add_moments(h, x, n);
	else
		add_weighted_moments(h, x, w, n);
}

void
nf_hist_add(struct nf_hist *h, const double *x, const double *w, size_t n)
{
	size_t i, m;

	for (i = 0; i < n; i += m) {
		m = n - i < TILE ? n - i : TILE;
		add_tile(h, NULL, x + i, h->b.w == NULL ? NULL : w + i, NULL,
		    m);
	}
}

void
nf_hist_fold(struct nf_hist *h, struct nf_fold *f, const double *x,
    const double *w, const double *id, size_t n)
{
	size_t i, m;

	for (i = 0; i < n; i += m) {
		m = n - i < TILE ? n - i : TILE;
		add_tile(h, f, x + i, w == NULL ? NULL : w + i, id + i, m);
	}
}

void
nf_hist_merge(struct nf_hist *to, const struct nf_hist *from)
{
	nf_bins_merge(&to->b, &from->b);
	to->sum += from->sum;
	to->sumx += from->sumx;
	to->sumxx += from->sumxx;
}

uint64_t
nf_hist_finite(const struct nf_hist *h)
{
	return nf_bins_entries(&h->b, (size_t)nf_axis_nan(h->axis));
}

double
nf_hist_area(const struct nf_hist *h)
{
	double sum = 0;
	int k;

	for (k = 0; k < nf_axis_nan(h->axis); k++)
		sum += nf_hist_content(h, k);
	return sum;
}

double
nf_hist_mean(const struct nf_hist *h)
{
	return h->sum == 0 ? NAN : h->origin + h->sumx / h->sum;
}

double
nf_hist_std(const struct nf_hist *h)
{
	double mean, var;

	if (h->sum == 0)
		return NAN;
	mean = h->sumx / h->sum;
	var = h->sumxx / h->sum - mean * mean;
	return var > 0 ? sqrt(var) : 0;
}

double
nf_hist_scale(const struct nf_hist *h, const struct nf_hist *ref)
{
	double a = nf_hist_area(h), b = nf_hist_area(ref);

	return a > 0 && b > 0 ? a / b : 1;
}

struct nf_ratio
nf_hist_ratio(const struct nf_hist *h, const struct nf_hist *ref,
    double scale, int k)
{
	return nf_bins_ratio(&h->b, &ref->b, scale, (size_t)k);
}
