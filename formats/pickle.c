/* The machine that a pickle is a program for, restricted: see pickle.h. */
#include <string.h>

#include "pickle_op.h"

/* ---- memory ----------------------------------------------------------- */

struct nf_pickle_value *
nf_pickle_new(struct nf_pickle *p, enum nf_pickle_kind kind)
{
	struct nf_pickle_chunk *c = p->chunk;

	if (p->nvalue++ == NF_PICKLE_VALUES) {
		nf_fail(p->err, NF_EDATA, "more than %u values",
		    NF_PICKLE_VALUES);
		return NULL;
	}
	if (c == NULL || c->used == NF_PICKLE_CHUNK) {
		c = nf_alloc(1, sizeof(*c), "a pickle's values", p->err);
		if (c == NULL)
			return NULL;
		c->next = p->chunk;
		p->chunk = c;
	}
	c->v[c->used].kind = kind;
	return &c->v[c->used++];
}

int
nf_pickle_grow(struct nf_pickle *p, void *v, uint32_t used, uint32_t *room,
    uint32_t n)
{
	void *old, *new;
	size_t want = *room == 0 ? 8 : *room;

	memcpy(&old, v, sizeof(old));
	if ((size_t)used + n <= *room)
		return 0;
	while (want < (size_t)used + n)
		want *= 2;
	if (want > NF_PICKLE_VALUES)
		return nf_fail(p->err, NF_EDATA, "more than %u values in one "
		    "place", NF_PICKLE_VALUES);
	new = nf_alloc(want, sizeof(void *), "a pickle's values", p->err);
	if (new == NULL)
		return -1;
	if (used > 0)
		memcpy(new, old, used * sizeof(void *));
	nf_free(old);
	memcpy(v, &new, sizeof(new));
	*room = (uint32_t)want;
	return 0;
}

int
nf_pickle_add(struct nf_pickle *p, struct nf_pickle_pile *a,
    struct nf_pickle_value *v)
{
	if (v == NULL || nf_pickle_grow(p, &a->v, a->n, &a->room, 1) == -1)
		return -1;
	a->v[a->n++] = v;
	return 0;
}

/* ---- reading ---------------------------------------------------------- */

int
nf_pickle_bad(struct nf_pickle *p, const char *what)
{
	return nf_fail(p->err, NF_EDATA, "%s", what);
}

const unsigned char *
nf_pickle_take(struct nf_pickle *p, size_t k, uint64_t *number)
{
	const unsigned char *s = p->s + p->at;
	size_t i;

	if (k > p->n - p->at) {
		nf_pickle_bad(p, "the pickle ends in the middle");
		return NULL;
	}
	p->at += k;
	for (*number = 0, i = k; i-- > 0 && k <= 8; )
		*number = *number << 8 | s[i];
	return s;
}

/* ---- the stack -------------------------------------------------------- */

int
nf_pickle_push(struct nf_pickle *p, struct nf_pickle_value *v)
{
	return nf_pickle_add(p, &p->stack, v);
}

struct nf_pickle_value *
nf_pickle_top(struct nf_pickle *p)
{
	struct nf_pickle_pile *a = &p->stack;

	if (a->n > 0 && a->v[a->n - 1] != &p->mark)
		return a->v[a->n - 1];
	nf_pickle_bad(p, "nothing on the stack");
	return NULL;
}

struct nf_pickle_value *
nf_pickle_pop(struct nf_pickle *p)
{
	struct nf_pickle_value *v = nf_pickle_top(p);

	if (v != NULL)
		p->stack.n--;
	return v;
}

/* ---- the pickle ------------------------------------------------------- */

static int
run(struct nf_pickle *p)
{
	uint64_t op, version;
	int rc = 1;

	while (rc == 1) {
		p->op = p->at;
		if (nf_pickle_take(p, 1, &op) == NULL)
			return -1;
		if (op == '.')
			return 0;
		if (op == 0x80) {
			if (nf_pickle_take(p, 1, &version) == NULL)
				return -1;
			if (version != 2)
				return nf_fail(p->err, NF_EDATA, "protocol "
				    "%u, want 2: save it without "
				    "pickle_protocol", (unsigned)version);
			continue;
		}
		rc = nf_pickle_plain(p, (int)op);
		if (rc == 0)
			rc = nf_pickle_contain(p, (int)op);
		if (rc == 0)
			rc = nf_pickle_memo(p, (int)op);
		if (rc == 0)
			rc = nf_pickle_call(p, (int)op);
		if (rc == 0)
			return nf_fail(p->err, NF_EDATA, "opcode 0x%02x, "
			    "which tensors and plain values do not need",
			    (unsigned)op);
	}
	return -1;
}

int
nf_pickle_read(struct nf_pickle **out, unsigned char *s, size_t n,
    struct nf_err *err)
{
	struct nf_pickle *p = nf_alloc(1, sizeof(*p), "a pickle", err);
	int rc;

	*out = p;
	if (p == NULL) {
		nf_free(s);
		return -1;
	}
	p->s = s;
	p->n = n;
	p->err = err;
	p->mark.kind = NF_PICKLE_MARK;
	rc = run(p);
	if (rc == 0 && p->at < p->n)
		rc = nf_pickle_bad(p, "bytes behind the pickle's end");
	if (rc == 0 && (p->stack.n != 1 || p->stack.v[0] == &p->mark))
		rc = nf_pickle_bad(p, "the pickle ends, but not with one "
		    "value");
	if (rc == 0)
		return 0;
	nf_fail_in(err, "byte %zu", p->op);
	nf_pickle_free(p);
	*out = NULL;
	return -1;
}

const struct nf_pickle_value *
nf_pickle_root(const struct nf_pickle *p)
{
	return p->stack.v[0];
}

void
nf_pickle_free(struct nf_pickle *p)
{
	struct nf_pickle_value *v;
	struct nf_pickle_chunk *c;

	if (p == NULL)
		return;
	while ((c = p->chunk) != NULL) {
		p->chunk = c->next;
		for (v = c->v; v < c->v + c->used; v++)
			switch (v->kind) {
			case NF_PICKLE_TUPLE:
			case NF_PICKLE_LIST:
			case NF_PICKLE_DICT:
				nf_free(v->u.seq.item);
				break;
			case NF_PICKLE_STORAGE:
				nf_free(v->u.storage);
				break;
			case NF_PICKLE_TENSOR:
				nf_free(v->u.tensor);
				break;
			default:
				break;
			}
		nf_free(c);
	}
	nf_free(p->stack.v);
	nf_free(p->memo.v);
	nf_free(p->s);
	nf_free(p);
}
