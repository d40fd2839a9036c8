/* The edges of bins, and the search for a value's bin. */
#include <float.h>
#include <math.h>

#include "axis.h"

/* Beyond it the arithmetic of edges may overflow. */
#define EDGE_MAX	1e300

static int
axis_alloc(struct nf_axis *a, enum nf_axis_kind kind, int nbin,
    struct nf_err *err)
{
	*a = (struct nf_axis){ .kind = kind, .nbin = nbin };
	if (nbin < 1 || nbin > NF_AXIS_MAX_BINS)
		return nf_fail(err, NF_EUSE, "%d bins, want 1 to %d", nbin,
		    NF_AXIS_MAX_BINS);
	a->lim = nf_alloc((size_t)nbin + 3, sizeof(*a->lim), "bin edges", err);
	if (a->lim == NULL)
		return -1;
	a->lim[0] = -INFINITY;
	a->lim[nbin + 2] = INFINITY;
	return 0;
}

/* The edges are in lim[1..nbin+1]: check them and close the last bin. */
static int
axis_close(struct nf_axis *a, struct nf_err *err)
{
	int k;

	a->lo = a->lim[1];
	a->hi = a->lim[a->nbin + 1];
	for (k = 1; k <= a->nbin; k++)
		if (!(a->lim[k] < a->lim[k + 1])) {
			nf_fail(err, NF_EUSE, "bin edge %.17g is not above "
			    "%.17g: the edges must ascend",
			    a->lim[k + 1], a->lim[k]);
			nf_axis_free(a);
			return -1;
		}
	a->lim[a->nbin + 1] = nextafter(a->hi, INFINITY);
	return 0;
}

static int
check_range(double lo, double hi, struct nf_err *err)
{
	if (!(fabs(lo) <= EDGE_MAX && fabs(hi) <= EDGE_MAX))
		return nf_fail(err, NF_EUSE, "range %g:%g: the ends must be "
		    "numbers within %g", lo, hi, EDGE_MAX);
	if (!(lo < hi))
		return nf_fail(err, NF_EUSE, "range %.9g:%.9g is empty: the "
		    "low end must be below the high one", lo, hi);
	return 0;
}

int
nf_axis_uniform(struct nf_axis *a, int nbin, double lo, double hi,
    struct nf_err *err)
{
	double end = fmax(fabs(lo), fabs(hi));
	int k;

	*a = (struct nf_axis){ .kind = NF_AXIS_UNIFORM };
	if (check_range(lo, hi, err) == -1)
		return -1;
	/* So nf_axis_find is never off by more than one bin. */
	if ((hi - lo) / fmax(nbin, 1) < 8 * DBL_EPSILON * end ||
	    (hi - lo) / fmax(nbin, 1) < DBL_MIN)
		return nf_fail(err, NF_EUSE, "range %.17g:%.17g is too narrow "
		    "for %d bins", lo, hi, nbin);
	if (axis_alloc(a, NF_AXIS_UNIFORM, nbin, err) == -1)
		return -1;
	for (k = 0; k <= nbin; k++)
		/* Longer, so that round edges come out round. */
		a->lim[k + 1] = (double)(((long double)lo * (nbin - k) +
		    (long double)hi * k) / nbin);
	a->lim[1] = lo;
	a->lim[nbin + 1] = hi;
	a->scale = nbin / (hi - lo);
	return axis_close(a, err);
}

int
nf_axis_log(struct nf_axis *a, int nbin, double lo, double hi,
    struct nf_err *err)
{
	int k;

	*a = (struct nf_axis){ .kind = NF_AXIS_EDGES };
	if (check_range(lo, hi, err) == -1)
		return -1;
	if (lo <= 0)
		return nf_fail(err, NF_EUSE, "range %g:%g: logarithmic bins "
		    "want a low end above 0", lo, hi);
	if (axis_alloc(a, NF_AXIS_EDGES, nbin, err) == -1)
		return -1;
	for (k = 0; k <= nbin; k++)
		a->lim[k + 1] = lo * pow(hi / lo, (double)k / nbin);
	a->lim[1] = lo;
	a->lim[nbin + 1] = hi;
	return axis_close(a, err);
}

int
nf_axis_edges(struct nf_axis *a, const double *edge, int nedge,
    struct nf_err *err)
{
	int k;

	if (axis_alloc(a, NF_AXIS_EDGES, nedge - 1, err) == -1)
		return -1;
	for (k = 0; k < nedge; k++)
		a->lim[k + 1] = edge[k];
	if (check_range(edge[0], edge[nedge - 1], err) == -1) {
		nf_axis_free(a);
		return -1;
	}
	return axis_close(a, err);
}

int
nf_axis_levels(struct nf_axis *a, const double *value, int nvalue,
    struct nf_err *err)
{
	int k;

	if (axis_alloc(a, NF_AXIS_LEVELS, 2 * nvalue - 1, err) == -1)
		return -1;
	for (k = 0; k < nvalue; k++) {
		a->lim[2 * k + 1] = value[k];
		a->lim[2 * k + 2] = nextafter(value[k], INFINITY);
	}
	a->lo = value[0];
	a->hi = value[nvalue - 1];
	return 0;
}

void
nf_axis_free(struct nf_axis *a)
{
	nf_free(a->lim);
	a->lim = NULL;
}

bool
nf_axis_is_level(const struct nf_axis *a, int k)
{
	return a->kind == NF_AXIS_LEVELS && k >= 1 && k <= a->nbin &&
	    k % 2 == 1;
}

double
nf_axis_low(const struct nf_axis *a, int k)
{
	if (k == a->nbin + 1)
		return a->hi;
	return a->kind == NF_AXIS_LEVELS && k > 0 && k % 2 == 0 ?
	    a->lim[k - 1] : a->lim[k];
}

double
nf_axis_high(const struct nf_axis *a, int k)
{
	if (nf_axis_is_level(a, k))
		return a->lim[k];
	return k == a->nbin ? a->hi : a->lim[k + 1];
}

/*
 * The slot by arithmetic, then set right by the edges themselves, so that a
 * bin holds exactly what its edges say.
 */
static void
find_uniform(const struct nf_axis *a, const double *x, int *k, size_t n)
{
	double lo = a->lo, scale = a->scale, top = a->nbin + 1, t;
	const double *lim = a->lim;
	size_t i;

	for (i = 0; i < n; i++) {
		t = (x[i] - lo) * scale + 1;
		t = t > 0 ? t : 0;		/* also where t is NaN */
		t = t < top ? t : top;
		k[i] = (int)t;
	}
	for (i = 0; i < n; i++)
		k[i] += (x[i] >= lim[k[i] + 1]) - (x[i] < lim[k[i]]);
}

/* The last slot whose limit is not above x, by halving. */
static void
find_edges(const struct nf_axis *a, const double *x, int *k, size_t n)
{
	int top = a->nbin + 1, first = 1, step, at, try;
	const double *lim = a->lim;
	size_t i;

	while (first * 2 <= top)
		first *= 2;
	for (i = 0; i < n; i++) {
		at = 0;
		for (step = first; step > 0; step /= 2) {
			try = at + step <= top ? at + step : at;
			at = lim[try] <= x[i] ? try : at;
		}
		k[i] = at;
	}
}

void
nf_axis_find(const struct nf_axis *a, const double *x, int *k, size_t n)
{
	int nan = nf_axis_nan(a), bad;
	size_t i;

	if (a->kind == NF_AXIS_UNIFORM)
		find_uniform(a, x, k, n);
	else
		find_edges(a, x, k, n);
	for (i = 0; i < n; i++) {
		bad = x[i] != x[i] ? nan : nan + 1;
		k[i] = x[i] - x[i] == 0 ? k[i] : bad;
	}
}
