/* Two-dimensional histograms and profiles. */
#include <math.h>

#include "map.h"

#define TILE	256

int
nf_map_init(struct nf_map *m, const struct nf_axis *ax,
    const struct nf_axis *ay, bool weighted, struct nf_err *err)
{
	size_t n = (size_t)nf_axis_nslot(ax) * (size_t)nf_axis_nslot(ay);

	*m = (struct nf_map){ .ax = ax, .ay = ay };
	if (n > NF_MAP_MAX)
		return nf_fail(err, NF_EUSE, "%d x %d bins are more than %u",
		    ax->nbin, ay->nbin, NF_MAP_MAX);
	m->x0 = ax->lo / 2 + ax->hi / 2;
	m->y0 = ay->lo / 2 + ay->hi / 2;
	return nf_bins_init(&m->b, n, weighted, err);
}

void
nf_map_free(struct nf_map *m)
{
	nf_bins_free(&m->b);
	*m = (struct nf_map){ 0 };
}

static void
add_moments(struct nf_map *m, const double *x, const double *y,
    const double *w, size_t n)
{
	double one, dx, dy;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!isfinite(x[i]) || !isfinite(y[i]))
			continue;
		one = w == NULL ? 1 : w[i];
		dx = x[i] - m->x0;
		dy = y[i] - m->y0;
		m->sum += one;
		m->sumx += one * dx;
		m->sumy += one * dy;
		m->sumxx += one * dx * dx;
		m->sumyy += one * dy * dy;
		m->sumxy += one * dx * dy;
		m->nfinite++;
	}
}

void
nf_map_add(struct nf_map *m, struct nf_fold *f, const double *x,
    const double *y, const double *w, const double *id, size_t n)
{
	int kx[TILE], ky[TILE], ny = nf_axis_nslot(m->ay);
	size_t i, j, part;

	for (i = 0; i < n; i += part) {
		part = n - i < TILE ? n - i : TILE;
		nf_axis_find(m->ax, x + i, kx, part);
		nf_axis_find(m->ay, y + i, ky, part);
		for (j = 0; j < part; j++)
			kx[j] = kx[j] * ny + ky[j];
		if (f != NULL)
			nf_fold_add(f, &m->b, kx, w == NULL ? NULL : w + i,
			    id + i, part);
		else
			nf_bins_add(&m->b, kx, w == NULL ? NULL : w + i,
			    part);
		add_moments(m, x + i, y + i, w == NULL ? NULL : w + i, part);
	}
}

double
nf_map_correlation(const struct nf_map *m)
{
	double x = m->sumx / m->sum, y = m->sumy / m->sum;
	double vx = m->sumxx / m->sum - x * x, vy = m->sumyy / m->sum - y * y;

	if (!(m->sum > 0) || !(vx > 0) || !(vy > 0))
		return NAN;
	return (m->sumxy / m->sum - x * y) / sqrt(vx * vy);
}

double
nf_map_area(const struct nf_map *m)
{
	double sum = 0;
	int kx, ky;

	for (kx = 0; kx < nf_axis_nan(m->ax); kx++)
		for (ky = 0; ky < nf_axis_nan(m->ay); ky++)
			sum += nf_bins_content(&m->b, nf_map_slot(m, kx, ky));
	return sum;
}

/* ---- profiles --------------------------------------------------------- */

int
nf_profile_init(struct nf_profile *p, const struct nf_axis *axis,
    double origin, bool weighted, struct nf_err *err)
{
	size_t n = (size_t)nf_axis_nslot(axis);

	*p = (struct nf_profile){ .axis = axis, .origin = origin };
	if (nf_bins_init(&p->b, n, weighted, err) == -1)
		return -1;
	p->wy = nf_alloc(n, sizeof(*p->wy), "bins", err);
	p->wyy = nf_alloc(n, sizeof(*p->wyy), "bins", err);
	if (p->wy != NULL && p->wyy != NULL)
		return 0;
	nf_profile_free(p);
	return -1;
}

int
nf_profile_init_fold(struct nf_profile *p, const struct nf_axis *axis,
    double origin, struct nf_err *err)
{
	double **sum[] = { &p->event_y, &p->event_yy, &p->square,
		&p->product };
	size_t i, n = (size_t)nf_axis_nslot(axis);

	if (nf_profile_init(p, axis, origin, true, err) == -1)
		return -1;
	for (i = 0; i < 4; i++) {
		*sum[i] = nf_alloc(n, sizeof(**sum[i]), "bins", err);
		if (*sum[i] == NULL) {
			nf_profile_free(p);
			return -1;
		}
	}
	return 0;
}

void
nf_profile_free(struct nf_profile *p)
{
	nf_bins_free(&p->b);
	nf_free(p->wy);
	nf_free(p->wyy);
	nf_free(p->event_y);
	nf_free(p->event_yy);
	nf_free(p->square);
	nf_free(p->product);
	*p = (struct nf_profile){ 0 };
}

void
nf_profile_add(struct nf_profile *p, const double *x, const double *y,
    const double *w, size_t n)
{
	double weight[TILE], value[TILE], d;
	int k[TILE], slot[TILE];
	size_t i, j, part, m;

	for (i = 0; i < n; i += part) {
		part = n - i < TILE ? n - i : TILE;
		nf_axis_find(p->axis, x + i, slot, part);
		for (j = m = 0; j < part; j++)
			if (isfinite(y[i + j])) {
				k[m] = slot[j];
				value[m] = y[i + j];
				weight[m++] = w == NULL ? 1 : w[i + j];
			}
		p->lost += part - m;
		nf_bins_add(&p->b, k, weight, m);
		for (j = 0; j < m; j++) {
			d = value[j] - p->origin;
			p->wy[k[j]] += weight[j] * d;
			p->wyy[k[j]] += weight[j] * d * d;
		}
	}
}

void
nf_profile_fold(struct nf_profile *p, struct nf_fold *f, const double *x,
    const double *y, const double *w, const double *id, size_t n)
{
	double weight, d;
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		if (id[i] != f->id) {	/* so is a NaN always */
			nf_profile_end(p, f);
			f->id = id[i];
		}
		f->ndraw++;
		if (!isfinite(y[i])) {
			p->lost++;
			continue;
		}
		nf_axis_find(p->axis, x + i, &k, 1);
		weight = w == NULL ? 1 : w[i];
		p->b.n[k]++;
		if (nf_fold_draw(f, k, weight))
			p->event_y[k] = p->event_yy[k] = 0;
		d = y[i] - p->origin;
		p->event_y[k] += weight * d;
		p->event_yy[k] += weight * d * d;
	}
}

void
nf_profile_end(struct nf_profile *p, struct nf_fold *f)
{
	double wy, n = (double)f->ndraw;
	size_t i, k;

	for (i = 0; i < f->nhit; i++) {
		k = f->hit[i];
		wy = p->event_y[k] / n;
		p->wy[k] += wy;
		p->wyy[k] += p->event_yy[k] / n;
		p->square[k] += wy * wy;
		p->product[k] += wy * f->sum[k] / n;
	}
	nf_fold_end(f, &p->b);
}

double
nf_profile_mean(const struct nf_profile *p, int k)
{
	double w = nf_bins_content(&p->b, (size_t)k);

	return w > 0 ? p->origin + p->wy[k] / w : NAN;
}

double
nf_profile_std(const struct nf_profile *p, int k)
{
	double w = nf_bins_content(&p->b, (size_t)k), mean, var;

	if (!(w > 0))
		return NAN;
	mean = p->wy[k] / w;
	var = p->wyy[k] / w - mean * mean;
	return var > 0 ? sqrt(var) : 0;
}

double
nf_profile_error(const struct nf_profile *p, int k)
{
	double w = nf_bins_content(&p->b, (size_t)k);
	double w2 = nf_bins_variance(&p->b, (size_t)k), m, var;

	if (p->square == NULL)
		return nf_profile_std(p, k) * sqrt(w2) / w;
	/* The mean is a ratio of sums over events. */
	m = p->wy[k] / w;
	var = p->square[k] - 2 * m * p->product[k] + m * m * w2;
	return w > 0 ? sqrt(var > 0 ? var : 0) / w : NAN;
}
