/* Tiles of rows, on their way through a flow. */
#include <float.h>
#include <math.h>

#include "tile.h"

/* ---- what a lane holds ------------------------------------------------ */

void
nf_tile_forget_units(struct nf_lane *l)
{
	int k;

	for (k = 0; k < 2; k++) {
		if (l->unit[k] != NULL)
			l->work->dev->ops->capture_free(l->work->dev,
			    l->unit[k]);
		l->unit[k] = NULL;
		l->warm[k] = 0;
	}
}

void
nf_tile_forget(struct nf_lane *l)
{
	nf_tile_forget_units(l);
	nf_work_free(l->work);
	l->work = NULL;
}

/* ---- what overflowed ------------------------------------------------- */

/* Numbers that overflowed on the way: bounded, and counted. */
static uint64_t
bound(size_t n, nf_real *x)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (isfinite(x[i]))
			continue;
		x[i] = isnan(x[i]) ? 0 : x[i] > 0 ? FLT_MAX : -FLT_MAX;
		count++;
	}
	return count;
}

static uint64_t
bound_logp(size_t n, double *logp)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (!(fabs(logp[i]) <= FLT_MAX)) {
			logp[i] = logp[i] > 0 ? FLT_MAX : -FLT_MAX;
			count++;
		}
	return count;
}

static void
fail(struct nf_call *c, const struct nf_err *err)
{
#pragma omp critical(nf_eval_fail)
	{
		c->err = *err;
		c->failed = 1;
	}
}

/* ---- a tile ----------------------------------------------------------- */

/*
 * Rows of a matrix of the call come to where they are worked on, in the turn
 * that has room for them as they come.
 */
static void
bring(struct nf_call *c, struct nf_work *w, uint32_t way, nf_real *room,
    nf_real *to, const nf_real *from, size_t n)
{
	const struct nf_ops *o = w->dev->ops;
	size_t nbyte = n * sizeof(*to);

	if (c->here) {
		o->copy(w->dev, to, from, nbyte);
		return;
	}
	room = room == NULL ? to : room;
	o->send(w->dev, way, room, from, nbyte);
	o->sent(w->dev, way);
	if (room != to)
		o->copy(w->dev, to, room, nbyte);
}

/* Through the network; a full tile, where it pays, as one captured unit. */
static void
pass(struct nf_call *c, struct nf_work *w, uint32_t n)
{
	nf_work_context(w, n, c->net->flow->shape.steps);
	if (c->inverse)
		nf_net_inverse(c->net, w, n);
	else
		nf_net_forward(c->net, w, n);
}

static void
pass_tile(struct nf_call *c, struct nf_lane *l, uint32_t n)
{
	struct nf_dev *d = l->work->dev;
	void **unit = &l->unit[c->inverse];

	if (n < l->work->n) {
		pass(c, l->work, n);
		return;
	}
	if (*unit == NULL && l->warm[c->inverse] &&
	    d->ops->capture_begin(d)) {
		pass(c, l->work, n);
		*unit = d->ops->capture_end(d);
	}
	l->warm[c->inverse] = 1;
	if (*unit != NULL)
		d->ops->replay(d, *unit);
	else
		pass(c, l->work, n);
}

/* What the network needs of rows lo .. lo + n of the call. */
static void
bring_rows(struct nf_call *c, struct nf_work *w, uint32_t way, uint64_t lo,
    uint32_t n)
{
	const struct nf_ops *o = w->dev->ops;
	uint32_t D = w->x.ncol, C = w->context.ncol;
	struct nf_turn *u = &w->turn[way];
	struct nf_noise g = c->noise;
	uint64_t row, last;

	g.first += lo;
	if (C > 0 && c->inverse) {
		row = g.first / g.repeat;
		last = (g.first + n - 1) / g.repeat;
		bring(c, w, way, NULL, u->condition, c->context +
		    (row - c->noise.first / g.repeat) * C,
		    (last - row + 1) * C);
		o->spread(w->dev, n, &g, nf_mat(u->condition, C, C), 1,
		    &w->context);
	} else if (C > 0)
		bring(c, w, way, u->in == NULL ? NULL : u->condition,
		    w->context.x, c->context + lo * C, (size_t)n * C);
	if (c->in != NULL)
		bring(c, w, way, u->in, c->inverse ? w->z.x : w->x.x,
		    c->in + lo * D, (size_t)n * D);
	else
		o->noise(w->dev, n, &g, nf_mat(w->z.x, D, D));
}

/* Rows that are done leave room for the next before they are fetched. */
static void
fetch_rows(struct nf_call *c, struct nf_work *w, uint32_t way, uint64_t lo,
    uint32_t n)
{
	const struct nf_ops *o = w->dev->ops;
	size_t D = w->x.ncol, nbyte = n * D * sizeof(nf_real);
	nf_real *x = c->inverse ? w->x.x : w->z.x;
	struct nf_turn *u = &w->turn[way];

	if (c->out != NULL && u->out != NULL)
		o->copy(w->dev, u->out, x, nbyte);
	if (c->logp != NULL && u->logp != NULL)
		o->copy(w->dev, u->logp, w->logp, n * sizeof(*u->logp));
	if (c->out != NULL)
		o->fetch(w->dev, way, c->out + lo * D,
		    u->out == NULL ? x : u->out, nbyte);
	if (c->logp != NULL)
		o->fetch(w->dev, way, c->logp + lo,
		    u->logp == NULL ? w->logp : u->logp,
		    n * sizeof(*u->logp));
}

/* Have the tile of this turn in the host's memory, if there is one. */
static void
end_tile(struct nf_call *c, struct nf_lane *l, uint32_t way)
{
	struct nf_tile *t = &l->tile[way];
	uint64_t count = 0;
	size_t D;

	if (t->n == 0)
		return;
	D = l->work->x.ncol;
	l->work->dev->ops->fetched(l->work->dev, way);
	if (c->out != NULL)
		count += bound(t->n * D, c->out + t->lo * D);
	if (c->logp != NULL)
		count += bound_logp(t->n, c->logp + t->lo);
	t->n = 0;
#pragma omp atomic
	c->clamped += count;
}

/* ---- all tiles -------------------------------------------------------- */

/* One tile of the call; while it is worked on, the lane's next is begun. */
static void
run_tile(void *arg, struct nf_dev *dev, uint32_t ilane, uint64_t itile)
{
	struct nf_call *c = arg;
	uint64_t tile = dev->tile, lo = itile * tile, left = c->n - lo;
	struct nf_lane *l = &c->lane[ilane];
	uint32_t n = (uint32_t)(left < tile ? left : tile), way;
	struct nf_err err;

	if (c->failed)
		return;
	if (l->work == NULL && nf_work_new(&l->work, c->net, dev,
	    dev->tile, 0, &err) == -1) {
		fail(c, &err);
		return;
	}
	way = l->turn;
	l->turn = (way + 1) % l->work->nturn;
	end_tile(c, l, way);
	bring_rows(c, l->work, way, lo, n);
	pass_tile(c, l, n);
	fetch_rows(c, l->work, way, lo, n);
	l->tile[way].lo = lo;
	l->tile[way].n = n;
	if (dev->host)
		end_tile(c, l, way);
}

static void
end_lane(void *arg, struct nf_dev *dev, uint32_t ilane, uint64_t i)
{
	struct nf_call *c = arg;
	struct nf_lane *l = &c->lane[i];
	uint32_t k;

	(void)dev;
	(void)ilane;
	for (k = 0; l->work != NULL && k < l->work->nturn; k++)
		end_tile(c, l, (l->turn + k) % l->work->nturn);
}

int
nf_tile_run(struct nf_call *c, struct nf_err *err)
{
	struct nf_dev *d = c->net->dev;
	uint64_t ntile = (c->n + d->tile - 1) / d->tile;
	uint32_t i;

	if (ntile == 0 || (c->out == NULL && c->logp == NULL))
		return 0;
	for (i = 0; i < d->nlane; i++)
		if (c->lane[i].work != NULL && c->lane[i].work->n != d->tile)
			nf_tile_forget(&c->lane[i]);
	d->ops->each(d, ntile, run_tile, c);
	if (!d->host)
		d->ops->each(d, ntile < d->nlane ? ntile : d->nlane,
		    end_lane, c);
	if (c->failed) {
		*err = c->err;
		return -1;
	}
	if (d->ops->sync(d, err) == -1)
		return -1;
	c->clamped += d->clamped;
	d->clamped = 0;
	return 0;
}

