/* CPU: rows to and from batches, and noise. */
#include <string.h>

#include "cpu.h"
#include "normal.h"
#include "shuffle.h"

static void
cpu_shuffle(struct nf_dev *d, uint64_t seed, uint32_t epoch, uint32_t n,
    uint32_t *index)
{
	if (nf_shuffle(seed, NF_FOR_EPOCH, epoch, n, index, NULL) == -1)
		((struct nf_cpu *)d)->oom = 1;
}

static void
cpu_gather(struct nf_dev *d, uint32_t n, const uint32_t *index,
    const struct nf_tally *tally, struct nf_mat from, struct nf_mat to)
{
	uint32_t i;

	(void)d;
	index += tally->batch * n;
	for (i = 0; i < n; i++)
		memcpy(to.x + (size_t)i * to.ld,
		    from.x + (size_t)index[i] * from.ld,
		    to.ncol * sizeof(nf_real));
}

static void
cpu_spread(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
    struct nf_mat from, uint32_t nto, const struct nf_mat *to)
{
	uint64_t row0 = g->first / g->repeat;
	uint32_t i, k;

	(void)d;
	for (k = 0; k < nto; k++)
		for (i = 0; i < n; i++)
			memcpy(to[k].x + (size_t)i * to[k].ld, from.x +
			    (size_t)((g->first + i) / g->repeat - row0) *
			    from.ld, to[k].ncol * sizeof(nf_real));
}

static void
cpu_noise(struct nf_dev *d, uint32_t n, const struct nf_noise *g,
    struct nf_mat z)
{
	uint64_t o;
	uint32_t i, j, k;
	double four[4];

	(void)d;
	for (i = 0; i < n; i++) {
		o = g->first + i;
		for (j = 0; j < z.ncol; j += 4) {
			nf_normal4(g->seed, NF_FOR_NOISE, o / g->repeat,
			    g->draw + (uint32_t)(o % g->repeat), j / 4, four);
			for (k = 0; k < 4 && j + k < z.ncol; k++)
				z.x[(size_t)i * z.ld + j + k] =
				    (nf_real)(g->temperature * four[k]);
		}
	}
}

void
cpu_row_ops(struct nf_ops *t)
{
	t->shuffle = cpu_shuffle;
	t->gather = cpu_gather;
	t->spread = cpu_spread;
	t->noise = cpu_noise;
}
