/* The nearest of some names, for messages that can say what was meant. */
#include <ctype.h>
#include <string.h>

#include "near.h"

/* Edits that turn a into b, or max where there are as many or more. */
static uint32_t
distance(const char *a, const char *b, uint32_t max)
{
	uint32_t row[NF_NEAR_MAX + 1], i, j, was, best, up;
	size_t na = strlen(a), nb = strlen(b);

	if (na > NF_NEAR_MAX || nb > NF_NEAR_MAX ||
	    (na > nb ? na - nb : nb - na) >= max)
		return max;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		was = row[0];
		row[0] = best = i;
		for (j = 1; j <= nb; j++) {
			up = row[j];
			was += tolower((unsigned char)a[i - 1]) !=
			    tolower((unsigned char)b[j - 1]);
			if (up + 1 < was)
				was = up + 1;
			if (row[j - 1] + 1 < was)
				was = row[j - 1] + 1;
			row[j] = was;
			was = up;
			if (row[j] < best)
				best = row[j];
		}
		if (best >= max)
			return max;
	}
	return row[nb];
}

const char *
nf_near(const char *name, const char *const *names, uint32_t n)
{
	uint32_t best = NF_NEAR_MAX + 1, at = 0, d, j;

	for (j = 0; j < n; j++) {
		d = distance(name, names[j], best);
		if (d < best) {
			best = d;
			at = j;
		}
	}
	return n == 0 ? NULL : names[at];
}
