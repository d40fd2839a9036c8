/* Functions that the host's and the device's code share. */
#ifndef NF_INLINE_H
#define NF_INLINE_H

#ifdef __CUDACC__
#define NF_INLINE static __host__ __device__ inline
#else
#define NF_INLINE static inline
#endif

#endif
