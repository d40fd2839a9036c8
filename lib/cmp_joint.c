/* Two samples compared over all columns: correlations, projections; bins. */
#include <math.h>

#include "cmp.h"
#include "distance.h"
#include "normal.h"
#include "select.h"
#include "shuffle.h"

#define DIRECTIONS	64

/* ---- clouds ----------------------------------------------------------- */

int
nf_cloud_init(struct nf_cloud *c, const struct nf_sample *s, int half,
    const struct nf_moments *m, struct nf_err *err)
{
	uint32_t *order, j, ncol = s->ncol;
	const double *row;
	double mean, std, d, *x;
	uint64_t i;

	*c = (struct nf_cloud){ .ncol = ncol };
	order = nf_alloc(s->nkept + 1, sizeof(*order), "an order", err);
	c->x = nf_alloc((s->nkept + 1) * ncol, sizeof(*c->x), "rows", err);
	c->w = nf_alloc(s->nkept + 1, sizeof(*c->w), "weights", err);
	if (order == NULL || c->x == NULL || c->w == NULL ||
	    nf_shuffle(s->seed, NF_FOR_COMPARE, UINT32_MAX - s->id,
	    (uint32_t)s->nkept, order, err) == -1) {
		nf_free(order);
		nf_cloud_free(c);
		return -1;
	}
	for (i = 0; i < s->nkept; i++) {
		row = nf_sample_row(s, order[i]);
		if (half >= 0 && nf_row_half(s, row) != half)
			continue;
		x = c->x + c->n * ncol;
		c->w[c->n++] = nf_row_weight(s, row);
		for (j = 0; j < ncol; j++)
			x[j] = row[j];
	}
	nf_free(order);
	for (j = 0; j < ncol; j++) {
		mean = nf_moments_mean(m, j);
		std = nf_moments_std(m, j);
		for (i = 0, x = c->x + j; i < c->n; i++, x += ncol) {
			d = *x - mean;
			*x = std > 0 ? d / std : d != 0;
		}
	}
	return 0;
}

void
nf_cloud_free(struct nf_cloud *c)
{
	nf_free(c->x);
	nf_free(c->w);
	*c = (struct nf_cloud){ 0 };
}

/* ---- correlations ----------------------------------------------------- */

static double
correlation(const struct nf_moments *m, uint32_t i, uint32_t j)
{
	return nf_moments_cov(m, i, j) /
	    (nf_moments_std(m, i) * nf_moments_std(m, j));
}

double
nf_cmp_corr(const struct nf_moments *a, const struct nf_moments *b,
    uint32_t pair[2])
{
	double worst = NAN, d;
	uint32_t i, j;

	pair[0] = pair[1] = 0;
	for (i = 0; i < a->ncol; i++)
		for (j = i + 1; j < a->ncol; j++) {
			d = fabs(correlation(a, i, j) - correlation(b, i, j));
			if (!isfinite(d) || d <= worst)
				continue;
			worst = d;
			pair[0] = i;
			pair[1] = j;
		}
	return worst;
}

/* ---- projections ------------------------------------------------------ */

/* A direction of length 1, any as likely. */
static void
draw_direction(double *v, uint32_t ncol, uint64_t seed, uint32_t k)
{
	double z[4], sum = 0;
	uint32_t j;

	for (j = 0; j < ncol; j++) {
		if (j % 4 == 0)
			nf_normal4(seed, NF_FOR_COMPARE, k, UINT32_MAX / 2,
			    j / 4, z);
		v[j] = z[j % 4];
		sum += v[j] * v[j];
	}
	for (j = 0; j < ncol; j++)
		v[j] /= sqrt(sum);
}

static void
project(const struct nf_cloud *c, const double *v, struct nf_entry *e)
{
	const double *x = c->x;
	uint32_t j;
	size_t i;

	for (i = 0; i < c->n; i++, x += c->ncol) {
		e[i] = (struct nf_entry){ 0, c->w[i] };
		for (j = 0; j < c->ncol; j++)
			e[i].x += v[j] * x[j];
	}
	nf_entry_sort(e, c->n);
}

int
nf_cmp_sliced(const struct nf_cloud *a, const struct nf_cloud *b,
    uint64_t seed, double *w1, struct nf_err *err)
{
	uint32_t ncol = a->ncol;
	double all[DIRECTIONS] = { 0 };
	int k, rc = 0;

#pragma omp parallel reduction(min: rc)
	{
		struct nf_err e;
		struct nf_entry *ea = nf_alloc(a->n + 1, sizeof(*ea),
		    "projections", &e);
		struct nf_entry *eb = nf_alloc(b == NULL ? 1 : b->n + 1,
		    sizeof(*eb), "projections", &e);
		double *v = nf_alloc(ncol, sizeof(*v), "a direction", &e);

		rc = ea == NULL || eb == NULL || v == NULL ? -1 : 0;
#pragma omp for schedule(dynamic)
		for (k = 0; k < DIRECTIONS; k++) {
			if (rc == -1)
				continue;
			draw_direction(v, ncol, seed, (uint32_t)k);
			project(a, v, ea);
			if (b != NULL)
				project(b, v, eb);
			all[k] = b == NULL ? nf_distance_normal(ea, a->n).w1 :
			    nf_distance(ea, a->n, eb, b->n).w1;
		}
		if (rc == -1) {
#pragma omp critical(nf_cmp)
			*err = e;
		}
		nf_free(ea);
		nf_free(eb);
		nf_free(v);
	}
	*w1 = 0;
	for (k = 0; k < DIRECTIONS; k++)
		*w1 += all[k] / DIRECTIONS;
	return rc;
}

/* ---- bins of a condition ---------------------------------------------- */

/* Edges between bins of equal numbers of rows, no two alike. */
static int
find_edges(const struct nf_sample *s, int nbin, double *edge, int *nedge,
    struct nf_err *err)
{
	double *x = nf_alloc(s->nkept + 1, sizeof(*x), "conditions", err), q;
	uint64_t i;
	int k, n = 0;

	if (x == NULL)
		return -1;
	for (i = 0; i < s->nkept; i++)
		x[i] = nf_row_by(s, nf_sample_row(s, i));
	nf_sort(x, s->nkept);
	edge[n++] = -INFINITY;
	for (k = 1; k < nbin && s->nkept > 0; k++) {
		q = x[s->nkept * (uint64_t)k / (uint64_t)nbin];
		if (q > x[0] && q > edge[n - 1])
			edge[n++] = q;
	}
	edge[n] = INFINITY;
	*nedge = n;
	nf_free(x);
	return 0;
}

static int
compare(struct nf_cmp *c, const struct nf_sample s[], int nside,
    struct nf_err *err)
{
	return nside == 1 ? nf_cmp_normal(c, s, err) : nf_cmp_init(c, s, err);
}

static int
compare_bin(struct nf_cmp *c, const struct nf_sample s[], int nside,
    double lo, double hi, struct nf_err *err)
{
	struct nf_sample cut[2] = { { 0 }, { 0 } };
	int k, rc = 0;

	for (k = 0; k < nside && rc == 0; k++)
		rc = nf_sample_cut(&cut[k], &s[k], lo, hi, err);
	if (rc == 0)
		rc = compare(c, cut, nside, err);
	if (rc == 0) {
		c->lo = lo;
		c->hi = hi;
	}
	nf_sample_free(&cut[0]);
	nf_sample_free(&cut[1]);
	return rc;
}

int
nf_cmps_init(struct nf_cmps *t, const struct nf_sample s[], int nside,
    int nbin, struct nf_err *err)
{
	double *edge = nf_alloc((size_t)nbin + 2, sizeof(*edge), "edges", err);
	int k, nedge = 0;

	*t = (struct nf_cmps){ .nside = nside };
	t->c = nf_alloc((size_t)nbin + 1, sizeof(*t->c), "comparisons", err);
	if (edge == NULL || t->c == NULL ||
	    compare(&t->c[0], s, nside, err) == -1)
		goto fail;
	t->n = 1;
	if (nbin > 0 && find_edges(&s[0], nbin, edge, &nedge, err) == -1)
		goto fail;
	for (k = 0; k < nedge; k++, t->n++)
		if (compare_bin(&t->c[t->n], s, nside, edge[k], edge[k + 1],
		    err) == -1)
			goto fail;
	nf_free(edge);
	return 0;
fail:
	nf_free(edge);
	nf_cmps_free(t);
	return -1;
}

void
nf_cmps_free(struct nf_cmps *t)
{
	int k;

	for (k = 0; k < t->n; k++)
		nf_cmp_free(&t->c[k]);
	nf_free(t->c);
	*t = (struct nf_cmps){ 0 };
}
