/* Numbers out of HDF5 files, for the tests. */
#ifndef H5GET_H
#define H5GET_H

#include <hdf5.h>
#include <stdarg.h>

#include "flows.h"

/* A data set's numbers, all of them; NULL where there is no such set. */
__attribute__((format(printf, 3, 4))) static inline double *
get(hid_t file, size_t *n, const char *fmt, ...)
{
	char name[512];
	hid_t set, space;
	double *x;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if ((set = H5Dopen2(file, name, H5P_DEFAULT)) < 0)
		return NULL;
	space = H5Dget_space(set);
	*n = (size_t)H5Sget_simple_extent_npoints(space);
	x = room(*n, sizeof(*x));
	if (H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
	    x) < 0)
		ok(0, "read %s", name);
	H5Sclose(space);
	H5Dclose(set);
	return x;
}

/* An attribute's number; with text, its text, freed by the caller. */
static inline double
attr(hid_t file, const char *object, const char *name, char **text)
{
	hid_t a = H5Aopen_by_name(file, object, name, H5P_DEFAULT,
	    H5P_DEFAULT), type;
	double x = NAN;

	if (a < 0)
		return NAN;
	type = H5Aget_type(a);
	if (text != NULL)
		H5Aread(a, type, text);
	else
		H5Aread(a, H5T_NATIVE_DOUBLE, &x);
	H5Tclose(type);
	H5Aclose(a);
	return x;
}

/* The same numbers as nf_real, in their stead. */
static inline nf_real *
narrow(size_t n, double *x)
{
	nf_real *y = reals(n);
	size_t i;

	for (i = 0; x != NULL && i < n; i++)
		y[i] = (nf_real)x[i];
	nf_free(x);
	return y;
}

#endif
