/* Archives of checkpoints: damaged, large, of many members. */
#include "archive.h"
#include "philox.h"
#include "zip.h"

/* Cut anywhere, it is no archive; no byte can change and be taken as good
 * but where nobody looks: dates, versions, padding. */
static void
test_damage(void)
{
	unsigned char *s, was;
	struct nf_model *good, *m;
	size_t n, k, cut = 0, other = 0;
	int i;

	s = slurp(GOOD, &n);
	must(take(GOOD, &good) - 1, &err);
	for (k = 0; k < n; k += k + 600 < n ? 11 : 1) {
		spill(s, k);
		cut += !taken(bad);
		other++;
	}
	ok(cut == other, "%zu lengths, none taken", other);
	for (other = cut = 0, i = 0; i < 3000; i++) {
		k = nf_philox_u64(1, 0, (uint64_t)i, 0) % n;
		was = s[k];
		s[k] ^= (unsigned char)(1 << i % 8);
		spill(s, n);
		s[k] = was;
		if (!take(bad, &m)) {
			cut++;
			continue;
		}
		other += memcmp(m->flow->param, good->flow->param,
		    good->flow->nall * sizeof(float)) != 0;
		nf_model_free(m);
	}
	ok(other == 0, "3000 flipped bits, %zu refused, no other flow", cut);
	nf_model_free(good);
	nf_free(s);
}

/* Change k bytes at p for a moment. */
static void
patched(unsigned char *s, size_t n, unsigned char *p, uint64_t x, int k,
    const char *want)
{
	uint64_t was = get(p, k);

	put(p, x, k);
	changed(s, n, want);
	put(p, was, k);
}

static void
test_archive(void)
{
	unsigned char *s, *pkl, *zero, *one;
	size_t n;

	s = slurp(GOOD, &n);
	pkl = entry(s, n, "data.pkl");
	zero = entry(s, n, "/data/0");
	one = entry(s, n, "/data/1");
	patched(s, n, pkl + 10, 8, 2, "data.pkl is compressed, want it as "
	    "PyTorch stores it: unpack the archive and pack it with zip -0");
	patched(s, n, zero + 8, 1, 2, "/data/0 is encrypted");
	patched(s, n, pkl + 24, 0xfffffff0, 4, "a member's size is damaged");
	put(pkl + 20, get(pkl + 20, 4) + 100, 4);
	patched(s, n, pkl + 24, get(pkl + 20, 4), 4, "overlap");
	put(pkl + 20, get(pkl + 24, 4), 4);
	patched(s, n, one + 42, get(zero + 42, 4), 4, "two of its members "
	    "overlap");
	patched(s, n, one + 42, get(zero + 42, 4) + 4, 4, "overlap");
	patched(s, n, one + 46 + get(one + 28, 2) - 1, '0', 1, "one name");
	patched(s, n, one + 46 + get(one + 28, 2) - 1, 'x', 1, "its numbers "
	    "are not in the archive");
	patched(s, n, one + 16, 0, 4, "its checksum differs: it is damaged, "
	    "or was saved without checksums");
	/* PyTorch always writes the ZIP64 end, 98 bytes before the last. */
	patched(s, n, s + n - 66, 1 << 21, 4, "the list of its members does "
	    "not fit");
	patched(s, n, s + n - 66, get(s + n - 66, 4) + 1, 4, "the list of "
	    "its members is damaged");
	patched(s, n, s + n - 50, 0xfffffff0, 4, "does not fit");
	patched(s, n, s + n - 58, 0xfffffff0, 4, "does not fit");
	patched(s, n, s + n - 98, 0, 4, "its ZIP64 end is none");
	patched(s, n, s + n - 34, n, 4, "its ZIP64 end stands nowhere");
	patched(s, n, s + n - 2, 7, 2, "a ZIP archive's end is missing");
	patched(s, n, s + get(zero + 42, 4), 0, 4, "its header is damaged");
	patched(s, n, s + get(zero + 42, 4) + 28, 65535, 2, "its header is "
	    "damaged");
	patched(s, n, pkl + 46 + get(pkl + 28, 2) - 1, 'x', 1,
	    "no data.pkl in it");
	changed((const unsigned char *)"\200\2\212\12l\374", 6,
	    "PyTorch's format before 1.6, load it and save it again");
	changed((const unsigned char *)"PK", 2, "end is missing");
	changed(s, 0, "end is missing");
	nf_free(s);
}

#define HOLE	(5ull << 30)

/* The good one behind a hole, so that its offsets need ZIP64. */
static void
test_large(void)
{
	unsigned char *s, *e, *out, *o;
	size_t n, count, i, k;
	uint64_t at;

	s = slurp(GOOD, &n);
	e = s + get(s + n - 6, 4);
	count = get(s + n - 12, 2);
	out = o = room(2 * n, 1);
	at = HOLE + (size_t)(e - s);
	for (i = 0; i < count; i++, e += 46 + k + get(e + 30, 2)) {
		k = get(e + 28, 2);
		memcpy(o, e, 46 + k);
		put(o + 30, 12, 2);
		put(o + 42, 0xffffffff, 4);
		put(o + 46 + k, 1, 2);
		put(o + 48 + k, 8, 2);
		put(o + 50 + k, HOLE + get(e + 42, 4), 8);
		o += 58 + k;
	}
	n = (size_t)(o - out);
	memcpy(o, "PK\6\6\54", 5);
	put(o + 32, count, 8);
	put(o + 40, n, 8);
	put(o + 48, at, 8);
	memcpy(o + 56, "PK\6\7", 4);
	put(o + 64, at + n, 8);
	memcpy(o + 76, "PK\5\6", 4);
	memset(o + 84, 0xff, 12);
	ok(ftruncate(bad_fd, 0) == 0 &&
	    pwrite(bad_fd, s, at - HOLE, HOLE) == (ssize_t)(at - HOLE) &&
	    pwrite(bad_fd, out, n + 98, (off_t)at) == (ssize_t)n + 98,
	    "a file with a hole of 5 GiB");
	ok(taken(bad), "members beyond 4 GiB %s", err.msg);
	nf_free(out);
	nf_free(s);
}

/* More members than 16 bits count, written and read. */
static void
test_many_members(void)
{
	struct nf_zip_writer *w;
	const struct nf_zip_member *m;
	struct nf_zip *z;
	char name[16], x[16], path[] = "/tmp/nf-import-XXXXXX";
	int i, good = 1;

	close(mkstemp(path));
	must(nf_zip_writer_open(&w, path, &err), &err);
	for (i = 0; i < 70000; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		must(nf_zip_writer_put(w, name, "<", 1, name, strlen(name),
		    &err), &err);
	}
	must(nf_zip_writer_end(w, &err), &err);
	nf_zip_writer_close(w);
	must(nf_zip_open(&z, path, &err), &err);
	unlink(path);
	for (i = 0; i < 70000; i += 6999) {
		snprintf(name, sizeof(name), "m%d", i);
		m = nf_zip_find(z, name, strlen(name));
		memset(x, 0, sizeof(x));
		good &= m != NULL && m->size == strlen(name) + 1 &&
		    nf_zip_read(z, m, x, &err) == 0 && x[0] == '<' &&
		    strcmp(x + 1, name) == 0;
	}
	ok(good && nf_zip_find(z, "m70000", 6) == NULL, "70000 members");
	nf_zip_close(z);
}

int
main(void)
{
	begin();
	test_archive();
	test_damage();
	test_large();
	test_many_members();
	return done();
}
