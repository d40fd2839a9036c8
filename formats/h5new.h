/*
 * A new HDF5 file, under its name only when whole; not for other folders.
 *
 * libhdf5 crashes where a write fails (1.10: a full disk is a segmentation
 * fault at the close), so its bytes pass through a driver of ours that keeps
 * the first failure to itself and reports success: the file is lost, the
 * program is not.
 */
#ifndef H5NEW_H
#define H5NEW_H

#define H5_USE_110_API
#include <hdf5.h>

#include "nfio.h"

struct nf_h5_new;

/*
 * Nothing that libhdf5 prints is shown from now on.  The root group keeps
 * the order in which its links are made, and no times.
 */
int nf_h5_new_begin(struct nf_h5_new **n, const char *path,
    struct nf_err *err) NF_CHECKED;
hid_t nf_h5_new_file(const struct nf_h5_new *n);
/* -1 once a write has failed: no use in going on. */
int nf_h5_new_ok(const struct nf_h5_new *n, struct nf_err *err) NF_CHECKED;
/* Close the file and give it its name.  Every object in it is closed. */
int nf_h5_new_commit(struct nf_h5_new *n, struct nf_err *err) NF_CHECKED;
void nf_h5_new_abort(struct nf_h5_new *n);	/* accepts NULL */

#endif
