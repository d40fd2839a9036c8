/* What every program shares; the only place that prints errors and exits. */
#include <sys/ioctl.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

enum { TOOL_HELP = 1, TOOL_VERSION };	/* no short option has these values */

static double drawn;			/* when the progress line last was */
static bool drawing;			/* the line is on the terminal now */

/* A synopsis of several lines is aligned under its first. */
static void
print_usage(FILE *f)
{
	const char *s;

	fprintf(f, "usage: %s ", tool_name);
	for (s = tool_synopsis; *s != '\0'; s++) {
		fputc(*s, f);
		if (*s == '\n')
			fprintf(f, "%*s", 8 + (int)strlen(tool_name), "");
	}
	fputc('\n', f);
}

noreturn static void
answer(int what)
{
	if (what == TOOL_HELP) {
		print_usage(stdout);
		printf("%s\nSee man %s.\n", tool_purpose, tool_name);
	} else
		printf("%s (nfpipe) %s\n", tool_name, NF_VERSION);
	if (fflush(stdout) != 0) {
		tool_warn("stdout: %s", strerror(errno));
		exit(TOOL_SYSTEM);
	}
	exit(TOOL_OK);
}

/*
 * Where standard input, output or error is closed, a file opened later would
 * take its number and its bytes.  Put there what cannot be read or written.
 */
static void
guard_standard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			exit(TOOL_SYSTEM);
}

int
tool_option(int argc, char *argv[], const char *shorts,
    const struct option *longs)
{
	static struct option all[64];
	size_t n = 0;
	int c;

	if (all[0].name == NULL) {
		guard_standard();
		for (; longs != NULL && longs[n].name != NULL; n++)
			if (n == sizeof(all) / sizeof(all[0]) - 3)
				abort();
			else
				all[n] = longs[n];
		all[n++] = (struct option){ "help", 0, NULL, TOOL_HELP };
		all[n] = (struct option){ "version", 0, NULL, TOOL_VERSION };
		argv[0] = (char *)tool_name;	/* for getopt's messages */
	}
	c = getopt_long(argc, argv, shorts, all, NULL);
	if (c == TOOL_HELP || c == TOOL_VERSION)
		answer(c);
	if (c == '?') {			/* getopt has said what is wrong */
		print_usage(stderr);
		exit(TOOL_USAGE);
	}
	return c;
}

/* One write, so that lines of several programs in a pipe do not mix. */
static void
vwarn(const char *fmt, va_list ap)
{
	char line[2 * sizeof(((struct nf_err *)0)->msg)];

	tool_progress_end();
	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "%s: %s\n", tool_name, line);
}

void
tool_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vwarn(fmt, ap);
	va_end(ap);
}

void
tool_say(const char *fmt, ...)
{
	va_list ap;
	char line[1024];

	tool_progress_end();
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s\n", line);
}

noreturn void
tool_die(const struct nf_err *err)
{
	static const int status[] = {
		[NF_ESYS] = TOOL_SYSTEM,
		[NF_EUSE] = TOOL_USAGE,
		[NF_EDATA] = TOOL_DATA,
	};

	tool_warn("%s", err->msg);
	exit(status[err->code]);
}

noreturn void
tool_usage(const char *fmt, ...)
{
	va_list ap;

	if (fmt != NULL) {
		va_start(ap, fmt);
		vwarn(fmt, ap);
		va_end(ap);
	}
	print_usage(stderr);
	exit(TOOL_USAGE);
}

/* ---- progress --------------------------------------------------------- */

double
tool_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int
tool_terminal(void)
{
	return isatty(STDERR_FILENO);
}

/* Bytes of s that fit into width columns, of one column a UTF-8 character. */
static int
fit(const char *s, int width)
{
	int n;

	for (n = 0; s[n] != '\0'; n++)
		if (((unsigned char)s[n] & 0xc0) != 0x80 && width-- == 0)
			break;
	return n;
}

void
tool_progress(const char *fmt, ...)
{
	double now = tool_seconds();
	struct winsize ws;
	char line[1024];
	va_list ap;
	int width = 80;

	if (!tool_terminal())
		return;
	if (drawing && now - drawn < 0.1)
		return;
	drawn = now;
	drawing = true;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		width = ws.ws_col;
	fprintf(stderr, "\r%.*s\033[K", fit(line, width - 1), line);
}

void
tool_progress_end(void)
{
	if (drawing)
		fputs("\r\033[K", stderr);
	drawing = false;
}
