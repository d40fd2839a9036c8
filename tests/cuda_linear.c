/* The GPU's linear layers against the CPU's, in each precision. */
#include <sched.h>
#include <time.h>

#include "cuda_pair.h"

static const struct shape shapes[] = {
	{ 1, 1, 1 }, { 2, 1, 5 }, { 3, 5, 1 }, { 1, 2, 3 }, { 7, 5, 9 },
	{ 33, 17, 17 }, { 130, 70, 65 }, { 17, 65, 130 }, { 64, 64, 64 },
	{ 129, 128, 67 }, { 1, 99, 77 }
};

static void
test_linear(enum nf_precision mode)
{
	const struct shape *s;
	struct area *x, *w, *b, *y;
	struct nf_linear l = { .packed = NULL };
	int k, bias, exact;
	size_t i;

	set_mode(mode);
	for (i = 0; i < COUNT(shapes); i++)
		for (bias = 0; bias < 2; bias++) {
			s = &shapes[i];
			exact = mode != NF_FP32 && i % 3 == 0;
			x = area(REAL, s->n, s->nin, s->nin + (uint32_t)i % 5,
			    -1, 1);
			w = area(REAL, s->nout, s->nin, s->nin, -1, 1);
			b = vec(REAL, s->nout, -1, 1);
			y = area(REAL, s->n, s->nout, s->nout + 3, 0, 0);
			FOR_BOTH(k) {
				l.w = REAL_ON(w, k);
				l.b = bias ? REAL_ON(b, k) : NULL;
				l.nin = s->nin;
				l.nout = s->nout;
				l.exact = exact;
				dev[k]->ops->linear(dev[k], s->n, &l,
				    mat_on(x, k), mat_on(y, k));
			}
			agree(mode_tol[exact ? 0 : mode], LIST(y, x, w, b),
			    "linear %s%s %u x %u -> %u%s", mode_name[mode],
			    exact ? " exact" : "", s->n, s->nin, s->nout,
			    bias ? " + b" : "");
		}
	set_mode(NF_FP32);
}

static void
test_linear_grad(enum nf_precision mode)
{
	const struct shape *s;
	struct area *x, *w, *dy, *dx, *dw, *db;
	struct nf_linear l = { .packed = NULL };
	uint32_t ncol;
	int k, add;
	size_t i;

	set_mode(mode);
	for (i = 0; i < COUNT(shapes); i++)
		for (add = 0; add < 3; add++) {
			s = &shapes[i];
			ncol = add == 1 ? (s->nin + 1) / 2 : s->nin;
			x = area(REAL, s->n, s->nin, s->nin + 2, -1, 1);
			w = area(REAL, s->nout, s->nin, s->nin, -1, 1);
			dy = area(REAL, s->n, s->nout,
			    s->nout + (uint32_t)i % 4, -1, 1);
			dx = area(REAL, s->n, ncol, ncol + 5, -1, 1);
			dw = area(REAL, s->nout, s->nin, s->nin, 0, 0);
			db = vec(REAL, s->nout, 0, 0);
			FOR_BOTH(k) {
				l.w = REAL_ON(w, k);
				l.b = NULL;
				l.nin = s->nin;
				l.nout = s->nout;
				l.exact = 0;
				dev[k]->ops->linear_grad(dev[k], s->n, &l,
				    mat_on(x, k), mat_on(dy, k),
				    add == 2 ? nf_mat(NULL, 0, 0) :
				    mat_on(dx, k), add == 1, REAL_ON(dw, k),
				    REAL_ON(db, k));
			}
			agree(mode_tol[mode], LIST(dx, dw, db, x, dy),
			    "linear_grad %s %u x %u -> %u, %s",
			    mode_name[mode], s->n, s->nin, s->nout,
			    add == 2 ? "no dx" : add ? "dx added" : "dx");
		}
	set_mode(NF_FP32);
}

/* Weights that change between two products are seen to have. */
static void
test_weights(enum nf_precision mode)
{
	uint32_t n = 70, H = 66;
	struct area *x = area(REAL, n, H, H, -1, 1);
	struct area *w = area(REAL, H, H, H, -1, 1);
	struct area *v = area(REAL, H, H, H, -1, 1);
	struct area *y[4];
	struct nf_linear l = { .nin = H, .nout = H };
	int i, k;

	set_mode(mode);
	for (i = 0; i < 4; i++)
		y[i] = area(REAL, n, H, H, 0, 0);
	FOR_BOTH(k) {
		l.w = REAL_ON(w, k);
		for (i = 0; i < 4; i++) {
			if (i == 1)
				dev[k]->ops->copy(dev[k], REAL_ON(w, k),
				    REAL_ON(v, k), v->nbyte);
			if (i == 2)
				dev[k]->ops->upload(dev[k], REAL_ON(w, k) + 5,
				    host(v), 100);
			if (i == 3)
				dev[k]->ops->zero(dev[k], REAL_ON(w, k), 40);
			dev[k]->ops->linear(dev[k], n, &l, mat_on(x, k),
			    mat_on(y[i], k));
		}
	}
	agree(mode_tol[mode], LIST(y[0], y[1], y[2], y[3]),
	    "changed weights, %s", mode_name[mode]);
	set_mode(NF_FP32);
}

/* Jobs of each() that multiply by weights that no lane has seen. */
struct fresh {
	struct nf_linear l;
	struct nf_mat x, y;		/* y: 5 rows a job */
	int wait, here;			/* jobs 0 and 1: on two lanes */
};

static void
fresh_job(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t ijob)
{
	struct fresh *f = arg;
	struct nf_mat y = f->y;

	(void)ilane;
	if (f->wait && ijob < 2) {
		__atomic_fetch_add(&f->here, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&f->here, __ATOMIC_SEQ_CST) < 2)
			sched_yield();
	}
	y.x += 5 * ijob * y.ld;
	lane->ops->linear(lane, 5, &f->l, f->x, y);
}

static void
test_fresh(void)
{
	struct area *x, *w, *y;
	struct fresh f = { .l = { .nin = 70, .nout = 65 } };
	int i, k;

	set_mode(NF_TF32);
	for (i = 0; i < 12; i++) {
		x = area(REAL, 5, 70, 70, -1, 1);
		w = area(REAL, 65, 70, 70, -1, 1);
		y = area(REAL, 60, 65, 65, 0, 0);
		FOR_BOTH(k) {
			f.l.w = REAL_ON(w, k);
			f.x = mat_on(x, k);
			f.y = mat_on(y, k);
			f.wait = dev[k]->nlane > 1;
			f.here = 0;
			dev[k]->ops->each(dev[k], 12, fresh_job, &f);
		}
		agree(mode_tol[NF_TF32], LIST(y), "fresh weights on lanes");
	}
}

/* A lane that captures, and one that meets a product for the first time. */
struct beside {
	struct nf_linear l;
	struct nf_mat x, y;
	int begun;
};

static void
beside_job(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t ijob)
{
	static const struct timespec some = { 0, 20000000 };
	struct beside *b = arg;
	void *unit = NULL;

	(void)ilane;
	if (ijob == 1) {
		while (!__atomic_load_n(&b->begun, __ATOMIC_SEQ_CST))
			sched_yield();
		lane->ops->linear(lane, 5, &b->l, b->x, b->y);
		return;
	}
	if (lane->ops->capture_begin(lane)) {
		__atomic_store_n(&b->begun, 1, __ATOMIC_SEQ_CST);
		nanosleep(&some, NULL);
		lane->ops->zero(lane, b->y.x, 4);
		unit = lane->ops->capture_end(lane);
		lane->ops->capture_free(lane, unit);
		if (unit != NULL)
			return;
	}
	b->begun = lane->host ? 1 : 2;
}

static void
test_beside(void)
{
	struct area *x = area(REAL, 5, 11, 11, -1, 1);
	struct area *w = area(REAL, 13, 11, 11, -1, 1);
	struct area *y = area(REAL, 5, 13, 13, 0, 0);
	struct beside b = { .l = { .nin = 11, .nout = 13 } };
	int k;

	FOR_BOTH(k) {
		b.l.w = REAL_ON(w, k);
		b.x = mat_on(x, k);
		b.y = mat_on(y, k);
		b.begun = 0;
		dev[k]->ops->each(dev[k], 2, beside_job, &b);
	}
	ok(b.begun == 1, "a lane captures beside another");
	agree(mode_tol[NF_FP32], LIST(y), "a new product beside a capture");
}

int
main(int argc, char *argv[])
{
	int mode;

	(void)argc;
	open_pair(argv[0]);
	for (mode = NF_FP32; mode <= NF_BF16; mode++) {
		test_linear((enum nf_precision)mode);
		test_linear_grad((enum nf_precision)mode);
		test_weights((enum nf_precision)mode);
	}
	test_fresh();
	test_beside();
	close_pair();
	return done();
}
