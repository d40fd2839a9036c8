/* What the reader and the writer of the model file agree on; theirs alone. */
#ifndef MODELFILE_H
#define MODELFILE_H

#include <stddef.h>

#include "nfio.h"

#define NF_MODEL_FORMAT	"nfpipe model"
#define NF_MODEL_VERSION 1
#define NF_MODEL_PATH	80		/* bytes of a path inside the file */
#define NF_MODEL_COMPACT 32768		/* bytes that a header holds */
#define NF_MODEL_CHUNK	(4u << 20)	/* elements of a chunk, at most */
#define NF_MODEL_EPOCHS	(1u << 20)	/* rows of a history, at most */

/* An attribute that is a member of a struct; batch_norm is an int of 0, 1. */
struct nf_model_field {
	const char *name;		/* NULL ends a table */
	size_t offset;
	enum { NF_FIELD_U32, NF_FIELD_U64, NF_FIELD_DOUBLE } type;
	int optional;			/* else a file must have it */
};
extern const struct nf_model_field nf_model_shape[];	/* nf_shape */
extern const struct nf_model_field nf_model_train[];	/* nf_model */

/* "/flow/step_00/permutation" of permutation i; path[NF_MODEL_PATH]. */
void nf_model_perm_path(char *path, const struct nf_flow *f, uint32_t i);
/* A checkpoint's moments are finite, and the second not below 0. */
int nf_model_moments_check(const struct nf_model *m, struct nf_err *err)
    NF_CHECKED;

#endif
