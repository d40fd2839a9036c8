/* Numbers as text, exactly: what is printed reads back as the same bits. */
#ifndef NF_NUMBER_H
#define NF_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

#define NF_NUMBER_SIZE	32		/* bytes that the longest may take */

/*
 * Print v at p, not terminated, and return its length: the shortest decimal
 * that reads back as v, or, where v came from a float, as that float (also
 * when it is read as a double first).
 */
size_t nf_number_print(char *p, double v, bool is_float);

/*
 * Read the number that is the text from s up to end: decimal, nan or inf.
 * Correctly rounded.  False where the text is anything else.
 */
bool nf_number_parse(const char *s, const char *end, double *v);

#endif
