/*
 * A library of devices that is loaded at run time: it exports one struct
 * nf_plugin under the name nf_plugin.
 */
#ifndef NF_PLUGIN_H
#define NF_PLUGIN_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_plugin {
	/* Must be as they are here: both sides share structs. */
	char version[32];		/* NF_VERSION */
	uint32_t nops, ndev, ntally;	/* sizeof struct nf_ops, .. */
	/* The device of this index, from 0. */
	int (*open)(struct nf_dev **d, uint32_t index, struct nf_err *err);
	/*
	 * Up to max devices; returns how many.  0, and err says so too: there
	 * is none; -1: why none can be used.
	 */
	int (*list)(struct nf_dev_info *info, uint32_t max,
	    struct nf_err *err);
};

#ifdef __cplusplus
}
#endif
#endif
