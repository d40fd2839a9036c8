/* The CPU as a device: its threads, and the best instruction set it has. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

enum nf_isa
nf_cpu_isa(void)
{
#if defined(__x86_64__) && !defined(NF_REF)
	const char *isa = getenv("NF_ISA");

	__builtin_cpu_init();
	if ((isa == NULL || strcmp(isa, "avx512") == 0) &&
	    __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		return NF_ISA_AVX512;
	if ((isa == NULL || strcmp(isa, "portable") != 0) &&
	    __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
	    __builtin_cpu_supports("bmi2"))
		return NF_ISA_AVX2;
#endif
	return NF_ISA_PORTABLE;
}

static const char *
choose(struct nf_ops *t)
{
	switch (nf_cpu_isa()) {
#if defined(__x86_64__) && !defined(NF_REF)
	case NF_ISA_AVX512:
		nf_cpu_ops_avx512(t);
		return "avx512";
	case NF_ISA_AVX2:
		nf_cpu_ops_avx2(t);
		return "avx2";
#endif
	default:
		nf_cpu_ops_portable(t);
		return "portable";
	}
}

static int
set_up(struct nf_cpu *c, const struct nf_ops *ops, uint32_t nthread,
    struct nf_err *err)
{
	c->dev.ops = ops;
	c->dev.nlane = nthread;
	c->dev.tile = CPU_EVAL_TILE;
	c->dev.pad = 16;
	c->dev.host = 1;
	c->nthread = nthread;
	c->scratch = nf_alloc(nthread + 1, sizeof(*c->scratch), "scratch", err);
	c->nscratch = nf_alloc(nthread + 1, sizeof(*c->nscratch), "scratch",
	    err);
	return c->scratch == NULL || c->nscratch == NULL ? -1 : 0;
}

int
nf_cpu_open(struct nf_dev **d, uint32_t nthread, struct nf_err *err)
{
	struct nf_cpu *c;
	struct nf_ops *ops;
	uint32_t i;

	*d = NULL;
	if (nthread == 0)
		nthread = (uint32_t)omp_get_max_threads();
	if (nthread > 1024)
		return nf_fail(err, NF_EUSE, "%u threads, want 1 to 1024",
		    nthread);
	if ((c = nf_alloc(1, sizeof(*c), "device", err)) == NULL)
		return -1;
	ops = nf_alloc(1, sizeof(*ops), "device", err);
	c->lane = nf_alloc(nthread, sizeof(*c->lane), "lanes", err);
	if (ops == NULL || c->lane == NULL) {
		nf_free(ops);
		nf_free(c->lane);
		nf_free(c);
		return -1;
	}
	c->dev.ops = ops;
	snprintf(c->dev.name, sizeof(c->dev.name), "cpu (%u thread%s, %s)",
	    nthread, nthread == 1 ? "" : "s", choose(ops));
	if (set_up(c, ops, nthread, err) == -1)
		goto fail;
	for (i = 0; i < nthread; i++)
		if (set_up(&c->lane[i], ops, 1, err) == -1)
			goto fail;
	*d = &c->dev;
	return 0;
fail:
	c->dev.ops->close(&c->dev);
	return -1;
}
