/* What profile.cu has of ceiling.cu, and lends it. */
#ifndef NF_MEASURE_CUH
#define NF_MEASURE_CUH

#include "cuda.cuh"
#include "profile.h"

/* Hold what follows on the stream back for so long. */
void cuda_stall(struct nf_cuda *c, cudaStream_t s, double seconds);

/* See profile.h. */
int cuda_span_begin(struct nf_dev *d, double stall, struct nf_err *err);
int cuda_span_end(struct nf_dev *d, double *seconds, struct nf_err *err);
int cuda_measure_product(struct nf_dev *d, const struct nf_product_shape *s,
    int count, double *seconds, struct nf_err *err);
int cuda_measure_copy(struct nf_dev *d, enum nf_copy_kind kind, size_t nbyte,
    int count, double *seconds, struct nf_err *err);
int cuda_measure_launch(struct nf_dev *d, int count,
    struct nf_launch_time *t, struct nf_err *err);

#endif
