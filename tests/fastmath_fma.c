/* lib/fastmath.h again, as machines with fused multiply-add compile it. */
#ifndef __FMA__
#define __FMA__ 1		/* fmaf itself is in every libm */
#endif
#include "fastmath.c"
