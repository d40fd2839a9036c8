/* Histograms of a table's columns, in one pass. */
#include <math.h>
#include <string.h>

#include "hists.h"

/* Bytes of rows that a side may keep, however many the columns. */
#define HEAD_BYTES	(256u << 20)

static size_t
tile_size(const struct nf_hists *t)
{
	return ((size_t)t->ncol + 1) * NF_TILE;
}

static uint32_t
max_tiles(const struct nf_hists *t)
{
	size_t n = HEAD_BYTES / (tile_size(t) * sizeof(double));

	n = n < NF_HISTS_HEAD / NF_TILE ? n :
	    NF_HISTS_HEAD / NF_TILE;
	return n < 2 ? 2 : (uint32_t)n;
}

int
nf_hists_init(struct nf_hists *t, uint32_t ncol, struct nf_err *err)
{
	*t = (struct nf_hists){ .ncol = ncol };
	t->axis = nf_alloc(ncol, sizeof(*t->axis), "axes", err);
	return t->axis == NULL ? -1 : 0;
}

int
nf_hists_side(struct nf_hists *t, enum nf_side side, bool weighted,
    const bool *absent, struct nf_err *err)
{
	struct nf_hists_side *s = &t->side[side];

	s->used = true;
	s->weighted = weighted;
	t->hist[side] = nf_alloc(t->ncol, sizeof(*t->hist[side]),
	    "histograms", err);
	s->absent = nf_alloc(t->ncol, sizeof(*s->absent), "flags", err);
	s->tile = nf_alloc(max_tiles(t), sizeof(*s->tile), "rows", err);
	if (t->hist[side] == NULL || s->absent == NULL || s->tile == NULL)
		return -1;
	if (absent != NULL)
		memcpy(s->absent, absent, t->ncol * sizeof(*absent));
	return 0;
}

bool
nf_hists_wants(const struct nf_hists *t, enum nf_side side)
{
	const struct nf_hists_side *s = &t->side[side];

	return s->tile != NULL && s->ntile < max_tiles(t);
}

static int
check_weights(const struct nf_hists_side *s, const double *w, uint32_t nrow,
    struct nf_err *err)
{
	uint32_t i;

	for (i = 0; i < nrow; i++)
		if (!isfinite(w[i]))
			return nf_fail(err, NF_EDATA, "row %llu (from 0): the "
			    "weight is %g, want a finite number",
			    (unsigned long long)(s->nrow + i), w[i]);
	return 0;
}

static void
count(struct nf_hists *t, enum nf_side side, const double *x, uint32_t nrow)
{
	const struct nf_hists_side *s = &t->side[side];
	const double *w = s->weighted ? x + (size_t)t->ncol * NF_TILE :
	    NULL;
	uint32_t j;

	for (j = 0; j < t->ncol; j++)
		if (!s->absent[j])
			nf_hist_add(&t->hist[side][j],
			    x + (size_t)j * NF_TILE, w, nrow);
}

/* Keep rows for nf_hists_fit, in whole tiles but for the last. */
static int
keep(struct nf_hists *t, struct nf_hists_side *s, const double *x,
    uint32_t nrow, struct nf_err *err)
{
	struct nf_hists_tile *tile;
	uint32_t i, j, n;

	for (i = 0; i < nrow; i += n) {
		if (s->ntile == 0 || s->tile[s->ntile - 1].nrow == NF_TILE) {
			if (s->ntile == max_tiles(t))
				return nf_fail(err, NF_EUSE,
				    "more rows than choose bins");
			tile = &s->tile[s->ntile];
			tile->x = nf_alloc(tile_size(t), sizeof(*tile->x),
			    "rows", err);
			if (tile->x == NULL)
				return -1;
			s->ntile++;
		}
		tile = &s->tile[s->ntile - 1];
		n = NF_TILE - tile->nrow < nrow - i ? NF_TILE - tile->nrow :
		    nrow - i;
		for (j = 0; j < t->ncol + s->weighted; j++)
			memcpy(tile->x + (size_t)j * NF_TILE + tile->nrow,
			    x + (size_t)j * NF_TILE + i, n * sizeof(*x));
		tile->nrow += n;
	}
	return 0;
}

int
nf_hists_put(struct nf_hists *t, enum nf_side side, const double *x,
    uint32_t nrow, struct nf_err *err)
{
	struct nf_hists_side *s = &t->side[side];

	if (s->weighted && check_weights(s, x + (size_t)t->ncol * NF_TILE,
	    nrow, err) == -1)
		return -1;
	if (s->tile != NULL) {
		if (keep(t, s, x, nrow, err) == -1)
			return -1;
	} else
		count(t, side, x, nrow);
	s->nrow += nrow;
	return 0;
}

/* ---- bins ------------------------------------------------------------- */

/* The values of column j that were kept, of both sides, into x. */
static size_t
kept(const struct nf_hists *t, uint32_t j, double *x)
{
	const struct nf_hists_side *s;
	const struct nf_hists_tile *tile;
	size_t n = 0;
	uint32_t i;

	for (s = t->side; s < t->side + 2; s++)
		for (i = 0; s->used && !s->absent[j] && i < s->ntile; i++) {
			tile = &s->tile[i];
			memcpy(x + n, tile->x + (size_t)j * NF_TILE,
			    tile->nrow * sizeof(*x));
			n += tile->nrow;
		}
	return n;
}

static void
free_tiles(struct nf_hists_side *s)
{
	uint32_t i;

	for (i = 0; i < s->ntile; i++)
		nf_free(s->tile[i].x);
	nf_free(s->tile);
	s->tile = NULL;
	s->ntile = 0;
}

static int
fit_axes(struct nf_hists *t, const struct nf_binning *b, struct nf_err *err)
{
	size_t room = ((size_t)t->side[0].ntile + t->side[1].ntile) *
	    NF_TILE, n;
	double *x = nf_alloc(room, sizeof(*x), "values", err);
	uint32_t j, nbin = 0;
	int rc = x == NULL ? -1 : 0, side;

	for (j = 0; j < t->ncol && rc == 0; j++) {
		n = kept(t, j, x);
		rc = nf_axis_fit(&t->axis[j], b, x, n, err);
		if (rc == 0 && (nbin += (uint32_t)t->axis[j].nbin) >
		    NF_HISTS_BINS)
			rc = nf_fail(err, NF_EUSE, "%d bins of %u columns are "
			    "more than %u", t->axis[j].nbin, t->ncol,
			    NF_HISTS_BINS);
		for (side = 0; side < 2 && rc == 0; side++)
			if (t->side[side].used && !t->side[side].absent[j])
				rc = nf_hist_init(&t->hist[side][j],
				    &t->axis[j], t->side[side].weighted, err);
	}
	nf_free(x);
	return rc;
}

int
nf_hists_fit(struct nf_hists *t, const struct nf_binning *b,
    struct nf_err *err)
{
	struct nf_hists_side *s;
	uint32_t i;
	int side;

	if (fit_axes(t, b, err) == -1)
		return -1;
	for (side = 0; side < 2; side++) {
		s = &t->side[side];
		for (i = 0; i < s->ntile; i++)
			count(t, side, s->tile[i].x, s->tile[i].nrow);
		free_tiles(s);
	}
	return 0;
}

const struct nf_hist *
nf_hists_get(const struct nf_hists *t, enum nf_side side, uint32_t j)
{
	const struct nf_hists_side *s = &t->side[side];

	return s->used && !s->absent[j] ? &t->hist[side][j] : NULL;
}

void
nf_hists_free(struct nf_hists *t)
{
	uint32_t j;
	int side;

	for (side = 0; side < 2; side++) {
		for (j = 0; t->hist[side] != NULL && j < t->ncol; j++)
			nf_hist_free(&t->hist[side][j]);
		nf_free(t->hist[side]);
		nf_free(t->side[side].absent);
		free_tiles(&t->side[side]);
	}
	for (j = 0; t->axis != NULL && j < t->ncol; j++)
		nf_axis_free(&t->axis[j]);
	nf_free(t->axis);
	*t = (struct nf_hists){ 0 };
}
