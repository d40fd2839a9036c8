/* Recipes as text: "NAME = OP NUMBER.., OP..", parsed and printed. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "near.h"
#include "number.h"
#include "prep_op.h"

#define BLANKS	" \t"
#define SEEN	"seen"

/* ---- the table ---------------------------------------------------------- */

static const struct nf_opdef *
find_op(const char *name, struct nf_err *err)
{
	static const struct nf_opdef *const part[] = {
		nf_opdefs_curve, nf_opdefs_plain, nf_opdefs_draw
	};
	const char *names[64];
	char all[512];
	uint32_t n = 0;
	size_t i, k = 0;
	const struct nf_opdef *d;

	for (i = 0; i < 3; i++)
		for (d = part[i]; d->name != NULL; d++) {
			if (strcmp(name, d->name) == 0)
				return d;
			names[n++] = d->name;
			k += (size_t)snprintf(all + k, sizeof(all) - k, " %s",
			    d->name);
		}
	nf_fail(err, NF_EDATA, "no op \"%.40s\" (the nearest is \"%s\"); want "
	    "none or one of%s", name, nf_near(name, names, n), all);
	return NULL;
}

/* ---- parsing ------------------------------------------------------------ */

static int
parse_number(const char *s, const struct nf_opdef *d, double *v,
    struct nf_err *err)
{
	if (!nf_number_parse(s, s + strlen(s), v) || !(fabs(*v) <= FLT_MAX))
		return nf_fail(err, NF_EDATA, "%s: \"%.40s\" is not a number "
		    "(%s %s)", d->name, s, d->name, d->args);
	return 0;
}

/* A number, or for levels V or V:SHARE. */
static int
parse_word(struct nf_op *o, char *s, struct nf_err *err)
{
	char *colon = o->def->flags & NF_OP_SHARES ? strchr(s, ':') : NULL;

	if (colon != NULL) {
		*colon = '\0';
		o->fitted = 1;
		if (parse_number(colon + 1, o->def, &o->share[o->narg],
		    err) == -1)
			return -1;
		if (o->share[o->narg] <= 0)
			return nf_fail(err, NF_EDATA, "levels: the share of "
			    "%.40s must be above 0", s);
	}
	return parse_number(s, o->def, &o->arg[o->narg++], err);
}

/* Words of s, which are counted before memory is taken for them. */
static uint32_t
count_words(const char *s)
{
	uint32_t n = 0;

	for (s += strspn(s, BLANKS); *s != '\0'; s += strspn(s, BLANKS)) {
		s += strcspn(s, BLANKS);
		n++;
	}
	return n;
}

static int
check_count(const struct nf_opdef *d, uint32_t n, struct nf_err *err)
{
	if ((n >= d->lo && n <= d->hi) || (d->full > 0 && n == d->full))
		return 0;
	if (d->hi == 0)
		return nf_fail(err, NF_EDATA, "%s takes no numbers", d->name);
	if (d->flags & NF_OP_VALUES)
		return nf_fail(err, NF_EDATA, "%s takes 1 to %u values, got %u",
		    d->name, d->hi, n);
	return nf_fail(err, NF_EDATA, "%s takes %s, got %u number%s", d->name,
	    d->args, n, n == 1 ? "" : "s");
}

static int
parse_partner(struct nf_op *o, const char *s, struct nf_err *err)
{
	if (*s == '\0')
		return nf_fail(err, NF_EDATA, "%s takes the name of a column",
		    o->def->name);
	o->at = NF_PREP_NOWHERE;
	o->fitted = 1;
	o->partner = nf_strdup(s, err);
	return o->partner == NULL ? -1 : 0;
}

static int
parse_numbers(struct nf_op *o, char *s, struct nf_err *err)
{
	const struct nf_opdef *d = o->def;
	uint32_t n = count_words(s), k, nshare = 0;
	char *word, *save;
	size_t size;

	if (check_count(d, n, err) == -1)
		return -1;
	size = n > d->full ? n : d->full;
	o->arg = nf_alloc(size, sizeof(double), "a recipe", err);
	if (d->flags & NF_OP_SHARES) {
		o->share = nf_alloc(n, sizeof(double), "a recipe", err);
		o->edge = nf_alloc(n + 1, 3 * sizeof(double), "a recipe", err);
	}
	if (o->arg == NULL || (d->flags & NF_OP_SHARES &&
	    (o->share == NULL || o->edge == NULL)))
		return -1;
	for (word = strtok_r(s, BLANKS, &save); word != NULL;
	    word = strtok_r(NULL, BLANKS, &save))
		if (parse_word(o, word, err) == -1)
			return -1;
	if (!(d->flags & NF_OP_SHARES)) {
		o->fitted = d->fit == NULL || n == d->full;
		return 0;
	}
	for (k = 0; k < n; k++)
		nshare += o->share[k] > 0;
	if (o->fitted && nshare != n)
		return nf_fail(err, NF_EDATA, "levels: some levels have a "
		    "share and others none");
	return 0;
}

/* One op, from s, which is cut up. */
static int
parse_op(struct nf_op *o, char *s, struct nf_err *err)
{
	char *end = s + strlen(s), *rest;

	s += strspn(s, BLANKS);
	while (end > s && strchr(BLANKS, end[-1]) != NULL)
		*--end = '\0';
	if (*s == '\0')
		return nf_fail(err, NF_EDATA, "an op is missing: want OP, "
		    "OP.. or none");
	rest = s + strcspn(s, BLANKS);
	if (*rest != '\0')
		*rest++ = '\0';
	rest += strspn(rest, BLANKS);
	o->def = find_op(s, err);
	if (o->def == NULL)
		return -1;
	if (o->def->flags & NF_OP_PARTNER)
		return parse_partner(o, rest, err);
	if (parse_numbers(o, rest, err) == -1)
		return -1;
	return o->def->check == NULL ? 0 : o->def->check(o, err);
}

static void
op_free(struct nf_op *o)
{
	nf_free(o->arg);
	nf_free(o->share);
	nf_free(o->edge);
	nf_free(o->partner);
	memset(o, 0, sizeof(*o));
}

void
nf_chain_clear(struct nf_chain *c)
{
	uint32_t k;

	for (k = 0; c->op != NULL && k < c->nop; k++)
		op_free(&c->op[k]);
	nf_free(c->op);
	c->op = NULL;
	c->nop = 0;
}

/* seen stands first, as a fitted recipe has it; a wide op last. */
static int
check_order(const struct nf_chain *c, struct nf_err *err)
{
	uint32_t k;

	for (k = 1; k < c->nop; k++) {
		if (strcmp(c->op[k].def->name, SEEN) == 0)
			return nf_fail(err, NF_EDATA, SEEN " must be the "
			    "first op");
		if (c->op[k - 1].def->flags & NF_OP_WIDE)
			return nf_fail(err, NF_EDATA, "%s must be the last op",
			    c->op[k - 1].def->name);
	}
	return 0;
}

/* The ops of s, which is cut up. */
static int
parse_ops(struct nf_chain *c, char *s, struct nf_err *err)
{
	char *next;

	for (; s != NULL; s = next) {
		next = strchr(s, ',');
		if (next != NULL)
			*next++ = '\0';
		if (parse_op(&c->op[c->nop++], s, err) == -1)
			return -1;
	}
	return check_order(c, err);
}

/* Is word all of s but for blanks, or its beginning up to one of after? */
static int
begins(const char *s, const char *word, const char *after)
{
	size_t n = strlen(word);

	if (strncmp(s, word, n) != 0)
		return 0;
	s += n;
	return s[strspn(s, BLANKS)] == '\0' ||
	    strchr(after, *s) != NULL;
}

static uint32_t
count_ops(const char *s)
{
	uint32_t n = 1;

	for (; (s = strchr(s, ',')) != NULL; s++)
		n++;
	return n;
}

int
nf_chain_parse(struct nf_chain *c, const char *ops, struct nf_err *err)
{
	char *copy;
	int rc;

	ops += strspn(ops, BLANKS);
	if (strlen(ops) > NF_PREP_MAXTEXT)
		return nf_fail(err, NF_EDATA, "a recipe of %zu bytes, want at "
		    "most %u", strlen(ops), NF_PREP_MAXTEXT);
	if (count_ops(ops) >= NF_PREP_MAXOP)
		return nf_fail(err, NF_EDATA, "%u ops, want at most %d",
		    count_ops(ops), NF_PREP_MAXOP - 1);
	copy = nf_alloc(strlen(ops) + sizeof(SEEN), 1, "a recipe", err);
	c->op = nf_alloc(1 + count_ops(ops), sizeof(*c->op), "a recipe", err);
	rc = copy == NULL || c->op == NULL ? -1 : 0;
	if (rc == 0 && !begins(ops, SEEN, BLANKS ",")) {
		strcpy(copy, SEEN);
		rc = parse_op(&c->op[c->nop++], copy, err);
	}
	if (rc == 0 && !begins(ops, "none", "")) {
		strcpy(copy, ops);
		rc = parse_ops(c, copy, err);
	}
	nf_free(copy);
	if (rc == -1)
		nf_chain_clear(c);
	return rc;
}

/* ---- printing ----------------------------------------------------------- */

static size_t
print_number(double v, char before, char *s, size_t n)
{
	char buf[NF_NUMBER_SIZE];
	size_t k = nf_number_print(buf, v, false);

	return (size_t)snprintf(s, n, "%c%.*s", before, (int)k, buf);
}

size_t
nf_op_print(const struct nf_op *o, char *s, size_t n)
{
	size_t k = (size_t)snprintf(s, n, "%s", o->def->name);
	uint32_t i;

	if (o->partner != NULL)
		return k + (size_t)snprintf(k < n ? s + k : NULL,
		    k < n ? n - k : 0, " %s", o->partner);
	for (i = 0; i < o->narg; i++) {
		k += print_number(o->arg[i], ' ', k < n ? s + k : NULL,
		    k < n ? n - k : 0);
		if (o->share != NULL && o->fitted)
			k += print_number(o->share[i], ':',
			    k < n ? s + k : NULL, k < n ? n - k : 0);
	}
	return k;
}
