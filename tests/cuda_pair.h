/*
 * The same memory on two devices, the CPU and a GPU (or what stands for one),
 * with guards around it: an operation is run on both and what it left is
 * compared.  Guards, and what is between a row's end and the next row, must
 * be as they were.
 */
#ifndef CUDA_PAIR_H
#define CUDA_PAIR_H

#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "tap.h"

#define GUARD	256			/* bytes on either side */

enum kind { REAL, DOUBLE, WORD };	/* float, double, uint32_t */

struct area {
	enum kind kind;
	uint32_t nrow, ncol, ld;
	size_t nbyte;			/* without guards */
	char *init;			/* with them */
	char *base[2];
	struct area *next;
};

static struct nf_dev *dev[2];		/* the CPU, the other */
static struct area *areas;
static uint64_t seed = 12345;

static inline double
uniform(double lo, double hi)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return lo + (hi - lo) * (double)(seed >> 11) * 0x1p-53;
}

static inline size_t
size_of(enum kind kind)
{
	return kind == DOUBLE ? 8 : 4;
}

static inline void *
host(struct area *a)
{
	return a->init + GUARD;
}

/* Rows of numbers from lo to hi, ld apart. */
static inline struct area *
area(enum kind kind, uint32_t nrow, uint32_t ncol, uint32_t ld, double lo,
    double hi)
{
	struct area *a = calloc(1, sizeof(*a));
	uint32_t i, j;
	double v;

	a->kind = kind;
	a->nrow = nrow;
	a->ncol = ncol;
	a->ld = ld;
	a->nbyte = nrow == 0 ? 0 :
	    (((size_t)nrow - 1) * ld + ncol) * size_of(kind);
	a->init = malloc(a->nbyte + 2 * GUARD);
	memset(a->init, 0xa5, a->nbyte + 2 * GUARD);
	for (i = 0; i < nrow; i++)
		for (j = 0; j < ncol; j++) {
			v = uniform(lo, hi);
			if (kind == REAL)
				((float *)host(a))[(size_t)i * ld + j] =
				    (float)v;
			else if (kind == DOUBLE)
				((double *)host(a))[(size_t)i * ld + j] = v;
			else
				((uint32_t *)host(a))[(size_t)i * ld + j] =
				    (uint32_t)v;
		}
	a->next = areas;
	areas = a;
	return a;
}

static inline struct area *
vec(enum kind kind, size_t n, double lo, double hi)
{
	return area(kind, 1, (uint32_t)n, (uint32_t)n, lo, hi);
}

/* Put what the host has on device k; done once, by the first use. */
static inline char *
on(struct area *a, int k)
{
	if (a->base[k] == NULL) {
		a->base[k] = dev[k]->ops->alloc(dev[k], a->nbyte +
		    2 * GUARD);
		if (a->base[k] != NULL)
			dev[k]->ops->upload(dev[k], a->base[k], a->init,
			    a->nbyte + 2 * GUARD);
	}
	return a->base[k] == NULL ? NULL : a->base[k] + GUARD;
}

static inline struct nf_mat
mat_on(struct area *a, int k)
{
	if (a == NULL)
		return nf_mat(NULL, 0, 0);
	return nf_mat((nf_real *)(void *)on(a, k), a->ncol, a->ld);
}

#define REAL_ON(a, k)	((nf_real *)(void *)((a) == NULL ? NULL : on(a, k)))
#define DOUBLE_ON(a, k)	((double *)(void *)on(a, k))
#define WORD_ON(a, k)	((uint32_t *)(void *)on(a, k))

/* What device k has of it; freed by the caller. */
static inline char *
fetched(struct area *a, int k)
{
	char *p = malloc(a->nbyte + 2 * GUARD);

	on(a, k);
	dev[k]->ops->download(dev[k], p, a->base[k], a->nbyte + 2 * GUARD);
	return p;
}

/* Is byte i of the area a number's, not a guard's or a gap's? */
static inline int
is_data(const struct area *a, size_t i)
{
	if (i < GUARD || i >= GUARD + a->nbyte)
		return 0;
	return (i - GUARD) / size_of(a->kind) % a->ld < a->ncol;
}

static inline int
guarded(const struct area *a, const char *p)
{
	size_t i;

	for (i = 0; i < a->nbyte + 2 * GUARD; i++)
		if (!is_data(a, i) && p[i] != a->init[i]) {
			printf("# overwritten at byte %zd of %zu\n",
			    (ssize_t)i - GUARD, a->nbyte);
			return 0;
		}
	return 1;
}

static inline double
value(const struct area *a, const char *p, size_t k)
{
	p += GUARD + k * size_of(a->kind);
	return a->kind == REAL ? (double)*(const float *)(const void *)p :
	    a->kind == DOUBLE ? *(const double *)(const void *)p :
	    (double)*(const uint32_t *)(const void *)p;
}

/*
 * The greatest difference between both devices, over the greatest number;
 * huge where a guard was hit.  Not finite is equal to the same.
 */
static inline double
apart(struct area *a)
{
	char *p = fetched(a, 0), *q = fetched(a, 1);
	double worst = 0, scale = 0, x, y;
	uint32_t i, j;

	for (i = 0; i < a->nrow; i++)
		for (j = 0; j < a->ncol; j++) {
			x = value(a, p, (size_t)i * a->ld + j);
			y = value(a, q, (size_t)i * a->ld + j);
			if (x == y || (isnan(x) && isnan(y)))
				x = isfinite(x) ? x : 0;
			else if (!isfinite(x) || !isfinite(y))
				worst = INFINITY;
			else if (fabs(x - y) > worst)
				worst = fabs(x - y);
			scale = fabs(x) > scale ? fabs(x) : scale;
		}
	if (!guarded(a, p) || !guarded(a, q))
		worst = INFINITY;
	free(p);
	free(q);
	return scale > 0 ? worst / scale : worst;
}

static inline void
forget_areas(void)
{
	struct area *a;
	int k;

	while ((a = areas) != NULL) {
		areas = a->next;
		for (k = 0; k < 2; k++)
			dev[k]->ops->free(dev[k], a->base[k]);
		free(a->init);
		free(a);
	}
}

/* No faults, and each of the areas (up to NULL) is near enough. */
static inline void
agree(double tol, struct area **a, const char *fmt, ...)
{
	static const char *const text[] = { "1st", "2nd", "3rd", "4th" };
	struct nf_err err = { 0 };
	double d, worst = 0;
	char name[256];
	va_list ap;
	int i, at = 0;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (dev[0]->ops->sync(dev[0], &err) == -1 ||
	    dev[1]->ops->sync(dev[1], &err) == -1) {
		ok(0, "%s", name);
		printf("# %s\n", err.msg);
		forget_areas();
		return;
	}
	for (i = 0; a[i] != NULL; i++)
		if (!((d = apart(a[i])) <= worst)) {
			worst = d;
			at = i;
		}
	if (!ok(worst <= tol, "%s", name))
		printf("# the %s result is %.3g off, allowed %.3g\n",
		    text[at % 4], worst, tol);
	forget_areas();
}

/*
 * Open both.  NF_CUDA_LIB names the library to test; without it, the
 * emulated one that stands beside the tests.
 */
static inline void
open_pair(const char *self)
{
	char path[4096], copy[4096];
	struct nf_err err = { 0 };

	snprintf(copy, sizeof(copy), "%s", self);
	snprintf(path, sizeof(path), "%s/emu/libnf-cuda.so", dirname(copy));
	setenv("NF_CUDA_LIB", path, 0);
	setenv("NF_EMU_LEAKS", "1", 1);
	if (nf_dev_open(&dev[0], "cpu", 1, &err) == -1 ||
	    nf_dev_open(&dev[1], "cuda", 1, &err) == -1) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	printf("# %s against %s\n", dev[1]->name, dev[0]->name);
}

#define LIST(...)	((struct area *[]){ __VA_ARGS__, NULL })
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define FOR_BOTH(k)	for (k = 0; k < 2; k++)

struct shape {
	uint32_t n, nin, nout;
};

__attribute__((unused))
static const char *const mode_name[] = { "fp32", "tf32", "bf16" };
/* How far a product may be off in each precision. */
__attribute__((unused))
static const double mode_tol[] = { 1e-5, 2e-3, 1e-2 };

static inline void
set_mode(enum nf_precision mode)
{
	dev[1]->precision = mode;
}

static inline void
close_pair(void)
{
	nf_dev_close(dev[1]);
	nf_dev_close(dev[0]);
}

#endif
