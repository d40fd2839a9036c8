/* Devices: the CPU, and GPUs through a library that is loaded if there. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

#define LIBRARY	"libnf-cuda.so"
#define DRIVER	"libcuda.so.1"
#define NODE	"/dev/nvidiactl"	/* where there is a GPU */
#define NGPU	64			/* more than any machine has */

/* ---- the library ------------------------------------------------------ */

/* The directory of the file that this function came from, with its slash. */
static int
own_directory(char *dir, size_t size)
{
	Dl_info info;
	char *slash;
	ssize_t n;

	/* A program's own name there is but what it was called by. */
	if (dladdr((void *)nf_dev_list, &info) != 0 &&
	    (slash = strrchr(info.dli_fname, '/')) != NULL &&
	    strstr(slash, ".so") != NULL && strlen(info.dli_fname) < size) {
		strcpy(dir, info.dli_fname);
	} else {
		if ((n = readlink("/proc/self/exe", dir, size - 1)) == -1)
			return -1;
		dir[n] = '\0';
	}
	if ((slash = strrchr(dir, '/')) == NULL)
		return -1;
	slash[1] = '\0';
	return 0;
}

/* Load the library from where it stands; *where is where we looked. */
static void *
load_library(char *where, size_t size, struct nf_err *err)
{
	static const char *const beside[] = { "", "../", "../lib/" };
	char dir[2048], path[sizeof(dir) + 64];
	void *so;
	int i;

	if (own_directory(dir, sizeof(dir)) == -1)
		strcpy(dir, "./");
	snprintf(where, size, "%s", dir);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s" LIBRARY, dir, beside[i]);
		if (access(path, F_OK) == -1)
			continue;
		if ((so = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL)
			nf_fail(err, NF_ESYS, "%s", dlerror());
		return so;
	}
	if ((so = dlopen(LIBRARY ".0", RTLD_NOW | RTLD_LOCAL)) == NULL)
		nf_fail(err, NF_ESYS, LIBRARY " is not in %s, its ../lib or "
		    "the system's libraries: build nfpipe where nvcc is, or "
		    "set NF_CUDA_LIB", where);
	return so;
}

/*
 * Load the driver, to stay: CUDA asks for it by its name alone, and then has
 * this one.  Containers have it where nobody looks unless told.
 */
static int
load_driver(struct nf_err *err)
{
	static const char *const at[] = { DRIVER,
		"/usr/local/nvidia/lib64/" DRIVER, "/usr/lib/wsl/lib/" DRIVER
	};
	int i;

	for (i = 0; i < 3; i++) {
		if (dlopen(at[i], RTLD_LAZY | RTLD_LOCAL) != NULL)
			return 0;
		if (i == 0)
			nf_fail(err, NF_ESYS, "no NVIDIA driver: %s",
			    dlerror());
	}
	return -1;
}

/*
 * The driver is looked for first: the library brings cuBLAS with it, hundreds
 * of megabytes, in vain where there is no driver.
 */
static void *
load(struct nf_err *err)
{
	const char *path = getenv("NF_CUDA_LIB");
	char where[2048];
	void *so;

	if (path != NULL && *path != '\0') {
		if ((so = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL)
			nf_fail(err, NF_ESYS, "NF_CUDA_LIB: %s", dlerror());
		return so;
	}
	if (load_driver(err) == -1)
		return NULL;
	return load_library(where, sizeof(where), err);
}

/* Never unloaded: CUDA does not outlive that. */
static const struct nf_plugin *
plugin(struct nf_err *err)
{
	const struct nf_plugin *p;
	void *so;

	if ((so = load(err)) == NULL)
		return NULL;
	if ((p = dlsym(so, "nf_plugin")) == NULL) {
		nf_fail(err, NF_ESYS, "no library of devices: %s", dlerror());
		return NULL;
	}
	if (strcmp(p->version, NF_VERSION) != 0 ||
	    p->nops != sizeof(struct nf_ops) ||
	    p->ndev != sizeof(struct nf_dev) ||
	    p->ntally != sizeof(struct nf_tally)) {
		nf_fail(err, NF_ESYS, LIBRARY " is of nfpipe %.31s and does "
		    "not fit this one, " NF_VERSION ": build both together",
		    p->version);
		return NULL;
	}
	return p;
}

/* ---- opening ---------------------------------------------------------- */

static int
open_gpu(struct nf_dev **d, uint32_t index, struct nf_err *err)
{
	struct nf_err why;
	const struct nf_plugin *p = plugin(&why);

	if (p == NULL || p->open(d, index, &why) == -1)
		return nf_fail(err, NF_ESYS, "no GPU can be used: %.800s; "
		    "the devices cpu and auto need none", why.msg);
	return 0;
}

/* The N of cuda:N, or -1. */
static long
gpu_index(const char *name)
{
	unsigned long n;
	char *end;

	if (strcmp(name, "cuda") == 0)
		return 0;
	if (strncmp(name, "cuda:", 5) != 0 || name[5] < '0' || name[5] > '9')
		return -1;
	errno = 0;
	n = strtoul(name + 5, &end, 10);
	return *end != '\0' || errno != 0 || n >= NGPU ? -1 : (long)n;
}

/*
 * Of all GPUs, open the first that can be used.  Where there is one and it
 * cannot be, *why says why not; it stays empty where there is none.
 */
static int
open_first(struct nf_dev **d, struct nf_err *why)
{
	const struct nf_plugin *p = plugin(why);
	struct nf_dev_info info[NGPU];
	int n, i, rc = -1;

	n = p == NULL ? -1 : p->list(info, NGPU, why);
	if (n == 0 || (n == -1 && getenv("NF_CUDA_LIB") == NULL &&
	    access(NODE, F_OK) == -1))
		why->msg[0] = '\0';
	for (i = 0; i < n && rc == -1; i++)
		if (info[i].usable)
			rc = p->open(d, (uint32_t)i, why);
		else
			nf_fail(why, NF_ESYS, "%s: %s", info[i].name,
			    info[i].about);
	return rc;
}

static int
open_auto(struct nf_dev **d, uint32_t nthread, struct nf_err *err)
{
	struct nf_err why = { 0 };

	if (open_first(d, &why) == 0)
		return 0;
	if (nf_cpu_open(d, nthread, err) == -1)
		return -1;
	snprintf((*d)->passed, sizeof((*d)->passed), "%.255s", why.msg);
	return 0;
}

int
nf_dev_open(struct nf_dev **d, const char *name, uint32_t nthread,
    struct nf_err *err)
{
	long index;

	*d = NULL;
	if (strcmp(name, "auto") == 0)
		return open_auto(d, nthread, err);
	if (strcmp(name, "cpu") == 0)
		return nf_cpu_open(d, nthread, err);
	if ((index = gpu_index(name)) == -1)
		return nf_fail(err, NF_EUSE, "device '%s', want auto, cpu, "
		    "cuda or cuda:N with N from 0 to %d", name, NGPU - 1);
	return open_gpu(d, (uint32_t)index, err);
}

void
nf_dev_close(struct nf_dev *d)
{
	if (d != NULL)
		d->ops->close(d);
}

/* ---- listing ---------------------------------------------------------- */

static void
list_cpu(struct nf_dev_info *info)
{
	struct nf_dev *d;
	struct nf_err err;
	const char *s;

	memset(info, 0, sizeof(*info));
	strcpy(info->name, "cpu");
	info->usable = nf_cpu_open(&d, 0, &err) == 0;
	if (!info->usable) {
		snprintf(info->about, sizeof(info->about), "%.500s", err.msg);
		return;
	}
	s = strchr(d->name, '(');	/* "cpu (2 threads, avx512)" */
	s = s == NULL ? d->name : s + 1;
	snprintf(info->about, sizeof(info->about), "%.*s",
	    (int)strcspn(s, ")"), s);
	nf_dev_close(d);
}

uint32_t
nf_dev_list(struct nf_dev_info *info, uint32_t max)
{
	const struct nf_plugin *p;
	struct nf_err err = { 0 };
	int n;

	if (max == 0)
		return 0;
	list_cpu(&info[0]);
	if (max == 1)
		return 1;
	p = plugin(&err);
	n = p == NULL ? -1 : p->list(info + 1, max - 1, &err);
	if (n > 0)
		return 1 + (uint32_t)n;
	memset(&info[1], 0, sizeof(info[1]));
	strcpy(info[1].name, "cuda");
	snprintf(info[1].about, sizeof(info[1].about), "%.500s", err.msg);
	return 2;
}
