/* Opening devices: names, and why there is no GPU. */
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "tap.h"

static void
refused(const char *name, enum nf_code code, const char *part)
{
	struct nf_dev *d;
	struct nf_err err = { 0 };

	if (!ok(nf_dev_open(&d, name, 1, &err) == -1 && d == NULL &&
	    err.code == code && strstr(err.msg, part) != NULL,
	    "'%s' is refused: %s", name, part))
		printf("# %s\n", err.msg);
	nf_dev_close(d);
}

static void
opens(const char *name, uint32_t nthread, const char *prefix)
{
	struct nf_dev *d;
	struct nf_err err = { 0 };

	if (!ok(nf_dev_open(&d, name, nthread, &err) == 0 &&
	    strncmp(d->name, prefix, strlen(prefix)) == 0,
	    "'%s' opens %s...", name, prefix))
		printf("# %s\n", err.msg);
	nf_dev_close(d);
}

/* Without a GPU there is a line that says why. */
static void
listed(const char *part)
{
	struct nf_dev_info info[4];
	uint32_t n = nf_dev_list(info, 4);

	ok(n == 2 && info[0].usable && strcmp(info[0].name, "cpu") == 0 &&
	    strstr(info[0].about, " thread") != NULL, "the CPU is listed");
	if (!ok(!info[1].usable && strcmp(info[1].name, "cuda") == 0 &&
	    strstr(info[1].about, part) != NULL, "listed: %s", part))
		printf("# %s: %s\n", info[1].name, info[1].about);
	ok(nf_dev_list(info, 1) == 1 && nf_dev_list(info, 0) == 0,
	    "no more are listed than there is room for");
}

int
main(void)
{
	opens("cpu", 1, "cpu (1 thread, ");
	opens("cpu", 2, "cpu (2 threads, ");
	refused("cpu2", NF_EUSE, "device 'cpu2', want auto, cpu, cuda or");
	refused("", NF_EUSE, "device ''");
	refused("cuda:", NF_EUSE, "device 'cuda:'");
	refused("cuda:64", NF_EUSE, "from 0 to 63");
	refused("cuda:1x", NF_EUSE, "device 'cuda:1x'");
	refused("cuda:-1", NF_EUSE, "device 'cuda:-1'");

	setenv("NF_CUDA_LIB", "/nowhere/libnf-cuda.so", 1);
	refused("cuda", NF_ESYS, "no GPU can be used: NF_CUDA_LIB: "
	    "/nowhere/libnf-cuda.so: cannot open");
	opens("auto", 1, "cpu (1 thread, ");
	listed("/nowhere/libnf-cuda.so");
	setenv("NF_CUDA_LIB", "libm.so.6", 1);
	refused("cuda:3", NF_ESYS, "no library of devices: ");
	opens("auto", 2, "cpu (2 threads, ");
	return done();
}
