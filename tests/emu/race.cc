/*
 * The race detector: what stands behind the calls that the compiler puts
 * before every access (-fsanitize=thread), in place of its own library.  That
 * one knows threads, of which it makes some thousand in a second; an emulated
 * GPU has millions, whose order is simpler to tell:
 *
 *  - in a block, threads are ordered by barriers, lanes of a warp by
 *    __syncwarp too, so the time of the last of either says what went before;
 *  - blocks of a launch are not ordered, but where a fence, an atomic on the
 *    same place and a fence follow each other from one to the other;
 *  - operations and threads of the host are ordered by clocks (race.h).
 *
 * Four bytes of memory have one cell, that keeps who wrote and who read last.
 * A read takes the place of those before it; where none of several is before
 * the others, what they have in common is kept: that some threads, or warps,
 * or blocks of one operation read.  So one cell tells all, but when more
 * operations read at a time than there are records.
 */
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "queue.h"

#define ARENA		((size_t)16 << 30)	/* addresses, not memory */
#define PAGE		((size_t)4096)
#define NWRITE		2
#define NREAD		3
#define SHARED		EMU_SHARED_MOST

enum {
	WRITE = 1, ATOMIC = 2,
	THREADS = 4, WARPS = 8, BLOCKS = 16	/* several of them */
};

struct record {
	uint32_t op;			/* 0: none */
	uint32_t block, time;
	uint32_t site;			/* in this library */
	uint16_t thread;
	uint8_t mask, how;		/* mask: which of the four bytes */
};

struct cell {
	struct record write[NWRITE], read[NREAD];
};

/* ---- memory ----------------------------------------------------------- */

/* Shared memory of kernels: what they declare, and what launches give. */
__shared__ __attribute__((aligned(16))) unsigned char given[SHARED];
extern "C" char __start_emu_shared[] __attribute__((visibility("hidden")));
extern "C" char __stop_emu_shared[] __attribute__((visibility("hidden")));
extern "C" char __ehdr_start[] __attribute__((visibility("hidden")));

struct piece {
	size_t n;
	bool pinned;
};

static char *arena = (char *)mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
static struct cell **page = (struct cell **)calloc(ARENA / PAGE,
    sizeof(*page));
static struct cell *shared_cell = (struct cell *)calloc((size_t)
    (__stop_emu_shared - __start_emu_shared) / 4 + 1, sizeof(struct cell));
static std::map<char *, struct piece> pieces;

/* The cell of address a, or NULL if it has no history. */
static struct cell *
cell_of(uintptr_t a, bool make)
{
	size_t at = a - (uintptr_t)arena;
	struct cell **p;

	if (at >= ARENA)
		return &shared_cell[(a - (uintptr_t)__start_emu_shared) / 4];
	p = &page[at / PAGE];
	if (*p == NULL && make)
		*p = (struct cell *)calloc(PAGE / 4, sizeof(**p));
	return *p == NULL ? NULL : *p + at % PAGE / 4;
}

/* Pieces lie 256 bytes apart, so none shares a cell. */
static void
forget(char *p, size_t n)
{
	size_t at = (size_t)(p - arena), end = at + n, step;
	struct cell *c;

	for (; at < end; at += step) {
		step = PAGE - at % PAGE < end - at ? PAGE - at % PAGE :
		    end - at;
		c = page[at / PAGE];
		if (c != NULL && step == PAGE) {
			free(c);
			page[at / PAGE] = NULL;
		} else if (c != NULL)
			memset((void *)(c + at % PAGE / 4), 0,
			    (step + 3) / 4 * sizeof(*c));
	}
}

void *
race_alloc(size_t n, bool pinned)
{
	size_t room = (n + 511) / 256 * 256;
	char *at = arena;

	for (auto &i : pieces) {
		if ((size_t)(i.first - at) >= room)
			break;
		at = i.first + (i.second.n + 511) / 256 * 256;
	}
	if (at + room > arena + ARENA)
		emu_die("the race detector has no room");
	pieces[at] = { n, pinned };
	forget(at, n);
	return at;
}

void
race_free(void *p)
{
	char *at = (char *)p;
	size_t n = pieces[at].n;

	forget(at, n);
	madvise((void *)(((uintptr_t)at + PAGE - 1) / PAGE * PAGE),
	    n / PAGE * PAGE > PAGE ? n / PAGE * PAGE - PAGE : 0,
	    MADV_DONTNEED);
	pieces.erase(at);
}

unsigned char *
race_shared(void)
{
	memset(__start_emu_shared, 0xff, (size_t)(__stop_emu_shared -
	    __start_emu_shared));
	return given;
}

/* ---- clocks, operations, threads of the host -------------------------- */

struct operation {
	uint32_t line;			/* its timeline, and where on it */
	uint32_t at;
	const char *kernel, *file;	/* kernel: NULL for the host */
	int where;
};

/* A thread of the host; those that were not made here are one. */
struct host {
	uint32_t line, op;		/* op: 0 until it touches something */
	race_clock clock;
	void *(*start)(void *);
	void *arg;
};

static std::vector<struct operation> ops(1);
static std::vector<uint32_t> tip(1);	/* how far each timeline is */
static struct host program;
static thread_local struct host *me = &program;
static std::map<pthread_t, struct host *> threads;
static std::map<pthread_mutex_t *, race_clock> mutexes;

/* What is being done: an operation, or the host's. */
static thread_local const race_clock *running;	/* NULL: the host's */
static uint32_t now_op;			/* of what is running */

static uint32_t
at_of(const race_clock &clock, uint32_t line)
{
	return line < clock.size() ? clock[line] : 0;
}

void
race_join(race_clock *to, const race_clock &from)
{
	size_t i;

	if (to->size() < from.size())
		to->resize(from.size());
	for (i = 0; i < from.size(); i++)
		if ((*to)[i] < from[i])
			(*to)[i] = from[i];
}

/* A timeline whose end the clock has: what goes on there is after it. */
static uint32_t
line_after(const race_clock &clock)
{
	uint32_t i;

	for (i = 1; i < tip.size(); i++)
		if (at_of(clock, i) == tip[i])
			return i;
	tip.push_back(0);
	return i;
}

/* The next place on a timeline, and in the clock of what stands there. */
static uint32_t
advance(race_clock *clock, uint32_t line)
{
	if (clock->size() <= line)
		clock->resize(line + 1);
	return (*clock)[line] = ++tip[line];
}

/* What the host does from here on is after what it gave away. */
static void
turn(struct host *h)
{
	h->op = 0;
	advance(&h->clock, h->line);
}

void
race_acquire(const race_clock &from)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	race_join(&me->clock, from);
}

bool
race_has(const race_clock &clock)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	uint32_t i;

	for (i = 0; i < clock.size(); i++)
		if (clock[i] > at_of(me->clock, i))
			return false;
	return true;
}

void
race_release(race_clock *to)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	race_join(to, me->clock);
	turn(me);
}

uint32_t
race_op(race_clock *clock, const char *kernel, const char *file, int line)
{
	struct operation o;

	race_release(clock);
	o.line = line_after(*clock);
	o.at = advance(clock, o.line);
	o.kernel = kernel;
	o.file = file;
	o.where = line;
	ops.push_back(o);
	return (uint32_t)ops.size() - 1;
}

static uint32_t
host_op(void)
{
	struct operation o = { me->line, at_of(me->clock, me->line), NULL,
		NULL, 0 };

	if (me->op == 0) {
		ops.push_back(o);
		me->op = (uint32_t)ops.size() - 1;
	}
	return me->op;
}

static void *
begin_thread(void *arg)
{
	struct host *h = (struct host *)arg;

	me = h;
	return h->start(h->arg);
}

int
race_thread_create(pthread_t *t, const pthread_attr_t *a,
    void *(*f)(void *), void *arg)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);
	struct host *h = new host();
	int e;

	race_release(&h->clock);
	h->line = line_after(h->clock);
	h->start = f;
	h->arg = arg;
	turn(h);
	e = pthread_create(t, a, begin_thread, h);
	if (e == 0)
		threads[*t] = h;
	else
		delete h;
	return e;
}

int
race_thread_join(pthread_t t, void **value)
{
	int e = pthread_join(t, value);
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	if (e == 0 && threads.count(t) != 0) {
		race_acquire(threads[t]->clock);
		delete threads[t];
		threads.erase(t);
	}
	return e;
}

int
race_lock(pthread_mutex_t *m)
{
	int e = pthread_mutex_lock(m);
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	race_acquire(mutexes[m]);
	return e;
}

int
race_unlock(pthread_mutex_t *m)
{
	std::lock_guard<std::recursive_mutex> guard(emu_lock);

	race_release(&mutexes[m]);
	return pthread_mutex_unlock(m);
}

/* ---- a launch --------------------------------------------------------- */

/*
 * What a block gave away by a fence and an atomic: all that it did before
 * `upto`, and what the thread did before `done`.
 */
struct gift {
	uint32_t block, upto, done;
	uint16_t thread;
};

/* A place that atomics give and take at; `n` of its gifts are seen. */
struct seen {
	void *place;
	size_t n;
};

struct thread {
	uint32_t fence, upto;		/* the last, and what was before */
	std::vector<struct seen> seen, taken;
};

static bool in_kernel;
static uint32_t now;			/* counts what orders */
static uint32_t nblock, block;
static uint32_t barrier;		/* when the block's last was */
static std::vector<uint32_t> syncwarp;
static std::vector<struct thread> thread;
static std::map<void *, std::vector<struct gift>> gifts;
static std::vector<struct seen> known;	/* by all threads of the block */

void
race_begin(uint32_t op, const race_clock &clock)
{
	running = &clock;
	now_op = op;
	in_kernel = false;
}

void
race_end(void)
{
	running = NULL;
	in_kernel = false;
}

void
race_grid(unsigned n, unsigned nthread)
{
	in_kernel = true;
	nblock = n;
	gifts.clear();
	thread.resize(nthread);
	syncwarp.resize(nthread / 32);
}

static void
tick(void)
{
	if (++now == UINT32_MAX)
		emu_die("the race detector's time is over");
}

void
race_block(unsigned k)
{
	block = k;
	tick();
	barrier = now;
	known.clear();
	std::fill(syncwarp.begin(), syncwarp.end(), now);
	for (struct thread &t : thread) {
		t.fence = t.upto = 0;
		t.seen.clear();
		t.taken.clear();
	}
}

static void
take(std::vector<struct seen> *to, std::vector<struct seen> *from)
{
	to->insert(to->end(), from->begin(), from->end());
	from->clear();
}

void
race_at_barrier(void)
{
	tick();
	barrier = now;
	for (struct thread &t : thread)
		take(&known, &t.taken);
}

void
race_at_syncwarp(unsigned warp)
{
	tick();
	syncwarp[warp] = now;
}

void
race_fence(void)
{
	struct thread *t = &thread[emu_current];

	tick();
	t->fence = now;
	t->upto = barrier;
	take(&t->taken, &t->seen);
}

static void
trade(void *place)
{
	struct thread *t = &thread[emu_current];
	std::vector<struct gift> &all = gifts[place];

	if (!all.empty())
		t->seen.push_back({ place, all.size() });
	if (t->fence != 0)
		all.push_back({ block, t->upto, t->fence,
		    (uint16_t)emu_current });
}

/* Was what the record has of another block given to this thread? */
static bool
given_in(const std::vector<struct seen> &seen, const struct record *r,
    uint32_t from)
{
	size_t i;

	for (const struct seen &s : seen) {
		const std::vector<struct gift> &all = gifts[s.place];

		for (i = 0; i < s.n; i++)
			if (all[i].block == from && (r->time < all[i].upto ||
			    (!(r->how & BLOCKS) && all[i].thread ==
			    r->thread && r->time < all[i].done)))
				return true;
	}
	return false;
}

static bool
was_given(const struct record *r)
{
	const std::vector<struct seen> &mine = thread[emu_current].taken;
	uint32_t k;

	if (known.empty() && mine.empty())
		return false;
	if (!(r->how & BLOCKS))
		return given_in(known, r, r->block) ||
		    given_in(mine, r, r->block);
	for (k = 0; k < nblock; k++)
		if (k != block && !given_in(known, r, k) &&
		    !given_in(mine, r, k))
			return false;
	return true;
}

/* ---- what an access finds --------------------------------------------- */

static bool in_shared;			/* is what is looked at shared memory? */

/* Is what the record has before what is being done, whatever the order that
 * things were run in? */
static bool
before(const struct record *r, const struct record *k)
{
	if (r->op != k->op) {
		const struct operation &o = ops[r->op];

		return in_shared || at_of(running != NULL ? *running :
		    me->clock, o.line) >= o.at;
	}
	if (!in_kernel || running == NULL)
		return true;
	if (in_shared && r->block != k->block)
		return true;
	if (r->how & BLOCKS || r->block != k->block)
		return was_given(r);
	if (r->time < barrier)
		return true;
	if (r->how & WARPS || r->thread / 32 != k->thread / 32)
		return false;
	if (r->time < syncwarp[k->thread / 32])
		return true;
	return !(r->how & THREADS) && r->thread == k->thread;
}

/* r and k are of one operation, neither before the other: what both are. */
static void
merge(struct record *r, const struct record *k)
{
	if (r->block != k->block)
		r->how |= BLOCKS;
	else if (r->thread / 32 != k->thread / 32)
		r->how |= WARPS;
	else if (r->thread != k->thread)
		r->how |= THREADS;
	r->time = k->time;
}

/* Where k finds room: with its like, in place of one before it, or empty. */
static void
put(struct record *r, int n, const struct record *k)
{
	int i, room = -1;

	for (i = 0; i < n; i++) {
		if (r[i].op == 0) {
			room = room < 0 ? i : room;
			continue;
		}
		if ((r[i].mask & ~k->mask) == 0 && before(&r[i], k)) {
			r[i].op = 0;
			room = i;
		} else if (r[i].op == k->op && r[i].mask == k->mask) {
			merge(&r[i], k);
			return;
		}
	}
	if (room < 0) {
		room = n - 1;
		memmove((void *)r, r + 1, (size_t)(n - 1) * sizeof(*r));
	}
	r[room] = *k;
}

/* ---- reports ---------------------------------------------------------- */

static std::set<std::string> told;

static std::string
site_of(uint32_t site)
{
	std::string all;
	char line[512];
	Dl_info so;
	FILE *f;

	if (dladdr((void *)race_alloc, &so) == 0)
		return "?";
	snprintf(line, sizeof(line), "addr2line -i -s -e '%s' 0x%x "
	    "2>/dev/null", so.dli_fname, site - 1);
	if ((f = popen(line, "r")) == NULL)
		return "?";
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, " \n")] = '\0';
		if (strstr(line, ".h:") == NULL)
			all += (all.empty() ? "" : " < ") + std::string(line);
	}
	pclose(f);
	return all;
}

static std::string
describe(const struct record *r)
{
	const struct operation &o = ops[r->op];
	std::string s = r->how & ATOMIC ? "atomic" : r->how & WRITE ?
	    "write" : "read";

	s += " by ";
	if (o.kernel == NULL)
		return s + "the host at " + site_of(r->site);
	s += std::string(o.kernel) + " of " + emu_base(o.file) + ":" +
	    std::to_string(o.where) + " " + site_of(r->site);
	if (r->how & BLOCKS)
		return s + ", several blocks";
	s += ", block " + std::to_string(r->block);
	if (r->how & WARPS)
		return s + ", several warps";
	return s + (r->how & THREADS ? ", several threads near " :
	    ", thread ") + std::to_string(r->thread);
}

static void
report(const struct record *r, const struct record *k, uintptr_t a)
{
	const char *where = "shared memory";
	size_t at = a;
	char key[64];

	snprintf(key, sizeof(key), "%x %x %x %x %d", r->site, k->site,
	    (unsigned)ops[r->op].where, (unsigned)ops[k->op].where,
	    (r->how & 3) << 2 | (k->how & 3));
	if (!told.insert(key).second)
		return;
	if (!in_shared) {
		auto i = pieces.upper_bound((char *)a);

		--i;
		where = i->second.pinned ? "pinned memory" :
		    "device memory";
		at = a - (uintptr_t)i->first;
	}
	fprintf(stderr, "emulated GPU: race in %s, byte %zu:\n  %s\n  %s\n",
	    where, in_shared ? 0 : at, describe(r).c_str(),
	    describe(k).c_str());
	if (getenv("NF_EMU_DEAF") != NULL) {
		fflush(NULL);
		_exit(66);
	}
}

/* With races the program fails in the end. */
static struct verdict {
	~verdict()
	{
		if (told.empty())
			return;
		fflush(NULL);
		fprintf(stderr, "emulated GPU: %zu races\n", told.size());
		_exit(66);
	}
} verdict;

/* ---- accesses --------------------------------------------------------- */

static void
touch(struct cell *c, const struct record *k, uintptr_t a)
{
	struct record *r;
	int i;

	for (i = 0; i < NWRITE; i++) {
		r = &c->write[i];
		if (r->op != 0 && r->mask & k->mask && !(r->how & k->how &
		    ATOMIC) && !before(r, k))
			report(r, k, a);
	}
	if (!(k->how & WRITE)) {
		put(c->read, NREAD, k);
		return;
	}
	for (i = 0; i < NREAD; i++) {
		r = &c->read[i];
		if (r->op != 0 && r->mask & k->mask && !before(r, k))
			report(r, k, a);
		r->mask &= (uint8_t)~k->mask;
		r->op = r->mask == 0 ? 0 : r->op;
	}
	if (!(k->how & ATOMIC))
		for (i = 0; i < NWRITE; i++) {
			r = &c->write[i];
			r->mask &= (uint8_t)~k->mask;
			r->op = r->mask == 0 ? 0 : r->op;
		}
	put(c->write, NWRITE, k);
}

static void
touch_all(uintptr_t a, size_t n, int how, const void *site)
{
	std::unique_lock<std::recursive_mutex> guard(emu_lock,
	    std::defer_lock);
	struct record k;
	uintptr_t end = a + n, next;

	if (running == NULL)
		guard.lock();
	in_shared = a - (uintptr_t)arena >= ARENA;
	memset((void *)&k, 0, sizeof(k));
	k.op = running != NULL ? now_op : host_op();
	if (running != NULL && in_kernel) {
		k.block = block;
		k.thread = (uint16_t)emu_current;
	}
	k.time = now;
	k.site = (uint32_t)((uintptr_t)site - (uintptr_t)__ehdr_start);
	k.how = (uint8_t)how;
	for (; a < end; a = next) {
		next = a / 4 * 4 + 4;
		k.mask = (uint8_t)(0xf << a % 4 & 0xf);
		if (next > end)
			k.mask &= (uint8_t)(0xf >> (next - end));
		touch(cell_of(a, true), &k, a);
		next = next > end ? end : next;
	}
}

static inline bool
is_of_interest(const void *p)
{
	return (uintptr_t)p - (uintptr_t)arena < ARENA ||
	    (uintptr_t)p - (uintptr_t)__start_emu_shared <
	    (uintptr_t)(__stop_emu_shared - __start_emu_shared);
}

static inline void
see(const void *p, size_t n, int how, const void *site)
{
	if (is_of_interest(p) && n > 0)
		touch_all((uintptr_t)p, n, how, site);
}

void
race_atomic(void *p, size_t n, const void *site)
{
	see(p, n, WRITE | ATOMIC, site);
	if (in_kernel)
		trade(p);
}

void
race_touch(void *to, const void *from, size_t n)
{
	const void *site = __builtin_return_address(0);

	if (from != NULL)
		see(from, n, 0, site);
	if (to != NULL)
		see(to, n, WRITE, site);
}

#define HERE	__builtin_return_address(0)
#define CALL	extern "C" __attribute__((visibility("default"))) void
#define SIZE(n) \
	CALL __tsan_read ## n(void *p) { see(p, n, 0, HERE); } \
	CALL __tsan_write ## n(void *p) { see(p, n, WRITE, HERE); } \
	CALL __tsan_unaligned_read ## n(void *p) { see(p, n, 0, HERE); } \
	CALL __tsan_unaligned_write ## n(void *p) { see(p, n, WRITE, HERE); } \
	CALL __tsan_volatile_read ## n(void *p) { see(p, n, 0, HERE); } \
	CALL __tsan_volatile_write ## n(void *p) { see(p, n, WRITE, HERE); }

SIZE(1)
SIZE(2)
SIZE(4)
SIZE(8)
SIZE(16)
CALL __tsan_read_range(void *p, size_t n) { see(p, n, 0, HERE); }
CALL __tsan_write_range(void *p, size_t n) { see(p, n, WRITE, HERE); }
CALL __tsan_init(void) { }
CALL __tsan_func_entry(void *) { }
CALL __tsan_func_exit(void) { }
CALL __tsan_vptr_update(void **, void *) { }
CALL __tsan_vptr_read(void **) { }

extern "C" void *
__tsan_memcpy(void *to, const void *from, size_t n)
{
	race_touch(to, from, n);
	return memcpy(to, from, n);
}

extern "C" void *
__tsan_memset(void *to, int value, size_t n)
{
	race_touch(to, NULL, n);
	return memset(to, value, n);
}

extern "C" void *
__tsan_memmove(void *to, const void *from, size_t n)
{
	race_touch(to, from, n);
	return memmove(to, from, n);
}

/* The C++ library's own. */
#define ATOMICS(bits, type) \
	extern "C" type \
	__tsan_atomic ## bits ## _load(const volatile type *p, int) \
	{ \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST); \
	} \
	extern "C" type \
	__tsan_atomic ## bits ## _fetch_add(volatile type *p, type v, int) \
	{ \
		return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); \
	}

ATOMICS(8, uint8_t)
ATOMICS(32, uint32_t)
