/* Counting into bins. */
#include <math.h>

#include "hist.h"

#define TILE	256	/* values at a time, so that they stay in cache */

int
nf_hist_init(struct nf_hist *h, const struct nf_axis *axis, bool weighted,
    struct nf_err *err)
{
	size_t n = (size_t)nf_axis_nslot(axis);

	*h = (struct nf_hist){ .axis = axis };
	h->origin = axis->lo / 2 + axis->hi / 2;
	h->n = nf_alloc(n, sizeof(*h->n), "bins", err);
	if (weighted) {
		h->w = nf_alloc(n, sizeof(*h->w), "bins", err);
		h->w2 = nf_alloc(n, sizeof(*h->w2), "bins", err);
	}
	if (h->n == NULL || (weighted && (h->w == NULL || h->w2 == NULL))) {
		nf_hist_free(h);
		return -1;
	}
	return 0;
}

void
nf_hist_free(struct nf_hist *h)
{
	nf_free(h->n);
	nf_free(h->w);
	nf_free(h->w2);
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
add_weights(struct nf_hist *h, const double *x, const double *w,
    const int *k, size_t n)
{
	double d;
	size_t i;

	for (i = 0; i < n; i++) {
		h->w[k[i]] += w[i];
		h->w2[k[i]] += w[i] * w[i];
		if (!isfinite(x[i]))
			continue;
		d = x[i] - h->origin;
		h->sum += w[i];
		h->sumx += w[i] * d;
		h->sumxx += w[i] * d * d;
	}
}

void
nf_hist_add(struct nf_hist *h, const double *x, const double *w, size_t n)
{
	int k[TILE];
	size_t i, m;

	for (; n > 0; n -= m, x += m) {
		m = n < TILE ? n : TILE;
		nf_axis_find(h->axis, x, k, m);
		for (i = 0; i < m; i++)
			h->n[k[i]]++;
		if (h->w == NULL) {
			add_moments(h, x, m);
			continue;
		}
		add_weights(h, x, w, k, m);
		w += m;
	}
}

void
nf_hist_merge(struct nf_hist *to, const struct nf_hist *from)
{
	int k, n = nf_axis_nslot(to->axis);

	for (k = 0; k < n; k++) {
		to->n[k] += from->n[k];
		if (to->w == NULL)
			continue;
		to->w[k] += from->w[k];
		to->w2[k] += from->w2[k];
	}
	to->sum += from->sum;
	to->sumx += from->sumx;
	to->sumxx += from->sumxx;
}

uint64_t
nf_hist_finite(const struct nf_hist *h)
{
	uint64_t n = 0;
	int k;

	for (k = 0; k < nf_axis_nan(h->axis); k++)
		n += h->n[k];
	return n;
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
	return h->sum == 0 || ref->sum == 0 ? 1 : h->sum / ref->sum;
}

struct nf_ratio
nf_hist_ratio(const struct nf_hist *h, const struct nf_hist *ref,
    double scale, int k)
{
	double a = nf_hist_content(h, k), va = nf_hist_variance(h, k);
	double b = scale * nf_hist_content(ref, k);
	double vb = scale * scale * nf_hist_variance(ref, k);
	struct nf_ratio r = { b, sqrt(vb), NAN, NAN, NAN };

	if (b != 0) {
		r.value = a / b;
		r.error = sqrt(va + r.value * r.value * vb) / fabs(b);
	}
	if (va + vb > 0)
		r.pull = (a - b) / sqrt(va + vb);
	return r;
}
