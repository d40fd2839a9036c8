/* Tensors out of a pickle, and questions to its values. */
#include <stdio.h>
#include <string.h>

#include "pickle_op.h"

static const struct {
	const char *module, *name;
	size_t size;			/* of a number of that storage */
} global[] = {
	[NF_PICKLE_ODICT] = { "collections", "OrderedDict", 0 },
	[NF_PICKLE_REBUILD] = { "torch._utils", "_rebuild_tensor_v2", 0 },
	[NF_PICKLE_PARAMETER] = { "torch._utils", "_rebuild_parameter", 0 },
	[NF_PICKLE_STORAGES + NF_PICKLE_F32] = { "torch", "FloatStorage", 4 },
	[NF_PICKLE_STORAGES + NF_PICKLE_F64] = { "torch", "DoubleStorage", 8 },
	[NF_PICKLE_STORAGES + NF_PICKLE_I64] = { "torch", "LongStorage", 8 },
	[NF_PICKLE_STORAGES + NF_PICKLE_I32] = { "torch", "IntStorage", 4 },
	[NF_PICKLE_STORAGES + NF_PICKLE_I16] = { "torch", "ShortStorage", 2 },
	[NF_PICKLE_STORAGES + NF_PICKLE_I8] = { "torch", "CharStorage", 1 },
	[NF_PICKLE_STORAGES + NF_PICKLE_U8] = { "torch", "ByteStorage", 1 },
	[NF_PICKLE_STORAGES + NF_PICKLE_BOOLS] = { "torch", "BoolStorage", 1 },
};
#define NGLOBAL	((int)(sizeof(global) / sizeof(global[0])))

size_t
nf_pickle_size(enum nf_pickle_number number)
{
	return global[NF_PICKLE_STORAGES + (int)number].size;
}

static bool
same(const char *a, const char *s, size_t n)
{
	return strlen(a) == n && memcmp(a, s, n) == 0;
}

int
nf_pickle_global(const char *module, size_t nmodule, const char *name,
    size_t nname)
{
	int k;

	for (k = 0; k < NGLOBAL; k++)
		if (same(global[k].module, module, nmodule) &&
		    same(global[k].name, name, nname))
			return k;
	return -1;
}

/* ---- tensors ---------------------------------------------------------- */

/* Item k of a tuple or list, where it is of that kind, or NULL. */
static const struct nf_pickle_value *
item(const struct nf_pickle_value *v, uint32_t k, enum nf_pickle_kind kind)
{
	return k < v->u.seq.n && v->u.seq.item[k]->kind == kind ?
	    v->u.seq.item[k] : NULL;
}

int
nf_pickle_store(const struct nf_pickle_value *id,
    struct nf_pickle_storage *to, struct nf_err *err)
{
	const struct nf_pickle_value *what, *type, *n;

	if (id->kind != NF_PICKLE_TUPLE)
		return nf_fail(err, NF_EDATA, "a storage without a name");
	what = item(id, 0, NF_PICKLE_TEXT);
	type = item(id, 1, NF_PICKLE_GLOBAL);
	to->key = item(id, 2, NF_PICKLE_TEXT);
	n = item(id, 4, NF_PICKLE_INT);
	if (what == NULL || !nf_pickle_is(what, "storage") || type == NULL ||
	    type->u.i < NF_PICKLE_STORAGES || to->key == NULL || n == NULL)
		return nf_fail(err, NF_EDATA, "a storage that is none");
	to->number = (enum nf_pickle_number)(type->u.i - NF_PICKLE_STORAGES);
	if (n->u.i < 0 || n->u.i > INT64_MAX / 8)
		return nf_fail(err, NF_EDATA, "a storage of %lld numbers",
		    (long long)n->u.i);
	to->n = (uint64_t)n->u.i;
	return 0;
}

/* Sizes or strides: as many as dimensions, none below 0. */
static int
take_dims(const struct nf_pickle_value *v, uint64_t *to, const char *what,
    struct nf_err *err)
{
	const struct nf_pickle_value *x;
	uint32_t k;

	for (k = 0; k < v->u.seq.n; k++) {
		x = item(v, k, NF_PICKLE_INT);
		if (x == NULL || x->u.i < 0)
			return nf_fail(err, NF_EDATA, "a tensor whose %s is "
			    "no number of 0 or more", what);
		to[k] = (uint64_t)x->u.i;
	}
	return 0;
}

/* Does the view stay within its storage? */
static bool
inside(const struct nf_pickle_tensor *t)
{
	uint64_t last = t->offset, step;
	bool empty = false;
	uint32_t k;

	for (k = 0; k < t->ndim; k++) {
		empty |= t->size[k] == 0;
		if (t->size[k] > 0 && (__builtin_mul_overflow(t->size[k] - 1,
		    t->stride[k], &step) ||
		    __builtin_add_overflow(last, step, &last)))
			return false;
	}
	return empty || last < t->storage->u.storage->n;
}

int
nf_pickle_rebuild(const struct nf_pickle_value *arg,
    struct nf_pickle_tensor *t, struct nf_err *err)
{
	const struct nf_pickle_value *offset, *size, *stride;

	t->storage = item(arg, 0, NF_PICKLE_STORAGE);
	offset = item(arg, 1, NF_PICKLE_INT);
	size = item(arg, 2, NF_PICKLE_TUPLE);
	stride = item(arg, 3, NF_PICKLE_TUPLE);
	if (t->storage == NULL || offset == NULL || size == NULL ||
	    stride == NULL || size->u.seq.n != stride->u.seq.n)
		return nf_fail(err, NF_EDATA, "a tensor without a storage or "
		    "a shape");
	if (size->u.seq.n > NF_PICKLE_DIMS)
		return nf_fail(err, NF_EDATA, "a tensor of %u dimensions, "
		    "want at most %d", size->u.seq.n, NF_PICKLE_DIMS);
	t->ndim = size->u.seq.n;
	if (take_dims(size, t->size, "size", err) == -1 ||
	    take_dims(stride, t->stride, "stride", err) == -1)
		return -1;
	t->offset = (uint64_t)offset->u.i;
	if (offset->u.i < 0 || !inside(t))
		return nf_fail(err, NF_EDATA, "a tensor that leaves its "
		    "storage of %llu numbers",
		    (unsigned long long)t->storage->u.storage->n);
	return 0;
}

/* ---- questions -------------------------------------------------------- */

bool
nf_pickle_is(const struct nf_pickle_value *v, const char *text)
{
	return v->kind == NF_PICKLE_TEXT &&
	    same(text, v->u.text.s, v->u.text.n);
}

const struct nf_pickle_value *
nf_pickle_get(const struct nf_pickle_value *d, const char *key)
{
	uint32_t k;

	for (k = d->kind == NF_PICKLE_DICT ? d->u.seq.n : 0; k > 0; k -= 2)
		if (nf_pickle_is(d->u.seq.item[k - 2], key))
			return d->u.seq.item[k - 1];
	return NULL;
}

const struct nf_pickle_value *
nf_pickle_at(const struct nf_pickle_value *d, int64_t key)
{
	const struct nf_pickle_value *const *item = d->u.seq.item;
	uint32_t k;

	if (d->kind != NF_PICKLE_DICT || key < 0)
		return NULL;
	/* Mostly they stand in their order. */
	if ((uint64_t)key < d->u.seq.n / 2 &&
	    item[2 * key]->kind == NF_PICKLE_INT && item[2 * key]->u.i == key)
		return item[2 * key + 1];
	for (k = d->u.seq.n; k > 0; k -= 2)
		if (item[k - 2]->kind == NF_PICKLE_INT &&
		    item[k - 2]->u.i == key)
			return item[k - 1];
	return NULL;
}

int
nf_pickle_number(const struct nf_pickle_value *v, double *x)
{
	if (v == NULL || (v->kind != NF_PICKLE_REAL &&
	    v->kind != NF_PICKLE_INT && v->kind != NF_PICKLE_BOOL))
		return 0;
	*x = v->kind == NF_PICKLE_REAL ? v->u.x : (double)v->u.i;
	return 1;
}

/* Text as it may be printed, cut where there is no room. */
static void
quote(const struct nf_pickle_text *t, char *to)
{
	uint32_t k;

	*to++ = '\'';
	for (k = 0; k < t->n && k < NF_PICKLE_WORDS - 6; k++)
		*to++ = t->s[k] >= ' ' && t->s[k] < 0x7f ? t->s[k] : '?';
	strcpy(to, k < t->n ? "..'" : "'");
}

const char *
nf_pickle_words(const struct nf_pickle_value *v, char *to)
{
	static const char *const name[] = {
		[NF_PICKLE_NONE] = "None", [NF_PICKLE_BOOL] = "a bool",
		[NF_PICKLE_TUPLE] = "a tuple", [NF_PICKLE_LIST] = "a list",
		[NF_PICKLE_DICT] = "a dict", [NF_PICKLE_STORAGE] = "a storage",
		[NF_PICKLE_GLOBAL] = "a global", [NF_PICKLE_MARK] = "a mark",
	};
	const struct nf_pickle_tensor *t;
	int n;
	uint32_t k;

	switch (v->kind) {
	case NF_PICKLE_INT:
		snprintf(to, NF_PICKLE_WORDS, "%lld", (long long)v->u.i);
		break;
	case NF_PICKLE_REAL:
		snprintf(to, NF_PICKLE_WORDS, "%g", v->u.x);
		break;
	case NF_PICKLE_TEXT:
		quote(&v->u.text, to);
		break;
	case NF_PICKLE_TENSOR:
		t = v->u.tensor;
		n = snprintf(to, NF_PICKLE_WORDS, "a tensor of");
		for (k = 0; k < t->ndim && n < NF_PICKLE_WORDS; k++)
			n += snprintf(to + n, (size_t)(NF_PICKLE_WORDS - n),
			    " %s%.6g", k > 0 ? "x " : "", (double)t->size[k]);
		if (t->ndim == 0)
			strcpy(to, "a number's tensor");
		break;
	default:
		snprintf(to, NF_PICKLE_WORDS, "%s", name[v->kind]);
		break;
	}
	return to;
}
