/*
 * The weights of the golden vectors: element j of float tensor t, counted in
 * the table's order, is 0.4 s with s = sin(1.3 t + 0.7 j + 0.2), but
 * 1 + 0.5 |s| for a running variance and 1 + 0.4 s for a norm's weight.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <math.h>
#include <string.h>

#include "flow.h"

static inline void
golden_fill(struct nf_flow *f)
{
	const struct nf_tensor *t;
	uint32_t i;
	double s, v;
	size_t k;

	for (i = 0; i < f->ntensor; i++) {
		t = &f->tensor[i];
		for (k = 0; k < t->n; k++) {
			s = sin(1.3 * i + 0.7 * (double)k + 0.2);
			v = 0.4 * s;
			if (strstr(t->name, "running_var") != NULL)
				v = 1 + 0.5 * fabs(s);
			else if (strstr(t->name, "norm_") != NULL &&
			    strstr(t->name, "/weight") != NULL)
				v = 1 + v;
			f->param[t->offset + k] = (nf_real)v;
		}
	}
}

/* The golden flow itself: D 3, C 2, S 2, H 4, B 1, K 4. */
static inline void
golden_shape(struct nf_shape *s)
{
	nf_shape_default(s);
	s->features = 3;
	s->context = 2;
	s->steps = 2;
	s->hidden = 4;
	s->blocks = 1;
	s->bins = 4;
}

static inline void
golden_init(struct nf_flow *f)
{
	static const int32_t perm[] = { 2, 0, 1, 1, 2, 0, 0, 2, 1 };

	memcpy(f->perm, perm, sizeof(perm));
	golden_fill(f);
}

#endif
