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

struct nf_draw_opt {
	uint64_t seed;
	uint32_t repeat;		/* draws of a row, one after another */
	uint32_t batch;			/* rows and draws held at a time */
	uint32_t shard, nshard;		/* the shard-th of so many parts */
	uint64_t nrow;			/* where there is no input */
	int index;			/* columns `row` and `draw` first */
	int targets_only;		/* no column of the input goes on */
	uint64_t memory;		/* bytes that may be taken */
};

struct nf_draw;

/*
 * Draw with raw for the rows of in (NULL: nrow rows without conditions),
 * whose columns col are the conditions.  target: the names of what is drawn,
 * and prep their recipe's lines where they are left transformed (or NULL).
 * All but target and prep are kept by reference, *o is copied.  Rows whose
 * number is not known are read here, where a shard needs it.
 */
int nf_draw_new(struct nf_draw **d, struct nf_raw *raw,
    const struct nf_draw_opt *o, struct nf_reader *in, const uint32_t *col,
    const struct nf_list *target, const struct nf_list *prep,
    struct nf_err *err) NF_CHECKED;
void nf_draw_free(struct nf_draw *d);

/*
 * What comes out: [row, draw,] the input's columns that bear no target's
 * name, the targets.  Float64 where the input is, or with an index.
 */
struct nf_schema *nf_draw_schema(struct nf_draw *d);

/* Draw all rows into w, a writer of that schema, which is not ended. */
int nf_draw_run(struct nf_draw *d, struct nf_writer *w, struct nf_err *err)
    NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
