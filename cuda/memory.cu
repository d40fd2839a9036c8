/* CUDA: memory, and copies through pinned staging. */
#include <string.h>

#include "cuda.cuh"

/* ---- the device's ----------------------------------------------------- */

int
cuda_grow(struct nf_cuda *c, void **p, size_t nold, size_t nnew, size_t size)
{
	void *more = nf_alloc(nnew, size, "device", NULL);

	if (more == NULL) {
		cuda_fail(c, "lists", "no memory on the host");
		return 0;
	}
	if (nold > 0)
		memcpy(more, *p, nold * size);
	nf_free(*p);
	*p = more;
	return 1;
}

/* Twice what is wanted at least doubles, so the grave stays small. */
void *
cuda_scratch(struct nf_cuda *c, enum cuda_use use, size_t nbyte)
{
	void *p = NULL;

	if (c->nscratch[use] >= nbyte)
		return c->scratch[use];
	if (nbyte < 2 * c->nscratch[use])
		nbyte = 2 * c->nscratch[use];
	cuda_latch(c, cudaMalloc(&p, nbyte), "scratch memory");
	if (p == NULL || !cuda_grow(c, (void **)&c->grave, c->ngrave,
	    c->ngrave + 1, sizeof(*c->grave))) {
		cudaFree(p);
		return NULL;
	}
	c->grave[c->ngrave++] = c->scratch[use];
	c->scratch[use] = p;
	c->nscratch[use] = nbyte;
	return p;
}

/* Remember a piece's size, for what must know it when it is freed. */
static int
remember(struct nf_cuda *root, char *p, size_t nbyte)
{
	int good = 1;

	pthread_mutex_lock(&root->lock);
	if ((root->npiece & (root->npiece - 1)) == 0)
		good = cuda_grow(root, (void **)&root->piece, root->npiece,
		    2 * (size_t)root->npiece + 1, sizeof(*root->piece));
	if (good) {
		root->piece[root->npiece].p = p;
		root->piece[root->npiece++].n = nbyte;
	}
	pthread_mutex_unlock(&root->lock);
	return good;
}

static size_t
forget(struct nf_cuda *root, char *p)
{
	size_t nbyte = 0;
	uint32_t i;

	pthread_mutex_lock(&root->lock);
	for (i = 0; i < root->npiece; i++)
		if (root->piece[i].p == p) {
			nbyte = root->piece[i].n;
			root->piece[i] = root->piece[--root->npiece];
			break;
		}
	pthread_mutex_unlock(&root->lock);
	return nbyte;
}

/* Zeroed before it returns: a copy beside the work may come first. */
static void *
cuda_alloc(struct nf_dev *d, size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);
	void *p = NULL;

	nbyte = nbyte == 0 ? 256 : nbyte;
	cuda_here(c);
	cuda_latch(c, cudaMalloc(&p, nbyte), "device memory");
	if (p == NULL || !remember(c->root, (char *)p, nbyte)) {
		cudaFree(p);
		return NULL;
	}
	cuda_latch(c, cudaMemsetAsync(p, 0, nbyte, c->main.stream), "zero");
	cuda_latch(c, cudaStreamSynchronize(c->main.stream), "zero");
	return p;
}

static void
cuda_release(struct nf_dev *d, void *p)
{
	struct nf_cuda *c = cuda_of(d);

	if (p == NULL)
		return;
	cuda_latch(c, cudaStreamSynchronize(cuda_begin(c)), "free");
	cuda_latch(c, cudaStreamSynchronize(c->in), "free");
	cuda_latch(c, cudaStreamSynchronize(c->out), "free");
	cuda_pack_drop(c, p, forget(c->root, (char *)p));
	cuda_latch(c, cudaFree(p), "free");
}

static uint64_t
cuda_spare(struct nf_dev *d)
{
	size_t nfree = 0, total;

	cuda_here(cuda_of(d));
	cuda_latch(cuda_of(d), cudaMemGetInfo(&nfree, &total), "memory");
	return nfree;
}

/* ---- copies ----------------------------------------------------------- */

void
cuda_put(struct nf_cuda *c, void *to, const void *from, size_t nbyte)
{
	cudaStream_t s = cuda_begin(c);
	size_t at, n;
	int k = 0;

	for (at = 0; at < nbyte; at += n, k ^= 1) {
		n = nbyte - at < NF_CUDA_STAGE ? nbyte - at : NF_CUDA_STAGE;
		cuda_latch(c, cudaEventSynchronize(c->staged[k]), "upload");
		memcpy(c->stage[k], (const char *)from + at, n);
		cuda_latch(c, cudaMemcpyAsync((char *)to + at, c->stage[k],
		    n, cudaMemcpyHostToDevice, s), "upload");
		cuda_latch(c, cudaEventRecord(c->staged[k], s), "upload");
	}
}

static void
cuda_upload(struct nf_dev *d, void *to, const void *from, size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);

	if (to == NULL || from == NULL || nbyte == 0)
		return;
	cuda_put(c, to, from, nbyte);
	cuda_pack_changed(c, to, nbyte);
}

/* Begin to fetch piece k of what is fetched. */
static void
fetch(struct nf_cuda *c, int k, const void *from, size_t at, size_t nbyte)
{
	size_t n = nbyte - at < NF_CUDA_STAGE ? nbyte - at : NF_CUDA_STAGE;

	cuda_latch(c, cudaMemcpyAsync(c->stage[k], (const char *)from + at,
	    n, cudaMemcpyDeviceToHost, c->main.stream), "download");
	cuda_latch(c, cudaEventRecord(c->staged[k], c->main.stream),
	    "download");
}

/* One half of the stage fills while the other is emptied. */
static void
cuda_download(struct nf_dev *d, void *to, const void *from, size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);
	size_t at, n;
	int k = 0;

	if (to == NULL || from == NULL || nbyte == 0)
		return;
	cuda_begin(c);
	fetch(c, 0, from, 0, nbyte);
	for (at = 0; at < nbyte; at += n, k ^= 1) {
		n = nbyte - at < NF_CUDA_STAGE ? nbyte - at : NF_CUDA_STAGE;
		if (at + n < nbyte)
			fetch(c, k ^ 1, from, at + n, nbyte);
		cuda_latch(c, cudaEventSynchronize(c->staged[k]),
		    "download");
		memcpy((char *)to + at, c->stage[k], n);
	}
}

static void
cuda_copy(struct nf_dev *d, void *to, const void *from, size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);

	if (to == NULL || from == NULL || nbyte == 0)
		return;
	cuda_latch(c, cudaMemcpyAsync(to, from, nbyte,
	    cudaMemcpyDeviceToDevice, cuda_begin(c)), "copy");
	cuda_pack_changed(c, to, nbyte);
}

static void
cuda_zero(struct nf_dev *d, void *p, size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);

	if (p == NULL || nbyte == 0)
		return;
	cuda_latch(c, cudaMemsetAsync(p, 0, nbyte, cuda_begin(c)), "zero");
	cuda_pack_changed(c, p, nbyte);
}

/* ---- waiting ---------------------------------------------------------- */

/* Wait for one queue and take its count of clamps and its fault to root. */
static void
settle(struct nf_cuda *root, struct nf_cuda *c)
{
	cudaStream_t s = cuda_begin(c);

	*c->host_count = 0;
	if (c->clamps) {
		cuda_latch(c, cudaMemcpyAsync(c->host_count, c->count,
		    sizeof(*c->count), cudaMemcpyDeviceToHost, s), "count");
		cuda_latch(c, cudaMemsetAsync(c->count, 0, sizeof(*c->count),
		    s), "count");
		c->clamps = 0;
	}
	cuda_latch(c, cudaStreamSynchronize(s), "waiting");
	root->dev.clamped += *c->host_count;
	if (c->failed && !root->failed) {
		root->failed = 1;
		root->fault = c->fault;
	}
	if (c == root)
		return;
	c->failed = 0;
	if (root->dev.uncaptured[0] == '\0')
		memcpy(root->dev.uncaptured, c->dev.uncaptured,
		    sizeof(c->dev.uncaptured));
}

static int
cuda_sync(struct nf_dev *d, struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	uint32_t i;

	for (i = 0; c->lane != NULL && i < d->nlane; i++)
		settle(c, &c->lane[i]);
	settle(c, c);
	if (!c->failed)
		return 0;
	c->failed = 0;
	if (err != NULL)
		*err = c->fault;
	return -1;
}

void
cuda_memory_ops(struct nf_ops *t)
{
	t->alloc = cuda_alloc;
	t->free = cuda_release;
	t->spare = cuda_spare;
	t->upload = cuda_upload;
	t->download = cuda_download;
	t->copy = cuda_copy;
	t->zero = cuda_zero;
	t->sync = cuda_sync;
}
