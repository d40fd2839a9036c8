/*
 * CUDA: weights as products like them.  In the parameters' array a matrix
 * begins anywhere and its rows follow each other without gaps; the matrix
 * units want rows that begin at multiples of 16 bytes, in their own type.  So
 * each is copied, and copied again when parameters have changed: all that are
 * known in one launch.
 *
 * A captured unit holds that launch, so what it reads stands in device
 * memory, in a table that keeps its place, order and use for ever.
 */
#include <cuda_bf16.h>
#include <string.h>

#include "round.cuh"

#define NTABLE		16384		/* those beyond go one by one */
#define NTHREAD		256

/* One matrix as the kernels see it; rows are those of the copy. */
struct job {
	const float *w, *b;
	void *to;
	float *bto;
	uint32_t nrow, nin, group, filled, pitch;
	enum nf_precision precision;
};

struct entry {
	struct job job;
	uint64_t made;			/* when: cuda_packs.now */
	const struct nf_cuda *maker;
	cudaEvent_t event;
};

struct table {
	uint32_t n, nrow;
	uint32_t first[NTABLE];		/* row of each, in one count */
	struct job job[NTABLE];
};

struct cuda_packs {
	struct entry *at;
	uint32_t n, last;		/* last: where the last was found */
	uint32_t ntable;		/* of them stand in the table */
	uint64_t now;			/* counts changes of weights */
	struct table *table, *host;
};

/* ---- kernels ---------------------------------------------------------- */

/* Row r of the copy, by a warp. */
static __device__ void
pack_row(const struct job *g, uint32_t r, uint32_t lane)
{
	uint32_t m = r % g->filled, j;
	size_t from = (size_t)(r / g->filled) * g->group + m;
	const float *w = g->w + from * g->nin;
	int real = m < g->group;
	float v;

	for (j = lane; j < g->pitch; j += 32) {
		v = real && j < g->nin ? w[j] : 0;
		if (g->precision == NF_BF16)
			((__nv_bfloat16 *)g->to)[(size_t)r * g->pitch + j] =
			    __float2bfloat16_rn(v);
		else
			((float *)g->to)[(size_t)r * g->pitch + j] =
			    g->precision == NF_TF32 ? cuda_round_tf32(v) : v;
	}
	if (lane == 0)
		g->bto[r] = real && g->b != NULL ? g->b[from] : 0;
}

static __global__ void
pack_one(struct job g)
{
	uint32_t r = (blockIdx.x * blockDim.x + threadIdx.x) / 32;

	if (r < g.nrow)
		pack_row(&g, r, threadIdx.x % 32);
}

static __global__ void
pack_all(const struct table *t)
{
	uint32_t warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
	uint32_t nwarp = gridDim.x * blockDim.x / 32, r, lo, hi, k;

	for (r = warp; r < t->nrow; r += nwarp) {
		lo = 0;
		hi = t->n;
		while (hi - lo > 1) {
			k = (lo + hi) / 2;
			if (t->first[k] <= r)
				lo = k;
			else
				hi = k;
		}
		pack_row(&t->job[lo], r - t->first[lo], threadIdx.x % 32);
	}
}

/* ---- all of them ------------------------------------------------------ */

static struct cuda_packs *
packs_of(struct nf_cuda *c)
{
	struct nf_cuda *root = c->root;

	if (root->packs == NULL)
		root->packs = (struct cuda_packs *)nf_alloc(1,
		    sizeof(*root->packs), "weights", NULL);
	if (root->packs == NULL)
		cuda_fail(c, "weights", "no memory on the host");
	return root->packs;
}

static void
put_table(struct nf_cuda *c, struct cuda_packs *p)
{
	uint32_t i, n = p->n < NTABLE ? p->n : NTABLE;

	p->host->n = n;
	p->host->nrow = 0;
	for (i = 0; i < n; i++) {
		p->host->first[i] = p->host->nrow;
		p->host->job[i] = p->at[i].job;
		p->host->nrow += p->at[i].job.nrow;
	}
	cuda_put(c, p->table, p->host, sizeof(*p->host));
	p->ntable = n;
}

/* What stands beyond the table, or cannot be put there, goes one by one. */
void
cuda_pack_table(struct nf_cuda *c)
{
	struct cuda_packs *p = c->packs;

	if (p == NULL || p->ntable == p->n || p->ntable == NTABLE)
		return;
	if (p->host == NULL)
		p->host = (struct table *)nf_alloc(1, sizeof(*p->host),
		    "weights", NULL);
	if (p->table == NULL)
		cuda_latch(c, cudaMalloc((void **)&p->table,
		    sizeof(*p->table)), "weights");
	if (p->host != NULL && p->table != NULL)
		put_table(c, p);
}

void
cuda_pack_stale(struct nf_cuda *c)
{
	if (c->root->packs != NULL)
		c->root->packs->now++;
}

/*
 * Make anew what stands in the table, if any of it is old.  Lanes are at rest
 * and joined: what they made, the root has seen.
 */
void
cuda_pack_refresh(struct nf_cuda *c)
{
	struct cuda_packs *p = c->packs;
	uint32_t i, old = 0;

	for (i = 0; p != NULL && i < p->n; i++) {
		old += i < p->ntable && p->at[i].made != p->now;
		p->at[i].maker = c;
	}
	if (old == 0)
		return;
	NF_LAUNCH(pack_all, cuda_blocks((size_t)p->host->nrow * 32, NTHREAD,
	    (size_t)c->nsm * 8), NTHREAD, 0, c->main.stream)(p->table);
	cuda_launched(c, "weights");
	for (i = 0; i < p->ntable; i++)
		p->at[i].made = p->now;
}

/* Are all in the table?  Then lanes find them as the root has made them. */
int
cuda_pack_settled(struct nf_cuda *c)
{
	struct nf_cuda *root = c->root;
	int settled;

	pthread_mutex_lock(&root->lock);
	settled = root->packs != NULL && root->packs->ntable ==
	    root->packs->n;
	pthread_mutex_unlock(&root->lock);
	return settled;
}

static void
make_one(struct nf_cuda *c, struct cuda_packs *p, struct entry *e)
{
	NF_LAUNCH(pack_one, cuda_blocks((size_t)e->job.nrow * 32, NTHREAD,
	    0x7fffffff), NTHREAD, 0, c->main.stream)(e->job);
	cuda_launched(c, "weights");
	cuda_latch(c, cudaEventRecord(e->event, c->main.stream), "weights");
	e->made = p->now;
	e->maker = c;
}

/* ---- one -------------------------------------------------------------- */

static int
is(const struct entry *e, const struct job *g)
{
	return e->job.w == g->w && e->job.b == g->b &&
	    e->job.nin == g->nin && e->job.nrow == g->nrow &&
	    e->job.group == g->group &&
	    e->job.filled == g->filled && e->job.precision == g->precision;
}

/* They are asked for in their order, or its reverse. */
static struct entry *
find(struct cuda_packs *p, const struct job *g)
{
	uint32_t near[3] = { p->last + 1, p->last, p->last - 1 }, i, k;

	for (i = 0; i < p->n + 3; i++) {
		k = i < 3 ? near[i] : i - 3;
		if (k < p->n && is(&p->at[k], g)) {
			p->last = k;
			return &p->at[k];
		}
	}
	return NULL;
}

/* A new one: room for it, at the end. */
static struct entry *
add(struct nf_cuda *c, struct cuda_packs *p, struct job *g)
{
	size_t size = g->precision == NF_BF16 ? 2 : 4;
	size_t nw = ((size_t)g->nrow * g->pitch * size + 255) / 256 * 256;
	struct entry *e;

	if ((p->n & (p->n - 1)) == 0 && !cuda_grow(c, (void **)&p->at, p->n,
	    2 * (size_t)p->n + 1, sizeof(*p->at)))
		return NULL;
	e = &p->at[p->n];
	memset(e, 0, sizeof(*e));
	cuda_latch(c, cudaMalloc(&g->to, nw + g->nrow * sizeof(float)),
	    "weights");
	cuda_latch(c, cudaEventCreateWithFlags(&e->event,
	    cudaEventDisableTiming), "weights");
	if (g->to == NULL) {
		if (e->event != NULL)
			cudaEventDestroy(e->event);
		return NULL;
	}
	g->bto = (float *)((char *)g->to + nw);
	e->job = *g;
	e->made = p->now - 1;
	p->last = p->n++;
	return e;
}

static int
pack(struct nf_cuda *c, struct job *g, struct cuda_packed *out)
{
	struct cuda_packs *p = packs_of(c);
	struct entry *e;

	if (p == NULL)
		return 0;
	if ((e = find(p, g)) == NULL && (e = add(c, p, g)) == NULL)
		return 0;
	if (e->made != p->now && c == c->root && e < p->at + p->ntable)
		cuda_pack_refresh(c);
	else if (e->made != p->now)
		make_one(c, p, e);
	else if (e->maker != c && e->maker != c->root)
		cuda_latch(c, cudaStreamWaitEvent(c->main.stream, e->event,
		    0), "weights");
	out->w = e->job.to;
	out->b = e->job.bto;
	out->pitch = e->job.pitch;
	return 1;
}

int
cuda_pack(struct nf_cuda *c, const struct nf_linear *l, uint32_t group,
    uint32_t filled, enum nf_precision precision, struct cuda_packed *out)
{
	struct job g = { l->w, l->b, NULL, NULL, l->nout / group * filled,
		l->nin, group, filled, (l->nin + 15) / 16 * 16, precision };
	int good;

	pthread_mutex_lock(&c->root->lock);
	good = pack(c, &g, out);
	pthread_mutex_unlock(&c->root->lock);
	return good;
}

/* ---- what becomes of them --------------------------------------------- */

static int
overlaps(const struct entry *e, const void *at, size_t nbyte)
{
	size_t nout = e->job.nrow / e->job.filled * e->job.group;
	const char *p = (const char *)at;
	const float *w = e->job.w, *b = e->job.b;

	return (p < (const char *)(w + nout * e->job.nin) &&
	    (const char *)w < p + nbyte) || (b != NULL &&
	    p < (const char *)(b + nout) && (const char *)b < p + nbyte);
}

void
cuda_pack_changed(struct nf_cuda *c, const void *at, size_t nbyte)
{
	struct cuda_packs *p = c->root->packs;
	uint32_t i;

	if (p == NULL)
		return;
	pthread_mutex_lock(&c->root->lock);
	for (i = 0; i < p->n; i++)
		if (overlaps(&p->at[i], at, nbyte)) {
			p->now++;
			break;
		}
	pthread_mutex_unlock(&c->root->lock);
}

void
cuda_pack_drop(struct nf_cuda *c, const void *at, size_t nbyte)
{
	struct cuda_packs *p = c->root->packs;
	uint32_t i, n = 0;

	if (p == NULL)
		return;
	pthread_mutex_lock(&c->root->lock);
	for (i = 0; i < p->n; i++)
		if (overlaps(&p->at[i], at, nbyte)) {
			cudaFree(p->at[i].job.to);
			cudaEventDestroy(p->at[i].event);
		} else
			p->at[n++] = p->at[i];
	if (n < p->n) {
		p->n = n;
		p->last = 0;
		if (p->ntable > 0)
			put_table(c->root, p);
	}
	pthread_mutex_unlock(&c->root->lock);
}

void
cuda_pack_close(struct nf_cuda *c)
{
	struct cuda_packs *p = c->packs;
	uint32_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++) {
		cudaFree(p->at[i].job.to);
		cudaEventDestroy(p->at[i].event);
	}
	cudaFree(p->table);
	nf_free(p->host);
	nf_free(p->at);
	nf_free(p);
	c->packs = NULL;
}
