/*
 * Rows that stand in a file just as a stream has them: a pipe can take them
 * from the system's cache of files, without a copy.
 */
#ifndef NF_SPAN_H
#define NF_SPAN_H

#include "nfio.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_span {
	int fd;				/* of a file, the owner's */
	uint64_t at, n;			/* n bytes there */
};

/*
 * Where the rows that nf_h5_next gave last stand, one span after another;
 * *nspan is 0 where they were not all copied from a file as they are.
 */
const struct nf_span *nf_h5_spans(const struct nf_h5 *t, uint32_t *nspan);

/*
 * As nf_writer_put of rows that stand in these spans, too (none: nspan is 0).
 * Checksums are of x: where the file has been changed since x was read, the
 * stream's reader will find the frame corrupt.
 */
int nf_writer_put_spans(struct nf_writer *w, const void *x, uint64_t nrow,
    const struct nf_span *span, uint32_t nspan, struct nf_err *err)
    NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
