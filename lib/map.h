/* Two-dimensional histograms and profiles: y in bins of x. */
#ifndef NF_MAP_H
#define NF_MAP_H

#include "axis.h"
#include "bins.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_MAP_MAX	(1u << 22)	/* bins of a map */

struct nf_map {
	const struct nf_axis *ax, *ay;	/* the caller's */
	struct nf_bins b;		/* slot kx * (slots of ay) + ky */
	double x0, y0;			/* origin of the moments */
	double sum, sumx, sumy, sumxx, sumyy, sumxy;	/* finite pairs */
	uint64_t nfinite;
};

int nf_map_init(struct nf_map *m, const struct nf_axis *ax,
    const struct nf_axis *ay, bool weighted, struct nf_err *err) NF_CHECKED;
void nf_map_free(struct nf_map *m);
/* Count n pairs; as nf_hist_fold where f is not NULL.  w may be NULL. */
void nf_map_add(struct nf_map *m, struct nf_fold *f, const double *x,
    const double *y, const double *w, const double *id, size_t n);
double nf_map_correlation(const struct nf_map *m);	/* NAN without any */

static inline size_t
nf_map_slot(const struct nf_map *m, int kx, int ky)
{
	return (size_t)kx * (size_t)nf_axis_nslot(m->ay) + (size_t)ky;
}

/* Content in all slots of finite x and y. */
double nf_map_area(const struct nf_map *m);

/* The mean and spread of y in each slot of an axis of x. */
struct nf_profile {
	const struct nf_axis *axis;	/* the caller's */
	struct nf_bins b;		/* of rows whose y is finite */
	double origin;			/* of y */
	double *wy, *wyy;		/* sums about it, a slot each */
	uint64_t lost;			/* rows whose y is not finite */
	/* Of folded draws, a slot each, else NULL: of the event at hand the
	 * sums of w y and w y^2, and of all events those of their squares,
	 * (w y)^2, and products, w (w y). */
	double *event_y, *event_yy, *square, *product;
};

int nf_profile_init(struct nf_profile *p, const struct nf_axis *axis,
    double origin, bool weighted, struct nf_err *err) NF_CHECKED;
/* The same for entries that are draws of events. */
int nf_profile_init_fold(struct nf_profile *p, const struct nf_axis *axis,
    double origin, struct nf_err *err) NF_CHECKED;
void nf_profile_free(struct nf_profile *p);
void nf_profile_add(struct nf_profile *p, const double *x, const double *y,
    const double *w, size_t n);
/*
 * As nf_hist_fold.  The error of a mean is then that of events, whose draws
 * may lie anywhere between being alike and having nothing to do with another.
 */
void nf_profile_fold(struct nf_profile *p, struct nf_fold *f, const double *x,
    const double *y, const double *w, const double *id, size_t n);
void nf_profile_end(struct nf_profile *p, struct nf_fold *f);
/* Of slot k; NAN where it is empty. */
double nf_profile_mean(const struct nf_profile *p, int k);
double nf_profile_std(const struct nf_profile *p, int k);
/* The error of the mean. */
double nf_profile_error(const struct nf_profile *p, int k);

#ifdef __cplusplus
}
#endif
#endif
