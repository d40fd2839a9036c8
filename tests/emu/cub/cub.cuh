/* The one thing of CUB that is used: a stable sort of pairs. */
#ifndef EMU_CUB_H
#define EMU_CUB_H

#include <algorithm>

#include "../../cuda_emu.h"

namespace cub {
struct DeviceRadixSort {
	template <class K, class V, class N> static cudaError_t
	SortPairs(void *work, size_t &nwork, const K *key, K *key_out,
	    const V *value, V *value_out, N n, int begin = 0,
	    int end = sizeof(K) * 8, cudaStream_t stream = NULL,
	    const char *file = __builtin_FILE(), int line = __builtin_LINE())
	{
		if (work == NULL) {
			nwork = 16;
			return cudaSuccess;
		}
		if (begin != 0 || end != sizeof(K) * 8)
			emu_die("a sort by some bits");
		emu_issue(stream, { "sort", file, line }, [=] {
			std::vector<N> order((size_t)n);
			N i;

			memset(work, 0xff, 16);
			for (i = 0; i < n; i++)
				order[(size_t)i] = i;
			std::stable_sort(order.begin(), order.end(),
			    [=](N a, N b) { return key[a] < key[b]; });
			for (i = 0; i < n; i++) {
				key_out[i] = key[order[(size_t)i]];
				value_out[i] = value[order[(size_t)i]];
			}
		});
		return cudaSuccess;
	}
};
}

#endif
