/*
 * The spline, driven by logits of the test's own: against a plain double
 * implementation, at its edges, with logits that break others, and against
 * nflows (parity_spline.h5, where NF_PARITY has it).
 */
#include <float.h>

#include "h5get.h"
#include "plain.h"

#ifdef NF_REF
#define TOL	1e-12
#else
#define TOL	2e-6
#endif

/* ---- what is tested --------------------------------------------------- */

/* Splines whose logits are the hidden row itself: the weights are 1. */
struct box {
	struct nf_dev *dev;
	struct nf_spline s;
	uint32_t n, P;
	struct nf_mat h, x, dh;
	double *logdet;
	nf_real *dlogdet, *dw, *db;	/* on the device */
	void *keep;
};

static void
box_new(struct box *b, struct nf_dev *d, uint32_t bins, double T, uint32_t n)
{
	uint32_t P = 3 * bins - 1, k;
	nf_real *one = reals((size_t)P * P);
	size_t row = n * sizeof(nf_real);

	for (k = 0; k < P; k++)
		one[k * P + k] = 1;
	b->dev = d;
	b->n = n;
	b->P = P;
	b->s = (struct nf_spline){ .nt = 1, .bins = bins, .tail_bound = T,
		.min_width = 1e-3 < 0.5 / bins ? 1e-3 : 0.5 / bins,
		.min_height = 1e-3 < 0.5 / bins ? 1e-3 : 0.5 / bins,
		.min_derivative = 1e-3, .logit_scale = 1 };
	b->s.final.nin = b->s.final.nout = P;
	b->s.final.w = device(d, one, (size_t)P * P * sizeof(*one));
	b->s.final.b = device(d, NULL, P * sizeof(*one));
	b->h = nf_mat(device(d, NULL, P * row), P, P);
	b->dh = nf_mat(device(d, NULL, P * row), P, P);
	b->x = nf_mat(device(d, NULL, row), 1, 1);
	b->logdet = device(d, NULL, n * sizeof(double));
	b->dlogdet = device(d, NULL, row);
	b->dw = device(d, NULL, (size_t)P * P * sizeof(*one));
	b->db = device(d, NULL, P * sizeof(*one));
	b->keep = device(d, NULL, d->ops->spline_keep(d, n, &b->s));
	nf_free(one);
}

static void
box_free(struct box *b)
{
	const struct nf_ops *o = b->dev->ops;

	o->free(b->dev, (void *)b->s.final.w);
	o->free(b->dev, (void *)b->s.final.b);
	o->free(b->dev, b->h.x);
	o->free(b->dev, b->dh.x);
	o->free(b->dev, b->x.x);
	o->free(b->dev, b->logdet);
	o->free(b->dev, b->dlogdet);
	o->free(b->dev, b->dw);
	o->free(b->dev, b->db);
	o->free(b->dev, b->keep);
}

enum way { FORWARD, KEEPING, INVERSE };

/* x through the splines of these logits. */
static void
box_run(struct box *b, enum way way, const nf_real *logit, const nf_real *x,
    nf_real *out, double *logdet)
{
	const struct nf_ops *o = b->dev->ops;
	size_t row = b->n * sizeof(nf_real);

	o->upload(b->dev, b->h.x, logit, b->P * row);
	o->upload(b->dev, b->x.x, x, row);
	o->zero(b->dev, b->logdet, b->n * sizeof(double));
	if (way == INVERSE)
		o->spline_inverse(b->dev, b->n, &b->s, b->h, b->x, b->logdet);
	else
		o->spline(b->dev, b->n, &b->s, b->h, b->x, b->logdet,
		    way == KEEPING ? b->keep : NULL);
	fetch(b->dev, out, b->x.x, row);
	fetch(b->dev, logdet, b->logdet, b->n * sizeof(double));
}

/* After KEEPING: gradients of x and of the logits. */
static void
box_grad(struct box *b, const nf_real *dout, const nf_real *dlogdet,
    nf_real *dx, nf_real *dlogit)
{
	const struct nf_ops *o = b->dev->ops;
	size_t row = b->n * sizeof(nf_real);

	o->upload(b->dev, b->x.x, dout, row);
	o->upload(b->dev, b->dlogdet, dlogdet, row);
	o->spline_grad(b->dev, b->n, &b->s, b->h, b->keep, b->dlogdet, b->x,
	    b->dh, b->dw, b->db);
	fetch(b->dev, dx, b->x.x, row);
	fetch(b->dev, dlogit, b->dh.x, b->P * row);
}

/* ---- random splines --------------------------------------------------- */

#define N	500

static void
make_knots(const struct box *b, const nf_real *logit, struct knots *q)
{
	double *wide = room(b->P, sizeof(*wide));
	uint32_t k;

	for (k = 0; k < b->P; k++)
		wide[k] = (double)logit[k];
	plain_knots(&b->s, wide, q);
	nf_free(wide);
}

/* What rounding may do to a value and to its log derivative. */
static void
slack(const struct box *b, const struct knots *q, double v, double *out,
    double *logdet)
{
	plain_slack(&b->s, q, v, TOL * b->s.tail_bound / 4, out, logdet);
	*out += TOL * b->s.tail_bound;
	*logdet = 3 * (TOL + *logdet);
}

static void
test_random(struct nf_dev *d, uint32_t bins, double T, double scale)
{
	uint64_t seed = bins;
	struct box b;
	nf_real *logit, x[N], y[N], kept[N], back[N];
	double ld[N], ldk[N], ldb[N], want, wantld, e, ed, worst[4] = { 0 };
	uint32_t n = bins > 200 ? N / 10 : N, i;
	struct knots q;

	box_new(&b, d, bins, T, n);
	logit = reals((size_t)n * b.P);
	fill(&seed, (size_t)n * b.P, scale, logit);
	fill(&seed, n, 1.2 * T, x);
	box_run(&b, FORWARD, logit, x, y, ld);
	box_run(&b, KEEPING, logit, x, kept, ldk);
	box_run(&b, INVERSE, logit, y, back, ldb);
	for (i = 0; i < n; i++) {
		make_knots(&b, logit + (size_t)i * b.P, &q);
		want = plain_spline(&b.s, &q, (double)x[i], &wantld);
		slack(&b, &q, (double)x[i], &e, &ed);
		worst[0] = larger(worst[0], fabs((double)y[i] - want) / e);
		worst[1] = larger(worst[1], fabs(ld[i] - wantld) / ed);
		/* The way back loses what a slope of s makes of rounding. */
		worst[2] = larger(worst[2], fabs((double)(back[i] - x[i])) /
		    (e + e * exp(-wantld)));
		worst[3] = larger(worst[3], fabs(ldb[i] + wantld) /
		    (ed + ed * exp(-wantld)));
	}
	ok(worst[0] <= 1, "%u bins, T %g, logits to %g: values", bins, T,
	    scale);
	ok(worst[1] <= 1, "log derivatives");
	ok(worst[2] <= 1, "the way back");
	ok(worst[3] <= 1, "its log derivatives");
	if (!(worst[0] <= 1 && worst[1] <= 1 && worst[2] <= 1 &&
	    worst[3] <= 1))
		printf("# shares of what rounding may do: %.2g %.2g %.2g "
		    "%.2g\n", worst[0], worst[1], worst[2], worst[3]);
	ok(memcmp(y, kept, n * sizeof(*y)) == 0 &&
	    memcmp(ld, ldk, n * sizeof(*ld)) == 0, "the same with keep");
	nf_free(logit);
	box_free(&b);
}

/* ---- edges ------------------------------------------------------------ */

static nf_real
next(nf_real x, double to)
{
#ifdef NF_REF
	return nextafter(x, to);
#else
	return nextafterf(x, (float)to);
#endif
}

/* Outside: unchanged, bit for bit, and nothing added. */
static void
test_outside(struct nf_dev *d)
{
	double T = 3, ld[8];
	nf_real x[8] = { next(3, 9), next(-3, -9), 300, -300, (nf_real)1e30,
		(nf_real)-1e30, (nf_real)HUGE_VAL, (nf_real)-HUGE_VAL };
	nf_real y[8], *logit;
	enum way way;
	struct box b;
	uint64_t seed = 9;
	int i, good;

	box_new(&b, d, 8, T, 8);
	logit = reals(8 * (size_t)b.P);
	fill(&seed, 8 * (size_t)b.P, 2, logit);
	for (way = FORWARD; way <= INVERSE; way++) {
		box_run(&b, way, logit, x, y, ld);
		good = memcmp(x, y, sizeof(x)) == 0;
		for (i = 0; i < 8; i++)
			good &= ld[i] == 0;
		ok(good, "what is outside stays, way %d", way);
	}
	nf_free(logit);
	box_free(&b);
}

/* The box's corners, its inside rim, and every knot, from both sides. */
static void
test_knots(struct nf_dev *d, uint32_t bins)
{
	double want, wantld, worst = 0, worst_ld = 0, T = 1, e, ed, ld[N];
	uint32_t n = 3 * bins + 4, i, k = 0;
	nf_real *logit, x[N], y[N];
	uint64_t seed = 77;
	struct knots q;
	struct box b;

	box_new(&b, d, bins, T, n);
	logit = reals((size_t)n * b.P);
	fill(&seed, b.P, 2, logit);
	make_knots(&b, logit, &q);
	for (i = 0; i <= bins; i++) {
		x[k++] = (nf_real)q.x[i];
		if (i < bins)
			x[k++] = next((nf_real)q.x[i], 9);
		if (i > 0)
			x[k++] = next((nf_real)q.x[i], -9);
	}
	while (k < n)
		x[k++] = 0;
	for (i = 1; i < n; i++)
		memcpy(logit + (size_t)i * b.P, logit, b.P * sizeof(*logit));
	box_run(&b, FORWARD, logit, x, y, ld);
	for (i = 0; i < n; i++) {
		want = plain_spline(&b.s, &q, (double)x[i], &wantld);
		slack(&b, &q, (double)x[i], &e, &ed);
		worst = larger(worst, fabs((double)y[i] - want) / e);
		worst_ld = larger(worst_ld, fabs(ld[i] - wantld) / ed);
	}
	ok(worst <= 1 && worst_ld <= 1, "on and beside %u knots", bins + 1);
	near((double)y[0], -T, TOL / 1e3, "a corner");
	near((double)y[3 * bins - 1], T, TOL / 1e3, "the other");
	near(ld[0], 0, 1e-12, "its log derivative");
	near(ld[3 * bins - 1], 0, 1e-12, "its log derivative");
	nf_free(logit);
	box_free(&b);
}

/* ---- logits that break others ----------------------------------------- */

#define GRID	401

/*
 * Values across the box through one spline: finite, within the box, rising,
 * and back again; gradients finite.
 */
static void
hostile(struct box *b, const nf_real *row, const char *what)
{
	nf_real *logit = reals((size_t)GRID * b->P), *dlogit;
	nf_real x[GRID], y[GRID], back[GRID], z[GRID], one[GRID], dx[GRID];
	double ld[GRID], ldb[GRID], ldz[GRID];
	int i, finite = 1, rising = 1, same = 1, smooth = 1;
	size_t k;

	dlogit = reals((size_t)GRID * b->P);
	for (i = 0; i < GRID; i++) {
		x[i] = (nf_real)(i * 2.0 / (GRID - 1) - 1);
		one[i] = 1;
		memcpy(logit + (size_t)i * b->P, row, b->P * sizeof(*row));
	}
	box_run(b, KEEPING, logit, x, z, ldz);
	box_grad(b, one, one, dx, dlogit);
	for (i = 0; i < GRID; i++)
		smooth &= isfinite(dx[i]) && isfinite(ldz[i]) &&
		    isfinite(z[i]);
	for (k = 0; k < (size_t)GRID * b->P; k++)
		smooth &= isfinite(dlogit[k]) != 0;
	box_run(b, FORWARD, logit, x, y, ld);
	box_run(b, INVERSE, logit, y, back, ldb);
	for (i = 0; i < GRID; i++) {
		finite &= isfinite(ld[i]) && isfinite(ldb[i]) &&
		    fabs((double)y[i]) <= 1 && fabs((double)back[i]) <= 1;
		rising &= i == 0 || y[i] >= y[i - 1];
		/* Where it is flat, many x have the one y. */
		same &= fabs((double)(back[i] - x[i])) <=
		    TOL * (2 + 2 * exp(-ld[i])) + 4 * TOL *
		    exp(fabs(ldb[i]));
	}
	ok(finite, "%s: finite and in the box", what);
	ok(rising, "%s: never falling", what);
	ok(same, "%s: and back", what);
	ok(smooth, "%s: gradients finite", what);
	nf_free(logit);
	nf_free(dlogit);
}

static void
test_hostile(struct nf_dev *d, uint32_t bins)
{
	uint32_t k, P = 3 * bins - 1;
	nf_real *row = reals(P);
	uint64_t seed = 3;
	struct box b;

	box_new(&b, d, bins, 1, GRID);
	for (k = 0; k < P; k++)
		row[k] = uniform(&seed) > 0 ? 80 : -80;
	hostile(&b, row, "logits of +-80");
	for (k = 0; k < P; k++)
		row[k] = k == bins / 2 ? 80 : k < bins ? -80 : 0;
	hostile(&b, row, "one bin with all the width");
	for (k = 0; k < P; k++)
		row[k] = k == bins + bins / 2 ? 80 : k < 2 * bins ? -80 : 0;
	hostile(&b, row, "one bin with all the height");
	for (k = 0; k < P; k++)
		row[k] = k == 0 || k == 2 * bins - 1 ? 500 : 0;
	hostile(&b, row, "widths at one end, heights at the other");
	for (k = 0; k < P; k++)
		row[k] = k < 2 * bins ? 0 : -80;
	hostile(&b, row, "no derivatives");
	for (k = 0; k < P; k++)
		row[k] = k < 2 * bins ? 0 : 1000;
	hostile(&b, row, "steep derivatives");
	for (k = 0; k < P; k++)
		row[k] = (nf_real)-1e30;
	hostile(&b, row, "logits of -1e30");
	for (k = 0; k < P; k++)
		row[k] = (nf_real)(k % 3 == 0 ? -1e30 : k % 3);
	hostile(&b, row, "some logits of -1e30");
	nf_free(row);
	box_free(&b);
}

/* Logits that overflowed: bounded and counted, where no gradient follows. */
static void
test_overflow(struct nf_dev *d, uint32_t bins)
{
	static const double bad[] = { HUGE_VAL, -HUGE_VAL, NAN };
	double ld[64], ldb[64];
	nf_real *logit, x[64], y[64], back[64];
	int good = 1;
	uint32_t i, k;
	struct nf_err err;
	struct box b;

	box_new(&b, d, bins, 1, 64);
	logit = reals(64 * (size_t)b.P);
	for (i = 0; i < 64; i++) {
		x[i] = (nf_real)(i / 32.0 - 1);
		for (k = 0; k < b.P; k++)
			logit[i * b.P + k] = (nf_real)(i < 9 ?
			    bad[(i / 3 + k % 2 * i) % 3] :
			    k == i % b.P ? bad[i % 3] : 0.1 * k);
	}
	must(d->ops->sync(d, &err), &err);
	d->clamped = 0;
	box_run(&b, FORWARD, logit, x, y, ld);
	must(d->ops->sync(d, &err), &err);
	ok(d->clamped >= 64, "%llu logits were bounded",
	    (unsigned long long)d->clamped);
	box_run(&b, INVERSE, logit, x, back, ldb);
	for (i = 0; i < 64; i++)
		good &= isfinite(ld[i]) && isfinite(ldb[i]) &&
		    fabs((double)y[i]) <= 1 && fabs((double)back[i]) <= 1;
	ok(good, "%u bins: finite whatever the logits", bins);
	d->clamped = 0;
	nf_free(logit);
	box_free(&b);
}

/* ---- nflows' own ------------------------------------------------------ */

/* Rows whose value stands on a knot of float32's: another bin may be right. */
static int
on_knot(size_t i)
{
	return i >= 40 && i < 72;
}

static void
judge(const char *group, const char *what, size_t n, const double *ours,
    const double *theirs, const double *want, int knots)
{
	double e = 0, t = 0, bound;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!knots && on_knot(i))
			continue;
		e = larger(e, fabs(ours[i] - want[i]));
		t = larger(t, fabs(theirs[i] - want[i]));
	}
	bound = TOL > 1e-9 ? fmax(2 * t, 1e-5) : 1e-10;
	ok(e <= bound, "%s %s off by %.2g (nflows in float32: %.2g)", group,
	    what, e, t);
}

static double *
widen(size_t n, const nf_real *x)
{
	double *y = room(n, sizeof(*y));
	size_t i;

	for (i = 0; i < n; i++)
		y[i] = (double)x[i];
	return y;
}

/* One way: value and log derivative. */
static void
parity_way(hid_t file, const char *group, struct box *b, enum way way,
    const nf_real *logit, const nf_real *x)
{
	const char *name = way == INVERSE ? "inv" : "fwd";
	double *ld = room(b->n, sizeof(*ld)), *wide, *theirs, *want;
	nf_real *y = reals(b->n);
	char what[64];
	size_t n;

	box_run(b, way, logit, x, y, ld);
	wide = widen(b->n, y);
	theirs = get(file, &n, "%s/%s_out", group, name);
	want = get(file, &n, "%s/%s_out_f64", group, name);
	snprintf(what, sizeof(what), "%s out", name);
	judge(group, what, b->n, wide, theirs, want, 1);
	nf_free(theirs);
	nf_free(want);
	theirs = get(file, &n, "%s/%s_logabsdet", group, name);
	want = get(file, &n, "%s/%s_logabsdet_f64", group, name);
	snprintf(what, sizeof(what), "%s logabsdet", name);
	judge(group, what, b->n, ld, theirs, want, 1);
	nf_free(theirs);
	nf_free(want);
	nf_free(wide);
	nf_free(ld);
	nf_free(y);
}

/* Gradients of the logits, K or K - 1 a row, by the largest of all rows. */
static void
parity_grad(hid_t file, const char *group, const char *name,
    const struct box *b, const nf_real *dlogit, uint32_t from, uint32_t wide)
{
	double worst = 0, top = 0, *want;
	size_t n, i, k;

	want = get(file, &n, "%s/grad_%s_f64", group, name);
	for (i = 0; i < b->n; i++)
		for (k = 0; k < wide; k++) {
			if (TOL > 1e-9 && on_knot(i))
				continue;
			top = larger(top, fabs(want[i * wide + k]));
			worst = larger(worst, fabs(want[i * wide + k] -
			    (double)dlogit[i * b->P + from + k]));
		}
	ok(worst <= (TOL > 1e-9 ? 1e-3 : 1e-9) * top,
	    "%s gradient of %s off by %.2g of the largest", group, name,
	    worst / top);
	nf_free(want);
}

static void
parity_group(hid_t file, struct nf_dev *d, const char *group)
{
	static const char *const part[] = { "widths", "heights",
		"derivatives" };
	uint32_t K = (uint32_t)attr(file, group, "num_bins", NULL), j, wide;
	nf_real *x, *logit, *dout, *dld, *dx, *dlogit;
	double *raw;
	struct box b;
	size_t n, i;

	raw = get(file, &n, "%s/x", group);
	x = narrow(n, raw);
	box_new(&b, d, K, attr(file, group, "tail_bound", NULL), (uint32_t)n);
	logit = reals(n * b.P);
	dlogit = reals(n * b.P);
	dx = reals(n);
	for (j = 0; j < 3; j++) {
		wide = K - (j == 2);
		raw = get(file, &i, "%s/unnormalized_%s", group, part[j]);
		for (i = 0; i < n * wide; i++)
			logit[i / wide * b.P + j * K + i % wide] =
			    (nf_real)raw[i];
		nf_free(raw);
	}
	raw = get(file, &n, "%s/cot_out", group);
	dout = narrow(n, raw);
	raw = get(file, &n, "%s/cot_logabsdet", group);
	dld = narrow(n, raw);
	parity_way(file, group, &b, INVERSE, logit, x);
	parity_way(file, group, &b, FORWARD, logit, x);
	parity_way(file, group, &b, KEEPING, logit, x);
	box_grad(&b, dout, dld, dx, dlogit);
	for (j = 0; j < 3; j++)
		parity_grad(file, group, part[j], &b, dlogit, j * K,
		    K - (j == 2));
	b.P = 1;
	parity_grad(file, group, "x", &b, dx, 0, 1);
	nf_free(x);
	nf_free(logit);
	nf_free(dlogit);
	nf_free(dx);
	nf_free(dout);
	nf_free(dld);
	box_free(&b);
}

static void
test_parity(struct nf_dev *d)
{
	static const char *const group[] = { "K4", "K8", "K16", "K128" };
	const char *dir = getenv("NF_PARITY");
	char path[4096];
	hid_t file;
	int i;

	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	snprintf(path, sizeof(path), "%s/parity_spline.h5",
	    dir == NULL ? "tests/data" : dir);
	if ((file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)) < 0)
		return;
	for (i = 0; i < 4; i++)
		parity_group(file, d, group[i]);
	H5Fclose(file);
}

int
main(void)
{
	static const uint32_t bins[] = { 2, 3, 5, 15, 16, 17, 31, 33, 128,
		1024 };
	struct nf_dev *d = open_device(1);
	size_t i;

	for (i = 0; i < sizeof(bins) / sizeof(bins[0]); i++) {
		test_random(d, bins[i], 1, 1);
		test_random(d, bins[i], i % 2 == 0 ? 3 : 0.25, 3);
	}
	test_outside(d);
	test_knots(d, 2);
	test_knots(d, 17);
	test_knots(d, 128);
	test_hostile(d, 2);
	test_hostile(d, 17);
	test_hostile(d, 128);
	test_overflow(d, 4);
	test_overflow(d, 40);
	test_parity(d);
	d->ops->close(d);
	return done();
}
