/* The Frechet distance of normal distributions, and what it is built from. */
#include <float.h>
#include <math.h>

#include "frechet.h"

/* ---- eigenvalues ------------------------------------------------------ */

/* Take (v w^T + w v^T) of size m off the lower half of the square at a. */
static void
subtract(double *a, uint32_t n, uint32_t m, const double *v, const double *w)
{
	uint32_t i, j;

	for (i = 0; i < m; i++)
		for (j = 0; j <= i; j++)
			a[(size_t)i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

/* w = a v for the symmetric square of size m at a, given its lower half. */
static void
multiply(const double *a, uint32_t n, uint32_t m, const double *v, double *w)
{
	uint32_t i, j;

	for (i = 0; i < m; i++)
		w[i] = 0;
	for (i = 0; i < m; i++) {
		for (j = 0; j < i; j++) {
			w[i] += a[(size_t)i * n + j] * v[j];
			w[j] += a[(size_t)i * n + j] * v[i];
		}
		w[i] += a[(size_t)i * n + i] * v[i];
	}
}

/* Householder's reflections: leave a diagonal d[n] and what is beside it. */
static void
tridiagonal(double *a, uint32_t n, double *d, double *e, double *tmp)
{
	double *v = tmp, *w, *sub, norm, dot, first;
	uint32_t k, i, m;

	for (k = 0; k + 1 < n; k++) {
		m = n - k - 1;
		sub = a + (size_t)(k + 1) * n + k + 1;
		for (norm = 0, i = 0; i < m; i++) {
			v[i] = a[(size_t)(k + 1 + i) * n + k];
			norm += i > 0 ? v[i] * v[i] : 0;
		}
		first = v[0];
		e[k] = first;
		if (norm == 0)
			continue;
		norm += first * first;
		e[k] = -copysign(sqrt(norm), first);
		v[0] = first - e[k];
		dot = norm - first * e[k];	/* half of |v|^2 */
		w = d + k + 1;			/* not used yet */
		multiply(sub, n, m, v, w);
		for (norm = 0, i = 0; i < m; i++) {
			w[i] /= dot;
			norm += w[i] * v[i];
		}
		for (i = 0; i < m; i++)
			w[i] -= norm / (2 * dot) * v[i];
		subtract(sub, n, m, v, w);
	}
	for (k = 0; k < n; k++)
		d[k] = a[(size_t)k * n + k];
	if (n > 0)
		e[n - 1] = 0;
}

/* A sweep of QL with implicit shift over rows l to m. */
static void
sweep(double *d, double *e, uint32_t l, uint32_t m)
{
	double g = (d[l + 1] - d[l]) / (2 * e[l]);
	double s = 1, c = 1, p = 0, f, b, r;
	uint32_t i;

	g = d[m] - d[l] + e[l] / (g + copysign(hypot(g, 1), g));
	for (i = m; i-- > l;) {
		f = s * e[i];
		b = c * e[i];
		r = hypot(f, g);
		e[i + 1] = r;
		if (r == 0) {
			d[i + 1] -= p;
			e[m] = 0;
			return;
		}
		s = f / r;
		c = g / r;
		g = d[i + 1] - p;
		r = (d[i] - g) * s + 2 * c * b;
		p = s * r;
		d[i + 1] = g + p;
		g = c * r - b;
	}
	d[l] -= p;
	e[l] = g;
	e[m] = 0;
}

void
nf_eigenvalues(double *a, uint32_t n, double *value, double *tmp)
{
	double *e = tmp + n, *d = value;
	uint32_t l, m;
	int k;

	tridiagonal(a, n, d, e, tmp);
	for (l = 0; l < n; l++)
		for (k = 0; k < 60; k++) {
			for (m = l; m + 1 < n; m++)
				if (fabs(e[m]) <= DBL_EPSILON *
				    (fabs(d[m]) + fabs(d[m + 1])))
					break;
			if (m == l)
				break;
			sweep(d, e, l, m);
		}
}

/* ---- distance --------------------------------------------------------- */

/* a = L L^T in place, lower half; what has no spread is a column of 0. */
static void
cholesky(double *a, uint32_t n)
{
	double *x, *y, pivot, least;
	uint32_t i, j, k;

	for (j = 0; j < n; j++) {
		x = a + (size_t)j * n;
		least = x[j] * n * DBL_EPSILON;
		pivot = x[j];
		for (k = 0; k < j; k++)
			pivot -= x[k] * x[k];
		pivot = pivot > least ? sqrt(pivot) : 0;
		x[j] = pivot;
		for (i = j + 1; i < n; i++) {
			y = a + (size_t)i * n;
			for (k = 0; k < j; k++)
				y[j] -= y[k] * x[k];
			y[j] = pivot > 0 ? y[j] / pivot : 0;
		}
	}
}

/* m = L^T b L, whose eigenvalues are those of L L^T b; t is room. */
static void
sandwich(const double *l, const double *b, double *m, double *t, uint32_t n)
{
	uint32_t i, j, k;
	double v;

	for (i = 0; i < n * (size_t)n; i++)
		m[i] = t[i] = 0;
	for (i = 0; i < n; i++)		/* t = b L */
		for (k = 0; k < n; k++)
			for (j = 0, v = b[(size_t)i * n + k]; j <= k; j++)
				t[(size_t)i * n + j] +=
				    v * l[(size_t)k * n + j];
	for (k = 0; k < n; k++)
		for (i = 0; i <= k; i++)
			for (j = 0, v = l[(size_t)k * n + i]; j < n; j++)
				m[(size_t)i * n + j] +=
				    v * t[(size_t)k * n + j];
}

int
nf_frechet(const double *mean_a, double *cov_a, const double *mean_b,
    const double *cov_b, uint32_t n, double *distance, struct nf_err *err)
{
	double *room = nf_alloc(2 * ((size_t)n * n) + 3 * (size_t)n + 1,
	    sizeof(*room), "covariances", err);
	double *m = room, *t = m + (size_t)n * n, *value, d = 0;
	size_t k;

	if (room == NULL)
		return -1;
	value = t + (size_t)n * n;
	for (k = 0; k < n; k++)
		d += (mean_a[k] - mean_b[k]) * (mean_a[k] - mean_b[k]) +
		    cov_a[k * n + k] + cov_b[k * n + k];
	for (k = 0; k < (size_t)n * n; k++)
		if (!isfinite(cov_a[k]) || !isfinite(cov_b[k]))
			d = NAN;
	if (isfinite(d)) {
		cholesky(cov_a, n);
		sandwich(cov_a, cov_b, m, t, n);
		nf_eigenvalues(m, n, value, value + n);
		for (k = 0; k < n; k++)
			d -= 2 * sqrt(fmax(value[k], 0));
	}
	*distance = isfinite(d) ? d : NAN;
	nf_free(room);
	return 0;
}
