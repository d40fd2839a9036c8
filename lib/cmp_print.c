/* A comparison as a page: text, tab-separated, JSON; and what is too much. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmp.h"

#define NAME	28		/* columns of text for a name, at most */

/* A column of a table: a figure or, without a title, a floor. */
struct cell {
	int figure;
	const char *title;
};

struct table {
	int n;
	struct cell cell[8];
};

/* What is printed of a comparison; a name that is NULL is left out. */
struct plan {
	const char *figure[NF_CMP_NFIGURE];
	const char *joint[NF_CMP_NJOINT];
	const char *text[NF_CMP_NJOINT];
	struct table table[2];
};

/* Of two samples, and of one with the standard normal distribution. */
static const struct plan two = {
	.figure = { [NF_CMP_W1] = "w1", [NF_CMP_W1_STD] = "w1_std",
		[NF_CMP_KS] = "ks", [NF_CMP_KS_P] = "ks_p",
		[NF_CMP_CHI2] = "chi2_ndf", [NF_CMP_CHI2_P] = "chi2_p",
		[NF_CMP_SHIFT] = "shift", [NF_CMP_SPREAD] = "spread",
		[NF_CMP_MEAN_A] = "mean_a", [NF_CMP_MEAN_B] = "mean_b",
		[NF_CMP_STD_A] = "std_a", [NF_CMP_STD_B] = "std_b" },
	.joint = { [NF_CMP_CORR] = "correlation",
		[NF_CMP_SLICED] = "sliced_w1", [NF_CMP_FPD] = "fpd",
		[NF_CMP_AUC] = "auc" },
	.text = { [NF_CMP_CORR] = "largest difference of correlations",
		[NF_CMP_SLICED] = "sliced W1, in std",
		[NF_CMP_FPD] = "FPD (Frechet), columns in std",
		[NF_CMP_AUC] = "AUC of boosted trees" },
	.table = { { 8, { { NF_CMP_W1, "W1" }, { NF_CMP_W1_STD, "in std" },
		{ NF_CMP_W1_STD, NULL }, { NF_CMP_KS, "KS" },
		{ NF_CMP_KS, NULL }, { NF_CMP_KS_P, "p" },
		{ NF_CMP_CHI2, "chi2/ndf" }, { NF_CMP_CHI2, NULL } } },
		{ 8, { { NF_CMP_MEAN_A, "mean A" }, { NF_CMP_MEAN_B, "mean B" },
		{ NF_CMP_SHIFT, "B-A in std" }, { NF_CMP_SHIFT, NULL },
		{ NF_CMP_STD_A, "std A" }, { NF_CMP_STD_B, "std B" },
		{ NF_CMP_SPREAD, "B / A" }, { NF_CMP_SPREAD, NULL } } } }
}, one = {
	.figure = { [NF_CMP_W1_STD] = "w1", [NF_CMP_KS] = "ks",
		[NF_CMP_KS_P] = "ks_p", [NF_CMP_CHI2] = "chi2_ndf",
		[NF_CMP_CHI2_P] = "chi2_p", [NF_CMP_SHIFT] = "mean",
		[NF_CMP_SPREAD] = "std" },
	.joint = { [NF_CMP_CORR] = "correlation",
		[NF_CMP_SLICED] = "sliced_w1" },
	.text = { [NF_CMP_CORR] = "largest correlation",
		[NF_CMP_SLICED] = "sliced W1" },
	.table = { { 7, { { NF_CMP_W1_STD, "W1" }, { NF_CMP_W1_STD, NULL },
		{ NF_CMP_KS, "KS" }, { NF_CMP_KS, NULL }, { NF_CMP_KS_P, "p" },
		{ NF_CMP_CHI2, "chi2/ndf" }, { NF_CMP_CHI2, NULL } } },
		{ 4, { { NF_CMP_SHIFT, "mean" }, { NF_CMP_SHIFT, NULL },
		{ NF_CMP_SPREAD, "std" }, { NF_CMP_SPREAD, NULL } } } }
};

/* ---- text ------------------------------------------------------------- */

static void
text_number(struct nf_page *page, double x, bool mark)
{
	char s[32] = "-";

	if (!isnan(x))
		snprintf(s, sizeof(s), "%.3g", x);
	nf_page_right(page, s, 10);
	nf_page_add(page, mark ? "!" : " ");
}

/* End a line, without the blank where a mark would stand. */
static void
text_end(struct nf_page *page)
{
	while (!page->failed && page->n > 0 && page->s[page->n - 1] == ' ')
		page->n--;
	nf_page_add(page, "\n");
}

static int
name_width(const char *const *name, uint32_t ncol)
{
	int width = 6, w;
	uint32_t j;

	for (j = 0; j < ncol; j++) {
		w = nf_page_width(name[j], strlen(name[j]));
		width = w > width ? w : width;
	}
	return width < NAME ? width : NAME;
}

static void
text_head(struct nf_page *page, const struct table *t, int width)
{
	const char *title;
	int k;

	nf_page_left(page, "column", width);
	for (k = 0; k < t->n; k++) {
		title = t->cell[k].title;
		nf_page_right(page, title == NULL ? "floor" : title, 10);
		nf_page_add(page, " ");
	}
	text_end(page);
}

static void
text_table(struct nf_page *page, const struct nf_cmp *c,
    const struct table *t, const char *const *name,
    const struct nf_cmp_limits *l)
{
	int width = name_width(name, c->ncol), k;
	const struct cell *cell;
	struct nf_figure g;
	uint32_t j;

	text_head(page, t, width);
	for (j = 0; j < c->ncol; j++) {
		nf_page_left(page, name[j], width);
		for (k = 0; k < t->n; k++) {
			cell = &t->cell[k];
			g = c->column[j][cell->figure];
			if (cell->title == NULL)
				text_number(page, g.floor, false);
			else
				text_number(page, g.value, nf_cmp_above(g.value,
				    nf_cmp_limit(l, cell->figure)));
		}
		text_end(page);
	}
}

static void
text_rows(struct nf_page *page, const struct nf_cmp *c, int nside)
{
	int k;

	for (k = 0; k < nside; k++) {
		if (nside == 2)
			nf_page_add(page, "%c: ", "AB"[k]);
		nf_page_add(page, "%llu rows", (unsigned long long)c->nrow[k]);
		if (c->nkept[k] < c->nrow[k])
			nf_page_add(page, ", compared by %llu of them; means, "
			    "std and correlations by all",
			    (unsigned long long)c->nkept[k]);
		nf_page_add(page, "\n");
	}
}

static void
text_joint(struct nf_page *page, const struct nf_cmp *c,
    const struct plan *p, const char *const *name,
    const struct nf_cmp_limits *l)
{
	int k;

	nf_page_left(page, "all columns", 36);
	nf_page_right(page, "floor", 21);
	nf_page_add(page, "\n");
	for (k = 0; k < NF_CMP_NJOINT; k++) {
		if (p->text[k] == NULL)
			continue;
		nf_page_left(page, p->text[k], 36);
		text_number(page, c->joint[k].value, k == NF_CMP_AUC &&
		    nf_cmp_above(c->joint[k].value, l->auc));
		text_number(page, c->joint[k].floor, false);
		if (k == NF_CMP_CORR && !isnan(c->joint[k].value))
			nf_page_add(page, " %s, %s", name[c->pair[0]],
			    name[c->pair[1]]);
		text_end(page);
	}
}

static void
print_text(struct nf_page *page, const struct nf_cmp *c,
    const struct plan *p, int nside, const char *const *name,
    const char *by, const struct nf_cmp_limits *l)
{
	int k;

	if (by != NULL)
		nf_page_add(page, "\n%s from %g to %g\n", by, c->lo, c->hi);
	text_rows(page, c, nside);
	for (k = 0; k < 2; k++) {
		nf_page_add(page, "\n");
		text_table(page, c, &p->table[k], name, l);
	}
	nf_page_add(page, "\n");
	text_joint(page, c, p, name, l);
}

/* ---- tab-separated ---------------------------------------------------- */

static void
tsv_line(struct nf_page *page, const struct nf_cmp *c, const char *column,
    const char *figure, struct nf_figure f)
{
	nf_page_number(page, c->lo);
	nf_page_add(page, "\t");
	nf_page_number(page, c->hi);
	nf_page_add(page, "\t%s\t%s\t", column, figure);
	nf_page_number(page, f.value);
	nf_page_add(page, "\t");
	nf_page_number(page, f.floor);
	nf_page_add(page, "\n");
}

static void
print_tsv(struct nf_page *page, const struct nf_cmp *c,
    const struct plan *p, int nside, const char *const *name)
{
	static const char *const what[2][2][2] = {
		{ { "rows" }, { "kept" } },
		{ { "rows_a", "rows_b" }, { "kept_a", "kept_b" } }
	};
	uint32_t j;
	int k;

	for (k = 0; k < 2 * nside; k++)
		tsv_line(page, c, "*", what[nside - 1][k / nside][k % nside],
		    (struct nf_figure){ (double)(k < nside ? c->nrow :
		    c->nkept)[k % nside], NAN });
	for (j = 0; j < c->ncol; j++)
		for (k = 0; k < NF_CMP_NFIGURE; k++)
			if (p->figure[k] != NULL)
				tsv_line(page, c, name[j], p->figure[k],
				    c->column[j][k]);
	for (k = 0; k < NF_CMP_NJOINT; k++)
		if (p->joint[k] != NULL)
			tsv_line(page, c, "*", p->joint[k], c->joint[k]);
}

/* ---- JSON ------------------------------------------------------------- */

static void
json_string(struct nf_page *page, const char *s)
{
	nf_page_add(page, "\"");
	for (; *s != '\0'; s++)
		nf_page_add(page, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	nf_page_add(page, "\"");
}

/* JSON knows neither NaN nor infinity. */
static void
json_number(struct nf_page *page, double x)
{
	if (isfinite(x))
		nf_page_number(page, x);
	else
		nf_page_add(page, "null");
}

static void
json_figures(struct nf_page *page, const struct nf_figure *f,
    const char *const *what, int n)
{
	const char *comma = "";
	int k;

	nf_page_add(page, "{");
	for (k = 0; k < n; k++) {
		if (what[k] == NULL)
			continue;
		nf_page_add(page, "%s\"%s\": [", comma, what[k]);
		comma = ", ";
		json_number(page, f[k].value);
		nf_page_add(page, ", ");
		json_number(page, f[k].floor);
		nf_page_add(page, "]");
	}
	nf_page_add(page, "}");
}

static void
json_rows(struct nf_page *page, const char *what, const uint64_t n[2],
    int nside)
{
	nf_page_add(page, ", \"%s\": ", what);
	if (nside == 2)
		nf_page_add(page, "[%llu, %llu]", (unsigned long long)n[0],
		    (unsigned long long)n[1]);
	else
		nf_page_add(page, "%llu", (unsigned long long)n[0]);
}

static void
print_json(struct nf_page *page, const struct nf_cmp *c,
    const struct plan *p, int nside, const char *const *name)
{
	uint32_t j;

	nf_page_add(page, "{\"from\": ");
	json_number(page, c->lo);
	nf_page_add(page, ", \"to\": ");
	json_number(page, c->hi);
	json_rows(page, "rows", c->nrow, nside);
	json_rows(page, "kept", c->nkept, nside);
	nf_page_add(page, ",\n \"all\": ");
	json_figures(page, c->joint, p->joint, NF_CMP_NJOINT);
	nf_page_add(page, ",\n \"columns\": {");
	for (j = 0; j < c->ncol; j++) {
		nf_page_add(page, "%s\n  ", j == 0 ? "" : ",");
		json_string(page, name[j]);
		nf_page_add(page, ": ");
		json_figures(page, c->column[j], p->figure, NF_CMP_NFIGURE);
	}
	nf_page_add(page, "}}");
}

/* ---- all -------------------------------------------------------------- */

int
nf_cmp_print(struct nf_page *page, const struct nf_cmps *t,
    enum nf_cmp_form form, const char *const *name, const char *by,
    const struct nf_cmp_limits *l, struct nf_err *err)
{
	const struct plan *p = t->nside == 1 ? &one : &two;
	int k;

	if (form == NF_CMP_TSV)
		nf_page_add(page, "from\tto\tcolumn\tfigure\tvalue\tfloor\n");
	if (form == NF_CMP_JSON) {
		nf_page_add(page, "{\"by\": ");
		if (by == NULL)
			nf_page_add(page, "null");
		else
			json_string(page, by);
		nf_page_add(page, ", \"comparisons\": [");
	}
	for (k = 0; k < t->n; k++) {
		if (form == NF_CMP_JSON) {
			nf_page_add(page, k == 0 ? "\n" : ",\n");
			print_json(page, &t->c[k], p, t->nside, name);
		} else if (form == NF_CMP_TSV)
			print_tsv(page, &t->c[k], p, t->nside, name);
		else
			print_text(page, &t->c[k], p, t->nside, name,
			    k == 0 ? NULL : by, l);
	}
	if (form == NF_CMP_JSON)
		nf_page_add(page, "]}\n");
	return nf_page_check(page, err);
}
