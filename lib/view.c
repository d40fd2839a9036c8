/* One picture of a table's columns. */
#include <math.h>

#include "view.h"

#define TILE	256

int
nf_view_fit(struct nf_view *v, const struct nf_binning *bx,
    const struct nf_binning *by, double *x, double *y, size_t n,
    struct nf_err *err)
{
	struct nf_binning b = *bx;
	int rc;

	b.filled = v->kind == NF_VIEW_HIST;
	if (v->kind == NF_VIEW_ROC)
		rc = nf_roc_scores(&v->ax, x, n, err);
	else
		rc = nf_axis_fit(&v->ax, &b, x, n, err);
	if (rc == -1 || v->kind == NF_VIEW_HIST)
		return rc;
	if (v->kind == NF_VIEW_ROC)
		return nf_roc_truth(&v->ay, err);
	return nf_axis_fit(&v->ay, by, y, n, err);
}

size_t
nf_view_nslot(const struct nf_view *v)
{
	size_t n = (size_t)nf_axis_nslot(&v->ax);

	if (v->kind == NF_VIEW_MAP || v->kind == NF_VIEW_ROC)
		n *= (size_t)nf_axis_nslot(&v->ay);
	return n;
}

int
nf_view_begin(struct nf_view *v, enum nf_side side,
    const struct nf_weighing *how, struct nf_err *err)
{
	struct nf_view_side *s = &v->side[side];
	double middle = v->ay.lo / 2 + v->ay.hi / 2;
	bool weighted = how->weighted || how->folded;
	int rc;

	if (v->kind == NF_VIEW_HIST)
		rc = nf_hist_init(&s->hist, &v->ax, weighted, err);
	else if (v->kind != NF_VIEW_PROFILE)
		rc = nf_map_init(&s->map, &v->ax, &v->ay, weighted, err);
	else if (how->folded)
		rc = nf_profile_init_fold(&s->profile, &v->ax, middle, err);
	else
		rc = nf_profile_init(&s->profile, &v->ax, middle, weighted,
		    err);
	if (rc == -1)
		return -1;
	s->folded = how->folded;
	return s->folded ? nf_fold_init(&s->fold, nf_view_nslot(v), err) : 0;
}

/* Truth as 0 or 1; NaN is neither. */
static void
judge(const struct nf_view *v, const double *y, double *is, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (isnan(y[i]))
			is[i] = NAN;
		else if (isnan(v->truth))
			is[i] = y[i] != 0;
		else
			is[i] = y[i] == v->truth;
}

void
nf_view_add(struct nf_view *v, enum nf_side side,
    const struct nf_view_rows *rows)
{
	struct nf_view_side *s = &v->side[side];
	struct nf_fold *f = s->folded ? &s->fold : NULL;
	double is[TILE];
	size_t i, n;

	switch (v->kind) {
	case NF_VIEW_HIST:
		if (f != NULL)
			nf_hist_fold(&s->hist, f, rows->x, rows->w, rows->id,
			    rows->n);
		else
			nf_hist_add(&s->hist, rows->x, rows->w, rows->n);
		break;
	case NF_VIEW_MAP:
		nf_map_add(&s->map, f, rows->x, rows->y, rows->w, rows->id,
		    rows->n);
		break;
	case NF_VIEW_PROFILE:
		if (f != NULL)
			nf_profile_fold(&s->profile, f, rows->x, rows->y,
			    rows->w, rows->id, rows->n);
		else
			nf_profile_add(&s->profile, rows->x, rows->y, rows->w,
			    rows->n);
		break;
	case NF_VIEW_ROC:
		for (i = 0; i < rows->n; i += n) {
			n = rows->n - i < TILE ? rows->n - i : TILE;
			judge(v, rows->y + i, is, n);
			nf_map_add(&s->map, f, rows->x + i, is,
			    rows->w == NULL ? NULL : rows->w + i,
			    rows->id == NULL ? NULL : rows->id + i, n);
		}
	}
}

void
nf_view_end(struct nf_view *v, enum nf_side side)
{
	struct nf_view_side *s = &v->side[side];

	if (s->folded && v->kind == NF_VIEW_PROFILE)
		nf_profile_end(&s->profile, &s->fold);
	else if (s->folded)
		nf_fold_end(&s->fold, v->kind == NF_VIEW_HIST ? &s->hist.b :
		    &s->map.b);
}

void
nf_view_free(struct nf_view *v)
{
	int side;

	for (side = 0; side < 2; side++) {
		nf_hist_free(&v->side[side].hist);
		nf_map_free(&v->side[side].map);
		nf_profile_free(&v->side[side].profile);
		nf_fold_free(&v->side[side].fold);
	}
	nf_axis_free(&v->ax);
	nf_axis_free(&v->ay);
}
