/* Rows that a pipe takes from their file: the same stream, or a damaged one. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "span.h"
#include "tap.h"

enum { NROW = 30000, NCOL = 25, NSPAN = 7 };

static struct nf_err err, late;
static struct nf_schema schema = { .nrow = NROW };
static float x[NROW * NCOL];

struct source {
	int fd;				/* written to; closed */
	struct nf_span span[NSPAN];
	uint32_t nspan;
	int flags, rc;
};

/* Put some rows that no span holds, and then all others. */
static void *
put(void *arg)
{
	struct source *s = arg;
	struct nf_writer *w;

	s->rc = -1;
	if (nf_writer_open(&w, s->fd, "a pipe", &schema, s->flags,
	    &late) == 0 && nf_writer_put(w, x, 10, &late) == 0 &&
	    nf_writer_put_spans(w, x + 10 * NCOL, NROW - 10, s->span,
	    s->nspan, &late) == 0 && nf_writer_end(w, &late) == 0)
		s->rc = 0;
	nf_writer_close(w);
	close(s->fd);
	return NULL;
}

/* Rows that come through a pipe, and are x; -1: it says what is wrong. */
static int64_t
through(struct source *s)
{
	struct nf_reader *r = NULL;
	struct nf_rows rows;
	pthread_t thread;
	int64_t n = -1, got = 0;
	int end[2], rc = -1;

	if (pipe(end) == -1)
		return -1;
	s->fd = end[1];
	if (pthread_create(&thread, NULL, put, s) != 0)
		return -1;
	if (nf_reader_open(&r, end[0], "a pipe", &err) == 0)
		while ((rc = nf_reader_next(r, &rows, &err)) == 1) {
			if (memcmp(rows.x, x + got * NCOL, rows.nrow * NCOL *
			    sizeof(*x)) != 0)
				got = INT64_MIN / 2;
			got += (int64_t)rows.nrow;
		}
	if (rc == 0)
		n = got;
	nf_reader_close(r);
	close(end[0]);
	pthread_join(thread, NULL);
	return s->rc == 0 ? n : -1;
}

/* Spans of the rows behind the tenth, which stand in pieces, the last first. */
static int
lay_out(struct source *s)
{
	uint64_t nbyte = (NROW - 10) * NCOL * sizeof(*x), at = 0, n;
	const char *p = (const char *)(x + 10 * NCOL);
	uint64_t k = NSPAN;
	int fd;

	if (nf_temp_open(&fd, &err) == -1)
		return -1;
	while (k-- > 0) {
		n = nbyte / NSPAN * (k + 1) + (k == NSPAN - 1 ? nbyte % NSPAN :
		    0) - nbyte / NSPAN * k;
		if (pwrite(fd, p + nbyte / NSPAN * k, n, (off_t)at + 5) !=
		    (ssize_t)n)
			return -1;
		s->span[k] = (struct nf_span){ fd, at + 5, n };
		at += n;
	}
	s->nspan = NSPAN;
	return fd;
}

int
main(void)
{
	struct source s = { .rc = -1 };
	char name[16];
	int fd, i;

	signal(SIGPIPE, SIG_IGN);	/* who finds damage leaves */
	for (i = 0; i < NCOL; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		if (nf_list_add(&schema.column, name, &err) == -1)
			return 1;
	}
	for (i = 0; i < NROW * NCOL; i++)
		x[i] = (float)i;
	fd = lay_out(&s);
	ok(fd != -1 && through(&s) == NROW, "rows in pieces of a file");
	s.flags = NF_ZSTD;
	ok(through(&s) == NROW, "and compressed");
	s.flags = 0;
	s.nspan = 0;
	ok(through(&s) == NROW, "and in none");
	s.nspan = NSPAN;
	s.span[2].fd = -1;
	ok(through(&s) == NROW, "what no file gives comes from memory");
	s.span[2].fd = fd;
	if (pwrite(fd, "changed", 7, (off_t)s.span[3].at) != 7)
		return 1;
	ok(through(&s) == -1 && strstr(err.msg, "corrupt frame") != NULL,
	    "a file that has changed: %s", err.msg);
	ok(ftruncate(fd, (off_t)s.span[3].at) == 0 && through(&s) == NROW,
	    "a file that has become shorter");
	close(fd);
	nf_schema_free(&schema);
	return done();
}
