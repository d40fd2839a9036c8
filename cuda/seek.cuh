/* How a warp finds a value's bin: see spline.cuh. */
#ifndef NF_SEEK_CUH
#define NF_SEEK_CUH

#include "spline.cuh"

/* A chunk of rows, as the kernel sees it. */
struct chunk {
	struct nf_spline s;
	uint32_t n, pitch;		/* pitch: logits of a value */
	uint32_t filled;		/* biases of a feature */
	const float *logit, *bias;
	struct nf_mat h, x;
	double *logdet;
	struct cuda_kept *kept;		/* or NULL */
	uint64_t *clamped;
	int inverse;
};

/* What a warp finds of a value. */
struct found {
	double before[2], size[2], inv[2];	/* as probabilities */
	float top[2], raw[2];			/* raw: derivative logits */
	int32_t k;
};

/* ---- logits ----------------------------------------------------------- */

/* Logits that overflowed: see bound_logits of lib/cpu_spline.c. */
static __device__ float
bounded(float x, uint32_t *count)
{
	if (fabsf(x) <= FLT_MAX)
		return x;
	++*count;
	return x > 0 ? FLT_MAX : x < 0 ? -FLT_MAX : 0;
}

/* One axis of one value. */
struct axis {
	const float *logit, *bias;
	uint32_t bins;
	int bound;
	float scale;
};

static __device__ float
logit_at(const struct axis *a, uint32_t m, uint32_t *count)
{
	float x = a->logit[m] + a->bias[m];

	return a->bound ? bounded(x, count) : x;
}

/* Four logits from m on; those past the end are the first. */
static __device__ float4
logits(const struct axis *a, uint32_t m, uint32_t *count)
{
	const float *e = a->logit, *b = a->bias;
	uint32_t K = a->bins;
	float4 x, y;

	if (K % 4 == 0) {
		x = *(const float4 *)(e + m);
		y = *(const float4 *)(b + m);
		x = make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
		if (a->bound) {
			x.x = bounded(x.x, count);
			x.y = bounded(x.y, count);
			x.z = bounded(x.z, count);
			x.w = bounded(x.w, count);
		}
		return x;
	}
	x.x = logit_at(a, m, count);
	x.y = m + 1 < K ? logit_at(a, m + 1, count) : x.x;
	x.z = m + 2 < K ? logit_at(a, m + 2, count) : x.x;
	x.w = m + 3 < K ? logit_at(a, m + 3, count) : x.x;
	return x;
}

static __device__ float
max_of(float a, float b)
{
	return b > a ? b : a;
}

static __device__ float
greatest(const struct axis *a, uint32_t m0, uint32_t m1, uint32_t *count)
{
	float top = -FLT_MAX;
	uint32_t m;
	float4 x;

	for (m = m0; m < m1; m += 4) {
		x = logits(a, m, count);
		top = max_of(max_of(max_of(max_of(top, x.x), x.y), x.z),
		    x.w);
	}
	for (m = 16; m > 0; m /= 2)
		top = max_of(top, __shfl_xor_sync(0xffffffff, top, m));
	return top;
}

/* The sum of exponentials of bins m0 to m1. */
static __device__ double
exponentials(const struct axis *a, float top, uint32_t m0, uint32_t m1)
{
	uint32_t m, count = 0;
	double sum = 0;
	float part;
	float4 x;

	for (m = m0; m < m1; m += 4) {
		x = logits(a, m, &count);
		part = nf_exp((x.x - top) * a->scale);
		if (m + 1 < a->bins)
			part += nf_exp((x.y - top) * a->scale);
		if (m + 2 < a->bins)
			part += nf_exp((x.z - top) * a->scale);
		if (m + 3 < a->bins)
			part += nf_exp((x.w - top) * a->scale);
		sum += part;
	}
	return sum;
}

/* The sum over the lanes up to this one, itself included. */
static __device__ double
scan(double x)
{
	uint32_t lane = threadIdx.x % 32, d;
	double y;

	for (d = 1; d < 32; d *= 2) {
		y = __shfl_up_sync(0xffffffff, x, d);
		x += lane >= d ? y : 0;
	}
	return x;
}

static __device__ float
sum_lanes(float x)
{
	uint32_t m;

	for (m = 16; m > 0; m /= 2)
		x += __shfl_xor_sync(0xffffffff, x, m);
	return x;
}

/* ---- a warp finds a value's bin --------------------------------------- */

/* The derivative logits at both ends of bin k; ends of the box have none. */
static __device__ void
derivatives(const struct chunk *c, uint32_t f, const float *h,
    struct found *r)
{
	const struct nf_linear *l = &c->s.final;
	uint32_t K = c->s.bins, j;
	size_t row = (size_t)f * (3 * K - 1) + 2 * K;
	uint32_t k0 = r->k > 0 ? (uint32_t)r->k - 1 : 0;
	uint32_t k1 = (uint32_t)r->k < K - 1 ? (uint32_t)r->k : K - 2;
	const float *w0 = l->w + (row + k0) * l->nin;
	const float *w1 = l->w + (row + k1) * l->nin;
	float a = 0, b = 0, x;

	for (j = threadIdx.x % 32; j < l->nin; j += 32) {
		x = h[j];
		a += x * w0[j];
		b += x * w1[j];
	}
	r->raw[0] = sum_lanes(a) + l->b[row + k0];
	r->raw[1] = sum_lanes(b) + l->b[row + k1];
}

/* What the lanes know of an axis once its exponentials are summed. */
struct summed {
	struct axis axis;
	double below;			/* the sum before this lane's bins */
	double room, least;		/* a knot is least m + room sum */
};

static __device__ void
sum_axis(const struct chunk *c, uint32_t f, const float *e, int which,
    struct summed *s, struct found *r, uint32_t *count)
{
	uint32_t K = c->s.bins, E = (K + 127) / 128 * 4;
	uint32_t lane = threadIdx.x % 32, m0 = lane * E, m1;
	double x;

	m0 = m0 < K ? m0 : K;
	m1 = m0 + E < K ? m0 + E : K;
	s->axis.logit = e + which * K;
	s->axis.bias = c->bias + (size_t)f * c->filled + which * K;
	s->axis.bins = K;
	s->axis.bound = c->kept == NULL;
	s->axis.scale = (float)c->s.logit_scale;
	r->top[which] = greatest(&s->axis, m0, m1, count);
	x = scan(exponentials(&s->axis, r->top[which], m0, m1));
	r->inv[which] = 1 / __shfl_sync(0xffffffff, x, 31);
	x = __shfl_up_sync(0xffffffff, x, 1);
	s->below = lane == 0 ? 0 : x;
	s->least = which == 0 ? c->s.min_width : c->s.min_height;
	s->room = (1 - s->least * K) * r->inv[which];
}

/* The lane whose bins are the last to begin at or before u. */
static __device__ uint32_t
find_lane(const struct summed *s, double u)
{
	uint32_t K = s->axis.bins, E = (K + 127) / 128 * 4;
	uint32_t m = threadIdx.x % 32 * E, bits;

	bits = __ballot_sync(0xffffffff, m < K &&
	    s->least * m + s->room * s->below <= u);
	return bits == 0 ? 0 : 31 - (uint32_t)__clz((int)bits);
}

/*
 * Among the bins of lane `start`: number `at`, or if that is NONE the last
 * that begins at or before u.  Returns the number.
 */
#define NONE 0xffffffff
static __device__ uint32_t
take_bin(const struct summed *s, int which, uint32_t start, uint32_t at,
    double u, struct found *r)
{
	uint32_t K = s->axis.bins, E = (K + 127) / 128 * 4, bits, count = 0;
	uint32_t lane = threadIdx.x % 32, m = start * E + lane;
	int mine = lane < E && m < K;
	double base, x, before;

	base = __shfl_sync(0xffffffff, s->below, start);
	x = mine ? nf_exp((logit_at(&s->axis, m, &count) - r->top[which]) *
	    s->axis.scale) : 0;
	before = __shfl_up_sync(0xffffffff, scan(x), 1);
	before = base + (lane == 0 ? 0 : before);
	if (at == NONE) {
		bits = __ballot_sync(0xffffffff, mine &&
		    s->least * m + s->room * before <= u);
		at = bits == 0 ? 0 : 31 - (uint32_t)__clz((int)bits);
	}
	r->before[which] = __shfl_sync(0xffffffff, before, at) *
	    r->inv[which];
	r->size[which] = __shfl_sync(0xffffffff, x, at) * r->inv[which];
	return at;
}

/*
 * The bin of u, 0 <= u <= 1, along widths or (inverse) heights, and what
 * there is to know of it.  All lanes get the same.
 */
static __device__ void
find_bin(const struct chunk *c, uint32_t f, const float *e, double u,
    struct found *r, uint32_t *count)
{
	uint32_t E = (c->s.bins + 127) / 128 * 4, start, at;
	struct summed w, h;

	sum_axis(c, f, e, 0, &w, r, count);
	sum_axis(c, f, e, 1, &h, r, count);
	if (c->inverse) {
		start = find_lane(&h, u);
		at = take_bin(&h, 1, start, NONE, u, r);
		take_bin(&w, 0, start, at, u, r);
	} else {
		start = find_lane(&w, u);
		at = take_bin(&w, 0, start, NONE, u, r);
		take_bin(&h, 1, start, at, u, r);
	}
	r->k = (int32_t)(start * E + at);
}

#endif
