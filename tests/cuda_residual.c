/*
 * A residual block in few launches against the same in many, both on the GPU
 * or what stands for it: of the many, other tests tell that they are right.
 */
#include "cuda_norm.h"

static struct nf_dev *cpu;

static const struct shape shapes[] = {	/* rows, columns, contexts */
	{ 1, 64, 3 }, { 5, 70, 0 }, { 64, 65, 14 }, { 65, 81, 1 },
	{ 130, 130, 70 }, { 200, 64, 5 },
	{ 257, 130, 5 }, { 300, 128, 33 }	/* in tall tiles */
};

static const struct { int training, first, last, with; } ways[] = {
	{ 1, 1, 0, 1 }, { 1, 0, 0, 1 }, { 1, 0, 1, 1 }, { 1, 1, 1, 0 },
	{ 0, 1, 0, 1 }, { 0, 0, 1, 0 }
};

static struct nf_linear
linear_on(struct area *w, struct area *b, int k)
{
	struct nf_linear l = { .w = REAL_ON(w, k), .b = REAL_ON(b, k),
		.nin = w->ncol, .nout = w->nrow };

	return l;
}

/* All that a block has; what is in out is compared. */
struct block {
	struct norm norm[3];
	struct area *w[2], *b[2], *gw, *gb, *context;
	struct area *t, *v, *r, *to, *u[2];
};

static struct block
new_block(const struct shape *s)
{
	uint32_t n = s->n, H = s->nin, C = s->nout, ld = (H + 7) / 4 * 4, i;
	struct block q;

	for (i = 0; i < 3; i++)
		q.norm[i] = new_norm(H, i < 2 ? -1 : 20);
	for (i = 0; i < 2; i++) {
		q.w[i] = area(REAL, H, H, H, -0.2, 0.2);
		q.b[i] = vec(REAL, H, -1, 1);
		q.u[i] = area(REAL, n, H, ld, 0, 0);
	}
	q.gw = area(REAL, H, C, C, -0.3, 0.3);
	q.gb = vec(REAL, H, -1, 1);
	q.context = C == 0 ? NULL : area(REAL, n, C, C + 1, -1, 1);
	q.t = area(REAL, n, H, ld, 2, 5);
	q.v = area(REAL, n, H, ld, 0, 0);
	q.r = area(REAL, n, H, H + 1, 0, 0);
	q.to = area(REAL, n, H, H + 2, 0, 0);
	return q;
}

static struct nf_residual
block_on(struct block *q, int k, size_t way, enum nf_act act)
{
	int with = ways[way].with, i;
	struct nf_residual r = { .kept = ways[way].training,
		.first = ways[way].first, .last = ways[way].last };

	for (i = 0; i < 2; i++) {
		r.norm[i] = norm_on(&q->norm[i], k, with, act, 0);
		r.linear[i] = linear_on(q->w[i], q->b[i], k);
		r.u[i] = mat_on(q->u[i], k);
	}
	r.next = norm_on(&q->norm[2], k, with, act, 0);
	r.gate = linear_on(q->gw, q->gb, k);
	r.context = mat_on(q->context, k);
	r.t = mat_on(q->t, k);
	r.v = mat_on(q->v, k);
	r.w = r.kept ? mat_on(q->r, k) : r.v;
	r.to = mat_on(q->to, k);
	return r;
}

/* One by one; and next's statistics, by a norm whose result goes to rest. */
static void
by_parts(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    enum nf_norm_mode mode, struct nf_mat rest)
{
	const struct nf_ops *o = d->ops;

	o->norm(d, n, &r->norm[0], mode, r->t, r->u[0]);
	o->linear(d, n, &r->linear[0], r->u[0], r->v);
	o->norm(d, n, &r->norm[1], mode, r->v, r->u[1]);
	o->linear(d, n, &r->linear[1], r->u[1], r->w);
	o->gate(d, n, &r->gate, r->context, r->w, r->t, r->to);
	if (r->next.weight != NULL && r->kept && !r->last)
		o->norm(d, n, &r->next, mode, r->to, rest);
}

/* norm[0]'s statistics, which the block before would have left. */
static void
prepare(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    struct nf_mat rest)
{
	if (!r->first && r->norm[0].weight != NULL)
		d->ops->norm(d, n, &r->norm[0], NF_NORM_TRAIN, r->t, rest);
}

static void
test_block(const struct shape *s, size_t way, enum nf_act act)
{
	enum nf_norm_mode mode = ways[way].training ? NF_NORM_TRAIN :
	    NF_NORM_EVAL;
	struct block q = new_block(s);
	struct area *rest = area(REAL, s->n, s->nin, s->nin, 0, 0);
	struct nf_residual r;
	double tol = mode == NF_NORM_EVAL ? 3e-4 : 2e-3;

	r = block_on(&q, 0, way, act);
	by_parts(dev[0], s->n, &r, mode, mat_on(rest, 0));
	r = block_on(&q, 1, way, act);
	prepare(dev[1], s->n, &r, mat_on(rest, 1));
	ok(dev[1]->ops->residual(dev[1], s->n, &r, mode), "taken");
	if (mode == NF_NORM_EVAL) {
		agree(tol, LIST(q.to, q.t), "%u x %u, context %u, way %zu",
		    s->n, s->nin, s->nout, way);
		return;
	}
	agree(tol, LIST(q.to, q.v, q.r, q.u[0], q.u[1], q.t, q.norm[0].mean,
	    q.norm[0].var, q.norm[0].invstd, q.norm[1].mean, q.norm[1].var,
	    q.norm[1].invstd, q.norm[2].mean, q.norm[2].var,
	    q.norm[2].invstd), "%u x %u, context %u, way %zu", s->n, s->nin,
	    s->nout, way);
}

/* What an evaluated row comes to does not depend on the tiles it is in. */
static void
test_tiles(const struct shape *s)
{
	static const uint32_t few[] = { 1, 64, 65 };
	struct block q = new_block(s);
	struct area *to[COUNT(few)];
	struct nf_residual r = block_on(&q, 1, 4, NF_ELU);
	char *all, *p;
	uint32_t i, j, differ = 0;

	dev[1]->ops->residual(dev[1], s->n, &r, NF_NORM_EVAL);
	all = fetched(q.to, 1);
	for (i = 0; i < COUNT(few); i++) {
		to[i] = area(REAL, few[i], s->nin, q.to->ld, 0, 0);
		r.to = mat_on(to[i], 1);
		dev[1]->ops->residual(dev[1], few[i], &r, NF_NORM_EVAL);
		p = fetched(to[i], 1);
		for (j = 0; j < few[i]; j++)
			differ += memcmp(p + GUARD + j * r.to.ld *
			    sizeof(float), all + GUARD + j * r.to.ld *
			    sizeof(float), s->nin * sizeof(float)) != 0;
		free(p);
	}
	free(all);
	ok(differ == 0, "%u x %u, context %u: a row is the same in any tile",
	    s->n, s->nin, s->nout);
	forget_areas();
}

/* Where a block's gradients go, and what is between. */
struct back {
	struct area *dt, *room[4], *w[2], *b[2], *norm_w[2], *norm_b[2];
	struct area *gw, *gb, *behind, *behind_w, *behind_b;
};

static struct back
new_back(const struct shape *s)
{
	uint32_t n = s->n, H = s->nin, ld = (H + 7) / 4 * 4, i;
	struct back q;

	q.dt = area(REAL, n, H, ld, -1, 1);
	for (i = 0; i < 4; i++)
		q.room[i] = area(REAL, n, H, ld, 0, 0);
	for (i = 0; i < 2; i++) {
		q.w[i] = area(REAL, H, H, H, 0, 0);
		q.b[i] = vec(REAL, H, 0, 0);
		q.norm_w[i] = vec(REAL, H, 0, 0);
		q.norm_b[i] = vec(REAL, H, 0, 0);
	}
	q.gw = area(REAL, H, s->nout, s->nout, 0, 0);
	q.gb = vec(REAL, H, 0, 0);
	q.behind = area(REAL, n, H, ld, -1, 1);
	q.behind_w = vec(REAL, H, 0, 0);
	q.behind_b = vec(REAL, H, 0, 0);
	return q;
}

static struct nf_residual_grad
back_on(struct back *q, int k, int with)
{
	struct nf_residual_grad g = { .gate_w = REAL_ON(q->gw, k),
		.gate_b = REAL_ON(q->gb, k),
		.behind = mat_on(q->behind, k),
		.behind_w = REAL_ON(q->behind_w, k),
		.behind_b = REAL_ON(q->behind_b, k) };
	int i;

	for (i = 0; i < 2; i++) {
		g.linear_w[i] = REAL_ON(q->w[i], k);
		g.linear_b[i] = REAL_ON(q->b[i], k);
		if (!with)
			continue;
		g.norm_w[i] = REAL_ON(q->norm_w[i], k);
		g.norm_b[i] = REAL_ON(q->norm_b[i], k);
	}
	return g;
}

/* Where it waits, what the next block left goes back through its norm: to dt,
 * or for its own gradients alone, to rest. */
static void
before_back(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    struct nf_mat dt, struct nf_mat rest, const struct nf_residual_grad *to)
{
	if (!r->last && r->context.ncol > 0)
		d->ops->norm_grad(d, n, &r->next, r->to, to->behind,
		    rest.x != NULL ? rest : dt, rest.x == NULL, to->behind_w,
		    to->behind_b);
}

static void
back_by_parts(struct nf_dev *d, uint32_t n, const struct nf_residual *r,
    struct nf_mat dt, const struct nf_mat *da,
    struct nf_mat rest, const struct nf_residual_grad *to)
{
	const struct nf_ops *o = d->ops;
	int waits = !r->first && r->context.ncol > 0;

	o->gate_grad(d, n, &r->gate, r->context, r->w, dt, da[0], to->gate_w,
	    to->gate_b);
	o->linear_grad(d, n, &r->linear[1], r->u[1], da[0], da[1], 0,
	    to->linear_w[1], to->linear_b[1]);
	o->norm_grad(d, n, &r->norm[1], r->v, da[1], da[2], 0, to->norm_w[1],
	    to->norm_b[1]);
	o->linear_grad(d, n, &r->linear[0], r->u[0], da[2], da[3], 0,
	    to->linear_w[0], to->linear_b[0]);
	o->norm_grad(d, n, &r->norm[0], r->t, da[3], waits ? rest : dt,
	    !waits, to->norm_w[0], to->norm_b[0]);
}

/* The bias before a norm has no gradient but for rounding: norm 1 takes what
 * any row has in common. */
static void
test_back(const struct shape *s, size_t way, enum nf_act act)
{
	struct block q = new_block(s);
	struct back g = new_back(s);
	struct area *rest = area(REAL, s->n, s->nin, s->nin, 0, 0);
	struct nf_residual_grad to;
	struct nf_mat da[4], dt, none = { NULL, 0, 0 };
	struct nf_residual r;
	int k, i;

	FOR_BOTH(k) {
		r = block_on(&q, k, way, act);
		by_parts(dev[k], s->n, &r, NF_NORM_TRAIN, mat_on(rest, k));
		to = back_on(&g, k, ways[way].with);
		for (i = 0; i < 4; i++)
			da[i] = mat_on(g.room[i], k);
		dt = mat_on(g.dt, k);
		before_back(dev[k], s->n, &r, dt, k == 0 ? none :
		    mat_on(rest, k), &to);
		if (k == 0)
			back_by_parts(dev[k], s->n, &r, dt, da,
			    mat_on(rest, k), &to);
		else
			ok(dev[k]->ops->residual_grad(dev[k], s->n, &r, dt,
			    da, &to), "taken back");
	}
	agree(4e-3, LIST(g.dt, g.room[0], g.w[0], g.w[1], g.b[1], g.norm_w[0],
	    g.norm_w[1], g.norm_b[0], g.norm_b[1], g.gw, g.gb, g.room[2]),
	    "gradient %u x %u, context %u, way %zu", s->n, s->nin, s->nout,
	    way);
}

/* What is not for the matrix units goes one by one. */
static void
test_refused(void)
{
	static const struct shape few = { 3, 63, 2 }, enough = { 3, 64, 2 };
	struct block q = new_block(&few);
	struct nf_residual r = block_on(&q, 1, 0, NF_RELU);

	ok(!dev[1]->ops->residual(dev[1], 3, &r, NF_NORM_TRAIN),
	    "63 columns are too few");
	q = new_block(&enough);
	r = block_on(&q, 1, 0, NF_RELU);
	r.norm[1].dropout = 0.1;
	ok(!dev[1]->ops->residual(dev[1], 3, &r, NF_NORM_TRAIN),
	    "no dropout");
	r.norm[1].dropout = 0;
	r.t.x++;
	ok(!dev[1]->ops->residual(dev[1], 3, &r, NF_NORM_TRAIN),
	    "rows that begin anywhere");
	set_mode(NF_BF16);
	r.t.x--;
	ok(!dev[1]->ops->residual(dev[1], 3, &r, NF_NORM_TRAIN), "no bf16");
	set_mode(NF_TF32);
	forget_areas();
}

int
main(int argc, char *argv[])
{
	size_t i, way;

	(void)argc;
	open_pair(argv[0]);
	set_mode(NF_TF32);
	cpu = dev[0];
	dev[0] = dev[1];
	for (i = 0; i < COUNT(shapes); i++)
		for (way = 0; way < COUNT(ways); way++) {
			test_block(&shapes[i], way, i == 1 ? NF_ELU :
			    i == 2 ? NF_LEAKY_RELU : NF_RELU);
			if (ways[way].training && shapes[i].n > 1)
				test_back(&shapes[i], way, i == 1 ? NF_ELU :
				    i == 2 ? NF_LEAKY_RELU : NF_RELU);
		}
	test_tiles(&shapes[COUNT(shapes) - 2]);
	test_tiles(&shapes[COUNT(shapes) - 1]);
	test_refused();
	dev[0] = cpu;
	close_pair();
	return done();
}
