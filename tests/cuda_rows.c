/* A trainer's rows on the GPU's table: windows, their pieces, validation. */
#include "cuda_pair.h"
#include "train.h"

#define NROW	500
#define BATCH	20
#define WINDOW	140			/* the last window has 80 rows */
#define D	3
#define C	2

#define ROW	((D + C + 2) * sizeof(float))	/* with weight and place */

static float x[NROW * D], context[NROW * C], weight[NROW];
static const struct nf_rowset all = { NROW, x, context, weight };

static void
make_rows(void)
{
	int i;

	for (i = 0; i < NROW * D; i++)
		x[i] = (float)(uniform(-1, 1) + uniform(-1, 1));
	for (i = 0; i < NROW * C; i++)
		context[i] = (float)uniform(-1, 1);
	for (i = 0; i < NROW; i++)
		weight[i] = (float)uniform(0.1, 2);
}

/* ---- windows as a disk gives them ------------------------------------- */

/* Rows of the window that was asked for last; those before it are gone. */
struct disk {
	struct nf_rowset now;
	int nload;
};

static float *
piece_of(const float *from, size_t lo, size_t n, size_t ncol)
{
	float *p = malloc(n * ncol * sizeof(*p));

	memcpy(p, from + lo * ncol, n * ncol * sizeof(*p));
	return p;
}

static void
forget(struct disk *k)
{
	free((void *)k->now.x);
	free((void *)k->now.context);
	free((void *)k->now.weight);
}

/* Windows change their places from epoch to epoch. */
static int
load(void *arg, uint32_t epoch, uint64_t window, struct nf_rowset *rows,
    struct nf_err *err)
{
	struct disk *k = arg;
	size_t lo = window * WINDOW, n = NROW - lo < WINDOW ? NROW - lo :
	    WINDOW;

	(void)err;
	lo = (lo + epoch * 150) % (NROW - n + 1);
	forget(k);
	k->now = (struct nf_rowset){ n, piece_of(x, lo, n, D),
		piece_of(context, lo, n, C), piece_of(weight, lo, n, 1) };
	k->nload++;
	*rows = k->now;
	return 0;
}

/* ---- a training ------------------------------------------------------- */

struct run {
	struct nf_flow *f;
	struct nf_trainer *t;
	struct nf_train_state st;
	struct disk disk;
};

static void
must(int rc, const struct nf_err *err)
{
	if (rc != -1)
		return;
	printf("Bail out! %s\n", err->msg);
	exit(1);
}

/* A small flow, and how to train it. */
static void
open_flow(struct run *r, struct nf_train_opt *o)
{
	struct nf_shape s;
	struct nf_err err;

	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = 1;
	s.hidden = 6;
	s.blocks = 1;
	s.bins = 4;
	must(nf_flow_new(&r->f, &s, &err), &err);
	nf_flow_init(r->f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 5);
	nf_train_default(o);
	o->batch = BATCH;
	o->precision = NF_FP32;
	o->seed = 11;
}

static void
begin(struct run *r, int k, int disk, uint64_t memory)
{
	struct nf_windows w = { NROW, WINDOW, 1, 1, load, &r->disk };
	struct nf_train_opt o;
	struct nf_err err;

	memset(r, 0, sizeof(*r));
	open_flow(r, &o);
	dev[k]->row_memory = memory;
	must(disk ? nf_trainer_new_windows(&r->t, dev[k], r->f, &o, &w,
	    &err) : nf_trainer_new(&r->t, dev[k], r->f, &o, &all, &err),
	    &err);
	dev[k]->row_memory = 0;
}

static void
finish(struct run *r)
{
	nf_trainer_free(r->t);
	nf_flow_free(r->f);
	forget(&r->disk);
}

/* Three epochs, of which so many batches are asked for at a time. */
static void
go(struct run *r, uint64_t nbatch)
{
	struct nf_err err;
	int e, rc;

	for (e = 0; e < 3; e++) {
		if (e > 0)
			must(nf_trainer_next(r->t, &err), &err);
		while ((rc = nf_trainer_run(r->t, nbatch, &err)) == 0)
			;
		must(rc, &err);
	}
	must(nf_trainer_get(r->t, &r->st, &err), &err);
}

static void
run(struct run *r, int disk, uint64_t memory, uint64_t nbatch)
{
	begin(r, 1, disk, memory);
	go(r, nbatch);
}

static int
same(const struct run *a, const struct run *b)
{
	return memcmp(a->f->param, b->f->param, a->f->nall * sizeof(float))
	    == 0 && a->st.sum_nll == b->st.sum_nll;
}

/* Rows that come by pieces are trained on as those that are there. */
static void
test_pieces(int disk)
{
	static const uint64_t nrow[] = { 1, 80, 499 };
	static const uint64_t nbatch[] = { 7, 1000 };
	const char *name = disk ? "windows from disk" : "windows of memory";
	struct run a, b;
	uint32_t i, j;

	run(&a, disk, 0, 1000);
	ok(nf_trainer_window(a.t) == 0, "%s: all at once", name);
	for (i = 0; i < COUNT(nrow); i++)
		for (j = 0; j < COUNT(nbatch); j++) {
			run(&b, disk, nrow[i] * ROW, nbatch[j]);
			ok(same(&a, &b), "%s: the same bytes with room for "
			    "%u rows, by %u batches", name,
			    (unsigned)nrow[i], (unsigned)nbatch[j]);
			ok(!disk || b.disk.nload == 3 * 4,
			    "%s: each loaded once an epoch", name);
			finish(&b);
		}
	begin(&b, 0, disk, 0);
	go(&b, 1000);
	near(b.st.sum_nll / a.st.sum_nll, 1, 1e-3, "%s: as the CPU", name);
	finish(&b);
	finish(&a);
}

/* Stopped within a window, and then set back there. */
static void
test_resume(int disk)
{
	struct nf_err err;
	struct run a, b;
	size_t nbyte;
	float *at;

	run(&a, disk, 100 * ROW, 1000);
	begin(&b, 1, disk, 100 * ROW);
	nbyte = b.f->nall * sizeof(*at);
	b.st.adam_m = calloc(b.f->nparam, sizeof(*at));
	b.st.adam_v = calloc(b.f->nparam, sizeof(*at));
	at = malloc(nbyte);
	must(nf_trainer_run(b.t, 9, &err), &err);
	must(nf_trainer_get(b.t, &b.st, &err), &err);
	memcpy(at, b.f->param, nbyte);
	must(nf_trainer_run(b.t, 13, &err), &err);
	memcpy(b.f->param, at, nbyte);
	must(nf_trainer_set(b.t, &b.st, &err), &err);
	go(&b, 1000);
	ok(same(&a, &b), "%s: set back, the same bytes", disk ?
	    "windows from disk" : "windows of memory");
	free(at);
	free(b.st.adam_m);
	free(b.st.adam_v);
	finish(&b);
	finish(&a);
}

/* ---- rows that are made on their way ------------------------------------ */

/* More than go there at a time, and not a multiple of it. */
#define NMADE	40007

struct made {
	float *x, *context, *weight;	/* what is made .. */
	float *to, *to_context;		/* .. and where */
	uint8_t *times;			/* each row was */
	uint32_t most;			/* rows, before it fails */
	uint32_t next;			/* the row that follows, if they come
					 * as they stand */
	uint64_t expect;		/* rows, if not 0 */
};

static int
make(void *arg, const uint32_t *row, uint32_t n, struct nf_err *err)
{
	struct made *m = arg;
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (row[i] >= m->most)
			return nf_fail(err, NF_ESYS, "no more rows");
		memcpy(m->to + row[i] * D, m->x + row[i] * D,
		    D * sizeof(float));
		memcpy(m->to_context + row[i] * C, m->context + row[i] * C,
		    C * sizeof(float));
		m->times[row[i]]++;
		m->next += row[i] == m->next;
	}
	return 0;
}

static float *
numbers(size_t n)
{
	float *p = malloc(n * sizeof(*p));
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (float)uniform(0.1, 1);
	return p;
}

/* A trainer whose rows are made, or are there; -1 as nf_trainer_rows has it. */
static int
begin_made(struct run *r, int k, struct made *m, int later, uint64_t memory,
    struct nf_err *err)
{
	struct nf_maker maker = { make, m };
	struct nf_rowset rows = { NMADE, m->x, m->context, m->weight };
	struct nf_train_opt o;
	int rc;

	memset(r, 0, sizeof(*r));
	open_flow(r, &o);
	o.batch = 100;
	must(nf_trainer_open(&r->t, dev[k], r->f, &o, NMADE, err), err);
	if (later) {
		memset(m->to, 0, NMADE * D * sizeof(float));
		memset(m->to_context, 0, NMADE * C * sizeof(float));
		memset(m->times, 0, NMADE);
		m->next = 0;
		rows.x = m->to;
		rows.context = m->to_context;
		nf_trainer_later(r->t, &maker);
	}
	if (m->expect > 0)
		must(nf_trainer_expect(r->t, m->expect, err), err);
	dev[k]->row_memory = memory;
	rc = nf_trainer_rows(r->t, &rows, NULL, err);
	dev[k]->row_memory = 0;
	return rc;
}

static uint32_t
made_once(const struct made *m)
{
	uint32_t i, n = 0;

	for (i = 0; i < NMADE; i++)
		n += m->times[i] == 1;
	return n;
}

/* An order that is made ahead is of use only to as many rows. */
static void
test_expect(struct made *m)
{
	static const uint64_t nrow[] = { 0, NMADE, NMADE - 1 };
	struct nf_err err;
	struct run r[3];
	int i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < 3; i++) {
			m->expect = nrow[i];
			must(begin_made(&r[i], k, m, 0, 0, &err), &err);
			must(nf_trainer_run(r[i].t, 1, &err), &err);
			must(nf_trainer_get(r[i].t, &r[i].st, &err), &err);
		}
		ok(same(&r[0], &r[1]), "so many rows were expected");
		ok(same(&r[0], &r[2]), "others were");
		for (i = 0; i < 3; i++)
			finish(&r[i]);
	}
	m->expect = 0;
}

static void
test_made(void)
{
	struct made m = { numbers(NMADE * D), numbers(NMADE * C),
		numbers(NMADE), numbers(NMADE * D), numbers(NMADE * C),
		malloc(NMADE), NMADE, 0, 0 };
	static const uint64_t memory[] = { 0, 3000 * ROW };
	struct nf_err err;
	struct run a, b;
	uint32_t i;

	must(begin_made(&a, 1, &m, 0, 0, &err), &err);
	must(nf_trainer_run(a.t, 2, &err), &err);
	must(nf_trainer_get(a.t, &a.st, &err), &err);
	for (i = 0; i < COUNT(memory); i++) {
		must(begin_made(&b, 1, &m, 1, memory[i], &err), &err);
		ok((nf_trainer_window(b.t) > 0) == (memory[i] > 0) &&
		    m.next == NMADE && made_once(&m) == NMADE,
		    "made before the first step, each once and as they stand");
		must(nf_trainer_run(b.t, 2, &err), &err);
		must(nf_trainer_get(b.t, &b.st, &err), &err);
		ok(same(&a, &b), "and trained on as those that were there");
		finish(&b);
	}
	m.most = NMADE - 1;
	ok(begin_made(&b, 1, &m, 1, 0, &err) == -1 &&
	    strcmp(err.msg, "no more rows") == 0, "one that cannot be made");
	finish(&b);
	finish(&a);

	m.most = NMADE;
	must(begin_made(&b, 0, &m, 1, 0, &err), &err);
	ok(made_once(&m) == 0, "on the CPU none is made before a step");
	must(nf_trainer_run(b.t, 1, &err), &err);
	must(nf_trainer_next(b.t, &err), &err);
	ok(made_once(&m) == NMADE, "and each once in the first epoch");
	finish(&b);
	test_expect(&m);
	free(m.x);
	free(m.context);
	free(m.weight);
	free(m.to);
	free(m.to_context);
	free(m.times);
}

/* ---- rows to judge by ------------------------------------------------- */

static void
test_valid(void)
{
	struct nf_rowset rows = { 400, x + D, context + C, weight };
	struct nf_rowset other = { 300, x, context, NULL };
	double nll[4] = { 0 }, was;
	struct nf_err err;
	struct run r;
	int i;

	begin(&r, 1, 0, 0);
	must(nf_trainer_nll(r.t, &rows, &was, &err), &err);
	for (i = 0; i < 2; i++) {
		dev[1]->row_memory = i == 0 ? 0 : (NROW + 400) * ROW;
		must(nf_trainer_valid(r.t, &rows, &err), &err);
		ok(nf_trainer_valid_here(r.t), "there is room for them");
		must(nf_trainer_nll(r.t, &rows, &nll[i], &err), &err);
	}
	dev[1]->row_memory = NROW * ROW;
	must(nf_trainer_valid(r.t, &rows, &err), &err);
	ok(!nf_trainer_valid_here(r.t), "there is none beside the others");
	must(nf_trainer_nll(r.t, &rows, &nll[2], &err), &err);
	ok(nll[0] == was && nll[1] == was && nll[2] == was,
	    "judged alike, %g", was);

	dev[1]->row_memory = 0;
	must(nf_trainer_nll(r.t, &other, &was, &err), &err);
	must(nf_trainer_valid(r.t, &rows, &err), &err);
	must(nf_trainer_nll(r.t, &other, &nll[0], &err), &err);
	ok(nll[0] == was && was != nll[1], "others as they are");
	must(nf_trainer_run(r.t, 1000, &err), &err);
	must(nf_trainer_nll(r.t, &rows, &nll[2], &err), &err);
	rows.x = memcpy(malloc(sizeof(x)), rows.x, 400 * D * sizeof(float));
	must(nf_trainer_nll(r.t, &rows, &nll[3], &err), &err);
	ok(nll[2] == nll[3] && nll[2] != nll[1], "with later parameters");
	free((void *)rows.x);
	finish(&r);

	begin(&r, 0, 0, 0);
	must(nf_trainer_valid(r.t, &all, &err), &err);
	ok(nf_trainer_valid_here(r.t), "a CPU has them anyhow");
	finish(&r);
}

/* ---- what more a training takes --------------------------------------- */

/*
 * Rows for which there would be room, were there nothing more to come: it
 * must be left for the sort that makes an epoch's order, for the weights as
 * products like them and for validation.  Where memory is a GPU's own there
 * is plenty.
 */
static void
test_room(uint32_t nrow, uint32_t ncontext, uint32_t hidden,
    const char *spare, const char *name)
{
	struct nf_rowset rows = { nrow, calloc(nrow * 2, sizeof(float)),
		calloc(nrow * ncontext + 1, sizeof(float)), NULL };
	struct nf_train_opt o;
	struct nf_shape s;
	struct nf_err err;
	struct run r = { 0 };
	double nll = NAN;
	uint32_t i;

	for (i = 0; i < nrow * 2; i++)
		((float *)rows.x)[i] = (float)uniform(-1, 1);
	nf_shape_default(&s);
	s.features = 2;
	s.context = ncontext;
	s.steps = 2;
	s.hidden = hidden;
	s.blocks = 1;
	s.bins = 4;
	must(nf_flow_new(&r.f, &s, &err), &err);
	nf_flow_init(r.f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 5);
	nf_train_default(&o);
	o.batch = BATCH;
	o.precision = NF_TF32;
	setenv("NF_EMU_SPARE", "1000000000", 1);
	dev[1]->ops->spare(dev[1]);
	setenv("NF_EMU_SPARE", spare, 1);
	must(nf_trainer_open(&r.t, dev[1], r.f, &o, nrow, &err), &err);
	err.msg[0] = '\0';
	ok(nf_trainer_rows(r.t, &rows, NULL, &err) == 0 &&
	    nf_trainer_run(r.t, 3, &err) == 0, "%s: there is room to train "
	    "%s", name, err.msg);
	unsetenv("NF_EMU_SPARE");
	rows.nrow = 400;
	ok(nf_trainer_nll(r.t, &rows, &nll, &err) == 0 && isfinite(nll),
	    "%s: and to validate %s", name, err.msg);
	free((void *)rows.x);
	free((void *)rows.context);
	finish(&r);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	open_pair(argv[0]);
	make_rows();
	dev[1]->tile = 64;
	test_pieces(0);
	test_pieces(1);
	test_resume(0);
	test_resume(1);
	test_made();
	test_valid();
	test_room(60000, 0, 6, "1700000", "narrow rows");
	test_room(4700, 100, 256, "4000000", "a wide network");
	close_pair();
	return done();
}
