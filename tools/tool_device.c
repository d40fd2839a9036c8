/* Where the programs that run a flow compute. */
#include <string.h>

#include "tool_device.h"
#include "train.h"

#define BATCH		8192		/* rows, at least */
#define LANE_TILES	4		/* tiles of a lane in a batch */

void
tool_device_warn(const struct nf_dev *d)
{
	if (d->passed[0] != '\0')
		tool_warn("on the CPU, for the GPU cannot be used: %s",
		    d->passed);
}

int
tool_device_open(struct nf_dev **d, const char *name, uint32_t nthread,
    struct nf_err *err)
{
	if (nf_dev_open(d, name, nthread, err) == -1)
		return -1;
	tool_device_warn(*d);
	return 0;
}

enum nf_precision
tool_precision(const char *arg, const char *opt)
{
	const char *name;
	int k;

	for (k = 0; (name = nf_precision_name(k)) != NULL; k++)
		if (strcmp(arg, name) == 0)
			return (enum nf_precision)k;
	tool_usage("%s %s: want fp32, tf32 or bf16", opt, arg);
}

uint32_t
tool_batch(const struct nf_dev *d, size_t ncol)
{
	uint64_t n = (uint64_t)LANE_TILES * d->nlane * d->tile;
	uint64_t most = tool_memory() / 16 / (ncol * sizeof(double) + 1);

	n = n < most ? n : most;
	return n > BATCH ? (uint32_t)n : BATCH;
}
