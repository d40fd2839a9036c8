/* An emulated warp's matrix units, and copies to shared memory that come
 * when they are waited for. */
#ifndef EMU_MMA_H
#define EMU_MMA_H

#include "thread.h"

inline float
emu_tf32(uint64_t bits)
{
	uint32_t u = (uint32_t)bits & 0xffffe000;
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

inline void
emu_show(int tag, const float *two, uint64_t *all)
{
	uint64_t bits;

	memcpy(&bits, two, sizeof(bits));
	memcpy(all, emu_exchange(tag, 0xffffffff, bits), 32 * sizeof(*all));
}

inline void
emu_mma(int tag, float *d, const float *a, const float *b)
{
	uint64_t x[2][32], y[32];
	unsigned lane = emu_current % 32, g = lane / 4, t = lane % 4, k, i, j;
	double sum[4] = { 0 };

	emu_show(tag, a, x[0]);
	emu_show(tag, a + 2, x[1]);
	emu_show(tag, b, y);
	for (k = 0; k < 8; k++)
		for (i = 0; i < 2; i++)
			for (j = 0; j < 2; j++)
				sum[2 * i + j] += (double)emu_tf32(
				    x[k / 4][4 * g + k % 4] >> 32 * i) *
				    (double)emu_tf32(y[4 * (2 * t + j) +
				    k % 4] >> 32 * (k / 4));
	for (i = 0; i < 4; i++)
		d[i] += (float)sum[i];
}

struct emu_copy {
	void *to;
	const void *from;
	bool real;
};
/* Groups of copies of each thread of the block; the last is open. */
inline std::vector<std::vector<emu_copy>> emu_copies[1024];

inline void
emu_copy_16(void *to, const void *from, bool real)
{
	auto &c = emu_copies[emu_current];

	if ((uintptr_t)to % 16 != 0 || (uintptr_t)from % 16 != 0)
		emu_die("%s: a copy of 16 bytes is not aligned",
		    emu_now.name);
	if (c.empty())
		c.emplace_back();
	race_touch(to, real ? from : NULL, 16);	/* from here on */
	c.back().push_back({ to, from, real });
}

inline void
emu_copy_group(void)
{
	auto &c = emu_copies[emu_current];

	if (c.empty())
		c.emplace_back();
	c.emplace_back();
}

inline void
emu_copy_wait(size_t n)
{
	auto &c = emu_copies[emu_current];

	while (c.size() > n + 1) {
		for (const emu_copy &q : c.front()) {
			race_touch(q.to, q.real ? q.from : NULL, 16);
			if (q.real)
				memcpy(q.to, q.from, 16);
			else
				memset(q.to, 0, 16);
		}
		c.erase(c.begin());
	}
}

#define NF_MMA_TF32(d, a, b)	emu_mma(__LINE__, d, a, b)
#define NF_COPY_16(to, from, real) \
	emu_copy_16((void *)(to), (const void *)(from), (real) != 0)
#define NF_COPY_GROUP()		emu_copy_group()
#define NF_COPY_WAIT(n)		emu_copy_wait(n)

#endif
