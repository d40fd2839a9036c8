/* How LANES threads find a value's bin: see spline.cuh. */
#ifndef NF_SEEK_CUH
#define NF_SEEK_CUH

#include "spline.cuh"

#define AHEAD		8		/* loads under way, for a dot product */

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

/* What they find of a value. */
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
logit_at(const struct axis *a, size_t m, uint32_t *count)
{
	float x = a->logit[m] + a->bias[m];

	return a->bound ? bounded(x, count) : x;
}

/* Four logits from m on; those past the end are no logit at all. */
static __device__ float4
logits(const struct axis *a, size_t m, uint32_t *count)
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
	x.y = m + 1 < K ? logit_at(a, m + 1, count) : -INFINITY;
	x.z = m + 2 < K ? logit_at(a, m + 2, count) : -INFINITY;
	x.w = m + 3 < K ? logit_at(a, m + 3, count) : -INFINITY;
	return x;
}

/* The greatest of logits m0 to m1, of all lanes; a NaN is no logit here. */
static __device__ float
greatest(const struct axis *a, uint32_t m0, uint32_t m1, uint32_t *count)
{
	float top = -FLT_MAX;
	size_t m;
	float4 x;

	for (m = m0; m < m1; m += 4) {
		x = logits(a, m, count);
		top = fmaxf(fmaxf(fmaxf(fmaxf(top, x.x), x.y), x.z), x.w);
	}
	for (m = LANES / 2; m > 0; m /= 2)
		top = fmaxf(top, __shfl_xor_sync(0xffffffff, top, m));
	return top;
}

/* The sum of exponentials of bins m0 to m1; past the end they are 0. */
static __device__ double
exponentials(const struct axis *a, float top, uint32_t m0, uint32_t m1)
{
	uint32_t count = 0;
	double sum = 0;
	float part;
	size_t m;
	float4 x;

	for (m = m0; m < m1; m += 4) {
		x = logits(a, m, &count);
		part = cuda_exp2((x.x - top) * a->scale);
		part += cuda_exp2((x.y - top) * a->scale);
		part += cuda_exp2((x.z - top) * a->scale);
		part += cuda_exp2((x.w - top) * a->scale);
		sum += part;
	}
	return sum;
}

/* The sum over the value's lanes up to this one, itself included. */
static __device__ double
scan(double x)
{
	uint32_t lane = threadIdx.x % LANES, d;
	double y;

	for (d = 1; d < LANES; d *= 2) {
		y = __shfl_up_sync(0xffffffff, x, d);
		x += lane >= d ? y : 0;
	}
	return x;
}

static __device__ float
sum_lanes(float x)
{
	uint32_t m;

	for (m = LANES / 2; m > 0; m /= 2)
		x += __shfl_xor_sync(0xffffffff, x, m);
	return x;
}

/* What lane `from` of the value's has. */
static __device__ double
of_lane(double x, uint32_t from)
{
	return __shfl_sync(0xffffffff, x, threadIdx.x % 32 / LANES * LANES +
	    from);
}

/* The last of the value's lanes of which this is true; none: the first. */
static __device__ uint32_t
last_lane(int is)
{
	uint32_t bits = __ballot_sync(0xffffffff, is) >>
	    threadIdx.x % 32 / LANES * LANES & ((1u << LANES) - 1);

	return bits == 0 ? 0 : 31 - (uint32_t)__clz((int)bits);
}

/* ---- a value's bin --------------------------------------------------- */

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
	float a = 0, b = 0, x[AHEAD], y[AHEAD], z[AHEAD];
	uint32_t q, m;

	for (j = threadIdx.x % LANES; j < l->nin; j += AHEAD * LANES) {
#pragma unroll
		for (q = 0; q < AHEAD; q++) {
			m = j + q * LANES;
			x[q] = m < l->nin ? h[m] : 0;
			y[q] = m < l->nin ? w0[m] : 0;
			z[q] = m < l->nin ? w1[m] : 0;
		}
#pragma unroll
		for (q = 0; q < AHEAD; q++) {
			a += x[q] * y[q];
			b += x[q] * z[q];
		}
	}
	r->raw[0] = sum_lanes(a) + l->b[row + k0];
	r->raw[1] = sum_lanes(b) + l->b[row + k1];
}

/* What the lanes know of an axis once its exponentials are summed. */
struct summed {
	struct axis axis;
	float top;
	uint32_t each;			/* bins of a lane */
	double below;			/* the sum before this lane's bins */
	double room, least;		/* a knot is least m + room sum */
};

static __device__ void
sum_axis(const struct chunk *c, uint32_t f, const float *e, int which,
    int bound, struct summed *s, struct found *r, uint32_t *count)
{
	uint32_t K = c->s.bins, E = (K + 4 * LANES - 1) / (4 * LANES) * 4;
	uint32_t lane = threadIdx.x % LANES, m0 = lane * E, m1;
	double x;

	m0 = m0 < K ? m0 : K;
	m1 = m0 + E < K ? m0 + E : K;
	s->each = E;
	s->axis.logit = e + which * K;
	s->axis.bias = c->bias + (size_t)f * c->filled + which * K;
	s->axis.bins = K;
	s->axis.bound = bound;
	s->axis.scale = cuda_logit_scale(&c->s);
	r->top[which] = s->top = greatest(&s->axis, m0, m1, count);
	x = scan(exponentials(&s->axis, s->top, m0, m1));
	r->inv[which] = 1 / of_lane(x, LANES - 1);
	x = __shfl_up_sync(0xffffffff, x, 1);
	s->below = lane == 0 ? 0 : x;
	s->least = which == 0 ? c->s.min_width : c->s.min_height;
	s->room = (1 - s->least * K) * r->inv[which];
}

static __device__ double
exponential(const struct summed *s, uint32_t m)
{
	uint32_t count = 0;

	return cuda_exp2((logit_at(&s->axis, m, &count) - s->top) *
	    s->axis.scale);
}

/* Those of bins m0 to m1. */
static __device__ double
some(const struct summed *s, uint32_t m0, uint32_t m1)
{
	double sum = 0;
	uint32_t m;

	for (m = m0; m < m1; m++)
		sum += exponential(s, m);
	return sum;
}

/*
 * The last bin that begins at or before u, or the first: the lane that has
 * it; then all lanes share that one's bins; then each goes through the few
 * that the last search has left, and all come to the same.
 */
static __device__ uint32_t
find_along(const struct summed *s, int which, double u, struct found *r)
{
	uint32_t K = s->axis.bins, E = s->each, few = (E + LANES - 1) / LANES;
	uint32_t m = threadIdx.x % LANES * E, start, end, at;
	double below, size;

	start = last_lane(m < K && s->least * m + s->room * s->below <= u);
	below = of_lane(s->below, start);
	start *= E;
	end = start + E < K ? start + E : K;
	m = start + threadIdx.x % LANES * few;
	m = m < end ? m : end;
	at = m + few < end ? m + few : end;
	size = some(s, m, at);
	below += scan(size) - size;
	at = last_lane(m < end && s->least * m + s->room * below <= u);
	below = of_lane(below, at);
	m = start + at * few;
	end = m + few < end ? m + few : end;
	size = exponential(s, m);
	while (++m < end && s->least * m + s->room * (below + size) <= u) {
		below += size;
		size = exponential(s, m);
	}
	r->before[which] = below * r->inv[which];
	r->size[which] = size * r->inv[which];
	return m - 1;
}

/* Bin k along the other axis: the same lane has it. */
static __device__ void
take_bin(const struct summed *s, int which, uint32_t k, struct found *r)
{
	uint32_t E = s->each, few = (E + LANES - 1) / LANES, m, end;
	double sum;

	m = k / E * E + threadIdx.x % LANES * few;
	end = m + few < k ? m + few : k;
	sum = of_lane(scan(some(s, m, end)), LANES - 1);
	r->before[which] = (of_lane(s->below, k / E) + sum) * r->inv[which];
	r->size[which] = exponential(s, k) * r->inv[which];
}

/*
 * The bin of u, 0 <= u <= 1, along widths or (inverse) heights, and what
 * there is to know of it.  All lanes of the value get the same.
 */
static __device__ void
find_bin(const struct chunk *c, uint32_t f, const float *e, double u,
    int bound, struct found *r, uint32_t *count)
{
	struct summed s[2];
	uint32_t k;

	sum_axis(c, f, e, 0, bound, &s[0], r, count);
	sum_axis(c, f, e, 1, bound, &s[1], r, count);
	if (c->inverse) {
		k = find_along(&s[1], 1, u, r);
		take_bin(&s[0], 0, k, r);
	} else {
		k = find_along(&s[0], 0, u, r);
		take_bin(&s[1], 1, k, r);
	}
	r->k = (int32_t)k;
}

#endif
