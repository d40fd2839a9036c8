/* CPU: memory, threads and the lanes. */
#include <omp.h>
#include <string.h>

#include "cpu.h"

void
cpu_split(uint64_t n, uint32_t i, uint32_t nthread, uint32_t unit,
    uint64_t *lo, uint64_t *hi)
{
	uint64_t nunit = (n + unit - 1) / unit;

	*lo = nunit * i / nthread * unit;
	*hi = nunit * (i + 1) / nthread * unit;
	*lo = *lo < n ? *lo : n;
	*hi = *hi < n ? *hi : n;
}

void *
cpu_scratch(struct nf_cpu *c, uint32_t i, size_t nbyte)
{
	if (c->scratch[i] != NULL && c->nscratch[i] >= nbyte)
		return c->scratch[i];
	nf_free(c->scratch[i]);
	c->scratch[i] = nf_alloc(nbyte, 1, "scratch", NULL);
	c->nscratch[i] = c->scratch[i] == NULL ? 0 : nbyte;
	if (c->scratch[i] == NULL)
		c->oom = 1;
	return c->scratch[i];
}

void
cpu_add_columns(uint32_t n, uint32_t ncol, const nf_real *x, size_t ld,
    nf_real *sum)
{
	uint32_t i, j;

	for (i = 0; i < n; i++, x += ld)
#pragma omp simd
		for (j = 0; j < ncol; j++)
			sum[j] += x[j];
}

static void *
cpu_alloc(struct nf_dev *d, size_t nbyte)
{
	void *p = nf_alloc(nbyte, 1, "device memory", NULL);

	if (p == NULL)
		((struct nf_cpu *)d)->oom = 1;
	return p;
}

static void
cpu_free(struct nf_dev *d, void *p)
{
	(void)d;
	nf_free(p);
}

static void
cpu_copy(struct nf_dev *d, void *to, const void *from, size_t nbyte)
{
	(void)d;
	if (to != from && to != NULL && from != NULL && nbyte > 0)
		memcpy(to, from, nbyte);
}

/* Memory is the host's, and what is asked is done at once: one way does. */
static void
cpu_ferry(struct nf_dev *d, uint32_t way, void *to, const void *from,
    size_t nbyte)
{
	(void)way;
	cpu_copy(d, to, from, nbyte);
}

static void
cpu_no_wait(struct nf_dev *d, uint32_t way)
{
	(void)d;
	(void)way;
}

static void
cpu_zero(struct nf_dev *d, void *p, size_t nbyte)
{
	(void)d;
	memset(p, 0, nbyte);
}

static int
cpu_sync(struct nf_dev *d, struct nf_err *err)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t i;

	for (i = 0; c->lane != NULL && i < d->nlane; i++) {
		c->oom |= c->lane[i].oom;
		d->clamped += c->lane[i].dev.clamped;
		c->lane[i].dev.clamped = 0;
	}
	if (!c->oom)
		return 0;
	c->oom = 0;
	return nf_fail(err, NF_ESYS, "no memory for the work of %s: "
	    "take a smaller batch", d->name);
}

static void
free_scratch(struct nf_cpu *c)
{
	uint32_t i;

	for (i = 0; c->scratch != NULL && i <= c->nthread; i++)
		nf_free(c->scratch[i]);
	nf_free(c->scratch);
	nf_free(c->nscratch);
}

static void
cpu_close(struct nf_dev *d)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint32_t i;

	for (i = 0; c->lane != NULL && i < d->nlane; i++)
		free_scratch(&c->lane[i]);
	nf_free(c->lane);
	free_scratch(c);
	nf_free((void *)d->ops);
	nf_free(c);
}

static void
cpu_each(struct nf_dev *d, uint64_t njob,
    void (*job)(void *arg, struct nf_dev *lane, uint32_t ilane,
    uint64_t ijob), void *arg)
{
	struct nf_cpu *c = (struct nf_cpu *)d;
	uint64_t i;

#pragma omp parallel for schedule(dynamic, 1) num_threads(c->nthread) \
    if (c->nthread > 1 && njob > 1)
	for (i = 0; i < njob; i++) {
		uint32_t k = (uint32_t)omp_get_thread_num();

		job(arg, &c->lane[k].dev, k, i);
	}
}

/* A CPU does at once what it is asked: there is nothing to capture. */
static int
cpu_capture_begin(struct nf_dev *d)
{
	(void)d;
	return 0;
}

static void *
cpu_capture_end(struct nf_dev *d)
{
	(void)d;
	return NULL;
}

static void
cpu_capture_none(struct nf_dev *d, void *unit)
{
	(void)d;
	(void)unit;
}

void
cpu_memory_ops(struct nf_ops *t)
{
	t->alloc = cpu_alloc;
	t->free = cpu_free;
	t->upload = cpu_copy;
	t->download = cpu_copy;
	t->copy = cpu_copy;
	t->zero = cpu_zero;
	t->send = t->fetch = cpu_ferry;
	t->sent = t->leave = t->fetched = cpu_no_wait;
	t->sync = cpu_sync;
	t->close = cpu_close;
	t->each = cpu_each;
	t->capture_begin = cpu_capture_begin;
	t->capture_end = cpu_capture_end;
	t->replay = cpu_capture_none;
	t->capture_free = cpu_capture_none;
}

/* The whole table, in this instruction set. */
void
CPU_NAME(nf_cpu_ops)(struct nf_ops *t)
{
	cpu_memory_ops(t);
	cpu_row_ops(t);
	cpu_linear_ops(t);
	cpu_norm_ops(t);
	cpu_gate_ops(t);
	cpu_spline_ops(t);
	cpu_spline_grad_ops(t);
	cpu_lu_ops(t);
	cpu_optim_ops(t);
}
