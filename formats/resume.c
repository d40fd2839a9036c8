/* Whether a training may go on from a checkpoint. */
#include <stdio.h>
#include <string.h>

#include "cfg_key.h"
#include "fit.h"
#include "number.h"

#define AGAIN	"train into another file, or as before"

/* A key that a checkpoint's parameters and order of rows depend on. */
static int
is_fixed(const struct nf_cfg_key *k)
{
	return strcmp(k->section, "flow") == 0 ||
	    strcmp(k->name, "batch") == 0 || strcmp(k->name, "seed") == 0;
}

/* A key's value as a configuration would say it, into s[NF_NUMBER_SIZE]. */
static void
value_text(const struct nf_cfg *c, const struct nf_cfg_key *k, char *s)
{
	const void *p = (const char *)c + k->at;
	double v = 0;

	switch (k->kind) {
	case NF_CFG_TEXT:
		break;
	case NF_CFG_COUNT:
		v = *(const uint32_t *)p;
		break;
	case NF_CFG_REAL:
		v = *(const double *)p;
		break;
	case NF_CFG_SEED:
		snprintf(s, NF_NUMBER_SIZE, "%llu",
		    (unsigned long long)*(const uint64_t *)p);
		return;
	case NF_CFG_YESNO:
		strcpy(s, *(const int *)p ? "yes" : "no");
		return;
	case NF_CFG_CHOICE:
		snprintf(s, NF_NUMBER_SIZE, "%s", k->choice(*(const int *)p));
		return;
	}
	s[nf_number_print(s, v, false)] = '\0';
}

static int
check_keys(const struct nf_cfg *was, const struct nf_cfg *is,
    const char *name, struct nf_err *err)
{
	const struct nf_cfg_key *k;
	char old[NF_NUMBER_SIZE + 1], now[NF_NUMBER_SIZE + 1];

	for (k = nf_cfg_keys; k->name != NULL; k++) {
		if (!is_fixed(k))
			continue;
		value_text(was, k, old);
		value_text(is, k, now);
		if (strcmp(old, now) != 0)
			return nf_fail(err, NF_EDATA, "%s: [%s] %s was %s and "
			    "now is %s: " AGAIN, name, k->section, k->name,
			    old, now);
	}
	return 0;
}

/* The same lines, in the same order; else *i is the first that differs. */
static int
same(const struct nf_list *a, const struct nf_list *b, uint32_t *i)
{
	for (*i = 0; *i < a->n && *i < b->n; ++*i)
		if (strcmp(a->s[*i], b->s[*i]) != 0)
			return 0;
	return a->n == b->n;
}

static const char *
item(const struct nf_list *l, uint32_t i)
{
	return i < l->n ? l->s[i] : "nothing";
}

static int
check_lists(const struct nf_list *was, const struct nf_list *is,
    const char *what, const char *name, struct nf_err *err)
{
	uint32_t i;

	if (same(was, is, &i))
		return 0;
	return nf_fail(err, NF_EDATA, "%s: %s %u was \"%.80s\" and now is "
	    "\"%.80s\": " AGAIN, name, what, i + 1, item(was, i),
	    item(is, i));
}

int
nf_fit_agree(const struct nf_model *from, const struct nf_cfg *cfg,
    const struct nf_choice *c, const char *name, struct nf_err *err)
{
	struct nf_cfg *was = NULL;
	int rc;

	if (!from->has_train || from->config == NULL)
		return nf_fail(err, NF_EDATA, "%s: a model, not a checkpoint",
		    name);
	if (nf_cfg_parse(&was, from->config, name, NULL, 0, err) == -1)
		return -1;
	rc = check_keys(was, cfg, name, err);
	if (rc == 0)
		rc = check_lists(&from->context, &c->context,
		    "context column", name, err);
	if (rc == 0)
		rc = check_lists(&from->target, &c->target, "target column",
		    name, err);
	if (rc == 0)
		rc = check_lists(&was->prep, &cfg->prep, "[prep] line", name,
		    err);
	nf_cfg_free(was);
	return rc;
}
