/* Memory that grows in place: reserved once, taken as it is filled. */
#ifndef NF_GROW_H
#define NF_GROW_H

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/* At most max bytes at p, which never moves; the first size are usable. */
struct nf_grow {
	void *p;
	size_t size, max;
};

/* Reserve addresses for max bytes (rounded up) without taking memory. */
int nf_grow_open(struct nf_grow *g, size_t max, const char *what,
    struct nf_err *err) NF_CHECKED;
/* Make at least size bytes usable, zeroed; size must not exceed max. */
int nf_grow_to(struct nf_grow *g, size_t size, const char *what,
    struct nf_err *err) NF_CHECKED;
void nf_grow_free(struct nf_grow *g);		/* accepts a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
