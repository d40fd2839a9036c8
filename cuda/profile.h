/*
 * What libnf-cuda.so tells about itself, beside what it does: the time that
 * each kernel takes, and the ceilings over them.  It is for measurements
 * alone (tests/gpu), which find one struct nf_profiler under the name
 * nf_profiler.  One thread at a time.
 */
#ifndef NF_PROFILE_H
#define NF_PROFILE_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All launches of one kernel in one scope and of one shape. */
struct nf_kernel_time {
	char scope[24];			/* as scope named it */
	char kernel[32];
	char shape[48];			/* the grid, or m x n x k */
	uint64_t launches;
	double seconds;			/* of all, from events around each,
					 * less what two events take that
					 * have nothing between them */
	double flop, byte;		/* of products; of others 0 */
};

/* c = op(a) op(b), m x n, inner size k; of `batch`, side by side. */
struct nf_product_shape {
	uint32_t m, n, k, batch;
	int ta, tb;
	enum nf_precision precision;
};

/* Seconds of an empty launch. */
struct nf_launch_time {
	double host;			/* to ask for it */
	double queued;			/* from one to the next, queued */
	double graph;			/* the same, in a captured unit */
	double wait;			/* to ask, and to wait for its end */
};

enum nf_copy_kind { NF_COPY_DEVICE, NF_COPY_UP, NF_COPY_DOWN };

struct nf_profiler {
	uint32_t size;			/* of this struct */
	/*
	 * Time every launch from here to end: one by one, those of queues
	 * aside in their turn, and never in a capture, so the caller lets
	 * nothing be captured meanwhile.
	 */
	int (*begin)(struct nf_dev *d, struct nf_err *err);
	/* What follows is of this name, kept by reference. */
	void (*scope)(struct nf_dev *d, const char *name);
	/* Forget so far, but go on. */
	void (*reset)(struct nf_dev *d);
	/* Up to max kinds; *n is how many.  begin must have been called. */
	int (*end)(struct nf_dev *d, struct nf_kernel_time *to, uint32_t max,
	    uint32_t *n, struct nf_err *err);

	/*
	 * The device's own time from one call to the other: the first holds
	 * the device back for so many seconds, so that what is asked for
	 * meanwhile is queued and the host's pace does not count.
	 */
	int (*span_begin)(struct nf_dev *d, double stall, struct nf_err *err);
	int (*span_end)(struct nf_dev *d, double *seconds,
	    struct nf_err *err);

	/* Seconds of one of `count` products, pinned copies, launches. */
	int (*product)(struct nf_dev *d, const struct nf_product_shape *s,
	    int count, double *seconds, struct nf_err *err);
	int (*copy)(struct nf_dev *d, enum nf_copy_kind kind, size_t nbyte,
	    int count, double *seconds, struct nf_err *err);
	int (*launch)(struct nf_dev *d, int count, struct nf_launch_time *t,
	    struct nf_err *err);
};

#ifdef __cplusplus
}
#endif
#endif
