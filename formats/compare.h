/* Two samples read from streams and compared. */
#ifndef NF_COMPARE_H
#define NF_COMPARE_H

#include "cmp.h"
#include "tiles.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_compare_spec {
	const char *columns;	/* COLUMNS of the first; NULL: all */
	const char *weight;	/* a column, or NULL */
	const char *by;		/* a column, the condition, or NULL */
	int nbin;		/* of the condition */
	bool normal;		/* one side, with the normal distribution */
	uint64_t rows;		/* kept of a sample at most; 0: see sample.h */
	uint64_t seed;
};

/*
 * Read both sides, a few rows of each in turn, and compare the columns, whose
 * names are added to *names.  The second must have them all; without the
 * weight every row of it counts once.  A value that is not finite is
 * NF_EDATA.
 *
 * normal: side[0] alone.  Its columns, if not chosen, are z0, z1 and so on
 * as far as it has them; one more is compared, the last name's: how far they
 * are from the origin together (nf_cmp_radius).
 */
int nf_compare_read(struct nf_cmps *t, struct nf_list *names,
    struct nf_tiles side[2], const struct nf_compare_spec *s,
    struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
