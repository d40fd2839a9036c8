/* Rows that are prepared when training first wants them. */
#include "later.h"

#define PART	16384			/* rows that are prepared together */

struct nf_later {
	struct nf_pass pass;
	struct nf_store store;		/* the pass's */
	uint64_t left;			/* rows to come */
	uint32_t number[PART];		/* raw rows, .. */
	uint64_t place[PART];		/* .. and where they go */
};

/* To places from first on. */
static int
prepare_valid(struct nf_later *l, struct nf_err *err)
{
	struct nf_pass *p = &l->pass;
	const uint32_t *number = p->number[1].p;
	uint64_t n = p->nnumber[1], i, k, m;

	for (i = 0; i < n; i += m) {
		m = n - i < PART ? n - i : PART;
		for (k = 0; k < m; k++)
			l->place[k] = p->d->ntrain + i + k;
		if (nf_pass_pick(p, number + i, l->place, m, err) == -1)
			return -1;
	}
	return 0;
}

int
nf_later_new(struct nf_later **out, struct nf_pass *p, struct nf_err *err)
{
	struct nf_later *l = nf_alloc(1, sizeof(*l), "rows", err);

	*out = l;
	if (l == NULL)
		return -1;
	l->pass = *p;
	l->pass.chosen = l->pass.own = NULL;	/* these it keeps */
	l->pass.nchosen = 0;
	l->pass.place = NULL;
	l->pass.record = NULL;
	l->store = *p->store;
	l->pass.store = &l->store;
	l->left = p->d->ntrain;
	p->number[0] = p->number[1] = (struct nf_grow){ 0 };
	*p->store = (struct nf_store){ 0 };
	if (nf_pass_weights(&l->pass, err) == -1)
		return -1;
	return prepare_valid(l, err);
}

int
nf_later_make(void *later, const uint32_t *row, uint32_t n,
    struct nf_err *err)
{
	struct nf_later *l = later;
	const uint32_t *number = l->pass.number[0].p;
	uint32_t i, k, m;

	for (i = 0; i < n; i += m) {
		m = n - i < PART ? n - i : PART;
		for (k = 0; k < m; k++) {
			l->place[k] = row[i + k];
			l->number[k] = number[row[i + k]];
		}
		if (nf_pass_pick(&l->pass, l->number, l->place, m, err) == -1)
			return -1;
	}
	l->left -= n;
	if (l->left == 0)
		nf_store_free(&l->store);
	return 0;
}

int
nf_later_all(struct nf_later *l, struct nf_err *err)
{
	uint64_t n = l->pass.nnumber[0], i;
	uint32_t row[PART], k, m;

	for (i = 0; i < n; i += m) {
		m = n - i < PART ? (uint32_t)(n - i) : PART;
		for (k = 0; k < m; k++)
			row[k] = (uint32_t)i + k;
		if (nf_later_make(l, row, m, err) == -1)
			return -1;
	}
	return 0;
}

uint64_t
nf_later_memory(const struct nf_later *l)
{
	return l->left == 0 ? 0 : l->store.nrow * (l->store.rowsize +
	    sizeof(uint32_t));
}

void
nf_later_free(struct nf_later *l)
{
	if (l == NULL)
		return;
	nf_store_free(&l->store);
	nf_pass_free(&l->pass);
	nf_free(l);
}
