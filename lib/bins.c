/* Counting into slots. */
#include <math.h>

#include "bins.h"

int
nf_bins_init(struct nf_bins *b, size_t nslot, bool weighted,
    struct nf_err *err)
{
	*b = (struct nf_bins){ .nslot = nslot };
	b->n = nf_alloc(nslot, sizeof(*b->n), "bins", err);
	if (b->n != NULL && weighted) {
		b->w = nf_alloc(nslot, sizeof(*b->w), "bins", err);
		b->w2 = nf_alloc(nslot, sizeof(*b->w2), "bins", err);
	}
	if (b->n != NULL && (!weighted || (b->w != NULL && b->w2 != NULL)))
		return 0;
	nf_bins_free(b);
	return -1;
}

void
nf_bins_free(struct nf_bins *b)
{
	nf_free(b->n);
	nf_free(b->w);
	nf_free(b->w2);
	*b = (struct nf_bins){ 0 };
}

void
nf_bins_add(struct nf_bins *b, const int *k, const double *w, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		b->n[k[i]]++;
	if (b->w == NULL)
		return;
	for (i = 0; i < n; i++) {
		b->w[k[i]] += w[i];
		b->w2[k[i]] += w[i] * w[i];
	}
}

void
nf_bins_merge(struct nf_bins *to, const struct nf_bins *from)
{
	size_t k;

	for (k = 0; k < to->nslot; k++) {
		to->n[k] += from->n[k];
		if (to->w == NULL)
			continue;
		to->w[k] += from->w[k];
		to->w2[k] += from->w2[k];
	}
}

uint64_t
nf_bins_entries(const struct nf_bins *b, size_t nslot)
{
	uint64_t n = 0;
	size_t k;

	for (k = 0; k < nslot; k++)
		n += b->n[k];
	return n;
}

struct nf_ratio
nf_bins_ratio(const struct nf_bins *s, const struct nf_bins *ref,
    double scale, size_t k)
{
	double a = nf_bins_content(s, k), va = nf_bins_variance(s, k);
	double b = scale * nf_bins_content(ref, k);
	double vb = scale * scale * nf_bins_variance(ref, k);
	struct nf_ratio r = { b, sqrt(vb), NAN, NAN, NAN };

	if (b != 0) {
		r.value = a / b;
		r.error = sqrt(va + r.value * r.value * vb) / fabs(b);
	}
	if (va + vb > 0)
		r.pull = (a - b) / sqrt(va + vb);
	return r;
}

int
nf_fold_init(struct nf_fold *f, size_t nslot, struct nf_err *err)
{
	*f = (struct nf_fold){ .id = NAN, .event = 1 };
	f->hit = nf_alloc(nslot, sizeof(*f->hit), "bins", err);
	f->last = nf_alloc(nslot, sizeof(*f->last), "bins", err);
	f->sum = nf_alloc(nslot, sizeof(*f->sum), "bins", err);
	if (f->hit != NULL && f->last != NULL && f->sum != NULL)
		return 0;
	nf_fold_free(f);
	return -1;
}

void
nf_fold_free(struct nf_fold *f)
{
	nf_free(f->hit);
	nf_free(f->last);
	nf_free(f->sum);
	*f = (struct nf_fold){ 0 };
}

bool
nf_fold_draw(struct nf_fold *f, int k, double w)
{
	bool first = f->last[k] != f->event;

	if (first) {
		f->last[k] = f->event;
		f->hit[f->nhit++] = (uint32_t)k;
		f->sum[k] = 0;
	}
	f->sum[k] += w;
	return first;
}

void
nf_fold_add(struct nf_fold *f, struct nf_bins *b, const int *k,
    const double *w, const double *id, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (id[i] != f->id) {	/* so is a NaN always */
			nf_fold_end(f, b);
			f->id = id[i];
		}
		b->n[k[i]]++;
		nf_fold_draw(f, k[i], w == NULL ? 1 : w[i]);
		f->ndraw++;
	}
}

void
nf_fold_end(struct nf_fold *f, struct nf_bins *b)
{
	size_t i, k;
	double d;

	for (i = 0; i < f->nhit; i++) {
		k = f->hit[i];
		d = f->sum[k] / (double)f->ndraw;
		b->w[k] += d;
		b->w2[k] += d * d;
	}
	f->event++;
	f->nhit = 0;
	f->ndraw = 0;
	f->id = NAN;
}
