/* PyTorch's checkpoints: the archive, and tensors as numbers. */
#include <stdio.h>
#include <string.h>

#include "torch.h"
#include "zip.h"

struct nf_torch {
	struct nf_zip *zip;
	struct nf_pickle *pickle;
	char *path;
	const char *prefix;		/* of names: "archive/" */
	int nprefix;
	const struct nf_zip_member *held;	/* the storage last read .. */
	unsigned char *x;			/* .. and its bytes */
};

/* ---- the archive ------------------------------------------------------ */

/* Is it of this machine's order of bytes, where it says so? */
static int
check_order(struct nf_torch *t, struct nf_err *err)
{
	const struct nf_zip_member *m = nf_zip_ends(t->zip, "byteorder");
	char s[16] = "little";

	if (m == NULL || m->size >= sizeof(s))
		return 0;
	memset(s, 0, sizeof(s));
	if (nf_zip_read(t->zip, m, s, err) == -1)
		return -1;
	if (strcmp(s, "little") == 0)
		return 0;
	return nf_fail(err, NF_EDATA, "%s: its bytes are in the order of a "
	    "big-endian machine: save it again on another", t->path);
}

static int
read_pickle(struct nf_torch *t, struct nf_err *err)
{
	const struct nf_zip_member *m = nf_zip_ends(t->zip, "data.pkl");
	unsigned char *s;

	if (m == NULL)
		return nf_fail(err, NF_EDATA, "%s: no data.pkl in it: no "
		    "checkpoint of PyTorch", t->path);
	if (m->size > NF_PICKLE_MAX)
		return nf_fail(err, NF_EDATA, "%s: %s of %llu bytes, want at "
		    "most %u", t->path, m->name, (unsigned long long)m->size,
		    NF_PICKLE_MAX);
	t->prefix = m->name;
	t->nprefix = (int)(strlen(m->name) - strlen("data.pkl"));
	s = nf_alloc(m->size, 1, "a pickle", err);
	if (s == NULL)
		return -1;
	if (nf_zip_read(t->zip, m, s, err) == -1) {
		nf_free(s);
		return -1;
	}
	if (nf_pickle_read(&t->pickle, s, m->size, err) == -1)
		return nf_fail_in(err, "%s: %s", t->path, m->name);
	return 0;
}

int
nf_torch_open(struct nf_torch **out, const char *path, struct nf_err *err)
{
	struct nf_torch *t = nf_alloc(1, sizeof(*t), "a checkpoint", err);

	*out = t;
	if (t != NULL && (t->path = nf_strdup(path, err)) != NULL &&
	    nf_zip_open(&t->zip, path, err) == 0 &&
	    check_order(t, err) == 0 && read_pickle(t, err) == 0)
		return 0;
	nf_torch_close(t);
	*out = NULL;
	return -1;
}

void
nf_torch_close(struct nf_torch *t)
{
	if (t == NULL)
		return;
	nf_pickle_free(t->pickle);
	nf_zip_close(t->zip);
	nf_free(t->path);
	nf_free(t->x);
	nf_free(t);
}

const struct nf_pickle_value *
nf_torch_root(const struct nf_torch *t)
{
	return nf_pickle_root(t->pickle);
}

uint64_t
nf_torch_nbyte(const struct nf_torch *t)
{
	return nf_zip_nbyte(t->zip);
}

/* ---- tensors ---------------------------------------------------------- */

/* The storage's bytes to t->x, if they are not there. */
static int
hold(struct nf_torch *t, const struct nf_pickle_storage *s, const char *name,
    struct nf_err *err)
{
	const struct nf_pickle_text *key = &s->key->u.text;
	char member[NF_ZIP_NAME + 1];
	const struct nf_zip_member *m;
	int n;

	n = snprintf(member, sizeof(member), "%.*sdata/%.*s", t->nprefix,
	    t->prefix, (int)(key->n < NF_ZIP_NAME ? key->n : NF_ZIP_NAME),
	    key->s);
	m = n >= (int)sizeof(member) ? NULL :
	    nf_zip_find(t->zip, member, (size_t)n);
	if (m == NULL)
		return nf_fail(err, NF_EDATA, "%s: %s: its numbers are not "
		    "in the archive", t->path, name);
	if (m == t->held)
		return 0;
	if (m->size != s->n * nf_pickle_size(s->number))
		return nf_fail(err, NF_EDATA, "%s: %s: %s has %llu bytes, "
		    "want %llu", t->path, name, m->name,
		    (unsigned long long)m->size, (unsigned long long)
		    (s->n * nf_pickle_size(s->number)));
	nf_free(t->x);
	t->held = NULL;
	/* What is compressed could be of any size; it is refused. */
	t->x = nf_alloc(m->method == 0 ? m->size : 0, 1, "numbers", err);
	if (t->x == NULL || nf_zip_read(t->zip, m, t->x, err) == -1)
		return -1;
	t->held = m;
	return 0;
}

/* Number k of a storage at s; integers beyond 2^53 lose their last bits. */
static double
element(const unsigned char *s, enum nf_pickle_number number, uint64_t k)
{
	union {
		float f;
		double d;
		int64_t l;
		int32_t i;
		int16_t h;
	} u;

	memcpy(&u, s + k * nf_pickle_size(number), nf_pickle_size(number));
	switch (number) {
	case NF_PICKLE_F32:
		return (double)u.f;
	case NF_PICKLE_F64:
		return u.d;
	case NF_PICKLE_I64:
		return (double)u.l;
	case NF_PICKLE_I32:
		return u.i;
	case NF_PICKLE_I16:
		return u.h;
	case NF_PICKLE_I8:
		return (signed char)s[k];
	case NF_PICKLE_U8:
	case NF_PICKLE_BOOLS:
		break;
	}
	return s[k];
}

/* The tensor that v must be, its numbers held. */
static const struct nf_pickle_tensor *
want(struct nf_torch *t, const struct nf_pickle_value *v, const char *name,
    uint32_t ndim, const uint32_t *shape, struct nf_err *err)
{
	char found[NF_PICKLE_WORDS], words[64];
	const struct nf_pickle_tensor *x;
	uint32_t k;
	int n = 0;

	x = v->kind == NF_PICKLE_TENSOR ? v->u.tensor : NULL;
	for (k = 0; x != NULL && x->ndim == ndim && k < ndim; k++)
		if (x->size[k] != shape[k])
			break;
	if (x == NULL || x->ndim != ndim || k < ndim) {
		strcpy(words, " one number");
		for (k = 0; k < ndim; k++)
			n += snprintf(words + n, sizeof(words) - (size_t)n,
			    "%s%u", k == 0 ? " " : " x ", shape[k]);
		nf_fail(err, NF_EDATA, "%s: %s: %s, want a tensor of%s",
		    t->path, name, nf_pickle_words(v, found), words);
		return NULL;
	}
	return hold(t, x->storage->u.storage, name, err) == -1 ? NULL : x;
}

/* Step to the next element, row-major; *at is its place in the storage. */
static void
next(const struct nf_pickle_tensor *x, uint64_t *index, uint64_t *at)
{
	uint32_t k;

	for (k = x->ndim; k-- > 0; ) {
		*at += x->stride[k];
		if (++index[k] < x->size[k])
			return;
		*at -= x->stride[k] * x->size[k];
		index[k] = 0;
	}
}

static uint64_t
count(const struct nf_pickle_tensor *x)
{
	uint64_t n = 1;
	uint32_t k;

	for (k = 0; k < x->ndim; k++)
		n *= x->size[k];
	return n;
}

int
nf_torch_floats(struct nf_torch *t, const struct nf_pickle_value *v,
    const char *name, uint32_t ndim, const uint32_t *shape, float *x,
    struct nf_err *err)
{
	const struct nf_pickle_tensor *p;
	uint64_t index[NF_PICKLE_DIMS] = { 0 }, at, n, i;
	enum nf_pickle_number number;

	p = want(t, v, name, ndim, shape, err);
	if (p == NULL)
		return -1;
	number = p->storage->u.storage->number;
	at = p->offset;
	for (n = count(p), i = 0; i < n; i++) {
		x[i] = (float)element(t->x, number, at);
		next(p, index, &at);
	}
	return 0;
}

int
nf_torch_doubles(struct nf_torch *t, const struct nf_pickle_value *v,
    const char *name, uint32_t ndim, const uint32_t *shape, double *x,
    struct nf_err *err)
{
	const struct nf_pickle_tensor *p;
	uint64_t index[NF_PICKLE_DIMS] = { 0 }, at, n, i;

	p = want(t, v, name, ndim, shape, err);
	if (p == NULL)
		return -1;
	at = p->offset;
	for (n = count(p), i = 0; i < n; i++) {
		x[i] = element(t->x, p->storage->u.storage->number, at);
		next(p, index, &at);
	}
	return 0;
}

int
nf_torch_number(struct nf_torch *t, const struct nf_pickle_value *v,
    const char *name, double *x, struct nf_err *err)
{
	const uint32_t one = 1;

	if (nf_pickle_number(v, x))
		return 1;
	if (v == NULL || v->kind != NF_PICKLE_TENSOR ||
	    count(v->u.tensor) != 1 || v->u.tensor->ndim > 1)
		return 0;
	return nf_torch_doubles(t, v, name, v->u.tensor->ndim, &one, x,
	    err) == -1 ? -1 : 1;
}
