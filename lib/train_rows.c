/* A trainer's rows on the device. */
#include "train_rows.h"

#define NO_WINDOW	UINT64_MAX
#define WORK		131072		/* bytes that a row's work may take */
/* Bytes of a window where the device has no room for all rows. */
#define WINDOW		((uint64_t)1 << 26)

/* A copy of n numbers on the device, or they themselves where it can. */
static nf_real *
put(struct nf_dev *d, const nf_real *from, uint64_t n)
{
	nf_real *to;

	if (from == NULL || n == 0)
		return NULL;
	if (d->host)
		return (nf_real *)from;
	to = d->ops->alloc(d, n * sizeof(*to));
	if (to != NULL)
		d->ops->upload(d, to, from, n * sizeof(*to));
	return to;
}

/* Rows of a window lie in the epoch's order already. */
static int
put_order(struct nf_train_rows *r, struct nf_err *err)
{
	uint32_t n = r->nrow, i;
	uint32_t *index = nf_alloc(n, sizeof(*index), "an order", err);
	int rc;

	if (index == NULL)
		return -1;
	for (i = 0; i < n; i++)
		index[i] = (uint32_t)(i % r->windows.nwindow);
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

/* What rows may take there, beside what a step and validation will. */
static uint64_t
room_for_rows(const struct nf_dev *dev, uint64_t spare, uint32_t batch)
{
	uint64_t keep = ((uint64_t)dev->nlane * dev->tile + batch) * WORK;

	if (dev->row_memory > 0)
		return dev->row_memory;
	return spare - (keep < spare / 2 ? keep : spare / 2);
}

/* Windows over the host's rows, if the device has no room for them. */
static int
cut(struct nf_train_rows *r, const struct nf_rowset *rows, uint64_t seed,
    uint32_t batch, struct nf_err *err)
{
	uint64_t row = row_bytes(r->shape, rows->weight != NULL), room, n;
	struct nf_dev *d = r->dev;

	if (d->host || d->ops->spare == NULL)
		return 0;
	room = room_for_rows(d, d->ops->spare(d), batch);
	if (rows->nrow <= room / row)
		return 0;
	n = (room / 2 < WINDOW ? room / 2 : WINDOW) / row / batch * batch;
	return nf_mix_new(&r->mix, rows, r->shape, seed, n < batch ? batch :
	    n, &r->windows, err);
}

static void
put_all(struct nf_train_rows *r, const struct nf_rowset *rows)
{
	uint64_t n = rows->nrow;

	r->x = put(r->dev, rows->x, n * r->shape->features);
	r->context = put(r->dev, rows->context, n * r->shape->context);
	r->weight = put(r->dev, rows->weight, n);
}

int
nf_train_rows_put(struct nf_train_rows *r, struct nf_dev *dev,
    const struct nf_flow *f, uint64_t seed, uint32_t batch,
    const struct nf_rowset *rows, const struct nf_windows *windows,
    struct nf_err *err)
{
	const struct nf_ops *o = dev->ops;
	uint64_t n;

	r->dev = dev;
	r->shape = &f->shape;
	r->nrow = (uint32_t)rows->nrow;
	if (windows != NULL)
		r->windows = *windows;
	else if (cut(r, rows, seed, batch, err) == -1)
		return -1;
	r->index = o->alloc(dev, r->nrow * sizeof(*r->index));
	if (r->windows.nwindow == 0) {
		put_all(r, rows);
		return o->sync(dev, err);
	}
	r->window = NO_WINDOW;
	if (dev->host)
		return put_order(r, err);
	n = r->windows.nwindow * sizeof(nf_real);
	r->x = o->alloc(dev, n * r->shape->features);
	if (r->shape->context > 0)
		r->context = o->alloc(dev, n * r->shape->context);
	if (r->windows.weighted)
		r->weight = o->alloc(dev, n);
	return put_order(r, err);
}

void
nf_train_rows_epoch(struct nf_train_rows *r, uint64_t seed, uint32_t epoch)
{
	r->window = NO_WINDOW;
	if (r->windows.nwindow == 0)
		r->dev->ops->shuffle(r->dev, seed, epoch, r->nrow, r->index);
}

int
nf_train_rows_load(struct nf_train_rows *r, uint32_t epoch, uint64_t row,
    struct nf_err *err)
{
	const struct nf_windows *w = &r->windows;
	const struct nf_ops *o = r->dev->ops;
	size_t size = sizeof(nf_real);
	struct nf_rowset rows;

	if (w->nwindow == 0 || row / w->nwindow == r->window)
		return 0;
	if (w->load(w->arg, epoch, row / w->nwindow, &rows, err) == -1)
		return -1;
	r->window = row / w->nwindow;
	if (r->dev->host) {
		r->x = (nf_real *)rows.x;
		r->context = (nf_real *)rows.context;
		r->weight = (nf_real *)rows.weight;
		return 0;
	}
	o->upload(r->dev, r->x, rows.x, rows.nrow * r->shape->features * size);
	if (r->context != NULL)
		o->upload(r->dev, r->context, rows.context,
		    rows.nrow * r->shape->context * size);
	if (r->weight != NULL)
		o->upload(r->dev, r->weight, rows.weight, rows.nrow * size);
	return 0;
}

int
nf_train_rows_ahead(struct nf_train_rows *r, uint32_t epoch,
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
}
