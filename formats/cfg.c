/*
 * The configuration: an INI file.  Sections, KEY = VALUE, and comments behind
 * ; or # at the start of a line or after a blank.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cfg_key.h"
#include "prep.h"

#define MAX_TEXT	(1u << 20)
#define MAX_KEY		1000		/* bytes, also of a recipe's glob */
#define MAX_PREP	16384		/* lines of [prep] */
#define BLANKS		" \t"
/* From this line on, keys are set again: what the command line has said. */
#define AGAIN		"; --set"

struct parser {
	struct nf_cfg *c;
	const char *name;		/* of the file */
	const char *section;		/* or NULL */
	uint32_t line;
	uint32_t nbase;			/* lines before those of set */
	const char *const *set;
	int again;
	uint32_t seen[NF_CFG_NKEY];	/* line of each key, 0: not yet */
	struct nf_list prep;		/* names of [prep], as their lines */
};

/* Put before a message where it happened; a --set is wrong usage. */
static int
fail_at(const struct parser *p, struct nf_err *err)
{
	if (p->line <= p->nbase)
		return nf_fail_in(err, "%s:%u", p->name, p->line);
	if (err != NULL && err->code == NF_EDATA)
		err->code = NF_EUSE;
	/* A line that says so, then a section and a key each. */
	return nf_fail_in(err, "--set %.200s",
	    p->set[(p->line - p->nbase - 2) / 2]);
}

static char *
trim(char *s)
{
	char *end;

	s += strspn(s, BLANKS);
	for (end = s + strlen(s); end > s &&
	    strchr(BLANKS "\r", end[-1]) != NULL; end--)
		;
	*end = '\0';
	return s;
}

static void
cut_comment(char *s)
{
	char *p;

	for (p = s; (p = strpbrk(p, ";#")) != NULL; p++)
		if (p == s || strchr(BLANKS, p[-1]) != NULL) {
			*p = '\0';
			return;
		}
}

/* ---- lines -------------------------------------------------------------- */

static int
take_section(struct parser *p, char *s, struct nf_err *err)
{
	size_t n = strlen(s);

	if (s[n - 1] != ']')
		return nf_fail(err, NF_EDATA, "\"%.60s\": a section is written "
		    "[NAME]", s);
	s[n - 1] = '\0';
	p->section = nf_cfg_section(trim(s + 1), err);
	return p->section == NULL ? -1 : 0;
}

/* Replace string i of l. */
static int
list_set(struct nf_list *l, uint32_t i, const char *s, struct nf_err *err)
{
	char *copy = nf_strdup(s, err);

	if (copy == NULL)
		return -1;
	nf_free(l->s[i]);
	l->s[i] = copy;
	return 0;
}

/* A line of [prep], in the place of one with the same name, or the last. */
static int
put_prep(struct parser *p, const char *name, const char *line,
    const char *where, struct nf_err *err)
{
	struct nf_cfg *c = p->c;
	uint32_t i;

	for (i = 0; i < p->prep.n; i++)
		if (strcmp(p->prep.s[i], name) == 0)
			break;
	if (i == MAX_PREP)
		return nf_fail(err, NF_EDATA, "[prep] has more than %d lines: "
		    "use globs", MAX_PREP);
	if (i == p->prep.n)
		return nf_list_add(&p->prep, name, err) == -1 ||
		    nf_list_add(&c->prep, line, err) == -1 ||
		    nf_list_add(&c->prep_where, where, err) == -1 ? -1 : 0;
	if (!p->again)
		return nf_fail(err, NF_EDATA, "[prep] %.80s stands there "
		    "twice, first at %s", name, c->prep_where.s[i]);
	return list_set(&c->prep, i, line, err) == -1 ||
	    list_set(&c->prep_where, i, where, err) == -1 ? -1 : 0;
}

static int
take_prep(struct parser *p, const char *name, const char *value,
    struct nf_err *err)
{
	size_t n = strlen(name) + strlen(value) + 4;
	char where[512], *line;
	int rc;

	if (nf_prep_check(value, err) == -1)
		return nf_fail_in(err, "[prep] %.80s", name);
	line = nf_alloc(n, 1, "a recipe", err);
	if (line == NULL)
		return -1;
	snprintf(line, n, "%s = %s", name, value);
	if (p->line <= p->nbase)
		snprintf(where, sizeof(where), "%.400s:%u", p->name, p->line);
	else
		snprintf(where, sizeof(where), "--set %.400s",
		    p->set[(p->line - p->nbase - 2) / 2]);
	rc = put_prep(p, name, line, where, err);
	nf_free(line);
	return rc;
}

static int
take_key(struct parser *p, const char *name, const char *value,
    struct nf_err *err)
{
	int k;

	if (p->section == NULL)
		return nf_fail(err, NF_EDATA, "\"%.60s\" stands before the "
		    "first [SECTION]", name);
	if (*name == '\0' || strlen(name) > MAX_KEY)
		return nf_fail(err, NF_EDATA, "want KEY = VALUE, the key of 1 "
		    "to %d bytes", MAX_KEY);
	if (strcmp(p->section, "prep") == 0)
		return take_prep(p, name, value, err);
	k = nf_cfg_find(p->section, name, err);
	if (k == -1)
		return -1;
	if (p->seen[k] != 0 && !p->again)
		return nf_fail(err, NF_EDATA, "[%s] %s stands there twice, "
		    "first on line %u", p->section, name, p->seen[k]);
	p->seen[k] = p->line;
	return nf_cfg_set(p->c, k, value, err);
}

/* A configuration holds text: a stray byte says that this is none. */
static int
check_bytes(const char *s, struct nf_err *err)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' && *s != '\t' && *s != '\r')
			return nf_fail(err, NF_EDATA, "byte 0x%02x: this is "
			    "not text", (unsigned char)*s);
	return 0;
}

static int
take_line(struct parser *p, char *s, struct nf_err *err)
{
	char *eq;

	if (check_bytes(s, err) == -1)
		return -1;
	s = trim(s);
	if (strcmp(s, AGAIN) == 0)
		p->again = 1;
	cut_comment(s);
	s = trim(s);
	if (*s == '\0')
		return 0;
	if (*s == '[')
		return take_section(p, s, err);
	eq = strchr(s, '=');
	if (eq == NULL)
		return nf_fail(err, NF_EDATA, "\"%.60s\": want KEY = VALUE or "
		    "[SECTION]", s);
	*eq = '\0';
	return take_key(p, trim(s), trim(eq + 1), err);
}

static int
take_text(struct parser *p, const char *text, struct nf_err *err)
{
	char *copy = nf_strdup(text, err), *s = copy, *next;
	int rc = copy == NULL ? -1 : 0;

	if (rc == 0 && strncmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;			/* an editor's mark of UTF-8 */
	for (; rc == 0 && s != NULL; s = next) {
		next = strchr(s, '\n');
		if (next != NULL)
			*next++ = '\0';
		p->line++;
		if (take_line(p, s, err) == -1)
			rc = fail_at(p, err);
	}
	nf_free(copy);
	if (rc == 0 && nf_cfg_check(p->c, err) == -1)
		rc = nf_fail_in(err, "%s", p->name);
	return rc;
}

/* ---- text and what the command line adds -------------------------------- */

/* Each override as a section and a line, into to of n bytes. */
static int
put_set(char *to, size_t n, const char *set, struct nf_err *err)
{
	const char *dot = strchr(set, '.'), *eq = strchr(set, '=');
	char section[16];

	if (dot == NULL || eq == NULL || eq < dot || strpbrk(set, "\r\n"))
		return nf_fail(err, NF_EUSE, "--set %.200s: want "
		    "SECTION.KEY=VALUE, as train.epochs=10", set);
	snprintf(section, sizeof(section), "%.*s", (int)(dot - set), set);
	if (nf_cfg_section(section, err) == NULL) {
		err->code = NF_EUSE;
		return nf_fail_in(err, "--set %.200s", set);
	}
	return snprintf(to, n, "[%s]\n%.*s = %s\n", section,
	    (int)(eq - dot - 1), dot + 1, eq + 1);
}

static int
join_text(struct parser *p, const char *text, uint32_t nset,
    struct nf_err *err)
{
	size_t len = strlen(text), n = len + 64;
	struct nf_err mine;
	uint32_t i;
	char *s;
	int k;

	if (err == NULL)
		err = &mine;
	for (i = 0; i < nset; i++)
		n += strlen(p->set[i]) + 16;
	if (n > 2 * MAX_TEXT || len > MAX_TEXT)
		return nf_fail(err, NF_EDATA, "%s: more than %u bytes, which "
		    "is no configuration", p->name, MAX_TEXT);
	s = p->c->text = nf_alloc(n, 1, "a configuration", err);
	if (s == NULL)
		return -1;
	memcpy(s, text, len);
	if (len > 0 && s[len - 1] != '\n')
		s[len++] = '\n';
	for (i = 0; i < len; i++)
		p->nbase += s[i] == '\n';
	if (nset == 0) {
		p->nbase++;
		return 0;
	}
	len += (size_t)snprintf(s + len, n - len, "%s\n", AGAIN);
	for (i = 0; i < nset; i++) {
		k = put_set(s + len, n - len, p->set[i], err);
		if (k == -1)
			return -1;
		len += (size_t)k;
	}
	return 0;
}

static void
set_default(struct nf_cfg *c)
{
	nf_shape_default(&c->flow);
	c->flow.tail_bound = 5;		/* columns are standardized */
	nf_train_default(&c->train);
	c->valid_fraction = 0.05;
}

int
nf_cfg_parse(struct nf_cfg **out, const char *text, const char *name,
    const char *const *set, uint32_t nset, struct nf_err *err)
{
	struct parser p = { .name = name, .set = set };

	*out = NULL;
	p.c = nf_alloc(1, sizeof(*p.c), "a configuration", err);
	if (p.c == NULL)
		return -1;
	set_default(p.c);
	if (join_text(&p, text, nset, err) == -1 ||
	    take_text(&p, p.c->text, err) == -1) {
		nf_cfg_free(p.c);
		p.c = NULL;
	}
	nf_list_free(&p.prep);
	*out = p.c;
	return p.c == NULL ? -1 : 0;
}

/* A NUL would end the text unseen. */
static int
check_nul(const char *text, size_t n, const char *path, struct nf_err *err)
{
	const char *nul = memchr(text, '\0', n), *s;
	uint32_t line = 1;

	if (nul == NULL)
		return 0;
	for (s = text; s < nul; s++)
		line += *s == '\n';
	return nf_fail(err, NF_EDATA, "%s:%u: byte 0x00: this is not text",
	    path, line);
}

int
nf_cfg_read(struct nf_cfg **c, const char *path, const char *const *set,
    uint32_t nset, struct nf_err *err)
{
	char *text;
	size_t n;
	int fd, rc;

	*c = NULL;
	if (path == NULL)
		return nf_cfg_parse(c, "", "the defaults", set, nset, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return nf_fail(err, NF_ESYS, "%s: %s", path, strerror(errno));
	text = nf_alloc(MAX_TEXT + 2, 1, "a configuration", err);
	rc = text == NULL ? -1 :
	    nf_read_full(fd, text, MAX_TEXT + 1, &n, path, err);
	close(fd);
	if (rc == 0)
		rc = check_nul(text, n, path, err);
	if (rc == 0)
		rc = nf_cfg_parse(c, text, path, set, nset, err);
	nf_free(text);
	return rc;
}

void
nf_cfg_free(struct nf_cfg *c)
{
	if (c == NULL)
		return;
	nf_free(c->context);
	nf_free(c->target);
	nf_free(c->weight);
	nf_list_free(&c->prep);
	nf_list_free(&c->prep_where);
	nf_free(c->text);
	nf_free(c);
}
