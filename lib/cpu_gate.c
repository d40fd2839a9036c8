/* CPU: the context gate and the residual sum. */
#include <string.h>

#include "cpu.h"
#include "fastmath.h"

/* The gate's weights as products want them, or NULL. */
static const nf_real *
packed_gate(struct nf_cpu *c, const struct nf_linear *l)
{
	nf_real *room;

	if (l->packed != NULL)
		return l->packed;
	room = cpu_scratch(c, c->nthread,
	    cpu_packed_size(l->nin, l->nout) * sizeof(*room));
	if (room != NULL)
		cpu_pack(1, l->nin, l->nout, l->w, l->nin, room);
	return room;
}

/* g = sigmoid(gate(context)) for m rows. */
static void
gate_rows(const struct nf_linear *l, const nf_real *packed, uint32_t m,
    const nf_real *context, size_t ld, nf_real *g)
{
	size_t k, nout = l->nout;

	cpu_product(m, l->nout, l->nin, context, ld, packed, l->b, 0, g,
	    nout);
#pragma omp simd
	for (k = 0; k < m * nout; k++)
		g[k] = nf_sigmoid(g[k]);
}

static void
add_rows(uint32_t m, uint32_t ncol, const nf_real *g, const nf_real *w,
    size_t ldw, const nf_real *t, size_t ldt, nf_real *to, size_t ldto)
{
	uint32_t i, j;

	for (i = 0; i < m; i++, w += ldw, t += ldt, to += ldto) {
		if (g == NULL) {
#pragma omp simd
			for (j = 0; j < ncol; j++)
				to[j] = t[j] + w[j];
			continue;
		}
#pragma omp simd
		for (j = 0; j < ncol; j++)
			to[j] = t[j] + w[j] * g[j];
		g += ncol;
	}
}

static void
cpu_gate(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat context, struct nf_mat w, struct nf_mat t, struct nf_mat to)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	const nf_real *packed = context.ncol > 0 ? packed_gate(c, l) : NULL;
	uint32_t me;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		uint32_t m;
		nf_real *g = NULL;
		uint64_t lo, hi, i;

		cpu_split(n, me, c->nthread, NF_CPU_TILE, &lo, &hi);
		if (context.ncol > 0)
			g = cpu_scratch(c, me, sizeof(*g) * NF_CPU_TILE *
			    w.ncol);
		for (i = lo; i < hi && !c->oom; i += m) {
			m = hi - i < NF_CPU_TILE ? (uint32_t)(hi - i) :
			    NF_CPU_TILE;
			if (g != NULL)
				gate_rows(l, packed, m, context.x +
				    i * context.ld, context.ld, g);
			add_rows(m, w.ncol, g, w.x + i * w.ld, w.ld,
			    t.x + i * t.ld, t.ld, to.x + i * to.ld, to.ld);
		}
	}
}

/* dw = dt g, and g becomes the gradient at the gate's linear output. */
static void
grad_rows(uint32_t m, uint32_t ncol, nf_real *g, const nf_real *w, size_t ldw,
    const nf_real *dt, size_t lddt, nf_real *dw, size_t lddw)
{
	uint32_t i, j;

	for (i = 0; i < m; i++) {
#pragma omp simd
		for (j = 0; j < ncol; j++) {
			nf_real s = g[j], e = dt[j] * s;

			g[j] = e * w[j] * (1 - s);
			dw[j] = e;
		}
		g += ncol;
		w += ldw;
		dt += lddt;
		dw += lddw;
	}
}

static void
cpu_gate_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat context, struct nf_mat w, struct nf_mat dt,
    struct nf_mat dw, nf_real *dgw, nf_real *dgb)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	size_t H = w.ncol, nw = H * context.ncol, i;
	const nf_real *packed;
	uint32_t me, k;

	if (context.ncol == 0) {
		for (i = 0; i < n; i++)
			memcpy(dw.x + i * dw.ld, dt.x + i * dt.ld,
			    H * sizeof(nf_real));
		return;
	}
	packed = packed_gate(c, l);
#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		uint32_t m;
		nf_real *sum = cpu_scratch(c, me, sizeof(*sum) *
		    (nw + H + NF_CPU_TILE * H) + cpu_product_room(l->nin)),
		    *g = sum + nw + H, *room = g + NF_CPU_TILE * H;
		uint64_t lo, hi, r;

		cpu_split(n, me, c->nthread, NF_CPU_TILE, &lo, &hi);
		if (sum != NULL)
			memset(sum, 0, (nw + H) * sizeof(*sum));
		for (r = lo; r < hi && !c->oom; r += m) {
			m = hi - r < NF_CPU_TILE ? (uint32_t)(hi - r) :
			    NF_CPU_TILE;
			gate_rows(l, packed, m, context.x + r * context.ld,
			    context.ld, g);
			grad_rows(m, w.ncol, g, w.x + r * w.ld, w.ld,
			    dt.x + r * dt.ld, dt.ld, dw.x + r * dw.ld, dw.ld);
			cpu_product_t(w.ncol, context.ncol, m, g, H,
			    context.x + r * context.ld, context.ld, 1, sum,
			    context.ncol, room);
			cpu_add_columns(m, w.ncol, g, H, sum + nw);
		}
	}
	if (c->oom)
		return;
	memcpy(dgw, c->scratch[0], nw * sizeof(*dgw));
	memcpy(dgb, (nf_real *)c->scratch[0] + nw, H * sizeof(*dgb));
	for (k = 1; k < c->nthread; k++)
		for (i = 0; i < nw + H; i++)
			*(i < nw ? &dgw[i] : &dgb[i - nw]) +=
			    ((nf_real *)c->scratch[k])[i];
}

void
cpu_gate_ops(struct nf_ops *t)
{
	t->gate = cpu_gate;
	t->gate_grad = cpu_gate_grad;
}
