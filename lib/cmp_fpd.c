/*
 * The Frechet distance of normal fits to two samples, as it would be if they
 * were of infinite size (Kansal et al., Phys. Rev. D 107, 076017, 2023).
 */
#include <math.h>

#include "cmp.h"
#include "frechet.h"

#define PARTS	8		/* a sample is cut into as many, at most */
#define FEW	10		/* rows a column that a part needs */

struct fit {
	uint32_t ncol;
	double *origin, *mean, *cov;
	struct nf_moments m;
};

static void
fit_free(struct fit *f)
{
	nf_free(f->origin);
	nf_free(f->mean);
	nf_free(f->cov);
}

static int
fit_init(struct fit *f, uint32_t ncol, struct nf_err *err)
{
	*f = (struct fit){ .ncol = ncol };
	f->origin = nf_alloc(ncol, sizeof(*f->origin), "a fit", err);
	f->mean = nf_alloc(ncol, sizeof(*f->mean), "a fit", err);
	f->cov = nf_alloc((size_t)ncol * ncol, sizeof(*f->cov), "a fit", err);
	return f->origin == NULL || f->mean == NULL || f->cov == NULL ?
	    -1 : 0;
}

/* Fit the k-th of n parts of a cloud. */
static int
fit_part(struct fit *f, const struct nf_cloud *c, int k, int n,
    struct nf_err *err)
{
	size_t i = c->n * (size_t)k / (size_t)n;
	size_t end = c->n * ((size_t)k + 1) / (size_t)n;
	uint32_t j, l;

	if (nf_moments_init(&f->m, c->ncol, f->origin, err) == -1)
		return -1;
	for (; i < end; i++)
		nf_moments_add(&f->m, c->x + i * c->ncol, c->w[i]);
	for (j = 0; j < c->ncol; j++) {
		f->mean[j] = nf_moments_mean(&f->m, j);
		for (l = 0; l < c->ncol; l++)
			f->cov[(size_t)j * c->ncol + l] =
			    nf_moments_cov(&f->m, j, l);
	}
	nf_moments_free(&f->m);
	return 0;
}

/* The mean distance of parts when both are cut into n. */
static int
part_distance(struct fit fit[2], const struct nf_cloud *a,
    const struct nf_cloud *b, int n, double *mean, struct nf_err *err)
{
	double d;
	int k;

	*mean = 0;
	for (k = 0; k < n; k++) {
		if (fit_part(&fit[0], a, k, n, err) == -1 ||
		    fit_part(&fit[1], b, k, n, err) == -1 ||
		    nf_frechet(fit[0].mean, fit[0].cov, fit[1].mean,
		    fit[1].cov, a->ncol, &d, err) == -1)
			return -1;
		*mean += d / n;
	}
	return 0;
}

/*
 * A part's distance is too large by what is in proportion to 1 / its rows,
 * that is, to the number of parts n; and n of them have a mean whose variance
 * is about in proportion to n.  So fit a line over n = 1, 2, 4, 8.
 */
int
nf_cmp_fpd(const struct nf_cloud *a, const struct nf_cloud *b, double *fpd,
    struct nf_err *err)
{
	double s = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, d;
	size_t least = a->n < b->n ? a->n : b->n;
	struct fit fit[2] = { { 0 }, { 0 } };
	int n, npoint = 0, rc = -1;

	*fpd = NAN;
	if (fit_init(&fit[0], a->ncol, err) == -1 ||
	    fit_init(&fit[1], a->ncol, err) == -1)
		goto out;
	for (n = 1; n <= PARTS; n *= 2, npoint++) {
		if (least / (size_t)n < FEW * (size_t)(a->ncol + 1))
			break;
		if (part_distance(fit, a, b, n, &d, err) == -1)
			goto out;
		s += 1.0 / n;
		sx += 1;
		sy += d / n;
		sxx += n;
		sxy += d;
	}
	if (npoint > 1)
		*fpd = (sxx * sy - sx * sxy) / (s * sxx - sx * sx);
	rc = 0;
out:
	fit_free(&fit[0]);
	fit_free(&fit[1]);
	return rc;
}
