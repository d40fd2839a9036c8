/* libhdf5's failures in one line, and the opening of its files. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h5.h"

void
nf_h5_quiet(void)
{
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* The deepest entry of the error stack says what really happened. */
static herr_t
first_reason(unsigned n, const H5E_error2_t *e, void *arg)
{
	const char **reason = arg;

	if (n == 0 && e->desc != NULL)
		*reason = e->desc;
	return 0;
}

/* libhdf5 prints the system's errors into its text; 0 where there is none. */
static int
find_errno(const char *reason)
{
	const char *s = strstr(reason, "errno = ");

	return s == NULL ? 0 : atoi(s + strlen("errno = "));
}

int
nf_h5_fail(struct nf_err *err, const char *fmt, ...)
{
	const char *reason = "libhdf5 gives no reason";
	char msg[sizeof(err->msg) - 200], why[160];
	va_list ap;
	int e;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, &reason);
	e = find_errno(reason);
	snprintf(why, sizeof(why), "%s", e != 0 ? strerror(e) : reason);
	H5Eclear2(H5E_DEFAULT);
	why[strcspn(why, "\n\r")] = '\0';
	return nf_fail(err, e != 0 ? NF_ESYS : NF_EDATA, "%s: %s", msg, why);
}

/* HDF5 seeks, and its files begin with one of few signatures. */
static int
check_file(const char *name, struct nf_err *err)
{
	struct stat st;
	char tag[4] = "";
	int fd, rc = -1;

	if ((fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, &st) == -1)
		nf_fail(err, NF_ESYS, "%s: %s", name, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		nf_fail(err, NF_ESYS, "%s: %s", name, strerror(EISDIR));
	else if (!S_ISREG(st.st_mode))
		nf_fail(err, NF_EDATA, "%s: not a regular file, and HDF5 "
		    "cannot be read from a pipe or device", name);
	else if (H5Fis_hdf5(name) > 0)
		rc = 0;
	else if (pread(fd, tag, 4, 0) == 4 && memcmp(tag, "NFSH", 4) == 0)
		nf_fail(err, NF_EDATA, "%s: a tensor stream, not an HDF5 "
		    "file; nfcat reads it", name);
	else
		nf_fail(err, NF_EDATA, "%s: not an HDF5 file", name);
	if (fd != -1)
		close(fd);
	return rc;
}

hid_t
nf_h5_open_file(const char *name, struct nf_err *err)
{
	hid_t id = -1, fapl;

	nf_h5_quiet();
	if (check_file(name, err) == -1)
		return -1;
	fapl = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
	/* A file system without locks is no reason not to read. */
	H5Pset_file_locking(fapl, 1, 1);
#endif
	if (fapl < 0 || (id = H5Fopen(name, H5F_ACC_RDONLY, fapl)) < 0)
		nf_h5_fail(err, "%s: cannot read this HDF5 file", name);
	if (fapl >= 0)
		H5Pclose(fapl);
	return id < 0 ? -1 : id;
}
