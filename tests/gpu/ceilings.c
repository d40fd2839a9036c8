/* make bench-gpu: what the device can do, by its own clock. */
#include "bench.h"

static const char *const mode[] = { "fp32", "tf32", "bf16" };

/* FLOP/s. */
static double
product(struct gpu *g, const char *what, struct nf_product_shape s,
    enum nf_precision precision)
{
	double madds = (double)s.m * s.n * s.k * s.batch, took = 0, rate;
	struct nf_err err;
	int count = madds > 1e10 ? 20 : 200;

	s.precision = precision;
	if (g->prof->product(g->d, &s, g->quick ? 2 : count, &took, &err) ==
	    -1)
		gpu_die(&err);
	rate = took > 0 ? 2 * madds / took : 0;
	printf("%s\t%u x %u x %u, %u\t%s\t%.1f\t%.2f\n", what, s.m, s.n, s.k,
	    s.batch, mode[precision], 1e6 * took, 1e-12 * rate);
	gpu_number(g, "product", "TFLOP/s", 1e-12 * rate, "%s %ux%ux%ux%u %s",
	    what, s.m, s.n, s.k, s.batch, mode[precision]);
	return rate;
}

/*
 * The products of a step, rows beginning aligned and operands fresh from
 * memory; batches of four times as many rows, too.
 */
void
gpu_products(struct gpu *g)
{
	const struct gpu_model *m = g->model;
	uint32_t H = m->hidden, nt = (m->D + 1) / 2, k, n, big;
	uint32_t P = 3 * m->bins - 1, in = m->D - nt + m->C;

	big = g->quick ? 64 : 4096;
	printf("product\tm x n x k, how many\tprecision\tus\tTFLOP/s\n");
	for (k = 0; k < 3; k++)
		g->shared->rate[k] = product(g, "large",
		    (struct nf_product_shape){ 2 * big, big, big, 1, 0, 1, 0 },
		    (enum nf_precision)k);
	for (n = g->batch; n <= 4 * g->batch; n *= 4)
		for (k = 0; k < 3; k++) {
			product(g, "hidden", (struct nf_product_shape){
			    n, H, H, 1, 0, 1, 0 }, (enum nf_precision)k);
			product(g, "hidden dx", (struct nf_product_shape){
			    n, H, H, 1, 0, 0, 0 }, (enum nf_precision)k);
			product(g, "hidden dw", (struct nf_product_shape){
			    H, H, n, 1, 1, 0, 0 }, (enum nf_precision)k);
			product(g, "logits", (struct nf_product_shape){
			    n, 2 * m->bins, H, nt, 0, 1, 0 },
			    (enum nf_precision)k);
			product(g, "logits dx", (struct nf_product_shape){
			    n, H, nt * ((P + 3) / 4 * 4), 1, 0, 0, 0 },
			    (enum nf_precision)k);
			product(g, "logits dw", (struct nf_product_shape){
			    P, H, n, nt, 1, 0, 0 },
			    (enum nf_precision)k);
			product(g, "first", (struct nf_product_shape){
			    n, H, in, 1, 0, 1, 0 }, (enum nf_precision)k);
			product(g, "context", (struct nf_product_shape){
			    n, H, m->C, 1, 0, 1, 0 }, (enum nf_precision)k);
		}
}

void
gpu_copies(struct gpu *g)
{
	static const char *const what[] = { "device to device",
		"host to device, pinned", "device to host, pinned" };
	size_t size[] = { 1 << 20, 16 << 20, (size_t)1 << 30 };
	double took, rate;
	struct nf_err err;
	int k, i;

	printf("copy\tMB\tus\tGB/s\n");
	for (k = NF_COPY_DEVICE; k <= NF_COPY_DOWN; k++)
		for (i = 0; i < (g->quick ? 1 : 3); i++) {
			if (g->prof->copy(g->d, (enum nf_copy_kind)k, size[i],
			    i == 2 ? 10 : 50, &took, &err) == -1)
				gpu_die(&err);
			rate = took > 0 ? (double)size[i] / took *
			    (k == NF_COPY_DEVICE ? 2 : 1) : 0;
			if (k == NF_COPY_DEVICE)
				g->shared->copy = rate;	/* the last's */
			printf("%s\t%zu\t%.1f\t%.2f\n", what[k],
			    size[i] >> 20, 1e6 * took, 1e-9 * rate);
			gpu_number(g, "copy", "GB/s", 1e-9 * rate,
			    "%s %zu MB", what[k], size[i] >> 20);
		}
	printf("# device to device counts what is read and what is "
	    "written\n");
}

void
gpu_launches(struct gpu *g)
{
	struct nf_launch_time t;
	struct nf_err err;

	if (g->prof->launch(g->d, 500, &t, &err) == -1)
		gpu_die(&err);
	printf("launch\tus\nthe host's time\t%.2f\nqueued\t%.2f\n"
	    "captured\t%.2f\nand wait\t%.2f\n", 1e6 * t.host, 1e6 * t.queued,
	    1e6 * t.graph, 1e6 * t.wait);
	gpu_number(g, "launch", "us", 1e6 * t.host, "host");
	gpu_number(g, "launch", "us", 1e6 * t.queued, "queued");
	gpu_number(g, "launch", "us", 1e6 * t.graph, "captured");
	gpu_number(g, "launch", "us", 1e6 * t.wait, "wait");
}
