/* Recipes as a whole: text, matching, splits, extremes, columns that lean. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "prep.h"
#include "tap.h"

#define NROW	5000
#define NCOL	9
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static struct nf_err err;

static const char *const names[NCOL] = {
	"pt", "eta", "phi", "id", "n", "tag", "a=b c", "still", "x[0]"
};
static const char *const lines[] = {
	"* = standardize",
	"pt = log 1 0.5, standardize",
	"eta=atan 3",
	"phi = diff pt, scale",
	"id = levels 0 2 6 0.1",
	"n = uniform 0.5, standardize",
	"tag = clip 0 1, logit -0.001 1.001, spike -1, spike 1, standardize",
	"a=b c = affine 0.1 -3e-7, none",
	"a=b c = affine 0.1 -3e-7",
	"x[[]0] = ratio pt",
};

static double raw[NROW * NCOL], out[NROW * NCOL], back[NROW * NCOL];
static double other[NROW * NCOL], jac[NROW], jac2[NROW];

static double
noise(uint64_t *state)			/* Numerical Recipes' quick one */
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (double)(*state >> 11) * 0x1p-53;
}

static void
make_table(void)
{
	static const double id[] = { 0, 2, 6, 6, 6, 6, 6, 6 };
	uint64_t s = 1;
	double *r;
	int i;

	for (i = 0; i < NROW; i++) {
		r = raw + i * NCOL;
		r[0] = 15 - 30 * log(noise(&s) + 1e-12);
		r[1] = 4 * noise(&s) - 2;
		r[2] = 2 * M_PI * noise(&s) - M_PI;
		r[3] = id[(int)(8 * noise(&s))];
		r[4] = floor(50 * noise(&s));
		r[5] = noise(&s) < 0.1 ? -1 : noise(&s) < 0.05 ? 1 :
		    noise(&s);
		r[6] = noise(&s);
		r[7] = 3.25;
		r[8] = r[0] * (0.5 + noise(&s));
	}
}

static struct nf_prep *
build(const char *const *line, uint32_t n, const char *fallback, int *used)
{
	struct nf_prep *p;

	if (nf_prep_new(&p, names, NCOL, line, n, fallback, 0, used,
	    &err) == -1)
		return NULL;
	return p;
}

/* The recipe of all columns, without the line that is none. */
static struct nf_prep *
whole(void)
{
	const char *good[NELEM(lines)];
	struct nf_prep *p;
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < NELEM(lines); i++)
		if (strstr(lines[i], ", none") == NULL)
			good[n++] = lines[i];
	p = build(good, n, NULL, NULL);
	if (p == NULL || nf_prep_fit(p, raw, NCOL, NROW, NULL, &err) == -1) {
		printf("# %s\n", err.msg);
		exit(1);
	}
	return p;
}

static int
forward(const struct nf_prep *p, uint64_t first, uint64_t n, double *to,
    double *j)
{
	return nf_prep_forward(p, 42, first, n, raw + first * NCOL, NCOL,
	    to + first * NCOL, NCOL, j == NULL ? NULL : j + first, &err);
}

static void
test_there_and_back(void)
{
	static const char exact[NCOL] = { [3] = 1, [4] = 1, [7] = 1 };
	struct nf_prep *p = whole();
	double d, worst = 0;
	int i, j, wrong = 0;

	ok(nf_prep_ncol(p) == NCOL && nf_prep_nout(p) == NCOL &&
	    nf_prep_fitted(p), "a recipe of %d columns", NCOL);
	ok(forward(p, 0, NROW, out, NULL) == 0, "forward");
	for (i = 0; i < NROW * NCOL; i++)
		other[i] = (float)out[i];
	ok(nf_prep_inverse(p, NROW, out, NCOL, back, NCOL) == 0, "back");
	for (i = 0; i < NROW; i++)
		for (j = 0; j < NCOL; j++) {
			d = fabs(back[i * NCOL + j] - raw[i * NCOL + j]);
			worst = fmax(worst, d / (1e-3 +
			    fabs(raw[i * NCOL + j])));
		}
	near(worst, 0, 1e-9, "the same values, relative");
	ok(nf_prep_inverse(p, NROW, other, NCOL, back, NCOL) == 0,
	    "back from single precision");
	for (worst = 0, i = 0; i < NROW; i++)
		for (j = 0; j < NCOL; j++) {
			d = fabs(back[i * NCOL + j] - raw[i * NCOL + j]);
			wrong += exact[j] && d > 1e-12;
			wrong += j == 5 && fabs(raw[i * NCOL + j]) == 1 &&
			    d != 0;
			worst = fmax(worst, d);
		}
	ok(wrong == 0, "levels, counts and spikes exactly");
	near(worst, 0, 1e-3, "and the others nearly");
	nf_prep_free(p);
}

/* Any split into rows, and any seed and place for its own draws. */
static void
test_split(void)
{
	static const uint64_t step[] = { 1, 7, 1023, 1024, 1025, 4999 };
	struct nf_prep *p = whole();
	uint64_t at, n;
	size_t k;
	int bad = 0, i, same = 0;

	memset(jac, 0, sizeof(jac));
	bad |= forward(p, 0, NROW, out, jac);
	for (k = 0; k < NELEM(step); k++) {
		memset(jac2, 0, sizeof(jac2));
		memset(other, 0, sizeof(other));
		for (at = 0; at < NROW; at += n) {
			n = NROW - at < step[k] ? NROW - at : step[k];
			bad |= forward(p, at, n, other, jac2);
		}
		ok(memcmp(out, other, sizeof(out)) == 0 &&
		    memcmp(jac, jac2, sizeof(jac)) == 0,
		    "%d rows at a time give the same bytes", (int)step[k]);
	}
	bad |= nf_prep_forward(p, 43, 0, NROW, raw, NCOL, other, NCOL, NULL,
	    &err);
	for (i = 0; i < NROW; i++)
		same += out[i * NCOL + 4] == other[i * NCOL + 4];
	ok(same == 0, "another seed draws other numbers");
	ok(bad == 0, "no errors on the way");
	nf_prep_free(p);
}

static void
test_print(void)
{
	struct nf_prep *p = whole(), *q;
	char *line[NCOL], *again;
	int j, same = 1;

	for (j = 0; j < NCOL; j++)
		line[j] = nf_prep_line(p, (uint32_t)j, &err);
	q = build((const char *const *)line, NCOL, NULL, NULL);
	if (!ok(q != NULL && nf_prep_fitted(q), "a printed recipe is read"))
		exit(1);
	ok(forward(p, 0, NROW, out, NULL) == 0 &&
	    forward(q, 0, NROW, other, NULL) == 0 &&
	    memcmp(out, other, sizeof(out)) == 0, "and does the same");
	nf_prep_inverse(p, NROW, out, NCOL, back, NCOL);
	nf_prep_inverse(q, NROW, out, NCOL, other, NCOL);
	ok(memcmp(back, other, sizeof(out)) == 0, "there and back");
	ok(nf_prep_fit(q, raw + 100 * NCOL, NCOL, 10, NULL, &err) == 0,
	    "what is fitted is not fitted again");
	for (j = 0; j < NCOL; j++) {
		again = nf_prep_line(q, (uint32_t)j, &err);
		same &= strcmp(line[j], again) == 0;
		nf_free(again);
		nf_free(line[j]);
	}
	ok(same, "its text is the same again");
	nf_prep_free(p);
	nf_prep_free(q);
	p = build(lines, 1, NULL, NULL);
	line[0] = nf_prep_line(p, 8, &err);
	ok(strcmp(line[0], "x[0] = seen, standardize") == 0,
	    "not yet fitted: %s", line[0]);
	nf_free(line[0]);
	nf_prep_free(p);
	ok((p = whole()) != NULL, "fitted");
	line[0] = nf_prep_line(p, 7, &err);
	ok(strcmp(line[0], "still = seen 3.25 3.25, standardize 3.25 1") == 0,
	    "a constant column: %s", line[0]);
	nf_free(line[0]);
	nf_prep_free(p);
}

static void
test_match(void)
{
	static const char *const some[] = {
		"pt = log", "[pe]* = affine 2 0", "p* = affine 3 0",
		"other = scale", "et? = affine 4 0",
	};
	int used[NELEM(some)] = { 0 };
	struct nf_prep *p = build(some, NELEM(some), "affine 5 0", used);
	double r[NCOL], y[NCOL], z[NCOL];
	int j;

	for (j = 0; j < NCOL; j++)
		r[j] = 2;
	if (!ok(p != NULL && nf_prep_fit(p, r, NCOL, 1, NULL, &err) == 0 &&
	    nf_prep_forward(p, 0, 0, 1, r, NCOL, y, NCOL, NULL, &err) == 0,
	    "globs"))
		exit(1);
	near(y[0], log(2), 1e-15, "an exact name goes before a glob");
	near(y[1], 8, 0, "the last of the globs");
	near(y[2], 6, 0, "a glob");
	near(y[3], 10, 0, "the fallback");
	ok(used[0] && used[1] && used[2] && !used[3] && used[4],
	    "which lines matched");
	nf_prep_free(p);
	p = build(some, 0, NULL, NULL);
	ok(p != NULL && nf_prep_fit(p, r, NCOL, 1, NULL, &err) == 0 &&
	    nf_prep_forward(p, 0, 0, 1, r, NCOL, y, NCOL, NULL, &err) == 0 &&
	    y[8] == 2 && nf_prep_inverse(p, 1, y, NCOL, z, NCOL) == 0,
	    "no fallback: as it is");
	nf_prep_free(p);
}

static void
test_extremes(void)
{
	static const double hard[] = {
		0, -0.0, 1e-300, -1e-300, 1, -1, 1.5707963267948966,
		-1.5707963267948966, 3, -50, 50, -800, 800, 1e5, -1e30, 1e30,
		FLT_MAX, -FLT_MAX, DBL_MAX, -DBL_MAX, INFINITY, -INFINITY, NAN
	};
	struct nf_prep *p = whole();
	double in[NCOL], to[NCOL];
	int j, bad = 0;
	uint64_t n = 0;
	size_t k;

	for (k = 0; k < NELEM(hard); k++) {
		for (j = 0; j < NCOL; j++)
			in[j] = hard[k];
		n += nf_prep_inverse(p, 1, in, NCOL, to, NCOL);
		for (j = 0; j < NCOL; j++)
			bad += !isfinite((float)to[j]);
		bad += to[3] != 0 && to[3] != 2 && to[3] != 6 && to[3] != 0.1;
		bad += to[4] != rint(to[4]) || to[4] < 0 || to[4] > 49;
	}
	ok(bad == 0, "nothing comes back that a float cannot hold");
	ok(n > 10 && n < NCOL * NELEM(hard), "what was clamped is counted");
	in[0] = 1e9;
	for (j = 1; j < NCOL; j++)
		in[j] = 0;
	ok(nf_prep_inverse(p, 1, in, NCOL, to, NCOL) == 1,
	    "an overflow is one");
	for (bad = 0, k = 0; k < NROW; k++)
		bad += raw[k * NCOL] > to[0];
	ok(bad == 0, "and becomes the highest value seen");
	nf_prep_free(p);
}

static void
test_few(void)
{
	struct nf_prep *p;
	uint64_t n;
	double y[3 * NCOL], z[3 * NCOL];
	int j, wrong;

	for (n = 1; n <= 3; n++) {
		p = build(lines, 7, "standardize", NULL);
		ok(nf_prep_fit(p, raw, NCOL, n, NULL, &err) == 0 &&
		    nf_prep_forward(p, 1, 0, n, raw, NCOL, y, NCOL, NULL,
		    &err) == 0, "%d rows", (int)n);
		nf_prep_inverse(p, n, y, NCOL, z, NCOL);
		for (wrong = 0, j = 0; j < (int)n * NCOL; j++)
			wrong += !(fabs(z[j] - raw[j]) <= 1e-9 *
			    fabs(raw[j]));
		ok(wrong == 0, "%d rows come back", (int)n);
		nf_prep_free(p);
	}
	p = build(lines, 7, "standardize", NULL);
	ok(nf_prep_fit(p, raw, NCOL, 0, NULL, &err) == -1 &&
	    err.code == NF_EDATA && strcmp(err.msg,
	    "no rows to fit a recipe to") == 0, "no rows");
	ok(nf_prep_forward(p, 1, 0, 1, raw, NCOL, y, NCOL, NULL, &err) == -1 &&
	    err.code == NF_EUSE, "not fitted");
	nf_prep_free(p);
}

static void
test_refused_values(void)
{
	static const struct {
		const char *line;
		double x;
		const char *msg;
	} bad[] = {
		{ "x = none", NAN, "row 8, column x: the value is nan; drop "
		    "such rows, as h5cols --nonfinite=drop does" },
		{ "x = atan", -INFINITY, "row 8, column x: the value is -inf; "
		    "drop" },
		{ "x = log", -1.5, "row 8, column x: log 1 0 cannot take "
		    "-1.5: want A x + B above 0: give another B, clip first, "
		    "or let a spike take the value" },
		{ "x = log", 0, "cannot take 0: want A x" },
		{ "x = log1p", -1, "log1p cannot take -1: want a value above "
		    "-1" },
		{ "x = logit 0 1", 1, "logit 0 1 cannot take 1: want a value "
		    "between LO and HI" },
		{ "x = affine 1e30 0, affine 1e10 0", 1, "affine 10000000000 "
		    "0 cannot take 1e+30: that is beyond single precision" },
		{ "x = none", 1e300, "cannot take 1e+300: that is beyond" },
	};
	static const char *const name[] = { "x" };
	struct nf_prep *p;
	double one, y;
	size_t k;

	for (k = 0; k < NELEM(bad); k++) {
		/* What is fitted to must pass. */
		one = strstr(bad[k].line, "affine") != NULL ? 0 : 0.5;
		if (nf_prep_new(&p, name, 1, &bad[k].line, 1, NULL, 0, NULL,
		    &err) == -1 || nf_prep_fit(p, &one, 1, 1, NULL, &err) == -1)
			exit(1);
		ok(nf_prep_forward(p, 0, 8, 1, &bad[k].x, 1, &y, 1, NULL,
		    &err) == -1 && err.code == NF_EDATA &&
		    strstr(err.msg, bad[k].msg) != NULL, "%s of %g: %s",
		    bad[k].line, bad[k].x, err.msg);
		nf_prep_free(p);
	}
}

/* The first row of several threads' is the one that is named. */
static void
test_first_error(void)
{
	static uint64_t number[NROW];
	struct nf_prep *p = whole();
	double was[3];
	int i;

	for (i = 0; i < 3; i++)
		was[i] = raw[(4900 - 1700 * i) * NCOL + 3];
	for (i = 0; i < 3; i++)
		raw[(4900 - 1700 * i) * NCOL + 3] = 7;
	ok(forward(p, 0, NROW, out, NULL) == -1 &&
	    strncmp(err.msg, "row 1500, column id: ", 21) == 0,
	    "the first row is named: %.40s", err.msg);
	nf_prep_free(p);
	p = build(lines, 7, "standardize", NULL);
	ok(nf_prep_fit(p, raw, NCOL, NROW, NULL, &err) == -1 &&
	    strncmp(err.msg, "row 1500, column id: levels 0 2 6 0.1 cannot "
	    "take 7: ", 52) == 0, "by fitting too");
	for (i = 0; i < NROW; i++)
		number[i] = (uint64_t)(2 * i + 1);
	ok(nf_prep_fit(p, raw, NCOL, NROW, number, &err) == -1 &&
	    strncmp(err.msg, "row 3001, column id: ", 21) == 0,
	    "under the number that it has");
	for (i = 0; i < 3; i++)
		raw[(4900 - 1700 * i) * NCOL + 3] = was[i];
	nf_prep_free(p);
}

static void
test_refused_lines(void)
{
	static const struct {
		const char *ops, *msg;
	} bad[] = {
		{ "", "an op is missing: want OP, OP.. or none" },
		{ "  ", "an op is missing" },
		{ "log,", "an op is missing" },
		{ ",log", "an op is missing" },
		{ "log,,log", "an op is missing" },
		{ "none, log", "no op \"none\"" },
		{ "lgo", "no op \"lgo\" (the nearest is \"log\"); want none or "
		    "one of seen log log1p logit atan affine scale standardize "
		    "clip wrap ratio diff sum uniform gauss mantissa levels "
		    "spike onehot" },
		{ "log 1 2 3", "log takes [A [B]], got 3 numbers" },
		{ "mantissa 2.5", "mantissa 2.5: want a whole number of bits" },
		{ "mantissa 17", "from 0 to 16" },
		{ "log x", "log: \"x\" is not a number (log [A [B]])" },
		{ "log 0", "log [A [B]]: A must not be 0" },
		{ "log 1 nan", "\"nan\" is not a number" },
		{ "log inf", "\"inf\" is not a number" },
		{ "log 1e99", "\"1e99\" is not a number" },
		{ "log 1;2", "\"1;2\" is not a number" },
		{ "log1p 1", "log1p takes no numbers" },
		{ "affine 1", "affine takes A B, got 1 number" },
		{ "affine 0 1", "A must not be 0" },
		{ "scale 0", "MAX must be above 0" },
		{ "standardize 1", "MEAN goes with STD" },
		{ "standardize 1 0", "STD must be above 0" },
		{ "clip 1", "clip takes LO HI, got 1 number" },
		{ "clip 1 1", "LO must be below HI" },
		{ "clip 0 1 1", "clip takes LO HI, got 3 numbers" },
		{ "clip 0 1 3 2", "the lowest seen is above the highest" },
		{ "logit 1 0", "LO must be below HI" },
		{ "seen 1", "LO goes with HI" },
		{ "seen 2 1", "LO must not be above HI" },
		{ "log, seen", "seen must be the first op" },
		{ "seen, seen", "seen must be the first op" },
		{ "uniform", "uniform takes HW, got 0 numbers" },
		{ "uniform 0", "uniform 0: want above 0 and at most 0.5" },
		{ "uniform 0.6", "or neighbours could not be told apart" },
		{ "uniform 0.5 1 0.5", "no range of whole numbers" },
		{ "gauss -1", "gauss -1: want above 0" },
		{ "levels", "levels takes 1 to 4096 values, got 0" },
		{ "levels 1 2 1", "levels: 1 stands there twice" },
		{ "levels 1:0.5 2", "some levels have a share and others "
		    "none" },
		{ "levels 1:0 2:1", "the share of 1 must be above 0" },
		{ "levels 1:-1", "the share of 1 must be above 0" },
		{ "levels 1:x", "\"x\" is not a number" },
		{ "levels :1", "\"\" is not a number" },
		{ "spike", "spike takes V [SIGMA [AT]], got 0 numbers" },
		{ "spike 0 0", "spike 0: SIGMA is 0, want above 0" },
		{ "spike 0 1 2 3", "AT 2 and EDGE 3 are less than 6 SIGMA = 6 "
		    "apart" },
		{ "onehot", "onehot takes 1 to 4096 values, got 0" },
		{ "onehot 1 1", "onehot: 1 stands there twice" },
		{ "onehot 1 2, log", "onehot must be the last op" },
		{ "onehot 1:1", "\"1:1\" is not a number" },
		{ "ratio", "ratio takes the name of a column" },
		{ "log,log,log,log,log,log,log,log,log,log,log,log,log,log,"
		    "log,log", "16 ops, want at most 15" },
	};
	char *big = malloc(300001);
	struct nf_prep *p;
	const char *line = "pt log";
	size_t k;

	for (k = 0; k < NELEM(bad); k++)
		ok(nf_prep_check(bad[k].ops, &err) == -1 &&
		    err.code == NF_EDATA && strstr(err.msg, bad[k].msg) !=
		    NULL, "%s: %s", bad[k].ops, err.msg);
	ok(nf_prep_check(" seen 0 1 ,\tlog 1 , clip 0 1 ", &err) == 0 &&
	    nf_prep_check(" none\t", &err) == 0 &&
	    nf_prep_check("ratio none such", &err) == 0, "blanks are free");
	memset(big, '1', 300000);
	big[300000] = '\0';
	ok(nf_prep_check(big, &err) == -1 && strstr(err.msg, "300000 bytes"),
	    "a line too long");
	free(big);
	ok(nf_prep_new(&p, names, NCOL, &line, 1, NULL, 0, NULL, &err) == -1 &&
	    p == NULL && strcmp(err.msg, "recipe line \"pt log\": want NAME = "
	    "OP, OP..") == 0, "no equals sign");
	line = "eta = lgo";
	ok(nf_prep_new(&p, names, NCOL, &line, 1, NULL, 0, NULL, &err) == -1 &&
	    strncmp(err.msg, "recipe of column eta: no op \"lgo\"", 32) == 0,
	    "the column is named");
	line = "* = onehot 1";
	ok(nf_prep_new(&p, names, NCOL, &line, 1, NULL, 0, NULL, &err) == -1 &&
	    strcmp(err.msg, "recipe of column pt: onehot is for conditions, "
	    "and this is a target; levels is for both") == 0,
	    "onehot of a target");
}

static void
test_onehot(void)
{
	static const char *const name[] = { "a", "flavour", "b" };
	static const char *const line[] = {
		"* = affine 2 0", "flavour = clip -5 5, onehot 5 -4 0"
	};
	double x[] = { 1, -4, 2, 3, 9, 4 }, y[10];
	static const double want[] = { 2, 0, 1, 0, 4, 6, 1, 0, 0, 8 };
	struct nf_prep *p, *t = NULL;

	ok(nf_prep_new(&p, name, 3, line, 2, NULL, 1, NULL, &err) == 0 &&
	    nf_prep_ncol(p) == 3 && nf_prep_nout(p) == 5,
	    "onehot makes a column a value");
	ok(nf_prep_fit(p, x, 3, 2, NULL, &err) == 0 &&
	    nf_prep_forward(p, 0, 0, 2, x, 3, y, 5, NULL, &err) == 0 &&
	    memcmp(y, want, sizeof(want)) == 0,
	    "in the recipe's order");
	x[1] = 3;
	ok(nf_prep_forward(p, 0, 0, 2, x, 3, y, 5, NULL, &err) == -1 &&
	    strstr(err.msg, "row 0, column flavour: onehot 5 -4 0 cannot take "
	    "3: it is none of the values: add it to them") != NULL,
	    "another value is refused");
	nf_prep_free(p);
	/* A condition and a target in the same place draw apart. */
	x[0] = 0;
	ok(nf_prep_new(&p, name, 1, (const char *[]){ "a = uniform 0.5" }, 1,
	    NULL, 1, NULL, &err) == 0 && nf_prep_new(&t, name, 1,
	    (const char *[]){ "a = uniform 0.5" }, 1, NULL, 0, NULL, &err) ==
	    0 && nf_prep_fit(p, x, 1, 1, NULL, &err) == 0 &&
	    nf_prep_fit(t, x, 1, 1, NULL, &err) == 0 &&
	    nf_prep_forward(p, 0, 0, 1, x, 1, y, 1, NULL, &err) == 0 &&
	    nf_prep_forward(t, 0, 0, 1, x, 1, y + 1, 1, NULL, &err) == 0 &&
	    y[0] != y[1], "conditions draw their own numbers");
	nf_prep_free(p);
	nf_prep_free(t);
}

static void
test_partner(void)
{
	static const char *const name[] = { "pt", "phi" };
	static const char *const line[] = {
		"pt = ratio gen pt, log", "phi = wrap, diff genphi, wrap"
	};
	static const char *const beside[] = { "genphi", "gen pt", "unused" };
	static const ptrdiff_t at[] = { 3, -1, 77 };
	/* gen pt, pt, phi, nothing, genphi */
	double x[] = { 10, 12, 3.1, 0, -3.1, 20, 18, -1, 0, 1 };
	double y[4], z[10], j[2] = { 0, 0 };
	struct nf_prep *p;

	ok(nf_prep_new(&p, name, 2, line, 2, NULL, 0, NULL, &err) == 0,
	    "columns that lean on others");
	ok(nf_prep_fit(p, x + 1, 5, 2, NULL, &err) == -1 &&
	    strstr(err.msg, "column pt: ratio gen pt: no such column") != NULL,
	    "not found");
	ok(nf_prep_partner(p, beside, at, 3, &err) == 0 &&
	    nf_prep_fit(p, x + 1, 5, 2, NULL, &err) == 0 &&
	    nf_prep_forward(p, 0, 0, 2, x + 1, 5, y, 2, j, &err) == 0,
	    "found beside");
	near(y[0], log(1.2), 1e-15, "ratio");
	near(y[1], 6.2 - 2 * M_PI, 1e-14, "diff");
	near(j[0], log(1 / 12.0), 1e-14, "their slope");
	memcpy(z, x, sizeof(z));
	z[1] = z[2] = z[6] = z[7] = 0;
	ok(nf_prep_inverse(p, 2, y, 2, z + 1, 5) == 0, "back");
	near(fabs(z[1] - 12) + fabs(z[2] - 3.1) + fabs(z[6] - 18) +
	    fabs(z[7] + 1), 0, 1e-13, "to the same values");
	x[5] = 0;
	ok(nf_prep_forward(p, 0, 0, 2, x + 1, 5, y, 2, j, &err) == -1 &&
	    strcmp(err.msg, "row 1, column pt: ratio gen pt cannot take 18: "
	    "want a COLUMN that is not 0") == 0, "by 0");
	nf_prep_free(p);
	ok(nf_prep_new(&p, name, 2, (const char *[]){ "pt = diff phi",
	    "phi = diff pt" }, 2, NULL, 0, NULL, &err) == -1 &&
	    strcmp(err.msg, "recipe of column pt: diff phi: that column leans "
	    "on another itself") == 0, "two that lean on each other");
	ok(nf_prep_new(&p, name, 1, (const char *[]){ "pt = ratio pt" }, 1,
	    NULL, 0, NULL, &err) == -1, "one that leans on itself");
}

int
main(void)
{
	make_table();
	test_there_and_back();
	test_split();
	test_print();
	test_match();
	test_extremes();
	test_few();
	test_refused_values();
	test_first_error();
	test_refused_lines();
	test_onehot();
	test_partner();
	return done();
}
