/* A model file at work: read, on a device, its columns named. */
#ifndef NF_HANDLE_H
#define NF_HANDLE_H

#include <pthread.h>

#include "nfio.h"
#include "raw.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nf_handle {
	char *path;
	struct nf_model *model;
	struct nf_dev *dev;
	struct nf_raw *raw;
	struct nf_list context, target;	/* columns' names */
	struct nf_list target_prep;	/* their recipe */
	pthread_mutex_t lock;		/* the public calls' (use.c), .. */
	double *rows;			/* .. and theirs to work in */
};

/*
 * Read a model and bring it onto a device.  plain: without its recipe; its
 * conditions are then the columns that the recipe makes.  After a failure,
 * too, nf_handle_end is called.
 */
int nf_handle_init(struct nf_handle *h, const char *path, int plain,
    const char *device, uint32_t nthread, struct nf_err *err) NF_CHECKED;
void nf_handle_end(struct nf_handle *h);

#ifdef __cplusplus
}
#endif
#endif
