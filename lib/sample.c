/* A sample as it passes: moments of all rows, and rows that stand for all. */
#include <math.h>
#include <string.h>

#include "philox.h"
#include "sample.h"

/* ---- moments ---------------------------------------------------------- */

int
nf_moments_init(struct nf_moments *m, uint32_t ncol, const double *origin,
    struct nf_err *err)
{
	*m = (struct nf_moments){ .ncol = ncol, .origin = origin };
	m->s = nf_alloc(ncol, sizeof(*m->s), "moments", err);
	m->ss = nf_alloc((size_t)ncol * ncol, sizeof(*m->ss), "moments", err);
	m->d = nf_alloc(ncol, sizeof(*m->d), "moments", err);
	if (m->s != NULL && m->ss != NULL && m->d != NULL)
		return 0;
	nf_moments_free(m);
	return -1;
}

void
nf_moments_free(struct nf_moments *m)
{
	nf_free(m->s);
	nf_free(m->ss);
	nf_free(m->d);
	*m = (struct nf_moments){ 0 };
}

void
nf_moments_add(struct nf_moments *m, const double *x, double w)
{
	uint32_t ncol = m->ncol, i, j;
	double *ss = m->ss, wd;

	m->n++;
	m->sum += w;
	for (j = 0; j < ncol; j++)
		m->d[j] = x[j] - m->origin[j];
	for (i = 0; i < ncol; i++, ss += ncol) {
		wd = w * m->d[i];
		m->s[i] += wd;
		for (j = i; j < ncol; j++)
			ss[j] += wd * m->d[j];
	}
}

void
nf_moments_merge(struct nf_moments *to, const struct nf_moments *from)
{
	size_t k, n = (size_t)to->ncol * to->ncol;

	to->n += from->n;
	to->sum += from->sum;
	for (k = 0; k < to->ncol; k++)
		to->s[k] += from->s[k];
	for (k = 0; k < n; k++)
		to->ss[k] += from->ss[k];
}

double
nf_moments_mean(const struct nf_moments *m, uint32_t j)
{
	return m->sum > 0 ? m->origin[j] + m->s[j] / m->sum : NAN;
}

double
nf_moments_cov(const struct nf_moments *m, uint32_t i, uint32_t j)
{
	size_t k = i <= j ? (size_t)i * m->ncol + j : (size_t)j * m->ncol + i;

	if (!(m->sum > 0))
		return NAN;
	return m->ss[k] / m->sum - m->s[i] / m->sum * (m->s[j] / m->sum);
}

/* Weights of either sign may leave a variance below 0: no spread to tell. */
double
nf_moments_std(const struct nf_moments *m, uint32_t j)
{
	return sqrt(nf_moments_cov(m, j, j));
}

/* ---- samples ---------------------------------------------------------- */

int
nf_sample_init(struct nf_sample *s, uint32_t ncol, uint64_t room,
    uint64_t seed, uint32_t id, struct nf_err *err)
{
	uint64_t stride = (uint64_t)ncol + 3;

	*s = (struct nf_sample){ .ncol = ncol, .seed = seed, .id = id };
	if (room == 0 || room > NF_KEEP_ROWS)
		room = NF_KEEP_ROWS;
	if (room > NF_KEEP_VALUES / stride)
		room = NF_KEEP_VALUES / stride;
	s->room = room;
	s->origin = nf_alloc(ncol, sizeof(*s->origin), "moments", err);
	if (s->origin != NULL &&
	    nf_moments_init(&s->half[0], ncol, s->origin, err) == 0 &&
	    nf_moments_init(&s->half[1], ncol, s->origin, err) == 0 &&
	    nf_grow_open(&s->kept, room * stride * sizeof(double), "rows",
	    err) == 0)
		return 0;
	nf_sample_free(s);
	return -1;
}

void
nf_sample_free(struct nf_sample *s)
{
	nf_free(s->origin);
	nf_moments_free(&s->half[0]);
	nf_moments_free(&s->half[1]);
	nf_grow_free(&s->kept);
	*s = (struct nf_sample){ 0 };
}

static uint64_t
draw(const struct nf_sample *s, uint32_t what)
{
	return nf_philox_u64(s->seed, NF_FOR_COMPARE, s->nrow,
	    2 * s->id + what);
}

/* Every row has the same chance to be kept (Vitter's algorithm R). */
static int
keep(struct nf_sample *s, const double *x, const double tail[3],
    struct nf_err *err)
{
	size_t stride = s->ncol + 3;
	uint64_t at = s->nkept;
	double *row;

	if (at == s->room) {
		at = draw(s, 0) % (s->nrow + 1);
		if (at >= s->room)
			return 0;
	} else {
		if (nf_grow_to(&s->kept, (at + 1) * stride * sizeof(*row),
		    "rows", err) == -1)
			return -1;
		s->nkept++;
	}
	row = (double *)s->kept.p + at * stride;
	memcpy(row, x, s->ncol * sizeof(*x));
	memcpy(row + s->ncol, tail, 3 * sizeof(*tail));
	return 0;
}

static int
take(struct nf_sample *s, const double *x, const double tail[3],
    struct nf_err *err)
{
	double w = tail[0];

	if (s->nrow == 0)
		memcpy(s->origin, x, s->ncol * sizeof(*x));
	nf_moments_add(&s->half[tail[1] > 0], x, w);
	s->weighted |= w != 1;
	s->negative |= w < 0;
	if (keep(s, x, tail, err) == -1)
		return -1;
	s->nrow++;
	return 0;
}

int
nf_sample_add(struct nf_sample *s, const double *x, double w, double by,
    struct nf_err *err)
{
	double tail[3] = { w, (double)(draw(s, 1) & 1), by };

	return take(s, x, tail, err);
}

int
nf_sample_cut(struct nf_sample *s, const struct nf_sample *from, double lo,
    double hi, struct nf_err *err)
{
	const double *row;
	uint64_t i;

	if (nf_sample_init(s, from->ncol, from->room, from->seed, from->id,
	    err) == -1)
		return -1;
	for (i = 0; i < from->nkept; i++) {
		row = nf_sample_row(from, i);
		if (!(nf_row_by(from, row) >= lo && nf_row_by(from, row) < hi))
			continue;
		if (take(s, row, row + s->ncol, err) == -1) {
			nf_sample_free(s);
			return -1;
		}
	}
	return 0;
}

int
nf_sample_moments(const struct nf_sample *s, struct nf_moments *m,
    struct nf_err *err)
{
	if (nf_moments_init(m, s->ncol, s->origin, err) == -1)
		return -1;
	nf_moments_merge(m, &s->half[0]);
	nf_moments_merge(m, &s->half[1]);
	return 0;
}
