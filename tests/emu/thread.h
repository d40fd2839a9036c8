/* An emulated block: threads as fibers, and what a thread can call. */
#ifndef EMU_THREAD_H
#define EMU_THREAD_H

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "race.h"

#if defined(__SANITIZE_ADDRESS__)
#define EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ASAN 1
#endif
#endif
#ifdef EMU_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef __x86_64__
#define EMU_JUMP 1
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__	inline
#ifdef EMU_RACE
#define __shared__	static __attribute__((section("emu_shared")))
#else
#define __shared__	static
#endif
#define __launch_bounds__(...)
#define __align__(n)	alignas(n)

[[noreturn]] inline void
emu_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("emulated GPU: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

/* ---- types ------------------------------------------------------------ */

struct dim3 {
	unsigned x, y, z;
	dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1)
	    : x(a), y(b), z(c) { }
};

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

inline float2
make_float2(float x, float y)
{
	return float2{ x, y };
}

inline float4
make_float4(float x, float y, float z, float w)
{
	return float4{ x, y, z, w };
}

/* ---- threads of a block ----------------------------------------------- */

enum emu_state { EMU_NEW, EMU_READY, EMU_AT_WARP, EMU_AT_BLOCK, EMU_DONE };

struct emu_context {
#ifdef EMU_JUMP
	void *sp;			/* where its registers lie */
#else
	ucontext_t registers;
#endif
	char *stack;
	size_t nstack;
	unsigned thread;		/* which thread's body it runs */
	void *fake;			/* of the address sanitizer */
};

struct emu_warp {
	uint64_t slot[2][32];
	unsigned turn[32];
	unsigned arrived;		/* lanes that wait for each other */
	int tag;			/* where they do */
	bool orders;			/* and what they did before */
};

struct emu_block {
	const std::function<void()> *body;
	unsigned nthread, at;		/* at: place in the sweep of a warp */
	bool backward;
	std::vector<unsigned char> state;
	std::vector<emu_context *> fiber;
	std::vector<emu_warp> warp;
	unsigned char *shared;
	const char *name;
};

/* NF_EMU_LAUNCHED=FILE: "file.cu kernel" of each that ran is added to it. */
inline struct emu_names : std::set<std::string> {
	~emu_names()
	{
		const char *path = getenv("NF_EMU_LAUNCHED");
		FILE *to = path == NULL ? NULL : fopen(path, "a");

		for (const std::string &s : *this)
			if (to != NULL)
				fprintf(to, "%s\n", s.c_str());
		if (to != NULL)
			fclose(to);
	}
} emu_launched;

/* "spline.cu" of "cuda/spline.cu". */
inline std::string
emu_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/*
 * NF_EMU_DEAF=file.cu:LINE: what waits or orders there is left out: a wait
 * for an event, a barrier, a fence.
 */
inline bool
emu_deaf(const char *file, int line)
{
	static const char *const s = getenv("NF_EMU_DEAF");
	static const int at = s == NULL || strrchr(s, ':') == NULL ? 0 :
	    atoi(strrchr(s, ':') + 1);

	return line == at && emu_base(file) + ":" + std::to_string(line) == s;
}

inline std::recursive_mutex emu_lock;
inline emu_block emu_now;
inline emu_context emu_host;
inline struct emu_fibers : std::vector<emu_context *> {
	~emu_fibers()
	{
		for (emu_context *f : *this) {
			free(f->stack);
			delete f;
		}
	}
} emu_idle;
inline unsigned emu_current;		/* thread of emu_now */
inline dim3 emu_thread, emu_index, emu_nthread, emu_nblock;
inline uint64_t emu_seed = getenv("NF_EMU_SEED") == NULL ? 1 :
    strtoull(getenv("NF_EMU_SEED"), NULL, 10);

#define threadIdx	emu_thread
#define blockIdx	emu_index
#define blockDim	emu_nthread
#define gridDim		emu_nblock

inline unsigned
emu_random(void)
{
	emu_seed = emu_seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(emu_seed >> 33);
}

/*
 * Go on where `to` left off.  The C library's ways there ask the kernel each
 * time, some hundred times what the rest costs.
 */
#ifdef EMU_JUMP
__attribute__((naked, noinline)) EMU_QUIET inline void
emu_jump(void **, void *)
{
	asm("pushq %rbp; pushq %rbx; pushq %r12\n\t"
	    "pushq %r13; pushq %r14; pushq %r15\n\t"
	    "movq %rsp, (%rdi); movq %rsi, %rsp\n\t"
	    "popq %r15; popq %r14; popq %r13\n\t"
	    "popq %r12; popq %rbx; popq %rbp; ret");
}
#endif

EMU_QUIET inline void
emu_switch(emu_context *from, emu_context *to)
{
#ifdef EMU_ASAN
	__sanitizer_start_switch_fiber(&from->fake, to->stack, to->nstack);
#endif
#ifdef EMU_JUMP
	emu_jump(&from->sp, to->sp);
#else
	swapcontext(&from->registers, &to->registers);
#endif
#ifdef EMU_ASAN
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

EMU_QUIET inline void
emu_set_thread(unsigned t)
{
	emu_current = t;
	emu_thread.x = t;		/* y, z are 0 in a line */
	if (emu_nthread.x == emu_now.nthread)
		return;
	emu_thread = dim3(t % emu_nthread.x, t / emu_nthread.x %
	    emu_nthread.y, t / emu_nthread.x / emu_nthread.y);
}

/* Thread number `at` in the order that its warp runs in. */
EMU_QUIET inline unsigned
emu_lane_at(unsigned warp, unsigned at)
{
	return warp * 32 + (emu_now.backward ? 31 - at : at);
}

/* A fiber runs a thread, then the next ones of its warp that are new. */
inline void
emu_fiber_main(void)
{
	emu_context *me;
	unsigned t;

#ifdef EMU_ASAN
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
	me = emu_now.fiber[emu_current];
	for (;;) {
		(*emu_now.body)();
		t = me->thread;
		emu_now.state[t] = EMU_DONE;
		emu_now.fiber[t] = NULL;
		if (emu_now.at + 1 < 32) {
			t = emu_lane_at(t / 32, emu_now.at + 1);
			if (emu_now.state[t] == EMU_NEW) {
				emu_now.at++;
				emu_now.fiber[t] = me;
				me->thread = t;
				emu_set_thread(t);
				continue;
			}
		}
		emu_idle.push_back(me);
		emu_switch(me, &emu_host);
	}
}

inline emu_context *
emu_new_fiber(void)
{
	emu_context *f;

	if (!emu_idle.empty()) {
		f = emu_idle.back();
		emu_idle.pop_back();
		return f;
	}
	f = new emu_context();
	f->nstack = 128 << 10;
	f->stack = (char *)malloc(f->nstack);
#ifdef EMU_JUMP
	void **top = (void **)(void *)(f->stack + f->nstack);

	memset(top - 8, 0, 8 * sizeof(*top));	/* registers are 0 */
	top[-2] = (void *)emu_fiber_main;
	f->sp = top - 8;
#else
	getcontext(&f->registers);
	f->registers.uc_stack.ss_sp = f->stack;
	f->registers.uc_stack.ss_size = f->nstack;
	f->registers.uc_link = NULL;
	makecontext(&f->registers, emu_fiber_main, 0);
#endif
	return f;
}

/* The fiber of thread t, which is to run next. */
EMU_QUIET inline emu_context *
emu_fiber_of(unsigned t)
{
	if (emu_now.state[t] == EMU_NEW) {
		emu_now.fiber[t] = emu_new_fiber();
		emu_now.fiber[t]->thread = t;
	}
	emu_set_thread(t);
	return emu_now.fiber[t];
}

/*
 * Wait in this thread until the others of its warp or block are here too:
 * run the next lane of the sweep, or go back to the host at its end.
 */
EMU_QUIET inline void
emu_wait(emu_state how)
{
	unsigned t = emu_current, next;

	emu_now.state[t] = (unsigned char)how;
	while (++emu_now.at < 32) {
		next = emu_lane_at(t / 32, emu_now.at);
		if (emu_now.state[next] > EMU_READY)
			continue;
		emu_switch(emu_now.fiber[t], emu_fiber_of(next));
		return;
	}
	emu_switch(emu_now.fiber[t], &emu_host);
}

/* Sweep over the lanes until none waits for others of its warp. */
EMU_QUIET inline void
emu_run_warp(unsigned w)
{
	emu_warp *q = &emu_now.warp[w];
	unsigned t;

	for (;;) {
		for (emu_now.at = 0; emu_now.at < 32; emu_now.at++) {
			t = emu_lane_at(w, emu_now.at);
			if (emu_now.state[t] > EMU_READY)
				continue;
			emu_switch(&emu_host, emu_fiber_of(t));
		}
		if (q->arrived == 0)
			return;
		if (q->arrived != 32)
			emu_die("%s: %u lanes of a warp wait at line %d for "
			    "others, which ended or wait elsewhere",
			    emu_now.name, q->arrived, q->tag);
		q->arrived = 0;
		if (q->orders)
			race_at_syncwarp(w);
		q->orders = false;
		memset(&emu_now.state[w * 32], EMU_READY, 32);
	}
}

inline void
emu_run_block(void)
{
	unsigned nwarp = emu_now.nthread / 32, w, t, waiting;

	emu_now.state.assign(emu_now.nthread, EMU_NEW);
	emu_now.fiber.assign(emu_now.nthread, NULL);
	emu_now.warp.assign(nwarp, emu_warp());
	for (;;) {
		for (w = 0; w < nwarp; w++)
			emu_run_warp(emu_now.backward ? nwarp - 1 - w : w);
		for (t = waiting = 0; t < emu_now.nthread; t++)
			waiting += emu_now.state[t] == EMU_AT_BLOCK;
		if (waiting == 0)
			return;
		if (waiting != emu_now.nthread)
			emu_die("%s: %u of %u threads at a barrier",
			    emu_now.name, waiting, emu_now.nthread);
		race_at_barrier();
		for (t = 0; t < emu_now.nthread; t++)
			emu_now.state[t] = EMU_READY;
	}
}

/* Shared memory of a block, that holds nothing of use. */
inline unsigned char *
emu_new_shared(size_t n)
{
	unsigned char *p;

#ifdef EMU_RACE
	p = race_shared();
#else
	p = (unsigned char *)aligned_alloc(16, (n + 15) / 16 * 16 + 16);
#endif
	memset(p, 0xff, n);
	return p;
}

/* All blocks of a launch. */
inline void
emu_run(const char *name, dim3 grid, dim3 block, size_t nshared,
    const std::function<void()> &body)
{
	unsigned n = grid.x * grid.y * grid.z, i, k;

#ifdef EMU_ASAN
	static thread_local void *stack;
	static thread_local size_t nstack;
	pthread_attr_t attr;

	if (stack == NULL) {
		pthread_getattr_np(pthread_self(), &attr);
		pthread_attr_getstack(&attr, &stack, &nstack);
		pthread_attr_destroy(&attr);
	}
	emu_host.stack = (char *)stack;
	emu_host.nstack = nstack;
#endif
	emu_nblock = grid;
	emu_nthread = block;
	emu_now.body = &body;
	emu_now.name = name;
	emu_now.nthread = block.x * block.y * block.z;
	emu_now.backward = emu_random() & 1;
	emu_thread = dim3(0, 0, 0);
	race_grid(n, emu_now.nthread);
	for (i = 0; i < n; i++) {
		k = emu_now.backward ? n - 1 - i : i;
		emu_index = dim3(k % grid.x, k / grid.x % grid.y,
		    k / grid.x / grid.y);
		emu_now.shared = emu_new_shared(nshared);
		race_block(k);
		emu_run_block();
#ifndef EMU_RACE
		free(emu_now.shared);
#endif
	}
	emu_now.shared = NULL;
}

/* ---- what a thread can call ------------------------------------------- */

#define NF_SHARED(type, name) \
	type *name = (type *)(void *)emu_now.shared

inline void
__syncthreads(const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	if (!emu_deaf(file, line))
		emu_wait(EMU_AT_BLOCK);
}

inline void
__threadfence(const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	if (!emu_deaf(file, line))
		race_fence();
}

/* Show value to the lanes of the warp; returns what they show. */
EMU_QUIET inline const uint64_t *
emu_exchange(int tag, unsigned mask, uint64_t value)
{
	emu_warp *q = &emu_now.warp[emu_current / 32];
	unsigned lane = emu_current % 32, turn = q->turn[lane]++ & 1;

	if (mask != 0xffffffff)
		emu_die("%s: a warp operation of some lanes", emu_now.name);
	if (q->arrived++ == 0)
		q->tag = tag;
	else if (q->tag != tag)
		emu_die("%s: lanes of a warp parted: one at line %d, another "
		    "at %d", emu_now.name, q->tag, tag);
	q->slot[turn][lane] = value;
	emu_wait(EMU_AT_WARP);
	return emu_now.warp[emu_current / 32].slot[turn];
}

/* Shuffles and votes say nothing about memory, but this does. */
inline void
__syncwarp(unsigned mask = 0xffffffff, const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	if (emu_deaf(file, line))
		return;
	emu_now.warp[emu_current / 32].orders = true;
	emu_exchange(line, mask, 0);
}

template <class T> inline T
emu_shuffle(int tag, unsigned mask, T value, unsigned from, bool in)
{
	uint64_t bits = 0;

	static_assert(sizeof(T) <= 8, "");
	memcpy(&bits, &value, sizeof(T));
	bits = emu_exchange(tag, mask, bits)[from % 32];
	if (in)
		memcpy(&value, &bits, sizeof(T));
	return value;
}

inline unsigned
emu_ballot(int tag, unsigned mask, bool vote)
{
	const uint64_t *v = emu_exchange(tag, mask, vote);
	unsigned i, bits = 0;

	for (i = 0; i < 32; i++)
		bits |= (unsigned)v[i] << i;
	return bits;
}

#define emu_lane	(emu_current % 32)
#define __shfl_sync(m, v, from) \
	emu_shuffle(__LINE__, m, v, (unsigned)(from), true)
#define __shfl_xor_sync(m, v, x) \
	emu_shuffle(__LINE__, m, v, emu_lane ^ (unsigned)(x), true)
#define __shfl_up_sync(m, v, by) \
	emu_shuffle(__LINE__, m, v, emu_lane - (unsigned)(by), \
	    emu_lane >= (unsigned)(by))
#define __shfl_down_sync(m, v, by) \
	emu_shuffle(__LINE__, m, v, emu_lane + (unsigned)(by), \
	    emu_lane + (unsigned)(by) < 32)
#define __ballot_sync(m, vote)	emu_ballot(__LINE__, m, (vote) != 0)

template <class T> EMU_QUIET inline T
atomicAdd(T *p, T v)
{
	T old = *p;

	race_atomic(p, sizeof(*p), __builtin_return_address(0));
	*p += v;
	return old;
}

template <class T> EMU_QUIET inline T
atomicExch(T *p, T v)
{
	T old = *p;

	race_atomic(p, sizeof(*p), __builtin_return_address(0));
	*p = v;
	return old;
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }

#endif
