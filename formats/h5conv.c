/* Elements of HDF5 chunks: unshuffled, swapped, converted and gathered. */
#include <string.h>

#include "h5.h"

#define BEYOND	(1ull << 53)	/* a double holds every integer up to this */
#define INLINE	static inline __attribute__((always_inline))

/* ---- the shuffle filter ----------------------------------------------- */

/* These loops are of the shape that compilers turn into SIMD. */
static void
unshuffle_4(const unsigned char *a, size_t total, size_t n, unsigned char *out)
{
	const unsigned char *b = a + total, *c = b + total, *d = c + total;
	size_t k;
	uint32_t v;

	for (k = 0; k < n; k++) {
		v = a[k] | (uint32_t)b[k] << 8 | (uint32_t)c[k] << 16 |
		    (uint32_t)d[k] << 24;
		memcpy(out + 4 * k, &v, 4);
	}
}

static void
unshuffle_8(const unsigned char *a, size_t total, size_t n, unsigned char *out)
{
	const unsigned char *b = a + 4 * total;
	size_t k;
	uint32_t lo, hi;
	uint64_t v;

	for (k = 0; k < n; k++) {
		lo = a[k] | (uint32_t)a[k + total] << 8 |
		    (uint32_t)a[k + 2 * total] << 16 |
		    (uint32_t)a[k + 3 * total] << 24;
		hi = b[k] | (uint32_t)b[k + total] << 8 |
		    (uint32_t)b[k + 2 * total] << 16 |
		    (uint32_t)b[k + 3 * total] << 24;
		v = lo | (uint64_t)hi << 32;
		memcpy(out + 8 * k, &v, 8);
	}
}

void
nf_h5_unshuffle(const unsigned char *src, size_t total, size_t size,
    size_t first, size_t n, unsigned char *out)
{
	size_t j, k;

	if (size == 4)
		unshuffle_4(src + first, total, n, out);
	else if (size == 8)
		unshuffle_8(src + first, total, n, out);
	else
		for (j = 0; j < size; j++)
			for (k = 0; k < n; k++)
				out[k * size + j] = src[j * total + first + k];
}

void
nf_h5_shuffle(const unsigned char *src, size_t n, size_t size,
    unsigned char *out)
{
	size_t j, k;

	for (j = 0; j < size; j++)
		for (k = 0; k < n; k++)
			out[j * n + k] = src[k * size + j];
}

/* ---- gathering -------------------------------------------------------- */

INLINE uint64_t
load_bits(const unsigned char *p, size_t size, bool swap)
{
	uint16_t h;
	uint32_t w;
	uint64_t d;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&h, p, 2);
		return swap ? __builtin_bswap16(h) : h;
	case 4:
		memcpy(&w, p, 4);
		return swap ? __builtin_bswap32(w) : w;
	default:
		memcpy(&d, p, 8);
		return swap ? __builtin_bswap64(d) : d;
	}
}

/* Returns false where a double cannot hold the integer. */
INLINE bool
load(const unsigned char *p, enum nf_h5_kind kind, size_t size, bool swap,
    double *x)
{
	uint64_t u = load_bits(p, size, swap);
	uint32_t w = (uint32_t)u;
	float f;

	switch (kind) {
	case NF_H5_F32:
		memcpy(&f, &w, 4);
		*x = (double)f;
		return true;
	case NF_H5_F64:
		memcpy(x, &u, 8);
		return true;
	case NF_H5_I8:
		*x = (int8_t)u;
		return true;
	case NF_H5_I16:
		*x = (int16_t)u;
		return true;
	case NF_H5_I32:
		*x = (int32_t)u;
		return true;
	case NF_H5_I64:
		*x = (double)(int64_t)u;
		return u + BEYOND <= 2 * BEYOND;
	default:
		*x = (double)u;
		return u <= BEYOND;
	}
}

/* The same bits, perhaps in another order: NaNs keep theirs. */
INLINE void
copy_as(const struct nf_h5_gather *g, size_t size, bool swap)
{
	const unsigned char *s = g->src;
	unsigned char *o = g->out;
	uint64_t i, u;
	uint32_t k, w;

	for (i = 0; i < g->nrow; i++) {
		for (k = 0; k < g->n; k++) {
			u = load_bits(s + g->from[k] * size, size, swap);
			w = (uint32_t)u;
			if (size == 4)
				memcpy(o + g->to[k] * g->col_step * 4, &w, 4);
			else
				memcpy(o + g->to[k] * g->col_step * 8, &u, 8);
		}
		s += g->src_step * size;
		o += g->row_step * size;
	}
}

INLINE int
convert_as(const struct nf_h5_gather *g, enum nf_h5_kind kind, size_t size,
    bool swap, struct nf_h5_bad *bad)
{
	const unsigned char *s = g->src;
	uint64_t i;
	uint32_t k;
	size_t at;
	double x;

	for (i = 0; i < g->nrow; i++) {
		for (k = 0; k < g->n; k++) {
			at = i * g->row_step + g->to[k] * g->col_step;
			if (!load(s + g->from[k] * size, kind, size, swap,
			    &x)) {
				bad->found = true;
				bad->row = i;
				bad->to = g->to[k];
				return -1;
			}
			if (g->type == NF_F32)
				((float *)(void *)g->out)[at] = (float)x;
			else
				((double *)(void *)g->out)[at] = x;
		}
		s += g->src_step * size;
	}
	return 0;
}

/* A loop for each kind and order, so that none decides within. */
INLINE int
convert(const struct nf_h5_gather *g, enum nf_h5_kind kind, bool swap,
    struct nf_h5_bad *bad)
{
	switch (kind) {
	case NF_H5_F32: return convert_as(g, NF_H5_F32, 4, swap, bad);
	case NF_H5_F64: return convert_as(g, NF_H5_F64, 8, swap, bad);
	case NF_H5_I8: return convert_as(g, NF_H5_I8, 1, swap, bad);
	case NF_H5_U8: return convert_as(g, NF_H5_U8, 1, swap, bad);
	case NF_H5_I16: return convert_as(g, NF_H5_I16, 2, swap, bad);
	case NF_H5_U16: return convert_as(g, NF_H5_U16, 2, swap, bad);
	case NF_H5_I32: return convert_as(g, NF_H5_I32, 4, swap, bad);
	case NF_H5_U32: return convert_as(g, NF_H5_U32, 4, swap, bad);
	case NF_H5_I64: return convert_as(g, NF_H5_I64, 8, swap, bad);
	default: return convert_as(g, NF_H5_U64, 8, swap, bad);
	}
}

static bool
is_same(const struct nf_h5_gather *g, enum nf_h5_kind kind, bool swap)
{
	return !swap && kind == (g->type == NF_F32 ? NF_H5_F32 : NF_H5_F64);
}

static bool
is_run(const struct nf_h5_gather *g)
{
	uint32_t k;

	for (k = 1; k < g->n; k++)
		if (g->from[k] != g->from[0] + k || g->to[k] != g->to[0] + k)
			return false;
	return g->n > 0;
}

bool
nf_h5_gather_is_copy(const struct nf_h5_gather *g, enum nf_h5_kind kind,
    bool swap)
{
	return is_same(g, kind, swap) && is_run(g) && g->n == g->src_step &&
	    g->n == g->row_step && (g->n == 1 || g->col_step == 1);
}

unsigned char *
nf_h5_gather_at(const struct nf_h5_gather *g)
{
	return g->out + g->to[0] * g->col_step * nf_type_size(g->type);
}

static void
copy_runs(const struct nf_h5_gather *g, size_t size)
{
	const unsigned char *s = g->src + g->from[0] * size;
	unsigned char *o = g->out + g->to[0] * size;
	uint64_t i;

	for (i = 0; i < g->nrow; i++)
		memcpy(o + i * g->row_step * size, s + i * g->src_step * size,
		    g->n * size);
}

static int
gather_some(const struct nf_h5_gather *g, enum nf_h5_kind kind, bool swap,
    struct nf_h5_bad *bad)
{
	size_t size = nf_type_size(g->type);

	if (nf_h5_gather_is_copy(g, kind, swap))
		memcpy(nf_h5_gather_at(g), g->src, g->nrow * g->n * size);
	else if (is_same(g, kind, swap) && g->n > 3 && is_run(g) &&
	    g->col_step == 1)
		copy_runs(g, size);
	else if (is_same(g, kind, false) && size == 4)
		swap ? copy_as(g, 4, true) : copy_as(g, 4, false);
	else if (is_same(g, kind, false))
		swap ? copy_as(g, 8, true) : copy_as(g, 8, false);
	else
		return swap ? convert(g, kind, true, bad) :
		    convert(g, kind, false, bad);
	return 0;
}

/* Columns that lie apart are gathered one by one. */
int
nf_h5_gather(const struct nf_h5_gather *g, enum nf_h5_kind kind, bool swap,
    struct nf_h5_bad *bad)
{
	struct nf_h5_gather one = *g;
	uint32_t k;

	if (g->col_step == 1)
		return gather_some(g, kind, swap, bad);
	one.n = 1;
	for (k = 0; k < g->n; k++, one.from++, one.to++)
		if (gather_some(&one, kind, swap, bad) == -1)
			return -1;
	return 0;
}

/* A tile of rows at a time, whose lines of the cache are read once. */
INLINE void
transpose(const unsigned char *x, uint64_t nrow, uint32_t ncol, size_t size,
    unsigned char *out)
{
	uint64_t i, first, end;
	uint32_t j;

	for (first = 0; first < nrow; first = end) {
		end = nrow - first < 256 / size ? nrow : first + 256 / size;
		for (j = 0; j < ncol; j++)
			for (i = first; i < end; i++)
				memcpy(out + (i * ncol + j) * size,
				    x + (j * nrow + i) * size, size);
	}
}

void
nf_h5_transpose(const unsigned char *x, uint64_t nrow, uint32_t ncol,
    enum nf_type type, unsigned char *out)
{
	if (type == NF_F32)
		transpose(x, nrow, ncol, 4, out);
	else
		transpose(x, nrow, ncol, 8, out);
}
