/* Every op, undone: what it claims to restore, after a float's rounding too. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "prep_op.h"
#include "tap.h"

#define NROW	4096

/* What a column of raw values is like. */
enum kind { WIDE, ABOVE, UNIT, WHOLE, LEVEL, SPIKED, ANGLE, BITS, APART };

static const double level[] = { 0, 0.1, 2, 6, -3 };

struct try {
	const char *ops;
	enum kind kind;
	int exact;			/* all values, to the last bit */
};

static const struct try tries[] = {
	{ "seen", WIDE, 0 },
	{ "log", ABOVE, 0 },
	{ "log 2 -1e-9", ABOVE, 0 },
	{ "log1p", ABOVE, 0 },
	{ "logit -0.001 1.001", UNIT, 0 },
	{ "atan", WIDE, 0 },
	{ "atan 0.1 3", WIDE, 0 },
	{ "affine -3 7", WIDE, 0 },
	{ "scale", WIDE, 0 },
	{ "standardize", WIDE, 0 },
	{ "clip -1e9 1e9", WIDE, 0 },
	{ "wrap", ANGLE, 0 },
	{ "ratio partner", WIDE, 0 },
	{ "diff partner", WIDE, 0 },
	{ "wrap, diff partner, wrap", ANGLE, 0 },
	{ "sum partner", WIDE, 0 },
	{ "uniform 0.5", WHOLE, 1 },
	{ "gauss 0.3", WHOLE, 1 },
	{ "mantissa 6", BITS, 1 },
	{ "mantissa 16", BITS, 1 },
	{ "mantissa 6, affine 3 1, standardize", BITS, 1 },
	{ "sum partner, mantissa 12, diff partner, scale", APART, 1 },
	{ "levels 0 0.1 2 6 -3", LEVEL, 1 },
	{ "levels 6 -3 0 0.1 2", LEVEL, 1 },
	{ "spike -1", SPIKED, 0 },
	{ "spike -1 0.01 -0.1", SPIKED, 0 },
	{ "uniform 0.5, standardize, scale", WHOLE, 1 },
	{ "levels 0 0.1 2 6 -3, standardize, atan 0.5", LEVEL, 1 },
	{ "gauss 0.1, affine 1e-4 3, logit -1 9", WHOLE, 1 },
	{ "log 1 2, spike -1, standardize, scale", SPIKED, 0 },
	{ "clip -1 1, atan 10, spike -1, spike 0.5, scale", SPIKED, 0 },
};

static const char *const names[] = { "x", "partner" };
static double raw[NROW * 2], out[NROW * 2], back[NROW * 2];
static struct nf_err err;

static double
uniform(void)
{
	static uint64_t state = 3;

	state = state * 6364136223846793005 + 1442695040888963407;
	return ((double)(state >> 11) + 0.5) * 0x1p-53;
}

/* Rounded to n bits behind the first. */
static double
few_bits(double x, int n)
{
	int e;
	double m = frexp(x, &e);

	return ldexp(rint(ldexp(m, n + 1)), e - n - 1);
}

static double
value(enum kind kind)
{
	double u = uniform();

	switch (kind) {
	case WIDE:
		return tan(2.8 * (u - 0.5)) * 10;
	case ABOVE:
		return exp(20 * (u - 0.5));
	case UNIT:
		return u;
	case WHOLE:
		return floor(200 * u) - 50;
	case LEVEL:
		return level[(int)(5 * u)];
	case SPIKED:
		return u < 0.2 ? -1 : uniform();
	case BITS:
		return few_bits((u < 0.5 ? -0.1 : 1) + 6 * (u - 0.5), 6);
	case APART:
		return few_bits(1 + 3 * u, 12);
	default:
		return (2 * u - 1) * M_PI;
	}
}

static void
fill(enum kind kind)
{
	int i;

	for (i = 0; i < NROW; i++) {
		raw[2 * i] = value(kind);
		raw[2 * i + 1] = kind == ANGLE ? value(kind) :
		    (float)((1 + uniform()) * (i % 2 == 0 ? 3 : -3));
		if (kind == APART)
			raw[2 * i] -= raw[2 * i + 1];
	}
}

/* How far values are off, as a share of them or of the column's own width. */
static double
worst(void)
{
	double off = 0, d;
	int i;

	for (i = 0; i < NROW; i++) {
		d = fabs(back[2 * i] - raw[2 * i]);
		off = fmax(off, d / fmax(fabs(raw[2 * i]), 1e-3));
	}
	return off;
}

/* Values of which the ops say that they know them: those must be exact. */
static int
wrong(const struct try *t)
{
	int i, n = 0;

	for (i = 0; i < NROW; i++)
		if (t->exact || (t->kind == SPIKED && raw[2 * i] == -1) ||
		    (t->kind == SPIKED && back[2 * i] == -1))
			n += back[2 * i] != raw[2 * i];
	return n;
}

static void
test_op(const struct try *t)
{
	char line[128];
	const char *lines[] = { line };
	struct nf_prep_loss loss[2 * NF_PREP_OPS] = { { 0 } };
	struct nf_prep *p;
	int i, bad, n = 0;

	snprintf(line, sizeof(line), "x = %s", t->ops);
	fill(t->kind);
	bad = nf_prep_new(&p, names, 2, lines, 1, NULL, 0, NULL, &err) == -1 ||
	    nf_prep_fit(p, raw, 2, NROW, NULL, &err) == -1 ||
	    nf_prep_forward(p, 11, 0, NROW, raw, 2, out, 2, NULL, &err) == -1;
	if (!ok(!bad, "%s: forward", t->ops)) {
		printf("# %s\n", err.msg);
		return;
	}
	nf_prep_losses(p, 11, 0, NROW, raw, 2, loss);
	for (i = 0; i < 2 * NF_PREP_OPS; i++)
		n += loss[i].count > 0;
	ok(n == 0, "%s: loses nothing", t->ops);
	n = (int)nf_prep_inverse(p, NROW, out, 2, back, 2);
	ok(n == 0 && wrong(t) == 0, "%s: back, exactly where it says so",
	    t->ops);
	near(worst(), 0, 1e-6, "%s: and all else to a millionth", t->ops);
	for (i = 0; i < 2 * NROW; i++)	/* as a stream or a flow holds it */
		out[i] = (float)out[i];
	nf_prep_inverse(p, NROW, out, 2, back, 2);
	ok(wrong(t) == 0, "%s: exactly, from single precision", t->ops);
	nf_prep_free(p);
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * What was uniform before it was rounded to two bits is so again, from the
 * lower edge of a cell that is narrower below it than above to another's.
 */
static void
test_cells(void)
{
	const char *lines[] = { "x = mantissa 2", "partner = none" };
	double lo = 0.9375, hi = 7.5, off = 0;
	struct nf_prep *p;
	int i;

	for (i = 0; i < NROW; i++) {
		raw[2 * i] = few_bits(lo + (hi - lo) * (i + 0.5) / NROW, 2);
		raw[2 * i + 1] = 0;
	}
	if (nf_prep_new(&p, names, 2, lines, 2, NULL, 0, NULL, &err) == -1 ||
	    nf_prep_fit(p, raw, 2, NROW, NULL, &err) == -1 ||
	    nf_prep_forward(p, 5, 0, NROW, raw, 2, out, 2, NULL, &err) == -1) {
		ok(0, "%s", err.msg);
		return;
	}
	qsort(out, NROW, 2 * sizeof(*out), ascending);
	for (i = 0; i < NROW; i++)
		off = fmax(off, fabs((out[2 * i] - lo) / (hi - lo) -
		    (i + 0.5) / NROW));
	ok(off > 0 && off < 0.01, "mantissa: cells are filled evenly");
	nf_prep_free(p);
}

/* An op that is new to the table has to be tried above. */
static void
test_all(const struct nf_opdef *d)
{
	size_t k, n = strlen(d->name);
	const char *at;
	bool found = d->inverse == NULL;	/* onehot */

	for (k = 0; k < sizeof(tries) / sizeof(*tries); k++) {
		at = strstr(tries[k].ops, d->name);
		found |= at != NULL && (at[n] == '\0' || at[n] == ' ' ||
		    at[n] == ',');
	}
	ok(found, "%s is tried", d->name);
}

/* Values beyond what an op can bring back are counted, the first told. */
static void
test_losses(void)
{
	const char *lines[] = { "x = clip 0 0.5, wrap", "partner = wrap" };
	struct nf_prep_loss loss[2 * NF_PREP_OPS] = { { 0 } };
	struct nf_prep *p;
	char text[256];
	uint64_t n = 0, turns = 0;
	int i;

	fill(UNIT);
	for (i = 0; i < NROW; i++) {
		n += raw[2 * i] > 0.5;
		turns += fabs(raw[2 * i + 1]) > M_PI;
	}
	ok(nf_prep_new(&p, names, 2, lines, 2, NULL, 0, NULL, &err) == 0 &&
	    nf_prep_fit(p, raw, 2, NROW, NULL, &err) == 0, "a lossy recipe");
	nf_prep_losses(p, 1, 0, 1000, raw, 2, loss);
	nf_prep_losses(p, 1, 1000, NROW - 1000, raw + 2000, 2, loss);
	/* seen comes first of a fitted chain. */
	ok(n > 0 && loss[1].count == n && loss[2].count == 0,
	    "clip loses what is outside");
	ok(turns > 0 && loss[NF_PREP_OPS + 1].count == turns,
	    "wrap loses turns");
	for (i = 0; raw[2 * i] <= 0.5; i++)
		;
	ok(loss[1].row == (uint64_t)i && loss[1].was == raw[2 * i] &&
	    loss[1].is == 0.5, "the first is known");
	ok(nf_prep_loss_print(p, 1, loss, text, sizeof(text)) > 0 &&
	    strncmp(text, "column x: clip 0 0.5 ", 21) == 0 &&
	    nf_prep_loss_print(p, 0, loss, text, sizeof(text)) == 0,
	    "and is told");
	nf_prep_free(p);
}

int
main(void)
{
	const struct nf_opdef *d;
	size_t k;

	for (d = nf_opdefs_plain; d->name != NULL; d++)
		test_all(d);
	for (d = nf_opdefs_curve; d->name != NULL; d++)
		test_all(d);
	for (d = nf_opdefs_draw; d->name != NULL; d++)
		test_all(d);
	for (k = 0; k < sizeof(tries) / sizeof(*tries); k++)
		test_op(&tries[k]);
	test_cells();
	test_losses();
	return done();
}
