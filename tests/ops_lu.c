/* Permutation and LU, folded, against plain double arithmetic. */
#include "ops.h"

struct lu_case {
	uint32_t D, nlayer;
	const struct nf_flow *f;
	struct operand param;
	int32_t *row, *col;
	double *m, *bias, logdet;	/* as lu_fold has them */
	double *cm, *cb, cl;
};

static void
plain_fold(struct lu_case *p)
{
	uint32_t D = p->D, i, r, c, k;
	const double *at, *lower, *upper, *diag, *bias;
	double sum, l, u;

	p->logdet = 0;
	for (i = 0; i < p->nlayer; i++) {
		at = p->param.d;
		lower = at + p->f->step[i].lu.lower;
		upper = at + p->f->step[i].lu.upper;
		diag = at + p->f->step[i].lu.diag;
		bias = at + p->f->step[i].lu.bias;
		for (r = 0; r < D; r++) {
			uint32_t a = (uint32_t)p->row[i * D + r];

			p->bias[i * D + r] = bias[a];
			p->logdet += log(1e-3 + log1p(exp(diag[r])));
			for (c = 0; c < D; c++) {
				uint32_t b = (uint32_t)p->col[i * D + c];

				for (sum = 0, k = 0; k <= a && k <= b; k++) {
					l = k == a ? 1 :
					    lower[a * (a - 1) / 2 + k];
					u = k == b ? 1e-3 +
					    log1p(exp(diag[k])) :
					    upper[k * D - k * (k + 1) / 2 +
					    b - k - 1];
					sum += l * u;
				}
				p->m[(i * D + r) * D + c] = sum;
			}
		}
	}
}

static double
lu_loss(void *arg)
{
	struct lu_case *p = arg;
	double sum = 0;
	uint32_t k;

	plain_fold(p);
	for (k = 0; k < p->nlayer * p->D * p->D; k++)
		sum += p->cm[k] * p->m[k];
	for (k = 0; k < p->nlayer * p->D; k++)
		sum += p->cb[k] * p->bias[k];
	return sum + p->cl * p->logdet;
}

/* The inverse of what was folded: their product is 1, the biases cancel. */
static void
compare_back(const struct lu_case *p, const nf_real *m, const nf_real *bias)
{
	uint32_t D = p->D, i, r, c, k;
	double sum, e = 0, top = 1;

	for (i = 0; i < p->nlayer; i++)
		for (r = 0; r < D; r++) {
			const nf_real *back = m + (size_t)(i * D + r) * D;

			for (c = 0; c < D; c++) {
				for (sum = 0, k = 0; k < D; k++)
					sum += (double)back[k] *
					    p->m[(i * D + k) * D + c];
				e = larger(e, fabs(sum - (r == c)));
				top = larger(top, fabs((double)back[c]));
			}
			for (sum = (double)bias[i * D + r], k = 0; k < D; k++)
				sum += (double)back[k] * p->bias[i * D + k];
			e = larger(e, fabs(sum));
		}
	worst = larger(worst, e / top / D);
}

static void
lu_backward(struct lu_case *p, const struct nf_lu *lu, struct operand *m,
    struct operand *bias)
{
	struct nf_tally tally = { .weight_norm = 0.5 };
	void *dtally = device(dev, &tally, sizeof(tally));
	struct operand grad = operand(1, (uint32_t)p->f->nparam, 0, 0);
	struct vector sums = vector(2, 3);
	uint32_t i;
	double e = 0;

	bring(m);			/* what was folded does as gradients */
	bring(bias);
	p->cm = m->d;
	p->cb = bias->d;
	p->cl = -sums.d[0] * tally.weight_norm;
	dev->ops->lu_grad(dev, lu, guard_at(&m->g), guard_at(&bias->g),
	    guard_at(&sums.g), dtally, guard_at(&grad.g));
	look(&grad);
	for (i = 0; i < 8; i++)
		e = larger(e, slopes(lu_loss, p, &p->param, grad.x));
	worst = larger(worst, e / SLOPE * TOL);
	drop(&grad);
	drop_vector(&sums);
	dev->ops->free(dev, dtally);
}

static void
test_lu(uint32_t D)
{
	struct nf_shape s = { .features = D, .steps = 3, .hidden = 1,
		.blocks = 1, .bins = 2, .tail_bound = 1,
		.min_bin_width = 1e-3, .min_bin_height = 1e-3,
		.min_derivative = 1e-3 };
	struct nf_flow *f = flow_of(&s);
	struct lu_case p = { .D = D, .nlayer = 4, .f = f };
	struct operand m = operand(4, D * D, 0, 1), b = operand(4, D, 0, 1);
	struct operand back = operand(4, D * D, 0, 1);
	struct operand bback = operand(4, D, 0, 1);
	struct vector logdet = vector(1, 1);
	struct nf_net *net;
	struct nf_err err;
	size_t k;

	fill_flow(&seed, f, 1);
	must(nf_net_new(&net, dev, f, &err), &err);
	p.param = operand(1, (uint32_t)f->nparam, 0, 0);
	for (k = 0; k < p.param.n; k++)
		p.param.x[k] = f->param[k];
	bring(&p.param);
	p.row = room(8 * (size_t)D, sizeof(*p.row));
	p.col = p.row + 4 * (size_t)D;
	fetch(dev, p.row, net->lu.row, 4 * D * sizeof(*p.row));
	fetch(dev, p.col, net->lu.col, 4 * D * sizeof(*p.row));
	p.m = room(4 * (size_t)D * D, sizeof(double));
	p.bias = room(4 * (size_t)D, sizeof(double));
	plain_fold(&p);
	dev->ops->lu_fold(dev, &net->lu, 0, guard_at(&m.g), guard_at(&b.g),
	    guard_at(&logdet.g));
	compare(m.n, look(&m), p.m, 0);
	compare(b.n, look(&b), p.bias, 0);
	guard_get(&logdet.g, logdet.d);
	worst = larger(worst, fabs(logdet.d[0] - p.logdet));
	dev->ops->lu_fold(dev, &net->lu, 1, guard_at(&back.g),
	    guard_at(&bback.g), guard_at(&logdet.g));
	guard_get(&logdet.g, logdet.d);
	worst = larger(worst, fabs(logdet.d[0] - p.logdet));
	compare_back(&p, look(&back), look(&bback));
	lu_backward(&p, &net->lu, &m, &b);
	verdict(TOL, "LU of %u features", D);
	drop(&m);
	drop(&b);
	drop(&back);
	drop(&bback);
	drop(&p.param);
	drop_vector(&logdet);
	nf_free(p.row);
	nf_free(p.m);
	nf_free(p.bias);
	nf_net_free(net);
	nf_flow_free(f);
}

static void
test_once(void)
{
	test_lu(2);
	test_lu(5);
	test_lu(17);
}

static void
test_large(void)
{
	test_lu(85);
}

int
main(void)
{
	return on_devices(NULL, test_once, test_large);
}
