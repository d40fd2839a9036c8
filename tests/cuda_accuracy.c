/*
 * What each precision of a GPU's products costs: densities, latents and draws
 * of nflows' models in tests/data, or of all that the directory NF_PARITY
 * holds, against double precision.  On the emulated GPU the operands are
 * rounded as the real ones' would be at worst, and sums are exact.
 *
 * NF_PARITY_ROWS=N: of each model N rows alone.
 */
#include <dirent.h>
#include <libgen.h>

#include "parity_load.h"

static const char *const names[] = { "fp32", "tf32", "bf16" };
/* Allowed beside twice what nflows is off in float32, of latents and draws,
 * and of log densities, which are a row's sums. */
static const double most_z[] = { 1e-5, 1e-2, 1e-1 };
static const double most_logp[] = { 1e-4, 0.3, 3 };

struct rows {
	uint32_t n;
	double theirs[3];		/* of z, log_prob and x */
	nf_real *x, *z, *context;
	double *want_z, *want_x, *want_logp;
};

static nf_real *
reals_of(hid_t file, const char *name)
{
	size_t n = 0;
	double *x = get(file, &n, "%s", name);

	return x == NULL ? NULL : narrow(n, x);
}

static void
load_rows(struct rows *r, hid_t file, const struct nf_flow *f)
{
	const char *most = getenv("NF_PARITY_ROWS");
	double *back;
	size_t n, i;

	r->x = reals_of(file, "x");
	r->z = reals_of(file, "z");
	r->context = f->shape.context > 0 ? reals_of(file, "context") : NULL;
	r->want_z = get(file, &n, "z_f64");
	r->want_x = get(file, &n, "x_from_z_f64");
	r->want_logp = get(file, &n, "log_prob_f64");
	r->n = (uint32_t)n;
	r->theirs[0] = attr(file, "z", "max_abs_diff_f32_f64", NULL);
	r->theirs[1] = attr(file, "log_prob", "max_abs_diff_f32_f64", NULL);
	back = get(file, &n, "x_back");
	r->theirs[2] = 0;
	for (i = 0; i < n; i++)
		r->theirs[2] = larger(r->theirs[2],
		    fabs(back[i] - r->want_x[i]));
	nf_free(back);
	if (most != NULL && (uint32_t)atoi(most) < r->n)
		r->n = (uint32_t)atoi(most);
}

static void
free_rows(struct rows *r)
{
	nf_free(r->x);
	nf_free(r->z);
	nf_free(r->context);
	nf_free(r->want_z);
	nf_free(r->want_x);
	nf_free(r->want_logp);
}

/* The greatest and the root mean square of differences. */
struct error {
	double top, rms;
};

static struct error
error_of(size_t n, const nf_real *x, const double *logp, const double *want)
{
	struct error e = { 0, 0 };
	double d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = fabs((x != NULL ? (double)x[i] : logp[i]) - want[i]);
		e.top = d <= e.top ? e.top : d;
		e.rms += d * d / (double)n;
	}
	e.rms = sqrt(e.rms);
	return e;
}

static void
say(const char *model, int k, const char *what, struct error e,
    double most, double theirs)
{
	ok(e.top <= most + 2 * theirs, "%s, %s: %s off by %.2g at most, "
	    "%.2g rms", model, names[k], what, e.top, e.rms);
}

static void
test_model(const char *path, const char *model, struct nf_dev *d)
{
	hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
	struct nf_flow *f = load_flow(file);
	size_t D = f->shape.features;
	double *logp;
	nf_real *out;
	struct rows r;
	int k;

	load_rows(&r, file, f);
	out = reals(r.n * D);
	logp = room(r.n, sizeof(*logp));
	for (k = 0; k < 3; k++) {
		d->precision = (enum nf_precision)k;
		density(d, f, r.n, r.x, r.context, out, logp);
		say(model, k, "z", error_of(r.n * D, out, NULL, r.want_z),
		    most_z[k], r.theirs[0]);
		say(model, k, "log_prob", error_of(r.n, NULL, logp,
		    r.want_logp), most_logp[k], r.theirs[1]);
		inverse(d, f, r.n, r.z, r.context, out, logp);
		say(model, k, "x of z", error_of(r.n * D, out, NULL,
		    r.want_x), most_z[k], r.theirs[2]);
	}
	free_rows(&r);
	nf_free(out);
	nf_free(logp);
	nf_flow_free(f);
	H5Fclose(file);
}

int
main(int argc, char *argv[])
{
	const char *dir = getenv("NF_PARITY"), *name;
	struct dirent **entry;
	char path[8192], copy[4096];
	struct nf_dev *d;
	int n, i;

	(void)argc;
	snprintf(copy, sizeof(copy), "%s", argv[0]);
	snprintf(path, sizeof(path), "%s/emu/libnf-cuda.so", dirname(copy));
	setenv("NF_CUDA_LIB", path, 0);
	setenv("NF_DEVICE", "cuda", 0);
	d = open_device(1);
	printf("# on %s\n", d->name);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	dir = dir == NULL ? "tests/data" : dir;
	n = scandir(dir, &entry, NULL, alphasort);
	ok(n > 0, "models in %s", dir);
	for (i = 0; i < n; i++) {
		name = entry[i]->d_name;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (strncmp(name, "parity_", 7) == 0 &&
		    strcmp(name, "parity_spline.h5") != 0)
			test_model(path, name, d);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	nf_dev_close(d);
	return done();
}
