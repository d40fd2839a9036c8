/*
 * Operands between sentinels, for tests of single operations.  What stands
 * before, behind and between the rows is NaN: an operation that writes there
 * is seen, and one that reads there spoils its own answer.
 */
#ifndef GUARD_H
#define GUARD_H

#include "flows.h"

#define GUARD	64		/* bytes on either side: keeps alignment */

struct guarded {
	struct nf_dev *dev;
	unsigned char *base;		/* on the device */
	size_t size;			/* of an element */
	uint32_t n, ncol, ld;
	int broken;
};

static inline size_t
guard_bytes(const struct guarded *g)
{
	return 2 * GUARD + (size_t)g->n * g->ld * g->size;
}

/* n rows of ncol elements of that size, ld apart, all sentinel. */
static inline void
guard_new(struct guarded *g, struct nf_dev *d, size_t size, uint32_t n,
    uint32_t ncol, uint32_t ld)
{
	size_t nbyte;
	char *host;

	*g = (struct guarded){ .dev = d, .size = size, .n = n, .ncol = ncol,
		.ld = ld };
	nbyte = guard_bytes(g);
	host = room(nbyte, 1);
	memset(host, 0xff, nbyte);
	g->base = device(d, host, nbyte);
	nf_free(host);
}

static inline void *
guard_at(const struct guarded *g)
{
	return g->base + GUARD;
}

static inline struct nf_mat
guard_mat(const struct guarded *g)
{
	return nf_mat(guard_at(g), g->ncol, g->ld);
}

/* Rows in, without gaps. */
static inline void
guard_put(const struct guarded *g, const void *rows)
{
	size_t wide = g->ncol * g->size, i;

	for (i = 0; i < g->n; i++)
		g->dev->ops->upload(g->dev, (char *)guard_at(g) +
		    i * g->ld * g->size, (const char *)rows + i * wide, wide);
}

static inline int
guard_whole(const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != 0xff)
			return 0;
	return 1;
}

/* Rows out (rows may be NULL), and a look at the sentinels. */
static inline void
guard_get(struct guarded *g, void *rows)
{
	size_t wide = g->ncol * g->size, step = g->ld * g->size, i;
	unsigned char *host = room(guard_bytes(g), 1), *p = host + GUARD;

	fetch(g->dev, host, g->base, guard_bytes(g));
	g->broken |= !guard_whole(host, GUARD) ||
	    !guard_whole(p + g->n * step, GUARD);
	for (i = 0; i < g->n; i++) {
		if (rows != NULL)
			memcpy((char *)rows + i * wide, p + i * step, wide);
		g->broken |= !guard_whole(p + i * step + wide, step - wide);
	}
	nf_free(host);
}

/* A last look; returns whether no sentinel was ever touched. */
static inline int
guard_free(struct guarded *g)
{
	guard_get(g, NULL);
	g->dev->ops->free(g->dev, g->base);
	return !g->broken;
}

#endif
