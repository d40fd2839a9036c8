/* Columns gathered from rows, converted on the way. */
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
