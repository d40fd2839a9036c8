/*
 * Standard normal numbers from Philox, the same bits on every machine and
 * device: the steps are additions, products and fma in double, each rounded
 * once, square root included, and nothing is left to a libm.
 *
 * Box and Muller (Ann. Math. Stat. 29, 1958): a block of 128 bits gives four.
 */
#ifndef NF_NORMAL_H
#define NF_NORMAL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "philox.h"

/* ln of 0 < u <= 1 to 1e-15 relative: u = 2^e m, ln m = 2 atanh(t). */
NF_INLINE double
nf_normal_log(double u)
{
	int64_t bits, e;
	double m, t, t2, y;
	int i;

	memcpy(&bits, &u, sizeof(bits));
	e = (bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffff) | 0x3ff0000000000000;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.4142135623730951) {
		m *= 0.5;
		e++;
	}
	t = (m - 1) / (m + 1);
	t2 = t * t;
	y = 0;
	for (i = 21; i >= 3; i -= 2)
		y = fma(y, t2, 1.0 / i);
	y = fma(y * t2, t, t);
	return fma((double)e, 0.6931471805599453, 2 * y);
}

/* cos and sin of 2 pi u, 0 <= u < 1: by octants, Taylor's series. */
NF_INLINE void
nf_normal_turn(double u, double *c, double *s)
{
	int octant = (int)(u * 8);
	double x, x2, a = 1, b = 1, t;
	int i;

	/* An odd octant is measured back from its end. */
	x = fma(u, 8.0, -(double)octant);
	x = octant & 1 ? 1 - x : x;
	x *= 0.78539816339744828;
	x2 = x * x;
	for (i = 16; i >= 2; i -= 2) {
		a = fma(-a, x2 / (double)(i * (i - 1)), 1.0);
		b = fma(-b, x2 / (double)(i * (i + 1)), 1.0);
	}
	b *= x;
	if (((octant + 1) >> 1) & 1) {
		t = a;
		a = b;
		b = t;
	}
	*c = octant >= 2 && octant < 6 ? -a : a;
	*s = octant >= 4 ? -b : b;
}

/* Four normal numbers of the block (seed, purpose, row, draw, block). */
NF_INLINE void
nf_normal4(uint64_t seed, uint32_t purpose, uint64_t row, uint32_t draw,
    uint32_t block, double z[4])
{
	uint32_t key[2], ctr[4], r[4];
	double radius, c, s;
	int i;

	key[0] = (uint32_t)seed;
	key[1] = (uint32_t)(seed >> 32);
	ctr[0] = (uint32_t)row;
	ctr[1] = (uint32_t)(row >> 32);
	ctr[2] = draw;
	ctr[3] = purpose | block << 8;
	nf_philox(key, ctr, r);
	for (i = 0; i < 4; i += 2) {
		radius = sqrt(-2 * nf_normal_log(
		    ((double)r[i] + 0.5) * 0x1p-32));
		nf_normal_turn((double)r[i + 1] * 0x1p-32, &c, &s);
		z[i] = radius * c;
		z[i + 1] = radius * s;
	}
}

#endif
