/*
 * Numbers as text.  The arithmetic is long double with exact powers of ten;
 * whatever it cannot decide is left to strtod and snprintf.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "number.h"

#define MAX_POW10	27		/* 5^27 < 2^64: exact */

static const long double pow10l_table[MAX_POW10 + 1] = {
	1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L, 1e10L,
	1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
	1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L
};
static const uint64_t pow10_table[] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
	1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
	100000000000000, 1000000000000000, 10000000000000000,
	100000000000000000
};

/*
 * m * 10^e as a double, correctly rounded; false where that is not certain.
 * Both factors are exact, so the long double is off by half a bit at most:
 * if its neighbours round to the same double, so does the truth.
 */
static bool
scale(uint64_t m, int e, double *v)
{
	long double q = (long double)m;

	if (e < -MAX_POW10 || e > MAX_POW10 || LDBL_MANT_DIG < 64)
		return false;
	q = e < 0 ? q / pow10l_table[-e] : q * pow10l_table[e];
	*v = (double)(q - q * LDBL_EPSILON);
	return *v == (double)(q + q * LDBL_EPSILON);
}

/* ---- text to number --------------------------------------------------- */

/* The words for what has no digits. */
static bool
parse_word(const char *s, size_t n, bool minus, double *v)
{
	if (n == 3 && strncasecmp(s, "nan", 3) == 0)
		*v = (double)NAN;
	else if ((n == 3 && strncasecmp(s, "inf", 3) == 0) ||
	    (n == 8 && strncasecmp(s, "infinity", 8) == 0))
		*v = (double)INFINITY;
	else
		return false;
	*v = minus ? -*v : *v;
	return true;
}

/* Digits without a point, so that no locale matters to strtod. */
static double
parse_slowly(const char *s, const char *end, int e)
{
	char digits[1024];
	size_t n = 0;

	for (; s < end; s++) {
		if (*s == '.' || (n == 0 && *s == '0'))
			continue;
		if (n < sizeof(digits) - 16)
			digits[n++] = *s;
		else
			e++;		/* what follows cannot matter */
	}
	snprintf(digits + n, 16, "e%d", e);
	return strtod(digits, NULL);
}

/* An exponent after the e, from s up to end; far beyond any is far enough. */
static bool
parse_exponent(const char *s, const char *end, int *e)
{
	bool minus = s < end && *s == '-';
	int v = 0;

	if (s < end && (*s == '-' || *s == '+'))
		s++;
	if (s == end)
		return false;
	for (; s < end && *s >= '0' && *s <= '9'; s++)
		v = v < 100000 ? v * 10 + (*s - '0') : v;
	*e += minus ? -v : v;
	return s == end;
}

bool
nf_number_parse(const char *s, const char *end, double *v)
{
	bool minus = s < end && *s == '-', point = false;
	const char *digits, *number_end;
	uint64_t m = 0;
	int e = 0, ndigit = 0;

	if (s < end && (*s == '-' || *s == '+'))
		s++;
	for (digits = s; s < end; s++) {
		if (*s >= '0' && *s <= '9') {
			/* Beyond 19 digits m is not used. */
			m = m * 10 + (uint64_t)(*s - '0');
			ndigit += ndigit > 0 || m > 0;
			e -= point;
		} else if (*s == '.' && !point)
			point = true;
		else
			break;
	}
	number_end = s;
	if (s - digits == point)
		return parse_word(digits, (size_t)(end - digits), minus, v);
	if (s < end && ((*s != 'e' && *s != 'E') ||
	    !parse_exponent(s + 1, end, &e)))
		return false;
	if (m == 0 && ndigit == 0)
		*v = 0;
	else if (ndigit > 19 || !scale(m, e, v))
		*v = parse_slowly(digits, number_end, e);
	*v = minus ? -*v : *v;
	return true;
}

/* ---- number to text --------------------------------------------------- */

static char *
print_uint(char *p, uint64_t v)
{
	char d[20];
	int n = 0;

	do
		d[n++] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	while (n > 0)
		*p++ = d[--n];
	return p;
}

/* The n digits of m, whose first stands for 10^e, as Python would. */
static char *
print_digits(char *p, uint64_t m, int e)
{
	char d[20];
	int n = (int)(print_uint(d, m) - d), k;

	while (n > 1 && d[n - 1] == '0')
		n--;
	if (e < -4 || e >= 16) {
		*p++ = d[0];
		if (n > 1)
			*p++ = '.';
		memcpy(p, d + 1, (size_t)n - 1);
		p += n - 1;
		*p++ = 'e';
		*p++ = e < 0 ? '-' : '+';
		if (abs(e) < 10)
			*p++ = '0';
		return print_uint(p, (uint64_t)abs(e));
	}
	for (k = e < 0 ? e : 0; k < n || k <= e; k++) {
		*p++ = k < 0 || k >= n ? '0' : d[k];
		if (k == e && n > e + 1)
			*p++ = '.';
	}
	return p;
}

/* Does m * 10^e read back as v? */
static bool
is_back(uint64_t m, int e, double v, bool is_float)
{
	double back;

	if (!scale(m, e, &back)) {
		char s[48];

		snprintf(s, sizeof(s), "%llue%d", (unsigned long long)m, e);
		back = strtod(s, NULL);
	}
	return is_float ? (float)back == (float)v : back == v;
}

/* n digits of v, found by snprintf: always right, never fast. */
static uint64_t
digits_slowly(double v, int n, int *e)
{
	char s[48];
	uint64_t m = 0;
	const char *c;

	snprintf(s, sizeof(s), "%.*e", n - 1, v);
	for (c = s; *c != 'e'; c++)
		if (*c >= '0' && *c <= '9')
			m = m * 10 + (uint64_t)(*c - '0');
	*e = atoi(c + 1);
	return m;
}

/*
 * The first n digits of v, the last of them perhaps off by one, and *e, the
 * exponent of the first; 0 where that takes a power of ten too large.
 */
static uint64_t
digits_quickly(double v, int n, int *e)
{
	long double q;
	int64_t m;
	int k;

	(void)frexp(v, &k);
	/* log10(2) to 2^-20: so *e is right, or one too small. */
	*e = ((k - 1) * 315652) >> 20;
	do {
		k = n - 1 - *e;
		if (k < -MAX_POW10 || k > MAX_POW10)
			return 0;
		q = k < 0 ? v / pow10l_table[-k] : v * pow10l_table[k];
		m = (int64_t)(q + 0.5L);
		++*e;
	} while ((uint64_t)m >= pow10_table[n]);
	--*e;
	return (uint64_t)m;
}

/*
 * Print the fewest digits that read back as v, from all that may be needed:
 * those that are further off than half of v's last bit need not be tried.
 */
static char *
print_shortest(char *p, uint64_t all, int e, double v, bool is_float)
{
	int n, most = is_float ? 9 : 17, least = is_float ? 6 : 15;
	uint64_t far, unit, m, off;

	far = (all >> (is_float ? 24 : 53)) + 1;
	if (v < (is_float ? (double)FLT_MIN : DBL_MIN)) {
		least = 1;			/* it has fewer bits */
		far = UINT64_MAX;
	}
	for (n = least; n <= most; n++) {
		unit = pow10_table[most - n];
		m = (all + unit / 2) / unit;
		off = m * unit > all ? m * unit - all : all - m * unit;
		/* A tie may be none: all of the digits are rounded too. */
		if (off * 2 == unit && off <= far &&
		    is_back(m - 1, e - n + 1, v, is_float))
			m--;
		if (off <= far && is_back(m, e - n + 1, v, is_float))
			return print_digits(p, m,
			    m == pow10_table[n] ? e + 1 : e);
	}
	return NULL;
}

size_t
nf_number_print(char *p, double v, bool is_float)
{
	char *start = p, *end = NULL;
	int most = is_float ? 9 : 17, e;
	uint64_t m;

	if (signbit(v) && !isnan(v)) {
		*p++ = '-';
		v = -v;
	}
	if (!isfinite(v)) {
		memcpy(p, isnan(v) ? "nan" : "inf", 3);
		return (size_t)(p - start) + 3;
	}
	if (v < 1e15 && v == (double)(uint64_t)v)
		return (size_t)(print_uint(p, (uint64_t)v) - start);
	m = digits_quickly(v, most, &e);
	if (m != 0)
		end = print_shortest(p, m, e, v, is_float);
	if (end == NULL) {
		m = digits_slowly(v, most, &e);
		end = print_shortest(p, m, e, v, is_float);
	}
	return (size_t)(end - start);
}
