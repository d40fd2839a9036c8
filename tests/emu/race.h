/*
 * What orders what on the emulated GPU, for the race detector (race.cc).
 *
 * A clock says of each timeline how much of it has gone before.  Operations
 * on the device and threads of the host stand on timelines, one after the
 * other.  Without EMU_RACE none of this is there.
 */
#ifndef EMU_RACE_H
#define EMU_RACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef EMU_RACE
#include <vector>

/* The emulation's own inner loops: what they touch is of no interest. */
#define EMU_QUIET	__attribute__((no_sanitize("thread")))

typedef std::vector<uint32_t> race_clock;

void race_join(race_clock *to, const race_clock &from);
/* This thread of the host goes on after all that the clock has. */
void race_acquire(const race_clock &from);
/* Does it already? */
bool race_has(const race_clock &clock);
/* What is after the clock is after all that this thread has done. */
void race_release(race_clock *to);

/*
 * An operation after the clock and after what this thread did; the clock
 * becomes its own.  Returns its name in what follows.
 */
uint32_t race_op(race_clock *clock, const char *kernel, const char *file,
    int line);
void race_begin(uint32_t op, const race_clock &clock);
void race_end(void);

/* A kernel runs in it, its blocks one by one; and what its threads do. */
void race_grid(unsigned nblock, unsigned nthread);
void race_block(unsigned block);
void race_at_barrier(void);		/* all threads of the block are */
void race_at_syncwarp(unsigned warp);	/* all of the warp */
void race_fence(void);
void race_atomic(void *p, size_t n, const void *site);
/* This thread reads from n bytes at `from` and writes to n at `to`, either
 * of which may be NULL. */
void race_touch(void *to, const void *from, size_t n);

/* Memory of the device (pinned: of the host), new: it has no history. */
void *race_alloc(size_t n, bool pinned);
void race_free(void *p);
/* What a launch gives of shared memory; all of it holds nothing of use. */
unsigned char *race_shared(void);

int race_thread_create(pthread_t *t, const pthread_attr_t *a,
    void *(*f)(void *), void *arg);
int race_thread_join(pthread_t t, void **value);
int race_lock(pthread_mutex_t *m);
int race_unlock(pthread_mutex_t *m);

/* The compiler reports what it makes of small ones itself. */
inline __attribute__((always_inline)) void *
race_memcpy(void *to, const void *from, size_t n)
{
	if (!__builtin_constant_p(n) || n > 8)
		race_touch(to, from, n);
	return __builtin_memcpy(to, from, n);
}

inline __attribute__((always_inline)) void *
race_memset(void *to, int value, size_t n)
{
	if (!__builtin_constant_p(n) || n > 8)
		race_touch(to, NULL, n);
	return __builtin_memset(to, value, n);
}
#else
#define EMU_QUIET

struct race_clock {
	void clear(void) { }
};

inline void race_join(race_clock *, const race_clock &) { }
inline void race_acquire(const race_clock &) { }
inline bool race_has(const race_clock &) { return true; }
inline void race_release(race_clock *) { }
inline uint32_t race_op(race_clock *, const char *, const char *, int)
{
	return 0;
}
inline void race_begin(uint32_t, const race_clock &) { }
inline void race_end(void) { }
inline void race_grid(unsigned, unsigned) { }
inline void race_block(unsigned) { }
inline void race_at_barrier(void) { }
inline void race_at_syncwarp(unsigned) { }
inline void race_fence(void) { }
inline void race_atomic(void *, size_t, const void *) { }
inline void race_touch(void *, const void *, size_t) { }
#endif

#endif
