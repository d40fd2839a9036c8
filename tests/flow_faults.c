/*
 * Every allocation of a flow's life may fail: each failure is an error with
 * a name, nothing leaks or crashes, and what does succeed is right.  Only in
 * a build with faults.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flows.h"
#include "train.h"

#define N	150
#define D	3
#define C	2

/* What a life leaves behind. */
struct trace {
	nf_real z[N * D], draw[N * D], param[512];
	double logp[N], nll;
};

static int
use_eval(struct nf_net *net, const nf_real *x, const nf_real *context,
    struct trace *t, struct nf_err *err)
{
	struct nf_noise g = { .seed = 1, .first = 5, .repeat = 2,
		.temperature = 1 };
	struct nf_eval *e;
	int rc;

	if (nf_eval_new(&e, net, err) == -1)
		return -1;
	rc = nf_eval_density(e, N, x, context, t->z, t->logp, err) == 0 &&
	    nf_eval_sample(e, &g, N, context, t->draw, err) == 0 ? 0 : -1;
	nf_eval_free(e);
	return rc;
}

static int
use_trainer(struct nf_dev *d, struct nf_flow *f, const nf_real *x,
    const nf_real *context, struct trace *t, struct nf_err *err)
{
	struct nf_rowset rows = { N, x, context, NULL };
	struct nf_train_state st = { 0 };
	struct nf_train_opt o;
	struct nf_trainer *tr;
	int rc = -1;

	nf_train_default(&o);
	o.batch = 40;
	if (nf_trainer_new(&tr, d, f, &o, &rows, err) == -1)
		return -1;
	if (nf_trainer_run(tr, 2, err) != -1 &&
	    nf_trainer_nll(tr, &rows, &t->nll, err) == 0 &&
	    nf_trainer_run(tr, 9, err) == 1 &&
	    nf_trainer_next(tr, err) == 0 &&
	    nf_trainer_run(tr, 9, err) == 1 &&
	    nf_trainer_get(tr, &st, err) == 0)
		rc = 0;
	nf_trainer_free(tr);
	return rc;
}

/* A device, a flow, its use and its training, and the end of all. */
static int
live(int batch_norm, struct trace *t, struct nf_err *err)
{
	struct nf_flow *f = NULL;
	struct nf_net *net = NULL;
	struct nf_dev *d = NULL;
	nf_real x[N * D], context[N * C];
	struct nf_shape s;
	uint64_t seed = 3;
	int rc = -1;

	fill(&seed, N * D, 1, x);
	fill(&seed, N * C, 1, context);
	nf_shape_default(&s);
	s.features = D;
	s.context = C;
	s.steps = 2;
	s.hidden = 5;
	s.blocks = 1;
	s.bins = 3;
	s.dropout = 0.2;
	s.batch_norm = batch_norm;
	if (nf_dev_open(&d, "cpu", 2, err) == 0 &&
	    nf_flow_new(&f, &s, err) == 0) {
		nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 1);
		if (nf_flow_check(f, err) == 0 &&
		    nf_net_new(&net, d, f, err) == 0 &&
		    use_eval(net, x, context, t, err) == 0 &&
		    use_trainer(d, f, x, context, t, err) == 0)
			rc = 0;
		memcpy(t->param, f->param, f->nparam < 512 ? f->nparam *
		    sizeof(nf_real) : sizeof(t->param));
	}
	nf_net_free(net);
	nf_flow_free(f);
	nf_dev_close(d);
	return rc;
}

enum { LIVED, FAILED, WRONG, UNNAMED };

/* A child whose n-th allocation fails; -1 for one that died of it. */
static int
child(int batch_norm, int n, struct trace *want)
{
	struct nf_err err = { 0 };
	static struct trace got;
	char fault[32];
	int status;

	fflush(stdout);
	if (fork() == 0) {
		snprintf(fault, sizeof(fault), "alloc:%d", n);
		setenv("NF_FAULT", fault, n > 0);
		if (live(batch_norm, n > 0 ? &got : want, &err) == -1)
			exit(err.code == NF_ESYS && err.msg[0] != '\0' ?
			    FAILED : UNNAMED);
		exit(n == 0 || memcmp(&got, want, sizeof(got)) == 0 ? LIVED :
		    WRONG);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_faults(int batch_norm, struct trace *want)
{
	int n, rc = FAILED;

	if (!ok(child(batch_norm, 0, want) == LIVED, "no fault"))
		return;
	for (n = 1; n < 1000 && rc == FAILED; n++)
		rc = child(batch_norm, n, want);
	if (!ok(rc == LIVED && n > 50, "each of %d allocations may fail",
	    n - 2))
		printf("# allocation %d: %s\n", n - 1, rc == WRONG ?
		    "no error, but other results" : rc == UNNAMED ?
		    "an error without a name" : "it crashed or leaked");
}

int
main(void)
{
	struct trace *want = mmap(NULL, sizeof(*want), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

#ifndef NF_FAULTS
	puts("1..0 # SKIP built without faults");
	return 0;
#endif
	if (!ok(want != MAP_FAILED, "shared memory"))
		return done();
	test_faults(1, want);
	test_faults(0, want);
	munmap(want, sizeof(*want));
	return done();
}
