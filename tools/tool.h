/* What every program shares: options, exit, and the ends of its pipes. */
#ifndef TOOL_H
#define TOOL_H

#include <getopt.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "nfio.h"

enum { TOOL_OK = 0, TOOL_SYSTEM = 1, TOOL_USAGE = 2, TOOL_DATA = 3 };

/* Defined by each program. */
extern const char tool_name[];		/* "nfcat" */
extern const char tool_synopsis[];	/* "[-i | -t] [FILE...]"; \n aligns */
extern const char tool_purpose[];	/* the page's one-liner */

/*
 * getopt_long, with --help and --version answered and anything unknown
 * refused (exit 2).  Long options without a short form use values of 256 up.
 */
int tool_option(int argc, char *argv[], const char *shorts,
    const struct option *longs);

noreturn void tool_die(const struct nf_err *err);
noreturn void tool_usage(const char *fmt, ...)	/* NULL: the synopsis only */
    __attribute__((format(printf, 1, 2)));
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line of news on standard error, without the program's name. */
void tool_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Option values; a bad one ends the program with status 2, naming opt. */
long long tool_int(const char *arg, long long lo, long long hi,
    const char *opt);
uint64_t tool_seed(const char *arg);		/* of --seed: any 64 bits */
double tool_double(const char *arg, const char *opt);
uint64_t tool_size(const char *arg, const char *opt);	/* 4G, 512M, bytes */
double tool_duration(const char *arg, const char *opt);	/* s: 90, 10m, 1h30m */

/* Open FILE, or standard input where it is NULL or "-". */
int tool_open(const char *file, struct nf_reader **r, struct nf_err *err)
    NF_CHECKED;

/* As tool_open, but the descriptor only, and a name for messages. */
int tool_input(const char *file, int *fd, const char **name,
    struct nf_err *err) NF_CHECKED;

/* Standard output as a stream; a terminal is refused (exit 2). */
int tool_output(const struct nf_schema *s, int flags, struct nf_writer **w,
    struct nf_err *err) NF_CHECKED;

/* Refuse (exit 2) to write what is not text to a terminal. */
int tool_no_terminal(const char *what, struct nf_err *err) NF_CHECKED;
/* All that was printed has been written. */
int tool_flush(struct nf_err *err) NF_CHECKED;

/* Bytes of memory that can be taken without swapping, for bounds. */
uint64_t tool_memory(void);

double tool_seconds(void);		/* of a clock that only goes on */

/* One line on standard error, redrawn in place; nothing in a log. */
int tool_terminal(void);		/* standard error is a terminal */
void tool_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tool_progress_end(void);

#endif
