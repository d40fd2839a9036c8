/* The nearest of some names to one that is not among them. */
#ifndef NF_NEAR_H
#define NF_NEAR_H

#include "fault.h"

#define NF_NEAR_MAX	255		/* bytes of a name worth comparing */

/* By edits, case aside; NULL where there are none. */
const char *nf_near(const char *name, const char *const *names, uint32_t n);

#endif
