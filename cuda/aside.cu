/*
 * CUDA: work aside.  The gradient of a weight is read by the optimiser alone,
 * so its product need not stand in the chain that a step waits for: it runs
 * on a queue beside, where it fills what the chain leaves idle.
 *
 * Until it is done, what it touches must not be touched by others.  So an
 * operation that can say what it writes waits for pieces that overlap, and
 * every other one waits for all.
 */
#include "cuda.cuh"

static void
wait_for(struct nf_cuda *c, struct cuda_pending *p)
{
	cuda_latch(c, cudaStreamWaitEvent(c->main.stream, p->done, 0),
	    "waiting for work aside");
	p->live = 0;
	c->npending--;
}

/*
 * Threads have each a GPU of their own that is theirs until they say
 * otherwise, and any thread may bring work to any device.  It is not said
 * again in vain: not in a capture, above all.
 */
void
cuda_here(struct nf_cuda *c)
{
	int index = -1;

	if (cudaGetDevice(&index) != cudaSuccess || index != c->index)
		cuda_latch(c, cudaSetDevice(c->index), "device");
}

cudaStream_t
cuda_begin(struct nf_cuda *c)
{
	uint32_t i;

	cuda_here(c);
	for (i = 0; c->npending > 0 && i < NF_CUDA_PENDING; i++)
		if (c->pending[i].live)
			wait_for(c, &c->pending[i]);
	return c->main.stream;
}

static int
touches(const struct cuda_pending *p, const char *lo, const char *hi)
{
	int i;

	for (i = 0; i < 4; i++)
		if (p->lo[i] < hi && lo < p->hi[i])
			return 1;
	return 0;
}

cudaStream_t
cuda_writing(struct nf_cuda *c, const void *at, size_t nbyte)
{
	const char *lo = (const char *)at;
	uint32_t i;

	cuda_here(c);
	for (i = 0; c->npending > 0 && i < NF_CUDA_PENDING; i++)
		if (c->pending[i].live &&
		    touches(&c->pending[i], lo, lo + nbyte))
			wait_for(c, &c->pending[i]);
	return c->main.stream;
}

cudaStream_t
cuda_writing_mat(struct nf_cuda *c, uint32_t n, struct nf_mat m)
{
	return cuda_writing(c, m.x, cuda_mat_size(n, m));
}

struct cuda_queue *
cuda_aside(struct nf_cuda *c)
{
	struct cuda_queue *q = &c->aside[c->turn];

	if (c != c->root)
		return &c->main;
	c->turn = (c->turn + 1) % NF_CUDA_ASIDE;
	cuda_latch(c, cudaEventRecord(c->ready, c->main.stream), "aside");
	cuda_latch(c, cudaStreamWaitEvent(q->stream, c->ready, 0), "aside");
	return q;
}

void
cuda_aside_end(struct nf_cuda *c, struct cuda_queue *q, int npiece,
    const void *const *at, const size_t *nbyte)
{
	struct cuda_pending *p;
	int i;

	if (q == &c->main)
		return;
	p = &c->pending[c->oldest++ % NF_CUDA_PENDING];
	if (p->live)
		wait_for(c, p);
	cuda_latch(c, cudaEventRecord(p->done, q->stream), "aside");
	for (i = 0; i < 4; i++) {
		p->lo[i] = i < npiece ? (const char *)at[i] : NULL;
		p->hi[i] = i < npiece ? p->lo[i] + nbyte[i] : NULL;
	}
	p->live = 1;
	c->npending++;
}
