/* A flow's tensor table, its initial numbers and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "golden.h"
#include "philox.h"
#include "tap.h"

static struct nf_flow *
flow(uint32_t d, uint32_t c, uint32_t s, uint32_t h, uint32_t b, uint32_t k,
    int batch_norm)
{
	struct nf_shape shape;
	struct nf_flow *f;
	struct nf_err err;

	nf_shape_default(&shape);
	shape.features = d;
	shape.context = c;
	shape.steps = s;
	shape.hidden = h;
	shape.blocks = b;
	shape.bins = k;
	shape.batch_norm = batch_norm;
	if (nf_flow_new(&f, &shape, &err) == -1) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return f;
}

static nf_real *
at(const struct nf_flow *f, const char *name)
{
	return f->param + nf_flow_tensor(f, name)->offset;
}

/* Parameters first, then statistics, in the table's order, no overlap. */
static bool
tight(const struct nf_flow *f)
{
	size_t end[2] = { 0, f->nparam };
	const struct nf_tensor *t;
	uint32_t i;

	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		if (t->offset != end[t->stat] || t->offset % 16 != 0 ||
		    t->n != (size_t)t->shape[0] * (t->ndim == 2 ?
		    t->shape[1] : 1))
			return false;
		end[t->stat] = (t->offset + t->n + 15) / 16 * 16;
	}
	return end[0] == f->nparam && end[1] == f->nall;
}

/* Trained numbers, by the table; the shape must say the same. */
static double
count(const struct nf_flow *f)
{
	double n = 0;
	uint32_t i;

	for (i = 0; i < f->ntensor; i++)
		if (!f->tensor[i].stat)
			n += (double)f->tensor[i].n;
	return n == nf_shape_count(&f->shape) ? n : -1;
}

/* What stands in no tensor is 0. */
static bool
gaps_clear(const struct nf_flow *f)
{
	const struct nf_tensor *t;
	bool clear = true;
	uint32_t i;
	size_t k;

	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		for (k = t->n; k % 16 != 0; k++)
			clear &= f->param[t->offset + k] == 0;
	}
	return clear;
}

static void
test_published(void)
{
	struct nf_flow *f = flow(17, 14, 17, 298, 10, 128, 1);
	const struct nf_tensor *t;

	ok(count(f) == 47986595, "the jets model has 47,986,595");
	ok(tight(f), "its tensors follow each other");
	ok(f->ntensor == 17 * (4 + 2 + 10 * 14 + 2) + 4, "it has every one");
	t = nf_flow_tensor(f, "step_16/net/final/weight");
	ok(t != NULL && t->ndim == 2 && t->shape[0] == 9 * 383 &&
	    t->shape[1] == 298, "its even steps transform 9");
	t = nf_flow_tensor(f, "step_15/net/initial/weight");
	ok(t != NULL && t->shape[0] == 298 && t->shape[1] == 9 + 14,
	    "its odd steps pass 9 on");
	nf_flow_free(f);
	f = flow(22, 30, 22, 256, 10, 128, 1);
	ok(count(f) == 54988164, "the muons model has 54,988,164");
	nf_flow_free(f);
}

/* The names of step 0, in the order of the design's state dictionary. */
static void
test_table(void)
{
	static const char *const name[] = {
		"lu/bias", "lu/lower", "lu/upper", "lu/diag",
		"net/initial/weight", "net/initial/bias",
		"net/block_00/norm_0/weight", "net/block_00/norm_0/bias",
		"net/block_00/norm_0/running_mean",
		"net/block_00/norm_0/running_var",
		"net/block_00/norm_1/weight", "net/block_00/norm_1/bias",
		"net/block_00/norm_1/running_mean",
		"net/block_00/norm_1/running_var",
		"net/block_00/context/weight", "net/block_00/context/bias",
		"net/block_00/linear_0/weight", "net/block_00/linear_0/bias",
		"net/block_00/linear_1/weight", "net/block_00/linear_1/bias",
		"net/final/weight", "net/final/bias"
	};
	struct nf_flow *f = flow(3, 2, 2, 4, 1, 4, 1);
	const struct nf_block_at *b = f->step[1].block;
	bool same = f->ntensor == 48;
	uint32_t i;

	for (i = 0; i < 22 && same; i++)
		same = strncmp(f->tensor[i].name, "step_00/", 8) == 0 &&
		    strcmp(f->tensor[i].name + 8, name[i]) == 0;
	ok(same, "the golden flow's 48 tensors, in order");
	ok(strcmp(f->tensor[47].name, "last/lu/diag") == 0, "the last one");
	ok(tight(f), "parameters, then statistics");
	ok(f->param + b->norm_var[1] ==
	    at(f, "step_01/net/block_00/norm_1/running_var") &&
	    f->param + b->context_bias ==
	    at(f, "step_01/net/block_00/context/bias") &&
	    f->param + f->step[2].lu.upper == at(f, "last/lu/upper") &&
	    f->param + f->step[1].final_bias == at(f, "step_01/net/final/bias"),
	    "offsets by place and by name are the same");
	ok(f->param[b->norm_var[1] + 3] == 1 && f->perm[5] == 2,
	    "new: variances 1, permutations the identity");
	golden_init(f);
	near((double)at(f, "step_00/lu/lower")[2], 0.4 * sin(1.3 + 1.4 + 0.2),
	    1e-7, "golden weights count tensors from 0");
	nf_flow_free(f);
	f = flow(2, 0, 1, 1, 0, 2, 0);
	ok(f->ntensor == 4 + 4 + 4 && tight(f), "the least flow");
	ok(f->step[1].initial_weight == SIZE_MAX, "absent tensors say so");
	nf_flow_free(f);
	f = flow(5, 0, 3, 16, 2, 8, 0);
	ok(nf_flow_tensor(f, "step_00/net/block_00/context/weight") == NULL &&
	    f->step[2].block[1].norm_mean[0] == SIZE_MAX && f->nall ==
	    f->nparam, "no context, no batch norm: no tensors of theirs");
	nf_flow_free(f);
}

/* n numbers are uniform on (-bound, bound): extent, mean and variance. */
static bool
uniform(const nf_real *x, size_t n, double bound)
{
	double sum = 0, square = 0, most = 0;
	size_t k;

	for (k = 0; k < n; k++) {
		sum += (double)x[k] / bound;
		square += (double)x[k] / bound * (double)x[k] / bound;
		most = fmax(most, fabs((double)x[k]) / bound);
	}
	return most <= 1 + 1e-6 && most > 1 - 10.0 / (double)n &&
	    fabs(sum / (double)n) < 5 / sqrt(3.0 * (double)n) &&
	    fabs(square / (double)n - 1.0 / 3) < 5 * 0.3 / sqrt((double)n);
}

static bool
all(const struct nf_flow *f, const char *name, double value)
{
	const struct nf_tensor *t = nf_flow_tensor(f, name);
	size_t k;

	for (k = 0; k < t->n; k++)
		if (fabs((double)f->param[t->offset + k] - value) > 1e-7)
			return false;
	return true;
}

static void
test_init(void)
{
	struct nf_flow *f = flow(7, 5, 3, 100, 2, 8, 1);
	const char *block = "step_02/net/block_01/";
	char name[64];

	nf_flow_init(f, NF_INIT_IDENTITY, NF_PERM_RANDOM, 7);
	ok(uniform(at(f, "step_01/net/initial/weight"), 100 * 9, 1 / 3.0),
	    "initial weight: 1 / sqrt(4 + 5)");
	snprintf(name, sizeof(name), "%slinear_0/weight", block);
	ok(uniform(at(f, name), 10000, 0.1), "linear_0 weight");
	snprintf(name, sizeof(name), "%slinear_1/weight", block);
	ok(uniform(at(f, name), 10000, 1e-3), "linear_1 weight");
	snprintf(name, sizeof(name), "%slinear_1/bias", block);
	ok(uniform(at(f, name), 100, 1e-3), "linear_1 bias");
	snprintf(name, sizeof(name), "%scontext/weight", block);
	ok(uniform(at(f, name), 500, 1 / sqrt(5)), "context weight");
	snprintf(name, sizeof(name), "%snorm_1/weight", block);
	ok(all(f, name, 1), "norm weight");
	snprintf(name, sizeof(name), "%snorm_1/running_var", block);
	ok(all(f, name, 1), "running variance");
	ok(all(f, "step_02/lu/lower", 0) && all(f, "last/lu/bias", 0) &&
	    all(f, "step_00/lu/diag", 0.5397424172369522) &&
	    all(f, "last/lu/diag", 0.5397424172369522),
	    "LU starts as the identity");
	ok(all(f, "step_00/net/final/weight", 0) &&
	    all(f, "step_00/net/final/bias", log(exp(0.999) - 1)),
	    "init identity: the spline starts as the identity");
	ok(gaps_clear(f), "what lies between tensors is 0");
	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 7);
	ok(uniform(at(f, "step_00/net/final/weight"), 4 * 23 * 100, 0.1) &&
	    uniform(at(f, "step_01/net/final/bias"), 3 * 23, 0.1),
	    "init nflows: the final layer is like any other");
	nf_flow_free(f);
}

/* A number depends on seed and place, not on who is drawn before. */
static void
test_seed(void)
{
	struct nf_flow *f = flow(3, 2, 2, 9, 1, 4, 1);
	struct nf_flow *g = flow(3, 2, 2, 9, 1, 4, 1);
	size_t k = f->step[1].block[0].linear_weight[0] + 6, n = f->nall;
	uint32_t key[2] = { 0x89abcdef, 0x01234567 }, word[4];
	uint32_t ctr[4] = { (uint32_t)(k / 4), 0, 0, NF_FOR_INIT };

	nf_flow_init(f, NF_INIT_NFLOWS, NF_PERM_RANDOM, 0x0123456789abcdef);
	nf_philox(key, ctr, word);
	near((double)f->param[k], (word[2] / 0x1p31 - 1) / 3, 1e-7,
	    "an element from its seed and place alone");
	nf_flow_init(g, NF_INIT_IDENTITY, NF_PERM_REVERSE, 1);
	nf_flow_init(g, NF_INIT_NFLOWS, NF_PERM_RANDOM, 0x0123456789abcdef);
	ok(memcmp(f->param, g->param, n * sizeof(*f->param)) == 0 &&
	    memcmp(f->perm, g->perm, 9 * sizeof(*f->perm)) == 0,
	    "one seed, one flow, whatever was there");
	nf_flow_init(g, NF_INIT_NFLOWS, NF_PERM_RANDOM, 0x0123456689abcdef);
	ok(f->param[k] != g->param[k], "another seed, another flow");
	nf_flow_free(f);
	nf_flow_free(g);
}

/* 6000 seeds: each of the 6 permutations of 3 as often, in every step. */
static void
test_perm(void)
{
	struct nf_flow *f = flow(3, 0, 1, 1, 0, 2, 0);
	int count[2][9] = { { 0 } }, i, j, k;
	double chi2[2] = { 0, 0 };

	for (k = 0; k < 6000; k++) {
		nf_flow_init(f, NF_INIT_IDENTITY, NF_PERM_RANDOM,
		    (uint64_t)k);
		for (i = 0; i < 2; i++)
			count[i][3 * f->perm[3 * i] + f->perm[3 * i + 1]]++;
	}
	for (i = 0; i < 2; i++)
		for (j = 0; j < 9; j++)
			if (j % 4 != 0)		/* p[0] == p[1] never is */
				chi2[i] += pow(count[i][j] - 1000, 2) / 1000;
	ok(count[0][0] + count[0][4] + count[0][8] == 0, "permutations");
	ok(chi2[0] < 20.5 && chi2[1] < 20.5,	/* 5 degrees: 0.1 % above */
	    "each as often (chi2 %.1f, %.1f)", chi2[0], chi2[1]);
	nf_flow_init(f, NF_INIT_IDENTITY, NF_PERM_REVERSE, 0);
	ok(f->perm[0] == 2 && f->perm[1] == 1 && f->perm[2] == 0 &&
	    f->perm[3] == 2 && f->perm[5] == 0, "reverse");
	nf_flow_free(f);
}

static void
refused(const struct nf_flow *f, const char *want)
{
	struct nf_err err;

	ok(nf_flow_check(f, &err) == -1 && err.code == NF_EDATA &&
	    strcmp(err.msg, want) == 0, "refused: %s", want);
	if (strcmp(err.msg, want) != 0)
		printf("# got %s\n", err.msg);
}

static void
test_check(void)
{
	struct nf_flow *f = flow(3, 2, 2, 4, 1, 4, 1);
	struct nf_err err;
	nf_real *x;

	golden_init(f);
	ok(nf_flow_check(f, &err) == 0, "the golden flow is sound");
	x = at(f, "step_01/net/final/weight");
	x[43] = (nf_real)INFINITY;
	refused(f, "/flow/step_01/net/final/weight: element 43 is inf, want "
	    "finite numbers");
	x[43] = 0;
	x[-1] = (nf_real)NAN;		/* in a gap: nobody's */
	ok(nf_flow_check(f, &err) == 0, "gaps are not looked at");
	x = at(f, "step_00/net/block_00/norm_1/running_var");
	x[2] = -0.5;
	refused(f, "/flow/step_00/net/block_00/norm_1/running_var: element 2 "
	    "is -0.5, want 0 or more");
	x[2] = 0;
	f->perm[8] = 2;
	refused(f, "/flow/last/permutation: element 2 is 2, want each of 0 to "
	    "2 once");
	f->perm[8] = 1;
	f->perm[3] = -1;
	refused(f, "/flow/step_01/permutation: element 0 is -1, want each of "
	    "0 to 2 once");
	nf_flow_free(f);
}

static void
test_finite(void)
{
	nf_real *x = calloc(10000, sizeof(*x));
	size_t k, bad[] = { 0, 4095, 4096, 9999 };

	ok(nf_finite(x, 10000) == 10000 && nf_finite(x, 0) == 0, "finite");
	for (k = 0; k < 4; k++) {
		x[bad[k]] = (nf_real)(k % 2 == 0 ? -INFINITY : NAN);
		ok(nf_finite(x, 10000) == bad[k] &&
		    nf_finite(x, bad[k]) == bad[k], "element %zu", bad[k]);
		x[bad[k]] = 0;
	}
	free(x);
}

int
main(void)
{
	struct nf_shape shape;
	struct nf_flow *f;
	struct nf_err err;

	test_published();
	test_table();
	test_init();
	test_seed();
	test_perm();
	test_check();
	test_finite();
	nf_shape_default(&shape);
	shape.features = 1;
	ok(nf_flow_new(&f, &shape, &err) == -1 && f == NULL,
	    "no shape, no flow");
	nf_flow_free(NULL);
	return done();
}
