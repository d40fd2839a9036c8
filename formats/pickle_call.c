/* What a pickle may call, and nothing else: tensors and dicts. */
#include <string.h>

#include "pickle_op.h"

#define MAX_GLOBAL 255			/* bytes of a module or a name */

/* The bytes up to the next newline, at most MAX_GLOBAL of them. */
static const char *
line(struct nf_pickle *p, size_t *n)
{
	const char *s = (const char *)p->s + p->at;
	size_t max = p->n - p->at;
	const char *end = memchr(s, '\n', max < MAX_GLOBAL ? max : MAX_GLOBAL);

	if (end == NULL) {
		nf_pickle_bad(p, "a global without a name");
		return NULL;
	}
	*n = (size_t)(end - s);
	p->at += *n + 1;
	return s;
}

/* n bytes of s as they may be printed. */
static void
printable(const char *s, size_t n, char *to, size_t size)
{
	size_t i;

	for (i = 0; i < n && i + 1 < size; i++)
		to[i] = s[i] > ' ' && s[i] < 0x7f ? s[i] : '?';
	to[i] = '\0';
}

static int
put_global(struct nf_pickle *p)
{
	char module[65], name[65];
	struct nf_pickle_value *v;
	const char *a, *b;
	size_t na, nb;
	int k;

	a = line(p, &na);
	b = a == NULL ? NULL : line(p, &nb);
	if (b == NULL)
		return -1;
	k = nf_pickle_global(a, na, b, nb);
	if (k >= 0) {
		v = nf_pickle_new(p, NF_PICKLE_GLOBAL);
		if (v != NULL)
			v->u.i = k;
		return nf_pickle_push(p, v);
	}
	printable(a, na, module, sizeof(module));
	printable(b, nb, name, sizeof(name));
	return nf_fail(p->err, NF_EDATA, "the global %s.%s, want tensors and "
	    "plain values alone: save those, as with state_dict()", module,
	    name);
}

/* Call a global with a tuple: what a tensor is made of, and dicts. */
static int
reduce(struct nf_pickle *p)
{
	const struct nf_pickle_value *arg = nf_pickle_pop(p);
	const struct nf_pickle_value *f = arg == NULL ? NULL : nf_pickle_pop(p);
	struct nf_pickle_value *v;

	if (f == NULL)
		return -1;
	if (f->kind != NF_PICKLE_GLOBAL || arg->kind != NF_PICKLE_TUPLE ||
	    f->u.i >= NF_PICKLE_STORAGES)
		return nf_pickle_bad(p, "a call of what cannot be called");
	if (f->u.i == NF_PICKLE_PARAMETER) {
		if (arg->u.seq.n == 0 ||
		    arg->u.seq.item[0]->kind != NF_PICKLE_TENSOR)
			return nf_pickle_bad(p, "a parameter that is no "
			    "tensor");
		return nf_pickle_push(p,
		    (struct nf_pickle_value *)arg->u.seq.item[0]);
	}
	if (f->u.i == NF_PICKLE_ODICT) {
		if (arg->u.seq.n > 0)
			return nf_pickle_bad(p, "an OrderedDict with "
			    "arguments");
		return nf_pickle_push(p, nf_pickle_new(p, NF_PICKLE_DICT));
	}
	v = nf_pickle_new(p, NF_PICKLE_TENSOR);
	if (v == NULL)
		return -1;
	v->u.tensor = nf_alloc(1, sizeof(*v->u.tensor), "a tensor", p->err);
	if (v->u.tensor == NULL ||
	    nf_pickle_rebuild(arg, v->u.tensor, p->err) == -1)
		return -1;
	return nf_pickle_push(p, v);
}

static int
put_storage(struct nf_pickle *p)
{
	const struct nf_pickle_value *id = nf_pickle_pop(p);
	struct nf_pickle_value *v;

	if (id == NULL || (v = nf_pickle_new(p, NF_PICKLE_STORAGE)) == NULL)
		return -1;
	v->u.storage = nf_alloc(1, sizeof(*v->u.storage), "a storage",
	    p->err);
	if (v->u.storage == NULL ||
	    nf_pickle_store(id, v->u.storage, p->err) == -1)
		return -1;
	return nf_pickle_push(p, v);
}

int
nf_pickle_call(struct nf_pickle *p, int op)
{
	const struct nf_pickle_value *v;
	int rc;

	switch (op) {
	case 'c':
		rc = put_global(p);
		break;
	case 'R':
		rc = reduce(p);
		break;
	case 'Q':
		rc = put_storage(p);
		break;
	case 'b':			/* attributes of an OrderedDict */
		if (nf_pickle_pop(p) == NULL || (v = nf_pickle_top(p)) == NULL)
			return -1;
		rc = v->kind == NF_PICKLE_DICT ? 0 :
		    nf_pickle_bad(p, "attributes of what has none");
		break;
	default:
		return 0;
	}
	return rc == -1 ? -1 : 1;
}

