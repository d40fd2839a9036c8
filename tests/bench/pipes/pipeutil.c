/* For make bench-pipes: ceilings to compare with, and a clock. */
#include <sys/wait.h>

#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE	(1 << 20)		/* of a write, and of the pipe */
#define ROWS	65536			/* of an H5Dread */

static char buf[SIZE];

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A bare writer, and a bare reader. */
static int
source(double left)
{
	(void)fcntl(1, F_SETPIPE_SZ, SIZE);
	for (; left > 0; left -= SIZE)
		if (write(1, buf, SIZE) != SIZE)
			return 1;
	return 0;
}

static int
sink(void)
{
	ssize_t n;

	(void)fcntl(0, F_SETPIPE_SZ, SIZE);
	while ((n = read(0, buf, SIZE)) > 0)
		;
	return n < 0;
}

/* A file, at so many MB/s. */
static int
pace(double rate, const char *file)
{
	int fd = open(file, O_RDONLY);
	double begin = now(), wait, sent = 0;
	ssize_t n;

	(void)fcntl(1, F_SETPIPE_SZ, SIZE);
	while ((n = read(fd, buf, SIZE / 4)) > 0) {
		wait = begin + sent / rate * 1e-6 - now();
		if (wait > 0)
			usleep((useconds_t)(wait * 1e6));
		if (write(1, buf, (size_t)n) != n)
			return 1;
		sent += (double)n;
	}
	close(fd);
	return n != 0;
}

/* The dataset "data" as libhdf5 reads it; the floats go to `to`, if any. */
static int
h5read(const char *file, const char *to)
{
	hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT), g = -1;
	hid_t d = H5Dopen2(f, "data", H5P_DEFAULT), space = H5Dget_space(d);
	hid_t out = -1;
	hsize_t dim[2], at[2] = { 0, 0 }, n[2];
	hid_t mem, flat;
	float *x;

	H5Sget_simple_extent_dims(space, dim, NULL);
	n[1] = dim[1];
	x = malloc(ROWS * dim[1] * sizeof(*x));
	if (to != NULL) {		/* contiguous */
		g = H5Fcreate(to, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
		flat = H5Screate_simple(2, dim, NULL);
		out = H5Dcreate2(g, "data", H5T_NATIVE_FLOAT, flat,
		    H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	}
	for (; x != NULL && at[0] < dim[0]; at[0] += n[0]) {
		n[0] = dim[0] - at[0] < ROWS ? dim[0] - at[0] : ROWS;
		mem = H5Screate_simple(2, n, NULL);
		H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, n, NULL);
		if (H5Dread(d, H5T_NATIVE_FLOAT, mem, space, H5P_DEFAULT, x) <
		    0 || (out >= 0 && H5Dwrite(out, H5T_NATIVE_FLOAT, mem,
		    space, H5P_DEFAULT, x) < 0))
			return 1;
		H5Sclose(mem);
	}
	free(x);
	if (out >= 0) {
		H5Dclose(out);
		H5Fclose(g);
	}
	return x == NULL;
}

static int
compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

/* Seconds of a command, run n times: the best, or the median. */
static int
take(int median, int n, char *argv[])
{
	double *t = calloc((size_t)n, sizeof(*t));
	int i, status = 0;
	pid_t pid;

	for (i = 0; t != NULL && i < n && status == 0; i++) {
		t[i] = now();
		if ((pid = fork()) == 0) {
			close(1);
			if (open("/dev/null", O_WRONLY) == 1)
				execvp(argv[0], argv);
			_exit(127);
		}
		waitpid(pid, &status, 0);
		t[i] = now() - t[i];
	}
	if (t == NULL || status != 0)
		return 1;
	qsort(t, (size_t)n, sizeof(*t), compare);
	printf("%.6f\n", t[median ? n / 2 : 0]);
	free(t);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "source") == 0)
		return source(atof(argv[2]));
	if (argc == 2 && strcmp(argv[1], "sink") == 0)
		return sink();
	if (argc == 4 && strcmp(argv[1], "pace") == 0)
		return pace(atof(argv[2]), argv[3]);
	if (argc >= 3 && strcmp(argv[1], "h5read") == 0)
		return h5read(argv[2], argv[3]);
	if (argc >= 4 && strcmp(argv[1], "best") == 0)
		return take(0, atoi(argv[2]), argv + 3);
	if (argc >= 4 && strcmp(argv[1], "median") == 0)
		return take(1, atoi(argv[2]), argv + 3);
	fprintf(stderr, "usage: pipeutil source BYTES | sink | pace MB/S FILE "
	    "| h5read FILE [COPY] | best N COMMAND.. | median N COMMAND..\n");
	return 2;
}
