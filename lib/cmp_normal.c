/* A sample compared with the standard normal distribution. */
#include <math.h>

#include "cmp.h"
#include "distance.h"
#include "normal.h"
#include "pvalue.h"

#define MAX_BINS	25
#define FEW		10	/* rows that a bin should have */

double
nf_cmp_radius(const double *z, uint32_t n)
{
	double sum = 0;
	uint32_t j;

	for (j = 0; j < n; j++)
		sum += z[j] * z[j];
	return nf_chi2_normal(sum, n);
}

/* Rows of normal numbers, as many as s has kept, with their weights. */
static int
draw_normal(struct nf_sample *to, const struct nf_sample *s,
    struct nf_err *err)
{
	uint32_t D = s->ncol - 1, j;
	double *row = nf_alloc((size_t)D + 4, sizeof(*row), "a row", err);
	uint64_t i;
	int rc = 0;

	if (row == NULL ||
	    nf_sample_init(to, s->ncol, s->room, s->seed, s->id, err) == -1) {
		nf_free(row);
		return -1;
	}
	for (i = 0; i < s->nkept && rc == 0; i++) {
		for (j = 0; j < D; j += 4)
			nf_normal4(s->seed, NF_FOR_COMPARE, i,
			    UINT32_MAX / 2 + 1, j / 4, row + j);
		row[D] = nf_cmp_radius(row, D);
		rc = nf_sample_add(to, row, nf_row_weight(s,
		    nf_sample_row(s, i)), 0, err);
	}
	nf_free(row);
	if (rc == -1)
		nf_sample_free(to);
	return rc;
}

/* chi2 over ndf, and its chance, in bins that are as likely each. */
static void
find_chi2(const struct nf_entry *e, size_t n, double *chi2, double *p)
{
	double sum = 0, sum2 = 0, w[MAX_BINS] = { 0 }, k;
	int nbin, i;
	size_t j;

	for (j = 0; j < n; j++) {
		sum += e[j].w;
		sum2 += e[j].w * e[j].w;
	}
	k = sum > 0 ? sum * sum / sum2 / FEW : 0;
	nbin = k < MAX_BINS ? (int)k : MAX_BINS;
	*chi2 = *p = NAN;
	if (nbin < 2)
		return;
	for (j = 0; j < n; j++) {
		i = (int)(nf_normal_cdf(e[j].x) * nbin);
		w[i < nbin ? i : nbin - 1] += e[j].w;
	}
	for (i = 0, *chi2 = 0; i < nbin; i++)
		*chi2 += (w[i] - sum / nbin) * (w[i] - sum / nbin) /
		    (sum2 / nbin);
	*p = nf_chi2_p(*chi2, nbin - 1);
	*chi2 /= nbin - 1;
}

/* A column's figures: e has room for the rows kept of s. */
static void
find_column(double v[NF_CMP_NFIGURE], const struct nf_sample *s,
    const struct nf_moments *m, uint32_t j, struct nf_entry *e)
{
	struct nf_distance d;
	const double *row;
	uint64_t i;
	int k;

	for (k = 0; k < NF_CMP_NFIGURE; k++)
		v[k] = NAN;
	for (i = 0; i < s->nkept; i++) {
		row = nf_sample_row(s, i);
		e[i] = (struct nf_entry){ row[j], nf_row_weight(s, row) };
	}
	nf_entry_sort(e, s->nkept);
	d = nf_distance_normal(e, s->nkept);
	v[NF_CMP_W1] = v[NF_CMP_W1_STD] = d.w1;
	v[NF_CMP_KS] = d.ks;
	v[NF_CMP_KS_P] = d.ks_p;
	find_chi2(e, s->nkept, &v[NF_CMP_CHI2], &v[NF_CMP_CHI2_P]);
	v[NF_CMP_SHIFT] = nf_moments_mean(m, j);
	v[NF_CMP_SPREAD] = nf_moments_std(m, j);
}

/* Both are of as many rows kept and columns. */
static int
set_columns(struct nf_cmp *c, const struct nf_sample s[2],
    const struct nf_moments m[2], struct nf_err *err)
{
	int rc = 0;

#pragma omp parallel reduction(min: rc)
	{
		double v[NF_CMP_NFIGURE];
		struct nf_err e;
		struct nf_entry *room = nf_alloc(s[0].nkept + 1,
		    sizeof(*room), "values", &e);
		uint32_t k;
		int f;

		rc = room == NULL ? -1 : 0;
#pragma omp for schedule(dynamic)
		for (k = 0; k < 2 * c->ncol; k++) {
			if (rc == -1)
				continue;
			find_column(v, &s[k % 2], &m[k % 2], k / 2, room);
			for (f = 0; f < NF_CMP_NFIGURE; f++)
				*(k % 2 == 0 ? &c->column[k / 2][f].value :
				    &c->column[k / 2][f].floor) = v[f];
		}
		if (rc == -1) {
#pragma omp critical(nf_cmp)
			*err = e;
		}
		nf_free(room);
	}
	return rc;
}

/* The correlation furthest from 0, of all columns but the last. */
static double
worst_correlation(const struct nf_moments *m, uint32_t pair[2])
{
	double worst = NAN, r;
	uint32_t i, j;

	pair[0] = pair[1] = 0;
	for (i = 0; i + 1 < m->ncol; i++)
		for (j = i + 1; j + 1 < m->ncol; j++) {
			r = fabs(nf_moments_cov(m, i, j) /
			    (nf_moments_std(m, i) * nf_moments_std(m, j)));
			if (!isfinite(r) || r <= worst)
				continue;
			worst = r;
			pair[0] = i;
			pair[1] = j;
		}
	return worst;
}

/* The mean W1 of projections of all columns but the last. */
static int
sliced(const struct nf_sample *s, double *w1, struct nf_err *err)
{
	uint32_t D = s->ncol - 1, j;
	struct nf_cloud c = { .ncol = D, .n = s->nkept };
	const double *row;
	int rc = -1;
	size_t i;

	c.x = nf_alloc((c.n + 1) * D, sizeof(*c.x), "rows", err);
	c.w = nf_alloc(c.n + 1, sizeof(*c.w), "weights", err);
	if (c.x == NULL || c.w == NULL)
		goto out;
	for (i = 0; i < c.n; i++) {
		row = nf_sample_row(s, i);
		c.w[i] = nf_row_weight(s, row);
		for (j = 0; j < D; j++)
			c.x[i * D + j] = row[j];
	}
	rc = nf_cmp_sliced(&c, NULL, s->seed, w1, err);
out:
	nf_cloud_free(&c);
	return rc;
}

int
nf_cmp_normal(struct nf_cmp *c, const struct nf_sample *s,
    struct nf_err *err)
{
	struct nf_sample both[2] = { *s, { 0 } };	/* and the floor's */
	struct nf_moments m[2] = { { 0 }, { 0 } };
	struct nf_figure *f = c->joint;
	uint32_t pair[2];
	int rc = -1;

	*c = (struct nf_cmp){ .ncol = s->ncol, .lo = -INFINITY,
	    .hi = INFINITY, .nrow = { s->nrow }, .nkept = { s->nkept } };
	c->column = nf_alloc(c->ncol, sizeof(*c->column), "figures", err);
	if (c->column != NULL && draw_normal(&both[1], s, err) == 0 &&
	    nf_sample_moments(s, &m[0], err) == 0 &&
	    nf_sample_moments(&both[1], &m[1], err) == 0 &&
	    set_columns(c, both, m, err) == 0 &&
	    sliced(s, &f[NF_CMP_SLICED].value, err) == 0 &&
	    sliced(&both[1], &f[NF_CMP_SLICED].floor, err) == 0) {
		f[NF_CMP_CORR].value = worst_correlation(&m[0], c->pair);
		f[NF_CMP_CORR].floor = worst_correlation(&m[1], pair);
		f[NF_CMP_FPD] = f[NF_CMP_AUC] =
		    (struct nf_figure){ NAN, NAN };
		rc = 0;
	}
	nf_moments_free(&m[0]);
	nf_moments_free(&m[1]);
	nf_sample_free(&both[1]);
	if (rc == -1)
		nf_cmp_free(c);
	return rc;
}
