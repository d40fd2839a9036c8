/*
 * What the tests of the table's operations share: operands on both sides,
 * comparisons with plain double arithmetic, sizes at random, gaps between
 * rows, sentinels around operands, one and three threads, each instruction
 * set.  Gradients that have no short formula are compared with differences
 * of the plain function.
 */
#ifndef OPS_H
#define OPS_H

#include "verdict.h"

#ifdef NF_REF
#define TOL	1e-12			/* of the largest entry */
#define SLOPE	1e-6			/* the same, of differences */
#else
#define TOL	4e-6
#define SLOPE	2e-4
#endif

/* ---- operands --------------------------------------------------------- */

/* On the device between sentinels, and on the host in both precisions. */
struct operand {
	struct guarded g;
	size_t n;
	nf_real *x;
	double *d;
};

static inline void
bring(struct operand *p)
{
	size_t k;

	guard_put(&p->g, p->x);
	for (k = 0; k < p->n; k++)
		p->d[k] = (double)p->x[k];
}

static inline struct operand
operand(uint32_t n, uint32_t ncol, uint32_t gap, double scale)
{
	struct operand p = { .n = (size_t)n * ncol };

	guard_new(&p.g, dev, sizeof(nf_real), n, ncol, ncol + gap);
	p.x = reals(p.n);
	p.d = room(p.n, sizeof(*p.d));
	fill(&seed, p.n, scale, p.x);
	bring(&p);
	return p;
}

static inline void
drop(struct operand *p)
{
	whole &= guard_free(&p->g);
	nf_free(p->x);
	nf_free(p->d);
}

/* What an operation left there. */
static const nf_real *
look(struct operand *p)
{
	guard_get(&p->g, p->x);
	return p->x;
}

/* A vector of doubles on the device. */
struct vector {
	struct guarded g;
	double *d;
};

static inline struct vector
vector(uint32_t n, double scale)
{
	struct vector v;
	uint32_t i;

	guard_new(&v.g, dev, sizeof(double), 1, n, n);
	v.d = room(n, sizeof(*v.d));
	for (i = 0; i < n; i++)
		v.d[i] = scale * uniform(&seed);
	guard_put(&v.g, v.d);
	return v;
}

static inline void
drop_vector(struct vector *v)
{
	whole &= guard_free(&v->g);
	nf_free(v->d);
}

/* A layer, packed or as it is. */
static inline struct nf_linear
layer(struct operand *w, struct operand *b, const struct nf_spline *s,
    struct guarded *packed)
{
	struct nf_linear l = { .w = guard_at(&w->g), .nin = w->g.ncol,
		.b = b == NULL ? NULL : guard_at(&b->g), .nout = w->g.n };
	size_t nbyte = dev->ops->pack_size(dev, &l, s);

	guard_new(packed, dev, 1, 1, (uint32_t)nbyte, (uint32_t)nbyte);
	if (nbyte > 0 && uniform(&seed) > 0) {
		dev->ops->pack(dev, &l, s, guard_at(packed));
		l.packed = guard_at(packed);
	}
	return l;
}

/* ---- comparisons ------------------------------------------------------ */

/* n numbers, by the largest of them; scale: what they are sums of. */
static inline void
compare(size_t n, const nf_real *got, const double *want, double scale)
{
	double top = scale;
	size_t k;

	for (k = 0; k < n; k++)
		top = larger(top, fabs(want[k]));
	worst = larger(worst, max_diff(n, got, want) / (top + 1e-30));
}

/* Some of grad against differences of the plain loss of in's numbers. */
static inline double
slopes(double (*loss)(void *), void *arg, struct operand *in,
    const nf_real *grad)
{
	double keep, up, down, top = max_abs(in->n, grad), e = 0;
	size_t i, k;

	for (i = 0; i < 8; i++) {
		k = (size_t)((uniform(&seed) + 1) / 2 * (double)in->n);
		keep = in->d[k];
		in->d[k] = keep + STEP;
		up = loss(arg);
		in->d[k] = keep - STEP;
		down = loss(arg);
		in->d[k] = keep;
		e = larger(e, fabs((up - down) / (2 * STEP) -
		    (double)grad[k]));
	}
	return e / (top + 1e-2);
}

static inline uint32_t
pick(const uint32_t *from, uint32_t n)
{
	return from[(uint32_t)((uniform(&seed) + 1) / 2 * n)];
}

static inline uint32_t
rows(void)
{
	static const uint32_t n[] = { 1, 2, 3, 5, 16, 17, 31, 33, 127, 129,
		257, 513 };

	return pick(n, 12);
}

static inline uint32_t
columns(void)
{
	static const uint32_t n[] = { 1, 2, 3, 5, 15, 16, 17, 31, 33, 48,
		65 };

	return pick(n, 11);
}

/* ---- all -------------------------------------------------------------- */

static inline void
on_device(uint32_t nthread, int rounds, void (*each)(void),
    void (*once)(void), void (*large)(void))
{
	int i;

	dev = open_device(nthread);
	printf("# %s\n", dev->name);
	seed = 5;
	for (i = 0; each != NULL && i < rounds; i++)
		each();
	if (once != NULL)
		once();
	seed = 6;
	if (large != NULL)
		large();
	nf_dev_close(dev);
}

/*
 * On each instruction set with one thread, then with three: each, again and
 * again, and once; large, of sizes from which on it takes more than one
 * thread, with three alone.  Any may be NULL.
 */
static inline int
on_devices(void (*each)(void), void (*once)(void), void (*large)(void))
{
	static const char *const isa[] = { "avx512", "avx2", "portable" };
	int i, n = sizeof(nf_real) == sizeof(float) ? 3 : 1;

	for (i = 0; i < n; i++) {
		setenv("NF_ISA", isa[i], 1);
		on_device(1, 8, each, once, NULL);
	}
	on_device(3, 4, each, once, large);
	return done();
}

#endif
