/* A trainer's rows on the device. */
#include "train_rows.h"

#define NONE		UINT64_MAX	/* no window, no piece */
#define SOME		16384		/* rows that are made together */
#define DRIVERS		16		/* of free memory, 1 in so many is */
/* Bytes of a piece at most, where the device has no room for all rows. */
#define WINDOW		((uint64_t)1 << 26)

/* Pieces of a window. */
static uint64_t
npiece(const struct nf_train_rows *r)
{
	return (r->windows.nwindow + r->piece - 1) / r->piece;
}

/*
 * Rows of a window lie in the epoch's order already: those of a piece in the
 * half that is its turn.
 */
static int
put_order(struct nf_train_rows *r, struct nf_err *err)
{
	uint64_t nwindow = r->windows.nwindow, at, half;
	uint32_t n = r->nrow, i;
	uint32_t *index = nf_alloc(n, sizeof(*index), "an order", err);
	int rc;

	if (index == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		at = i % nwindow;
		half = (i / nwindow * npiece(r) + at / r->piece) % NF_WAYS;
		index[i] = (uint32_t)(r->dev->host ? at :
		    half * r->piece + at % r->piece);
	}
	rc = r->dev->ops->sync(r->dev, err);
	if (rc == 0) {
		r->dev->ops->upload(r->dev, r->index, index,
		    n * sizeof(*index));
		rc = r->dev->ops->sync(r->dev, err);
	}
	nf_free(index);
	return rc;
}

/* Bytes of a row on the device, its place in the order included. */
static uint64_t
row_bytes(const struct nf_shape *s, int weighted)
{
	return sizeof(uint32_t) + sizeof(nf_real) *
	    ((uint64_t)s->features + s->context + (weighted != 0));
}

/* What rows may take there, beside what will be taken, and what the driver
 * takes by itself. */
static uint64_t
room_for_rows(const struct nf_train_rows *r, struct nf_dev *dev,
    uint64_t more)
{
	uint64_t keep = r->keep + more, spare;

	if (dev->row_memory > 0)
		return dev->row_memory;
	spare = dev->ops->spare(dev);
	keep += spare / DRIVERS;
	return spare > keep ? spare - keep : 0;
}

/* Rows of a piece, of which there is room for two: whole batches. */
static uint64_t
piece_rows(uint64_t room, uint64_t row, uint32_t batch)
{
	uint64_t n = (room / NF_WAYS < WINDOW ? room / NF_WAYS : WINDOW) /
	    row / batch * batch;

	return n < batch ? batch : n;
}

/*
 * Windows over the host's rows, if the device has no room for them, and
 * pieces of windows from disk.
 */
static int
cut(struct nf_train_rows *r, const struct nf_rowset *rows, uint64_t seed,
    uint32_t batch, struct nf_err *err)
{
	int disk = r->windows.nwindow > 0, weighted = disk ?
	    r->windows.weighted : rows->weight != NULL;
	uint64_t row = row_bytes(r->shape, weighted), room, n;
	struct nf_dev *d = r->dev;

	r->piece = r->windows.nwindow;
	if (d->host || d->ops->spare == NULL)
		return 0;
	room = room_for_rows(r, d, 0);
	n = piece_rows(room, row, batch);
	if (disk) {
		r->piece = n < r->piece ? n : r->piece;
		return 0;
	}
	if (rows->nrow <= room_for_rows(r, d, d->ops->shuffle_room(d,
	    (uint32_t)rows->nrow)) / row)
		return 0;
	r->piece = n;
	return nf_mix_new(&r->mix, rows, r->shape, seed, n, &r->windows,
	    err);
}

/* A device whose memory is the host's works in the rows themselves. */
static void
take_over(struct nf_train_rows *r, const struct nf_rowset *rows)
{
	r->x = (nf_real *)rows->x;
	r->context = (nf_real *)rows->context;
	r->weight = (nf_real *)rows->weight;
}

/* Device memory for n rows. */
static void
take_room(struct nf_train_rows *r, uint64_t n, int weighted)
{
	const struct nf_ops *o = r->dev->ops;

	n *= sizeof(nf_real);
	r->x = o->alloc(r->dev, n * r->shape->features);
	if (r->shape->context > 0)
		r->context = o->alloc(r->dev, n * r->shape->context);
	if (weighted)
		r->weight = o->alloc(r->dev, n);
}

/* n of rows from lo on go to place to there. */
static void
send(struct nf_train_rows *r, uint32_t way, const struct nf_rowset *rows,
    uint64_t lo, uint64_t n, uint64_t to)
{
	uint64_t D = r->shape->features, C = r->shape->context;
	const struct nf_ops *o = r->dev->ops;
	size_t size = sizeof(nf_real);

	o->send(r->dev, way, r->x + to * D, rows->x + lo * D, n * D * size);
	if (r->context != NULL)
		o->send(r->dev, way, r->context + to * C,
		    rows->context + lo * C, n * C * size);
	if (r->weight != NULL)
		o->send(r->dev, way, r->weight + to, rows->weight + lo,
		    n * size);
}

/* Have n rows made, as they stand, that are not there yet. */
static int
make_some(struct nf_train_rows *r, uint64_t lo, uint32_t n,
    struct nf_err *err)
{
	uint32_t row[SOME], i;

	if (r->maker.make == NULL)
		return 0;
	for (i = 0; i < n; i++)
		row[i] = (uint32_t)lo + i;
	r->made += n;
	return r->maker.make(r->maker.arg, row, n, err);
}

/*
 * All rows, some at a time: while these are on their way, others are made.
 * Where the device has no room for them they are made all the same, but stay.
 */
static int
put_all(struct nf_train_rows *r, const struct nf_rowset *rows,
    struct nf_err *err)
{
	const struct nf_ops *o = r->dev->ops;
	uint64_t lo, n = rows->nrow, left;
	uint32_t way = 0, part;

	for (; r->mix == NULL && way < NF_WAYS; way++)
		o->leave(r->dev, way);
	for (lo = 0; lo < n; lo += part, way++) {
		left = n - lo;
		part = left < SOME ? (uint32_t)left : SOME;
		if (make_some(r, lo, part, err) == -1)
			return -1;
		if (r->mix == NULL)
			send(r, way % NF_WAYS, rows, lo, part, lo);
	}
	for (way = 0; r->mix == NULL && way < NF_WAYS; way++)
		o->sent(r->dev, way);
	return o->sync(r->dev, err);
}

/* Memory for the order of n rows, unless it is there. */
static void
take_index(struct nf_train_rows *r, uint32_t n)
{
	const struct nf_ops *o = r->dev->ops;

	if (r->index != NULL && r->nrow == n)
		return;
	o->free(r->dev, r->index);
	r->index = o->alloc(r->dev, n * sizeof(*r->index));
	r->nrow = n;
	r->ordered = 0;
}

int
nf_train_rows_expect(struct nf_train_rows *r, struct nf_dev *dev,
    uint64_t seed, uint32_t nrow, struct nf_err *err)
{
	r->dev = dev;
	take_index(r, nrow);
	if (dev->ops->sync(dev, err) == -1)
		return -1;
	nf_train_rows_epoch(r, seed, 0);
	return dev->ops->sync(dev, err);
}

int
nf_train_rows_put(struct nf_train_rows *r, struct nf_dev *dev,
    const struct nf_flow *f, uint64_t seed, uint32_t batch,
    const struct nf_rowset *rows, const struct nf_windows *windows,
    struct nf_err *err)
{
	int here;			/* all of them */

	r->dev = dev;
	r->shape = &f->shape;
	if (windows != NULL)
		r->windows = *windows;
	if (cut(r, rows, seed, batch, err) == -1)
		return -1;
	here = r->windows.nwindow == 0;
	take_index(r, (uint32_t)rows->nrow);
	if (dev->host && here)
		take_over(r, rows);
	else if (!dev->host)
		take_room(r, here ? r->nrow : NF_WAYS * r->piece,
		    here ? rows->weight != NULL : r->windows.weighted);
	if (dev->ops->sync(dev, err) == -1 ||
	    (!dev->host && windows == NULL && put_all(r, rows, err) == -1))
		return -1;
	r->window = r->at = r->sent = NONE;
	return here ? 0 : put_order(r, err);
}

int
nf_train_rows_keep(struct nf_train_rows *r, const struct nf_train_rows *train,
    const struct nf_rowset *rows, struct nf_err *err)
{
	uint64_t row = row_bytes(train->shape, 0), room, used;
	uint64_t there = train->windows.nwindow > 0 ? NF_WAYS * train->piece :
	    train->nrow;
	struct nf_dev *d = train->dev;
	struct nf_rowset part = *rows;

	if (d->host || d->ops->spare == NULL || rows->nrow == 0)
		return 0;
	room = room_for_rows(train, d, 0);
	if (d->row_memory > 0) {
		used = row_bytes(train->shape, train->weight != NULL) *
		    there;
		room = room > used ? room - used : 0;
	}
	if (rows->nrow > room / row)
		return 0;
	r->dev = d;
	r->shape = train->shape;
	part.weight = NULL;		/* they are used on the host */
	take_room(r, part.nrow, 0);
	return d->ops->sync(d, err) == -1 ? -1 : put_all(r, &part, err);
}

void
nf_train_rows_epoch(struct nf_train_rows *r, uint64_t seed, uint32_t epoch)
{
	uint32_t way;

	if (r->windows.nwindow == 0) {
		if (!r->ordered || r->order != epoch)
			r->dev->ops->shuffle(r->dev, seed, epoch, r->nrow,
			    r->index);
		r->ordered = 1;
		r->order = epoch;
		return;
	}
	r->window = r->at = r->sent = NONE;
	for (way = 0; way < NF_WAYS; way++)
		r->dev->ops->leave(r->dev, way);
}

/* ---- windows and pieces ----------------------------------------------- */

/* Have the piece with this row of the epoch's order on its way here. */
static int
send_piece(struct nf_train_rows *r, uint32_t epoch, uint64_t row,
    struct nf_err *err)
{
	const struct nf_windows *w = &r->windows;
	uint64_t window = row / w->nwindow, at = row % w->nwindow;
	uint64_t piece = window * npiece(r) + at / r->piece;
	uint64_t way = piece % NF_WAYS, lo = at / r->piece * r->piece, left;

	if (r->sent != NONE && piece <= r->sent)
		return 0;
	if (window != r->window) {
		r->window = NONE;
		if (w->load(w->arg, epoch, window, &r->host, err) == -1)
			return -1;
		r->window = window;
	}
	left = r->host.nrow - lo;
	if (!r->dev->host)
		send(r, (uint32_t)way, &r->host, lo, left < r->piece ? left :
		    r->piece, way * r->piece);
	r->sent = piece;
	return 0;
}

int
nf_train_rows_make(struct nf_train_rows *r, uint64_t n, struct nf_err *err)
{
	uint32_t part;

	while (r->maker.make != NULL && r->made < n) {
		part = r->nrow - r->made < SOME ? r->nrow - r->made : SOME;
		if (r->maker.make(r->maker.arg, r->index + r->made, part,
		    err) == -1)
			return -1;
		r->made += part;
	}
	return 0;
}

int
nf_train_rows_load(struct nf_train_rows *r, uint32_t epoch, uint64_t row,
    uint32_t n, struct nf_err *err)
{
	const struct nf_ops *o = r->dev->ops;
	uint64_t piece;

	if (r->windows.nwindow == 0)
		return nf_train_rows_make(r, row + n, err);
	piece = row / r->windows.nwindow * npiece(r) +
	    row % r->windows.nwindow / r->piece;
	if (piece == r->at)
		return 0;
	if (r->at != NONE)
		o->leave(r->dev, r->at % NF_WAYS);
	if (send_piece(r, epoch, row, err) == -1)
		return -1;
	o->sent(r->dev, piece % NF_WAYS);
	r->at = piece;
	if (r->dev->host)
		take_over(r, &r->host);
	return 0;
}

/* The row of the epoch's order that the piece after this one begins with. */
static uint64_t
next_piece(const struct nf_train_rows *r)
{
	uint64_t window = r->at / npiece(r), lo = (r->at % npiece(r) + 1) *
	    r->piece;

	return lo < r->windows.nwindow ? window * r->windows.nwindow + lo :
	    (window + 1) * r->windows.nwindow;
}

int
nf_train_rows_ahead(struct nf_train_rows *r, uint32_t epoch, uint64_t nrow,
    struct nf_err *err)
{
	if (r->windows.nwindow == 0 || r->dev->host || r->at == NONE ||
	    next_piece(r) >= nrow)
		return 0;
	return send_piece(r, epoch, next_piece(r), err);
}

int
nf_train_rows_next(struct nf_train_rows *r, uint32_t epoch,
    struct nf_err *err)
{
	return r->mix == NULL ? 0 : nf_mix_order(r->mix, epoch, err);
}

void
nf_train_rows_free(struct nf_train_rows *r)
{
	if (r->dev == NULL)
		return;
	if (!r->dev->host) {
		r->dev->ops->free(r->dev, r->x);
		r->dev->ops->free(r->dev, r->context);
		r->dev->ops->free(r->dev, r->weight);
	}
	r->dev->ops->free(r->dev, r->index);
	nf_mix_free(r->mix);
	*r = (struct nf_train_rows){ 0 };
}
