/* CUDA: sums of columns. */
#include "strip.cuh"

/* Of each `filled` columns the first `group` are summed. */
static __global__ void __launch_bounds__(NF_STRIP_THREADS)
add_columns(uint32_t n, struct nf_mat x, uint32_t group, uint32_t filled,
    float *sum)
{
	__shared__ double work[32][NF_STRIP];
	uint32_t j = blockIdx.x * NF_STRIP + threadIdx.x % NF_STRIP;
	uint32_t step = blockDim.x / NF_STRIP, i, k = 0, q;
	float part = 0, v[NF_STRIP_AHEAD];
	double total = 0;

	for (i = threadIdx.x / NF_STRIP; j < x.ncol && i < n;
	    i += NF_STRIP_AHEAD * step) {
		cuda_strip_load(x, n, i, step, j, v);
#pragma unroll
		for (q = 0; q < NF_STRIP_AHEAD; q++)
			part += v[q];
		if ((k += NF_STRIP_AHEAD) % NF_STRIP_SHORT == 0) {
			total += part;
			part = 0;
		}
	}
	total += part;
	cuda_strip_sum(&total, 1, work);
	if (threadIdx.x < NF_STRIP && j < x.ncol && j % filled < group)
		sum[j / filled * group + j % filled] = (float)total;
}

void
cuda_add_columns(struct nf_cuda *c, struct cuda_queue *q, uint32_t n,
    struct nf_mat x, uint32_t group, uint32_t filled, float *sum)
{
	NF_LAUNCH(add_columns, cuda_strips(x.ncol), cuda_strip_threads(n), 0,
	    q->stream)(n, x, group, filled,
	    sum);
	cuda_launched(c, "sum of rows");
}
