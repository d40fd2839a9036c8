/* A flow's numbers, looked at: whether they can be used, and a summary. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"

#define BLOCK	4096		/* numbers looked at before one is named */

size_t
nf_finite(const nf_real *x, size_t n)
{
	size_t i, k, end;
	int bad;

	for (i = 0; i < n; i = end) {
		end = n - i > BLOCK ? i + BLOCK : n;
		bad = 0;
		for (k = i; k < end; k++)
			bad |= !isfinite(x[k]);
		for (k = i; bad && k < end; k++)
			if (!isfinite(x[k]))
				return k;
	}
	return n;
}

/* Every one of 0 .. n - 1 once; else the first place that breaks it. */
static uint32_t
perm_check(const int32_t *p, uint32_t n, unsigned char *seen)
{
	uint32_t j;

	for (j = 0; j < n; j++)
		seen[j] = 0;
	for (j = 0; j < n; j++) {
		if (p[j] < 0 || (uint32_t)p[j] >= n || seen[p[j]])
			return j;
		seen[p[j]] = 1;
	}
	return n;
}

static int
perms_check(const struct nf_flow *f, struct nf_err *err)
{
	uint32_t d = f->shape.features, i, j;
	const int32_t *p = f->perm;
	unsigned char *seen;
	char step[16];
	int rc = 0;

	seen = nf_alloc(d, 1, "a permutation", err);
	if (seen == NULL)
		return -1;
	for (i = 0; i <= f->shape.steps && rc == 0; i++, p += d) {
		j = perm_check(p, d, seen);
		if (j == d)
			continue;
		snprintf(step, sizeof(step), i < f->shape.steps ?
		    "step_%02u" : "last", i);
		rc = nf_fail(err, NF_EDATA, "/flow/%s/permutation: element "
		    "%u is %d, want each of 0 to %u once", step, j, p[j],
		    d - 1);
	}
	nf_free(seen);
	return rc;
}

/* The first running variance below 0, or n: its root is divided by. */
static size_t
variance_check(const struct nf_tensor *t, const nf_real *x)
{
	size_t k;

	if (!t->stat || strstr(t->name, "running_var") == NULL)
		return t->n;
	for (k = 0; k < t->n && x[k] >= 0; k++)
		;
	return k;
}

int
nf_flow_check(const struct nf_flow *f, struct nf_err *err)
{
	const struct nf_tensor *t;
	const nf_real *x;
	uint32_t i;
	size_t k;

	if (perms_check(f, err) == -1)
		return -1;
	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		x = f->param + t->offset;
		k = nf_finite(x, t->n);
		if (k < t->n)
			return nf_fail(err, NF_EDATA, "/flow/%s: element %zu "
			    "is %g, want finite numbers", t->name, k,
			    (double)x[k]);
		k = variance_check(t, x);
		if (k < t->n)
			return nf_fail(err, NF_EDATA, "/flow/%s: element %zu "
			    "is %g, want 0 or more", t->name, k,
			    (double)x[k]);
	}
	return 0;
}

void
nf_flow_summary(const struct nf_flow *f, const struct nf_tensor *t,
    struct nf_summary *s)
{
	const nf_real *x = f->param + t->offset;
	double sum = 0, square = 0;
	size_t k;

	s->min = s->max = (double)x[0];
	for (k = 0; k < t->n; k++) {
		s->min = fmin(s->min, (double)x[k]);
		s->max = fmax(s->max, (double)x[k]);
		sum += (double)x[k];
	}
	s->mean = sum / (double)t->n;
	for (k = 0; k < t->n; k++)
		square += ((double)x[k] - s->mean) * ((double)x[k] - s->mean);
	s->std = sqrt(square / (double)t->n);
}
