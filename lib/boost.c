/* Boosted trees that tell the rows of two tables apart. */
#include <math.h>
#include <string.h>

#include "boost.h"

#define NODES	(1 << (NF_BOOST_DEPTH - 1))	/* of a level, at most */
#define LEAVES	(1 << NF_BOOST_DEPTH)
#define RIDGE	1e-3	/* of the whole weight, added to a leaf's */

/* Sums over rows: of the gradient and of the curvature of the loss. */
struct sums {
	double g, h;
};

/* Rows with a bin above cut go right. */
struct split {
	double gain;
	uint32_t col;
	int cut;
};

struct work {
	const struct nf_boost *b;
	struct sums *row;	/* [n], 0 where they do not train */
	uint8_t *node;		/* [n]: of the level at hand */
	struct sums *bin;	/* [ncol][NODES][NF_BOOST_BINS] */
	struct split *best;	/* [ncol][NODES] */
	double ridge;
};

static void
set_gradients(struct work *t, const double *score)
{
	const struct nf_boost *b = t->b;
	size_t i;
	double p;

	for (i = 0; i < b->n; i++) {
		if (!b->train[i])
			continue;
		p = 1 / (1 + exp(-score[i]));
		t->row[i].g = b->w[i] * (b->y[i] - p);
		t->row[i].h = b->w[i] * p * (1 - p);
	}
}

/* What a leaf of these rows takes off the loss, twice. */
static double
gain(struct sums s, double ridge)
{
	return s.g * s.g / (s.h + ridge);
}

static struct split
find_split(const struct sums *bin, uint32_t j, double ridge)
{
	struct split best = { 0, j, NF_BOOST_BINS };
	struct sums all = { 0, 0 }, left = { 0, 0 }, right;
	double sum;
	int k;

	for (k = 0; k < NF_BOOST_BINS; k++) {
		all.g += bin[k].g;
		all.h += bin[k].h;
	}
	for (k = 0; k < NF_BOOST_BINS - 1; k++) {
		left.g += bin[k].g;
		left.h += bin[k].h;
		right = (struct sums){ all.g - left.g, all.h - left.h };
		sum = gain(left, ridge) + gain(right, ridge) -
		    gain(all, ridge);
		if (sum > best.gain) {
			best.gain = sum;
			best.cut = k;
		}
	}
	return best;
}

/* The best split of every node by column j. */
static void
look_at(struct work *t, uint32_t j, int nnode)
{
	struct sums *bin = t->bin + (size_t)j * NODES * NF_BOOST_BINS, *s;
	const uint8_t *x = t->b->bin + j * t->b->n;
	size_t i;
	int k;

	memset(bin, 0, (size_t)nnode * NF_BOOST_BINS * sizeof(*bin));
	for (i = 0; i < t->b->n; i++) {
		if (!t->b->train[i])
			continue;
		s = &bin[t->node[i] * NF_BOOST_BINS + x[i]];
		s->g += t->row[i].g;
		s->h += t->row[i].h;
	}
	for (k = 0; k < nnode; k++)
		t->best[j * NODES + (size_t)k] = find_split(
		    bin + k * NF_BOOST_BINS, j, t->ridge);
}

/* Part the nodes of a level; a node that cannot be parted goes left. */
static void
grow_level(struct work *t, int nnode)
{
	const struct nf_boost *b = t->b;
	struct split best[NODES];
	uint32_t j;
	size_t i;
	int k;

#pragma omp parallel for schedule(static)
	for (j = 0; j < b->ncol; j++)
		look_at(t, j, nnode);
	for (k = 0; k < nnode; k++) {
		best[k] = t->best[k];
		for (j = 1; j < b->ncol; j++)
			if (t->best[j * NODES + (size_t)k].gain > best[k].gain)
				best[k] = t->best[j * NODES + (size_t)k];
	}
	for (i = 0; i < b->n; i++) {
		k = t->node[i];
		t->node[i] = (uint8_t)(2 * k +
		    (b->bin[best[k].col * b->n + i] > best[k].cut));
	}
}

static void
add_tree(struct work *t, double *score)
{
	struct sums leaf[LEAVES] = { { 0, 0 } };
	size_t i;
	int k;

	set_gradients(t, score);
	memset(t->node, 0, t->b->n);
	for (k = 0; k < NF_BOOST_DEPTH; k++)
		grow_level(t, 1 << k);
	for (i = 0; i < t->b->n; i++) {
		leaf[t->node[i]].g += t->row[i].g;
		leaf[t->node[i]].h += t->row[i].h;
	}
	for (i = 0; i < t->b->n; i++)
		score[i] += NF_BOOST_RATE * leaf[t->node[i]].g /
		    (leaf[t->node[i]].h + t->ridge);
}

int
nf_boost_scores(const struct nf_boost *b, double *score, struct nf_err *err)
{
	struct work t = { .b = b };
	size_t i, nbin = (size_t)b->ncol * NODES;
	int k, rc = -1;

	t.row = nf_alloc(b->n + 1, sizeof(*t.row), "gradients", err);
	t.node = nf_alloc(b->n + 1, sizeof(*t.node), "nodes", err);
	t.bin = nf_alloc(nbin * NF_BOOST_BINS, sizeof(*t.bin), "bins", err);
	t.best = nf_alloc(nbin, sizeof(*t.best), "splits", err);
	if (t.row == NULL || t.node == NULL || t.bin == NULL || t.best == NULL)
		goto out;
	for (i = 0; i < b->n; i++) {
		score[i] = 0;
		t.ridge += b->train[i] ? RIDGE * b->w[i] : 0;
	}
	t.ridge += 1e-300;		/* not 0 / 0 without weights */
	for (k = 0; k < NF_BOOST_TREES; k++)
		add_tree(&t, score);
	rc = 0;
out:
	nf_free(t.row);
	nf_free(t.node);
	nf_free(t.bin);
	nf_free(t.best);
	return rc;
}
