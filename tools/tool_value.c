/* Option values: numbers, sizes and durations, or the end with status 2. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

long long
tool_int(const char *arg, long long lo, long long hi, const char *opt)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(arg, &end, 10);
	if (end == arg || *end != '\0' || strchr(" \t\n\v\f\r", *arg) ||
	    errno != 0 || v < lo || v > hi) {
		if (hi == LLONG_MAX)
			tool_usage("%s: '%s' is not a whole number from %lld "
			    "up", opt, arg, lo);
		tool_usage("%s: '%s' is not a whole number from %lld to %lld",
		    opt, arg, lo, hi);
	}
	return v;
}

uint64_t
tool_seed(const char *arg)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	/* strtoull takes a sign, and blanks before it. */
	if (*arg < '0' || *arg > '9' || *end != '\0' || errno != 0)
		tool_usage("--seed: '%s' is not a whole number from 0 to %llu",
		    arg, (unsigned long long)UINT64_MAX);
	return v;
}

double
tool_double(const char *arg, const char *opt)
{
	double v;
	char *end;

	v = strtod(arg, &end);
	if (end == arg || *end != '\0' || strchr(" \t\n\v\f\r", *arg) ||
	    !isfinite(v))
		tool_usage("%s: '%s' is not a finite number", opt, arg);
	return v;
}

/* The digits and point at *s, which moves behind them; -1 if none is there. */
static double
take_number(const char **s)
{
	size_t n = strspn(*s, "0123456789.");
	char digits[32], *end;
	double v;

	if (n == 0 || n >= sizeof(digits))
		return -1;
	memcpy(digits, *s, n);
	digits[n] = '\0';
	*s += n;
	v = strtod(digits, &end);
	return *end == '\0' ? v : -1;
}

uint64_t
tool_size(const char *arg, const char *opt)
{
	static const char units[] = "kmgt";
	const char *s = arg, *u;
	double v = take_number(&s);

	if (*s != '\0' && (u = strchr(units, *s | 0x20)) != NULL) {
		v = ldexp(v, 10 * (int)(u - units + 1));
		s++;
	}
	if (v < 0 || *s != '\0' || v > 0x1p62)
		tool_usage("%s: '%s' is not a size: want bytes, or a number "
		    "with K, M, G or T, as 4G", opt, arg);
	return (uint64_t)v;
}

double
tool_duration(const char *arg, const char *opt)
{
	static const char units[] = "smhd";
	static const double second[] = { 1, 60, 3600, 86400 };
	const char *s = arg, *u;
	double v, sum = 0;
	bool bare = arg[strspn(arg, "0123456789.")] == '\0';

	do {
		v = take_number(&s);
		u = bare ? units : strchr(units, *s);
		if (v < 0 || u == NULL || *u == '\0')
			tool_usage("%s: '%s' is not a duration: want seconds, "
			    "or numbers with s, m, h or d, as 1h30m", opt, arg);
		sum += v * second[u - units];
		s += *s != '\0';
	} while (*s != '\0');
	return sum;
}
