/*
 * A GPU made of loops, so that the kernels of cuda/ can be compiled as they
 * stand by a C++ compiler for the host and tested where there is no GPU.
 *
 * Blocks run one after another, threads as fibers that yield at barriers and
 * warp operations.  What a real device leaves open is varied on purpose: the
 * order of blocks and threads, what fresh memory holds, and, between streams
 * that no event orders, which goes first.  What a real device would refuse,
 * or get wrong in silence, ends the program with a line on standard error:
 * threads that part at a barrier, a launch out of bounds, a synchronisation
 * in a capture, a stream that is never joined.
 *
 * Everything is done under one lock, and nothing before it must be: work is
 * queued and runs when somebody waits for it.  NF_EMU_SEED in the environment
 * chooses among the orders.
 */
#ifndef CUDA_EMU_H
#define CUDA_EMU_H

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
#include <vector>

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
#define __shared__	static
#define __launch_bounds__(...)

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

struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

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
__attribute__((naked, noinline)) inline void
emu_jump(void **, void *)
{
	asm("pushq %rbp; pushq %rbx; pushq %r12\n\t"
	    "pushq %r13; pushq %r14; pushq %r15\n\t"
	    "movq %rsp, (%rdi); movq %rsi, %rsp\n\t"
	    "popq %r15; popq %r14; popq %r13\n\t"
	    "popq %r12; popq %rbx; popq %rbp; ret");
}
#endif

inline void
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

inline void
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
inline unsigned
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
inline emu_context *
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
inline void
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
inline void
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
		for (t = 0; t < emu_now.nthread; t++)
			emu_now.state[t] = EMU_READY;
	}
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
	for (i = 0; i < n; i++) {
		k = emu_now.backward ? n - 1 - i : i;
		emu_index = dim3(k % grid.x, k / grid.x % grid.y,
		    k / grid.x / grid.y);
		emu_now.shared = (unsigned char *)aligned_alloc(16,
		    (nshared + 15) / 16 * 16 + 16);
		memset(emu_now.shared, 0xff, nshared);
		emu_run_block();
		free(emu_now.shared);
	}
	emu_now.shared = NULL;
}

/* ---- what a thread can call ------------------------------------------- */

#define NF_SHARED(type, name) \
	type *name = (type *)(void *)emu_now.shared

inline void
__syncthreads(void)
{
	emu_wait(EMU_AT_BLOCK);
}

inline void
__threadfence(void)
{
}

/* Show value to the lanes of the warp; returns what they show. */
inline const uint64_t *
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
#define __syncwarp()	((void)emu_exchange(__LINE__, 0xffffffff, 0))
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

template <class T> inline T
atomicAdd(T *p, T v)
{
	T old = *p;

	*p += v;
	return old;
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }

/* ---- errors ----------------------------------------------------------- */

enum cudaError_t {
	cudaSuccess = 0,
	cudaErrorInvalidValue = 1,
	cudaErrorMemoryAllocation = 2,
	cudaErrorInvalidConfiguration = 9,
	cudaErrorNoDevice = 100,
	cudaErrorInvalidDevice = 101
};

inline cudaError_t emu_last;

inline cudaError_t
emu_error(cudaError_t e)
{
	if (emu_last == cudaSuccess)
		emu_last = e;
	return e;
}

inline cudaError_t
cudaGetLastError(void)
{
	cudaError_t e = emu_last;

	emu_last = cudaSuccess;
	return e;
}

inline const char *
cudaGetErrorString(cudaError_t e)
{
	return e == cudaSuccess ? "no error" :
	    e == cudaErrorMemoryAllocation ? "out of memory" :
	    e == cudaErrorInvalidConfiguration ? "invalid configuration" :
	    e == cudaErrorNoDevice ? "no CUDA-capable device is detected" :
	    e == cudaErrorInvalidDevice ? "invalid device ordinal" :
	    "invalid argument";
}

/* ---- queues ----------------------------------------------------------- */

struct emu_op {
	std::function<void()> run;
	unsigned stream;
	std::vector<std::shared_ptr<emu_op>> after;
	bool done;
};

typedef std::shared_ptr<emu_op> emu_op_p;

struct emu_graph {
	std::vector<emu_op_p> op;	/* each after its predecessors */
	struct emu_stream *origin;
	std::vector<emu_op_p> before;	/* what the origin had to follow */
};

struct emu_stream {
	unsigned id;
	std::vector<emu_op_p> after;	/* what the next operation follows */
	emu_graph *capture;
};

struct emu_event {
	std::vector<emu_op_p> after;
	emu_graph *capture;
};

typedef emu_stream *cudaStream_t;
typedef emu_event *cudaEvent_t;
typedef emu_graph *cudaGraph_t;
typedef emu_graph *cudaGraphExec_t;

inline std::vector<emu_op_p> emu_queue;	/* in the order of issue */
inline std::vector<emu_stream *> emu_streams;
inline int emu_capturing;		/* streams that began a capture */

inline bool
emu_ready(const emu_op_p &op)
{
	for (const emu_op_p &p : op->after)
		if (!p->done)
			return false;
	return true;
}

inline bool
emu_all_done(const std::vector<emu_op_p> &op)
{
	for (const emu_op_p &p : op)
		if (!p->done)
			return false;
	return true;
}

/*
 * Run what is queued, in an order that events and streams allow, until all
 * of `wanted` is done: in passes, each of which holds back some streams and
 * some operations.
 */
inline void
emu_flush(const std::vector<emu_op_p> &wanted)
{
	std::vector<emu_op_p> todo, left;
	unsigned held;

	while (!emu_all_done(wanted)) {
		todo.swap(emu_queue);
		held = emu_random();
		for (emu_op_p &op : todo)
			if (!emu_ready(op) || held >> op->stream % 16 & 1 ||
			    emu_random() % 8 == 0)
				left.push_back(op);
			else {
				op->run();
				op->done = true;
				op->after.clear();
			}
		todo.clear();
		emu_queue.swap(left);
	}
}

inline void
emu_flush_all(void)
{
	emu_flush(std::vector<emu_op_p>(emu_queue));
}

inline void
emu_issue(emu_stream *s, const std::function<void()> &run)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	emu_op_p op = std::make_shared<emu_op>();

	op->run = run;
	op->stream = s->id;
	op->done = false;
	op->after.swap(s->after);
	s->after.push_back(op);
	(s->capture != NULL ? s->capture->op : emu_queue).push_back(op);
}

template <class... P> struct emu_launcher {
	const char *name;
	void (*kernel)(P...);
	dim3 grid, block;
	size_t nshared;
	emu_stream *stream;

	void operator()(P... arg) const
	{
		const emu_launcher<P...> l = *this;
		unsigned n = block.x * block.y * block.z;

		if (grid.x == 0 || grid.y == 0 || grid.z == 0 ||
		    grid.y > 65535 || grid.z > 65535 ||
		    grid.x > 0x7fffffff || n == 0 || n > 1024 ||
		    n % 32 != 0 || nshared > (48 << 10)) {
			emu_error(cudaErrorInvalidConfiguration);
			return;
		}
		emu_issue(stream, [=] {
			emu_run(l.name, l.grid, l.block, l.nshared, [=] {
				l.kernel(arg...);
			});
		});
	}
};

template <class... P> inline emu_launcher<P...>
emu_launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
    size_t nshared, emu_stream *stream)
{
	return emu_launcher<P...>{ name, kernel, grid, block, nshared,
		stream };
}

#define NF_LAUNCH(kernel, grid, block, nshared, stream) \
	emu_launch(#kernel, kernel, grid, block, nshared, stream)

/* ---- streams, events, captures ---------------------------------------- */

enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };
enum cudaStreamCaptureMode {
	cudaStreamCaptureModeGlobal,
	cudaStreamCaptureModeThreadLocal,
	cudaStreamCaptureModeRelaxed
};

inline cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	*s = new emu_stream();
	(*s)->id = emu_random();
	emu_streams.push_back(*s);
	return cudaSuccess;
}

inline cudaError_t
cudaStreamDestroy(cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	size_t i;

	emu_flush_all();
	for (i = 0; emu_streams[i] != s; i++)
		;
	emu_streams.erase(emu_streams.begin() + (ptrdiff_t)i);
	delete s;
	return cudaSuccess;
}

inline cudaError_t
cudaStreamSynchronize(cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (s->capture != NULL)
		emu_die("synchronisation of a stream in a capture");
	emu_flush(s->after);
	s->after.clear();
	return cudaSuccess;
}

inline cudaError_t
cudaDeviceSynchronize(void)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_capturing > 0)
		emu_die("synchronisation in a capture");
	emu_flush_all();
	return cudaSuccess;
}

inline cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
	*e = new emu_event();
	return cudaSuccess;
}

inline cudaError_t
cudaEventDestroy(cudaEvent_t e)
{
	delete e;
	return cudaSuccess;
}

inline cudaError_t
cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	e->after = s->after;
	e->capture = s->capture;
	return cudaSuccess;
}

inline cudaError_t
cudaEventSynchronize(cudaEvent_t e)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (e->capture != NULL)
		emu_die("waiting for an event of a capture");
	emu_flush(e->after);
	return cudaSuccess;
}

inline cudaError_t
cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned = 0)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (s->capture == NULL && e->capture != NULL) {
		s->capture = e->capture;
		s->after.clear();
	} else if (s->capture != e->capture)
		emu_die("a capture waits for an event outside of it");
	for (const emu_op_p &p : e->after)
		if (!p->done)
			s->after.push_back(p);
	return cudaSuccess;
}

inline cudaError_t
cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (s->capture != NULL)
		emu_die("a capture in a capture");
	s->capture = new emu_graph();
	s->capture->origin = s;
	s->capture->before.swap(s->after);
	emu_capturing++;
	return cudaSuccess;
}

/* Everything captured must have come back to the stream that began. */
inline cudaError_t
cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	emu_graph *g = s->capture;
	std::vector<emu_op_p> reach = s->after;
	std::map<emu_op *, bool> seen;

	if (g == NULL || g->origin != s)
		emu_die("the end of a capture that did not begin");
	while (!reach.empty()) {
		emu_op_p op = reach.back();

		reach.pop_back();
		if (seen[op.get()])
			continue;
		seen[op.get()] = true;
		for (const emu_op_p &p : op->after)
			reach.push_back(p);
	}
	for (const emu_op_p &op : g->op)
		if (!seen[op.get()])
			emu_die("a capture ends with work not joined");
	for (emu_stream *t : emu_streams)
		if (t->capture == g) {
			t->capture = NULL;
			t->after.clear();
		}
	s->after.swap(g->before);
	emu_capturing--;
	*graph = g;
	return cudaSuccess;
}

inline cudaError_t
cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long)
{
	*x = new emu_graph(*g);
	return cudaSuccess;
}

inline cudaError_t
cudaGraphDestroy(cudaGraph_t g)
{
	delete g;
	return cudaSuccess;
}

inline cudaError_t
cudaGraphExecDestroy(cudaGraphExec_t x)
{
	delete x;
	return cudaSuccess;
}

inline cudaError_t
cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	std::map<emu_op *, emu_op_p> twin;
	emu_op_p op;

	for (const emu_op_p &p : x->op) {
		op = std::make_shared<emu_op>();
		op->run = p->run;
		op->stream = p->stream;
		op->done = false;
		for (const emu_op_p &q : p->after)
			op->after.push_back(twin[q.get()]);
		if (p->after.empty())
			op->after = s->after;
		twin[p.get()] = op;
		emu_queue.push_back(op);
	}
	s->after.clear();
	for (auto &t : twin)
		s->after.push_back(t.second);
	emu_issue(s, [] { });
	return cudaSuccess;
}

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
inline size_t emu_used;

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

/* NF_FAULT=cuda:N: the N-th allocation fails, and so do all larger ones. */
inline cudaError_t
cudaMalloc(void **p, size_t n)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	const char *fault = getenv("NF_FAULT");
	static int count;

	*p = NULL;
	if (fault != NULL && strncmp(fault, "cuda:", 5) == 0 &&
	    ++count == atoi(fault + 5))
		return emu_error(cudaErrorMemoryAllocation);
	if (n > EMU_MEMORY - emu_used)
		return emu_error(cudaErrorMemoryAllocation);
	if (posix_memalign(p, 256, n + (n == 0)) != 0)
		return emu_error(cudaErrorMemoryAllocation);
	memset(*p, 0xff, n);
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
	free(p);
	return cudaSuccess;
}

inline cudaError_t
cudaMallocHost(void **p, size_t n)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	*p = aligned_alloc(64, (n + 63) / 64 * 64);
	memset(*p, 0xff, n);
	emu_pinned[(char *)*p] = n;
	return cudaSuccess;
}

inline cudaError_t
cudaFreeHost(void *p)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	emu_flush_all();
	emu_pinned.erase((char *)p);
	free(p);
	return cudaSuccess;
}

inline cudaError_t
cudaMemGetInfo(size_t *nfree, size_t *total)
{
	*nfree = EMU_MEMORY - emu_used;
	*total = EMU_MEMORY;
	return cudaSuccess;
}

inline cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind kind,
    cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (!emu_within(kind == cudaMemcpyDeviceToHost ? emu_pinned :
	    emu_device, to, n) || !emu_within(kind ==
	    cudaMemcpyHostToDevice ? emu_pinned : emu_device, from, n))
		emu_die("a copy of %zu bytes outside of what was allocated",
		    n);
	emu_issue(s, [=] { memcpy(to, from, n); });
	return cudaSuccess;
}

inline cudaError_t
cudaMemsetAsync(void *p, int value, size_t n, cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (!emu_within(emu_device, p, n))
		emu_die("%zu bytes are set outside of what was allocated", n);
	emu_issue(s, [=] { memset(p, value, n); });
	return cudaSuccess;
}

/* ---- the device ------------------------------------------------------- */

struct cudaDeviceProp {
	char name[256];
	size_t totalGlobalMem;
	int major, minor, multiProcessorCount, l2CacheSize;
};

/* NF_EMU_DEVICES=N: that many, instead of one. */
inline cudaError_t
cudaGetDeviceCount(int *n)
{
	const char *s = getenv("NF_EMU_DEVICES");

	*n = s == NULL ? 1 : atoi(s);
	return *n > 0 ? cudaSuccess : cudaErrorNoDevice;
}

inline cudaError_t
cudaSetDevice(int i)
{
	int n;

	if (cudaGetDeviceCount(&n) != cudaSuccess || i >= n)
		return emu_error(cudaErrorInvalidDevice);
	return cudaSuccess;
}

/* NF_EMU_OLD=N: the first N are too old. */
inline cudaError_t
cudaGetDeviceProperties(cudaDeviceProp *p, int i)
{
	const char *s = getenv("NF_EMU_OLD");

	memset(p, 0, sizeof(*p));
	strcpy(p->name, "emulated");
	p->totalGlobalMem = EMU_MEMORY;
	p->major = s != NULL && i < atoi(s) ? 7 : 9;
	p->multiProcessorCount = 3;
	p->l2CacheSize = 256 << 10;
	return cudaSuccess;
}

#endif
