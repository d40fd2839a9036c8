/* CUDA: what a device can do at best, by its own clock. */
#include <cuda_bf16.h>
#include <string.h>
#include <time.h>

#include "measure.cuh"

#define NSET		64		/* operands to go round, at most */
#define ROUND		((size_t)256 << 20)	/* bytes: no cache has them */
#define STALL		5e-3

static double
host_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a span of time --------------------------------------------------- */

int
cuda_span_begin(struct nf_dev *d, double stall, struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	int i;

	if (d->ops->sync(d, err) == -1)
		return -1;
	for (i = 0; i < 2; i++)
		if (c->span[i] == NULL && cudaEventCreateWithFlags(
		    &c->span[i], 0) != cudaSuccess)
			return nf_fail(err, NF_ESYS, "%s: no events: %s",
			    d->name, cudaGetErrorString(cudaGetLastError()));
	cuda_stall(c, c->main.stream, stall);
	cuda_latch(c, cudaEventRecord(c->span[0], c->main.stream), "span");
	return 0;
}

int
cuda_span_end(struct nf_dev *d, double *seconds, struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	float ms = 0;

	cuda_latch(c, cudaEventRecord(c->span[1], cuda_begin(c)), "span");
	cuda_latch(c, cudaEventSynchronize(c->span[1]), "span");
	cuda_latch(c, cudaEventElapsedTime(&ms, c->span[0], c->span[1]),
	    "span");
	*seconds = 1e-3 * (double)ms;
	return d->ops->sync(d, err);
}

/* ---- products --------------------------------------------------------- */

/* Numbers from -1 to 1 without a pattern: zeros would be faster. */
static __global__ void
fill(size_t n, void *x, int half)
{
	size_t k = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
	size_t step = gridDim.x * (size_t)blockDim.x;
	uint32_t h;
	float v;

	for (; k < n; k += step) {
		h = (uint32_t)k * 2654435761u;
		h = (h ^ h >> 15) * 2246822519u;
		v = (float)((h ^ h >> 13) >> 8) * 0x1p-23f - 1;
		if (half)
			((__nv_bfloat16 *)x)[k] = __float2bfloat16_rn(v);
		else
			((float *)x)[k] = v;
	}
}

static uint32_t
up(uint32_t n)
{
	return (n + 7) / 8 * 8;
}

/* A product, and numbers of each operand; rows begin aligned. */
static void
plan(const struct nf_product_shape *s, struct cuda_product *p, size_t *na,
    size_t *nb, size_t *nc)
{
	memset(p, 0, sizeof(*p));
	p->ta = s->ta;
	p->tb = s->tb;
	p->m = s->m;
	p->n = s->n;
	p->k = s->k;
	p->batch = s->batch;
	p->precision = s->precision;
	p->lda = up(s->ta ? s->m : s->k);
	p->ldb = up(s->tb ? s->k : s->n);
	p->ldc = up(s->n);
	p->sa = p->lda * (s->ta ? s->k : s->m);
	p->sb = p->ldb * (s->tb ? s->n : s->k);
	p->sc = p->ldc * s->m;
	*na = p->sa * s->batch;
	*nb = p->sb * s->batch;
	*nc = p->sc * s->batch;
}

int
cuda_measure_product(struct nf_dev *d, const struct nf_product_shape *s,
    int count, double *seconds, struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	size_t size = s->precision == NF_BF16 ? 2 : 4, na, nb, nc, set, nset;
	struct cuda_product p;
	char *memory;
	int i, rc = 0;

	plan(s, &p, &na, &nb, &nc);
	set = ((na + nb) * size + nc * sizeof(float) + 1023) / 256 * 256;
	nset = ROUND / set + 1 < NSET ? ROUND / set + 1 : NSET;
	nset = nset < (size_t)count ? nset : (size_t)count;
	if ((memory = (char *)d->ops->alloc(d, nset * set)) == NULL)
		return d->ops->sync(d, err);
	NF_LAUNCH(fill, c->nsm * 8, 256, 0, cuda_begin(c))(nset * set / size,
	    memory, s->precision == NF_BF16);
	cuda_launched(c, "fill");
	for (i = -(int)nset; i < count && rc == 0; i++) {
		p.a = memory + (size_t)(i + (int)nset) % nset * set;
		p.b = (const char *)p.a + (na * size + 255) / 256 * 256;
		p.c = (float *)((char *)p.b + (nb * size + 255) / 256 * 256);
		if (i == 0)
			rc = cuda_span_begin(d, STALL, err);
		cuda_multiply(c, &c->main, &p);
	}
	if (rc == 0)
		rc = cuda_span_end(d, seconds, err);
	*seconds /= count;
	d->ops->free(d, memory);
	return rc;
}

/* ---- copies ----------------------------------------------------------- */

int
cuda_measure_copy(struct nf_dev *d, enum nf_copy_kind kind, size_t nbyte,
    int count, double *seconds, struct nf_err *err)
{
	static const cudaMemcpyKind how[] = { cudaMemcpyDeviceToDevice,
		cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
	struct nf_cuda *c = cuda_of(d);
	void *here = d->ops->alloc(d, nbyte), *there = NULL;
	int i, rc = 0;

	if (kind == NF_COPY_DEVICE)
		there = d->ops->alloc(d, nbyte);
	else if (here != NULL)
		cuda_latch(c, cudaMallocHost(&there, nbyte), "pinned memory");
	if (here == NULL || there == NULL)
		rc = -1;
	if (rc == 0 && kind != NF_COPY_DEVICE)
		memset(there, 0x5a, nbyte);
	for (i = -1; i < count && rc == 0; i++) {	/* -1: warm */
		if (i == 0)
			rc = cuda_span_begin(d, STALL, err);
		cuda_latch(c, cudaMemcpyAsync(kind == NF_COPY_DOWN ? there :
		    here, kind == NF_COPY_DOWN ? here : there, nbyte,
		    how[kind], c->main.stream), "copy");
	}
	if (rc == 0)
		rc = cuda_span_end(d, seconds, err);
	else if (d->ops->sync(d, err) == 0)
		nf_fail(err, NF_ESYS, "%s: no memory to copy", d->name);
	*seconds /= count;
	d->ops->free(d, here);
	if (kind == NF_COPY_DEVICE)
		d->ops->free(d, there);
	else
		cuda_free_pinned(there);
	return rc;
}

/* ---- launches --------------------------------------------------------- */

static __global__ void
nothing(void)
{
}

static void
launch_one(struct nf_cuda *c)
{
	NF_LAUNCH(nothing, 1, 32, 0, c->main.stream)();
	cuda_launched(c, "nothing");
}

/* One after another, as they are or as a captured unit. */
static int
in_a_row(struct nf_cuda *c, int count, int captured, double *seconds,
    struct nf_err *err)
{
	struct nf_dev *d = &c->dev;
	cudaGraph_t graph = NULL;
	cudaGraphExec_t unit = NULL;
	int i, rc;

	if (captured) {
		cuda_latch(c, cudaStreamBeginCapture(cuda_begin(c),
		    cudaStreamCaptureModeRelaxed), "capture");
		for (i = 0; i < count; i++)
			launch_one(c);
		cuda_latch(c, cudaStreamEndCapture(c->main.stream, &graph),
		    "capture");
		if (graph == NULL || cudaGraphInstantiateWithFlags(&unit,
		    graph, 0) != cudaSuccess)
			return nf_fail(err, NF_ESYS, "%s: no capture",
			    d->name);
		cuda_latch(c, cudaGraphLaunch(unit, c->main.stream),
		    "replay");
	}
	if ((rc = cuda_span_begin(d, STALL, err)) == 0) {
		if (captured)
			cuda_latch(c, cudaGraphLaunch(unit, c->main.stream),
			    "replay");
		for (i = 0; !captured && i < count; i++)
			launch_one(c);
		rc = cuda_span_end(d, seconds, err);
	}
	if (unit != NULL)
		cuda_latch(c, cudaGraphExecDestroy(unit), "capture");
	if (graph != NULL)
		cuda_latch(c, cudaGraphDestroy(graph), "capture");
	*seconds /= count;
	return rc;
}

int
cuda_measure_launch(struct nf_dev *d, int count, struct nf_launch_time *t,
    struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	double start;
	int i;

	memset(t, 0, sizeof(*t));
	if (in_a_row(c, count, 0, &t->queued, err) == -1 ||
	    in_a_row(c, count, 1, &t->graph, err) == -1)
		return -1;
	start = host_now();
	for (i = 0; i < count; i++)
		launch_one(c);
	t->host = (host_now() - start) / count;
	if (d->ops->sync(d, err) == -1)
		return -1;
	start = host_now();
	for (i = 0; i < count; i++) {
		launch_one(c);
		cuda_latch(c, cudaStreamSynchronize(c->main.stream), "wait");
	}
	t->wait = (host_now() - start) / count;
	return d->ops->sync(d, err);
}
