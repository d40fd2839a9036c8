/* The keys of a configuration.  Internal to formats. */
#ifndef NF_CFG_KEY_H
#define NF_CFG_KEY_H

#include "nfio.h"

enum nf_cfg_kind { NF_CFG_TEXT, NF_CFG_COUNT, NF_CFG_SEED, NF_CFG_REAL,
	NF_CFG_YESNO, NF_CFG_CHOICE };

struct nf_cfg_key {
	const char *section, *name;
	enum nf_cfg_kind kind;
	size_t at;			/* in struct nf_cfg */
	double lo, hi;			/* of a count or real, ends included;
					 * both 0: nf_shape_check knows */
	const char *(*choice)(int k);	/* the names of a choice */
};

#define NF_CFG_NKEY	40
extern const struct nf_cfg_key nf_cfg_keys[];	/* ends with a NULL name */

/* The section of that name, spelt once for all; NULL: no such one. */
const char *nf_cfg_section(const char *name, struct nf_err *err);
/* The key's position, or -1 and an error that names the nearest. */
int nf_cfg_find(const char *section, const char *name, struct nf_err *err);
/* Give key k the value; the error says what is allowed. */
int nf_cfg_set(struct nf_cfg *c, int k, const char *value,
    struct nf_err *err);
/* What holds between keys. */
int nf_cfg_check(const struct nf_cfg *c, struct nf_err *err);

#endif
