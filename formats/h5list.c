/* What an HDF5 group holds, in words: for whoever named what it does not. */
#include <string.h>

#include "h5.h"

#define MOST	12		/* objects named */

/* Objects are named until the words are full or enough. */
struct contents {
	char *buf;
	size_t n, used;
	unsigned count, most;
};

static void
describe_dataset(hid_t id, char *words, size_t n)
{
	char shape[64], element[64];
	hid_t space = H5Dget_space(id), type = H5Dget_type(id);

	nf_h5_shape_words(space, shape, sizeof(shape));
	nf_h5_type_words(type, element, sizeof(element));
	snprintf(words, n, "%s, %s", shape, element);
	H5Sclose(space);
	H5Tclose(type);
}

/* Names come from the file: what is not text is shown as '?'. */
static void
append(struct contents *c, const char *name, const char *words)
{
	size_t k, start = c->used;
	int n;

	n = snprintf(c->buf + start, c->n - start, "%s%s (%s)",
	    c->count == 0 ? "" : ", ", name, words);
	if (n < 0 || (size_t)n >= c->n - start) {
		c->buf[start] = '\0';
		c->most = c->count;	/* no room for more */
		return;
	}
	for (k = start; k < start + (size_t)n; k++)
		if ((unsigned char)c->buf[k] < ' ' || c->buf[k] == 0x7f)
			c->buf[k] = '?';
	c->used += (size_t)n;
	c->count++;
}

static herr_t
visit(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
	struct contents *c = arg;
	char words[160] = "cannot be opened";
	H5G_info_t members;
	hid_t id;

	(void)info;
	if (c->count >= c->most)
		return 1;
	id = H5Oopen(group, name, H5P_DEFAULT);
	if (id >= 0 && H5Iget_type(id) == H5I_DATASET)
		describe_dataset(id, words, sizeof(words));
	else if (id >= 0 && H5Gget_info(id, &members) >= 0)
		snprintf(words, sizeof(words), "a group of %llu",
		    (unsigned long long)members.nlinks);
	if (id >= 0)
		H5Oclose(id);
	append(c, name, words);
	return 0;
}

void
nf_h5_contents(hid_t group, char *buf, size_t n)
{
	static const char more[] = ", ..";
	struct contents c = { buf, n - sizeof(more), 0, 0, MOST };
	herr_t rc;

	buf[0] = '\0';
	rc = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, &c);
	if (c.count == 0)
		snprintf(buf, n, "nothing");
	else if (rc != 0 || c.most < MOST)
		strcpy(buf + c.used, more);
	H5Eclear2(H5E_DEFAULT);
}
