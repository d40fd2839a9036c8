/* bfloat16: the upper half of a float. */
#ifndef EMU_BF16_H
#define EMU_BF16_H

#include "../cuda_emu.h"

struct __nv_bfloat16 {
	uint16_t bits;
};

inline __nv_bfloat16
__float2bfloat16_rn(float x)
{
	__nv_bfloat16 h;
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	if (x != x)
		u = 0x7fff0000;
	else
		u += 0x7fff + (u >> 16 & 1);
	h.bits = (uint16_t)(u >> 16);
	return h;
}

inline float
__bfloat162float(__nv_bfloat16 h)
{
	uint32_t u = (uint32_t)h.bits << 16;
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

#endif
