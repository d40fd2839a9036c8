/* A training's losses and learning rate as a script for gnuplot. */
#include <math.h>

#include "sheet.h"

#define WIDTH	800
#define HEIGHT	640

/* epoch train valid mean lr, an epoch a line. */
static void
put_data(struct nf_page *t, const struct nf_losses *l)
{
	double v[5];
	uint32_t i;
	size_t at;

	nf_page_add(t, "$d << EOD\n");
	for (i = 0; i < l->n; i++) {
		at = i * l->stride;
		v[0] = i + 1;
		v[1] = l->train[at];
		v[2] = l->valid[at];
		v[3] = l->mean[at];
		v[4] = l->lr[at];
		nf_gnuplot_numbers(t, v, 5);
	}
	nf_page_add(t, "EOD\n");
}

/* Least and greatest of what is finite, from epoch first on; or lo > hi. */
static void
extent(const struct nf_losses *l, const double *y, uint32_t first,
    double *lo, double *hi)
{
	uint32_t i;

	for (i = first; i < l->n; i++)
		if (isfinite(y[i * l->stride])) {
			*lo = fmin(*lo, y[i * l->stride]);
			*hi = fmax(*hi, y[i * l->stride]);
		}
}

/* The range of y, with some room; the first epochs may leave it. */
static void
put_range(struct nf_page *t, const struct nf_losses *l)
{
	double lo = INFINITY, hi = -INFINITY, room;

	extent(l, l->train, l->n / 20, &lo, &hi);
	extent(l, l->valid, l->n / 20, &lo, &hi);
	if (lo > hi)
		lo = hi = 0;
	room = hi > lo ? 0.05 * (hi - lo) : hi != 0 ? 0.1 * fabs(hi) : 1;
	nf_page_add(t, "set yrange [%.9g:%.9g]\n", lo - room, hi + room);
}

/* A curve, unless it has no point, at which gnuplot would stop. */
static void
put_curve(struct nf_page *t, const struct nf_losses *l, const double *y,
    int column, const char *how)
{
	double lo = INFINITY, hi = -INFINITY;

	extent(l, y, 0, &lo, &hi);
	if (lo <= hi)
		nf_page_add(t, ", $d using 1:%d with %s %s", column,
		    l->n == 1 ? "points pt 7" : "lines", how);
}

static void
put_rate(struct nf_page *t, const struct nf_losses *l)
{
	double lo = INFINITY, hi = -INFINITY;

	extent(l, l->lr, 0, &lo, &hi);
	nf_page_add(t, "set bmargin at screen 0.1; set tmargin at screen "
	    "0.28\nset format x '%%g'; set xlabel 'epoch'; unset key; unset "
	    "title\nset ylabel 'learning rate' offset 1\n");
	if (!(hi > 0))
		nf_page_add(t, "set yrange [0:1]\n");
	else
		nf_page_add(t, "set format y '%%.1e'\nset yrange [0:%.9g]\n",
		    1.2 * hi);
	nf_page_add(t, "set ytics autofreq; plot NaN notitle");
	put_curve(t, l, l->lr, 5, "lw 2 lc 'black' notitle");
	nf_page_add(t, "\n");
}

int
nf_plot_losses_gnuplot(struct nf_page *t, const char *name,
    const struct nf_losses *l, enum nf_image image, const char *file,
    struct nf_err *err)
{
	nf_gnuplot_begin(t, image, file, WIDTH, HEIGHT);
	put_data(t, l);
	nf_page_add(t, "set lmargin at screen 0.13; set rmargin at screen "
	    "0.96\nset bmargin at screen 0.34; set tmargin at screen 0.93\n"
	    "set title ");
	nf_gnuplot_quoted(t, name);
	nf_page_add(t, "\nset xrange [%.9g:%.9g]\nset format x ''\n"
	    "set ylabel 'negative log-likelihood'\n"
	    "set key top right samplen 2\n", l->n == 1 ? 0. : 1.,
	    l->n == 1 ? 2. : l->n);
	put_range(t, l);
	nf_page_add(t, "plot NaN notitle");
	put_curve(t, l, l->valid, 3, "lw 1 lc rgb '#f4a3a3' title "
	    "'validation'");
	put_curve(t, l, l->train, 2, "lw 1.5 lc rgb '#1f77b4' title "
	    "'training'");
	put_curve(t, l, l->mean, 4, "lw 2 lc rgb '#d62728' title "
	    "'validation, mean of 5 epochs'");
	nf_page_add(t, "\n");
	put_rate(t, l);
	nf_page_add(t, "unset multiplot\nset output\n");
	return nf_page_check(t, err);
}
