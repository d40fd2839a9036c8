/* Windows of shuffled rows, gathered in the host's memory. */
#include <string.h>

#include "shuffle.h"
#include "train_mix.h"

struct nf_mix {
	struct nf_rowset rows;
	uint32_t D, C;
	uint64_t seed, nwindow;
	uint32_t epoch;			/* which the order is of */
	int ordered;
	uint32_t *order;		/* [nrow] */
	nf_real *x, *context, *weight;	/* [nwindow], or NULL */
};

int
nf_mix_order(struct nf_mix *m, uint32_t epoch, struct nf_err *err)
{
	if (m->ordered && m->epoch == epoch)
		return 0;
	m->ordered = 0;
	if (nf_shuffle(m->seed, NF_FOR_EPOCH, epoch, (uint32_t)m->rows.nrow,
	    m->order, err) == -1)
		return -1;
	m->epoch = epoch;
	m->ordered = 1;
	return 0;
}

/* to[i] = from[index[i]], rows of ncol numbers. */
static void
pick(uint64_t n, const uint32_t *index, const nf_real *from, uint32_t ncol,
    nf_real *to)
{
	uint64_t i;

	if (to == NULL)
		return;
#pragma omp parallel for if (n > 10000)
	for (i = 0; i < n; i++)
		memcpy(to + i * ncol, from + (size_t)index[i] * ncol,
		    ncol * sizeof(*to));
}

static int
load(void *arg, uint32_t epoch, uint64_t window, struct nf_rowset *rows,
    struct nf_err *err)
{
	struct nf_mix *m = arg;
	uint64_t lo = window * m->nwindow, left = m->rows.nrow - lo;
	uint64_t n = left < m->nwindow ? left : m->nwindow;

	if (nf_mix_order(m, epoch, err) == -1)
		return -1;
	pick(n, m->order + lo, m->rows.x, m->D, m->x);
	pick(n, m->order + lo, m->rows.context, m->C, m->context);
	pick(n, m->order + lo, m->rows.weight, 1, m->weight);
	*rows = (struct nf_rowset){ n, m->x, m->context, m->weight };
	return 0;
}

static int
room(nf_real **p, const nf_real *from, uint64_t n, struct nf_err *err)
{
	if (from == NULL || n == 0)
		return 0;
	*p = nf_alloc(n, sizeof(**p), "a window of rows", err);
	return *p == NULL ? -1 : 0;
}

int
nf_mix_new(struct nf_mix **out, const struct nf_rowset *rows,
    const struct nf_shape *s, uint64_t seed, uint64_t nwindow,
    struct nf_windows *w, struct nf_err *err)
{
	struct nf_mix *m = nf_alloc(1, sizeof(*m), "windows", err);

	*out = m;
	if (m == NULL)
		return -1;
	m->rows = *rows;
	m->D = s->features;
	m->C = s->context;
	m->seed = seed;
	m->nwindow = nwindow;
	m->order = nf_alloc(rows->nrow, sizeof(*m->order), "an order", err);
	if (m->order == NULL ||
	    room(&m->x, rows->x, nwindow * m->D, err) == -1 ||
	    room(&m->context, rows->context, nwindow * m->C, err) == -1 ||
	    room(&m->weight, rows->weight, nwindow, err) == -1) {
		nf_mix_free(m);
		*out = NULL;
		return -1;
	}
	*w = (struct nf_windows){ .nrow = rows->nrow, .nwindow = nwindow,
		.weighted = rows->weight != NULL, .load = load, .arg = m };
	return 0;
}

void
nf_mix_free(struct nf_mix *m)
{
	if (m == NULL)
		return;
	nf_free(m->order);
	nf_free(m->x);
	nf_free(m->context);
	nf_free(m->weight);
	nf_free(m);
}
