/* What the opcodes of a pickle do. */
#include <string.h>

#include "pickle_op.h"

/* ---- the stack -------------------------------------------------------- */

/* Are there n values above the last mark? */
static int
has(struct nf_pickle *p, uint32_t n)
{
	const struct nf_pickle_pile *a = &p->stack;
	uint32_t i;

	for (i = 1; i <= n; i++)
		if (i > a->n || a->v[a->n - i] == &p->mark)
			return nf_pickle_bad(p, "nothing on the stack");
	return 0;
}

/* How many values stand above the last mark, or -1. */
static int64_t
above(struct nf_pickle *p)
{
	const struct nf_pickle_pile *a = &p->stack;
	uint32_t i;

	for (i = a->n; i > 0; i--)
		if (a->v[i - 1] == &p->mark)
			return a->n - i;
	return nf_pickle_bad(p, "no mark on the stack");
}

/* ---- values ----------------------------------------------------------- */

static int
put_int(struct nf_pickle *p, enum nf_pickle_kind kind, int64_t i)
{
	struct nf_pickle_value *v = nf_pickle_new(p, kind);

	if (v != NULL)
		v->u.i = i;
	return nf_pickle_push(p, v);
}

/* An integer of so many bytes, two's complement. */
static int
put_long(struct nf_pickle *p)
{
	uint64_t n, x;
	unsigned shift;

	if (nf_pickle_take(p, 1, &n) == NULL)
		return -1;
	if (n > 8)
		return nf_fail(p->err, NF_EDATA, "an integer of %u bytes, "
		    "want at most 8", (unsigned)n);
	if (nf_pickle_take(p, n, &x) == NULL)
		return -1;
	shift = n == 0 ? 0 : 64 - 8 * (unsigned)n;
	return put_int(p, NF_PICKLE_INT, (int64_t)(x << shift) >> shift);
}

static int
put_real(struct nf_pickle *p)
{
	struct nf_pickle_value *v;
	uint64_t x;

	if (nf_pickle_take(p, 8, &x) == NULL ||
	    (v = nf_pickle_new(p, NF_PICKLE_REAL)) == NULL)
		return -1;
	x = __builtin_bswap64(x);
	memcpy(&v->u.x, &x, sizeof(x));
	return nf_pickle_push(p, v);
}

static int
put_text(struct nf_pickle *p)
{
	struct nf_pickle_value *v;
	const unsigned char *s;
	uint64_t n, unused;

	if (nf_pickle_take(p, 4, &n) == NULL ||
	    (s = nf_pickle_take(p, n, &unused)) == NULL ||
	    (v = nf_pickle_new(p, NF_PICKLE_TEXT)) == NULL)
		return -1;
	v->u.text.s = (const char *)s;
	v->u.text.n = (uint32_t)n;
	return nf_pickle_push(p, v);
}

/* A value that is nothing but itself: 1 if op is one of those. */
int
nf_pickle_plain(struct nf_pickle *p, int op)
{
	uint64_t x;
	int rc;

	switch (op) {
	case 'N':
		rc = nf_pickle_push(p, nf_pickle_new(p, NF_PICKLE_NONE));
		break;
	case 0x88:
	case 0x89:
		rc = put_int(p, NF_PICKLE_BOOL, op == 0x88);
		break;
	case 'K':
	case 'M':
	case 'J':
		rc = nf_pickle_take(p, op == 'K' ? 1 : op == 'M' ? 2 : 4,
		    &x) == NULL ? -1 : put_int(p, NF_PICKLE_INT, op == 'J' ?
		    (int32_t)(uint32_t)x : (int64_t)x);
		break;
	case 0x8a:
		rc = put_long(p);
		break;
	case 'G':
		rc = put_real(p);
		break;
	case 'X':
		rc = put_text(p);
		break;
	default:
		return 0;
	}
	return rc == -1 ? -1 : 1;
}

/* ---- containers ------------------------------------------------------- */

/* Append to v the n values on top of the stack, which leave it. */
static int
append(struct nf_pickle *p, struct nf_pickle_value *v, uint32_t n)
{
	struct nf_pickle_pile *a = &p->stack;

	if (nf_pickle_grow(p, &v->u.seq.item, v->u.seq.n, &v->u.seq.room,
	    n) == -1)
		return -1;
	a->n -= n;
	if (n > 0)
		memcpy(v->u.seq.item + v->u.seq.n, a->v + a->n,
		    n * sizeof(*a->v));
	v->u.seq.n += n;
	return 0;
}

/* A tuple of the n values on top of the stack, which leave it. */
static struct nf_pickle_value *
tuple_of(struct nf_pickle *p, uint32_t n)
{
	struct nf_pickle_value *v = nf_pickle_new(p, NF_PICKLE_TUPLE);

	return v == NULL || append(p, v, n) == -1 ? NULL : v;
}

/* Add the n values on top to what is below, and below the mark if any. */
static int
extend(struct nf_pickle *p, enum nf_pickle_kind kind, uint32_t n, int marked)
{
	struct nf_pickle_pile *a = &p->stack;
	char words[NF_PICKLE_WORDS];
	struct nf_pickle_value *v;

	if (a->n < n + (uint32_t)marked + 1)
		return nf_pickle_bad(p, "nothing on the stack");
	v = a->v[a->n - n - (uint32_t)marked - 1];
	if (v->kind != kind)
		return nf_fail(p->err, NF_EDATA, "%s, want a %s to add to",
		    nf_pickle_words(v, words),
		    kind == NF_PICKLE_LIST ? "list" : "dict");
	if (kind == NF_PICKLE_DICT && n % 2 != 0)
		return nf_pickle_bad(p, "a key without a value");
	if (append(p, v, n) == -1)
		return -1;
	a->n -= (uint32_t)marked;
	return 0;
}

/* All that stands above the last mark becomes a tuple, or is added. */
static int
close_mark(struct nf_pickle *p, int op)
{
	struct nf_pickle_value *v;
	int64_t n = above(p);

	if (n == -1)
		return -1;
	if (op != 't')
		return extend(p, op == 'e' ? NF_PICKLE_LIST : NF_PICKLE_DICT,
		    (uint32_t)n, 1);
	v = tuple_of(p, (uint32_t)n);
	p->stack.n--;
	return nf_pickle_push(p, v);
}

int
nf_pickle_contain(struct nf_pickle *p, int op)
{
	int rc;

	switch (op) {
	case '(':
		rc = nf_pickle_push(p, &p->mark);
		break;
	case ')':
	case ']':
	case '}':
		rc = nf_pickle_push(p, nf_pickle_new(p, op == ')' ?
		    NF_PICKLE_TUPLE : op == ']' ? NF_PICKLE_LIST :
		    NF_PICKLE_DICT));
		break;
	case 't':
	case 'e':
	case 'u':
		rc = close_mark(p, op);
		break;
	case 0x85:
	case 0x86:
	case 0x87:
		rc = has(p, (uint32_t)op - 0x84) == -1 ? -1 :
		    nf_pickle_push(p, tuple_of(p, (uint32_t)op - 0x84));
		break;
	case 'a':
		rc = has(p, 2) == -1 ? -1 : extend(p, NF_PICKLE_LIST, 1, 0);
		break;
	case 's':
		rc = has(p, 3) == -1 ? -1 : extend(p, NF_PICKLE_DICT, 2, 0);
		break;
	default:
		return 0;
	}
	return rc == -1 ? -1 : 1;
}

/* ---- memo -------------------------------------------------------- */

/* Python numbers what it remembers as it comes, so no number is far off. */
int
nf_pickle_memo(struct nf_pickle *p, int op)
{
	int get = op == 'h' || op == 'j', wide = op == 'r' || op == 'j';
	struct nf_pickle_value *v;
	uint64_t k;

	if (!get && op != 'q' && op != 'r')
		return 0;
	if (nf_pickle_take(p, wide ? 4 : 1, &k) == NULL)
		return -1;
	if (k >= (uint64_t)p->memo.n + !get)
		return nf_fail(p->err, NF_EDATA, "number %u of the memo, "
		    "which holds %u", (unsigned)k, p->memo.n);
	if (get)
		return nf_pickle_push(p, p->memo.v[k]) == -1 ? -1 : 1;
	v = nf_pickle_top(p);
	if (v == NULL)
		return -1;
	if (k == p->memo.n)
		return nf_pickle_add(p, &p->memo, v) == -1 ? -1 : 1;
	p->memo.v[k] = v;
	return 1;
}
