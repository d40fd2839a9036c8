/* A recipe as a stream's header has it. */
#ifndef NF_RECIPE_H
#define NF_RECIPE_H

#include "nfio.h"
#include "prep.h"

/* Add the names of the columns that p makes, and the lines of p. */
int nf_recipe_describe(const struct nf_prep *p, struct nf_list *columns,
    struct nf_list *lines, struct nf_err *err) NF_CHECKED;

#endif
