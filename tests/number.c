/* Numbers as text: back to the same bits, as short as can be. */
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "philox.h"
#include "tap.h"

static int
print(char *s, double v, bool is_float)
{
	size_t n = nf_number_print(s, v, is_float);

	s[n] = '\0';
	return n <= NF_NUMBER_SIZE;
}

static int
digits(const char *s)
{
	int n = 0;

	for (; *s != '\0' && *s != 'e'; s++)
		n += *s >= '0' && *s <= '9' && (n > 0 || *s != '0');
	return n;
}

/* The least precision at which printf's output reads back. */
static int
least(double v, bool is_float)
{
	char s[64];
	int n;

	for (n = 1; n < 17; n++) {
		snprintf(s, sizeof(s), "%.*e", n - 1, v);
		if (is_float ? strtof(s, NULL) == (float)v :
		    strtod(s, NULL) == v)
			break;
	}
	return n;
}

static double
from_bits(uint64_t u)
{
	double d;

	memcpy(&d, &u, sizeof(d));
	return d;
}

/* Values as the bits fall, of everyday sizes, and of few digits. */
static double
value(uint64_t i)
{
	uint64_t u = nf_philox_u64(7, NF_FOR_ROWS, i, 0);
	double x = (double)(u >> 11) * 0x1p-53;

	switch (i % 4) {
	case 0:
		return from_bits(u);
	case 1:
		return (x - 0.5) * pow(10, (double)(u % 30) - 15);
	case 2:
		return floor(x * 1e6) / pow(10, (double)(u % 12));
	default:
		return (double)(float)(x * pow(10, (double)(u % 70) - 35));
	}
}

static void
round_trips(void)
{
	int bad = 0, wide = 0, longer = 0, parsed = 0, i;
	double v, w;
	char s[64];
	float f;

	for (i = 0; i < 200000; i++) {
		v = value((uint64_t)i);
		if (!isfinite(v))
			continue;
		wide += !print(s, v, false);
		bad += strtod(s, NULL) != v;
		longer += strchr(s, '.') != NULL && digits(s) > least(v, false);
		parsed += !nf_number_parse(s, s + strlen(s), &w) || w != v;
		f = (float)v;
		if (!isfinite(f))
			continue;
		wide += !print(s, f, true);
		bad += strtof(s, NULL) != f || (float)strtod(s, NULL) != f;
		longer += strchr(s, '.') != NULL && digits(s) > least(f, true);
	}
	ok(bad == 0, "%d of 200000 numbers do not read back", bad);
	ok(longer == 0, "%d are longer than they need be", longer);
	ok(wide == 0, "%d are longer than their buffer", wide);
	ok(parsed == 0, "%d are not parsed to what strtod says", parsed);
}

/* Decimals of every length, against strtod. */
static void
parses(void)
{
	int bad = 0, i;
	double v, w;
	char s[64];

	for (i = 0; i < 200000; i++) {
		v = value((uint64_t)i);
		snprintf(s, sizeof(s), i % 2 ? "%.*e" : "%.*g", i % 23, v);
		if (!isfinite(v) || strlen(s) > 40)
			continue;
		bad += !nf_number_parse(s, s + strlen(s), &w) ||
		    w != strtod(s, NULL);
	}
	ok(bad == 0, "%d of 200000 decimals are parsed wrongly", bad);
}

static void
words(void)
{
	static const struct {
		const char *s;
		bool good;
		double v;
	} word[] = {
		{ "0", true, 0 }, { "-0", true, -0.0 }, { "+1", true, 1 },
		{ "1.", true, 1 }, { ".5", true, 0.5 }, { "-.5e3", true, -500 },
		{ "1E+2", true, 100 }, { "007", true, 7 },
		{ "inf", true, INFINITY }, { "-Infinity", true, -INFINITY },
		{ "1e400", true, INFINITY }, { "1e-400", true, 0 },
		{ "0e99999999999", true, 0 }, { "1e99999999999", true,
		    INFINITY },
		{ "9007199254740993", true, 9007199254740992.0 },
		{ "9007199254740993.00000000000000000000001", true,
		    9007199254740994.0 },
		{ "0.00000000000000000000000000000000000000000001", true,
		    1e-44 },
		{ "", false, 0 }, { "+", false, 0 }, { ".", false, 0 },
		{ "1e", false, 0 }, { "1e+", false, 0 }, { "e5", false, 0 },
		{ "0x10", false, 0 }, { "infin", false, 0 },
		{ "1.2.3", false, 0 }, { "--1", false, 0 }, { "1 ", false, 0 },
		{ "1,5", false, 0 }, { "nanx", false, 0 },
	};
	char long_one[3000];
	size_t i, n;
	double v;

	for (i = 0; i < sizeof(word) / sizeof(*word); i++) {
		n = strlen(word[i].s);
		v = 0;
		ok(nf_number_parse(word[i].s, word[i].s + n, &v) ==
		    word[i].good && v == word[i].v &&
		    signbit(v) == signbit(word[i].v), "\"%s\"", word[i].s);
	}
	ok(nf_number_parse("-NaN", &"-NaN"[4], &v) && isnan(v), "-NaN");
	memset(long_one, '9', sizeof(long_one));
	long_one[0] = '.';
	ok(nf_number_parse(long_one, long_one + sizeof(long_one), &v) &&
	    v == 1, "2999 digits");
	memset(long_one + 1, '0', sizeof(long_one) - 2);
	ok(nf_number_parse(long_one, long_one + sizeof(long_one), &v) &&
	    v == 0, "2998 zeros and a nine");
}

static void
looks(void)
{
	static const struct {
		double v;
		bool is_float;
		const char *s;
	} look[] = {
		{ 0, false, "0" }, { -0.0, false, "-0" }, { 1, true, "1" },
		{ 0.1, false, "0.1" }, { 0.1f, true, "0.1" },
		{ 0.1f, false, "0.10000000149011612" },
		{ 16777216, true, "16777216" }, { 1e15, false,
		    "1000000000000000" },
		{ 1e16, false, "1e+16" }, { 123.456, false, "123.456" },
		{ 1e-4, false, "0.0001" }, { 1.5e-5, false, "1.5e-05" },
		{ 5e-324, false, "5e-324" }, { 1e23, false, "1e+23" },
		{ 1.7976931348623157e308, false, "1.7976931348623157e+308" },
		{ 3.4028235e38f, true, "3.4028235e+38" },
		{ 1e-45f, true, "1e-45" }, { -100.25, true, "-100.25" },
		{ INFINITY, true, "inf" }, { -INFINITY, false, "-inf" },
		{ NAN, true, "nan" },
	};
	char s[64];
	size_t i;

	for (i = 0; i < sizeof(look) / sizeof(*look); i++) {
		print(s, look[i].v, look[i].is_float);
		ok(strcmp(s, look[i].s) == 0, "%s is printed %s", look[i].s,
		    s);
	}
}

int
main(void)
{
	round_trips();
	parses();
	words();
	looks();
	return done();
}
