/* Columns chosen from one file's table, by dataset and block of columns. */
#include <string.h>

#include "h5.h"

/* A table is one dataset, or has one for each column. */
static struct nf_h5_part *
part_of(const struct nf_h5_source *s, uint32_t j)
{
	return &s->part[s->npart == 1 ? 0 : j];
}

bool
nf_h5_source_wide(const struct nf_h5_source *s, uint32_t j)
{
	return part_of(s, j)->elem.wide;
}

/* Room for every part's lists: blocks, and two numbers a chosen column. */
static int
share_room(struct nf_h5_source *s, uint32_t ncol, struct nf_err *err)
{
	struct nf_h5_part *p;
	size_t n = 0;
	uint32_t *at;

	for (p = s->part; p < s->part + s->npart; p++) {
		p->nblock = (p->ncol - 1) / p->chunk_cols + 1;
		n += p->nblock + 1;
	}
	nf_free(s->room);
	s->room = nf_alloc(n + 2 * (size_t)ncol, sizeof(*at), "columns", err);
	if ((at = s->room) == NULL)
		return -1;
	for (p = s->part; p < s->part + s->npart; p++) {
		p->block = at;
		at += p->nblock + 1;
	}
	s->part[0].from = at;
	s->part[0].to = at + ncol;
	return 0;
}

/* Count each block's columns, then say where its list begins. */
static void
count_blocks(struct nf_h5_source *s, const uint32_t *col, uint32_t ncol)
{
	struct nf_h5_part *p;
	uint32_t *from = s->part[0].from, *to = s->part[0].to;
	uint32_t b, k;

	for (k = 0; k < ncol; k++) {
		p = part_of(s, col[k]);
		p->block[(col[k] - p->first) / p->chunk_cols + 1]++;
	}
	for (p = s->part; p < s->part + s->npart; p++) {
		p->from = from;
		p->to = to;
		for (b = 0; b < p->nblock; b++)
			p->block[b + 1] += p->block[b];
		from += p->block[p->nblock];
		to += p->block[p->nblock];
	}
}

/* Put every column into its block's list, in the order of the output. */
static void
fill_blocks(struct nf_h5_source *s, const uint32_t *col, uint32_t ncol)
{
	struct nf_h5_part *p;
	uint32_t b, k, at;

	for (k = 0; k < ncol; k++) {
		p = part_of(s, col[k]);
		b = (col[k] - p->first) / p->chunk_cols;
		at = p->block[b]++;
		p->from[at] = (col[k] - p->first) % p->chunk_cols;
		p->to[at] = k;
	}
	for (p = s->part; p < s->part + s->npart; p++) {
		for (b = p->nblock; b > 0; b--)
			p->block[b] = p->block[b - 1];
		p->block[0] = 0;
	}
}

static void
count_bytes(struct nf_h5_source *s, uint32_t ncol, enum nf_type type)
{
	const struct nf_h5_part *p;
	uint32_t b, nblock = 0;

	s->chunk_rows = 1;
	s->chunk_bytes = 0;
	s->row_bytes = ncol * nf_type_size(type);
	for (p = s->part; p < s->part + s->npart; p++) {
		if (p->block[p->nblock] == 0)
			continue;
		if (p->chunk_rows > s->chunk_rows)
			s->chunk_rows = p->chunk_rows;
		if (p->chunk_bytes > s->chunk_bytes)
			s->chunk_bytes = p->chunk_bytes;
		for (b = 0; b < p->nblock; b++)
			if (p->block[b + 1] > p->block[b]) {
				s->row_bytes += (uint64_t)p->chunk_cols *
				    p->elem.size;
				nblock++;
			}
	}
	/* Threads that each write little into every row hinder each other. */
	s->scattered = nblock > 3 && ncol / nblock < 4;
	if (s->scattered)
		s->row_bytes += ncol * nf_type_size(type);
}

int
nf_h5_source_select(struct nf_h5_source *s, const uint32_t *col,
    uint32_t ncol, enum nf_type type, struct nf_err *err)
{
	uint32_t k;

	for (k = 0; k < ncol; k++)
		if (part_of(s, col[k])->bad[0] != '\0')
			return nf_fail(err, NF_EDATA, "%s%s%s",
			    s->npart == 1 ? "" : s->schema.column.s[col[k]],
			    s->npart == 1 ? "" : " ",
			    part_of(s, col[k])->bad);
	if (share_room(s, ncol, err) == -1)
		return -1;
	count_blocks(s, col, ncol);
	fill_blocks(s, col, ncol);
	count_bytes(s, ncol, type);
	return 0;
}
