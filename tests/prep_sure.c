/*
 * Which recipes a fit is sure of: that no row it was shown will be refused,
 * whatever the draws.  Those behind which something may still go wrong, or of
 * which it has not seen enough, are not among them.
 */
#include <string.h>

#include "prep.h"
#include "tap.h"

#define NROW	3000
#define NSEED	20
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *ops;
	int sure;
} recipes[] = {
	{ "none", 1 },
	{ "standardize", 1 },
	{ "affine 2 1", 1 },
	{ "log 1 1", 1 },
	{ "log1p, standardize, scale", 1 },
	{ "clip 0 4, logit -1 5, spike 0, standardize", 1 },
	{ "spike 0", 1 },
	{ "uniform 0.5, standardize", 1 },
	{ "levels 0 1 2 3 4 5", 1 },
	{ "levels 0 1 2 3 4 5, scale", 1 },
	{ "onehot 0 1 2 3 4 5", 1 },
	{ "ratio b, standardize", 1 },
	/* Runs behind what is fitted last. */
	{ "standardize, affine 1 9", 0 },
	{ "standardize, log 1 9", 0 },
	/* By luck: another draw may be refused. */
	{ "uniform 0.5, log 1 0.4999", 0 },
	{ "spike 0 0.1 -7, log 1 9", 0 },
	/* Numbers that may make huge ones. */
	{ "spike 0 1e29 1e36, standardize", 0 },
	/* Nothing is fitted, so nothing is seen. */
	{ "seen 0 5, standardize 2 1", 0 },
};

static struct nf_prep *
recipe(const char *ops)
{
	static const char *const name[] = { "a", "b" };
	char line[2][80];
	const char *const lines[] = { line[0], line[1] };
	struct nf_prep *p;
	struct nf_err err;

	snprintf(line[0], sizeof(line[0]), "a = %s", ops);
	snprintf(line[1], sizeof(line[1]), "b = none");
	if (nf_prep_new(&p, name, 2, lines, 2, NULL, 1, NULL, &err) == 0)
		return p;
	printf("# %s: %s\n", ops, err.msg);
	return NULL;
}

/* -1: it refused to be fitted. */
static int
fit(struct nf_prep *p, const struct nf_prep_rows *rows)
{
	struct nf_fitting *f;
	struct nf_err err;
	int rc = nf_fitting_new(&f, p, &err);

	while (rc == 1) {
		rc = nf_fitting_rows(f, rows, &err);
		if (rc == 0)
			rc = nf_fitting_round(f, &err);
	}
	if (rc == 0)
		rc = nf_fitting_sure(f);
	else
		printf("# %s\n", err.msg);
	nf_fitting_free(f);
	return rc;
}

/* Rows taken in any order are what they are in theirs. */
static void
test_pick(const struct nf_prep *p, struct nf_prep_rows *rows,
    const char *ops)
{
	static float want[NROW * 8], got[NROW * 8];
	static uint32_t pick[NROW];
	static uint64_t place[NROW];
	uint32_t nout = nf_prep_nout(p), i, bad = 0;
	struct nf_prep_out all = { .x = want, .ld = nout };
	struct nf_prep_out some = { .x = got, .ld = nout, .place = place };
	struct nf_err err;

	for (i = 0; i < NROW; i++)
		place[i] = pick[i] = (uint32_t)((i * 7919u + 5) % NROW);
	for (i = 0; i < NSEED; i++) {
		memset(got, 0, sizeof(got));
		rows->pick = NULL;
		bad += nf_prep_apply(p, i, rows, &all, NULL, &err) == -1;
		rows->pick = pick;
		bad += nf_prep_apply(p, i, rows, &some, NULL, &err) == -1;
		bad += memcmp(want, got, NROW * nout * sizeof(*got)) != 0;
	}
	rows->pick = NULL;
	ok(bad == 0, "%s: takes all rows, in any order", ops);
}

int
main(void)
{
	static float x[NROW * 2];
	struct nf_prep_rows rows = { .x = x, .ld = 2, .nrow = NROW };
	struct nf_prep *p;
	size_t i;

	for (i = 0; i < NROW; i++) {
		x[2 * i] = (float)(i * 2654435761u % 6);
		x[2 * i + 1] = (float)(1 + i % 3);
	}
	for (i = 0; i < NELEM(recipes); i++) {
		if ((p = recipe(recipes[i].ops)) == NULL)
			return 1;
		ok(fit(p, &rows) == recipes[i].sure, "%s: %s",
		    recipes[i].ops, recipes[i].sure ? "sure" : "not sure");
		if (recipes[i].sure)
			test_pick(p, &rows, recipes[i].ops);
		nf_prep_free(p);
	}
	return done();
}
