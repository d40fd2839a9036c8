/* Checked reading of what stands in a model file; for model_read.c. */
#ifndef MODELIN_H
#define MODELIN_H

#include "h5.h"
#include "modelfile.h"

struct nf_model_in {
	hid_t file;
	const char *path;		/* of the file, for messages */
	struct nf_err *err;
};

/*
 * Messages are "FILE: PATH: what was found, want ..".  Functions return -1
 * on damage, else 1 where it was found and 0 where it is absent.
 */
int nf_model_exists(const struct nf_model_in *in, const char *name);

/* The attributes of table of the object name, into the struct at base. */
int nf_model_fields(const struct nf_model_in *in, const char *name,
    const struct nf_model_field *table, void *base) NF_CHECKED;
/* A number of obj, whose path is name, into *to as its field says. */
int nf_model_number(const struct nf_model_in *in, hid_t obj,
    const char *name, const struct nf_model_field *field, void *to)
    NF_CHECKED;
/* A string attribute; *s is allocated, NULL where absent. */
int nf_model_string(const struct nf_model_in *in, hid_t obj,
    const char *name, const char *attr, char **s) NF_CHECKED;

/* The dataset name of mem's class and this shape into x; 0 or -1. */
int nf_model_data(const struct nf_model_in *in, const char *name,
    hid_t mem, int ndim, const hsize_t *dim, void *x) NF_CHECKED;
/* A 1-D dataset of strings. */
int nf_model_strings(const struct nf_model_in *in, const char *name,
    struct nf_list *l) NF_CHECKED;

#endif
