/* CUDA: linear layers. */
#include <string.h>

#include "cuda.cuh"

/* What norm wrote for tf32 is rounded already; gradients may be cut. */
static enum cuda_use
rounded(enum cuda_use use, enum nf_precision precision)
{
	return precision == NF_TF32 ? CUDA_NUSE : use;
}

static void
cuda_linear(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat y)
{
	struct nf_cuda *c = cuda_of(d);
	enum nf_precision precision = cuda_precision(c, l);
	struct cuda_packed w = { l->w, l->b, l->nin };
	struct cuda_product p;

	memset(&p, 0, sizeof(p));
	if (precision != NF_FP32 && !cuda_pack(c, l, l->nout, l->nout,
	    precision, &w))
		return;
	x.ncol = l->nin;
	p.a = cuda_operand(c, rounded(CUDA_HALF_X, precision), n, x,
	    precision, &p.lda);
	p.b = w.w;
	p.ldb = w.pitch;
	p.tb = 1;
	p.m = n;
	p.n = l->nout;
	p.k = l->nin;
	p.c = y.x;
	p.ldc = y.ld;
	p.bias = l->b == NULL ? NULL : w.b;
	p.precision = precision;
	p.rows = 1;
	y.ncol = l->nout;
	cuda_writing_mat(c, n, y);
	cuda_multiply(c, &c->main, &p);
}

/* They are left aside: few wait for them. */
static void
leave_grad(struct nf_cuda *c, uint32_t n, const struct nf_linear *l,
    const struct cuda_product *p, struct nf_mat dy, float *dw, float *db)
{
	size_t size = p->precision == NF_BF16 ? 2 : 4;
	const void *at[] = { p->a, p->b, dw };
	size_t nbyte[] = { n * p->lda * size, n * p->ldb * size,
		(size_t)l->nout * l->nin * sizeof(*dw) };
	const void *bias_at[] = { dy.x, db };
	size_t bias_nbyte[] = { cuda_mat_size(n, dy),
		l->nout * sizeof(*db) };
	struct cuda_queue *q;

	cuda_writing(c, dw, nbyte[2]);
	q = cuda_aside(c);
	cuda_multiply(c, q, p);
	cuda_aside_end(c, q, 3, at, nbyte);
	if (db == NULL)
		return;
	cuda_writing(c, db, bias_nbyte[1]);
	q = cuda_aside(c);
	cuda_add_columns(c, q, n, dy, dy.ncol, dy.ncol, db);
	cuda_aside_end(c, q, 2, bias_at, bias_nbyte);
}

/* cuBLASLt takes weights as they are: there is nothing to pack. */
static size_t
cuda_pack_size(struct nf_dev *d, const struct nf_linear *l,
    const struct nf_spline *s)
{
	(void)d;
	(void)l;
	(void)s;
	return 0;
}

static void
cuda_pack(struct nf_dev *d, const struct nf_linear *l,
    const struct nf_spline *s, void *packed)
{
	(void)d;
	(void)l;
	(void)s;
	(void)packed;
}

/* p becomes the product; 0 where there is no memory. */
static int
make_weight_grad(struct nf_cuda *c, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, float *dw, float *db,
    struct cuda_product *p)
{
	memset(p, 0, sizeof(*p));
	x.ncol = l->nin;
	dy.ncol = l->nout;
	p->precision = cuda_precision(c, l);
	p->a = cuda_operand(c, rounded(CUDA_HALF_DY, p->precision), n, dy,
	    p->precision, &p->lda);
	p->b = cuda_operand(c, rounded(CUDA_HALF_X, p->precision), n, x,
	    p->precision, &p->ldb);
	if (p->a == NULL || p->b == NULL)
		return 0;
	p->ta = 1;
	p->m = l->nout;
	p->n = l->nin;
	p->k = n;
	p->c = dw;
	p->ldc = l->nin;
	leave_grad(c, n, l, p, dy, dw, db);
	return 1;
}

void
cuda_weight_grad(struct nf_cuda *c, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, float *dw, float *db)
{
	struct cuda_product p;

	make_weight_grad(c, n, l, x, dy, dw, db, &p);
}

static void
cuda_linear_grad(struct nf_dev *d, uint32_t n, const struct nf_linear *l,
    struct nf_mat x, struct nf_mat dy, struct nf_mat dx, int add, float *dw,
    float *db)
{
	struct nf_cuda *c = cuda_of(d);
	enum nf_precision precision = cuda_precision(c, l);
	struct cuda_packed w = { l->w, l->b, l->nin };
	struct cuda_product p;

	if (precision != NF_FP32 && !cuda_pack(c, l, l->nout, l->nout,
	    precision, &w))
		return;
	if (!make_weight_grad(c, n, l, x, dy, dw, db, &p) || dx.x == NULL)
		return;
	p.b = w.w;
	p.ldb = w.pitch;
	p.ta = 0;
	p.m = n;
	p.n = dx.ncol;
	p.k = l->nout;
	p.c = dx.x;
	p.ldc = dx.ld;
	p.beta = add ? 1.0f : 0.0f;
	p.rows = 1;
	cuda_writing_mat(c, n, dx);
	cuda_multiply(c, &c->main, &p);
}

void
cuda_linear_ops(struct nf_ops *t)
{
	t->linear = cuda_linear;
	t->pack_size = cuda_pack_size;
	t->pack = cuda_pack;
	t->linear_grad = cuda_linear_grad;
}
