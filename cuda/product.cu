/*
 * CUDA: matrix products.  cuBLASLt makes them, by an algorithm that is found
 * once for each shape; what it declines is made by a plain kernel here.
 */
#include <cuda_bf16.h>
#include <string.h>

#include "cuda.cuh"

#define SIDE	16			/* of a block's tile */
#define NOFFER	8			/* algorithms to choose from */
#define ROWS	8192			/* that a lane's is chosen for */

enum how { PLAIN, LT, LT_THEN_BIAS };

/* What an algorithm depends on. */
struct key {
	uint32_t ta, tb, m, n, k, batch, bias, add, precision;
	uint32_t align[4];		/* a, b, c, bias; bytes */
	uint64_t lda, ldb, ldc, sa, sb, sc;
};

struct cuda_plan {
	struct key key;
	enum how how;
	cublasLtMatmulAlgo_t algo;
};

/* ---- by a kernel ------------------------------------------------------ */

static __device__ float
load(const void *p, size_t k, int half)
{
	return half ? __bfloat162float(((const __nv_bfloat16 *)p)[k]) :
	    ((const float *)p)[k];
}

/* Element (row i, inner j) of op(a), or 0 outside. */
static __device__ float
operand(const void *a, size_t ld, int trans, uint32_t i, uint32_t j,
    uint32_t ni, uint32_t nj, int half)
{
	if (i >= ni || j >= nj)
		return 0;
	return load(a, trans ? j * ld + i : i * ld + j, half);
}

/* One tile of c; a block is SIDE x SIDE threads. */
static __device__ void
plain_tile(const struct cuda_product *p, uint32_t i0, uint32_t j0,
    float (*a)[SIDE + 1], float (*b)[SIDE + 1])
{
	uint32_t x = threadIdx.x % SIDE, y = threadIdx.x / SIDE, k, q;
	int half = p->precision == NF_BF16;
	float sum = 0, *c;

	for (k = 0; k < p->k; k += SIDE) {
		a[y][x] = operand(p->a, p->lda, p->ta, i0 + y, k + x, p->m,
		    p->k, half);
		b[y][x] = operand(p->b, p->ldb, !p->tb, j0 + y, k + x, p->n,
		    p->k, half);
		__syncthreads();
		for (q = 0; q < SIDE; q++)
			sum += a[y][q] * b[x][q];
		__syncthreads();
	}
	if (i0 + y >= p->m || j0 + x >= p->n)
		return;
	c = p->c + (i0 + y) * p->ldc + j0 + x;
	if (p->bias != NULL)
		sum += p->bias[j0 + x];
	*c = p->beta == 0 ? sum : sum + p->beta * *c;
}

static __global__ void
plain(struct cuda_product p)
{
	__shared__ float a[SIDE][SIDE + 1], b[SIDE][SIDE + 1];
	size_t z = blockIdx.z, size = p.precision == NF_BF16 ? 2 : 4;
	uint32_t j0;

	p.a = (const char *)p.a + z * p.sa * size;
	p.b = (const char *)p.b + z * p.sb * size;
	p.c += z * p.sc;
	for (j0 = blockIdx.y * SIDE; j0 < p.n; j0 += gridDim.y * SIDE)
		plain_tile(&p, blockIdx.x * SIDE, j0, a, b);
}

static __global__ void
add_bias(uint32_t m, uint32_t n, float *c, size_t ldc, const float *bias)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t all = (size_t)m * n, step = gridDim.x * (size_t)blockDim.x;

	for (; k < all; k += step)
		c[k / n * ldc + k % n] += bias[k % n];
}

/* ---- by cuBLASLt ------------------------------------------------------ */

/* cuBLASLt counts by columns: c^T = op(b)^T op(a)^T. */
struct described {
	cublasLtMatmulDescOpaque_t op;
	cublasLtMatrixLayoutOpaque_t a, b, c;	/* its a is our b */
};

static void
describe_matrix(cublasLtMatrixLayoutOpaque_t *l, cudaDataType type,
    uint32_t rows, uint32_t cols, size_t ld, uint32_t batch, size_t stride)
{
	int32_t count = (int32_t)batch;
	int64_t step = (int64_t)stride;

	cublasLtMatrixLayoutInit(l, type, rows, cols, (int64_t)ld);
	if (batch <= 1)
		return;
	cublasLtMatrixLayoutSetAttribute(l,
	    CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count));
	cublasLtMatrixLayoutSetAttribute(l,
	    CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step,
	    sizeof(step));
}

static void
describe(const struct cuda_product *p, int bias, struct described *d)
{
	cudaDataType type = p->precision == NF_BF16 ? CUDA_R_16BF :
	    CUDA_R_32F;
	int32_t ta = p->tb ? CUBLAS_OP_T : CUBLAS_OP_N;
	int32_t tb = p->ta ? CUBLAS_OP_T : CUBLAS_OP_N;
	uint32_t epilogue = bias ? CUBLASLT_EPILOGUE_BIAS :
	    CUBLASLT_EPILOGUE_DEFAULT;

	cublasLtMatmulDescInit(&d->op, p->precision == NF_TF32 ?
	    CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F);
	cublasLtMatmulDescSetAttribute(&d->op, CUBLASLT_MATMUL_DESC_TRANSA,
	    &ta, sizeof(ta));
	cublasLtMatmulDescSetAttribute(&d->op, CUBLASLT_MATMUL_DESC_TRANSB,
	    &tb, sizeof(tb));
	cublasLtMatmulDescSetAttribute(&d->op, CUBLASLT_MATMUL_DESC_EPILOGUE,
	    &epilogue, sizeof(epilogue));
	if (bias)
		cublasLtMatmulDescSetAttribute(&d->op,
		    CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias,
		    sizeof(p->bias));
	describe_matrix(&d->a, type, p->tb ? p->k : p->n,
	    p->tb ? p->n : p->k, p->ldb, p->batch, p->sb);
	describe_matrix(&d->b, type, p->ta ? p->m : p->k,
	    p->ta ? p->k : p->m, p->lda, p->batch, p->sa);
	describe_matrix(&d->c, CUDA_R_32F, p->n, p->m, p->ldc, p->batch,
	    p->sc);
}

/* The greatest power of two, 256 at most, that divides the address. */
static uint32_t
alignment(const void *p)
{
	uintptr_t k = (uintptr_t)p | 256;

	return (uint32_t)(k & -k);
}

/* Does the algorithm make this product? */
static int
makes(struct nf_cuda *c, const struct cuda_product *p, int bias,
    const cublasLtMatmulAlgo_t *algo)
{
	cublasLtMatmulHeuristicResult_t r;
	struct described d;

	describe(p, bias, &d);
	memset(&r, 0, sizeof(r));
	return cublasLtMatmulAlgoCheck(c->lt, &d.op, &d.a, &d.b, &d.c, &d.c,
	    algo, &r) == CUBLAS_STATUS_SUCCESS &&
	    r.workspaceSize <= NF_CUDA_LTWORK;
}

/* Up to NOFFER algorithms, the one that cuBLASLt takes for fastest first. */
static int
offers(struct nf_cuda *c, const struct cuda_product *p, int bias,
    const struct key *key, cublasLtMatmulHeuristicResult_t *found)
{
	static const cublasLtMatmulPreferenceAttributes_t which[] = {
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
	};
	cublasLtMatmulPreferenceOpaque_t pref;
	size_t nwork = NF_CUDA_LTWORK;
	uint32_t none = CUBLASLT_REDUCTION_SCHEME_NONE;
	struct described d;
	int i, n = 0;

	describe(p, bias, &d);
	memset(found, 0, NOFFER * sizeof(*found));
	cublasLtMatmulPreferenceInit(&pref);
	cublasLtMatmulPreferenceSetAttribute(&pref,
	    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &nwork, sizeof(nwork));
	for (i = 0; i < 4; i++)
		cublasLtMatmulPreferenceSetAttribute(&pref, which[i],
		    &key->align[i], sizeof(key->align[i]));
	if (key->m == 0)
		cublasLtMatmulPreferenceSetAttribute(&pref,
		    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &none,
		    sizeof(none));
	if (cublasLtMatmulAlgoGetHeuristic(c->lt, &d.op, &d.a, &d.b, &d.c,
	    &d.c, &pref, NOFFER, found, &n) != CUBLAS_STATUS_SUCCESS)
		return 0;
	return n;
}

/*
 * The first algorithm offered that makes the product, and if none is said to,
 * the first at all; 0 if there is none.  In a lane (key->m is 0) rows may not
 * share their sums with others, nor split them, so that a row comes out the
 * same among any number of rows: it is chosen for ROWS of them, whatever a
 * tile has, and had better make one as well.
 */
static int
choose(struct nf_cuda *c, const struct cuda_product *p, int bias,
    const struct key *key, cublasLtMatmulAlgo_t *algo)
{
	cublasLtMatmulHeuristicResult_t found[NOFFER];
	struct cuda_product many = *p, one = *p;
	int i, n, good, best = 0;

	if (key->m == 0) {
		many.m = ROWS;
		one.m = 1;
	}
	n = offers(c, &many, bias, key, found);
	for (i = 0; i < n && best < 3; i++) {
		if (found[i].state != CUBLAS_STATUS_SUCCESS)
			continue;
		good = 1 + makes(c, &many, bias, &found[i].algo) +
		    makes(c, &one, bias, &found[i].algo);
		if (good > best)
			*algo = found[i].algo;
		best = good > best ? good : best;
	}
	return best > 0;
}

static cublasStatus_t
by_lt(struct nf_cuda *c, struct cuda_queue *q, const struct cuda_product *p,
    int bias, const cublasLtMatmulAlgo_t *algo)
{
	float one = 1;
	struct described d;

	describe(p, bias, &d);
	return cublasLtMatmul(c->lt, &d.op, &one, p->b, &d.a, p->a, &d.b,
	    &p->beta, p->c, &d.c, p->c, &d.c, algo, q->ltwork,
	    NF_CUDA_LTWORK, q->stream);
}

/* ---- either ----------------------------------------------------------- */

static void
make_key(struct nf_cuda *c, const struct cuda_product *p, struct key *k)
{
	memset(k, 0, sizeof(*k));
	k->ta = (uint32_t)p->ta;
	k->tb = (uint32_t)p->tb;
	k->m = p->rows && c != c->root ? 0 : p->m;
	k->n = p->n;
	k->k = p->k;
	k->batch = p->batch;
	k->bias = p->bias != NULL;
	k->add = p->beta != 0;
	k->precision = p->precision;
	k->align[0] = alignment(p->a);
	k->align[1] = alignment(p->b);
	k->align[2] = alignment(p->c);
	k->align[3] = p->bias == NULL ? k->align[2] : alignment(p->bias);
	if (k->align[3] > k->align[2])
		k->align[3] = k->align[2];
	k->lda = p->lda;
	k->ldb = p->ldb;
	k->ldc = p->ldc;
	k->sa = p->sa;
	k->sb = p->sb;
	k->sc = p->sc;
}

/* Not while another lane captures: some versions cannot choose then. */
static enum how
how_to(struct nf_cuda *c, const struct cuda_product *p,
    const struct key *key, cublasLtMatmulAlgo_t *algo)
{
	enum how how = PLAIN;

	/* It has no tensor cores for vectors, and no bias for some. */
	if (p->n < 2 || p->k < 2)
		return PLAIN;
	if (!c->capturing)
		pthread_mutex_lock(&c->root->gate);
	if (choose(c, p, p->bias != NULL, key, algo))
		how = LT;
	else if (p->bias != NULL && choose(c, p, 0, key, algo))
		how = LT_THEN_BIAS;
	if (!c->capturing)
		pthread_mutex_unlock(&c->root->gate);
	return how;
}

static struct cuda_plan *
find_plan(struct nf_cuda *c, const struct cuda_product *p)
{
	struct cuda_plan *plan;
	struct key key;
	uint32_t i;

	make_key(c, p, &key);
	for (i = 0; i < c->nplan; i++)
		if (memcmp(&c->plan[i].key, &key, sizeof(key)) == 0)
			return &c->plan[i];
	if ((c->nplan & (c->nplan - 1)) == 0 && !cuda_grow(c,
	    (void **)&c->plan, c->nplan, 2 * (size_t)c->nplan + 1,
	    sizeof(*c->plan)))
		return NULL;
	plan = &c->plan[c->nplan++];
	plan->key = key;
	plan->how = how_to(c, p, &key, &plan->algo);
	return plan;
}

static void
by_kernel(struct nf_cuda *c, struct cuda_queue *q,
    const struct cuda_product *p)
{
	unsigned rows = (p->m + SIDE - 1) / SIDE;
	unsigned cols = (p->n + SIDE - 1) / SIDE;

	NF_LAUNCH(plain, dim3(rows, cols < 65535 ? cols : 65535,
	    p->batch < 1 ? 1 : p->batch), SIDE * SIDE, 0, q->stream)(*p);
	cuda_launched(c, "product");
}

void
cuda_multiply(struct nf_cuda *c, struct cuda_queue *q,
    const struct cuda_product *p)
{
	struct cuda_plan *plan;
	cublasStatus_t e;

	if (p->m == 0 || p->n == 0 || (plan = find_plan(c, p)) == NULL)
		return;
	if (plan->how == PLAIN) {
		by_kernel(c, q, p);
		return;
	}
	cuda_profile_product(c, p, q->stream);
	e = by_lt(c, q, p, plan->how == LT && p->bias != NULL, &plan->algo);
	if (e == CUBLAS_STATUS_NOT_SUPPORTED ||
	    e == CUBLAS_STATUS_INVALID_VALUE) {
		by_kernel(c, q, p);	/* not with so few rows */
		return;
	}
	cuda_profile_after(c);
	if (e != CUBLAS_STATUS_SUCCESS)
		cuda_fail(c, "product", cublasLtGetStatusString(e));
	if (plan->how == LT_THEN_BIAS) {
		NF_LAUNCH(add_bias, cuda_blocks((size_t)p->m * p->n, 256,
		    (size_t)c->nsm * 16), 256, 0, q->stream)(p->m, p->n,
		    p->c, p->ldc, p->bias);
		cuda_launched(c, "bias");
	}
}
