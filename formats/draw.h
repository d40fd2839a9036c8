/*
 * Draws from a flow for a table of conditions: rows of one stream in, rows of
 * another out.
 *
 * Draw k of row r is the same whatever the rows' number and frames, the size
 * of a batch, the threads and the shard.
 */
#ifndef NF_DRAW_H
#define NF_DRAW_H

#include "nfio.h"
#include "raw.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_GIVEN_MAX	1000000		/* values of one */

/*
 * A condition that the caller sets: for n above 1 row r has value r % n of n
 * from lo to hi in equal steps; of several of them the last changes first.
 */
struct nf_given {
	uint32_t condition;		/* which: its place in a raw row */
	uint32_t n;
	double lo, hi;
};

struct nf_draw_opt {
	uint64_t seed;
	uint32_t repeat;		/* draws of a row, one after another */
	uint32_t batch;			/* rows and draws held at a time */
	uint32_t shard, nshard;		/* the shard-th of so many parts */
	uint64_t nrow;			/* where there is no input */
	int index;			/* columns `row` and `draw` first */
	int targets_only;		/* no column but targets */
	int f64;			/* whatever the input's type */
	double temperature;		/* noise is multiplied by it */
	const struct nf_given *given;	/* [ngiven], no condition twice */
	uint32_t ngiven;
	uint64_t memory;		/* bytes that may be taken */
};

struct nf_draw;

/* The columns of a draw. */
struct nf_draw_names {
	const struct nf_list *context;
	const struct nf_list *target;
	const struct nf_list *prep;	/* the recipe of targets that are left
					 * transformed, or NULL */
};

/*
 * Draw with raw for the rows of in (NULL: nrow rows, whose conditions are
 * all given), whose columns col[condition] are the conditions that are not
 * given.  All but the names are kept by reference, *o is copied.  Rows whose
 * number is not known are read here, where a shard needs it.
 */
int nf_draw_new(struct nf_draw **d, struct nf_raw *raw,
    const struct nf_draw_opt *o, struct nf_reader *in, const uint32_t *col,
    const struct nf_draw_names *names, struct nf_err *err) NF_CHECKED;
void nf_draw_free(struct nf_draw *d);

/*
 * What comes out: [row, draw,] the input's columns that bear no target's
 * name, those given that it has not, the targets.  Float64 where the input
 * is, with an index, or if asked for.
 */
struct nf_schema *nf_draw_schema(struct nf_draw *d);

/*
 * Draw the next rows, at most a batch, into w, a writer of that schema.
 * Returns 0 when there are none left; w is not ended.
 */
int nf_draw_next(struct nf_draw *d, struct nf_writer *w, struct nf_err *err)
    NF_CHECKED;
uint64_t nf_draw_done(const struct nf_draw *d);		/* rows that came out */

#ifdef __cplusplus
}
#endif
#endif
