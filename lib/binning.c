/* Bins for values that nobody has described. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "axis.h"
#include "select.h"

/* How finely a range is rounded where the number of bins is given. */
#define ROUND	50
/* Fewer rows a bin leave some empty by chance. */
#define FEW	8

/* What the values are, as far as bins depend on it. */
struct spread {
	size_t n;		/* finite values, in x[0..n) */
	double min, max;
	double lo, hi;		/* without far tails */
	bool whole;		/* integers all */
	int nlevel;		/* distinct values, or 0 for too many */
	double level[NF_AXIS_MAX_LEVELS];
};

/* Keep the values that can be binned: finite, and above 0 for a logarithm. */
static size_t
keep(double *x, size_t n, bool positive)
{
	size_t i, m = 0;

	for (i = 0; i < n; i++)
		if (isfinite(x[i]) && (!positive || x[i] > 0))
			x[m++] = x[i];
	return m;
}

/* Few values, each of them often, are levels; two rows are not. */
static void
find_levels(struct spread *s, const double *x)
{
	size_t i;
	int j, m = 0;

	for (i = 0; i < s->n; i++) {
		if (m > 0 && x[i] == s->level[m - 1])
			continue;
		for (j = 0; j < m && s->level[j] != x[i]; j++)
			;
		if (j < m)
			continue;
		if (m == NF_AXIS_MAX_LEVELS)
			return;
		s->level[m++] = x[i];
	}
	if (m > 1 && s->n < 4 * (size_t)m)
		return;
	s->nlevel = m;
	nf_sort(s->level, (size_t)m);
}

/*
 * The range that shows the most: all values where they end soon after the
 * 0.1 % and 99.9 % quantiles, else these, and no tail that is more than
 * four times as long as what holds nine values of ten.
 */
static void
find_range(struct spread *s, double *x)
{
	size_t n = s->n, cut = n / 1000, part = n / 20;
	double q0, q1, p0, p1;

	p0 = nf_select(x, n, part);
	p1 = nf_select(x, n, n - 1 - part);
	q0 = nf_select(x, n, cut);
	q1 = nf_select(x, n, n - 1 - cut);
	if (p0 < p1) {
		q0 = fmax(q0, p0 - 4 * (p1 - p0));
		q1 = fmin(q1, p1 + 4 * (p1 - p0));
	}
	s->lo = s->min >= q0 - 0.1 * (q1 - q0) ? s->min : q0;
	s->hi = s->max <= q1 + 0.1 * (q1 - q0) ? s->max : q1;
	if (!(s->lo < s->hi)) {		/* all but a few values are one */
		s->lo = s->min;
		s->hi = s->max;
	}
}

static void
look(struct spread *s, double *x, size_t n, bool positive)
{
	size_t i;

	*s = (struct spread){ .n = keep(x, n, positive), .whole = true };
	if (s->n == 0)
		return;
	s->min = s->max = x[0];
	for (i = 0; i < s->n; i++) {
		s->min = x[i] < s->min ? x[i] : s->min;
		s->max = x[i] > s->max ? x[i] : s->max;
		s->whole &= x[i] == rint(x[i]);
	}
	s->whole &= s->max - s->min < 1e15;
	find_levels(s, x);
	find_range(s, x);
}

/* k * mantissa * 10^power, rounded once where power is below 0. */
static double
round_edge(double k, double mantissa, int power)
{
	return power < 0 ? k * mantissa / pow(10, -power) :
	    k * mantissa * pow(10, power);
}

/*
 * Widen *lo to *hi to round edges, as near as they come to nbin bins.
 * Returns how many bins of a round width lie between them.
 */
static int
round_range(int nbin, double *lo_io, double *hi_io)
{
	static const double mantissa[] = { 1, 2, 2.5, 4, 5 };
	double lo = *lo_io, hi = *hi_io, low, high, step, k0, k1;
	double best = INFINITY, off;
	int first, power, m, found = nbin;

	first = (int)floor(log10((hi - lo) / nbin)) - 1;
	for (power = first; power < first + 3; power++)
		for (m = 0; m < 5; m++) {
			step = round_edge(1, mantissa[m], power);
			k0 = floor(lo / step + 1e-9);
			k1 = ceil(hi / step - 1e-9);
			low = round_edge(k0, mantissa[m], power);
			if (low > lo)
				low = round_edge(--k0, mantissa[m], power);
			high = round_edge(k1, mantissa[m], power);
			if (high < hi)
				high = round_edge(++k1, mantissa[m], power);
			off = fabs(log((k1 - k0) / nbin));
			if (off < best) {
				best = off;
				*lo_io = low;
				*hi_io = high;
				found = (int)(k1 - k0);
			}
		}
	return found;
}

/* Bins about whole numbers: each holds as many of them. */
static int
whole_axis(struct nf_axis *a, int nbin, double lo, double hi,
    struct nf_err *err)
{
	double width = fmax(1, ceil((hi - lo + 1) / nbin));
	double low = floor(lo / width) * width;
	double high = low + ceil((hi - low + 1) / width) * width;

	return nf_axis_uniform(a, (int)((high - low) / width), low, high, err);
}

/* A round step that divides the range, for about NF_AXIS_BINS bins. */
static int
count_bins(double lo, double hi)
{
	static const int near[] = { 25, 24, 26, 20, 30, 28, 22, 32, 27, 21 };
	double width, digits;
	size_t i;

	for (i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
		width = (hi - lo) / near[i];
		digits = width / pow(10, floor(log10(width)) - 1);
		if (fabs(digits - rint(digits)) < 1e-6)
			return near[i];
	}
	return NF_AXIS_BINS;
}

/* 1, 2 or 5 times a power of ten, not above x (or, up, not below). */
static double
round_log(double x, bool up)
{
	static const double mantissa[] = { 1, 2, 5, 10 };
	int power = (int)floor(log10(x)), m;

	if (up) {
		for (m = 0; m < 3; m++)
			if (round_edge(1, mantissa[m], power) >= x)
				break;
	} else
		for (m = 3; m > 0; m--)
			if (round_edge(1, mantissa[m], power) <= x)
				break;
	return round_edge(1, mantissa[m], power);
}

static int
fit_log(struct nf_axis *a, const struct nf_binning *b, const struct spread *s,
    struct nf_err *err)
{
	double lo = b->lo, hi = b->hi;

	if (isnan(lo))
		lo = s->n == 0 ? 1 : round_log(s->lo, false);
	if (isnan(hi))
		hi = s->n == 0 ? fmax(10 * lo, 10) : round_log(s->hi, true);
	if (isnan(b->hi) && !(lo < hi))
		hi = 10 * lo;
	else if (isnan(b->lo) && !(lo < hi))
		lo = hi / 10;
	return nf_axis_log(a, b->nbin > 0 ? b->nbin : NF_AXIS_BINS, lo, hi,
	    err);
}

/* The bins of an axis that hold any of x[0..n). */
static int
count_filled(const struct nf_axis *a, const double *x, size_t n)
{
	bool *has = nf_alloc((size_t)nf_axis_nslot(a), sizeof(*has), "flags",
	    NULL);
	int k[256], filled = 0;
	size_t i, j, m;

	if (has == NULL)
		return a->nbin;		/* a finer axis is a luxury */
	for (i = 0; i < n; i += m) {
		m = n - i < 256 ? n - i : 256;
		nf_axis_find(a, x + i, k, m);
		for (j = 0; j < m; j++) {
			filled += !has[k[j]] && k[j] >= 1 && k[j] <= a->nbin;
			has[k[j]] = true;
		}
	}
	nf_free(has);
	return filled;
}

/* Round edges about lo to hi; finer where gaps leave many bins empty. */
static int
fit_round(struct nf_axis *a, const struct nf_binning *b, double lo, double hi,
    const double *x, size_t n, struct nf_err *err)
{
	double from = lo, to = hi;
	int nbin, filled;

	if (b->nbin > 0) {
		round_range(ROUND, &from, &to);
		return nf_axis_uniform(a, b->nbin, from, to, err);
	}
	nbin = round_range(NF_AXIS_BINS, &from, &to);
	if (nf_axis_uniform(a, nbin, from, to, err) == -1)
		return -1;
	/* Of few rows, empty bins tell nothing. */
	if (!b->filled || n < (size_t)FEW * a->nbin)
		return 0;
	filled = count_filled(a, x, n);
	if (filled == 0 || filled > a->nbin * 3 / 4)
		return 0;
	nbin = NF_AXIS_BINS * a->nbin / filled;
	if (nbin > 4 * NF_AXIS_BINS)
		nbin = 4 * NF_AXIS_BINS;
	nf_axis_free(a);
	nbin = round_range(nbin, &lo, &hi);
	return nf_axis_uniform(a, nbin, lo, hi, err);
}

/* The range is to be found, or one end of it. */
static int
fit_range(struct nf_axis *a, const struct nf_binning *b,
    const struct spread *s, const double *x, struct nf_err *err)
{
	double lo = s->n == 0 ? 0 : s->lo, hi = s->n == 0 ? 1 : s->hi, pad;
	int nbin = b->nbin > 0 ? b->nbin : NF_AXIS_BINS;

	if (lo == hi) {			/* one value: about it */
		pad = fmax(0.5, fabs(lo) / 20);
		lo -= pad;
		hi += pad;
	}
	/* No narrower than nf_axis_uniform allows. */
	pad = fmax(fabs(lo), fabs(hi)) * 32 * DBL_EPSILON *
	    fmax(nbin, 4 * NF_AXIS_BINS);
	pad = fmax(pad, nbin * 1e-290);
	if (hi - lo < pad) {
		lo -= pad;
		hi += pad;
	}
	lo = fmin(fmax(lo, -1e299), 5e298);	/* what edges may be */
	hi = fmax(fmin(hi, 1e299), -5e298);
	if (isnan(b->lo) && isnan(b->hi)) {
		if (s->whole && b->nbin == 0 && hi - lo >= 2)
			return whole_axis(a, nbin, lo, hi, err);
		return fit_round(a, b, lo, hi, x, s->n, err);
	}
	round_range(ROUND, &lo, &hi);
	if (!isnan(b->lo)) {
		lo = b->lo;
		hi = lo < hi ? hi : lo + fmax(1, fabs(lo));
	} else {
		hi = b->hi;
		lo = lo < hi ? lo : hi - fmax(1, fabs(hi));
	}
	return nf_axis_uniform(a, b->nbin > 0 ? b->nbin : count_bins(lo, hi),
	    lo, hi, err);
}

int
nf_axis_fit(struct nf_axis *a, const struct nf_binning *b, double *x,
    size_t n, struct nf_err *err)
{
	struct spread s;

	*a = (struct nf_axis){ .kind = NF_AXIS_UNIFORM };
	if (b->edge != NULL)
		return nf_axis_edges(a, b->edge, b->nedge, err);
	look(&s, x, n, b->log);
	if (b->log)
		return fit_log(a, b, &s, err);
	if (b->nbin == 0 && isnan(b->lo) && isnan(b->hi) && s.nlevel > 0)
		return nf_axis_levels(a, s.level, s.nlevel, err);
	if (isnan(b->lo) || isnan(b->hi))
		return fit_range(a, b, &s, x, err);
	return nf_axis_uniform(a, b->nbin > 0 ? b->nbin :
	    count_bins(b->lo, b->hi), b->lo, b->hi, err);
}
