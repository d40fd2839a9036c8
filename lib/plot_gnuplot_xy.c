/* Maps, profiles and ROC curves for gnuplot. */
#include <math.h>

#include "sheet.h"

void
nf_gnuplot_map(struct nf_sheet *s, const struct nf_view *w, int side)
{
	const struct nf_map *m = &w->side[side].map;
	double v[5], least = INFINITY, most = 0;
	int kx, ky;

	nf_gnuplot_panel(s);
	s->right -= (s->right - s->left) * 0.16;	/* for the colours */
	nf_gnuplot_margins(s, s->bottom, s->top);
	nf_page_add(s->t, "$d << EOD\n");
	for (kx = 1; kx <= m->ax->nbin; kx++)
		for (ky = 1; ky <= m->ay->nbin; ky++) {
			if (!nf_gnuplot_draws(m->ax, kx) ||
			    !nf_gnuplot_draws(m->ay, ky))
				continue;
			nf_gnuplot_edges(m->ax, kx, &v[0], &v[1]);
			nf_gnuplot_edges(m->ay, ky, &v[2], &v[3]);
			v[4] = nf_bins_content(&m->b, nf_map_slot(m, kx, ky));
			if (!(v[4] > 0))
				continue;
			nf_gnuplot_numbers(s->t, v, 5);
			least = fmin(least, v[4]);
			most = fmax(most, v[4]);
		}
	nf_page_add(s->t, "EOD\n");
	nf_gnuplot_axis(s, m->ax, "x", true);
	nf_gnuplot_axis(s, m->ay, "y", true);
	nf_page_add(s->t, "%sset cbrange [%.9g:%.9g]\n"
	    "set title '%s, correlation %.3f'\nset xlabel ",
	    s->p->log ? "set logscale cb\n" : "",
	    !s->p->log ? 0 : most > 0 ? least / 2 : 0.1, most > 0 ? most : 1,
	    side == NF_SAMPLE ? "sample" : "reference",
	    nf_map_correlation(m));
	nf_gnuplot_quoted(s->t, s->name[w->x]);
	nf_page_add(s->t, "\nset ylabel ");
	nf_gnuplot_quoted(s->t, s->name[w->y]);
	nf_page_add(s->t, "\nunset key\nplot $d using (($1+$2)/2):"
	    "(($3+$4)/2):1:2:3:4:5 with boxxyerror fill solid 1 noborder "
	    "fc palette\n");
}

/* Returns how many means there are. */
static int
put_means(struct nf_sheet *s, const struct nf_profile *p, const char *block)
{
	double v[5];
	int k, n = 0;

	nf_page_add(s->t, "%s << EOD\n", block);
	for (k = 1; k <= p->axis->nbin; k++) {
		nf_gnuplot_edges(p->axis, k, &v[0], &v[1]);
		v[2] = nf_profile_mean(p, k);
		v[3] = nf_profile_error(p, k);
		v[4] = nf_profile_std(p, k);
		if (!nf_gnuplot_draws(p->axis, k) || isnan(v[2]))
			continue;
		nf_gnuplot_numbers(s->t, v, 5);
		n++;
	}
	nf_page_add(s->t, "EOD\n");
	return n;
}

void
nf_gnuplot_profile(struct nf_sheet *s, const struct nf_view *w)
{
	bool ref = w->used[NF_REFERENCE];
	int n;

	nf_gnuplot_panel(s);
	nf_gnuplot_margins(s, s->bottom, s->top);
	n = put_means(s, &w->side[0].profile, "$d");
	if (ref)
		n += put_means(s, &w->side[1].profile, "$r");
	nf_gnuplot_axis(s, &w->ax, "x", true);
	if (n == 0)
		nf_page_add(s->t, "set yrange [0:1]\n");
	nf_page_add(s->t, "set title 'mean (bar) and standard deviation "
	    "(band)'\nset xlabel ");
	nf_gnuplot_quoted(s->t, s->name[w->x]);
	nf_page_add(s->t, "\nset ylabel ");
	nf_gnuplot_quoted(s->t, s->name[w->y]);
	nf_page_add(s->t, "\nplot $d using (($1+$2)/2):3:1:2:($3-$5):($3+$5) "
	    "with boxxyerror fill solid 0.2 noborder lc rgb '#1f77b4' "
	    "notitle, $d using (($1+$2)/2):3:1:2:($3-$4):($3+$4) with "
	    "xyerrorbars pt 7 ps 0.4 lc rgb '#1f77b4' title 'sample'%s\n",
	    ref ? ", $r using (($1+$2)/2):3:1:2:($3-$4):($3+$4) with "
	    "xyerrorbars pt 0 lw 2 lc rgb '#d62728' title 'reference'" : "");
}

static int
put_curve(struct nf_sheet *s, const struct nf_view *w, int side,
    struct nf_err *err)
{
	struct nf_roc r;
	int i;

	if (nf_roc_init(&r, &w->side[side].map, err) == -1)
		return -1;
	nf_page_add(s->t, "auc%d = %.6g\n$c%d << EOD\n", side,
	    isnan(r.auc) ? 0 : r.auc, side);
	for (i = 0; i < r.npoint; i++)
		nf_page_add(s->t, "%.9g %.9g\n", r.signal[i],
		    r.background[i]);
	nf_page_add(s->t, "%sEOD\n", r.npoint == 0 ? "0 1\n" : "");
	nf_roc_free(&r);
	return 0;
}

int
nf_gnuplot_roc(struct nf_sheet *s, const struct nf_view *w, struct nf_err *err)
{
	bool ref = w->used[NF_REFERENCE];

	nf_gnuplot_panel(s);
	nf_gnuplot_margins(s, s->bottom, s->top);
	if (put_curve(s, w, 0, err) == -1 ||
	    (ref && put_curve(s, w, 1, err) == -1))
		return -1;
	nf_page_add(s->t, "set logscale y; set xrange [0:1]; "
	    "set yrange [1e-4:1]\nset key bottom right\n"
	    "set xlabel 'signal efficiency'\n"
	    "set ylabel 'background efficiency'\nset title ");
	nf_gnuplot_quoted(s->t, s->name[w->x]);
	nf_page_add(s->t, ".' for '.");
	nf_gnuplot_quoted(s->t, s->name[w->y]);
	if (!isnan(w->truth))
		nf_page_add(s->t, ".' = %.9g'", w->truth);
	nf_page_add(s->t, "\nplot $c0 with lines lw 2 lc rgb '#1f77b4' title "
	    "sprintf('sample, AUC %%.4f', auc0)%s\n", ref ? ", $c1 with "
	    "lines lw 2 lc rgb '#d62728' title sprintf('reference, "
	    "AUC %.4f', auc1)" : "");
	return 0;
}
