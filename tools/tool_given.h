/* Conditions that are given on the command line. */
#ifndef TOOL_GIVEN_H
#define TOOL_GIVEN_H

#include "draw.h"
#include "tool_model.h"

#define TOOL_GIVEN_MAX	1024

struct tool_given {
	uint32_t n;
	struct nf_given value[TOOL_GIVEN_MAX];
	const char *name[TOOL_GIVEN_MAX];	/* of these conditions */
};

/*
 * Take COLUMN=VALUE or COLUMN=LO:HI:N, which is cut up; a column's name may
 * hold "=" and ":" itself.
 */
void tool_given_add(struct tool_given *g, char *arg);

/*
 * Find which of m's conditions are given, and where the others stand in the
 * columns of r, or that there are no others where r is NULL; col is
 * allocated, one for each of m's conditions.
 */
int tool_given_find(struct tool_given *g, const struct nf_handle *m,
    const struct nf_reader *r, uint32_t **col, struct nf_err *err)
    NF_CHECKED;

#endif
