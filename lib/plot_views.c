/* All pictures of a table, side by side where they fit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plot.h"

#define GAP	2		/* blanks between two panels */

/* The narrowest panel that shows everything. */
static int
least(const struct nf_views *v)
{
	if (v->view[0].kind == NF_VIEW_HIST && !v->side[NF_REFERENCE].used)
		return 48;
	return 72;
}

static int
plot_roc(struct nf_page *t, const struct nf_plot *p, const char *const *name,
    const struct nf_view *v, struct nf_err *err)
{
	struct nf_roc roc[2];
	char truth[300];
	int side, rc = 0;

	snprintf(truth, sizeof(truth), "%s", name[v->y]);
	if (!isnan(v->truth))
		snprintf(truth, sizeof(truth), "%s = %.9g", name[v->y],
		    v->truth);
	memset(roc, 0, sizeof(roc));
	for (side = 0; side < 2 && rc == 0; side++)
		if (v->used[side])
			rc = nf_roc_init(&roc[side], &v->side[side].map, err);
	if (rc == 0)
		nf_plot_roc(t, p, name[v->x], truth, &roc[0],
		    v->used[1] ? &roc[1] : NULL);
	nf_roc_free(&roc[0]);
	nf_roc_free(&roc[1]);
	return rc;
}

/* Maps show the reference in a panel of its own. */
static uint32_t
npanel(const struct nf_view *v)
{
	return v->kind == NF_VIEW_MAP && v->used[NF_REFERENCE] ? 2 : 1;
}

static int
plot_panel(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_view *v, uint32_t i,
    struct nf_err *err)
{
	const struct nf_view_side *s = v->side;
	bool ref = v->used[NF_REFERENCE];

	switch (v->kind) {
	case NF_VIEW_HIST:
		nf_plot_hist(t, p, name[v->x], &s[0].hist,
		    ref ? &s[1].hist : NULL);
		break;
	case NF_VIEW_MAP:
		nf_plot_map(t, p, name[v->x], name[v->y], &s[i].map, i == 1);
		break;
	case NF_VIEW_PROFILE:
		nf_plot_profile(t, p, name[v->x], name[v->y], &s[0].profile,
		    ref ? &s[1].profile : NULL);
		break;
	case NF_VIEW_ROC:
		return plot_roc(t, p, name, v, err);
	}
	return 0;
}

/* Take the next line of a page whose rest is *s; NULL at its end. */
static const char *
next_line(const char **s, size_t *n)
{
	const char *line = *s, *end;

	if (line == NULL || *line == '\0')
		return NULL;
	end = strchr(line, '\n');
	*n = end == NULL ? strlen(line) : (size_t)(end - line);
	*s = end == NULL ? line + *n : end + 1;
	return line;
}

/* Lines of n pages beside one another, each width columns wide. */
static void
join(struct nf_page *t, const struct nf_page *page, int n, int width)
{
	const char *rest[NF_PLOT_ACROSS], *line;
	int i, blank;
	size_t nbyte;
	bool more = true;

	for (i = 0; i < n; i++)
		rest[i] = page[i].s;
	while (more) {
		more = false;
		for (i = 0; i < n; i++)
			more |= rest[i] != NULL && *rest[i] != '\0';
		if (!more)
			break;
		for (blank = i = 0; i < n; i++) {
			line = next_line(&rest[i], &nbyte);
			if (line != NULL) {
				nf_page_add(t, "%*s%.*s", blank, "",
				    (int)nbyte, line);
				blank = width - nf_page_width(line, nbyte);
			} else
				blank += width;
			blank += GAP;
		}
		nf_page_add(t, "\n");
	}
}

/* Append a row of panels and empty them. */
static void
flush(struct nf_page *t, struct nf_page *page, int *n, int width)
{
	int i;

	if (*n == 0)
		return;
	if (t->n > 0)
		nf_page_add(t, "\n");
	if (*n == 1)
		nf_page_add(t, "%s", page[0].s == NULL ? "" : page[0].s);
	else
		join(t, page, *n, width);
	for (i = 0; i < *n; i++) {
		t->failed |= page[i].failed;
		nf_page_free(&page[i]);
	}
	*n = 0;
}

int
nf_plot_views(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_views *v, struct nf_err *err)
{
	struct nf_page page[NF_PLOT_ACROSS];
	uint32_t total = v->nview * npanel(&v->view[0]), i, j;
	struct nf_plot cell = *p;
	int across, n = 0, rc = 0;

	memset(page, 0, sizeof(page));
	across = (p->width + GAP) / (least(v) + GAP);
	across = across > NF_PLOT_ACROSS ? NF_PLOT_ACROSS : across;
	across = (uint32_t)across > total ? (int)total : across;
	across = across < 1 ? 1 : across;
	cell.width = (p->width + GAP) / across - GAP;
	for (j = 0; j < v->nview && rc == 0; j++)
		for (i = 0; i < npanel(&v->view[j]) && rc == 0; i++) {
			rc = plot_panel(&page[n++], &cell, name, &v->view[j],
			    i, err);
			if (n == across)
				flush(t, page, &n, cell.width);
		}
	flush(t, page, &n, cell.width);
	return rc == 0 ? nf_page_check(t, err) : -1;
}
