/*
 * nfpipe's library: normalizing flows, memory in, memory out.
 *
 * A function that can fail returns -1 (or NULL) and fills a struct nf_err;
 * it prints nothing and never exits.  Arrays are row-major.
 */
#ifndef NF_H
#define NF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ----------------------------------------------------------- */

enum nf_code {
	NF_ESYS = 1,		/* the system failed: memory, disk, device */
	NF_EUSE,		/* the caller asked for what cannot be */
	NF_EDATA		/* the input is damaged or does not fit */
};

/* One line that says where, what was found and what was wanted. */
struct nf_err {
	enum nf_code code;
	char msg[1024];		/* no newline, no program name */
};

#ifdef __cplusplus
}
#endif
#endif
