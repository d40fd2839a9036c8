/*
 * CUDA: the time of each kernel.  The device is held back by a kernel that
 * does nothing for a while, NMARK launches are queued with events around
 * each, and then they run one after another: so the host's pace is not in
 * what the events tell.
 */
#include <stdio.h>
#include <string.h>

#include "measure.cuh"

#define NMARK		64		/* launches queued at a time */
#define NKIND		512
#define STALL		2e-3		/* longer than queueing takes */

struct mark {
	cudaEvent_t before, after;
	uint32_t kind;
};

struct cuda_profile {
	struct mark mark[NMARK];
	uint32_t nmark, nkind;
	struct nf_kernel_time kind[NKIND];
	struct nf_kernel_time now;	/* what is launched next */
	cudaStream_t stream;		/* where; NULL: nothing is */
	cudaStream_t aside[NF_CUDA_ASIDE];
	const char *scope;
	double nothing;			/* two events' own seconds */
	int lost;			/* kinds that had no room */
};

/* ---- holding the device back ------------------------------------------ */

static __global__ void
stall(unsigned long long ns)
{
#ifdef __CUDA_ARCH__
	unsigned long long start, now;

	asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
	do
		asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
	while (now - start < ns);
#else
	(void)ns;
#endif
}

void
cuda_stall(struct nf_cuda *c, cudaStream_t s, double seconds)
{
	NF_LAUNCH_ON(stall, 1, 32, 0, s)((unsigned long long)(1e9 *
	    seconds));
	cuda_latch(c, cudaGetLastError(), "stall");
}

/* ---- a launch --------------------------------------------------------- */

/* The kind that is now, or NKIND. */
static uint32_t
find(struct cuda_profile *p)
{
	uint32_t i;

	for (i = 0; i < p->nkind; i++)
		if (strcmp(p->kind[i].kernel, p->now.kernel) == 0 &&
		    strcmp(p->kind[i].shape, p->now.shape) == 0 &&
		    strcmp(p->kind[i].scope, p->now.scope) == 0)
			return i;
	if (i == NKIND) {
		p->lost++;
		return NKIND;
	}
	p->kind[i] = p->now;
	p->kind[i].flop = p->kind[i].byte = 0;
	return p->nkind++;
}

static void
collect(struct nf_cuda *c, struct cuda_profile *p)
{
	struct nf_kernel_time *k;
	uint32_t i;
	float ms;

	for (i = 0; i < p->nmark; i++) {
		ms = 0;
		cuda_latch(c, cudaEventSynchronize(p->mark[i].after),
		    "profile");
		cuda_latch(c, cudaEventElapsedTime(&ms, p->mark[i].before,
		    p->mark[i].after), "profile");
		if (p->mark[i].kind == NKIND)
			continue;
		k = &p->kind[p->mark[i].kind];
		k->launches++;
		k->seconds += 1e-3 * (double)ms;
	}
	p->nmark = 0;
}

static void
before(struct nf_cuda *c, struct cuda_profile *p, cudaStream_t s)
{
	if (p->nmark == 0)
		cuda_stall(c, s, STALL);
	cuda_latch(c, cudaEventRecord(p->mark[p->nmark].before, s),
	    "profile");
	p->stream = s;
}

void
cuda_profile_before(struct nf_cuda *c, const char *kernel, dim3 grid,
    cudaStream_t s)
{
	struct cuda_profile *p = c->root->profile;

	if (c->root->capturing)
		return;
	memset(&p->now, 0, sizeof(p->now));
	snprintf(p->now.scope, sizeof(p->now.scope), "%s", p->scope);
	snprintf(p->now.kernel, sizeof(p->now.kernel), "%s", kernel);
	snprintf(p->now.shape, sizeof(p->now.shape), "%u x %u", grid.x,
	    grid.y);
	before(c, p, s);
}

void
cuda_profile_product(struct nf_cuda *c, const struct cuda_product *q,
    cudaStream_t s)
{
	static const char *const name[] = { "product fp32", "product tf32",
		"product bf16" };
	struct cuda_profile *p = c->root->profile;
	double m = q->m, n = q->n, k = q->k, batch = q->batch + !q->batch;
	double size = q->precision == NF_BF16 ? 2 : 4;

	if (p == NULL || c->root->capturing)
		return;
	cuda_profile_before(c, name[q->precision], dim3(1), s);
	snprintf(p->now.shape, sizeof(p->now.shape), "%u x %u x %u, %g",
	    q->m, q->n, q->k, batch);
	p->now.flop = 2 * m * n * k * batch;
	p->now.byte = batch * (size * (m * k + n * k) + 4 * m * n *
	    (q->beta == 0 ? 1 : 2));
}

void
cuda_profile_count(struct nf_cuda *c, double flop, double byte)
{
	struct cuda_profile *p = c->root->profile;

	if (p == NULL)
		return;
	p->now.flop = flop;
	p->now.byte = byte;
}

void
cuda_profile_after(struct nf_cuda *c)
{
	struct cuda_profile *p = c->root->profile;
	struct mark *m;

	if (p == NULL || p->stream == NULL)
		return;
	m = &p->mark[p->nmark++];
	m->kind = find(p);
	if (m->kind != NKIND) {
		p->kind[m->kind].flop += p->now.flop;
		p->kind[m->kind].byte += p->now.byte;
	}
	cuda_latch(c, cudaEventRecord(m->after, p->stream), "profile");
	p->stream = NULL;
	if (p->nmark == NMARK)
		collect(c, p);
}

/* ---- begin, end ------------------------------------------------------- */

/* From here on weights are copied in one launch, as in a captured step. */
static void
reset(struct nf_dev *d)
{
	struct nf_cuda *c = cuda_of(d);

	cuda_pack_table(c);
	collect(c, c->profile);
	c->profile->nkind = 0;
	c->profile->lost = 0;
}

/* What two events take with nothing between them. */
static double
measure_nothing(struct nf_cuda *c, struct cuda_profile *p)
{
	double sum = 0;
	uint32_t i;
	float ms;

	cuda_stall(c, c->main.stream, STALL);
	for (i = 0; i < NMARK; i++) {
		cuda_latch(c, cudaEventRecord(p->mark[i].before,
		    c->main.stream), "profile");
		cuda_latch(c, cudaEventRecord(p->mark[i].after,
		    c->main.stream), "profile");
	}
	for (i = 0; i < NMARK; i++) {
		ms = 0;
		cuda_latch(c, cudaEventSynchronize(p->mark[i].after),
		    "profile");
		cuda_latch(c, cudaEventElapsedTime(&ms, p->mark[i].before,
		    p->mark[i].after), "profile");
		sum += 1e-3 * (double)ms;
	}
	return sum / NMARK;
}

static void
drop(struct cuda_profile *p)
{
	int i;

	for (i = 0; i < NMARK; i++) {
		if (p->mark[i].before != NULL)
			cudaEventDestroy(p->mark[i].before);
		if (p->mark[i].after != NULL)
			cudaEventDestroy(p->mark[i].after);
	}
	nf_free(p);
}

/* Work aside goes in its turn: two at once would count twice. */
static int
begin(struct nf_dev *d, struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	struct cuda_profile *p;
	int i;

	p = (struct cuda_profile *)nf_alloc(1, sizeof(*p), "profile", err);
	if (p == NULL || d->ops->sync(d, err) == -1) {
		nf_free(p);
		return -1;
	}
	for (i = 0; i < NMARK; i++)
		if (cudaEventCreateWithFlags(&p->mark[i].before, 0) !=
		    cudaSuccess || cudaEventCreateWithFlags(&p->mark[i].after,
		    0) != cudaSuccess) {
			drop(p);
			return nf_fail(err, NF_ESYS, "%s: no events: %s",
			    d->name, cudaGetErrorString(cudaGetLastError()));
		}
	p->nothing = measure_nothing(c, p);
	p->scope = "";
	for (i = 0; i < NF_CUDA_ASIDE; i++) {
		p->aside[i] = c->aside[i].stream;
		c->aside[i].stream = c->main.stream;
	}
	c->profile = p;
	return 0;
}

static void
scope(struct nf_dev *d, const char *name)
{
	cuda_of(d)->root->profile->scope = name;
}

static int
end(struct nf_dev *d, struct nf_kernel_time *to, uint32_t max, uint32_t *n,
    struct nf_err *err)
{
	struct nf_cuda *c = cuda_of(d);
	struct cuda_profile *p = c->profile;
	uint32_t i;
	int lost;

	collect(c, p);
	cuda_begin(c);
	for (i = 0; i < NF_CUDA_ASIDE; i++)
		c->aside[i].stream = p->aside[i];
	lost = p->lost + (p->nkind > max);
	*n = p->nkind < max ? p->nkind : max;
	for (i = 0; i < *n; i++) {
		to[i] = p->kind[i];
		to[i].seconds -= (double)to[i].launches * p->nothing;
		if (to[i].seconds < 0)
			to[i].seconds = 0;
	}
	c->profile = NULL;
	drop(p);
	if (lost > 0)
		return nf_fail(err, NF_EUSE, "more than %u kinds of kernels",
		    max < NKIND ? max : NKIND);
	return d->ops->sync(d, err);
}

extern "C" __attribute__((visibility("default")))
const struct nf_profiler nf_profiler = {
	sizeof(struct nf_profiler), begin, scope, reset, end,
	cuda_span_begin, cuda_span_end, cuda_measure_product,
	cuda_measure_copy, cuda_measure_launch
};
