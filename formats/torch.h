/* PyTorch's checkpoints: a ZIP archive of a pickle and of its numbers. */
#ifndef TORCH_H
#define TORCH_H

#include "nfio.h"
#include "pickle.h"

struct nf_torch;

int nf_torch_open(struct nf_torch **t, const char *path, struct nf_err *err)
    NF_CHECKED;
void nf_torch_close(struct nf_torch *t);	/* accepts NULL */
/* What was saved; valid while t is open. */
const struct nf_pickle_value *nf_torch_root(const struct nf_torch *t);
uint64_t nf_torch_nbyte(const struct nf_torch *t);	/* of the file */

/*
 * The numbers of a tensor of this shape, row-major; name is what messages
 * call it.  Another shape, or what is no tensor, is NF_EDATA.
 */
int nf_torch_floats(struct nf_torch *t, const struct nf_pickle_value *v,
    const char *name, uint32_t ndim, const uint32_t *shape, float *x,
    struct nf_err *err) NF_CHECKED;
int nf_torch_doubles(struct nf_torch *t, const struct nf_pickle_value *v,
    const char *name, uint32_t ndim, const uint32_t *shape, double *x,
    struct nf_err *err) NF_CHECKED;
/* A number, or a tensor of one: 1 done, 0 it is none, -1 error. */
int nf_torch_number(struct nf_torch *t, const struct nf_pickle_value *v,
    const char *name, double *x, struct nf_err *err) NF_CHECKED;

#endif
