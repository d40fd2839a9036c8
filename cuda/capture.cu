/* CUDA: lanes on threads of the host, and captured steps. */
#include "cuda.cuh"

/* ---- lanes ------------------------------------------------------------ */

/* What the threads that drive the lanes share. */
struct crew {
	struct nf_cuda *root;
	uint64_t njob;
	uint32_t nlane;
	void (*job)(void *arg, struct nf_dev *lane, uint32_t ilane,
	    uint64_t ijob);
	void *arg;
};

struct driver {
	struct crew *crew;
	uint32_t ilane;
	pthread_t thread;
	int running;
};

static void *
drive(void *arg)
{
	struct driver *me = (struct driver *)arg;
	struct crew *w = me->crew;
	struct nf_cuda *c = &w->root->lane[me->ilane];
	uint64_t i;

	cuda_latch(c, cudaSetDevice(c->index), "lane");	/* a new thread's */
	cuda_latch(c, cudaStreamWaitEvent(c->main.stream, w->root->ready, 0),
	    "lane");
	for (i = me->ilane; i < w->njob; i += w->nlane)
		w->job(w->arg, &c->dev, me->ilane, i);
	cuda_latch(c, cudaEventRecord(c->ready, c->main.stream), "lane");
	return NULL;
}

/*
 * The host's part of a job, its copies to and from pinned memory above all,
 * takes long enough that each lane has a thread to drive it; the caller
 * drives the first, and those that found no thread.  Jobs are dealt out in
 * turn: a lane is asked for its work long before it is done, so that who
 * comes first says nothing about who is free.
 */
static void
cuda_each(struct nf_dev *d, uint64_t njob,
    void (*job)(void *arg, struct nf_dev *lane, uint32_t ilane,
    uint64_t ijob), void *arg)
{
	struct nf_cuda *c = cuda_of(d);
	uint32_t n = njob < d->nlane ? (uint32_t)njob : d->nlane, i;
	struct crew w = { c, njob, n, job, arg };
	struct driver driver[NF_CUDA_LANE];

	cuda_here(c);
	cuda_pack_table(c);
	cuda_pack_refresh(c);
	cuda_latch(c, cudaEventRecord(c->ready, cuda_begin(c)), "lanes");
	for (i = 0; i < n; i++) {
		c->lane[i].dev.tile = d->tile;
		driver[i].crew = &w;
		driver[i].ilane = i;
		driver[i].running = i > 0 && pthread_create(
		    &driver[i].thread, NULL, drive, &driver[i]) == 0;
	}
	for (i = 0; i < n; i++)
		if (!driver[i].running)
			drive(&driver[i]);
	for (i = 0; i < n; i++)
		if (driver[i].running)
			pthread_join(driver[i].thread, NULL);
	for (i = 0; i < n; i++)
		cuda_latch(c, cudaStreamWaitEvent(c->main.stream,
		    c->lane[i].ready, 0), "lanes");
}

/* ---- captured steps --------------------------------------------------- */

/*
 * What is captured has run before, as it is, and has found scratch, algorithms
 * and weights; there is nothing left to allocate, nor code to load, which a
 * kernel's is when it is first launched: so the one that makes all weights is
 * launched here.  A lane's unit reads weights that the root has made anew
 * before the lanes began: those in its table.
 *
 * Where anything goes wrong with a capture, the same is run as it is, and no
 * other is begun: all is done then, but slower.
 */
static int
cuda_capture_begin(struct nf_dev *d)
{
	struct nf_cuda *c = cuda_of(d);
	cudaStream_t s;

	cuda_here(c);
	if (c->lost || c->root->profile != NULL)
		return 0;		/* each launch is timed */
	if (c != c->root) {
		if (!cuda_pack_settled(c))
			return 0;
	} else {
		cuda_pack_table(c);
		cuda_pack_stale(c);
		cuda_pack_refresh(c);
		cuda_pack_stale(c);
	}
	s = cuda_begin(c);
	pthread_mutex_lock(&c->root->gate);
	c->capturing = 1;
	cuda_latch(c, cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed),
	    "capture");
	c->capturing = !c->lost;
	if (c->lost)
		pthread_mutex_unlock(&c->root->gate);
	return c->capturing;
}

static void *
cuda_capture_end(struct nf_dev *d)
{
	struct nf_cuda *c = cuda_of(d);
	cudaGraph_t graph = NULL;
	cudaGraphExec_t unit = NULL;

	cuda_latch(c, cudaStreamEndCapture(cuda_begin(c), &graph), "capture");
	if (graph != NULL && !c->lost)
		cuda_latch(c, cudaGraphInstantiateWithFlags(&unit, graph, 0),
		    "capture");
	c->capturing = 0;
	pthread_mutex_unlock(&c->root->gate);
	if (graph != NULL)
		cuda_latch(c, cudaGraphDestroy(graph), "capture");
	if (c == c->root)
		cuda_pack_stale(c);
	return unit;
}

/* What a lane replays changes no weights. */
static void
cuda_replay(struct nf_dev *d, void *unit)
{
	struct nf_cuda *c = cuda_of(d);

	cuda_latch(c, cudaGraphLaunch((cudaGraphExec_t)unit, cuda_begin(c)),
	    "replay");
	if (c == c->root)
		cuda_pack_stale(c);
	c->clamps = 1;
}

static void
cuda_capture_free(struct nf_dev *d, void *unit)
{
	struct nf_cuda *c = cuda_of(d);

	if (unit == NULL)
		return;
	cuda_here(c);
	cuda_latch(c, cudaStreamSynchronize(c->main.stream), "capture");
	cuda_latch(c, cudaGraphExecDestroy((cudaGraphExec_t)unit),
	    "capture");
}

void
cuda_capture_ops(struct nf_ops *t)
{
	t->each = cuda_each;
	t->capture_begin = cuda_capture_begin;
	t->capture_end = cuda_capture_end;
	t->replay = cuda_replay;
	t->capture_free = cuda_capture_free;
}
