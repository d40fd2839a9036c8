/* A GPU as a device: opening it, its lanes, and its first fault. */
#include <stdio.h>
#include <string.h>

#include "cuda.cuh"

/* ---- faults ----------------------------------------------------------- */

/* What was to be captured is run as it is, and has its own faults then. */
static void
lose_capture(struct nf_cuda *c, const char *what, const char *why)
{
	if (!c->lost)
		snprintf(c->dev.uncaptured, sizeof(c->dev.uncaptured),
		    "%s: %s", what, why);
	c->lost = 1;
}

void
cuda_fail(struct nf_cuda *c, const char *what, const char *why)
{
	if (c->capturing) {
		lose_capture(c, what, why);
		return;
	}
	if (c->failed)
		return;
	c->failed = 1;
	nf_fail(&c->fault, NF_ESYS, "%s: %s: %s", c->root->dev.name, what,
	    why);
}

void
cuda_latch(struct nf_cuda *c, cudaError_t e, const char *what)
{
	if (e == cudaSuccess)
		return;
	cudaGetLastError();		/* or the next launch reports it */
	cuda_fail(c, what, cudaGetErrorString(e));
}

/* ---- opening ---------------------------------------------------------- */

static int
open_queue(struct cuda_queue *q)
{
	return cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking) !=
	    cudaSuccess || cudaMalloc(&q->ltwork, NF_CUDA_LTWORK) !=
	    cudaSuccess ? -1 : 0;
}

static void
close_queue(struct cuda_queue *q)
{
	if (q->stream != NULL)
		cudaStreamDestroy(q->stream);
	cudaFree(q->ltwork);
}

/* A stream and all that goes with it; -1 leaves it half made. */
static int
set_up(struct nf_cuda *c, struct nf_cuda *root)
{
	size_t nbyte = sizeof(*c->count) +
	    NF_CUDA_TICKETS * sizeof(*c->ticket);
	int i;

	c->root = root;
	c->lt = root->lt;
	if (open_queue(&c->main) == -1 || cuda_ferry_open(c) == -1 ||
	    cudaEventCreateWithFlags(&c->ready, cudaEventDisableTiming) !=
	    cudaSuccess ||
	    cudaMalloc((void **)&c->count, nbyte) != cudaSuccess ||
	    cudaMemsetAsync(c->count, 0, nbyte, c->main.stream) !=
	    cudaSuccess || cudaMallocHost((void **)&c->host_count,
	    sizeof(*c->host_count)) != cudaSuccess)
		return -1;
	c->ticket = (uint32_t *)(c->count + 1);
	for (i = 0; i < 2; i++)
		if (cudaMallocHost((void **)&c->stage[i], NF_CUDA_STAGE) !=
		    cudaSuccess ||
		    cudaEventCreateWithFlags(&c->staged[i],
		    cudaEventDisableTiming) != cudaSuccess)
			return -1;
	return 0;
}

static int
set_up_aside(struct nf_cuda *c)
{
	int i;

	for (i = 0; i < NF_CUDA_ASIDE; i++)
		if (open_queue(&c->aside[i]) == -1)
			return -1;
	for (i = 0; i < NF_CUDA_PENDING; i++)
		if (cudaEventCreateWithFlags(&c->pending[i].done,
		    cudaEventDisableTiming) != cudaSuccess)
			return -1;
	return 0;
}

/* Take down what set_up made of it; the root's aside too. */
static void
tear_down(struct nf_cuda *c)
{
	uint32_t i;

	close_queue(&c->main);
	cuda_ferry_close(c);
	for (i = 0; i < NF_CUDA_ASIDE; i++)
		close_queue(&c->aside[i]);
	for (i = 0; i < NF_CUDA_PENDING; i++)
		if (c->pending[i].done != NULL)
			cudaEventDestroy(c->pending[i].done);
	if (c->ready != NULL)
		cudaEventDestroy(c->ready);
	for (i = 0; i < 2; i++) {
		cuda_free_pinned(c->stage[i]);
		if (c->staged[i] != NULL)
			cudaEventDestroy(c->staged[i]);
	}
	for (i = 0; i < CUDA_NUSE; i++)
		cudaFree(c->scratch[i]);
	for (i = 0; i < c->ngrave; i++)
		cudaFree(c->grave[i]);
	cudaFree(c->count);
	cuda_free_pinned(c->host_count);
	nf_free(c->grave);
	nf_free(c->plan);
}

static void
cuda_close(struct nf_dev *d)
{
	struct nf_cuda *c = cuda_of(d);
	uint32_t i;

	cudaSetDevice(c->index);
	cudaDeviceSynchronize();
	for (i = 0; c->lane != NULL && i < d->nlane; i++)
		tear_down(&c->lane[i]);
	cuda_pack_close(c);
	for (i = 0; i < 2; i++)
		if (c->span[i] != NULL)
			cudaEventDestroy(c->span[i]);
	tear_down(c);
	if (c->lt != NULL)
		cublasLtDestroy(c->lt);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->gate);
	nf_free(c->piece);
	nf_free(c->lane);
	nf_free((void *)d->ops);
	nf_free(c);
}

/* How many GPUs there are; 0, and err says so, or -1: it cannot be told. */
static int
count_gpus(struct nf_err *err)
{
	int n = 0, have = 0, want = 0;
	cudaError_t e = cudaGetDeviceCount(&n);

	if (e == cudaSuccess && n > 0)
		return n;
	cudaGetLastError();
	if (e == cudaErrorInsufficientDriver &&
	    cudaDriverGetVersion(&have) == cudaSuccess && have > 0 &&
	    cudaRuntimeGetVersion(&want) == cudaSuccess)
		return nf_fail(err, NF_ESYS, "the driver is of CUDA %d.%d, "
		    "libnf-cuda.so of %d.%d: want a newer driver, or nfpipe "
		    "built by an older nvcc", have / 1000, have % 1000 / 10,
		    want / 1000, want % 1000 / 10);
	nf_fail(err, NF_ESYS, "%s", e == cudaSuccess ? "no GPU" :
	    cudaGetErrorString(e));
	return e == cudaSuccess || e == cudaErrorNoDevice ? 0 : -1;
}

static int
no_use(uint32_t index, cudaError_t e, struct nf_err *err)
{
	cudaGetLastError();
	return nf_fail(err, NF_ESYS, "GPU %u: %s", index,
	    cudaGetErrorString(e));
}

/* What there is to know of GPU number index, of n; -1 if it is of no use.
 * Nothing is begun on it, which would take of its memory. */
static int
describe(uint32_t index, int n, cudaDeviceProp *prop, struct nf_err *err)
{
	cudaError_t e = cudaErrorInvalidDevice;

	if (index >= (uint32_t)n ||
	    (e = cudaGetDeviceProperties(prop, (int)index)) != cudaSuccess)
		return no_use(index, e, err);
	if (prop->major < 8)
		return nf_fail(err, NF_ESYS, "GPU %u (%s) is of compute "
		    "capability %d.%d, want 8.0 or later", index, prop->name,
		    prop->major, prop->minor);
	return 0;
}

/*
 * Rows of a tile: enough to fill the chip, few enough that what passes from
 * one operation to the next stays in its cache, and a small part of memory.
 */
static uint32_t
choose_tile(size_t nfree)
{
	uint32_t tile = 8192;

	while (tile > 256 && tile * (size_t)131072 > nfree / NF_CUDA_LANE)
		tile /= 2;
	return tile;
}

static const char *
open_all(struct nf_cuda *c, const cudaDeviceProp *prop)
{
	struct nf_dev *d = &c->dev;
	size_t nfree, total;
	uint32_t i;

	c->nsm = prop->multiProcessorCount;
	c->nl2 = (size_t)prop->l2CacheSize;
	if (cudaMemGetInfo(&nfree, &total) != cudaSuccess)
		return "its memory cannot be told";
	d->tile = choose_tile(nfree);
	d->pad = 16;
	d->precision = NF_TF32;
	d->nlane = NF_CUDA_LANE;
	if (cublasLtCreate(&c->lt) != CUBLAS_STATUS_SUCCESS)
		return "cuBLASLt does not start";
	if (set_up(c, c) == -1 || set_up_aside(c) == -1)
		return cudaGetErrorString(cudaGetLastError());
	for (i = 0; i < d->nlane; i++) {
		c->lane[i].dev = *d;
		c->lane[i].index = c->index;
		c->lane[i].nsm = c->nsm;
		c->lane[i].nl2 = c->nl2 / d->nlane;
		if (set_up(&c->lane[i], c) == -1)
			return cudaGetErrorString(cudaGetLastError());
	}
	return cudaDeviceSynchronize() == cudaSuccess ? NULL :
	    cudaGetErrorString(cudaGetLastError());
}

static int
cuda_open(struct nf_dev **d, uint32_t index, struct nf_err *err)
{
	struct nf_cuda *c;
	struct nf_ops *ops;
	cudaDeviceProp prop;
	const char *why;
	cudaError_t e;
	int n;

	*d = NULL;
	if ((n = count_gpus(err)) <= 0 ||
	    describe(index, n, &prop, err) == -1)
		return -1;
	if ((e = cudaSetDevice((int)index)) != cudaSuccess)
		return no_use(index, e, err);
	c = (struct nf_cuda *)nf_alloc(1, sizeof(*c), "device", err);
	if (c == NULL)
		return -1;
	ops = (struct nf_ops *)nf_alloc(1, sizeof(*ops), "device", err);
	c->lane = (struct nf_cuda *)nf_alloc(NF_CUDA_LANE, sizeof(*c->lane),
	    "lanes", err);
	if (ops == NULL || c->lane == NULL) {
		nf_free(ops);
		nf_free(c->lane);
		nf_free(c);
		return -1;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->gate, NULL);
	snprintf(c->dev.name, sizeof(c->dev.name),
	    "cuda:%u (%.64s, %.0f GB, sm_%d%d)", index, prop.name,
	    (double)prop.totalGlobalMem / 1e9, prop.major, prop.minor);
	c->index = (int)index;
	c->dev.ops = ops;
	ops->close = cuda_close;
	cuda_memory_ops(ops);
	cuda_ferry_ops(ops);
	cuda_capture_ops(ops);
	cuda_row_ops(ops);
	cuda_linear_ops(ops);
	cuda_norm_ops(ops);
	cuda_gate_ops(ops);
	cuda_residual_ops(ops);
	cuda_spline_ops(ops);
	cuda_spline_grad_ops(ops);
	cuda_lu_ops(ops);
	cuda_optim_ops(ops);
	if ((why = open_all(c, &prop)) != NULL) {
		nf_fail(err, NF_ESYS, "%s: %s", c->dev.name, why);
		cuda_close(&c->dev);
		return -1;
	}
	*d = &c->dev;
	return 0;
}

static int
cuda_list(struct nf_dev_info *info, uint32_t max, struct nf_err *err)
{
	cudaDeviceProp prop;
	struct nf_err why;
	int count = count_gpus(err);
	uint32_t i;

	if (count <= 0)
		return count;
	for (i = 0; i < (uint32_t)count && i < max; i++, info++) {
		memset(info, 0, sizeof(*info));
		snprintf(info->name, sizeof(info->name), "cuda:%u", i);
		info->usable = describe(i, count, &prop, &why) == 0;
		if (info->usable) {
			snprintf(info->about, sizeof(info->about),
			    "%.64s, sm_%d%d", prop.name, prop.major,
			    prop.minor);
			info->memory = prop.totalGlobalMem;
		} else
			snprintf(info->about, sizeof(info->about), "%.500s",
			    why.msg);
	}
	return (int)i;
}

extern "C" __attribute__((visibility("default")))
const struct nf_plugin nf_plugin = {
	NF_VERSION, sizeof(struct nf_ops), sizeof(struct nf_dev),
	sizeof(struct nf_tally), cuda_open, cuda_list
};
