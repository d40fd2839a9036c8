/* cfgkeys: the keys of a configuration, with section, kind and choices. */
#include <stdio.h>

#include "cfg_key.h"

int
main(void)
{
	static const char *const kind[] = { "text", "count", "seed", "real",
		"yesno", "choice" };
	const struct nf_cfg_key *k;
	int i;

	for (k = nf_cfg_keys; k->name != NULL; k++) {
		printf("%s.%s\t%s\t", k->section, k->name, kind[k->kind]);
		for (i = 0; k->choice != NULL && k->choice(i) != NULL; i++)
			printf("%s ", k->choice(i));
		putchar('\n');
	}
	return 0;
}
