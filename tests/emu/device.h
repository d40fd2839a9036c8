/* Emulated memory, copies and devices. */
#ifndef EMU_DEVICE_H
#define EMU_DEVICE_H

#include "queue.h"

/* ---- memory ----------------------------------------------------------- */

enum cudaMemcpyKind {
	cudaMemcpyHostToDevice = 1,
	cudaMemcpyDeviceToHost,
	cudaMemcpyDeviceToDevice
};

#define EMU_MEMORY	((size_t)2 << 30)

/* With NF_EMU_LEAKS in the environment, nothing may be left at exit. */
struct emu_pieces : std::map<char *, size_t> {
	~emu_pieces()
	{
		if (getenv("NF_EMU_LEAKS") != NULL && !empty())
			emu_die("%zu pieces of memory were not freed",
			    size());
	}
};

inline emu_pieces emu_device, emu_pinned;
inline size_t emu_used, emu_limit = SIZE_MAX;

/* Does [p, p + n) lie in one of the pieces? */
inline bool
emu_within(const std::map<char *, size_t> &piece, const void *p, size_t n)
{
	auto i = piece.upper_bound((char *)const_cast<void *>(p));

	if (i == piece.begin())
		return false;
	--i;
	return (const char *)p + n <= i->first + i->second;
}

/* Memory that holds nothing of use. */
inline void
emu_new_memory(void **p, size_t n, bool pinned)
{
#ifdef EMU_RACE
	*p = race_alloc(n, pinned);
#else
	(void)pinned;
	if (posix_memalign(p, 256, n + (n == 0)) != 0)
		*p = NULL;
#endif
	if (*p != NULL)
		memset(*p, 0xff, n);
}

inline void
emu_free_memory(void *p)
{
#ifdef EMU_RACE
	race_free(p);
#else
	free(p);
#endif
}

/* NF_FAULT=cuda:N: the N-th allocation fails, and so do all larger ones. */
inline cudaError_t
cudaMalloc(void **p, size_t n)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	const char *fault = getenv("NF_FAULT");
	static int count;

	*p = NULL;
	emu_not_captured("memory is taken");
	if (fault != NULL && strncmp(fault, "cuda:", 5) == 0 &&
	    ++count == atoi(fault + 5))
		return emu_error(cudaErrorMemoryAllocation);
	if (n > EMU_MEMORY - emu_used || n > emu_limit - emu_used)
		return emu_error(cudaErrorMemoryAllocation);
	emu_new_memory(p, n, false);
	if (*p == NULL)
		return emu_error(cudaErrorMemoryAllocation);
	emu_device[(char *)*p] = n;
	emu_used += n;
	return cudaSuccess;
}

inline cudaError_t
cudaFree(void *p)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (p == NULL)
		return cudaSuccess;
	if (emu_capturing > 0)
		emu_die("memory is freed in a capture");
	if (emu_device.count((char *)p) == 0)
		emu_die("what is freed is no device memory");
	emu_flush_all();
	emu_used -= emu_device[(char *)p];
	emu_device.erase((char *)p);
	emu_free_memory(p);
	return cudaSuccess;
}

inline cudaError_t
cudaMallocHost(void **p, size_t n)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	emu_not_captured("pinned memory is taken");
	emu_new_memory(p, n, true);
	if (*p == NULL)
		return emu_error(cudaErrorMemoryAllocation);
	emu_pinned[(char *)*p] = n;
	return cudaSuccess;
}

/*
 * Of NULL the manual says nothing, unlike cudaFree's; nor that this waits, so
 * no copy may be left that touches it.
 */
inline cudaError_t
cudaFreeHost(void *p)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	emu_not_captured("pinned memory is freed");
	if (emu_pinned.count((char *)p) == 0)
		emu_die("what is freed is no pinned memory");
	race_touch(p, NULL, emu_pinned[(char *)p]);
	emu_flush(std::vector<emu_op_p>(emu_queue));
	emu_pinned.erase((char *)p);
	emu_free_memory(p);
	return cudaSuccess;
}

/*
 * NF_EMU_SPARE=N: but N bytes are free whenever it is asked; from the second
 * time on, when the device is open, no more are given.
 */
inline cudaError_t
cudaMemGetInfo(size_t *nfree, size_t *total)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	const char *spare = getenv("NF_EMU_SPARE");
	static int count;

	*nfree = EMU_MEMORY - emu_used;
	*total = EMU_MEMORY;
	count++;
	if (spare != NULL && strtoull(spare, NULL, 10) < *nfree) {
		*nfree = strtoull(spare, NULL, 10);
		if (count > 1)
			emu_limit = emu_used + *nfree;
	}
	return cudaSuccess;
}

inline cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind kind,
    cudaStream_t s, const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (!emu_within(kind == cudaMemcpyDeviceToHost ? emu_pinned :
	    emu_device, to, n) || !emu_within(kind ==
	    cudaMemcpyHostToDevice ? emu_pinned : emu_device, from, n))
		emu_die("a copy of %zu bytes outside of what was allocated",
		    n);
	emu_issue(s, { "copy", file, line }, [=] {
		race_touch(to, from, n);
		memcpy(to, from, n);
	});
	return cudaSuccess;
}

inline cudaError_t
cudaMemsetAsync(void *p, int value, size_t n, cudaStream_t s,
    const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (!emu_within(emu_device, p, n))
		emu_die("%zu bytes are set outside of what was allocated", n);
	emu_issue(s, { "setting", file, line }, [=] {
		race_touch(p, NULL, n);
		memset(p, value, n);
	});
	return cudaSuccess;
}

/* ---- the device ------------------------------------------------------- */

struct cudaDeviceProp {
	char name[256];
	size_t totalGlobalMem;
	int major, minor, multiProcessorCount, l2CacheSize;
};

/* NF_EMU_DEVICES=N: that many, instead of one; NF_EMU_DRIVER=1020: that of
 * CUDA 1.2, which is too old. */
inline cudaError_t
cudaGetDeviceCount(int *n)
{
	const char *s = getenv("NF_EMU_DEVICES");

	*n = 0;
	if (getenv("NF_EMU_DRIVER") != NULL)
		return emu_error(cudaErrorInsufficientDriver);
	*n = s == NULL ? 1 : atoi(s);
	return *n > 0 ? cudaSuccess : emu_error(cudaErrorNoDevice);
}

inline cudaError_t
cudaDriverGetVersion(int *v)
{
	*v = atoi(getenv("NF_EMU_DRIVER"));
	return cudaSuccess;
}

inline cudaError_t
cudaRuntimeGetVersion(int *v)
{
	*v = 13010;
	return cudaSuccess;
}

/* A call that fails is what compute-sanitizer reports. */
inline void
emu_there(int i)
{
	int n;

	if (cudaGetDeviceCount(&n) != cudaSuccess || i >= n)
		emu_die("device %d, which is not there", i);
}

/* NF_EMU_BUSY=N: the first N are another program's. */
inline cudaError_t
cudaSetDevice(int i)
{
	const char *s = getenv("NF_EMU_BUSY");

	emu_there(i);
	emu_not_captured("a device is chosen");
	if (s != NULL && i < atoi(s))
		return emu_error(cudaErrorDevicesUnavailable);
	emu_here = i;
	return cudaSuccess;
}

inline cudaError_t
cudaGetDevice(int *i)
{
	*i = emu_here;
	return cudaSuccess;
}

/* NF_EMU_OLD=N: the first N are too old. */
inline cudaError_t
cudaGetDeviceProperties(cudaDeviceProp *p, int i)
{
	const char *s = getenv("NF_EMU_OLD");

	emu_there(i);
	memset(p, 0, sizeof(*p));
	strcpy(p->name, "emulated");
	p->totalGlobalMem = EMU_MEMORY;
	p->major = s != NULL && i < atoi(s) ? 7 : 9;
	p->multiProcessorCount = 3;
	p->l2CacheSize = 256 << 10;
	return cudaSuccess;
}

#endif
