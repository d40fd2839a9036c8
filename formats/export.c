/* A model's tensors under nflows' names: npz, or HDF5. */
#include <stdio.h>
#include <string.h>

#include "h5new.h"
#include "import.h"
#include "nflows.h"
#include "zip.h"

#define HEAD	128			/* bytes of an npy file's header */

/* Where tensors go, one of them open. */
struct out {
	struct nf_zip_writer *zip;
	struct nf_h5_new *h5;
	const char *path;
	struct nf_err *err;
};

/* ---- one tensor ------------------------------------------------------- */

static size_t
count(const struct nf_nflows_entry *e)
{
	return e->ndim == 0 ? 1 : e->ndim == 1 ? e->shape[0] :
	    (size_t)e->shape[0] * e->shape[1];
}

static int
put_npy(struct out *o, const struct nf_nflows_entry *e, const void *x)
{
	bool real = e->kind == NF_NFLOWS_FLOATS;
	char head[HEAD], name[NF_NFLOWS_NAME + 4], shape[32] = "";
	int n;

	if (e->ndim == 1)
		snprintf(shape, sizeof(shape), "%u,", e->shape[0]);
	else if (e->ndim == 2)
		snprintf(shape, sizeof(shape), "%u, %u", e->shape[0],
		    e->shape[1]);
	memset(head, ' ', sizeof(head));
	memcpy(head, "\223NUMPY\001\000\166\000", 10);	/* 118 follow */
	n = snprintf(head + 10, HEAD - 10, "{'descr': '%s', "
	    "'fortran_order': False, 'shape': (%s), }", real ? "<f4" : "<i8",
	    shape);
	head[10 + n] = ' ';
	head[HEAD - 1] = '\n';
	snprintf(name, sizeof(name), "%s.npy", e->name);
	return nf_zip_writer_put(o->zip, name, head, HEAD, x,
	    count(e) * (real ? 4 : 8), o->err);
}

static int
put_h5(struct out *o, const struct nf_nflows_entry *e, const void *x)
{
	bool real = e->kind == NF_NFLOWS_FLOATS;
	hsize_t dim[2] = { e->shape[0], e->shape[1] };
	hid_t make = H5Pcreate(H5P_DATASET_CREATE), space, id = -1;
	int rc = -1;

	space = H5Screate_simple((int)e->ndim, dim, NULL);
	if (space >= 0 && make >= 0 && H5Pset_obj_track_times(make, 0) >= 0)
		id = H5Dcreate2(nf_h5_new_file(o->h5), e->name, real ?
		    H5T_IEEE_F32LE : H5T_STD_I64LE, space, H5P_DEFAULT, make,
		    H5P_DEFAULT);
	if (id >= 0)
		rc = H5Dwrite(id, real ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64,
		    H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
	if (id >= 0 && H5Dclose(id) < 0)
		rc = -1;
	H5Pclose(make);
	H5Sclose(space);
	if (nf_h5_new_ok(o->h5, o->err) == -1)
		return -1;
	return rc >= 0 ? 0 : nf_fail(o->err, NF_ESYS, "%s: %s: cannot write",
	    o->path, e->name);
}

/* ---- all of them ------------------------------------------------------ */

/* Optimiser steps are the batches that the norms have seen. */
static uint64_t
steps(const struct nf_model *m)
{
	const struct nf_history *h = &m->history;
	double last = h->nrow == 0 ? 0 :
	    h->row[h->nrow - 1][NF_HISTORY_STEP];

	if (m->has_train)
		return m->state.step;
	return last >= 0 && last < 0x1p53 ? (uint64_t)last : 0;
}

static int
put_all(struct out *o, const struct nf_model *m)
{
	const struct nf_flow *f = m->flow;
	const struct nf_nflows_entry *e;
	struct nf_nflows a;
	int64_t whole[NF_MAX_FEATURES];
	uint64_t batches = steps(m);
	const void *x;
	uint32_t i;
	int rc = nf_nflows_make(&a, f, o->err);

	for (i = 0; rc == 0 && i < a.n; i++) {
		e = &a.entry[i];
		if (e->kind == NF_NFLOWS_FLOATS)
			x = f->param + e->tensor->offset;
		else {
			nf_nflows_integers(f, e, batches, whole);
			x = whole;
		}
		rc = o->zip != NULL ? put_npy(o, e, x) : put_h5(o, e, x);
	}
	nf_nflows_free(&a);
	return rc;
}

int
nf_export(const struct nf_model *m, const char *path, struct nf_err *err)
{
	struct out o = { .path = path, .err = err };
	const char *dot = strrchr(path, '.');
	int rc;

	if (dot != NULL && strcmp(dot, ".h5") == 0) {
		if (nf_h5_new_begin(&o.h5, path, err) == -1)
			return -1;
		if (put_all(&o, m) == 0)
			return nf_h5_new_commit(o.h5, err);
		nf_h5_new_abort(o.h5);
		return -1;
	}
	if (nf_zip_writer_open(&o.zip, path, err) == -1)
		return -1;
	rc = put_all(&o, m);
	if (rc == 0)
		rc = nf_zip_writer_end(o.zip, err);
	nf_zip_writer_close(o.zip);
	return rc;
}
