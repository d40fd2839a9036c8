/* The GPU's splines against the CPU's. */
#include "cuda_pair.h"

/* A final layer and what goes through it. */
struct spline {
	uint32_t n, nt, bins, H;
	double T;
	struct area *w, *b, *h, *x, *logdet;
};

/*
 * Weights from -wild to wild.  Some values lie outside the box, on its edges
 * and in its middle.
 */
static struct spline
new_spline(uint32_t n, uint32_t nt, uint32_t bins, uint32_t H, double wild)
{
	uint32_t P = 3 * bins - 1;
	struct spline s = { n, nt, bins, H, bins % 2 ? 3 : 1, NULL, NULL,
		NULL, NULL, NULL };
	static const double edge[] = { -1, 1, 0, -1.5, 2, -0.0, 0.999999 };
	size_t i;

	s.w = area(REAL, nt * P, H, H, -wild, wild);
	s.b = vec(REAL, (size_t)nt * P, -1, 1);
	s.h = area(REAL, n, H, H + H % 3, -1, 1);
	s.x = area(REAL, n, nt, nt + 2, -1.1 * s.T, 1.1 * s.T);
	s.logdet = vec(DOUBLE, n, -1, 1);
	for (i = 0; i < n; i += 3)
		((float *)host(s.x))[i * (nt + 2) + i % nt] =
		    (float)(edge[i / 3 % 7] * s.T);
	return s;
}

static struct nf_spline
spline_on(const struct spline *s, int k)
{
	struct nf_spline r = { .nt = s->nt, .bins = s->bins,
		.tail_bound = s->T, .logit_scale = 1 / sqrt(s->H) };

	r.min_width = r.min_height = s->bins > 500 ? 5e-4 : 1e-3;
	r.min_derivative = 1e-3;
	r.final.w = REAL_ON(s->w, k);
	r.final.b = REAL_ON(s->b, k);
	r.final.nin = s->H;
	r.final.nout = s->nt * (3 * s->bins - 1);
	return r;
}

static void
test_inverse(uint32_t n, uint32_t nt, uint32_t bins, uint32_t H, double wild,
    enum nf_precision mode)
{
	struct spline s = new_spline(n, nt, bins, H, wild);
	struct nf_spline r;
	int k;

	set_mode(mode);
	FOR_BOTH(k) {
		r = spline_on(&s, k);
		dev[k]->ops->spline_inverse(dev[k], n, &r, mat_on(s.h, k),
		    mat_on(s.x, k), DOUBLE_ON(s.logdet, k));
	}
	agree((3 + bins / 50) * mode_tol[mode], LIST(s.x, s.logdet, s.h),
	    "inverse spline %s, %u x %u, %u bins, hidden %u, to %g",
	    mode_name[mode], n, nt, bins, H, wild);
	set_mode(NF_FP32);
}

/* Forward without and with its gradient. */
static void
test_spline(uint32_t n, uint32_t nt, uint32_t bins, uint32_t H, double wild,
    enum nf_precision mode)
{
	struct spline s = new_spline(n, nt, bins, H, wild);
	struct area *x = area(REAL, n, nt, nt + 2, 0, 0);
	struct area *logdet = vec(DOUBLE, n, 0, 0);
	struct area *dx = area(REAL, n, nt, nt + 1, -1, 1);
	struct area *dlogdet = vec(REAL, n, -1, 1);
	struct area *dh = area(REAL, n, H, H + 1, 0, 0);
	struct area *dw = area(REAL, nt * (3 * bins - 1), H, H, 0, 0);
	struct area *db = vec(REAL, (size_t)nt * (3 * bins - 1), 0, 0);
	struct nf_spline r;
	void *keep;
	int k;

	memcpy(host(x), host(s.x), x->nbyte);
	set_mode(mode);
	FOR_BOTH(k) {
		r = spline_on(&s, k);
		dev[k]->ops->spline(dev[k], n, &r, mat_on(s.h, k),
		    mat_on(s.x, k), DOUBLE_ON(s.logdet, k), NULL);
		keep = dev[k]->ops->alloc(dev[k],
		    dev[k]->ops->spline_keep(dev[k], n, &r));
		dev[k]->ops->spline(dev[k], n, &r, mat_on(s.h, k),
		    mat_on(x, k), DOUBLE_ON(logdet, k), keep);
		dev[k]->ops->spline_grad(dev[k], n, &r, mat_on(s.h, k), keep,
		    REAL_ON(dlogdet, k), mat_on(dx, k), mat_on(dh, k),
		    REAL_ON(dw, k), REAL_ON(db, k));
		dev[k]->ops->free(dev[k], keep);
	}
	agree((10 + bins / 50) * mode_tol[mode],
	    LIST(s.x, x, s.logdet, logdet, dx, dh, dw,
	    db, s.h), "spline %s, %u x %u, %u bins, hidden %u, to %g",
	    mode_name[mode], n, nt, bins, H, wild);
	set_mode(NF_FP32);
}

/* Logits that overflow are bounded, counted, and give finite numbers. */
static void
test_clamped(float weight)
{
	struct spline s = new_spline(20, 3, 12, 5, 1);
	struct area *x = area(REAL, 20, 3, 5, 0, 0);
	struct area *logdet = vec(DOUBLE, 20, 0, 0);
	struct nf_spline r;
	struct nf_err err;
	int k;

	memcpy(host(x), host(s.x), x->nbyte);
	((float *)host(s.w))[7] = weight;
	((float *)host(s.w))[3 * 5] = weight;
	FOR_BOTH(k) {
		dev[k]->clamped = 0;
		r = spline_on(&s, k);
		dev[k]->ops->spline(dev[k], s.n, &r, mat_on(s.h, k),
		    mat_on(s.x, k), DOUBLE_ON(s.logdet, k), NULL);
		dev[k]->ops->spline_inverse(dev[k], s.n, &r, mat_on(s.h, k),
		    mat_on(x, k), DOUBLE_ON(logdet, k));
		ok(dev[k]->ops->sync(dev[k], &err) == 0, "no fault");
	}
	ok(dev[0]->clamped == dev[1]->clamped, "weight %g: %llu logits "
	    "bounded here, %llu there", (double)weight,
	    (unsigned long long)dev[0]->clamped,
	    (unsigned long long)dev[1]->clamped);
	agree(3e-5, LIST(s.x, x), "weight %g: the same numbers",
	    (double)weight);
}

static void
test_splines(void)
{
	static const uint32_t bins[] = { 2, 3, 4, 5, 10, 31, 32, 33, 100,
		127, 128, 129, 130, 256, 1000, 1024 };
	static const uint32_t features[] = { 1, 2, 5, 9, 33, 40 };
	uint32_t i, n, nt, H;
	int mode;

	for (i = 0; i < COUNT(bins); i++) {
		nt = bins[i] > 200 ? 1 + i % 2 : features[i % 6];
		n = 1 + 9 * (i % 3);
		H = 1 + 7 * (i % 4);
		test_spline(n, nt, bins[i], H, 2, NF_FP32);
		test_inverse(n, nt, bins[i], H, 2, NF_FP32);
	}
	test_spline(300, 3, 8, 6, 1, NF_FP32);
	test_inverse(300, 3, 8, 6, 1, NF_FP32);
	test_spline(9, 4, 16, 10, 50, NF_FP32);
	test_inverse(9, 4, 16, 10, 50, NF_FP32);
	for (mode = NF_TF32; mode <= NF_BF16; mode++) {
		test_spline(70, 3, 16, 66, 0.5, (enum nf_precision)mode);
		test_inverse(70, 3, 16, 66, 0.5, (enum nf_precision)mode);
	}
	test_clamped(INFINITY);
	test_clamped(-INFINITY);
	test_clamped(3e38f);
	test_clamped(NAN);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	open_pair(argv[0]);
	test_splines();
	close_pair();
	return done();
}
