/* How well boosted trees tell two samples apart, cross-validated. */
#include <math.h>

#include "boost.h"
#include "cmp.h"
#include "distance.h"
#include "select.h"

#define ROWS	20000		/* of a sample, at most */

/* Rows of both tables, one after the other, in bins. */
struct both {
	const struct nf_cloud *c[2];
	size_t n[2], nall;
	uint8_t *bin, *y, *train;
	double *w, *score, *value;
	struct nf_entry *e[2];
};

static void
both_free(struct both *t)
{
	nf_free(t->bin);
	nf_free(t->y);
	nf_free(t->train);
	nf_free(t->w);
	nf_free(t->score);
	nf_free(t->value);
	nf_free(t->e[0]);
	nf_free(t->e[1]);
}

static int
both_alloc(struct both *t, struct nf_err *err)
{
	static const char what[] = "classification";
	size_t n = t->nall + 1;

	t->bin = nf_alloc(n * t->c[0]->ncol, 1, what, err);
	t->y = nf_alloc(n, 1, what, err);
	t->train = nf_alloc(n, 1, what, err);
	t->w = nf_alloc(n, sizeof(*t->w), what, err);
	t->score = nf_alloc(n, sizeof(*t->score), what, err);
	t->value = nf_alloc(n, sizeof(*t->value), what, err);
	t->e[0] = nf_alloc(n, sizeof(**t->e), what, err);
	t->e[1] = nf_alloc(n, sizeof(**t->e), what, err);
	return t->bin == NULL || t->y == NULL || t->train == NULL ||
	    t->w == NULL || t->score == NULL || t->value == NULL ||
	    t->e[0] == NULL || t->e[1] == NULL ? -1 : 0;
}

/* Row i of both in column j. */
static double
get(const struct both *t, size_t i, uint32_t j)
{
	const struct nf_cloud *c = t->c[i >= t->n[0]];

	return c->x[(i >= t->n[0] ? i - t->n[0] : i) * c->ncol + j];
}

/* Bins that hold about as many of both; a value's share of them is one bin. */
static void
fill_bins(struct both *t, uint32_t j)
{
	double edge[NF_BOOST_BINS], *v = t->value, x;
	int k, lo, hi, mid, n = 0;
	size_t i;

	for (i = 0; i < t->nall; i++)
		v[i] = get(t, i, j);
	nf_sort(v, t->nall);
	for (k = 1; k < NF_BOOST_BINS; k++) {
		x = v[t->nall * (size_t)k / NF_BOOST_BINS];
		if (x > v[0] && (n == 0 || x > edge[n - 1]))
			edge[n++] = x;
	}
	for (i = 0; i < t->nall; i++) {
		x = get(t, i, j);
		for (lo = 0, hi = n; lo < hi;) {
			mid = (lo + hi) / 2;
			if (edge[mid] <= x)
				lo = mid + 1;
			else
				hi = mid;
		}
		t->bin[j * t->nall + i] = (uint8_t)lo;
	}
}

/* Which sample row i is of, and its weight there. */
static int
weight(const struct both *t, size_t i, double *w)
{
	int y = i >= t->n[0];

	*w = t->c[y]->w[i - (y ? t->n[0] : 0)];
	return y;
}

/*
 * Both samples weigh the same within the rows that train.  A row of weight
 * below 0 takes away from its sample, so it learns as one of the other: then
 * scores are still above a half just where the second is the denser.
 */
static void
fill_fold(struct both *t, int fold)
{
	double sum[2] = { 0, 0 }, w;
	size_t i;
	int y;

	for (i = 0; i < t->nall; i++) {
		y = weight(t, i, &w);
		t->train[i] = (i - (y ? t->n[0] : 0)) % 2 == (size_t)fold;
		sum[y] += t->train[i] ? w : 0;
	}
	for (i = 0; i < t->nall; i++) {
		y = weight(t, i, &w);
		t->w[i] = fabs(w) / (sum[y] > 0 ? sum[y] : 1);
		t->y[i] = (uint8_t)(w < 0 ? !y : y);
	}
}

/* The AUC of the rows that did not train. */
static double
fold_auc(struct both *t)
{
	size_t n[2] = { 0, 0 }, i;
	double w;
	int y;

	for (i = 0; i < t->nall; i++)
		if (!t->train[i]) {
			y = weight(t, i, &w);
			t->e[y][n[y]++] = (struct nf_entry){ t->score[i], w };
		}
	nf_entry_sort(t->e[0], n[0]);
	nf_entry_sort(t->e[1], n[1]);
	return nf_distance(t->e[0], n[0], t->e[1], n[1]).auc;
}

int
nf_cmp_auc(const struct nf_cloud *a, const struct nf_cloud *b, double *auc,
    struct nf_err *err)
{
	struct both t = { .c = { a, b } };
	struct nf_boost boost;
	uint32_t j;
	int fold, k, rc = -1;

	*auc = NAN;
	for (k = 0; k < 2; k++) {
		t.n[k] = t.c[k]->n < ROWS ? t.c[k]->n : ROWS;
		t.nall += t.n[k];
	}
	if (both_alloc(&t, err) == -1)
		goto out;
	for (j = 0; j < a->ncol && t.nall > 0; j++)
		fill_bins(&t, j);
	boost = (struct nf_boost){ a->ncol, t.nall, t.bin, t.w, t.y, t.train };
	for (fold = 0, *auc = 0; fold < 2; fold++) {
		fill_fold(&t, fold);
		if (nf_boost_scores(&boost, t.score, err) == -1)
			goto out;
		*auc += fold_auc(&t) / 2;
	}
	rc = 0;
out:
	both_free(&t);
	return rc;
}
