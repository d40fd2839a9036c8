/* CPU: linear layers. */
#include <omp.h>
#include <string.h>

#include "cpu.h"

static size_t
cpu_pack_size(struct nf_dev *d, const struct nf_linear *l,
    const struct nf_spline *s)
{
	(void)d;
	if (s != NULL)		/* the hidden rows are packed, not these */
		return 0;
	return cpu_packed_size(l->nin, l->nout) * sizeof(nf_real);
}

static void
cpu_pack_weight(struct nf_dev *d, const struct nf_linear *l,
    const struct nf_spline *s, void *packed)
{
	(void)d;
	(void)s;
	cpu_pack(1, l->nin, l->nout, l->w, l->nin, packed);
}

/*
 * Who takes what is settled as it goes, some rows at a time: a thread that
 * the system has held up holds up no other.  Nothing else comes of it, since
 * every element is one thread's, in one order.
 */
static uint32_t
rows_of_job(const struct nf_cpu *c, uint32_t n)
{
	uint32_t m = n / (4 * c->nthread) / 64 * 64;

	return m < 64 ? 64 : m;
}

static void
cpu_linear(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	nf_real *room = NULL;
	uint32_t m = rows_of_job(c, n), i;

	if (l->packed == NULL && (room = cpu_scratch(c, c->nthread,
	    cpu_packed_size(l->nin, l->nout) * sizeof(*room))) == NULL)
		return;
#pragma omp parallel num_threads(c->nthread) if (c->nthread > 1)
	{
		if (room != NULL)
#pragma omp for schedule(static, 1)
			for (i = 0; i < c->nthread; i++)
				cpu_pack_part(1, l->nin, l->nout, l->w,
				    l->nin, i, c->nthread, room);
#pragma omp for schedule(dynamic, 1) nowait
		for (i = 0; i < n; i += m)
			cpu_product(n - i < m ? n - i : m, l->nout, l->nin,
			    x.x + i * (size_t)x.ld, x.ld, room != NULL ?
			    room : l->packed, l->b, 0,
			    y.x + i * (size_t)y.ld, y.ld);
	}
}

struct grad {
	uint32_t n;
	const struct nf_linear *l;
	struct nf_mat x, dy;
	nf_real *dw, *db;
};

/* Outputs lo .. lo + m of dw and db. */
static void
some_weights(struct nf_cpu *c, const struct grad *g, uint32_t lo, uint32_t m)
{
	uint32_t nin = g->l->nin;
	nf_real *room = cpu_scratch(c, (uint32_t)omp_get_thread_num(),
	    cpu_product_room(g->l->nout));

	if (room == NULL)
		return;
	cpu_product_t(m, nin, g->n, g->dy.x + lo, g->dy.ld, g->x.x, g->x.ld,
	    0, g->dw + (size_t)lo * nin, nin, room);
	if (g->db != NULL) {
		memset(g->db + lo, 0, m * sizeof(*g->db));
		cpu_add_columns(g->n, m, g->dy.x + lo, g->dy.ld, g->db + lo);
	}
}

static void
cpu_linear_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int add,
    nf_real *dw, nf_real *db)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	struct grad g = { n, l, x, dy, dw, db };
	uint32_t some = ((l->nout + c->nthread - 1) / c->nthread + 7) / 8 * 8;
	nf_real *room = NULL;
	uint32_t m = rows_of_job(c, n), i;

	if (dx.x != NULL && (room = cpu_scratch(c, c->nthread,
	    cpu_packed_size(l->nout, dx.ncol) * sizeof(*room))) == NULL)
		return;
#pragma omp parallel num_threads(c->nthread) if (c->nthread > 1)
	{
		if (room != NULL)
#pragma omp for schedule(static, 1)
			for (i = 0; i < c->nthread; i++)
				cpu_pack_part(0, l->nout, dx.ncol, l->w,
				    l->nin, i, c->nthread, room);
#pragma omp for schedule(dynamic, 1) nowait
		for (i = 0; i < l->nout; i += some)
			some_weights(c, &g, i, l->nout - i < some ?
			    l->nout - i : some);
#pragma omp for schedule(dynamic, 1) nowait
		for (i = 0; i < (room == NULL ? 0 : n); i += m)
			cpu_product(n - i < m ? n - i : m, dx.ncol, l->nout,
			    dy.x + i * (size_t)dy.ld, dy.ld, room, NULL, add,
			    dx.x + i * (size_t)dx.ld, dx.ld);
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
