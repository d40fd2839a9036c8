/* Rows and columns picked from rows, converted on the way. */
#include <string.h>

#include "nfio.h"

/* Inlined with constant types, so that each pair has a loop of its own. */
static inline __attribute__((always_inline)) void
gather(const struct nf_rows *r, const uint32_t *col, uint32_t ncol,
    enum nf_type from, enum nf_type to, void *out)
{
	uint64_t i, k = 0, at;
	uint32_t j;
	double v;

	for (i = 0; i < r->nrow; i++)
		for (j = 0; j < ncol; j++, k++) {
			at = i * r->ncol + (col == NULL ? j : col[j]);
			v = from == NF_F32 ? ((const float *)r->x)[at] :
			    ((const double *)r->x)[at];
			if (to == NF_F32)
				((float *)out)[k] = (float)v;
			else
				((double *)out)[k] = v;
		}
}

int
nf_batch_check(uint32_t nrow, size_t ncol, uint64_t memory,
    struct nf_err *err)
{
	double nbyte = (double)nrow * (double)ncol * sizeof(double);

	if (nbyte <= (double)memory)
		return 0;
	return nf_fail(err, NF_ESYS, "%u rows at a time take %.3g GB of "
	    "memory, of which %.3g are left: take a smaller batch", nrow,
	    nbyte / 1e9, (double)memory / 1e9);
}

void
nf_rows_gather(const struct nf_rows *r, const uint32_t *col, uint32_t ncol,
    enum nf_type type, void *out)
{
	if (col == NULL)
		ncol = r->ncol;
	if (col == NULL && r->type == type)
		memcpy(out, r->x, r->nrow * ncol * nf_type_size(type));
	else if (r->type == NF_F32 && type == NF_F32)
		gather(r, col, ncol, NF_F32, NF_F32, out);
	else if (r->type == NF_F32)
		gather(r, col, ncol, NF_F32, NF_F64, out);
	else if (type == NF_F32)
		gather(r, col, ncol, NF_F64, NF_F32, out);
	else
		gather(r, col, ncol, NF_F64, NF_F64, out);
}

int
nf_pick_rows(struct nf_pick *p, struct nf_rows *rows, struct nf_err *err)
{
	uint64_t n = rows->nrow < p->skip ? rows->nrow : p->skip;

	p->skip -= n;
	rows->nrow -= n;
	rows->x = (const char *)rows->x +
	    n * rows->ncol * nf_type_size(rows->type);
	if (rows->nrow > p->max)
		rows->nrow = p->max;
	p->max -= rows->nrow;
	if (rows->nrow == 0 || (p->col == NULL && p->type == rows->type))
		return 0;
	n = p->col == NULL ? rows->ncol : p->ncol;
	if (rows->nrow > p->room) {
		nf_free(p->buf);
		p->room = 0;
		p->buf = nf_alloc(rows->nrow * n, nf_type_size(p->type),
		    "rows", err);
		if (p->buf == NULL)
			return -1;
		p->room = rows->nrow;
	}
	nf_rows_gather(rows, p->col, p->ncol, p->type, p->buf);
	rows->ncol = (uint32_t)n;
	rows->type = p->type;
	rows->x = p->buf;
	return 0;
}

uint64_t
nf_pick_total(const struct nf_pick *p, uint64_t total)
{
	if (total == NF_NROW_UNKNOWN)
		return total;
	total = total > p->skip ? total - p->skip : 0;
	return total < p->max ? total : p->max;
}

void
nf_pick_free(struct nf_pick *p)
{
	nf_free(p->buf);
}
