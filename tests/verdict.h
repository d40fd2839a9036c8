/*
 * The case at hand of a test of operations: its device, its random numbers,
 * its error, whether every sentinel and bit is as it must be; one TAP line.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "guard.h"

#define STEP	1e-6			/* of differences */

static struct nf_dev *dev;
static uint64_t seed = 1;
static int whole = 1;			/* sentinels of the case at hand */
static double worst;			/* error of the case at hand */

__attribute__((format(printf, 2, 3))) static inline void
verdict(double tol, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ok(worst <= tol && whole, "%s: %.1g%s", what, worst,
	    whole ? "" : ", bits or sentinels differ");
	worst = 0;
	whole = 1;
}

#endif
