/* CPU: the splines' gradients. */
#include <omp.h>
#include <string.h>

#include "cpu_spline.h"

/*
 * The gradients of one axis' logits, over its exponentials.  Before the bin
 * each probability moves the lower knot, in the bin its size; softmax takes
 * away the mean.  scale: box size, room left by the minima, logit scale.
 */
static void
logit_grads(uint32_t bins, uint32_t k, nf_real *e, double inv, double before,
    double glo, double gsize, double scale)
{
	double p = (double)e[k] * inv;
	double mean = (before * glo + p * gsize);
	nf_real lower = (nf_real)((glo - mean) * inv * scale);
	nf_real upper = (nf_real)(-mean * inv * scale);
	nf_real here = (nf_real)((gsize - mean) * p * scale);
	uint32_t m;

#pragma omp simd
	for (m = 0; m < bins; m++)
		e[m] *= m < k ? lower : upper;
	e[k] = here;
}

static void
axpy(uint32_t n, nf_real a, const nf_real *x, nf_real *y)
{
	uint32_t j;

#pragma omp simd
	for (j = 0; j < n; j++)
		y[j] += a * x[j];
}

struct job {
	const struct nf_spline *s;
	uint32_t n;
	struct nf_mat h, dx, dh;
	const nf_real *dlogdet;
	nf_real *e;			/* [nt][n][2 bins] */
	struct cpu_kept *kept;		/* [nt][n] */
	nf_real *dw, *db;
};

#define MANY_ROWS	256		/* whose gradients stay in cache */

#define LANES	64			/* rows of a run */

/* The gradients of a run's bins, each an array, for loops over rows. */
struct run {
	uint32_t n;
	struct nf_bin bin[LANES];
	double v[LANES], gout[LANES], gld[LANES];
	double gv[LANES], gx[LANES], gw[LANES], gy[LANES], gh[LANES];
	double gd0[LANES], gd1[LANES];
};

static void
bin_grads(struct run *q)
{
	uint32_t r;

#pragma omp simd
	for (r = 0; r < q->n; r++) {
		struct nf_bin b = q->bin[r];
		struct nf_bin_grad g;

		nf_rqs_grad(&b, q->v[r], q->gout[r], q->gld[r], &g);
		q->gv[r] = g.v;
		q->gx[r] = g.x;
		q->gw[r] = g.w;
		q->gy[r] = g.y;
		q->gh[r] = g.h;
		q->gd0[r] = g.d0;
		q->gd1[r] = g.d1;
	}
}

/*
 * Rows i .. i + q->n of feature f: gradients of their logits, of their
 * arguments and of their two derivatives' logits.
 */
static void
run_grads(const struct job *w, struct run *q, uint64_t i, uint32_t f)
{
	static const struct nf_bin any = { 0, 1, 0, 1, 1, 1 };
	const struct nf_spline *s = w->s;
	double box = 2 * s->tail_bound * s->logit_scale;
	struct cpu_kept *k = &w->kept[f * (size_t)w->n + i];
	nf_real *dx = w->dx.x + i * w->dx.ld + f, *e;
	uint32_t K = s->bins, r;

	for (r = 0; r < q->n; r++) {
		q->bin[r] = k[r].k < 0 ? any : k[r].bin;
		q->v[r] = k[r].k < 0 ? 0 : k[r].v;
		q->gout[r] = (double)dx[r * w->dx.ld];
		q->gld[r] = (double)w->dlogdet[i + r];
	}
	bin_grads(q);
	for (r = 0; r < q->n; r++, k++) {
		e = w->e + (f * (size_t)w->n + i + r) * 2 * K;
		if (k->k < 0) {
			memset(e, 0, 2 * K * sizeof(*e));
			continue;
		}
		logit_grads(K, (uint32_t)k->k, e, k->inv[0], k->before[0],
		    q->gx[r], q->gw[r], box * (1 - s->min_width * K));
		logit_grads(K, (uint32_t)k->k, e + K, k->inv[1],
		    k->before[1], q->gy[r], q->gh[r],
		    box * (1 - s->min_height * K));
		k->slope[0] *= q->gd0[r];
		k->slope[1] *= q->gd1[r];
		dx[r * w->dx.ld] = (nf_real)q->gv[r];
	}
}

static void
value_grads(const struct job *w, uint64_t i, uint32_t m)
{
	struct run q;
	uint32_t f, r;

	for (f = 0; f < w->s->nt; f++)
		for (r = 0; r < m; r += q.n) {
			q.n = m - r < LANES ? m - r : LANES;
			run_grads(w, &q, i + r, f);
		}
}

/* dh of m rows from i: the products of all features, and two rows each. */
static void
hidden_grad(const struct job *w, uint64_t i, uint32_t m, nf_real *room)
{
	const struct nf_spline *s = w->s;
	const struct nf_linear *l = &s->final;
	size_t wide = 2 * s->bins, P = 3 * s->bins - 1, n = w->n;
	const struct cpu_kept *q;
	const nf_real *wd;
	nf_real *dh;
	uint32_t f, k;

	for (f = 0; f < s->nt; f++)
		cpu_product_pack(0, m, l->nin, (uint32_t)wide,
		    w->e + (f * n + i) * wide, wide, l->w + f * P * l->nin,
		    l->nin, NULL, f > 0, w->dh.x + i * w->dh.ld, w->dh.ld,
		    room);
	for (f = 0; f < s->nt; f++) {
		wd = l->w + (f * P + wide) * l->nin;
		for (k = 0; k < m; k++) {
			q = &w->kept[f * n + i + k];
			dh = w->dh.x + (i + k) * w->dh.ld;
			if (q->k > 0)
				axpy(l->nin, (nf_real)q->slope[0],
				    wd + (size_t)(q->k - 1) * l->nin, dh);
			if (q->k >= 0 && q->k < (int32_t)s->bins - 1)
				axpy(l->nin, (nf_real)q->slope[1],
				    wd + (size_t)q->k * l->nin, dh);
		}
	}
}

/* The weights of one feature's widths (part 0) or heights (1). */
static void
weight_grad(const struct job *w, uint32_t f, uint32_t part, nf_real *room)
{
	const struct nf_spline *s = w->s;
	size_t K = s->bins;
	const nf_real *e = w->e + f * (size_t)w->n * 2 * K + part * K;
	size_t row = f * (3 * K - 1) + part * K;

	cpu_product_t(s->bins, s->final.nin, w->n, e, 2 * K, w->h.x,
	    w->h.ld, 0, w->dw + row * s->final.nin, s->final.nin, room);
	memset(w->db + row, 0, K * sizeof(*w->db));
	cpu_add_columns(w->n, s->bins, e, 2 * K, w->db + row);
}

/* The weights of one feature's derivatives: two rows have a gradient. */
static void
derivative_grad(const struct job *w, uint32_t f)
{
	const struct nf_spline *s = w->s;
	size_t K = s->bins, row = f * (3 * K - 1) + 2 * K, H = s->final.nin;
	nf_real *dw = w->dw + row * H, *db = w->db + row;
	const struct cpu_kept *q;
	const nf_real *h;
	uint32_t i;

	memset(dw, 0, (K - 1) * H * sizeof(*dw));
	memset(db, 0, (K - 1) * sizeof(*db));
	for (i = 0; i < w->n; i++) {
		q = &w->kept[f * (size_t)w->n + i];
		h = w->h.x + (size_t)i * w->h.ld;
		if (q->k > 0) {
			axpy((uint32_t)H, (nf_real)q->slope[0], h,
			    dw + (size_t)(q->k - 1) * H);
			db[q->k - 1] += (nf_real)q->slope[0];
		}
		if (q->k >= 0 && q->k < (int32_t)K - 1) {
			axpy((uint32_t)H, (nf_real)q->slope[1], h,
			    dw + (size_t)q->k * H);
			db[q->k] += (nf_real)q->slope[1];
		}
	}
}

static void
cpu_spline_grad(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, void *keep, const nf_real *dlogdet, struct nf_mat dx,
    struct nf_mat dh, nf_real *dw, nf_real *db)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	struct job w = { .s = s, .n = n, .h = h, .dx = dx, .dh = dh,
		.dlogdet = dlogdet, .e = keep, .kept = cpu_kept(n, s, keep),
		.dw = dw, .db = db };
	uint32_t me, k;

#pragma omp parallel for num_threads(c->nthread) schedule(static, 1) \
    if (c->nthread > 1)
	for (me = 0; me < c->nthread; me++) {
		uint32_t m;
		nf_real *room = cpu_scratch(c, me, cpu_product_room(
		    s->final.nin > 2 * s->bins ? s->final.nin :
		    2 * s->bins));
		uint64_t lo, hi, i;

		cpu_split(n, me, c->nthread, 16, &lo, &hi);
		for (i = lo; i < hi && room != NULL; i += m) {
			m = hi - i < MANY_ROWS ? (uint32_t)(hi - i) :
			    MANY_ROWS;
			value_grads(&w, i, m);
			hidden_grad(&w, i, m, room);
		}
	}
	if (c->oom)
		return;
#pragma omp parallel for num_threads(c->nthread) schedule(dynamic, 1) \
    if (c->nthread > 1)
	for (k = 0; k < 3 * s->nt; k++)
		if (k < 2 * s->nt)
			weight_grad(&w, k / 2, k % 2,
			    c->scratch[omp_get_thread_num()]);
		else
			derivative_grad(&w, k - 2 * s->nt);
}

void
cpu_spline_grad_ops(struct nf_ops *t)
{
	t->spline_grad = cpu_spline_grad;
}
