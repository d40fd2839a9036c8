/*
 * The tensor stream: what is written is read, whatever the calls' sizes; what
 * is damaged anywhere is refused, and no row of it is handed out.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nfio.h"
#include "philox.h"
#include "tap.h"

static struct nf_err err;

static void
stop(const char *what)
{
	printf("Bail out! %s: %s\n", what, err.msg);
	exit(1);
}

static struct nf_schema
schema(enum nf_type type, uint32_t ncol, uint64_t nrow)
{
	struct nf_schema s = { .type = type, .nrow = nrow };
	char name[32];
	uint32_t j;

	for (j = 0; j < ncol; j++) {
		snprintf(name, sizeof(name), "column %u", j);
		if (nf_list_add(&s.column, name, &err) == -1)
			stop("schema");
	}
	if (nf_list_add(&s.prep, "column 0 = log, standardize 1 2", &err) ||
	    nf_list_add(&s.note, "from here", &err) ||
	    nf_list_add(&s.note, "\303\251\342\202\254\360\237\222\251", &err))
		stop("schema");
	return s;
}

/* Random bytes are as good as numbers; half are zero, for zstd. */
static void *
random_rows(size_t nbyte, uint64_t seed)
{
	unsigned char *x = malloc(nbyte + 1);
	uint32_t k;

	for (k = 0; k < nbyte; k++)
		x[k] = (unsigned char)(k / 64 % 2 == 0 ? 0 :
		    nf_philox_u64(seed, NF_FOR_ROWS, k, 0));
	return x;
}

/* A stream in a file of memory, put in pieces of at most piece rows. */
static int
written(const struct nf_schema *s, const void *x, uint64_t nrow,
    uint64_t piece, int flags)
{
	size_t size = s->column.n * nf_type_size(s->type);
	int fd = memfd_create("stream", 0);
	struct nf_writer *w;
	uint64_t i, n;

	if (nf_writer_open(&w, fd, "memory", s, flags, &err) == -1)
		stop("write");
	for (i = 0; i < nrow; i += n) {
		n = nrow - i < piece ? nrow - i : piece;
		if (nf_writer_put(w, (const char *)x + i * size, n, &err))
			stop("write");
	}
	if (nf_writer_end(w, &err) == -1)
		stop("write");
	nf_writer_close(w);
	return fd;
}

static char *
contents(int fd, size_t *n)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *p = malloc((size_t)size + 1);

	*n = (size_t)size;
	if (pread(fd, p, *n, 0) != size)
		stop("contents");
	return p;
}

/*
 * Read all rows from fd: their number, or -1 with err filled.  *same is
 * cleared where one is not the row of x in its place.
 */
static int64_t
read_all(int fd, const struct nf_schema *want, const void *x, bool *same)
{
	size_t size = want->column.n * nf_type_size(want->type);
	struct nf_reader *r;
	struct nf_rows rows;
	uint64_t n = 0;
	int rc;

	err.code = 0;
	if (nf_reader_open(&r, fd, "stdin", &err) == -1)
		return -1;
	if (nf_reader_schema(r)->type == want->type &&
	    nf_schema_agree(nf_reader_schema(r), want, &err) == 0)
		while ((rc = nf_reader_next(r, &rows, &err)) == 1) {
			*same &= memcmp(rows.x, (const char *)x + n * size,
			    rows.nrow * size) == 0;
			n += rows.nrow;
		}
	else {
		*same = false;
		rc = 0;
	}
	nf_reader_close(r);
	return rc == -1 ? -1 : (int64_t)n;
}

static void
round_trip(enum nf_type type, uint32_t ncol, uint64_t nrow, int flags)
{
	struct nf_schema s = schema(type, ncol, NF_NROW_UNKNOWN);
	size_t size = ncol * nf_type_size(type), n[2];
	void *x = random_rows(nrow * size, 1);
	static const uint64_t piece[] = { UINT64_MAX, 1, 1000, 7777 };
	char *bytes[2];
	bool same = true;
	int fd, k;

	for (k = 0; k < 4; k++) {
		fd = written(&s, x, nrow, piece[k], flags);
		bytes[k > 0] = contents(fd, &n[k > 0]);
		lseek(fd, 0, SEEK_SET);
		if (k == 0)
			ok(read_all(fd, &s, x, &same) == (int64_t)nrow && same,
			    "%llu rows of %u columns of %zu bytes%s",
			    (unsigned long long)nrow, ncol, size / ncol,
			    flags ? ", compressed" : "");
		else {
			same &= n[0] == n[1] &&
			    memcmp(bytes[0], bytes[1], n[0]) == 0;
			free(bytes[1]);
		}
		close(fd);
	}
	ok(same, "and the pieces that they were put in do not show");
	free(bytes[0]);
	free(x);
	nf_schema_free(&s);
}

/* ---- damage ----------------------------------------------------------- */

/* A stream of thirty rows in three frames, as a writer of small ones makes. */
static char *
three_frames(const struct nf_schema *s, const char *x, size_t size,
    int flags, size_t *n)
{
	char *all = NULL, *part, *from, *to;
	size_t k, m;
	int fd;

	*n = 0;
	for (k = 0; k < 4; k++) {
		/* Three of ten rows, then the end of thirty. */
		fd = k < 3 ? written(s, x + k * 10 * size, 10, 10, flags) :
		    written(s, x, 30, 30, flags);
		part = contents(fd, &m);
		from = k == 0 ? part : memmem(part, m, "NFSD", 4);
		to = part + m - 32;
		if (k == 3) {
			from = to;
			to += 32;
		}
		all = realloc(all, *n + m);
		memcpy(all + *n, from, (size_t)(to - from));
		*n += (size_t)(to - from);
		free(part);
		close(fd);
	}
	return all;
}

/* Is what fd holds refused, before a wrong row is handed out? */
static bool
refused(int fd, const struct nf_schema *s, const void *x)
{
	bool same = true;

	lseek(fd, 0, SEEK_SET);
	return read_all(fd, s, x, &same) == -1 && err.code == NF_EDATA &&
	    same;
}

static void
damage(int flags)
{
	struct nf_schema s = schema(NF_F32, 3, NF_NROW_UNKNOWN);
	int fd = memfd_create("stream", 0), bit;
	size_t n, k, cuts = 0, flips = 0;
	char *x = random_rows(30 * 12, 2), *p, c;
	bool same = true;

	p = three_frames(&s, x, 12, flags, &n);
	if (write(fd, p, n) != (ssize_t)n)
		stop("damage");
	lseek(fd, 0, SEEK_SET);
	ok(read_all(fd, &s, x, &same) == 30 && same, "three frames");

	for (k = 0; k < n; k++)
		for (bit = 0; bit < 8; bit++) {
			c = (char)(p[k] ^ 1 << bit);
			if (pwrite(fd, &c, 1, (off_t)k) != 1)
				stop("flip");
			flips += refused(fd, &s, x);
			if (pwrite(fd, &p[k], 1, (off_t)k) != 1)
				stop("flip");
		}
	ok(flips == n * 8, "%zu of its %zu bits flipped are refused", flips,
	    n * 8);

	for (k = n; k-- > 0; ) {
		if (ftruncate(fd, (off_t)k) != 0)
			stop("cut");
		cuts += refused(fd, &s, x);
	}
	ok(cuts == n, "%zu of its %zu cuts are refused", cuts, n);
	close(fd);
	free(p);
	free(x);
	nf_schema_free(&s);
}

/* ---- a pipe that delivers a few bytes at a time ----------------------- */

struct dribble {
	int fd;
	const char *p;
	size_t n;
};

static void *
dribble(void *arg)
{
	struct dribble *d = arg;
	size_t k = 1, i;

	for (i = 0; i < d->n; i += k) {
		k = 1 + i % 97;
		k = d->n - i < k ? d->n - i : k;
		if (write(d->fd, d->p + i, k) != (ssize_t)k)
			break;
	}
	close(d->fd);
	return NULL;
}

static void
slowly(int flags)
{
	struct nf_schema s = schema(NF_F64, 5, 2000);
	void *x = random_rows(2000 * 40, 3);
	int fd = written(&s, x, 2000, 100, flags), end[2];
	struct dribble d;
	pthread_t thread;
	bool same = true;
	char *p;

	p = contents(fd, &d.n);
	d.p = p;
	if (pipe(end) == -1)
		stop("pipe");
	d.fd = end[1];
	if (pthread_create(&thread, NULL, dribble, &d) != 0)
		stop("thread");
	ok(read_all(end[0], &s, x, &same) == 2000 && same,
	    "a pipe that delivers a few bytes at a time");
	pthread_join(thread, NULL);
	close(end[0]);
	close(fd);
	free(p);
	free(x);
	nf_schema_free(&s);
}

/* ---- tables in memory ------------------------------------------------- */

static int
table(int fd, uint64_t max, const uint32_t *col, uint32_t ncol,
    enum nf_type type, struct nf_table *t)
{
	struct nf_reader *r;
	int rc;

	lseek(fd, 0, SEEK_SET);
	if (nf_reader_open(&r, fd, "stdin", &err) == -1)
		stop("table");
	rc = nf_table_read(t, r, col, ncol, type, max, &err);
	nf_reader_close(r);
	return rc;
}

static void
tables(void)
{
	struct nf_schema s = schema(NF_F32, 4, NF_NROW_UNKNOWN);
	static const uint32_t col[] = { 3, 0 };
	float x[10][4];
	struct nf_table t;
	int fd, i, bad = 0;

	for (i = 0; i < 40; i++)
		x[i / 4][i % 4] = (float)i;
	fd = written(&s, x, 10, 10, 0);
	ok(table(fd, 160, NULL, 0, NF_F32, &t) == 0 && t.schema.nrow == 10 &&
	    t.schema.column.n == 4 && memcmp(t.x, x, sizeof(x)) == 0,
	    "a table of exactly as many bytes as may be kept");
	nf_table_free(&t);
	ok(table(fd, 159, NULL, 0, NF_F32, &t) == -1 && err.code == NF_ESYS &&
	    strcmp(err.msg, "stdin: more than 0.0 MB of rows, which is all "
	    "that may be kept in memory: take fewer rows or columns") == 0,
	    "one byte less is refused");
	nf_table_free(&t);
	if (table(fd, 1 << 20, col, 2, NF_F64, &t) == -1)
		stop("table");
	for (i = 0; i < 10; i++)
		bad += ((double *)t.x)[i * 2] != i * 4 + 3 ||
		    ((double *)t.x)[i * 2 + 1] != i * 4;
	ok(bad == 0 && t.schema.type == NF_F64 && t.schema.prep.n == 1 &&
	    strcmp(t.schema.column.s[0], "column 3") == 0,
	    "columns are chosen, in order, and converted");
	nf_table_free(&t);
	close(fd);
	nf_schema_free(&s);
}

static void
promises(void)
{
	struct nf_schema s = schema(NF_F32, 1, 3);
	static const float x[4] = { 1, 2, 3, 4 };
	int fd = memfd_create("stream", 0);
	struct nf_writer *w;

	if (nf_writer_open(&w, fd, "memory", &s, 0, &err) == -1 ||
	    nf_writer_put(w, x, 2, &err) == -1)
		stop("promises");
	ok(nf_writer_end(w, &err) == -1 && strcmp(err.msg, "memory: 2 rows, "
	    "but its header promises 3") == 0, "fewer rows than promised");
	ok(nf_writer_put(w, x, 2, &err) == -1 && strcmp(err.msg, "memory: "
	    "more rows than the 3 that its header promises") == 0,
	    "more rows than promised");
	nf_writer_close(w);
	close(fd);
	nf_schema_free(&s);
}

int
main(void)
{
	int flags;

	for (flags = 0; flags <= NF_ZSTD; flags += NF_ZSTD) {
		round_trip(NF_F32, 3, 0, flags);
		round_trip(NF_F64, 1, 1, flags);
		round_trip(NF_F32, 31, 8456, flags);
		round_trip(NF_F32, 31, 8457, flags);
		round_trip(NF_F64, 17, 20000, flags);
		round_trip(NF_F32, 65536, 9, flags);
		damage(flags);
		slowly(flags);
	}
	tables();
	promises();
	return done();
}
