/* Emulated streams, events, launches and captures: work waits in queues. */
#ifndef EMU_QUEUE_H
#define EMU_QUEUE_H

#include "thread.h"

/* ---- errors ----------------------------------------------------------- */

enum cudaError_t {
	cudaSuccess = 0,
	cudaErrorInvalidValue = 1,
	cudaErrorMemoryAllocation = 2,
	cudaErrorInvalidConfiguration = 9,
	cudaErrorInsufficientDriver = 35,
	cudaErrorDevicesUnavailable = 46,
	cudaErrorNoDevice = 100,
	cudaErrorInvalidDevice = 101,
	cudaErrorStreamCaptureInvalidated = 901
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
	    e == cudaErrorInsufficientDriver ? "the driver is too old" :
	    e == cudaErrorDevicesUnavailable ? "device busy" :
	    e == cudaErrorStreamCaptureInvalidated ? "invalid capture" :
	    e == cudaErrorNoDevice ? "no CUDA-capable device is detected" :
	    e == cudaErrorInvalidDevice ? "invalid device ordinal" :
	    "invalid argument";
}

/* ---- queues ----------------------------------------------------------- */

/* What was asked for, and where. */
struct emu_site {
	const char *what, *file;
	int line;
};

struct emu_op {
	std::function<void()> run;
	unsigned stream;
	std::vector<std::shared_ptr<emu_op>> after;
	bool done;
	std::string kernel;		/* "file.cu name", or empty */
	emu_site site;
	uint32_t race;
	race_clock clock;
};

typedef std::shared_ptr<emu_op> emu_op_p;

struct emu_graph {
	std::vector<emu_op_p> op;	/* each after its predecessors */
	struct emu_stream *origin;
};

struct emu_stream {
	unsigned id;
	int device;
	std::vector<emu_op_p> after;	/* what the next operation follows */
	emu_graph *capture;
	std::vector<emu_op_p> before;	/* `after`, of before the capture */
	race_clock clock;
};

struct emu_event {
	std::vector<emu_op_p> after;
	race_clock clock;
	emu_graph *capture;
	bool timed;
	double at;			/* when it was passed; ms */
};

typedef emu_stream *cudaStream_t;
typedef emu_event *cudaEvent_t;
typedef emu_graph *cudaGraph_t;
typedef emu_graph *cudaGraphExec_t;

inline std::vector<emu_op_p> emu_queue;	/* in the order of issue */
inline std::vector<emu_stream *> emu_streams;
inline int emu_capturing;		/* streams that began a capture */
inline std::set<emu_graph *> emu_captures;	/* theirs */
inline std::set<std::string> emu_loaded;	/* kernels launched before */
inline std::map<int, race_clock> emu_issued;	/* all of each device */

inline thread_local int emu_here;	/* the thread's device */
inline thread_local int emu_captures_here;	/* that the thread began */

/* What had better be done before a capture begins, though a relaxed one may
 * allow it. */
inline void
emu_not_captured(const char *what)
{
	if (emu_captures_here > 0)
		emu_die("%s in a capture", what);
}

/* What is asked for while any thread captures. */
inline void
emu_none_captures(const char *what)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_capturing > 0)
		emu_die("%s during a capture", what);
}

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
				race_begin(op->race, op->clock);
				op->run();
				race_end();
				op->done = true;
				op->after.clear();
			}
		todo.clear();
		emu_queue.swap(left);
	}
}

/* Wait for the device. */
inline void
emu_flush_all(void)
{
	emu_flush(std::vector<emu_op_p>(emu_queue));
	race_acquire(emu_issued[emu_here]);
}

/* The operation comes after the clock, which becomes its own. */
inline void
emu_enter(emu_op *op, race_clock *clock, int device)
{
	op->race = race_op(clock, op->site.what, op->site.file,
	    op->site.line);
	op->clock = *clock;
	race_join(&emu_issued[device], *clock);
}

inline void
emu_issue(emu_stream *s, const emu_site &site,
    const std::function<void()> &run, const std::string &kernel = "")
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	emu_op_p op = std::make_shared<emu_op>();

	if (s->device != emu_here)
		emu_die("work for device %d by a thread whose device is %d",
		    s->device, emu_here);

	op->run = run;
	op->kernel = kernel;
	op->site = site;
	if (s->capture == NULL)
		emu_enter(op.get(), &s->clock, s->device);
	op->stream = s->id;
	op->done = false;
	op->after.swap(s->after);
	s->after.push_back(op);
	(s->capture != NULL ? s->capture->op : emu_queue).push_back(op);
}

/* NF_EMU_CAPTURE=begin, launch, end or unit: what fails of each capture. */
inline bool
emu_capture_fails(const char *at)
{
	const char *s = getenv("NF_EMU_CAPTURE");

	return s != NULL && strcmp(s, at) == 0;
}

/* Its code is loaded when a kernel is first launched. */
inline void
emu_load(emu_stream *s, const std::string &kernel)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_loaded.insert(kernel).second && s->capture != NULL)
		emu_die("%s is launched first in a capture", kernel.c_str());
}

/* A launch has 48 KB of shared memory, or what was asked for its kernel. */
#define EMU_SHARED	((size_t)48 << 10)
#define EMU_SHARED_MOST	((size_t)99 << 10)	/* of the smallest */

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };

inline std::map<const void *, size_t> emu_shared_of;

inline cudaError_t
cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute, int n)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (n < 0 || (size_t)n > EMU_SHARED_MOST)
		return emu_error(cudaErrorInvalidValue);
	emu_shared_of[kernel] = (size_t)n;
	return cudaSuccess;
}

inline size_t
emu_shared_limit(const void *kernel)
{
	auto i = emu_shared_of.find(kernel);

	return i == emu_shared_of.end() || i->second < EMU_SHARED ?
	    EMU_SHARED : i->second;
}

template <class... P> struct emu_launcher {
	const char *file, *name;
	int line;
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
		    n % 32 != 0 || nshared >
		    emu_shared_limit((const void *)kernel)) {
			emu_error(cudaErrorInvalidConfiguration);
			return;
		}
		std::string id = emu_base(file) + " " + name;

		emu_load(stream, id);
		if (stream->capture != NULL && emu_capture_fails("launch")) {
			emu_error(cudaErrorStreamCaptureInvalidated);
			return;
		}
		emu_issue(stream, { name, file, line }, [=] {
			emu_launched.insert(id);
			emu_run(l.name, l.grid, l.block, l.nshared, [=] {
				l.kernel(arg...);
			});
		}, id);
	}
};

template <class... P> inline emu_launcher<P...>
emu_launch(const char *file, int line, const char *name,
    void (*kernel)(P...), dim3 grid, dim3 block, size_t nshared,
    emu_stream *stream)
{
	return emu_launcher<P...>{ file, name, line, kernel, grid, block,
		nshared, stream };
}

#define NF_LAUNCH_ON(kernel, grid, block, nshared, stream) \
	emu_launch(__FILE__, __LINE__, #kernel, kernel, grid, block, \
	    nshared, stream)

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
	(*s)->device = emu_here;
	emu_streams.push_back(*s);
	return cudaSuccess;
}

inline cudaError_t
cudaStreamDestroy(cudaStream_t s)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	size_t i;

	emu_flush(std::vector<emu_op_p>(emu_queue));	/* no promise */
	for (i = 0; emu_streams[i] != s; i++)
		;
	emu_streams.erase(emu_streams.begin() + (ptrdiff_t)i);
	delete s;
	return cudaSuccess;
}

inline cudaError_t
cudaStreamSynchronize(cudaStream_t s, const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_deaf(file, line))
		return cudaSuccess;
	if (s->capture != NULL)
		emu_die("synchronisation of a stream in a capture");
	emu_flush(s->after);
	s->after.clear();
	race_acquire(s->clock);
	return cudaSuccess;
}

inline cudaError_t
cudaDeviceSynchronize(const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_deaf(file, line))
		return cudaSuccess;
	if (emu_capturing > 0)
		emu_die("synchronisation in a capture");
	emu_flush_all();
	return cudaSuccess;
}

inline double
emu_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

inline cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags)
{
	*e = new emu_event();
	(*e)->timed = (flags & cudaEventDisableTiming) == 0;
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

	if (e->timed)
		emu_issue(s, { "event", __FILE__, __LINE__ },
		    [=] { e->at = emu_now_ms(); });
	e->after = s->after;
	e->clock = s->clock;
	e->capture = s->capture;
	return cudaSuccess;
}

inline cudaError_t
cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (!from->timed || !to->timed || !emu_all_done(from->after) ||
	    !emu_all_done(to->after) || !race_has(from->clock) ||
	    !race_has(to->clock))
		emu_die("the time between events that do not tell it");
	*ms = (float)(to->at - from->at);
	return cudaSuccess;
}

inline cudaError_t
cudaEventSynchronize(cudaEvent_t e, const char *file = __builtin_FILE(),
    int line = __builtin_LINE())
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_deaf(file, line))
		return cudaSuccess;
	if (e->capture != NULL)
		emu_die("waiting for an event of a capture");
	emu_flush(e->after);
	race_acquire(e->clock);
	return cudaSuccess;
}

inline cudaError_t
cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned,
    const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_deaf(file, line))
		return cudaSuccess;
	if (e->capture != NULL && emu_captures.count(e->capture) == 0)
		emu_die("waiting for an event of a capture that has ended");
	if (s->capture == NULL && e->capture != NULL) {
		s->capture = e->capture;
		s->before.swap(s->after);
	} else if (s->capture != e->capture)
		emu_die("a capture waits for an event outside of it");
	for (const emu_op_p &p : e->after)
		if (!p->done)
			s->after.push_back(p);
	if (s->capture == NULL)
		race_join(&s->clock, e->clock);
	return cudaSuccess;
}

inline cudaError_t
cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (emu_capture_fails("begin"))
		return emu_error(cudaErrorStreamCaptureInvalidated);
	if (s->capture != NULL)
		emu_die("a capture in a capture");
	s->capture = new emu_graph();
	s->capture->origin = s;
	s->before.swap(s->after);
	emu_captures.insert(s->capture);
	emu_capturing++;
	emu_captures_here++;
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
			t->after.swap(t->before);
		}
	emu_captures.erase(g);
	emu_capturing--;
	emu_captures_here--;
	*graph = g;
	if (!emu_capture_fails("launch") && !emu_capture_fails("end"))
		return cudaSuccess;
	*graph = NULL;
	delete g;
	return emu_error(cudaErrorStreamCaptureInvalidated);
}

inline cudaError_t
cudaGraphInstantiateWithFlags(cudaGraphExec_t *x, cudaGraph_t g,
    unsigned long long)
{
	if (emu_capture_fails("unit"))
		return emu_error(cudaErrorMemoryAllocation);
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
	race_clock clock, before = s->clock;
	emu_op_p op;

	for (const emu_op_p &p : x->op) {
		op = std::make_shared<emu_op>();
		op->run = p->run;
		op->stream = p->stream;
		op->done = false;
		if (!p->kernel.empty())
			emu_launched.insert("replayed " + p->kernel);
		for (const emu_op_p &q : p->after)
			op->after.push_back(twin[q.get()]);
		clock = before;
		for (const emu_op_p &q : op->after)
			race_join(&clock, q->clock);
		if (p->after.empty())
			op->after = s->after;
		op->site = p->site;
		emu_enter(op.get(), &clock, s->device);
		race_join(&s->clock, clock);
		twin[p.get()] = op;
		emu_queue.push_back(op);
	}
	s->after.clear();
	for (auto &t : twin)
		s->after.push_back(t.second);
	emu_issue(s, { "graph", __FILE__, __LINE__ }, [] { });
	return cudaSuccess;
}

#endif
