/*
 * CUDA: copies beside the work.  What is sent and what is fetched each have a
 * stream of their own, so that both directions of the bus are busy while the
 * work goes on; events say what must follow what.
 *
 * The host's side is pinned memory, a way's own.  A send passes through two
 * halves, however much it is; a fetch has room for all, since it must be back
 * before anybody waits for it.
 */
#include <string.h>

#include "cuda.cuh"

/* ---- opening ---------------------------------------------------------- */

static int
new_event(cudaEvent_t *e)
{
	return cudaEventCreateWithFlags(e, cudaEventDisableTiming) ==
	    cudaSuccess ? 0 : -1;
}

int
cuda_ferry_open(struct nf_cuda *c)
{
	struct cuda_way *w;

	if (cudaStreamCreateWithFlags(&c->in, cudaStreamNonBlocking) !=
	    cudaSuccess ||
	    cudaStreamCreateWithFlags(&c->out, cudaStreamNonBlocking) !=
	    cudaSuccess)
		return -1;
	for (w = c->way; w < c->way + NF_WAYS; w++)
		if (new_event(&w->staged[0]) == -1 ||
		    new_event(&w->staged[1]) == -1 ||
		    new_event(&w->left) == -1 || new_event(&w->sent) == -1 ||
		    new_event(&w->made) == -1 ||
		    new_event(&w->arrived) == -1)
			return -1;
	return 0;
}

static void
close_way(struct cuda_way *w)
{
	cudaEvent_t e[] = { w->staged[0], w->staged[1], w->left, w->sent,
		w->made, w->arrived };
	size_t i;

	for (i = 0; i < sizeof(e) / sizeof(e[0]); i++)
		if (e[i] != NULL)
			cudaEventDestroy(e[i]);
	cuda_free_pinned(w->stage[0]);
	cuda_free_pinned(w->stage[1]);
	cuda_free_pinned(w->room);
}

void
cuda_ferry_close(struct nf_cuda *c)
{
	struct cuda_way *w;

	if (c->in != NULL)
		cudaStreamDestroy(c->in);
	if (c->out != NULL)
		cudaStreamDestroy(c->out);
	for (w = c->way; w < c->way + NF_WAYS; w++)
		close_way(w);
}

/* ---- to the device ---------------------------------------------------- */

/* Pinned memory is made when a way is first used: most programs use few. */
static char *
pinned(struct nf_cuda *c, struct cuda_way *w)
{
	char **p = &w->stage[w->turn];

	if (*p == NULL)
		cuda_latch(c, cudaMallocHost((void **)p, NF_CUDA_STAGE),
		    "pinned memory");
	cuda_latch(c, cudaEventSynchronize(w->staged[w->turn]), "sending");
	return *p;
}

static void
cuda_send(struct nf_dev *d, uint32_t way, void *to, const void *from,
    size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);
	struct cuda_way *w = &c->way[way];
	size_t at, n;
	char *p;

	if (to == NULL || from == NULL || nbyte == 0)
		return;
	cuda_latch(c, cudaStreamWaitEvent(c->in, w->left, 0), "sending");
	for (at = 0; at < nbyte; at += n, w->turn ^= 1) {
		n = nbyte - at < NF_CUDA_STAGE ? nbyte - at : NF_CUDA_STAGE;
		if ((p = pinned(c, w)) == NULL)
			return;
		memcpy(p, (const char *)from + at, n);
		cuda_latch(c, cudaMemcpyAsync((char *)to + at, p, n,
		    cudaMemcpyHostToDevice, c->in), "sending");
		cuda_latch(c, cudaEventRecord(w->staged[w->turn], c->in),
		    "sending");
	}
	cuda_latch(c, cudaEventRecord(w->sent, c->in), "sending");
}

static void
cuda_sent(struct nf_dev *d, uint32_t way)
{
	struct nf_cuda *c = cuda_of(d);

	cuda_latch(c, cudaStreamWaitEvent(cuda_begin(c), c->way[way].sent, 0),
	    "sending");
}

static void
cuda_leave(struct nf_dev *d, uint32_t way)
{
	struct nf_cuda *c = cuda_of(d);

	cuda_latch(c, cudaEventRecord(c->way[way].left, cuda_begin(c)),
	    "sending");
}

/* ---- and back --------------------------------------------------------- */

/* Room for n bytes more; what is on its way comes along. */
static char *
room(struct nf_cuda *c, struct cuda_way *w, size_t n)
{
	size_t nroom = w->used + n;
	char *p = NULL;

	if (nroom <= w->nroom)
		return w->room + w->used;
	cuda_latch(c, cudaMallocHost((void **)&p, nroom), "pinned memory");
	if (p == NULL)
		return NULL;
	if (w->used > 0) {
		cuda_latch(c, cudaEventSynchronize(w->arrived), "fetching");
		memcpy(p, w->room, w->used);
	}
	cuda_latch(c, cuda_free_pinned(w->room), "pinned memory");
	w->room = p;
	w->nroom = nroom;
	return p + w->used;
}

static void
cuda_fetch(struct nf_dev *d, uint32_t way, void *to, const void *from,
    size_t nbyte)
{
	struct nf_cuda *c = cuda_of(d);
	struct cuda_way *w = &c->way[way];
	char *p;

	if (to == NULL || from == NULL || nbyte == 0)
		return;
	if (w->nparcel == sizeof(w->parcel) / sizeof(w->parcel[0])) {
		cuda_fail(c, "fetching", "more than a way takes");
		return;
	}
	if ((p = room(c, w, nbyte)) == NULL)
		return;
	cuda_latch(c, cudaEventRecord(w->made, cuda_begin(c)), "fetching");
	cuda_latch(c, cudaStreamWaitEvent(c->out, w->made, 0), "fetching");
	cuda_latch(c, cudaMemcpyAsync(p, from, nbyte, cudaMemcpyDeviceToHost,
	    c->out), "fetching");
	cuda_latch(c, cudaEventRecord(w->arrived, c->out), "fetching");
	w->parcel[w->nparcel].to = to;
	w->parcel[w->nparcel++].n = nbyte;
	w->used += nbyte;
}

static void
cuda_fetched(struct nf_dev *d, uint32_t way)
{
	struct nf_cuda *c = cuda_of(d);
	struct cuda_way *w = &c->way[way];
	const char *p = w->room;
	int i;

	if (w->nparcel == 0)
		return;
	cuda_latch(c, cudaEventSynchronize(w->arrived), "fetching");
	for (i = 0; i < w->nparcel; p += w->parcel[i++].n)
		memcpy(w->parcel[i].to, p, w->parcel[i].n);
	w->nparcel = 0;
	w->used = 0;
}

void
cuda_ferry_ops(struct nf_ops *t)
{
	t->send = cuda_send;
	t->sent = cuda_sent;
	t->leave = cuda_leave;
	t->fetch = cuda_fetch;
	t->fetched = cuda_fetched;
}
