/* CUDA: splines, forward and inverse, with the linear layer before them. */
#include <string.h>

#include "seek.cuh"

/* ---- a thread takes a value through its bin --------------------------- */

/* What there is for the gradient; one at a time, for few registers. */
static __device__ void
keep_found(const struct found *r, struct cuda_kept *q)
{
	int a;

	for (a = 0; a < 2; a++) {
		q->inv[a] = r->inv[a];
		q->before[a] = r->before[a];
		q->size[a] = r->size[a];
		q->top[a] = r->top[a];
	}
}

/* The derivative at end a of the bin; those of the box are 1. */
static __device__ double
derivative(const struct nf_spline *s, const struct found *r, int a,
    struct cuda_kept *q)
{
	int outer = r->k == (a == 0 ? 0 : (int32_t)s->bins - 1);
	double slope, d = nf_softplus_both(r->raw[a], &slope);

	if (q != NULL)
		q->slope[a] = outer ? 0 : slope;
	return outer ? 1 : s->min_derivative + d;
}

static __device__ void
make_bin(const struct nf_spline *s, const struct found *r, struct nf_bin *b,
    struct cuda_kept *q)
{
	double T = s->tail_bound, K = s->bins, k = r->k;
	double rw = 1 - s->min_width * K, rh = 1 - s->min_height * K;

	b->d0 = derivative(s, r, 0, q);
	b->d1 = derivative(s, r, 1, q);
	b->x = 2 * T * (s->min_width * k + rw * r->before[0]) - T;
	b->w = 2 * T * (s->min_width + rw * r->size[0]);
	b->y = 2 * T * (s->min_height * k + rh * r->before[1]) - T;
	b->h = 2 * T * (s->min_height + rh * r->size[1]);
	if (q != NULL)
		q->bin = *b;
}

/* Returns the log derivative. */
static __device__ double
through(const struct chunk *c, const struct found *r, size_t i, uint32_t f,
    uint32_t *count)
{
	struct cuda_kept *q = c->kept == NULL ? NULL :
	    &c->kept[i * c->s.nt + f];
	float *x = c->x.x + i * c->x.ld + f;
	uint64_t clamped = 0;
	struct nf_bin b;
	double ld = 0;

	if (q != NULL)
		q->k = r->k;
	if (r->k < 0)
		return 0;
	if (q != NULL) {
		q->v = *x;
		keep_found(r, q);
	}
	make_bin(&c->s, r, &b, q);
	*x = (float)(c->inverse ? nf_rqs_inverse(&b, *x, &ld, &clamped) :
	    nf_rqs_forward(&b, *x, &ld));
	*count += (uint32_t)clamped;
	return ld;
}

/*
 * Value v of the block's rows from i0 on: by LANES threads.  All in a warp
 * must come; what lies outside the box is sought at its edge.  Whether logits
 * are bounded is known where it is called, so that training has no trace of
 * it.
 */
static __device__ __forceinline__ void
seek(const struct chunk *c, size_t i0, uint32_t v, int bound,
    struct found *to, uint32_t *count)
{
	uint32_t f = v % c->s.nt, none = 0, nbound = 0;
	size_t i = i0 + v / c->s.nt;
	double T = c->s.tail_bound, x = c->x.x[i * c->x.ld + f];
	int inside = x >= -T && x <= T;
	struct found r;

	find_bin(c, f, c->logit + (i * c->s.nt + f) * c->pitch,
	    inside ? (x + T) / (2 * T) : 0, bound, &r, &nbound);
	derivatives(c, f, c->h.x + i * c->h.ld, &r);
	if (bound) {
		r.raw[0] = bounded(r.raw[0], &none);
		r.raw[1] = bounded(r.raw[1], &none);
	}
	if (!inside)
		r.k = -1;
	if (to == NULL)
		return;
	*count += inside ? nbound : 0;
	if (threadIdx.x % LANES == 0)
		*to = r;
}

static __global__ void
spline(struct chunk c)
{
	__shared__ struct found found[GROUP];
	__shared__ double part[GROUP];
	uint32_t nt = c.s.nt, rows = cuda_spline_rows(nt), t = threadIdx.x;
	size_t i0 = blockIdx.x * (size_t)rows;
	uint32_t nrow = c.n - i0 < rows ? (uint32_t)(c.n - i0) : rows;
	uint32_t v0, v, lo, hi, last = nrow * nt - 1, count = 0;
	struct found *to;
	double ld = 0;

	for (v0 = 0; v0 < nrow * nt; v0 += GROUP) {
		v = v0 + t / LANES < last ? v0 + t / LANES : last;
		to = v0 + t / LANES <= last ? &found[t / LANES] : NULL;
		if (v0 + t / 32 * (32 / LANES) > last)
			;			/* a warp without any */
		else if (c.kept != NULL)
			seek(&c, i0, v, 0, to, &count);
		else
			seek(&c, i0, v, 1, to, &count);
		__syncthreads();
		v = v0 + t;
		if (t < GROUP && v < nrow * nt)
			part[t] = through(&c, &found[t], i0 + v / nt, v % nt,
			    &count);
		__syncthreads();
		if (t < nrow) {
			lo = t * nt < v0 ? v0 : t * nt;
			hi = (t + 1) * nt < v0 + GROUP ? (t + 1) * nt :
			    v0 + GROUP;
			for (v = lo; v < hi; v++)
				ld += part[v - v0];
		}
	}
	if (t < nrow)
		c.logdet[i0 + t] += ld;
	if (count > 0)
		atomicAdd((unsigned long long *)c.clamped,
		    (unsigned long long)count);
}

/* ---- chunks ----------------------------------------------------------- */

static size_t
cuda_spline_keep(struct nf_dev *d, uint32_t n, const struct nf_spline *s)
{
	(void)d;
	return cuda_spline_keep_size(n, s);
}

/* The product of a chunk's rows: widths and heights, feature by feature. */
static void
make_logits(struct nf_cuda *c, const struct chunk *k, const void *h,
    size_t ldh, const struct cuda_packed *w, enum nf_precision precision)
{
	struct cuda_product p;

	memset(&p, 0, sizeof(p));
	p.a = h;
	p.lda = ldh;
	p.b = w->w;
	p.ldb = w->pitch;
	p.tb = 1;
	p.m = k->n;
	p.n = 2 * k->s.bins;
	p.k = k->s.final.nin;
	p.c = (float *)k->logit;
	p.ldc = (size_t)k->s.nt * k->pitch;
	p.batch = k->s.nt;
	p.sb = k->filled * w->pitch;
	p.sc = k->pitch;
	p.precision = precision;
	p.rows = 1;
	cuda_multiply(c, &c->main, &p);
}

static void
all_chunks(struct nf_cuda *c, uint32_t n, struct chunk *k, void *keep)
{
	const struct nf_linear *l = &k->s.final;
	enum nf_precision precision = cuda_precision(c, l);
	size_t size = precision == NF_BF16 ? 2 : 4, ldh, nrow, row;
	uint32_t nt = k->s.nt, rows, i, step = cuda_spline_rows(nt);
	struct cuda_packed w;
	const char *h;

	k->filled = cuda_filled(&k->s);
	k->pitch = keep != NULL ? k->filled : (2 * k->s.bins + 3) / 4 * 4;
	row = (size_t)nt * k->pitch;
	rows = cuda_chunk(c, n, row * sizeof(float));
	cuda_begin(c);
	if (n == 0 || !cuda_pack(c, l, 3 * k->s.bins - 1, k->filled,
	    precision, &w))
		return;
	k->bias = w.b;
	k->clamped = c->count;
	c->clamps |= keep == NULL;
	k->h.ncol = l->nin;
	h = (const char *)cuda_operand(c, CUDA_HALF_X, n, k->h, precision,
	    &ldh);
	k->logit = (float *)(keep != NULL ? keep : cuda_scratch(c,
	    CUDA_LOGIT, rows * row * sizeof(float)));
	if (h == NULL || k->logit == NULL)
		return;
	for (i = 0; i < n; i += k->n) {
		k->n = n - i < rows ? n - i : rows;
		nrow = k->n;
		make_logits(c, k, h, ldh, &w, precision);
		NF_LAUNCH(spline, cuda_blocks(nrow, step, 0x7fffffff),
		    NTHREAD, 0, c->main.stream)(*k);
		cuda_launched(c, "spline");
		h += nrow * ldh * size;
		k->h.x += nrow * k->h.ld;
		k->x.x += nrow * k->x.ld;
		k->logdet += nrow;
		if (keep != NULL) {
			k->logit += nrow * row;
			k->kept += nrow * nt;
		}
	}
}

static void
cuda_spline(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet, void *keep)
{
	struct chunk k;

	memset(&k, 0, sizeof(k));
	k.s = *s;
	k.h = h;
	k.x = x;
	k.logdet = logdet;
	if (keep != NULL)
		k.kept = cuda_kept_of(n, s, keep);
	all_chunks(cuda_of(d), n, &k, keep);
}

static void
cuda_spline_inverse(struct nf_dev *d, uint32_t n, const struct nf_spline *s,
    struct nf_mat h, struct nf_mat x, double *logdet)
{
	struct chunk k;

	memset(&k, 0, sizeof(k));
	k.s = *s;
	k.h = h;
	k.x = x;
	k.logdet = logdet;
	k.inverse = 1;
	all_chunks(cuda_of(d), n, &k, NULL);
}

void
cuda_spline_ops(struct nf_ops *t)
{
	t->spline_keep = cuda_spline_keep;
	t->spline = cuda_spline;
	t->spline_inverse = cuda_spline_inverse;
}
