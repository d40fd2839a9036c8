/* TAP for C tests: ok, near, done.  Include it in one file a program. */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_run, tap_failed;

static inline bool
tap_line(bool good, const char *fmt, va_list ap)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	vprintf(fmt, ap);
	putchar('\n');
	tap_failed += !good;
	return good;
}

/* One test: its truth and what it is about.  Returns the truth. */
__attribute__((format(printf, 2, 3))) static inline bool
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(good, fmt, ap);
	va_end(ap);
	return good;
}

/* Is got within tol of want?  NaN never is; an infinity is near itself. */
__attribute__((format(printf, 4, 5))) static inline bool
near(double got, double want, double tol, const char *fmt, ...)
{
	bool good = got == want || fabs(got - want) <= tol;
	va_list ap;

	va_start(ap, fmt);
	tap_line(good, fmt, ap);
	va_end(ap);
	if (!good)
		printf("# got %.17g, want %.17g, off by %.3g, allowed %.3g\n",
		    got, want, fabs(got - want), tol);
	return good;
}

/* The plan; the status for main to return. */
static inline int
done(void)
{
	printf("1..%d\n", tap_run);
	return fflush(stdout) != 0 || tap_failed > 0;
}

#endif
