/* CPU: linear layers. */
#include <string.h>

#include "cpu.h"

static size_t
cpu_pack_size(struct nf_dev *d, const struct nf_linear *l,
    const struct nf_spline *s)
{
	(void)d;
	if (s != NULL)		/* the logits of widths and heights alone */
		return s->nt * cpu_packed_size(l->nin, 2 * s->bins) *
		    sizeof(nf_real);
	return cpu_packed_size(l->nin, l->nout) * sizeof(nf_real);
}

static void
cpu_pack_weight(struct nf_dev *d, const struct nf_linear *l,
    const struct nf_spline *s, void *packed)
{
	size_t size;
	uint32_t f;

	(void)d;
	if (s == NULL) {
		cpu_pack(1, l->nin, l->nout, l->w, l->nin, packed);
		return;
	}
	size = cpu_packed_size(l->nin, 2 * s->bins);
	for (f = 0; f < s->nt; f++)
		cpu_pack(1, l->nin, 2 * s->bins, l->w +
		    (size_t)f * (3 * s->bins - 1) * l->nin, l->nin,
		    (nf_real *)packed + f * size);
}

static void
cpu_linear(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t me;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		uint64_t lo, hi;
		nf_real *room;

		cpu_split(n, me, c->nthread, 16, &lo, &hi);
		if (l->packed != NULL)
			cpu_product((uint32_t)(hi - lo), l->nout, l->nin,
			    x.x + lo * x.ld, x.ld, l->packed, l->b, 0,
			    y.x + lo * y.ld, y.ld);
		else if ((room = cpu_scratch(c, me,
		    cpu_product_room(l->nin))) != NULL)
			cpu_product_pack(1, (uint32_t)(hi - lo), l->nout,
			    l->nin, x.x + lo * x.ld, x.ld, l->w, l->nin,
			    l->b, 0, y.x + lo * y.ld, y.ld, room);
	}
}

static void
cpu_linear_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int add,
    nf_real *dw, nf_real *db)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t me;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		uint32_t m;
		uint64_t lo, hi;
		nf_real *room = cpu_scratch(c, me, cpu_product_room(l->nout));

		cpu_split(l->nout, me, c->nthread, 8, &lo, &hi);
		m = room == NULL ? 0 : (uint32_t)(hi - lo);
		cpu_product_t(m, l->nin, n, dy.x + lo, dy.ld, x.x, x.ld, 0,
		    dw + lo * l->nin, l->nin, room);
		if (db != NULL) {
			memset(db + lo, 0, m * sizeof(*db));
			cpu_add_columns(n, m, dy.x + lo, dy.ld, db + lo);
		}
		cpu_split(dx.x == NULL || room == NULL ? 0 : n, me,
		    c->nthread, 16, &lo, &hi);
		cpu_product_pack(0, (uint32_t)(hi - lo), dx.ncol, l->nout,
		    dy.x + lo * dy.ld, dy.ld, l->w, l->nin, NULL, add,
		    dx.x + lo * dx.ld, dx.ld, room);
	}
}

void
cpu_linear_ops(struct nf_ops *t)
{
	t->pack_size = cpu_pack_size;
	t->pack = cpu_pack_weight;
	t->linear = cpu_linear;
	t->linear_grad = cpu_linear_grad;
}
