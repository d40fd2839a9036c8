/* How well a score tells signal from background, at every threshold. */
#include <math.h>

#include "roc.h"
#include "select.h"

#define SCORES	2048		/* bins of scores, at most */

int
nf_roc_truth(struct nf_axis *a, struct nf_err *err)
{
	static const double value[] = { 0, 1 };

	return nf_axis_levels(a, value, 2, err);
}

int
nf_roc_scores(struct nf_axis *a, double *x, size_t n, struct nf_err *err)
{
	double *edge = nf_alloc(SCORES + 1, sizeof(*edge), "edges", err);
	size_t i, m = 0;
	int k, nedge = 0, rc;

	if (edge == NULL)
		return -1;
	for (i = 0; i < n; i++)
		if (isfinite(x[i]) && fabs(x[i]) < 1e299)
			x[m++] = x[i];
	nf_sort(x, m);
	for (k = 0; k < SCORES && m > 0; k++) {
		i = m * (size_t)k / SCORES;
		if (nedge == 0 || x[i] > edge[nedge - 1])
			edge[nedge++] = x[i];
	}
	if (nedge == 0)
		edge[nedge++] = 0;
	/* The last bin is closed, or holds all that is not below its edge. */
	edge[nedge] = nedge > 1 && x[m - 1] > edge[nedge - 1] ? x[m - 1] :
	    edge[nedge - 1] + fmax(1, fabs(edge[nedge - 1]));
	nedge++;
	rc = nf_axis_edges(a, edge, nedge, err);
	nf_free(edge);
	return rc;
}

/* Signal (1) or background (0) with a score in slot kx. */
static double
content(const struct nf_map *m, int kx, int truth)
{
	return nf_bins_content(&m->b, nf_map_slot(m, kx, 1 + 2 * truth));
}

static double
variance(const struct nf_map *m, int kx, int truth)
{
	return nf_bins_variance(&m->b, nf_map_slot(m, kx, 1 + 2 * truth));
}

/* The area, and its error as if the scores were of exponential shape. */
static void
find_auc(struct nf_roc *r)
{
	double a = 0, q1, q2, n1, n0;
	int k;

	for (k = 1; k < r->npoint; k++)
		a += (r->background[k] - r->background[k - 1]) *
		    (r->signal[k] + r->signal[k - 1]) / 2;
	r->auc = a;
	n1 = r->nsignal * r->nsignal / r->vsignal;
	n0 = r->nbackground * r->nbackground / r->vbackground;
	q1 = a / (2 - a);
	q2 = 2 * a * a / (1 + a);
	r->auc_error = sqrt(fmax(0, (a * (1 - a) + (n1 - 1) * (q1 - a * a) +
	    (n0 - 1) * (q2 - a * a)) / (n1 * n0)));
}

int
nf_roc_init(struct nf_roc *r, const struct nf_map *m, struct nf_err *err)
{
	int nbin = m->ax->nbin, k, p = 0;
	double s = 0, b = 0;
	size_t n = (size_t)nbin + 3;

	*r = (struct nf_roc){ .auc = NAN, .auc_error = NAN };
	r->threshold = nf_alloc(n, sizeof(*r->threshold), "points", err);
	r->signal = nf_alloc(n, sizeof(*r->signal), "points", err);
	r->background = nf_alloc(n, sizeof(*r->background), "points", err);
	if (r->threshold == NULL || r->signal == NULL ||
	    r->background == NULL) {
		nf_roc_free(r);
		return -1;
	}
	for (k = 0; k < nf_axis_nslot(m->ax); k++) {
		r->nsignal += content(m, k, 1);
		r->nbackground += content(m, k, 0);
		r->vsignal += variance(m, k, 1);
		r->vbackground += variance(m, k, 0);
	}
	if (!(r->nsignal > 0) || !(r->nbackground > 0))
		return 0;
	r->threshold[p++] = INFINITY;
	for (k = nbin + 1; k >= 0; k--, p++) {
		s += content(m, k, 1);
		b += content(m, k, 0);
		r->threshold[p] = nf_axis_low(m->ax, k);
		r->signal[p] = s / r->nsignal;
		r->background[p] = b / r->nbackground;
	}
	r->npoint = p;
	/* What has no score never passes but at the end. */
	r->signal[p - 1] = r->background[p - 1] = 1;
	find_auc(r);
	return 0;
}

void
nf_roc_free(struct nf_roc *r)
{
	nf_free(r->threshold);
	nf_free(r->signal);
	nf_free(r->background);
	*r = (struct nf_roc){ 0 };
}

double
nf_roc_background(const struct nf_roc *r, double signal)
{
	double ds;
	int k;

	for (k = 1; k < r->npoint; k++)
		if (r->signal[k] >= signal) {
			ds = r->signal[k] - r->signal[k - 1];
			return r->background[k] - (ds > 0 ?
			    (r->signal[k] - signal) / ds *
			    (r->background[k] - r->background[k - 1]) : 0);
		}
	return NAN;
}
