/*
 * The public functions, nf.h: what nfsample and nflogp do, for rows in the
 * caller's memory.
 */
#include <string.h>

#include "h5.h"
#include "handle.h"

#define ROWS	8192			/* copied at a time */

static const struct nf_random at_zero;

/* What a later version may give a meaning is not used before. */
static int
check_reserved(const uint32_t *x, size_t n, const char *what,
    struct nf_err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (x[i] != 0)
			return nf_fail(err, NF_EUSE, "%s: reserved[%zu] is %u, "
			    "want 0: set the struct to 0 first", what, i,
			    x[i]);
	return 0;
}

/* ---- models ----------------------------------------------------------- */

/*
 * libhdf5 may not be built for threads, and how it reports its errors is the
 * program's to say: one opens at a time, and leaves that as it was.
 */
static int
init(struct nf_handle *h, const char *path, const struct nf_options *o,
    struct nf_err *err)
{
	H5E_auto2_t report;
	void *arg;
	int rc;

#pragma omp critical(nf_open)
	{
		int known = H5Eget_auto2(H5E_DEFAULT, &report, &arg) >= 0;

		rc = nf_handle_init(h, path, 0, o->device == NULL ? "auto" :
		    o->device, o->threads, err);
		if (known)
			H5Eset_auto2(H5E_DEFAULT, report, arg);
	}
	return rc;
}

struct nf_handle *
nf_open(const char *path, const struct nf_options *o, struct nf_err *err)
{
	static const struct nf_options none;
	struct nf_err mine;
	struct nf_handle *h;

	err = err == NULL ? &mine : err;
	o = o == NULL ? &none : o;
	if (check_reserved(o->reserved, sizeof(o->reserved) /
	    sizeof(o->reserved[0]), "options", err) == -1 ||
	    (h = nf_alloc(1, sizeof(*h), "model", err)) == NULL)
		return NULL;
	if (init(h, path, o, err) == 0)
		return h;
	nf_close(h);
	return NULL;
}

void
nf_close(struct nf_handle *h)
{
	if (h != NULL)
		nf_handle_end(h);
	nf_free(h);
}

uint32_t
nf_ncontext(const struct nf_handle *h)
{
	return h->context.n;
}

uint32_t
nf_ntarget(const struct nf_handle *h)
{
	return h->target.n;
}

const char *
nf_context_name(const struct nf_handle *h, uint32_t j)
{
	return j < h->context.n ? h->context.s[j] : NULL;
}

const char *
nf_target_name(const struct nf_handle *h, uint32_t j)
{
	return j < h->target.n ? h->target.s[j] : NULL;
}

const char *
nf_device_name(const struct nf_handle *h)
{
	return h->dev->name;
}

const char *
nf_version(void)
{
	return NF_VERSION;
}

uint64_t
nf_bounded(struct nf_handle *h)
{
	uint64_t n;

	pthread_mutex_lock(&h->lock);
	n = nf_raw_clamped_flow(h->raw) + nf_raw_clamped_prep(h->raw);
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* ---- rows ------------------------------------------------------------- */

/* A call: from what to what, of which only those of its kind are set. */
struct call {
	const struct nf_random *at;
	const double *context, *target, *latent;
	const float *context32;
	double *to;			/* targets, latents or densities */
	float *to32;
	int (*block)(struct nf_handle *h, const struct call *c, uint64_t i,
	    uint64_t n, struct nf_err *err);
};

static struct nf_noise
noise(const struct call *c, uint64_t i)
{
	return (struct nf_noise){ .seed = c->at->seed,
		.first = c->at->row + i, .repeat = 1, .draw = c->at->draw,
		.temperature = c->at->temperature == 0 ? 1 :
		    c->at->temperature };
}

static int
sample(struct nf_handle *h, const struct call *c, uint64_t i, uint64_t n,
    struct nf_err *err)
{
	struct nf_noise g = noise(c, i);

	return nf_raw_sample(h->raw, &g, n, c->context + i * h->context.n,
	    c->to + i * h->target.n, err);
}

static int
sample32(struct nf_handle *h, const struct call *c, uint64_t i, uint64_t n,
    struct nf_err *err)
{
	size_t nc = h->context.n, nt = h->target.n, k;
	double *context = h->rows, *target = h->rows + ROWS * nc;
	struct nf_noise g = noise(c, i);

	for (k = 0; k < n * nc; k++)
		context[k] = (double)c->context32[i * nc + k];
	if (nf_raw_sample(h->raw, &g, n, context, target, err) == -1)
		return -1;
	for (k = 0; k < n * nt; k++)
		c->to32[i * nt + k] = (float)target[k];
	return 0;
}

/* Rows of conditions and targets side by side. */
static void
join(struct nf_handle *h, const struct call *c, uint64_t i, uint64_t n)
{
	size_t nc = h->context.n, nt = h->target.n;
	double *row = h->rows;

	for (; n-- > 0; i++, row += nc + nt) {
		if (nc > 0)
			memcpy(row, c->context + i * nc, nc * sizeof(*row));
		memcpy(row + nc, c->target + i * nt, nt * sizeof(*row));
	}
}

static int
density(struct nf_handle *h, const struct call *c, uint64_t i, uint64_t n,
    struct nf_err *err)
{
	join(h, c, i, n);
	return nf_raw_density(h->raw, c->at->seed, c->at->row + i, n, h->rows,
	    NULL, c->to + i, err);
}

static int
latent(struct nf_handle *h, const struct call *c, uint64_t i, uint64_t n,
    struct nf_err *err)
{
	join(h, c, i, n);
	return nf_raw_density(h->raw, c->at->seed, c->at->row + i, n, h->rows,
	    c->to + i * h->target.n, NULL, err);
}

static int
from_latent(struct nf_handle *h, const struct call *c, uint64_t i,
    uint64_t n, struct nf_err *err)
{
	return nf_raw_invert(h->raw, c->at->seed, c->at->row + i, n,
	    c->context + i * h->context.n, c->latent + i * h->target.n,
	    c->to + i * h->target.n, err);
}

/* Row numbers beyond this are none that a stream can have. */
#define LAST_ROW	((uint64_t)1 << 62)

static int
blocks(struct nf_handle *h, const struct call *c, size_t n,
    struct nf_err *err)
{
	uint64_t i, m;

	if (c->at->row > LAST_ROW || n > LAST_ROW)
		return nf_fail(err, NF_EUSE, "%zu rows from number %llu on: "
		    "want numbers up to %llu", n,
		    (unsigned long long)c->at->row,
		    (unsigned long long)LAST_ROW);
	if (!(c->at->temperature >= 0 &&
	    c->at->temperature <= NF_MAX_TEMPERATURE))
		return nf_fail(err, NF_EUSE, "temperature %g, want 0 to %d",
		    c->at->temperature, NF_MAX_TEMPERATURE);
	if (h->context.n > 0 && c->context == NULL && c->context32 == NULL)
		return nf_fail(err, NF_EUSE, "%s: context is NULL, want rows "
		    "of %u columns", h->path, h->context.n);
	if (h->rows == NULL && (h->rows = nf_alloc(ROWS * ((size_t)
	    h->context.n + h->target.n), sizeof(double), "rows", err)) == NULL)
		return -1;
	for (i = 0; i < n; i += m) {
		m = ROWS - (c->at->row + i) % ROWS;
		m = m < n - i ? m : n - i;
		if (c->block(h, c, i, m, err) == -1)
			return nf_fail_in(err, "%s", h->path);
	}
	return 0;
}

static int
run(struct nf_handle *h, struct call c, size_t n, struct nf_err *err)
{
	static const double nothing;
	struct nf_err mine;
	int rc;

	err = err == NULL ? &mine : err;
	c.at = c.at == NULL ? &at_zero : c.at;
	if (check_reserved(c.at->reserved, sizeof(c.at->reserved) /
	    sizeof(c.at->reserved[0]), "random", err) == -1)
		return -1;
	if (h->context.n == 0)
		c.context = &nothing;
	pthread_mutex_lock(&h->lock);
	rc = blocks(h, &c, n, err);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

int
nf_sample(struct nf_handle *h, const struct nf_random *r, size_t n,
    const double *context, double *target, struct nf_err *err)
{
	return run(h, (struct call){ .at = r, .context = context,
	    .to = target, .block = sample }, n, err);
}

int
nf_sample_f32(struct nf_handle *h, const struct nf_random *r, size_t n,
    const float *context, float *target, struct nf_err *err)
{
	return run(h, (struct call){ .at = r, .context32 = context,
	    .to32 = target, .block = sample32 }, n, err);
}

int
nf_log_density(struct nf_handle *h, const struct nf_random *r, size_t n,
    const double *context, const double *target, double *logp,
    struct nf_err *err)
{
	return run(h, (struct call){ .at = r, .context = context,
	    .target = target, .to = logp, .block = density }, n, err);
}

int
nf_latent(struct nf_handle *h, const struct nf_random *r, size_t n,
    const double *context, const double *target, double *z,
    struct nf_err *err)
{
	return run(h, (struct call){ .at = r, .context = context,
	    .target = target, .to = z, .block = latent }, n, err);
}

int
nf_from_latent(struct nf_handle *h, const struct nf_random *r, size_t n,
    const double *context, const double *z, double *target,
    struct nf_err *err)
{
	return run(h, (struct call){ .at = r, .context = context,
	    .latent = z, .to = target, .block = from_latent }, n, err);
}
