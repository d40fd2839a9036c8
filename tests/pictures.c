/* Folds, maps, profiles, ROC curves and agreement, the slow and plain way. */
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "pvalue.h"
#include "tap.h"
#include "views.h"

#define N 3000

static double x[N], y[N], w[N], id[N];

static uint64_t seed = 7;

static double
uniform(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (double)(seed >> 11) * 0x1p-53;
}

static void
need(int rc)
{
	if (rc == -1)
		exit(1);
}

static void
make_rows(void)
{
	size_t i;

	for (i = 0; i < N; i++) {
		x[i] = uniform() * 4;
		y[i] = x[i] * x[i] + uniform();
		w[i] = uniform() - 0.3;
		id[i] = floor((double)i / 7);
	}
	x[5] = NAN;
	y[17] = INFINITY;
	y[18] = NAN;
}

static void
test_pvalue(void)
{
	near(nf_chi2_p(3.841458820694124, 1), 0.05, 1e-13, "chi2, 1");
	near(nf_chi2_p(18.307038053275146, 10), 0.05, 1e-13, "chi2, 10");
	near(nf_chi2_p(2, 2), exp(-1), 1e-15, "chi2, 2: exp(-x / 2)");
	near(nf_chi2_p(1400, 2) / exp(-700), 1, 1e-11, "chi2, far tail");
	near(nf_chi2_p(0, 5), 1, 0, "chi2 of 0");
	near(nf_chi2_p(INFINITY, 5), 0, 0, "chi2 of infinity");
	near(nf_chi2_p(65536, 65536), 0.5, 1e-3, "chi2, many");
	ok(isnan(nf_chi2_p(1, 0)), "chi2, no degree of freedom");
	near(nf_kolmogorov_p(1.3580986393225505e-5, 2e10, 2e10), 0.05, 1e-6,
	    "Kolmogorov, 5 %%");
	near(nf_kolmogorov_p(0.5, 1e6, 1e6), 0, 1e-300, "Kolmogorov, never");
	near(nf_kolmogorov_p(0, 10, 10), 1, 0, "Kolmogorov of 0");
	ok(isnan(nf_kolmogorov_p(0.1, 0, 5)), "Kolmogorov of nothing");
}

/* An event's part of a slot, summed by looking at every row anew. */
static void
test_fold(bool weighted)
{
	double want[20] = { 0 }, want2[20] = { 0 }, part, draws, bad = 0;
	struct nf_axis a;
	struct nf_hist h;
	struct nf_fold f;
	struct nf_err err;
	size_t i, j, first, n;
	int *k = malloc(N * sizeof(*k)), s;

	need(nf_axis_uniform(&a, 8, 0, 3, &err));
	need(nf_hist_init(&h, &a, true, &err));
	need(nf_fold_init(&f, h.b.nslot, &err));
	nf_axis_find(&a, x, k, N);
	for (first = 0; first < N; first = j) {
		for (j = first; j < N && id[j] == id[first]; j++)
			;
		draws = (double)(j - first);
		for (s = 0; s < nf_axis_nslot(&a); s++) {
			part = 0;
			for (i = first; i < j; i++)
				if (k[i] == s)
					part += weighted ? w[i] : 1;
			want[s] += part / draws;
			want2[s] += part / draws * (part / draws);
		}
	}
	for (i = 0; i < N; i += n) {
		n = i % 100 + 1 < N - i ? i % 100 + 1 : N - i;
		nf_hist_fold(&h, &f, x + i, weighted ? w + i : NULL, id + i,
		    n);
	}
	nf_fold_end(&f, &h.b);
	for (s = 0; s < nf_axis_nslot(&a); s++) {
		bad = fmax(bad, fabs(nf_hist_content(&h, s) - want[s]));
		bad = fmax(bad, fabs(nf_hist_variance(&h, s) - want2[s]));
	}
	near(bad, 0, 1e-9, "folded contents and errors");
	free(k);
	nf_fold_free(&f);
	nf_hist_free(&h);
	nf_axis_free(&a);
}

/* All draws in one bin are as good as one draw. */
static void
test_fold_same(void)
{
	double v[50], e[50];
	struct nf_axis a;
	struct nf_hist one, many;
	struct nf_fold f;
	struct nf_err err;
	size_t i;

	for (i = 0; i < 50; i++) {
		v[i] = (double)(i / 5 % 3);
		e[i] = (double)(i / 5);
	}
	need(nf_axis_uniform(&a, 3, 0, 3, &err));
	need(nf_hist_init(&one, &a, false, &err));
	need(nf_hist_init(&many, &a, true, &err));
	need(nf_fold_init(&f, many.b.nslot, &err));
	nf_hist_fold(&many, &f, v, NULL, e, 50);
	nf_fold_end(&f, &many.b);
	for (i = 0; i < 50; i += 5)
		nf_hist_add(&one, v + i, NULL, 1);
	for (i = 1; i <= 3; i++) {
		near(nf_hist_content(&many, (int)i),
		    nf_hist_content(&one, (int)i), 1e-12, "one draw's content");
		near(nf_hist_variance(&many, (int)i),
		    nf_hist_variance(&one, (int)i), 1e-12, "one draw's error");
	}
	nf_fold_free(&f);
	nf_hist_free(&one);
	nf_hist_free(&many);
	nf_axis_free(&a);
}

static void
test_map(void)
{
	double in = 0, in2 = 0, sw = 0, mx = 0, my = 0, vx = 0, vy = 0, c = 0;
	struct nf_axis ax, ay;
	struct nf_map m;
	struct nf_err err;
	size_t i;

	for (i = 0; i < N; i++) {
		if (!isfinite(x[i]) || !isfinite(y[i]))
			continue;
		sw += w[i];
		mx += w[i] * x[i];
		my += w[i] * y[i];
		if (x[i] >= 1 && x[i] < 2 && y[i] >= 2 && y[i] < 4) {
			in += w[i];
			in2 += w[i] * w[i];
		}
	}
	mx /= sw;
	my /= sw;
	for (i = 0; i < N; i++)
		if (isfinite(x[i]) && isfinite(y[i])) {
			vx += w[i] * pow(x[i] - mx, 2);
			vy += w[i] * pow(y[i] - my, 2);
			c += w[i] * (x[i] - mx) * (y[i] - my);
		}
	need(nf_axis_uniform(&ax, 4, 0, 4, &err));
	need(nf_axis_uniform(&ay, 5, 0, 10, &err));
	need(nf_map_init(&m, &ax, &ay, true, &err));
	nf_map_add(&m, NULL, x, y, w, NULL, 1000);
	nf_map_add(&m, NULL, x + 1000, y + 1000, w + 1000, NULL, N - 1000);
	near(nf_bins_content(&m.b, nf_map_slot(&m, 2, 2)), in, 1e-10,
	    "content of a block");
	near(nf_bins_variance(&m.b, nf_map_slot(&m, 2, 2)), in2, 1e-10,
	    "variance of a block");
	near(nf_map_correlation(&m), c / sqrt(vx * vy), 1e-10, "correlation");
	near(nf_map_area(&m), sw, 1e-10, "area");
	ok(m.nfinite == N - 3, "finite pairs");
	nf_map_free(&m);
	nf_axis_free(&ax);
	nf_axis_free(&ay);
	need(nf_axis_uniform(&ax, 4096, 0, 4, &err));
	need(nf_axis_uniform(&ay, 4096, 0, 4, &err));
	ok(nf_map_init(&m, &ax, &ay, false, &err) == -1 &&
	    err.code == NF_EUSE, "refused: %s", err.msg);
	nf_axis_free(&ax);
	nf_axis_free(&ay);
}

static void
test_profile(bool weighted)
{
	double sw = 0, sw2 = 0, mean = 0, var = 0, one;
	struct nf_axis a;
	struct nf_profile p;
	struct nf_err err;
	size_t i;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < N; i++) {
			if (!(x[i] >= 2 && x[i] < 3) || !isfinite(y[i]))
				continue;
			one = weighted ? w[i] + 0.3 : 1;
			if (pass == 0) {
				sw += one;
				sw2 += one * one;
				mean += one * y[i];
			} else
				var += one * pow(y[i] - mean, 2) / sw;
		}
		mean = pass == 0 ? mean / sw : mean;
	}
	need(nf_axis_uniform(&a, 4, 0, 4, &err));
	need(nf_profile_init(&p, &a, 5, weighted, &err));
	for (i = 0; i < N; i++) {
		one = w[i] + 0.3;
		nf_profile_add(&p, x + i, y + i, weighted ? &one : NULL, 1);
	}
	near(nf_profile_mean(&p, 3), mean, 1e-11, "mean of a bin");
	near(nf_profile_std(&p, 3), sqrt(var), 1e-10, "spread of a bin");
	near(nf_profile_error(&p, 3), sqrt(var * sw2) / sw, 1e-11,
	    "error of the mean");
	ok(p.lost == 2 && p.b.n[nf_axis_nan(&a)] == 1, "what is not finite");
	ok(isnan(nf_profile_mean(&p, 0)) && isnan(nf_profile_std(&p, 0)),
	    "an empty bin has no mean");
	nf_profile_free(&p);
	nf_axis_free(&a);
}

/* The area under the curve is the chance that signal scores higher. */
static void
test_roc(void)
{
	static double score[N], truth[N], kept[N];
	double wins = 0, pairs = 0, pass1 = 0, pass0 = 0, n1 = 0, n0 = 0;
	struct nf_axis ax, ay;
	struct nf_map m;
	struct nf_roc r;
	struct nf_err err;
	size_t i, j;

	for (i = 0; i < N; i++) {
		truth[i] = i % 3 == 0;
		score[i] = uniform() + 0.4 * truth[i] * uniform();
		if (i % 10 == 0)
			score[i] = -1;		/* a spike, of ties */
		kept[i] = score[i];
	}
	for (i = 0; i < N; i++) {
		n1 += truth[i];
		n0 += 1 - truth[i];
		pass1 += truth[i] * (score[i] >= 0.5);
		pass0 += (1 - truth[i]) * (score[i] >= 0.5);
		for (j = 0; truth[i] != 0 && j < N; j++)
			if (truth[j] == 0) {
				pairs++;
				wins += score[i] > score[j] ? 1 :
				    score[i] == score[j] ? 0.5 : 0;
			}
	}
	need(nf_roc_scores(&ax, kept, N, &err));
	need(nf_roc_truth(&ay, &err));
	need(nf_map_init(&m, &ax, &ay, false, &err));
	nf_map_add(&m, NULL, score, truth, NULL, NULL, N);
	need(nf_roc_init(&r, &m, &err));
	near(r.nsignal, n1, 0, "signal");
	near(r.nbackground, n0, 0, "background");
	near(r.auc, wins / pairs, 3e-4, "area under the curve");
	near(nf_roc_background(&r, pass1 / n1), pass0 / n0, 5e-3,
	    "background at the efficiency of one threshold");
	near(nf_roc_background(&r, 1), 1, 1e-12, "all signal, all background");
	ok(r.auc_error > 0.005 && r.auc_error < 0.02, "its error: %.3g",
	    r.auc_error);
	nf_roc_free(&r);
	nf_map_free(&m);
	need(nf_map_init(&m, &ax, &ay, false, &err));
	need(nf_roc_init(&r, &m, &err));
	ok(isnan(r.auc) && r.npoint == 0 && isnan(nf_roc_background(&r, 0.5)),
	    "of nothing");
	nf_roc_free(&r);
	nf_map_free(&m);
	nf_axis_free(&ax);
	for (i = 0; i < 3; i++) {
		kept[0] = i == 0 ? NAN : i == 1 ? 1e308 : -3;
		need(nf_roc_scores(&ax, kept, 1, &err));
		ok(ax.nbin == 1, "scores without choice");
		nf_axis_free(&ax);
	}
	nf_axis_free(&ay);
}

static void
test_agree(void)
{
	static const double v[] = { 0, 0, 0, 2, 2, 6 }, u[] = { 0, 2, 6, 6 };
	struct nf_axis a;
	struct nf_hist h, ref;
	struct nf_agree r;
	struct nf_err err;
	size_t i;
	double chi2 = 0;

	static const double value[] = { 0, 2, 6 };

	need(nf_axis_levels(&a, value, 3, &err));
	need(nf_hist_init(&h, &a, false, &err));
	need(nf_hist_init(&ref, &a, false, &err));
	r = nf_hist_agree(&h, &ref);
	ok(isnan(r.chi2) && isnan(r.ks) && isnan(r.w1), "of nothing");
	for (i = 0; i < 100; i++) {
		nf_hist_add(&h, v, NULL, 6);
		nf_hist_add(&ref, u, NULL, 4);
	}
	r = nf_hist_agree(&h, &ref);
	/* The table 300 200 100, 100 100 200. */
	for (i = 0; i < 3; i++) {
		double n[2] = { i == 0 ? 300 : i == 1 ? 200 : 100,
			i == 2 ? 200 : 100 };
		double all = n[0] + n[1];

		chi2 += pow(n[0] - all * 0.6, 2) / (all * 0.6) +
		    pow(n[1] - all * 0.4, 2) / (all * 0.4);
	}
	near(r.chi2, chi2, 1e-9, "chi2 of a table");
	near(r.ndf, 2, 0, "its degrees of freedom");
	near(r.ks, 1. / 3, 1e-12, "Kolmogorov-Smirnov");
	near(r.w1, 0.25 * 2 + 4. / 12 * 4, 1e-12, "Wasserstein");
	r = nf_hist_agree(&h, &h);
	near(r.chi2, 0, 0, "chi2 of itself");
	near(r.chi2_p, 1, 0, "chance of itself");
	near(r.w1, 0, 0, "distance of itself");
	nf_hist_free(&h);
	nf_hist_free(&ref);
	nf_axis_free(&a);
}

int
main(void)
{
	make_rows();
	test_pvalue();
	test_fold(false);
	test_fold(true);
	test_fold_same();
	test_map();
	test_profile(false);
	test_profile(true);
	test_roc();
	test_agree();
	return done();
}
