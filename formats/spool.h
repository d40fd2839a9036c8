/*
 * Training rows on disk, for tables larger than memory.
 *
 * The rows are written once in a uniformly random order (nf_permuter) and cut
 * into blocks.  An epoch takes the blocks in a fresh random order, a window
 * of many blocks at a time, and the rows of a window in a fresh random order;
 * rows behind the last whole block come with the last window.  So an epoch
 * visits every row once, and a batch is drawn from a random part of all rows.
 * The order depends on the seed, the rows' number and these two sizes alone.
 * A thread reads the next window while one is trained on.
 */
#ifndef NF_SPOOL_H
#define NF_SPOOL_H

#include "nfio.h"
#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_spool;

/* Rows of a block and of a window: both of whole batches. */
struct nf_spool_size {
	uint64_t block, window;
};

/*
 * The sizes for rows of D + C + nweight numbers in memory bytes, of which
 * batches take batch.  Refuses (NF_ESYS) what has no room for two batches.
 */
int nf_spool_fit(struct nf_spool_size *s, uint32_t ncol, uint32_t batch,
    uint64_t memory, struct nf_err *err) NF_CHECKED;
/* Bytes that such windows take, with a copy on the device. */
uint64_t nf_spool_memory(const struct nf_spool_size *s, uint32_t ncol);

/* A row is x[D], context[C] and, if weighted, its weight. */
int nf_spool_new(struct nf_spool **s, uint32_t D, uint32_t C, int weighted,
    const struct nf_spool_size *size, uint64_t seed, uint64_t memory,
    struct nf_err *err) NF_CHECKED;
int nf_spool_put(struct nf_spool *s, const nf_real *rows, uint64_t nrow,
    struct nf_err *err) NF_CHECKED;
/* After the last row: write them in their order, and describe them in *w. */
int nf_spool_done(struct nf_spool *s, struct nf_windows *w,
    struct nf_err *err) NF_CHECKED;
void nf_spool_close(struct nf_spool *s);	/* accepts NULL */

#ifdef __cplusplus
}
#endif
#endif
