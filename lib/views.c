/* Pictures of a table's columns, in one pass. */
#include <math.h>
#include <string.h>

#include "views.h"

/* Bytes of rows that a side may keep, however many the columns. */
#define HEAD_BYTES	(256u << 20)

static size_t
tile_size(const struct nf_views *t)
{
	return ((size_t)t->ncol + 2) * NF_TILE;
}

static uint32_t
max_tiles(const struct nf_views *t)
{
	size_t n = HEAD_BYTES / (tile_size(t) * sizeof(double));

	n = n < NF_VIEWS_HEAD / NF_TILE ? n : NF_VIEWS_HEAD / NF_TILE;
	return n < 2 ? 2 : (uint32_t)n;
}

int
nf_views_init(struct nf_views *t, enum nf_view_kind kind, uint32_t ncol,
    struct nf_err *err)
{
	uint32_t j;

	*t = (struct nf_views){ .ncol = ncol };
	t->nview = kind == NF_VIEW_HIST ? ncol : 1;
	t->view = nf_alloc(t->nview, sizeof(*t->view), "views", err);
	if (t->view == NULL)
		return -1;
	for (j = 0; j < t->nview; j++)
		t->view[j] = (struct nf_view){ .kind = kind, .x = j,
			.y = kind == NF_VIEW_HIST ? j : 1, .truth = NAN };
	return 0;
}

int
nf_views_side(struct nf_views *t, enum nf_side side,
    const struct nf_weighing *how, const bool *absent, struct nf_err *err)
{
	struct nf_views_side *s = &t->side[side];
	struct nf_view *v;

	s->used = true;
	s->how = *how;
	for (v = t->view; v < t->view + t->nview; v++)
		v->used[side] = absent == NULL ||
		    !(absent[v->x] || absent[v->y]);
	s->tile = nf_alloc(max_tiles(t), sizeof(*s->tile), "rows", err);
	return s->tile == NULL ? -1 : 0;
}

bool
nf_views_wants(const struct nf_views *t, enum nf_side side)
{
	const struct nf_views_side *s = &t->side[side];

	return s->tile != NULL && s->ntile < max_tiles(t);
}

/* ---- counting --------------------------------------------------------- */

static int
check_weights(const struct nf_views_side *s, const double *w, uint32_t nrow,
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
count(struct nf_views *t, enum nf_side side, const double *x, uint32_t nrow)
{
	const struct nf_weighing *how = &t->side[side].how;
	const double *extra = x + (size_t)t->ncol * NF_TILE;
	struct nf_view_rows rows = { .n = nrow };
	struct nf_view *v;

	if (how->weighted) {
		rows.w = extra;
		extra += NF_TILE;
	}
	if (how->folded)
		rows.id = extra;
	for (v = t->view; v < t->view + t->nview; v++) {
		if (!v->used[side])
			continue;
		rows.x = x + (size_t)v->x * NF_TILE;
		rows.y = x + (size_t)v->y * NF_TILE;
		nf_view_add(v, side, &rows);
	}
}

/* Keep rows for nf_views_fit, in whole tiles but for the last. */
static int
keep(struct nf_views *t, struct nf_views_side *s, const double *x,
    uint32_t nrow, struct nf_err *err)
{
	uint32_t i, j, n, ncol = t->ncol + s->how.weighted + s->how.folded;
	struct nf_views_tile *tile;

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
		for (j = 0; j < ncol; j++)
			memcpy(tile->x + (size_t)j * NF_TILE + tile->nrow,
			    x + (size_t)j * NF_TILE + i, n * sizeof(*x));
		tile->nrow += n;
	}
	return 0;
}

int
nf_views_put(struct nf_views *t, enum nf_side side, const double *x,
    uint32_t nrow, struct nf_err *err)
{
	struct nf_views_side *s = &t->side[side];

	if (s->how.weighted && check_weights(s, x + (size_t)t->ncol * NF_TILE,
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
kept(const struct nf_views *t, const struct nf_view *v, uint32_t j, double *x)
{
	const struct nf_views_side *s;
	const struct nf_views_tile *tile;
	size_t n = 0;
	uint32_t i;
	int side;

	for (side = 0; side < 2; side++) {
		s = &t->side[side];
		for (i = 0; v->used[side] && i < s->ntile; i++) {
			tile = &s->tile[i];
			memcpy(x + n, tile->x + (size_t)j * NF_TILE,
			    tile->nrow * sizeof(*x));
			n += tile->nrow;
		}
	}
	return n;
}

static void
free_tiles(struct nf_views_side *s)
{
	uint32_t i;

	for (i = 0; i < s->ntile; i++)
		nf_free(s->tile[i].x);
	nf_free(s->tile);
	s->tile = NULL;
	s->ntile = 0;
}

/* Fit one view, with room for its values, and make it ready. */
static int
fit(struct nf_views *t, struct nf_view *v, const struct nf_binning *bx,
    const struct nf_binning *by, double *room[2], struct nf_err *err)
{
	size_t n = kept(t, v, v->x, room[0]);
	int side;

	kept(t, v, v->y, room[1]);
	if (nf_view_fit(v, bx, by, room[0], room[1], n, err) == -1)
		return -1;
	for (side = 0; side < 2; side++)
		if (v->used[side] && nf_view_begin(v, side,
		    &t->side[side].how, err) == -1)
			return -1;
	return 0;
}

static int
fit_all(struct nf_views *t, const struct nf_binning *bx,
    const struct nf_binning *by, struct nf_err *err)
{
	size_t n = ((size_t)t->side[0].ntile + t->side[1].ntile) * NF_TILE;
	double *room[2];
	uint32_t j;
	size_t nbin = 0;
	int rc = -1;

	room[0] = nf_alloc(n, sizeof(**room), "values", err);
	room[1] = nf_alloc(n, sizeof(**room), "values", err);
	if (room[0] != NULL && room[1] != NULL)
		rc = 0;
	for (j = 0; j < t->nview && rc == 0; j++) {
		rc = fit(t, &t->view[j], bx, by, room, err);
		if (rc == 0 && (nbin += nf_view_nslot(&t->view[j])) >
		    NF_VIEWS_BINS)
			rc = nf_fail(err, NF_EUSE, "%d bins of %u columns are "
			    "more than %u", t->view[j].ax.nbin, t->ncol,
			    NF_VIEWS_BINS);
	}
	nf_free(room[0]);
	nf_free(room[1]);
	return rc;
}

int
nf_views_fit(struct nf_views *t, const struct nf_binning *bx,
    const struct nf_binning *by, struct nf_err *err)
{
	struct nf_views_side *s;
	uint32_t i;
	int side;

	if (fit_all(t, bx, by, err) == -1)
		return -1;
	for (side = 0; side < 2; side++) {
		s = &t->side[side];
		for (i = 0; i < s->ntile; i++)
			count(t, side, s->tile[i].x, s->tile[i].nrow);
		free_tiles(s);
	}
	return 0;
}

void
nf_views_end(struct nf_views *t)
{
	uint32_t j;
	int side;

	for (j = 0; j < t->nview; j++)
		for (side = 0; side < 2; side++)
			nf_view_end(&t->view[j], side);
}

void
nf_views_free(struct nf_views *t)
{
	uint32_t j;

	for (j = 0; t->view != NULL && j < t->nview; j++)
		nf_view_free(&t->view[j]);
	free_tiles(&t->side[0]);
	free_tiles(&t->side[1]);
	nf_free(t->view);
	*t = (struct nf_views){ 0 };
}
