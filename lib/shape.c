/* A flow's shape: its defaults, its bounds, and the names of activations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define MAX_PARAM	4294967296.0	/* of the whole: 16 GiB as float */

static const char *const act_names[] = {
	[NF_RELU] = "relu",
	[NF_ELU] = "elu",
	[NF_LEAKY_RELU] = "leaky_relu",
};
#define NACT	((int)(sizeof(act_names) / sizeof(act_names[0])))

int
nf_act_find(const char *name)
{
	int i;

	for (i = 0; i < NACT; i++)
		if (strcmp(name, act_names[i]) == 0)
			return i;
	return -1;
}

const char *
nf_act_name(enum nf_act act)
{
	return (int)act >= 0 && (int)act < NACT ? act_names[act] : NULL;
}

void
nf_shape_default(struct nf_shape *s)
{
	memset(s, 0, sizeof(*s));
	s->steps = 8;
	s->hidden = 128;
	s->blocks = 2;
	s->bins = 32;
	s->tail_bound = 1;
	s->min_bin_width = 1e-3;
	s->min_bin_height = 1e-3;
	s->min_derivative = 1e-3;
	s->activation = NF_RELU;
	s->batch_norm = 1;
}

static int
check_count(const char *name, uint32_t v, uint32_t lo, uint32_t hi,
    struct nf_err *err)
{
	if (v >= lo && v <= hi)
		return 0;
	return nf_fail(err, NF_EDATA, "%s is %u, want %u to %u", name, v, lo,
	    hi);
}

static int
check_real(const char *name, double v, double lo, double hi,
    struct nf_err *err)
{
	if (v >= lo && v <= hi)
		return 0;
	return nf_fail(err, NF_EDATA, "%s is %g, want %g to %g", name, v, lo,
	    hi);
}

/* Bins of at least the minimum must fit beside one another. */
static int
check_minimum(const char *name, double v, uint32_t bins, struct nf_err *err)
{
	if (v >= 0 && v * bins < 1)
		return 0;
	return nf_fail(err, NF_EDATA, "%s is %g, want 0 to less than 1 / bins "
	    "= %g", name, v, 1.0 / bins);
}

/* Trained numbers, as model.md section 2 has them; a double cannot wrap. */
double
nf_shape_count(const struct nf_shape *s)
{
	double d = s->features, c = s->context, h = s->hidden, n = 0, nt;
	double block = 2 * (h * h + h) + (c > 0 ? c * h + h : 0) +
	    (s->batch_norm ? 4 * h : 0);
	uint32_t i;

	for (i = 0; i < 2; i++) {
		nt = nf_ntransform(s, i);
		n += (s->steps + (i == 0)) / 2 * ((d - nt + c) * h + h +
		    s->blocks * block + nt * (3.0 * s->bins - 1) * (h + 1));
	}
	return n + (s->steps + 1) * (d * (d - 1) + 2 * d);
}

int
nf_shape_check(const struct nf_shape *s, struct nf_err *err)
{
	double n;

	if (check_count("features", s->features, 2, NF_MAX_FEATURES,
	    err) == -1 ||
	    check_count("context", s->context, 0, 65536, err) == -1 ||
	    check_count("steps", s->steps, 1, 1000, err) == -1 ||
	    check_count("hidden", s->hidden, 1, 65536, err) == -1 ||
	    check_count("blocks", s->blocks, 0, 1000, err) == -1 ||
	    check_count("bins", s->bins, 2, NF_MAX_BINS, err) == -1 ||
	    check_real("tail_bound", s->tail_bound, 1e-3, 1e6, err) == -1 ||
	    check_real("dropout", s->dropout, 0, 0.99, err) == -1 ||
	    check_minimum("min_bin_width", s->min_bin_width, s->bins,
	    err) == -1 ||
	    check_minimum("min_bin_height", s->min_bin_height, s->bins,
	    err) == -1 ||
	    check_real("min_derivative", s->min_derivative, 0, 0.99,
	    err) == -1)
		return -1;
	if (nf_act_name(s->activation) == NULL)
		return nf_fail(err, NF_EDATA, "activation is number %d, want "
		    "0 to %d", (int)s->activation, NACT - 1);
	if (s->batch_norm != 0 && s->batch_norm != 1)
		return nf_fail(err, NF_EDATA, "batch_norm is %d, want 0 or 1",
		    s->batch_norm);
	n = nf_shape_count(s);
	if (n > MAX_PARAM)
		return nf_fail(err, NF_EDATA, "a flow of %.3g parameters, want "
		    "at most %.3g: fewer steps, hidden, blocks or bins", n,
		    MAX_PARAM);
	return 0;
}
