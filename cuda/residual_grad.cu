/*
 * CUDA: a residual block's gradient, in as few launches as it takes.
 */
#include <math.h>
#include <string.h>

#include "layer_launch.cuh"

/* A norm's column, as its gradient takes it. */
struct column {
	float mean, invstd, scale, bias;
};

static __device__ __forceinline__ struct column
norm_of(const struct nf_norm *o, uint32_t nout, uint32_t j)
{
	struct column c = { 0, 0, 1, 0 };

	if (o->weight == NULL || j >= nout)
		return c;
	c.mean = o->mean[j];
	c.invstd = o->invstd[j];
	c.scale = o->weight[j] * c.invstd;
	c.bias = o->bias[j];
	return c;
}

/* The gradient before an activation of what the norm made of x. */
static __device__ __forceinline__ float
before_act(enum nf_act act, const struct column *c, float x, float e)
{
	return e * nf_act_slope(act, (x - c->mean) * c->scale + c->bias);
}

/*
 * From the gradient of what an activation left to that of what it took,
 * stored: number c of the thread's columns; and the tiles' sums of that and
 * of it times the normalised.  t: what the norm took.
 */
static __device__ __forceinline__ void
put_column(const struct layer *p, const int nf, const uint32_t c,
    const struct cuda_mma *m, const float2 *t, float *work)
{
	uint32_t nj = 16 * (uint32_t)nf, k = cuda_mma_column(nf, c, 0), r, q;
	uint32_t j = blockIdx.y * nj + k, i, at;
	const struct nf_norm *o = &p->back.norm;
	struct column n[2] = { norm_of(o, p->nout, j),
		norm_of(o, p->nout, j + 1) };
	float e[2], x[2], a[2] = { 0, 0 }, b[2] = { 0, 0 };

#pragma unroll
	for (r = 0; r < 4; r++) {
		i = blockIdx.x * NF_MMA_ROWS(nf) +
		    cuda_mma_row(r / 2, r % 2);
		x[0] = t[r].x;
		x[1] = t[r].y;
#pragma unroll
		for (q = 0; q < 2; q++) {
			e[q] = before_act(o->act, &n[q], x[q],
			    m->d[r / 2][c][2 * (r % 2) + q]);
			if (i >= p->n)
				continue;
			a[q] += e[q];
			b[q] += e[q] * ((x[q] - n[q].mean) * n[q].invstd);
		}
		put_two(p, nf, p->y, c, r, e[0], e[1]);
	}
#pragma unroll
	for (q = 0; q < 2; q++) {
		a[q] = sum_rows(a[q]);
		b[q] = sum_rows(b[q]);
		at = threadIdx.x / 64 % 2 * nj + k + q;
		if (threadIdx.x % 32 < 4) {
			work[at] = a[q];
			work[2 * nj + at] = b[q];
		}
	}
}

/* Tall tiles take half of their columns at a time: registers. */
static __device__ __forceinline__ void
backward(const struct layer *p, const int nf, const enum before before,
    float *shared)
{
	const uint32_t wide = NF_MMA_TALL(nf) ? nf / 2 : nf;
	float *work = room_of_sums(nf, shared);
	struct cuda_mma m = { { { { 0 } } } };
	double sum[2], about;
	uint32_t c0, c, j;

	multiply(p, nf, 1, before, shared, &m);
#pragma unroll
	for (c0 = 0; c0 < (uint32_t)nf; c0 += wide) {
		float2 t[5][4];

		load_beside(p, nf, p->back.t, c0, wide, t);
#pragma unroll
		for (c = 0; c < wide; c++)
			put_column(p, nf, c0 + c, &m, t[c], work);
	}
	if (p->part == NULL)
		return;
	__syncthreads();
	put_sums(p, nf, work);
	if (!cuda_last_block(p->ticket + blockIdx.y))
		return;
	j = merge(p, nf, CUDA_PLAIN, shared, sum, &about);
	if (j >= p->nout)
		return;
	p->back.dbias[j] = (float)sum[0];
	p->back.dweight[j] = (float)sum[1];
}

NF_LAYER_KERNELS(linear_back, backward, AS_IT_IS)
NF_LAYER_KERNELS(norm_back, backward, NORM_GRAD)

/* dt += what goes back through the norm, from the gradient at its output. */
static __global__ void
add_norm_grad(uint32_t n, struct norm_grad g, struct nf_mat dt)
{
	uint32_t j = blockIdx.y * 32 + threadIdx.x % 32, k;
	uint32_t i = blockIdx.x * NF_TILE_ROWS + threadIdx.x / 32;
	float x[8], t[8], was[8];
	float4 c;
	int in;

	if (j >= dt.ncol)
		return;
#pragma unroll
	for (k = 0; k < 8; k++) {
		in = i + 8 * k < n;
		x[k] = in ? g.e.x[(size_t)(i + 8 * k) * g.e.ld + j] : 0;
		t[k] = in ? g.t.x[(size_t)(i + 8 * k) * g.t.ld + j] : 0;
		was[k] = in ? dt.x[(size_t)(i + 8 * k) * dt.ld + j] : 0;
	}
	c = norm_column(&g, n, j);
#pragma unroll
	for (k = 0; k < 8; k++)
		if (i + 8 * k < n)
			dt.x[(size_t)(i + 8 * k) * dt.ld + j] = was[k] +
			    (x[k] * c.y - (t[k] - c.x) * c.z - c.w);
}

/* ---- the operation ---------------------------------------------------- */

static void
launch_linear(struct nf_cuda *c, const struct layer *p)
{
	cudaStream_t s = cuda_writing_mat(c, p->n, p->y);

	NF_LAYER_LAUNCH(linear_back, c, s, p);
	layer_launched(c, p, p->n * ((double)p->k + 2.0 * p->nout), 0);
}

static void
launch_norm(struct nf_cuda *c, const struct layer *p)
{
	cudaStream_t s = cuda_writing_mat(c, p->n, p->y);

	cuda_writing_mat(c, p->n, p->u);
	NF_LAYER_LAUNCH(norm_back, c, s, p);
	layer_launched(c, p, p->n * (3.0 * p->k + 2.0 * p->nout), 0);
}

/* The gradient y at norm k's output from x at what the linear layer makes; of
 * NORM_GRAD x goes back through norm 1 before, which v keeps. */
static int
half_back(struct nf_cuda *c, uint32_t n, const struct nf_residual *r, int k,
    const struct norm_grad *g, struct nf_mat x, struct nf_mat v,
    struct nf_mat y, float *part)
{
	const struct nf_linear *l = &r->linear[k];
	struct cuda_packed w;
	struct layer p;

	memset(&p, 0, sizeof(p));
	if (!cuda_pack(c, l, l->nout, l->nout, NF_TF32, &w))
		return 0;
	y.ncol = v.ncol = l->nin;
	p.n = n;
	p.k = l->nout;
	p.nout = l->nin;
	p.x = x;
	p.y = y;
	p.w.w = (const float *)w.w;
	p.w.pitch = w.pitch;
	p.w.nrow = l->nout;
	p.w.turned = 1;
	p.from = g[1];
	p.back = g[k];
	p.part = part;
	p.ticket = c->ticket;
	if (k == 0)
		p.u = v;
	if (part != NULL) {
		cuda_writing(c, g[k].dweight, l->nin * sizeof(float));
		cuda_writing(c, g[k].dbias, l->nin * sizeof(float));
	}
	if (k == 1)
		launch_linear(c, &p);
	else
		launch_norm(c, &p);
	return 1;
}

/*
 * room: of the gate's gradient, of that at norm 1's output, before norm 1,
 * and at norm 0's output.  The last goes back through norm 0 when the gate of
 * the block before takes dt, if there is one.
 */
int
cuda_residual_grad(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    struct nf_mat dt, const struct nf_mat *room,
    const struct nf_residual_grad *to)
{
	struct nf_cuda *c = cuda_of(d);
	uint32_t H = r->linear[0].nout;
	size_t ntile = ((size_t)n + NF_TILE_ROWS - 1) / NF_TILE_ROWS;
	struct norm_grad g[2] = {
		{ r->norm[0], r->t, room[3], to->norm_w[0], to->norm_b[0] },
		{ r->norm[1], r->v, room[1], to->norm_w[1], to->norm_b[1] }
	}, behind = { r->next, r->to, { NULL, 0, 0 }, to->behind_w,
		to->behind_b };
	int waits = r->context.ncol > 0;
	float *part = NULL;

	if (n == 0 || !r->kept || !layer_fits(c, r, NF_NORM_AGAIN) ||
	    !layer_aligned(room[0]) || !layer_aligned(room[1]) ||
	    !layer_aligned(room[2]))
		return 0;
	dt.ncol = H;
	if (r->norm[0].weight != NULL && (part = (float *)cuda_scratch(c,
	    CUDA_TILES, ntile * H * 2 * sizeof(*part))) == NULL)
		return 1;
	if (waits && !r->last)
		behind.e = to->behind;
	cuda_gate_grad_after(c, n, &r->gate, r->context, r->w, &behind, dt,
	    room[0], to->gate_w, to->gate_b);
	cuda_weight_grad(c, n, &r->linear[1], r->u[1], room[0],
	    to->linear_w[1], to->linear_b[1]);
	if (!half_back(c, n, r, 1, g, room[0], room[0], room[1], part) ||
	    !half_back(c, n, r, 0, g, room[1], room[2], room[3], part))
		return 1;
	cuda_weight_grad(c, n, &r->linear[0], r->u[0], room[2],
	    to->linear_w[0], to->linear_b[0]);
	if (waits && !r->first)
		return 1;
	NF_LAUNCH(add_norm_grad, dim3((unsigned)ntile, (H + 31) / 32), 256, 0,
	    cuda_writing_mat(c, n, dt))(n, g[0], dt);
	cuda_launched(c, "residual block");
	return 1;
}
