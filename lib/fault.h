/*
 * What can go wrong anywhere in the library: errors are filled, memory is
 * refused with a name, and the tests let either happen.
 */
#ifndef NF_FAULT_H
#define NF_FAULT_H

#include "nf.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_CHECKED __attribute__((warn_unused_result))

/* ---- errors ----------------------------------------------------------- */

/* Fill err (which may be NULL) as printf does; always returns -1. */
int nf_fail(struct nf_err *err, enum nf_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Put "PREFIX: " before the message, PREFIX formatted; returns -1. */
int nf_fail_in(struct nf_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- memory ----------------------------------------------------------- */

/*
 * n zeroed elements of size bytes, aligned to 64 bytes, or NULL with err
 * filled (NF_ESYS, naming what).  The product is checked.  Freed by
 * nf_free, which accepts NULL.
 */
void *nf_alloc(size_t n, size_t size, const char *what, struct nf_err *err)
    NF_CHECKED;
void nf_free(void *p);
char *nf_strdup(const char *s, struct nf_err *err) NF_CHECKED;

/*
 * For tests of failure: in a build with NF_FAULTS, the environment variable
 * NF_FAULT=SITE:N makes the N-th call at that site fail.  Otherwise 0.
 */
enum nf_site { NF_FAULT_ALLOC, NF_FAULT_READ, NF_FAULT_WRITE };
int nf_fault(enum nf_site site);

#ifdef __cplusplus
}
#endif
#endif
