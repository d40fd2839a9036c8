/* Two samples compared, column by column, with floors. */
#include <math.h>

#include "agree.h"
#include "cmp.h"
#include "distance.h"
#include "select.h"

/* A column's entries, ascending: of the first's halves and of both samples. */
struct column {
	const struct nf_sample *s;
	struct nf_entry *half[2], *side[2];
	size_t nhalf[2], nside[2];
	double *x;		/* room for all values of both */
	double *w;
};

static void
column_free(struct column *c)
{
	int k;

	for (k = 0; k < 2; k++) {
		nf_free(c->half[k]);
		nf_free(c->side[k]);
	}
	nf_free(c->x);
	nf_free(c->w);
	*c = (struct column){ 0 };
}

static int
column_init(struct column *c, const struct nf_sample s[2], struct nf_err *err)
{
	size_t n = s[0].nkept + s[1].nkept + 1;
	int k;

	*c = (struct column){ .s = s };
	for (k = 0; k < 2; k++) {
		c->half[k] = nf_alloc(n, sizeof(**c->half), "values",
		    err);
		c->side[k] = nf_alloc(n, sizeof(**c->side), "values",
		    err);
		if (c->half[k] == NULL || c->side[k] == NULL)
			goto fail;
	}
	c->x = nf_alloc(n, sizeof(*c->x), "values", err);
	c->w = nf_alloc(n, sizeof(*c->w), "values", err);
	if (c->x != NULL && c->w != NULL)
		return 0;
fail:
	column_free(c);
	return -1;
}

static void
column_fill(struct column *c, uint32_t j)
{
	const struct nf_sample *s = c->s;
	const double *row;
	struct nf_entry e;
	uint64_t i;
	int h;

	c->nhalf[0] = c->nhalf[1] = 0;
	for (i = 0; i < s[0].nkept; i++) {
		row = nf_sample_row(&s[0], i);
		h = nf_row_half(&s[0], row);
		e = (struct nf_entry){ row[j], nf_row_weight(&s[0], row) };
		c->half[h][c->nhalf[h]++] = e;
	}
	for (i = 0; i < s[1].nkept; i++) {
		row = nf_sample_row(&s[1], i);
		c->side[1][i] = (struct nf_entry){ row[j],
		    nf_row_weight(&s[1], row) };
	}
	nf_entry_sort(c->half[0], c->nhalf[0]);
	nf_entry_sort(c->half[1], c->nhalf[1]);
	nf_entry_sort(c->side[1], s[1].nkept);
	nf_entry_merge(c->half[0], c->nhalf[0], c->half[1], c->nhalf[1],
	    c->side[0]);
	c->nside[0] = s[0].nkept;
	c->nside[1] = s[1].nkept;
}

static int
count(struct nf_hist *h, const struct nf_axis *a, const struct nf_entry *e,
    size_t n, bool weighted, struct column *c, struct nf_err *err)
{
	size_t i;

	if (nf_hist_init(h, a, weighted, err) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		c->x[i] = e[i].x;
		c->w[i] = e[i].w;
	}
	nf_hist_add(h, c->x, c->w, n);
	return 0;
}

/* chi2 over ndf, and its chance, of two runs of entries in common bins. */
static int
find_chi2(struct column *c, const struct nf_axis *a, struct nf_entry *e[2],
    const size_t n[2], const bool weighted[2], double *chi2, double *p,
    struct nf_err *err)
{
	struct nf_hist h[2] = { { 0 }, { 0 } };
	struct nf_agree g;
	int rc = -1;

	if (count(&h[0], a, e[0], n[0], weighted[0], c, err) == 0 &&
	    count(&h[1], a, e[1], n[1], weighted[1], c, err) == 0) {
		g = nf_hist_agree(&h[1], &h[0]);
		*chi2 = g.chi2 / g.ndf;
		*p = g.chi2_p;
		rc = 0;
	}
	nf_hist_free(&h[0]);
	nf_hist_free(&h[1]);
	return rc;
}

static int
set_chi2(struct nf_figure *f, struct column *c, struct nf_err *err)
{
	const struct nf_binning b = { .lo = NAN, .hi = NAN, .filled = true };
	const bool side[2] = { c->s[0].weighted, c->s[1].weighted };
	const bool half[2] = { side[0], side[0] };
	struct nf_axis a;
	size_t i, n = 0;
	int k, rc;

	for (k = 0; k < 2; k++)
		for (i = 0; i < c->nside[k]; i++)
			c->x[n++] = c->side[k][i].x;
	if (nf_axis_fit(&a, &b, c->x, n, err) == -1)
		return -1;
	rc = find_chi2(c, &a, c->side, c->nside, side, &f[NF_CMP_CHI2].value,
	    &f[NF_CMP_CHI2_P].value, err);
	if (rc == 0)
		rc = find_chi2(c, &a, c->half, c->nhalf, half,
		    &f[NF_CMP_CHI2].floor, &f[NF_CMP_CHI2_P].floor, err);
	nf_axis_free(&a);
	return rc;
}

/* x / y, where nothing in units of nothing is nothing. */
static double
ratio(double x, double y)
{
	return x == 0 && y == 0 ? 0 : x / y;
}

/* Means and spreads of all rows, and of the first's halves. */
static void
set_moments(struct nf_figure *f, const struct nf_moments m[2],
    const struct nf_moments half[2], uint32_t j)
{
	double std = nf_moments_std(&m[0], j);
	double std0 = nf_moments_std(&half[0], j);
	double std1 = nf_moments_std(&half[1], j);

	f[NF_CMP_MEAN_A].value = nf_moments_mean(&m[0], j);
	f[NF_CMP_MEAN_B].value = nf_moments_mean(&m[1], j);
	f[NF_CMP_STD_A].value = std;
	f[NF_CMP_STD_B].value = nf_moments_std(&m[1], j);
	f[NF_CMP_SHIFT].value = ratio(f[NF_CMP_MEAN_B].value -
	    f[NF_CMP_MEAN_A].value, std);
	f[NF_CMP_SHIFT].floor = ratio(nf_moments_mean(&half[1], j) -
	    nf_moments_mean(&half[0], j), std);
	f[NF_CMP_SPREAD].value = f[NF_CMP_STD_B].value == std ? 1 :
	    f[NF_CMP_STD_B].value / std;
	f[NF_CMP_SPREAD].floor = std0 == std1 ? 1 : std1 / std0;
}

static int
set_column(struct nf_figure *f, struct column *c,
    const struct nf_moments m[2], uint32_t j, struct nf_err *err)
{
	struct nf_distance d, d0;
	int k;

	for (k = 0; k < NF_CMP_NFIGURE; k++)
		f[k] = (struct nf_figure){ NAN, NAN };
	column_fill(c, j);
	set_moments(f, m, c->s[0].half, j);
	d = nf_distance(c->side[0], c->nside[0], c->side[1], c->nside[1]);
	d0 = nf_distance(c->half[0], c->nhalf[0], c->half[1], c->nhalf[1]);
	f[NF_CMP_W1] = (struct nf_figure){ d.w1, d0.w1 };
	f[NF_CMP_W1_STD] = (struct nf_figure){
	    ratio(d.w1, f[NF_CMP_STD_A].value),
	    ratio(d0.w1, f[NF_CMP_STD_A].value) };
	f[NF_CMP_KS] = (struct nf_figure){ d.ks, d0.ks };
	f[NF_CMP_KS_P] = (struct nf_figure){ d.ks_p, d0.ks_p };
	return set_chi2(f, c, err);
}

static int
set_columns(struct nf_cmp *c, const struct nf_sample s[2],
    const struct nf_moments m[2], struct nf_err *err)
{
	int rc = 0;

#pragma omp parallel reduction(min: rc)
	{
		struct column col;
		struct nf_err e;
		uint32_t j;

		rc = column_init(&col, s, &e);
#pragma omp for schedule(dynamic)
		for (j = 0; j < c->ncol; j++)
			if (rc == 0)
				rc = set_column(c->column[j], &col, m, j, &e);
		if (rc == -1) {
#pragma omp critical(nf_cmp)
			*err = e;
		}
		column_free(&col);
	}
	return rc;
}

/* The figures of rows as a whole: of both samples or of the halves. */
static int
set_pair(struct nf_cmp *c, const struct nf_cloud *a, const struct nf_cloud *b,
    uint64_t seed, bool floor, struct nf_err *err)
{
	double v[NF_CMP_NJOINT];
	int k;

	if (nf_cmp_sliced(a, b, seed, &v[NF_CMP_SLICED], err) == -1 ||
	    nf_cmp_fpd(a, b, &v[NF_CMP_FPD], err) == -1 ||
	    nf_cmp_auc(a, b, &v[NF_CMP_AUC], err) == -1)
		return -1;
	for (k = NF_CMP_SLICED; k < NF_CMP_NJOINT; k++)
		*(floor ? &c->joint[k].floor : &c->joint[k].value) = v[k];
	return 0;
}

static int
set_joint(struct nf_cmp *c, const struct nf_sample s[2],
    const struct nf_moments m[2], struct nf_err *err)
{
	struct nf_cloud side[2] = { { 0 }, { 0 } }, half[2] = { { 0 }, { 0 } };
	struct nf_figure *f = c->joint;
	uint32_t pair[2];
	int k, rc = 0;

	f[NF_CMP_CORR].value = nf_cmp_corr(&m[0], &m[1], c->pair);
	f[NF_CMP_CORR].floor = nf_cmp_corr(&s[0].half[0], &s[0].half[1], pair);
	for (k = 0; k < 2 && rc == 0; k++) {
		rc = nf_cloud_init(&side[k], &s[k], -1, &m[0], err);
		if (rc == 0)
			rc = nf_cloud_init(&half[k], &s[0], k, &m[0], err);
	}
	if (rc == 0)
		rc = set_pair(c, &side[0], &side[1], s[0].seed, false, err);
	if (rc == 0)
		rc = set_pair(c, &half[0], &half[1], s[0].seed, true, err);
	for (k = 0; k < 2; k++) {
		nf_cloud_free(&side[k]);
		nf_cloud_free(&half[k]);
	}
	return rc;
}

int
nf_cmp_init(struct nf_cmp *c, const struct nf_sample s[2], struct nf_err *err)
{
	struct nf_moments m[2] = { { 0 }, { 0 } };
	int k, rc = -1;

	*c = (struct nf_cmp){ .ncol = s[0].ncol, .lo = -INFINITY,
	    .hi = INFINITY };
	for (k = 0; k < 2; k++) {
		c->nrow[k] = s[k].nrow;
		c->nkept[k] = s[k].nkept;
	}
	c->column = nf_alloc(c->ncol, sizeof(*c->column), "figures", err);
	if (c->column != NULL && nf_sample_moments(&s[0], &m[0], err) == 0 &&
	    nf_sample_moments(&s[1], &m[1], err) == 0 &&
	    set_columns(c, s, m, err) == 0)
		rc = set_joint(c, s, m, err);
	nf_moments_free(&m[0]);
	nf_moments_free(&m[1]);
	if (rc == -1)
		nf_cmp_free(c);
	return rc;
}

void
nf_cmp_free(struct nf_cmp *c)
{
	nf_free(c->column);
	*c = (struct nf_cmp){ 0 };
}
