/* The table of a configuration's keys, and their values. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_key.h"
#include "near.h"
#include "number.h"

static const char *
act_name(int k)
{
	return nf_act_name((enum nf_act)k);
}

#define AT(field)	offsetof(struct nf_cfg, field)
#define TEXT(s, k, f)	{ s, k, NF_CFG_TEXT, AT(f), 0, 0, NULL }
#define COUNT(s, k, f, lo, hi) { s, k, NF_CFG_COUNT, AT(f), lo, hi, NULL }
#define REAL(s, k, f, lo, hi) { s, k, NF_CFG_REAL, AT(f), lo, hi, NULL }
#define YESNO(s, k, f)	{ s, k, NF_CFG_YESNO, AT(f), 0, 0, NULL }
#define CHOICE(s, k, f, names) { s, k, NF_CFG_CHOICE, AT(f), 0, 0, names }
#define SEED(s, k, f)	{ s, k, NF_CFG_SEED, AT(f), 0, 0, NULL }

const struct nf_cfg_key nf_cfg_keys[] = {
	TEXT("data", "context", context),
	TEXT("data", "target", target),
	TEXT("data", "weight", weight),
	REAL("data", "valid_fraction", valid_fraction, 0, 0.9),
	COUNT("flow", "steps", flow.steps, 0, 0),
	COUNT("flow", "hidden", flow.hidden, 0, 0),
	COUNT("flow", "blocks", flow.blocks, 0, 0),
	COUNT("flow", "bins", flow.bins, 0, 0),
	REAL("flow", "tail_bound", flow.tail_bound, 0, 0),
	CHOICE("flow", "activation", flow.activation, act_name),
	YESNO("flow", "batch_norm", flow.batch_norm),
	REAL("flow", "dropout", flow.dropout, 0, 0),
	REAL("flow", "min_bin_width", flow.min_bin_width, 0, 0),
	REAL("flow", "min_bin_height", flow.min_bin_height, 0, 0),
	REAL("flow", "min_derivative", flow.min_derivative, 0, 0),
	CHOICE("flow", "init", train.init, nf_init_name),
	CHOICE("flow", "permutation", train.permutation, nf_perm_name),
	COUNT("train", "epochs", train.epochs, 1, 1e6),
	COUNT("train", "batch", train.batch, 1, 1 << 24),
	REAL("train", "lr", train.lr, 1e-12, 10),
	REAL("train", "lr_min", train.lr_min, 0, 10),
	CHOICE("train", "schedule", train.schedule, nf_schedule_name),
	COUNT("train", "warmup", train.warmup, 0, 1e6),
	COUNT("train", "restart", train.restart, 1, 1e6),
	REAL("train", "restart_mult", train.restart_mult, 1, 100),
	REAL("train", "beta1", train.beta1, 0, 0.999999),
	REAL("train", "beta2", train.beta2, 0, 0.999999),
	REAL("train", "eps", train.eps, 1e-30, 1),
	REAL("train", "clip_norm", train.clip_norm, 0, 1e30),
	COUNT("train", "patience", train.patience, 0, 1e6),
	COUNT("train", "max_skipped", train.max_skipped, 0, 1e6),
	SEED("train", "seed", train.seed),
	CHOICE("train", "precision", train.precision, nf_precision_name),
	{ NULL, NULL, NF_CFG_TEXT, 0, 0, 0, NULL },
};

/* ---- names -------------------------------------------------------------- */

const char *
nf_cfg_section(const char *name, struct nf_err *err)
{
	static const char *const sections[] = {
		"data", "prep", "flow", "train"
	};
	size_t i;

	for (i = 0; i < 4; i++)
		if (strcmp(name, sections[i]) == 0)
			return sections[i];
	nf_fail(err, NF_EDATA, "no section [%.40s] (the nearest is [%s]); "
	    "there are [data] [prep] [flow] [train]", name,
	    nf_near(name, sections, 4));
	return NULL;
}

int
nf_cfg_find(const char *section, const char *name, struct nf_err *err)
{
	const struct nf_cfg_key *key = nf_cfg_keys;
	const char *names[NF_CFG_NKEY], *home = NULL;
	uint32_t n = 0;
	int k;

	for (k = 0; key[k].name != NULL; k++)
		if (strcmp(key[k].section, section) == 0) {
			if (strcmp(key[k].name, name) == 0)
				return k;
			names[n++] = key[k].name;
		} else if (strcmp(key[k].name, name) == 0)
			home = key[k].section;
	if (home != NULL)
		return nf_fail(err, NF_EDATA, "no key \"%s\" in [%s]: it "
		    "belongs in [%s]", name, section, home);
	return nf_fail(err, NF_EDATA, "no key \"%.40s\" in [%s] (the nearest "
	    "is \"%s\")", name, section, nf_near(name, names, n));
}

/* ---- values ------------------------------------------------------------- */

static int
set_text(char **p, const char *value, struct nf_err *err)
{
	char *s = NULL;

	if (*value != '\0') {		/* nothing is as if it were not there */
		s = nf_strdup(value, err);
		if (s == NULL)
			return -1;
	}
	nf_free(*p);
	*p = s;
	return 0;
}

/* Digits alone, no sign, as a number up to max. */
static int
parse_whole(const char *s, uint64_t max, uint64_t *v)
{
	unsigned long long u;
	char *end;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	u = strtoull(s, &end, 10);
	*v = u;
	return *end != '\0' || errno != 0 || u > max ? -1 : 0;
}

static int
set_count(uint32_t *p, const struct nf_cfg_key *k, const char *value,
    struct nf_err *err)
{
	uint64_t v;

	if (parse_whole(value, UINT32_MAX, &v) == -1 ||
	    (k->hi > 0 && ((double)v < k->lo || (double)v > k->hi))) {
		if (k->hi > 0)
			return nf_fail(err, NF_EDATA, "\"%.40s\" is not a "
			    "whole number from %.0f to %.0f", value, k->lo,
			    k->hi);
		return nf_fail(err, NF_EDATA, "\"%.40s\" is not a whole "
		    "number", value);
	}
	*p = (uint32_t)v;
	return 0;
}

static int
set_seed(uint64_t *p, const char *value, struct nf_err *err)
{
	if (parse_whole(value, UINT64_MAX, p) == -1)
		return nf_fail(err, NF_EDATA, "\"%.40s\" is not a whole number "
		    "from 0 to %llu", value, (unsigned long long)UINT64_MAX);
	return 0;
}

static int
set_real(double *p, const struct nf_cfg_key *k, const char *value,
    struct nf_err *err)
{
	double v;

	if (!nf_number_parse(value, value + strlen(value), &v) ||
	    !isfinite(v) ||
	    (k->hi > 0 && (v < k->lo || v > k->hi))) {
		if (k->hi > 0)
			return nf_fail(err, NF_EDATA, "\"%.40s\" is not a "
			    "number from %g to %g", value, k->lo, k->hi);
		return nf_fail(err, NF_EDATA, "\"%.40s\" is not a number",
		    value);
	}
	*p = v;
	return 0;
}

static int
set_yesno(int *p, const char *value, struct nf_err *err)
{
	static const char *const words[] = {
		"no", "yes", "false", "true", "off", "on", "0", "1"
	};
	int i;

	for (i = 0; i < 8; i++)
		if (strcmp(value, words[i]) == 0) {
			*p = i % 2;
			return 0;
		}
	return nf_fail(err, NF_EDATA, "\"%.40s\" is neither yes nor no",
	    value);
}

/* Enumerations all have the size of an int. */
static int
set_choice(void *p, const struct nf_cfg_key *k, const char *value,
    struct nf_err *err)
{
	char all[256] = "";
	int i;

	for (i = 0; k->choice(i) != NULL; i++) {
		if (strcmp(value, k->choice(i)) == 0) {
			memcpy(p, &i, sizeof(i));
			return 0;
		}
		strcat(strcat(all, i == 0 ? "" : ", "), k->choice(i));
	}
	return nf_fail(err, NF_EDATA, "\"%.40s\" is none of %s", value, all);
}

static int
set_value(struct nf_cfg *c, const struct nf_cfg_key *k, const char *value,
    struct nf_err *err)
{
	void *p = (char *)c + k->at;

	switch (k->kind) {
	case NF_CFG_TEXT:
		return set_text(p, value, err);
	case NF_CFG_COUNT:
		return set_count(p, k, value, err);
	case NF_CFG_SEED:
		return set_seed(p, value, err);
	case NF_CFG_REAL:
		return set_real(p, k, value, err);
	case NF_CFG_YESNO:
		return set_yesno(p, value, err);
	case NF_CFG_CHOICE:
		break;
	}
	return set_choice(p, k, value, err);
}

/* The bounds of one field of [flow], in a shape that has no other fault. */
static int
check_field(const struct nf_cfg *c, const struct nf_cfg_key *k,
    struct nf_err *err)
{
	size_t size = k->kind == NF_CFG_REAL ? sizeof(double) : sizeof(int);
	struct nf_shape s;

	if (k->at < AT(flow) || k->at >= AT(flow) + sizeof(s))
		return 0;
	nf_shape_default(&s);
	s.features = 2;
	s.steps = s.hidden = 1;
	s.blocks = 0;
	s.bins = 2;
	s.min_bin_width = s.min_bin_height = s.min_derivative = 0;
	memcpy((char *)&s + (k->at - AT(flow)), (const char *)c + k->at,
	    size);
	return nf_shape_check(&s, err);
}

int
nf_cfg_set(struct nf_cfg *c, int k, const char *value, struct nf_err *err)
{
	const struct nf_cfg_key *key = &nf_cfg_keys[k];

	if (set_value(c, key, value, err) == -1)
		return nf_fail_in(err, "[%s] %s", key->section, key->name);
	if (check_field(c, key, err) == -1)
		return nf_fail_in(err, "[%s]", key->section);
	return 0;
}

int
nf_cfg_check(const struct nf_cfg *c, struct nf_err *err)
{
	struct nf_shape s = c->flow;

	s.features = 2;			/* the data will tell */
	s.context = 0;
	if (nf_shape_check(&s, err) == -1)
		return nf_fail_in(err, "[flow]");
	if (c->train.lr_min > c->train.lr)
		return nf_fail(err, NF_EDATA, "[train] lr_min is %g, above lr, "
		    "which is %g", c->train.lr_min, c->train.lr);
	return 0;
}
