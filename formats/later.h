/*
 * Rows that are prepared when training first wants them: in the first epoch,
 * in which each occurs once, or on their way to a device.  Until then all lie
 * in memory as they came.  Internal to dataset.
 */
#ifndef NF_LATER_H
#define NF_LATER_H

#include "pass.h"

struct nf_later;

/*
 * Prepare those that do not train to p->d->all, and take all weights there;
 * the others, of which the fit is sure (p->sure), follow.  Takes the rows
 * over, and their numbers.
 */
int nf_later_new(struct nf_later **l, struct nf_pass *p, struct nf_err *err)
    NF_CHECKED;
/* Of struct nf_maker; after the last row, memory of raw ones is left. */
int nf_later_make(void *later, const uint32_t *row, uint32_t n,
    struct nf_err *err) NF_CHECKED;
/* All that are left, at once. */
int nf_later_all(struct nf_later *l, struct nf_err *err) NF_CHECKED;
/* Bytes of memory that it takes beside prepared rows. */
uint64_t nf_later_memory(const struct nf_later *l);
void nf_later_free(struct nf_later *l);		/* accepts NULL */

#endif
