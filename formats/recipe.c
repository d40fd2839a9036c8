/* A recipe as a stream's header has it. */
#include "recipe.h"

/* Add s, which was allocated, or NULL where that failed. */
static int
add(struct nf_list *l, char *s, struct nf_err *err)
{
	int rc = s == NULL ? -1 : nf_list_add(l, s, err);

	nf_free(s);
	return rc;
}

int
nf_recipe_describe(const struct nf_prep *p, struct nf_list *columns,
    struct nf_list *lines, struct nf_err *err)
{
	uint32_t k;

	for (k = 0; k < nf_prep_nout(p); k++)
		if (add(columns, nf_prep_name(p, k, err), err) == -1)
			return -1;
	for (k = 0; k < nf_prep_ncol(p); k++)
		if (add(lines, nf_prep_line(p, k, err), err) == -1)
			return -1;
	return 0;
}
