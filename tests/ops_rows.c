/* Rows shuffled, gathered, spread, and their noise. */
#include "normal.h"
#include "shuffle.h"

#include "ops.h"			/* last: its names are plain */

static void
test_rows(void)
{
	uint32_t n = rows(), ncol = columns(), all = 3 * n, i, j;
	struct nf_tally tally = { .batch = 1 };
	void *dtally = device(dev, &tally, sizeof(tally));
	struct operand from = operand(all, ncol, 1, 1);
	struct operand to = operand(n, ncol, 2, 1);
	struct nf_noise g = { .seed = 8, .first = 1000003, .repeat = 7,
		.temperature = 0.7 };
	uint32_t *index = room(all, sizeof(*index)), *order, *want;
	struct nf_err err;
	struct nf_mat mat;
	double four[4];

	order = device(dev, NULL, all * sizeof(*order));
	dev->ops->shuffle(dev, 31, 4, all, order);
	fetch(dev, index, order, all * sizeof(*index));
	want = room(all, sizeof(*want));
	must(nf_shuffle(31, NF_FOR_EPOCH, 4, all, want, &err), &err);
	whole &= memcmp(index, want, all * sizeof(*index)) == 0;
	dev->ops->gather(dev, n, order, dtally, guard_mat(&from.g),
	    guard_mat(&to.g));
	look(&to);
	for (i = 0; i < n; i++)
		whole &= memcmp(to.x + (size_t)i * ncol, from.x +
		    (size_t)index[n + i] * ncol, ncol * sizeof(*to.x)) == 0;
	mat = guard_mat(&to.g);
	dev->ops->spread(dev, n, &g, guard_mat(&from.g), 1, &mat);
	look(&to);
	for (i = 0; i < n; i++)
		whole &= memcmp(to.x + (size_t)i * ncol, from.x + (size_t)
		    ((g.first + i) / 7 - g.first / 7) * ncol,
		    ncol * sizeof(*to.x)) == 0;
	dev->ops->noise(dev, n, &g, guard_mat(&to.g));
	look(&to);
	for (i = 0; i < n; i++)
		for (j = 0; j < ncol; j++) {
			nf_normal4(8, NF_FOR_NOISE, (g.first + i) / 7,
			    (uint32_t)((g.first + i) % 7), j / 4, four);
			whole &= to.x[(size_t)i * ncol + j] ==
			    (nf_real)(0.7 * four[j % 4]);
		}
	verdict(0, "shuffle, gather, spread and noise of %u rows of %u", n,
	    ncol);
	drop(&from);
	drop(&to);
	nf_free(index);
	nf_free(want);
	dev->ops->free(dev, order);
	dev->ops->free(dev, dtally);
}

int
main(void)
{
	return on_devices(test_rows, NULL, NULL);
}
