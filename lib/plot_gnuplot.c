/* The pictures as a script for gnuplot, with their data in it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agree.h"
#include "sheet.h"

#define CELL_X	480		/* pixels of a panel of several */
#define CELL_Y	400
#define ONE_X	800		/* of a single one */
#define ONE_Y	640

/*
 * Single quotes, in which gnuplot acts upon nothing; a single quote itself is
 * joined to them in double ones.
 */
void
nf_gnuplot_quoted(struct nf_page *t, const char *s)
{
	nf_page_add(t, "'");
	for (; *s != '\0'; s++)
		nf_page_add(t, *s == '\'' ? "'.\"'\".'" : "%c", *s);
	nf_page_add(t, "'");
}

void
nf_gnuplot_numbers(struct nf_page *t, const double *x, int n)
{
	int i;

	for (i = 0; i < n; i++)
		nf_page_add(t, i < n - 1 ? "%.9g " : "%.9g\n", x[i]);
}

/* Where the next panel goes, and a clean slate. */
void
nf_gnuplot_panel(struct nf_sheet *s)
{
	double w = 1. / s->across, h = 1. / s->down;
	int column = s->at % s->across, row = s->at / s->across;

	s->left = column * w + w * 0.155;
	s->right = column * w + w * 0.96;
	s->bottom = 1 - (row + 1) * h + h * 0.14;
	s->top = 1 - row * h - h * 0.08;
	s->at++;
	nf_page_add(s->t, "unset title; unset logscale; unset label\n"
	    "unset arrow; set key top right samplen 2\n"
	    "set format '%%g'; set xlabel; set ylabel; set autoscale\n"
	    "set xtics autofreq; set ytics autofreq\n");
}

void
nf_gnuplot_margins(struct nf_sheet *s, double bottom, double top)
{
	nf_page_add(s->t, "set lmargin at screen %.4f\n"
	    "set rmargin at screen %.4f\nset bmargin at screen %.4f\n"
	    "set tmargin at screen %.4f\n", s->left, s->right, bottom, top);
}

/* ---- an axis: its bins, as gnuplot draws them ------------------------- */

bool
nf_gnuplot_draws(const struct nf_axis *a, int k)
{
	return a->kind != NF_AXIS_LEVELS || nf_axis_is_level(a, k);
}

/* Levels stand side by side, whatever their values are. */
void
nf_gnuplot_edges(const struct nf_axis *a, int k, double *low, double *high)
{
	bool level = a->kind == NF_AXIS_LEVELS;

	*low = level ? (k - 1) / 2 - 0.4 : nf_axis_low(a, k);
	*high = level ? (k - 1) / 2 + 0.4 : nf_axis_high(a, k);
}

void
nf_gnuplot_axis(struct nf_sheet *s, const struct nf_axis *a, const char *which,
    bool words)
{
	double low, high, end;
	int k;

	nf_gnuplot_edges(a, 1, &low, &end);
	nf_gnuplot_edges(a, a->nbin, &end, &high);
	if (a->kind == NF_AXIS_LEVELS) {
		low -= 0.2;
		high += 0.2;
	}
	nf_page_add(s->t, "set %srange [%.9g:%.9g]\n", which, low, high);
	if (a->kind != NF_AXIS_LEVELS) {
		if (a->kind == NF_AXIS_EDGES && a->lo > 0)
			nf_page_add(s->t, "set logscale %s\n", which);
		return;
	}
	nf_page_add(s->t, "set %stics (", which);
	for (k = 1; k <= a->nbin; k += 2)
		if (words)
			nf_page_add(s->t, "%s'%.7g' %d", k > 1 ? ", " : "",
			    nf_axis_low(a, k), (k - 1) / 2);
		else
			nf_page_add(s->t, "%s'' %d", k > 1 ? ", " : "",
			    (k - 1) / 2);
	nf_page_add(s->t, ")\n");
}

/* ---- histograms ------------------------------------------------------- */

/* low high count error reference error ratio error pull, a bin a line. */
static void
put_bins(struct nf_sheet *s, const struct nf_hist *h, const struct nf_hist *ref,
    double *most, double *least)
{
	double scale = ref == NULL || s->p->unscaled ? 1 :
	    nf_hist_scale(h, ref), v[9];
	struct nf_ratio r = { NAN, NAN, NAN, NAN, NAN };
	int k;

	*most = 0;
	*least = INFINITY;
	nf_page_add(s->t, "$d << EOD\n");
	for (k = 1; k <= h->axis->nbin; k++) {
		if (!nf_gnuplot_draws(h->axis, k))
			continue;
		if (ref != NULL)
			r = nf_hist_ratio(h, ref, scale, k);
		nf_gnuplot_edges(h->axis, k, &v[0], &v[1]);
		v[2] = nf_hist_content(h, k);
		v[3] = sqrt(nf_hist_variance(h, k));
		memcpy(v + 4, (double[]){ r.ref, r.ref_error, r.value,
		    r.error, r.pull }, 5 * sizeof(*v));
		nf_gnuplot_numbers(s->t, v, 9);
		*most = fmax(*most, fmax(v[2] + v[3], ref == NULL ? 0 : v[4]));
		*least = v[2] > 0 ? fmin(*least, v[2]) : *least;
		*least = r.ref > 0 ? fmin(*least, r.ref) : *least;
	}
	nf_page_add(s->t, "EOD\n");
}

static void
put_ratio(struct nf_sheet *s, const char *name, const struct nf_axis *a)
{
	nf_page_add(s->t, "unset title; unset key; unset logscale y\n"
	    "unset label; set format x '%%g'\n");
	nf_gnuplot_axis(s, a, "x", true);
	nf_page_add(s->t, "set xlabel ");
	nf_gnuplot_quoted(s->t, name);
	if (s->p->pull)
		nf_page_add(s->t, "\nset ylabel 'pull'\n"
		    "set yrange [-5:5]\n"
		    "set ytics -4, 2, 4\nplot 0 lc 'gray40', $d "
		    "using (($1+$2)/2):9:1:2:(0):9 with boxxyerror fill solid "
		    "0.6 noborder lc rgb '#1f77b4'\n");
	else
		nf_page_add(s->t, "\nset ylabel 'ratio'; set yrange "
		    "[0.5:1.5]\nset ytics 0.75, 0.25, 1.25\n"
		    "plot 1 lc 'gray40', "
		    "$d using (($1+$2)/2):7:8 with yerrorbars pt 7 ps 0.5 "
		    "lc 'black', $d using (($1+$2)/2):($7>1.5?1.46:NaN) "
		    "with points pt 9 ps 0.7 lc 'black', $d using "
		    "(($1+$2)/2):($7<0.5?0.54:NaN) with points pt 11 ps 0.7 "
		    "lc 'black'\n");
}

/* What a panel of characters says above and below its bins. */
static void
put_words(struct nf_sheet *s, const struct nf_hist *h,
    const struct nf_hist *ref)
{
	struct nf_agree a;

	if (h->sum != 0)
		nf_page_add(s->t, "set title 'sample: mean %.4g, std %.4g",
		    nf_hist_mean(h), nf_hist_std(h));
	if (h->sum != 0 && ref != NULL && ref->sum != 0)
		nf_page_add(s->t, "; reference: mean %.4g, std %.4g",
		    nf_hist_mean(ref), nf_hist_std(ref));
	if (h->sum != 0)
		nf_page_add(s->t, "' font ',8'\n");
	if (ref == NULL)
		return;
	a = nf_hist_agree(h, ref);
	if (isnan(a.ks))
		return;
	nf_page_add(s->t, "set label \"");
	if (!isnan(a.chi2))
		nf_page_add(s->t, "chi2/ndf %.1f/%.0f, p %.2g\\n", a.chi2,
		    a.ndf, a.chi2_p);
	nf_page_add(s->t, "KS %.2g, p %.2g\\nW1 %.3g\" at graph 0.02, "
	    "0.94\n", a.ks, a.ks_p, a.w1);
}

static void
put_hist(struct nf_sheet *s, const char *name, const struct nf_hist *h,
    const struct nf_hist *ref)
{
	double most, least, floor = 0, split;

	nf_gnuplot_panel(s);
	split = s->bottom;
	if (ref != NULL)
		split += (s->top - s->bottom) * 0.3;
	nf_gnuplot_margins(s, split, s->top);
	put_bins(s, h, ref, &most, &least);
	nf_gnuplot_axis(s, h->axis, "x", ref == NULL);
	if (s->p->log && most > 0) {
		nf_page_add(s->t, "set logscale y\n");
		floor = least / 2;
	}
	nf_page_add(s->t, "set ylabel 'entries'\n"
	    "set yrange [%.9g:%.9g]\n", floor, !(most > 0) ? 1 :
	    s->p->log ? most * 4 : most * 1.3);
	if (ref == NULL) {
		nf_page_add(s->t, "set xlabel ");
		nf_gnuplot_quoted(s->t, name);
	} else
		nf_page_add(s->t, "set format x ''");
	nf_page_add(s->t, "\n");
	put_words(s, h, ref);
	nf_page_add(s->t, "plot $d using (($1+$2)/2):3:1:2:(%.9g):3 with "
	    "boxxyerror fill solid 0.35 noborder lc rgb '#1f77b4' "
	    "title 'sample', $d using (($1+$2)/2):($3>$4?$3-$4:%.9g):"
	    "(0):($3>$4?2*$4:$3+$4) with vectors nohead lc rgb '#1f77b4' "
	    "notitle", floor, floor);
	if (ref != NULL)
		nf_page_add(s->t, ", $d using (($1+$2)/2):5:1:2 with "
		    "xerrorbars pt 0 lw 2 lc rgb '#d62728' title 'reference'");
	nf_page_add(s->t, "\n");
	if (ref != NULL) {
		nf_gnuplot_margins(s, s->bottom, split - 0.02 / s->down);
		put_ratio(s, name, h->axis);
	}
}

/* ---- the sheet -------------------------------------------------------- */

void
nf_gnuplot_begin(struct nf_page *t, enum nf_image image, const char *file,
    int width, int height)
{
	nf_page_add(t, "set encoding utf8\nset terminal ");
	if (image == NF_IMAGE_PNG)
		nf_page_add(t, "pngcairo noenhanced font 'sans,10' size "
		    "%d,%d\n", width, height);
	else if (image == NF_IMAGE_SVG)
		nf_page_add(t, "svg noenhanced font 'sans,11' size %d,%d "
		    "background 'white'\n", width, height);
	else
		nf_page_add(t, "pdfcairo noenhanced font 'sans,8' size "
		    "%.2f,%.2f\n", width / 120., height / 120.);
	nf_page_add(t, "set output ");
	nf_gnuplot_quoted(t, file);
	nf_page_add(t, "\nset datafile missing 'nan'\nset errorbars 0\n"
	    "set pointintervalbox 0\nset border 3\nset tics nomirror out\n"
	    "set palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', "
	    "3 '#5ec962', 4 '#fde725')\nset multiplot\n");
}

static void
put_sheet(struct nf_sheet *s, enum nf_image image, const char *file,
    uint32_t npanel)
{
	s->across = npanel > 16 ? 5 : npanel > 9 ? 4 : npanel > 4 ? 3 :
	    npanel > 1 ? 2 : 1;
	s->down = ((int)npanel + s->across - 1) / s->across;
	nf_gnuplot_begin(s->t, image, file,
	    s->across * (npanel == 1 ? ONE_X : CELL_X),
	    s->down * (npanel == 1 ? ONE_Y : CELL_Y));
}

int
nf_plot_gnuplot(struct nf_page *t, const struct nf_plot *p,
    const char *const *name, const struct nf_views *v, enum nf_image image,
    const char *file, struct nf_err *err)
{
	bool two = v->view[0].kind == NF_VIEW_MAP && v->view[0].used[1];
	struct nf_sheet s = { .t = t, .p = p, .name = name };
	const struct nf_view *w;
	int rc = 0;

	put_sheet(&s, image, file, two ? 2 : v->nview);
	for (w = v->view; w < v->view + v->nview && rc == 0; w++)
		if (w->kind == NF_VIEW_HIST)
			put_hist(&s, name[w->x], &w->side[0].hist,
			    w->used[1] ? &w->side[1].hist : NULL);
		else if (w->kind == NF_VIEW_PROFILE)
			nf_gnuplot_profile(&s, w);
		else if (w->kind == NF_VIEW_ROC)
			rc = nf_gnuplot_roc(&s, w, err);
		else {
			nf_gnuplot_map(&s, w, NF_SAMPLE);
			if (two)
				nf_gnuplot_map(&s, w, NF_REFERENCE);
		}
	nf_page_add(t, "unset multiplot\nset output\n");
	return rc == 0 ? nf_page_check(t, err) : -1;
}
