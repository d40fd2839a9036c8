/* What of a comparison is above a limit. */
#include <math.h>

#include "cmp.h"

/* What cannot be told is not below a limit. */
bool
nf_cmp_above(double value, double limit)
{
	return !isnan(limit) && !(value <= limit);
}

double
nf_cmp_limit(const struct nf_cmp_limits *l, int figure)
{
	return figure == NF_CMP_W1_STD ? l->w1 :
	    figure == NF_CMP_KS ? l->ks : NAN;
}

static void
add_value(struct nf_page *page, double v)
{
	if (isnan(v))
		nf_page_add(page, "cannot be told\n");
	else
		nf_page_add(page, "%.3g\n", v);
}

static int
exceed_column(const struct nf_cmps *t, int figure, double limit,
    const char *what, const char *const *name, struct nf_page *page)
{
	const struct nf_cmp *c, *worst = NULL;
	uint32_t j, at = 0;
	int k, n = 0, total = 0;
	double v, most = -INFINITY;

	for (k = 0; k < t->n; k++)
		for (c = &t->c[k], j = 0; j < c->ncol; j++, total++) {
			v = c->column[j][figure].value;
			if (!nf_cmp_above(v, limit))
				continue;
			n++;
			if (worst != NULL && !isnan(v) && !(v > most))
				continue;
			most = isnan(v) ? INFINITY : v;
			worst = c;
			at = j;
		}
	if (n == 0)
		return 0;
	nf_page_add(page, "%s: %d of %d above %g, the worst %s: ", what, n,
	    total, limit, name[at]);
	add_value(page, worst->column[at][figure].value);
	return n;
}

static int
exceed_auc(const struct nf_cmps *t, double limit, struct nf_page *page)
{
	double v, most = -INFINITY;
	int k, n = 0;

	for (k = 0; k < t->n; k++) {
		v = t->c[k].joint[NF_CMP_AUC].value;
		n += nf_cmp_above(v, limit);
		if (!(v <= most))	/* also if it cannot be told */
			most = isnan(v) ? INFINITY : v;
	}
	if (n == 0)
		return 0;
	nf_page_add(page, "AUC: %d of %d above %g, the worst ", n, t->n,
	    limit);
	add_value(page, isinf(most) ? NAN : most);
	return n;
}

int
nf_cmp_exceeds(const struct nf_cmps *t, const struct nf_cmp_limits *l,
    const char *const *name, struct nf_page *page)
{
	return exceed_column(t, NF_CMP_W1_STD, l->w1, "W1 in std", name, page)
	    + exceed_column(t, NF_CMP_KS, l->ks, "KS", name, page)
	    + exceed_auc(t, l->auc, page);
}
