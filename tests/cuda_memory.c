/* The GPU's memory, lanes and rows against the CPU's. */
#include <pthread.h>

#include "cuda_pair.h"

static void
test_memory(void)
{
	const struct nf_ops *o = dev[1]->ops;
	size_t n = 3500001, i, bad = 0;
	char *p = malloc(n), *q = malloc(n), *d, *e;
	struct nf_err err;

	for (i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 1000);
	d = o->alloc(dev[1], n);
	e = o->alloc(dev[1], n);
	o->download(dev[1], q, d, n);
	for (i = 0; i < n; i++)
		bad += q[i] != 0;
	ok(bad == 0, "memory is zero at first");
	o->upload(dev[1], d, p, n);
	o->copy(dev[1], e + 1, d, n - 1);
	o->zero(dev[1], d + 10, 5);
	o->download(dev[1], q, e, n);
	ok(q[0] == 0 && memcmp(q + 1, p, n - 1) == 0,
	    "3.5 MB there, across and back");
	o->download(dev[1], q, d, n);
	memset(p + 10, 0, 5);
	ok(memcmp(p, q, n) == 0, "five bytes of zeros");
	o->upload(dev[1], d, p, 0);
	o->upload(dev[1], NULL, p, 10);
	o->download(dev[1], q, NULL, 10);
	o->zero(dev[1], d, 0);
	o->free(dev[1], NULL);
	o->free(dev[1], d);
	o->free(dev[1], e);
	ok(o->sync(dev[1], &err) == 0, "nothing and nowhere are no faults");
	free(p);
	free(q);
}

/* Jobs of each() leave their number; lanes are within bounds. */
struct each {
	uint32_t *at;			/* device memory */
	int bad;
};

static void
each_job(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t ijob)
{
	struct each *e = arg;
	uint32_t v = (uint32_t)ijob * 3 + 1, back = 0;

	lane->ops->upload(lane, e->at + ijob, &v, sizeof(v));
	lane->ops->download(lane, &back, e->at + ijob, sizeof(back));
	if (back != v || ilane >= dev[1]->nlane ||
	    lane->tile != dev[1]->tile)
		__atomic_store_n(&e->bad, 1, __ATOMIC_RELAXED);
}

static void
test_each(void)
{
	static const uint32_t njob[] = { 0, 1, 2, 50 };
	struct area *a = vec(WORD, 64, 0, 0);
	struct each e = { WORD_ON(a, 1), 0 };
	uint32_t *got, i, k, bad = 0;
	char *p;

	dev[1]->tile = 777;
	for (i = 0; i < COUNT(njob); i++)
		dev[1]->ops->each(dev[1], njob[i], each_job, &e);
	p = fetched(a, 1);
	got = (uint32_t *)(void *)(p + GUARD);
	for (k = 0; k < 64; k++)
		bad += got[k] != (k < 50 ? 3 * k + 1 : 0);
	ok(bad == 0 && !e.bad, "each job once, on a lane");
	free(p);
	forget_areas();
}

/* Copy one word of the first half to the second; nothing waits here. */
static void
each_copy(void *arg, struct nf_dev *lane, uint32_t ilane, uint64_t ijob)
{
	uint32_t *at = arg;

	(void)ilane;
	lane->ops->copy(lane, at + 50 + ijob, at + ijob, sizeof(*at));
}

/* What comes before each() is done in its jobs, and they are after it. */
static void
test_each_order(void)
{
	struct area *a = vec(WORD, 150, 0, 0);
	uint32_t *at = WORD_ON(a, 1), *got, i, k, bad = 0;
	uint32_t *word = host(a);
	char *p;

	for (i = 1; i <= 8; i++) {
		for (k = 0; k < 50; k++)
			word[k] = i * 1000 + k;
		dev[1]->ops->upload(dev[1], at, word, 50 * sizeof(*at));
		dev[1]->ops->each(dev[1], 50, each_copy, at);
		dev[1]->ops->copy(dev[1], at + 100, at + 50,
		    50 * sizeof(*at));
		p = fetched(a, 1);
		got = (uint32_t *)(void *)(p + GUARD);
		for (k = 0; k < 50; k++)
			bad += got[100 + k] != word[k];
		free(p);
	}
	ok(bad == 0, "jobs stand between what was asked before and after");
	forget_areas();
}

/* ---- copies beside the work ------------------------------------------- */

#define NFERRY	700001			/* words: no multiple of a stage */

/*
 * Pieces that go there and back in turns, each of which a copy on the device
 * stands between: each arrives whole, whatever is asked around it.
 */
static void
test_ferry(void)
{
	const struct nf_ops *o = dev[1]->ops;
	uint32_t *from[NF_WAYS], *to[NF_WAYS], i, k, bad = 0, round;
	char *in[NF_WAYS], *out[NF_WAYS];
	size_t n = NFERRY * sizeof(**from);
	struct nf_err err;

	for (k = 0; k < NF_WAYS; k++) {
		from[k] = calloc(NFERRY, sizeof(**from));
		to[k] = calloc(NFERRY, sizeof(**to));
		in[k] = o->alloc(dev[1], n);
		out[k] = o->alloc(dev[1], n);
	}
	for (round = 0; round < 6; round++) {
		k = round % NF_WAYS;
		o->fetched(dev[1], k);
		for (i = 0; i < NFERRY && round >= NF_WAYS; i++)
			bad += to[k][i] != i * (round - NF_WAYS + 1);
		for (i = 0; i < NFERRY; i++)
			from[k][i] = i * (round + 1);
		o->send(dev[1], k, in[k], from[k], n / 2);
		o->send(dev[1], k, in[k] + n / 2, (char *)from[k] + n / 2,
		    n - n / 2);
		memset(from[k], 0, n);
		o->sent(dev[1], k);
		o->copy(dev[1], out[k], in[k], n);
		o->leave(dev[1], k);
		o->fetch(dev[1], k, to[k], out[k], n / 3);
		o->fetch(dev[1], k, (char *)to[k] + n / 3, out[k] + n / 3,
		    n - n / 3);
	}
	for (k = 0; k < NF_WAYS; k++)
		o->fetched(dev[1], k);
	for (i = 0; i < NFERRY; i++)
		bad += to[0][i] != i * 5 || to[1][i] != i * 6;
	ok(bad == 0 && o->sync(dev[1], &err) == 0, "pieces of 2.8 MB there "
	    "and back, in turns");
	o->send(dev[1], 0, NULL, from[0], n);
	o->fetch(dev[1], 0, to[0], NULL, n);
	o->fetch(dev[1], 1, to[1], out[1], 0);
	for (k = 0; k < NF_WAYS; k++) {
		o->fetched(dev[1], k);
		o->free(dev[1], in[k]);
		o->free(dev[1], out[k]);
		free(from[k]);
		free(to[k]);
	}
	ok(o->sync(dev[1], &err) == 0, "and nothing, and nowhere");
}

/* New memory is zero before, not after, what is sent to it. */
static void
test_send_to_new(void)
{
	const struct nf_ops *o = dev[1]->ops;
	uint32_t word, got, i, bad = 0;
	struct nf_err err;
	char *p;

	for (i = 1; i <= 32; i++) {
		p = o->alloc(dev[1], 4);
		word = i;
		o->send(dev[1], 0, p, &word, 4);
		o->sent(dev[1], 0);
		o->leave(dev[1], 0);
		o->download(dev[1], &got, p, 4);
		bad += got != i;
		o->free(dev[1], p);
	}
	ok(bad == 0 && o->sync(dev[1], &err) == 0, "what is sent to new "
	    "memory stays");
}

/* Work that still reads a piece has it as it was. */
static void
test_leave(void)
{
	const struct nf_ops *o = dev[1]->ops;
	uint32_t word[8], got[8], i;
	char *in = o->alloc(dev[1], 4), *all = o->alloc(dev[1], 32);
	struct nf_err err;
	int good = 1;

	for (i = 0; i < 8; i++) {
		word[i] = 100 + i;
		o->send(dev[1], 0, in, &word[i], 4);
		o->sent(dev[1], 0);
		o->copy(dev[1], all + 4 * i, in, 4);
		o->leave(dev[1], 0);
	}
	o->download(dev[1], got, all, 32);
	for (i = 0; i < 8; i++)
		good &= got[i] == 100 + i;
	o->free(dev[1], in);
	o->free(dev[1], all);
	ok(good && o->sync(dev[1], &err) == 0, "eight in one place, one "
	    "after the other");
}

/* ---- captured units --------------------------------------------------- */

/* What is captured is replayed; whatever prevents it is a fault here. */
static void
test_capture(void)
{
	const struct nf_ops *o = dev[1]->ops;
	char *p = o->alloc(dev[1], 8), got[8] = "";
	void *unit = NULL;
	struct nf_err err;
	int i, good = 1;

	o->copy(dev[1], p + 4, p, 4);
	if (o->capture_begin(dev[1])) {
		o->copy(dev[1], p + 4, p, 4);
		unit = o->capture_end(dev[1]);
	}
	for (i = 0; unit != NULL && i < 3; i++) {
		o->upload(dev[1], p, i == 0 ? "abc" : i == 1 ? "def" : "ghi",
		    4);
		o->replay(dev[1], unit);
		o->download(dev[1], got, p, 8);
		good &= strcmp(got, got + 4) == 0 && got[2] == "cfi"[i];
	}
	o->capture_free(dev[1], unit);
	o->free(dev[1], p);
	good &= o->sync(dev[1], &err) == 0 && unit != NULL;
	if (!ok(good, "a captured copy, thrice replayed"))
		printf("# not captured: %s\n", dev[1]->uncaptured);
}

/* ---- rows ------------------------------------------------------------- */

static void
test_rows(void)
{
	static const uint32_t size[] = { 1, 2, 3, 1000, 4097 };
	static const uint32_t repeat[] = { 1, 3, 7 }, nto[] = { 1, 2, 40 };
	struct nf_mat to[40];
	struct nf_tally t = { .batch = 2 };
	struct nf_noise g;
	struct area *a, *b, *c, *tally;
	uint32_t i, j, n, ncol;
	int k;

	for (i = 0; i < COUNT(size); i++) {
		a = vec(WORD, size[i], 0, 0);
		FOR_BOTH(k)
			dev[k]->ops->shuffle(dev[k], 99, i, size[i],
			    WORD_ON(a, k));
		agree(0, LIST(a), "shuffle of %u", size[i]);
	}
	for (ncol = 1; ncol < 40; ncol += 9) {
		n = 7 + ncol;
		a = area(REAL, 3 * n, ncol, ncol + ncol % 4, -1, 1);
		b = area(REAL, n, ncol, ncol + 1, 0, 0);
		c = vec(WORD, 3 * n, 0, 3 * n);
		tally = vec(WORD, sizeof(t) / 4, 0, 0);
		memcpy(host(tally), &t, sizeof(t));
		FOR_BOTH(k)
			dev[k]->ops->gather(dev[k], n, WORD_ON(c, k),
			    (struct nf_tally *)(void *)on(tally, k),
			    mat_on(a, k), mat_on(b, k));
		agree(0, LIST(b, a), "gather of %u x %u", n, ncol);
	}
	for (i = 0; i < COUNT(repeat); i++) {
		g.seed = 0x123456789abcdef;
		g.first = 1000003 + i;
		g.repeat = repeat[i];
		g.temperature = i / 2.0;
		n = 100 + i;
		a = area(REAL, n, 5, 6, -1, 1);
		b = area(REAL, n * COUNT(to), 5, 9, 0, 0);
		c = area(REAL, n, 3 + 4 * i, 13, 0, 0);
		FOR_BOTH(k) {
			for (j = 0; j < COUNT(to); j++) {
				to[j] = mat_on(b, k);
				to[j].x += (size_t)j * n * to[j].ld;
			}
			dev[k]->ops->spread(dev[k], n, &g, mat_on(a, k),
			    nto[i], to);
			dev[k]->ops->noise(dev[k], n, &g, mat_on(c, k));
		}
		agree(0, LIST(b, c), "spread and noise of %u, %u a row", n,
		    repeat[i]);
	}
}

/* ---- threads ---------------------------------------------------------- */

static void *
draw(void *arg)
{
	struct nf_noise g = { .seed = 3, .repeat = 1, .temperature = 1 };
	static float z[64 * 3];
	struct nf_dev *d = arg;
	float *p = d->ops->alloc(d, sizeof(z));

	d->ops->noise(d, 64, &g, nf_mat(p, 3, 3));
	d->ops->download(d, z, p, sizeof(z));
	d->ops->free(d, p);
	return d->ops->sync(d, NULL) == 0 ? z : NULL;
}

/* Work for the first GPU by a thread that had some for the second. */
static void
test_turns(struct nf_dev *d)
{
	struct nf_norm relu = { .act = NF_RELU };
	float x[2] = { -1, 3 }, *p[2];
	struct nf_err err;
	int k, good = 1;

	p[0] = dev[1]->ops->alloc(dev[1], sizeof(x));
	p[1] = d->ops->alloc(d, sizeof(x));
	for (k = 1; k >= 0; k--) {
		if (k == 1)
			dev[1]->ops->upload(dev[1], p[0], x, sizeof(x));
		else
			d->ops->zero(d, p[1], sizeof(x));
		dev[1]->ops->norm(dev[1], 1, &relu, NF_NORM_EVAL,
		    nf_mat(p[0], 2, 2), nf_mat(p[0], 2, 2));
	}
	dev[1]->ops->download(dev[1], x, p[0], sizeof(x));
	good &= x[0] == 0 && x[1] == 3;
	d->ops->free(d, p[1]);
	dev[1]->ops->free(dev[1], p[0]);
	ok(good && dev[1]->ops->sync(dev[1], &err) == 0 &&
	    d->ops->sync(d, &err) == 0, "two GPUs in turns");
}

/* The second GPU, if there is one, by a thread that did not open it. */
static void
test_thread(void)
{
	float want[64 * 3], *got = NULL;
	void *p = draw(dev[0]);
	struct nf_err err;
	struct nf_dev *d;
	pthread_t t;

	memcpy(want, p, sizeof(want));
	setenv("NF_EMU_DEVICES", "2", 1);
	if (nf_dev_open(&d, "cuda:1", 1, &err) == -1) {
		ok(1, "another thread # SKIP no second GPU");
		return;
	}
	test_turns(d);
	if (pthread_create(&t, NULL, draw, d) == 0) {
		pthread_join(t, &p);
		got = p;
	}
	ok(got != NULL && memcmp(want, got, sizeof(want)) == 0,
	    "the second GPU, by another thread");
	nf_dev_close(d);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	open_pair(argv[0]);
	test_memory();
	test_each();
	test_each_order();
	test_ferry();
	test_send_to_new();
	test_leave();
	test_capture();
	test_rows();
	test_thread();
	close_pair();
	return done();
}
