/*
 * forge TAG FLAGS ROWS PAYLOAD [BYTES]: one block of a tensor stream whose
 * checksum is right, whatever else it says.  PAYLOAD is "" or t:TEXT (printf's
 * escapes), f:NUMBERS (float32), d:NUMBERS (float64), z:N (N zero bytes), or
 * one of these after "zstd:", or @FILE that holds what follows t:.  BYTES is
 * what is claimed of its size.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

static unsigned char block[24 + (80 << 20)], *const payload = block + 24;

static size_t
text(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (*s != '\\')
			payload[n++] = (unsigned char)*s;
		else if (*++s == 'n')
			payload[n++] = '\n';
		else if (*s == 'x') {
			char hex[3] = { s[1], s[2], '\0' };

			payload[n++] = (unsigned char)strtoul(hex, NULL, 16);
			s += 2;
		} else
			payload[n++] = (unsigned char)*s;
	}
	return n;
}

static size_t
text_file(const char *path)
{
	static char s[8 << 20];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		exit(2);
	s[fread(s, 1, sizeof(s) - 1, f)] = '\0';
	fclose(f);
	return text(s);
}

static size_t
numbers(const char *s, size_t size)
{
	size_t n = 0;
	double d;
	float f;
	char *end;

	for (; *s != '\0'; s = end + (*end == ',')) {
		d = strtod(s, &end);
		f = (float)d;
		memcpy(payload + n, size == 4 ? (void *)&f : &d, size);
		n += size;
	}
	return n;
}

static size_t
fill(const char *s)
{
	static unsigned char plain[80 << 20];
	size_t n;

	if (strncmp(s, "zstd:", 5) == 0) {
		n = fill(s + 5);
		memcpy(plain, payload, n);
		return ZSTD_compress(payload, 80 << 20, plain, n, 1);
	}
	if (strncmp(s, "z:", 2) == 0) {
		n = strtoull(s + 2, NULL, 0);
		memset(payload, 0, n);
		return n;
	}
	if (strncmp(s, "t:", 2) == 0)
		return text(s + 2);
	if (*s == '@')
		return text_file(s + 1);
	return *s == '\0' ? 0 : numbers(s + 2, *s == 'f' ? 4 : 8);
}

static void
put(unsigned char *p, uint64_t v, int n)
{
	for (; n > 0; n--, v >>= 8)
		*p++ = (unsigned char)v;
}

int
main(int argc, char *argv[])
{
	unsigned char sum[8];
	size_t n;

	if (argc < 5 || strlen(argv[1]) != 4)
		return 2;
	n = fill(argv[4]);
	memcpy(block, argv[1], 4);
	put(block + 4, strtoull(argv[2], NULL, 0), 4);
	put(block + 8, strtoull(argv[3], NULL, 0), 8);
	put(block + 16, argc > 5 ? strtoull(argv[5], NULL, 0) : n, 8);
	put(sum, XXH3_64bits(block, 24 + n), 8);
	fwrite(block, 1, 24, stdout);
	fwrite(sum, 1, 8, stdout);
	fwrite(payload, 1, n, stdout);
	return fflush(stdout) != 0;
}
