/*
 * The few calls of cuBLASLt that are used, in plain loops.  The operands of a
 * tf32 product are cut to 10 bits, which is the worst that hardware does, and
 * the alignment that the heuristic was promised is checked at the product.
 */
#ifndef EMU_CUBLASLT_H
#define EMU_CUBLASLT_H


#include "../cuda_emu.h"

enum cublasStatus_t {
	CUBLAS_STATUS_SUCCESS = 0,
	CUBLAS_STATUS_INVALID_VALUE = 7,
	CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cudaDataType { CUDA_R_32F = 0, CUDA_R_16BF = 14 };
enum cublasComputeType_t {
	CUBLAS_COMPUTE_32F = 68,
	CUBLAS_COMPUTE_32F_FAST_TF32 = 77
};
enum cublasLtEpilogue_t {
	CUBLASLT_EPILOGUE_DEFAULT = 1,
	CUBLASLT_EPILOGUE_BIAS = 4
};
enum cublasLtMatmulDescAttributes_t {
	CUBLASLT_MATMUL_DESC_TRANSA = 3,
	CUBLASLT_MATMUL_DESC_TRANSB = 4,
	CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
	CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8
};
enum cublasLtMatrixLayoutAttribute_t {
	CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,
	CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6
};
enum cublasLtMatmulPreferenceAttributes_t {
	CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
	CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8
};
enum cublasLtReductionScheme_t { CUBLASLT_REDUCTION_SCHEME_NONE = 0 };

struct cublasLtContext { int unused; };
struct cublasLtMatmulDescOpaque_t {
	cublasComputeType_t compute;
	uint32_t epilogue;
	int32_t trans[2];
	const float *bias;
};
struct cublasLtMatrixLayoutOpaque_t {
	cudaDataType type;
	uint64_t rows, cols;
	int64_t ld, stride;
	int32_t count;
};
struct cublasLtMatmulPreferenceOpaque_t {
	size_t nwork;
	uint32_t align[4];
};
struct cublasLtMatmulAlgo_t {
	uint32_t align[4];
	size_t nwork;
	uint64_t least;			/* rows */
};
struct cublasLtMatmulHeuristicResult_t {
	cublasLtMatmulAlgo_t algo;
	size_t workspaceSize;
	cublasStatus_t state;
};

typedef cublasLtContext *cublasLtHandle_t;
typedef cublasLtMatmulDescOpaque_t *cublasLtMatmulDesc_t;
typedef cublasLtMatrixLayoutOpaque_t *cublasLtMatrixLayout_t;
typedef cublasLtMatmulPreferenceOpaque_t *cublasLtMatmulPreference_t;

inline const char *
cublasLtGetStatusString(cublasStatus_t s)
{
	return s == CUBLAS_STATUS_SUCCESS ? "success" :
	    s == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported" :
	    "invalid value";
}

inline cublasStatus_t
cublasLtCreate(cublasLtHandle_t *h)
{
	*h = new cublasLtContext();
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtDestroy(cublasLtHandle_t h)
{
	delete h;
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatmulDescInit(cublasLtMatmulDesc_t d, cublasComputeType_t compute,
    cudaDataType)
{
	memset(d, 0, sizeof(*d));
	d->compute = compute;
	d->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d,
    cublasLtMatmulDescAttributes_t what, const void *p, size_t n)
{
	void *to = what == CUBLASLT_MATMUL_DESC_TRANSA ? &d->trans[0] :
	    what == CUBLASLT_MATMUL_DESC_TRANSB ? &d->trans[1] :
	    what == CUBLASLT_MATMUL_DESC_EPILOGUE ? (void *)&d->epilogue :
	    (void *)&d->bias;

	if (n != (what == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? 8 : 4))
		emu_die("an attribute of %zu bytes", n);
	memcpy(to, p, n);
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatrixLayoutInit(cublasLtMatrixLayout_t l, cudaDataType type,
    uint64_t rows, uint64_t cols, int64_t ld)
{
	*l = { type, rows, cols, ld, 0, 1 };
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l,
    cublasLtMatrixLayoutAttribute_t what, const void *p, size_t n)
{
	bool count = what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;

	if (n != (count ? 4 : 8))
		emu_die("an attribute of %zu bytes", n);
	memcpy(count ? (void *)&l->count : (void *)&l->stride, p, n);
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatmulPreferenceInit(cublasLtMatmulPreference_t p)
{
	*p = { 0, { 256, 256, 256, 256 } };
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
    cublasLtMatmulPreferenceAttributes_t what, const void *v, size_t n)
{
	if (n != (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? 8 : 4))
		emu_die("an attribute of %zu bytes", n);
	if (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
		memcpy(&p->nwork, v, n);
	else if (what >= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES)
		memcpy(&p->align[what -
		    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], v, n);
	return CUBLAS_STATUS_SUCCESS;
}

/*
 * With NF_EMU_PLAIN there is none with a bias, and with =2 none at all.  With
 * NF_EMU_ROWS=N, the first two want N rows, and the second cannot be used.
 */
inline cublasStatus_t
cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t d,
    cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t, cublasLtMatmulPreference_t p, int want,
    cublasLtMatmulHeuristicResult_t *r, int *count)
{
	const char *plain = getenv("NF_EMU_PLAIN");
	const char *rows = getenv("NF_EMU_ROWS");
	int i;

	emu_none_captures("an algorithm is looked for");
	*count = 0;
	if (plain != NULL && (atoi(plain) != 1 ||
	    d->epilogue != CUBLASLT_EPILOGUE_DEFAULT))
		return CUBLAS_STATUS_NOT_SUPPORTED;
	for (i = 0; i < want && i < 3; i++, r++) {
		memcpy(r->algo.align, p->align, sizeof(p->align));
		r->algo.nwork = p->nwork;
		r->algo.least = rows == NULL || i == 2 ? 0 :
		    strtoull(rows, NULL, 10);
		r->workspaceSize = p->nwork;
		r->state = rows != NULL && i == 1 ?
		    CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
	}
	*count = i;
	return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t
cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t,
    cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t to, const cublasLtMatmulAlgo_t *algo,
    cublasLtMatmulHeuristicResult_t *r)
{
	emu_none_captures("an algorithm is looked at");
	if (to->cols < algo->least)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	r->algo = *algo;
	r->workspaceSize = algo->nwork;
	r->state = CUBLAS_STATUS_SUCCESS;
	return CUBLAS_STATUS_SUCCESS;
}

/* One matrix without gaps, as the product takes it. */
inline std::vector<float>
emu_operand(const cublasLtMatrixLayoutOpaque_t &l, const void *p, int batch,
    cublasComputeType_t compute)
{
	std::vector<float> m(l.rows * l.cols);
	size_t i, j, k;
	uint32_t bits;

	for (j = 0; j < l.cols; j++)
		for (i = 0; i < l.rows; i++) {
			k = (size_t)batch * (size_t)l.stride +
			    j * (size_t)l.ld + i;
			if (l.type == CUDA_R_32F)
				memcpy(&bits, (const float *)p + k, 4);
			else
				bits = (uint32_t)((const uint16_t *)p)[k] <<
				    16;
			if (compute == CUBLAS_COMPUTE_32F_FAST_TF32)
				bits &= 0xffffe000;
			memcpy(&m[j * l.rows + i], &bits, 4);
		}
	return m;
}

EMU_QUIET inline double
emu_dot(const float *x, const float *y, size_t k)
{
	double sum[8] = { 0 };
	size_t l = 0, u;

	for (; l + 8 <= k; l += 8)
		for (u = 0; u < 8; u++)
			sum[u] += (double)x[l + u] * (double)y[l + u];
	for (; l < k; l++)
		sum[0] += (double)x[l] * (double)y[l];
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) +
	    ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Columns that follow one another become rows. */
EMU_QUIET inline std::vector<float>
emu_transposed(const std::vector<float> &x, size_t rows, size_t cols)
{
	std::vector<float> y(rows * cols);
	size_t i, j;

	for (j = 0; j < cols; j++)
		for (i = 0; i < rows; i++)
			y[i * cols + j] = x[j * rows + i];
	return y;
}

/* z = alpha x y + beta z: of x rows, of y columns stand together. */
inline void
emu_product(size_t m, size_t n, size_t k, float alpha, const float *x,
    const float *y, float beta, float *z, size_t ldz)
{
	size_t i, j;

	for (j = 0; j < n; j++)
		for (i = 0; i < m; i++)
			z[j * ldz + i] = (float)(alpha * emu_dot(x + i * k,
			    y + j * k, k)) +
			    (beta == 0 ? 0 : beta * z[j * ldz + i]);
}

inline void
emu_matmul(const cublasLtMatmulDescOpaque_t &d, float alpha, const void *a,
    const cublasLtMatrixLayoutOpaque_t &la, const void *b,
    const cublasLtMatrixLayoutOpaque_t &lb, float beta, float *c,
    const cublasLtMatrixLayoutOpaque_t &lc)
{
	size_t m = lc.rows, n = lc.cols, i, j;
	size_t k = d.trans[0] ? la.rows : la.cols;
	int batch;

	for (batch = 0; batch < lc.count; batch++) {
		std::vector<float> x = emu_operand(la, a, batch, d.compute);
		std::vector<float> y = emu_operand(lb, b, batch, d.compute);
		float *z = c + (size_t)batch * (size_t)lc.stride;

		if (!d.trans[0])
			x = emu_transposed(x, la.rows, la.cols);
		if (d.trans[1])
			y = emu_transposed(y, lb.rows, lb.cols);
		emu_product(m, n, k, alpha, x.data(), y.data(), beta, z,
		    (size_t)lc.ld);
		for (j = 0; d.epilogue == CUBLASLT_EPILOGUE_BIAS && j < n;
		    j++)
			for (i = 0; i < m; i++)
				z[j * (size_t)lc.ld + i] += d.bias[i];
	}
}

inline bool
emu_aligned(const void *p, uint32_t to)
{
	return (uintptr_t)p % to == 0;
}

inline cublasStatus_t
cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
    const void *alpha, const void *a, cublasLtMatrixLayout_t pa,
    const void *b, cublasLtMatrixLayout_t pb, const void *beta,
    const void *c, cublasLtMatrixLayout_t, void *out,
    cublasLtMatrixLayout_t pc, const cublasLtMatmulAlgo_t *algo, void *work,
    size_t nwork, cudaStream_t stream, const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	cublasLtMatmulDescOpaque_t d = *desc;
	cublasLtMatrixLayoutOpaque_t la = *pa, lb = *pb, lc = *pc;
	float scale = *(const float *)alpha, keep = *(const float *)beta;
	uint64_t ma = d.trans[0] ? la.cols : la.rows;
	uint64_t ka = d.trans[0] ? la.rows : la.cols;
	uint64_t kb = d.trans[1] ? lb.cols : lb.rows;
	uint64_t nb = d.trans[1] ? lb.rows : lb.cols;

	if (c != out || ma != lc.rows || nb != lc.cols || ka != kb ||
	    la.ld < (int64_t)la.rows || lb.ld < (int64_t)lb.rows ||
	    lc.ld < (int64_t)lc.rows || la.count != lc.count ||
	    lb.count != lc.count)
		return CUBLAS_STATUS_INVALID_VALUE;
	if (lc.cols < algo->least)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if (!emu_aligned(work, 256))
		emu_die("work memory that does not begin at 256 bytes");
	if (!emu_aligned(a, algo->align[0]) ||
	    !emu_aligned(b, algo->align[1]) ||
	    !emu_aligned(out, algo->align[2]) ||
	    (d.epilogue == CUBLASLT_EPILOGUE_BIAS &&
	    !emu_aligned(d.bias, algo->align[3])))
		emu_die("a product's operands are less aligned than said");
	if (algo->nwork > nwork)
		emu_die("a product without its work memory");
	emu_issue(stream, { "product", file, line }, [=] {
		if (nwork > 0)		/* as real ones do */
			memset(work, 0xff, nwork < 4096 ? nwork : 4096);
		emu_matmul(d, scale, a, la, b, lb, keep, (float *)out, lc);
	});
	return CUBLAS_STATUS_SUCCESS;
}

#endif
