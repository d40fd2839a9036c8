/*
 * Parity with PyTorch's nflows: densities, inverses, losses, gradients and
 * Adam's steps of the models in tests/data (README.md there), or of all that
 * the directory NF_PARITY holds.
 */
#include <dirent.h>

#include "parity_load.h"
#include "train.h"

#ifdef NF_REF
#define FLOOR	1e-8		/* and the reference's float32 error is 0 */
#define THEIRS	0
#else
#define FLOOR	1e-5
#define THEIRS	2
#endif

/* ---- comparisons ------------------------------------------------------ */

static const char *label;		/* of the file at hand */

/* Ours no further from the truth than theirs, doubled, or FLOOR. */
static void
judge(const char *what, double ours, double theirs)
{
	double bound = THEIRS * theirs > FLOOR ? THEIRS * theirs : FLOOR;

	ok(ours <= bound, "%s: %s off by %.2g (nflows in float32: %.2g)",
	    label, what, ours, theirs);
}

static double
diff(size_t n, const double *x, const double *y)
{
	double top = 0;
	size_t i;

	for (i = 0; i < n; i++)
		top = larger(top, fabs(x[i] - y[i]));
	return top;
}

static void
test_density(hid_t file, struct nf_dev *d, const struct nf_flow *f,
    uint32_t n, const nf_real *x, const nf_real *context)
{
	uint32_t D = f->shape.features, i, j;
	nf_real *z = reals((size_t)n * D);
	double *logp = room(n, sizeof(*logp)), *want;
	size_t m;

	density(d, f, n, x, context, z, logp);
	want = get(file, &m, "z_f64");
	judge("z", max_diff(m, z, want),
	    attr(file, "z", "max_abs_diff_f32_f64", NULL));
	nf_free(want);
	want = get(file, &m, "log_prob_f64");
	judge("log_prob", diff(m, logp, want),
	    attr(file, "log_prob", "max_abs_diff_f32_f64", NULL));
	nf_free(want);
	for (i = 0; i < n; i++)
		for (j = 0; j < D; j++)
			logp[i] += 0.5 * log(2 * M_PI) + 0.5 *
			    (double)z[i * D + j] * (double)z[i * D + j];
	want = get(file, &m, "logabsdet_f64");
	judge("logabsdet", diff(m, logp, want),
	    attr(file, "logabsdet", "max_abs_diff_f32_f64", NULL));
	nf_free(want);
	nf_free(z);
	nf_free(logp);
}

/* A float32 inverse is fed the stored float32 z: so is the truth. */
static void
test_inverse(hid_t file, struct nf_dev *d, const struct nf_flow *f,
    uint32_t n, const nf_real *context)
{
	double *logdet = room(n, sizeof(*logdet)), *want, *theirs;
	nf_real *x = reals((size_t)n * f->shape.features), *z;
	size_t m;

	z = narrow((size_t)n * f->shape.features, get(file, &m, "z"));
	inverse(d, f, n, z, context, x, logdet);
	want = get(file, &m, "x_from_z_f64");
	theirs = get(file, &m, "x_back");
	judge("x of z", max_diff(m, x, want), diff(m, theirs, want));
	nf_free(want);
	nf_free(theirs);
	want = get(file, &m, "inv_logabsdet_from_z_f64");
	theirs = get(file, &m, "inv_logabsdet");
	judge("inverse's logabsdet", diff(m, logdet, want),
	    diff(m, theirs, want));
	nf_free(want);
	nf_free(theirs);
	nf_free(logdet);
	nf_free(x);
	nf_free(z);
}

/* Every tensor's gradient: the worst, by its own largest entry. */
static void
test_gradients(hid_t file, const struct pass *p)
{
	const struct nf_flow *f = p->flow;
	double worst = 0, theirs = 0, noise = 0, top, e, *want;
	const char *which = "";
	uint32_t i, count = 0;
	char name[256], path[300];
	size_t n;

	for (i = 0; i < f->ntensor; i++) {
		const struct nf_tensor *t = &f->tensor[i];

		their_name(f, t->name, name, sizeof(name));
		snprintf(path, sizeof(path), "grad/%s", name);
		if (t->stat || (want = get(file, &n, "%s", path)) == NULL)
			continue;
		top = attr(file, path, "max_abs", NULL);
		e = max_diff(n, p->grad + t->offset, want);
		nf_free(want);
		count++;
		if (idle(f, t)) {
			noise = larger(noise, e);
			continue;
		}
		if (!(e / top <= worst)) {
			worst = e / top;
			which = t->name;
		}
		e = attr(file, path, "max_abs_diff_f32_f64", NULL) / top;
		theirs = larger(theirs, e);
	}
	ok(worst <= (THEIRS ? 1e-3 : 1e-8), "%s: %u gradients off by %.2g of "
	    "their largest, %s (nflows in float32: %.2g)", label, count,
	    worst, which, theirs);
	if (f->shape.batch_norm)
		ok(noise <= (THEIRS ? 1e-6 : 1e-15),
		    "%s: gradients that are 0 are %.2g", label, noise);
}

/*
 * The largest model's gradients are stored as norms and first entries.  A
 * value that float32 moves across a knot changes its own step's gradients by
 * a share of the few rows' sum, so the tensors of a step may stand out.
 */
static void
test_gradient_heads(hid_t file, const struct pass *p)
{
	const struct nf_flow *f = p->flow;
	double *l2, *top, *head, e, sum, worst = 0, worst_l2 = 0;
	char name[256], **names;
	hid_t set, type, space;
	size_t n, i, k, j, count = 0, far = 0;

	l2 = get(file, &n, "grad_l2");
	top = get(file, &n, "grad_maxabs");
	head = get(file, &k, "grad_head");
	set = H5Dopen2(file, "grad_name", H5P_DEFAULT);
	type = H5Dget_type(set);
	space = H5Dget_space(set);
	names = room(n, sizeof(*names));
	H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names);
	for (i = 0; i < f->ntensor; i++) {
		const struct nf_tensor *t = &f->tensor[i];
		const nf_real *g = p->grad + t->offset;

		their_name(f, t->name, name, sizeof(name));
		for (k = 0; k < n && strcmp(names[k], name) != 0; k++)
			;
		if (k == n || idle(f, t))
			continue;
		sum = 0;
		for (j = 0; j < t->n; j++)
			sum += (double)g[j] * (double)g[j];
		e = fabs(sqrt(sum) - l2[k]) / l2[k];
		worst_l2 = larger(worst_l2, e);
		e = max_diff(t->n < 8 ? t->n : 8, g, head + 8 * k) / top[k];
		worst = larger(worst, e);
		far += !(e <= 1e-3);
		count++;
	}
	ok(worst <= (THEIRS ? 1e-2 : 1e-9) && far <= count / 20,
	    "%s: %zu gradients off by %.2g of their largest, %zu by more "
	    "than 1e-3", label, count, worst, far);
	ok(worst_l2 <= 1e-3, "%s: norms of gradients off by %.2g", label,
	    worst_l2);
	H5Dvlen_reclaim(type, space, H5P_DEFAULT, names);
	H5Sclose(space);
	H5Tclose(type);
	H5Dclose(set);
	nf_free(names);
	nf_free(l2);
	nf_free(top);
	nf_free(head);
}

static void
test_loss(hid_t file, struct nf_dev *d, const struct nf_flow *f, uint32_t n,
    const nf_real *x, const nf_real *context)
{
	double *loss, *theirs;
	struct pass p;
	size_t m;

	pass_new(&p, d, f, n);
	pass_run(&p, x, context, NULL);
	loss = get(file, &m, "loss");
	theirs = get(file, &m, "loss_f32");
	ok(fabs(p.loss - *loss) <= FLOOR * fabs(*loss), "%s: loss off by "
	    "%.2g, relative (nflows in float32: %.2g)", label,
	    fabs(p.loss / *loss - 1),
	    theirs == NULL ? NAN : fabs(*theirs / *loss - 1));
	if (H5Lexists(file, "grad", H5P_DEFAULT) > 0)
		test_gradients(file, &p);
	else
		test_gradient_heads(file, &p);
	nf_free(loss);
	nf_free(theirs);
	pass_free(&p);
}

/* ---- Adam ------------------------------------------------------------- */

/*
 * Parameters and running statistics after that many steps.  Adam makes whole
 * steps of an idle bias' noise, and the mean behind it moves along.
 */
static void
test_state(hid_t file, const struct nf_flow *f, int step)
{
	double worst[2] = { 0 }, moved = 0, e, *want;
	char name[256];
	uint32_t i;
	size_t n;

	for (i = 0; i < f->ntensor; i++) {
		const struct nf_tensor *t = &f->tensor[i];

		their_name(f, t->name, name, sizeof(name));
		want = get(file, &n, "step%d/%s", step, name);
		if (want == NULL || n != t->n) {
			worst[0] = NAN;
			break;
		}
		e = max_diff(n, f->param + t->offset, want);
		nf_free(want);
		if (idle(f, t) || strstr(t->name, "norm_1/running_mean"))
			moved = larger(moved, e);
		else
			worst[t->stat] = larger(worst[t->stat], e);
	}
	ok(worst[0] <= 3 * FLOOR, "%s: parameters off by %.2g after step %d",
	    label, worst[0], step);
	ok(worst[1] <= FLOOR, "%s: running statistics off by %.2g", label,
	    worst[1]);
	ok(moved <= 1e-3 * step, "%s: what Adam makes of noise moves %.2g",
	    label, moved);
}

/* The batch is all rows; one a epoch. */
static void
test_steps(hid_t file, struct nf_dev *d, struct nf_flow *f, uint32_t n,
    const nf_real *x, const nf_real *context)
{
	struct nf_rowset rows = { n, x, context, NULL };
	struct nf_train_opt opt = { .epochs = 5, .batch = n, .lr = 1e-3,
		.schedule = NF_CONSTANT, .beta1 = 0.9, .beta2 = 0.999,
		.eps = 1e-8, .max_skipped = 1 };
	struct nf_train_state st = { 0 };
	struct nf_trainer *t;
	struct nf_err err;
	double *loss, e, worst = 0;
	size_t m;
	int i;

	if ((loss = get(file, &m, "train_losses")) == NULL)
		return;
	must(nf_trainer_new(&t, d, f, &opt, &rows, &err), &err);
	for (i = 0; i < 5; i++) {
		if (i > 0)
			must(nf_trainer_next(t, &err), &err);
		must(nf_trainer_run(t, 1, &err), &err);
		must(nf_trainer_get(t, &st, &err), &err);
		e = fabs(st.sum_nll / st.sum_weight / loss[i] - 1);
		worst = larger(worst, e);
		if (i == 0 || i == 4)
			test_state(file, f, i + 1);
	}
	ok(worst <= FLOOR, "%s: losses of 5 steps off by %.2g, relative",
	    label, worst);
	nf_trainer_free(t);
	nf_free(loss);
}

static void
test_model(const char *path, struct nf_dev *d)
{
	hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
	nf_real *x, *context;
	struct nf_flow *f;
	size_t n = 0, c = 0;
	double *raw;

	if (!ok(file >= 0, "open %s", path))
		return;
	f = load_flow(file);
	raw = get(file, &n, "x");
	x = narrow(n, raw);
	raw = f->shape.context > 0 ? get(file, &c, "context") : NULL;
	context = narrow(c, raw);
	n /= f->shape.features;
	test_density(file, d, f, (uint32_t)n, x, context);
	test_inverse(file, d, f, (uint32_t)n, context);
	test_loss(file, d, f, (uint32_t)n, x, context);
	test_steps(file, d, f, (uint32_t)n, x, context);
	nf_flow_free(f);
	nf_free(x);
	nf_free(context);
	H5Fclose(file);
}

int
main(void)
{
	const char *dir = getenv("NF_PARITY"), *name;
	struct nf_dev *d = open_device(1);
	struct dirent **entry;
	char path[4096];
	int n, i, count = 0;

	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	dir = dir == NULL ? "tests/data" : dir;
	n = scandir(dir, &entry, NULL, alphasort);
	for (i = 0; i < n; i++) {
		name = entry[i]->d_name;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (strncmp(name, "parity_", 7) == 0 &&
		    strcmp(name, "parity_spline.h5") != 0) {
			label = name;
			test_model(path, d);
			count++;
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	ok(count > 0, "%d models in %s", count, dir);
	d->ops->close(d);
	return done();
}
