/*
 * Checkpoints of PyTorch: one that it wrote (tests/data/README.md), and what
 * somebody may hand over instead: forged pickles, damaged archives.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

#include "flows.h"
#include "golden.h"
#include "import.h"
#include "philox.h"
#include "pickle.h"
#include "zip.h"

#define GOOD	"tests/data/flashsim_tiny.pt"
#define SECONDS	900			/* all of this, on any machine */

static struct nf_err err;
static char bad[64];			/* a damaged file, in memory */
static int bad_fd;

/* ---- pickles ---------------------------------------------------------- */

/* Read n bytes as a pickle; its message, or "" where it is taken. */
static const char *
pickle(const void *s, size_t n)
{
	unsigned char *copy = room(n, 1);
	struct nf_pickle *p;

	err.msg[0] = '\0';
	memcpy(copy, s, n);
	if (nf_pickle_read(&p, copy, n, &err) == 0)
		nf_pickle_free(p);
	return err.msg;
}

#define REFUSED(s, want) refused(s, sizeof(s) - 1, want)
static void
refused(const char *s, size_t n, const char *want)
{
	const char *got = pickle(s, n);

	if (!ok(strcmp(got, want) == 0, "%s", want))
		printf("# got: %s\n", got);
}

static void
test_globals(void)
{
	REFUSED("\200\2cos\nsystem\nX\4\0\0\0true\205R.",
	    "byte 2: the global os.system, want tensors and plain values "
	    "alone: save those, as with state_dict()");
	REFUSED("\200\2cbuiltins\neval\n.",
	    "byte 2: the global builtins.eval, want tensors and plain values "
	    "alone: save those, as with state_dict()");
	REFUSED("\200\2ctorch\nFloatStorage\033[2J\n.",
	    "byte 2: the global torch.FloatStorage?[2J, want tensors and "
	    "plain values alone: save those, as with state_dict()");
	REFUSED("\200\2ctorch._utils\n_rebuild_tensor_v2\n)R.",
	    "byte 36: a tensor without a storage or a shape");
	REFUSED("\200\2ctorch\nFloatStorage\n)R.",
	    "byte 23: a call of what cannot be called");
	REFUSED("\200\2X\2\0\0\0os)R.",
	    "byte 10: a call of what cannot be called");
	REFUSED("\200\2ccollections\nOrderedDict\n]\205R.",
	    "byte 29: an OrderedDict with arguments");
	REFUSED("\200\2ctorch._utils\n_rebuild_parameter\nN\205R.",
	    "byte 37: a parameter that is no tensor");
	REFUSED("\200\2cos\nsystem", "byte 2: a global without a name");
	REFUSED("\200\2]}b.", "byte 4: attributes of what has none");
}

static void
test_opcodes(void)
{
	static const char *const op[] = { "i", "o", "\201", "\223", "\222",
		"P", "\202", "\203", "I", "L", "S", "F", "V", "\213", "U",
		"T", "B", "C", "\217", "\224", "\225", "0", "1", "2" };
	char s[4] = "\200\2", want[96];
	size_t i;

	for (i = 0; i < sizeof(op) / sizeof(op[0]); i++) {
		s[2] = op[i][0];
		snprintf(want, sizeof(want), "byte 2: opcode 0x%02x, which "
		    "tensors and plain values do not need",
		    (unsigned char)op[i][0]);
		refused(s, 3, want);
	}
	REFUSED("\200\4N.", "byte 0: protocol 4, want 2: save it without "
	    "pickle_protocol");
}

static void
test_stack(void)
{
	REFUSED("", "byte 0: the pickle ends in the middle");
	REFUSED("\200\2", "byte 2: the pickle ends in the middle");
	REFUSED("\200\2.", "byte 2: the pickle ends, but not with one value");
	REFUSED("\200\2NN.", "byte 4: the pickle ends, but not with one "
	    "value");
	REFUSED("\200\2(.", "byte 3: the pickle ends, but not with one "
	    "value");
	REFUSED("\200\2N.N", "byte 3: bytes behind the pickle's end");
	REFUSED("\200\2t", "byte 2: no mark on the stack");
	REFUSED("\200\2N\206", "byte 3: nothing on the stack");
	REFUSED("\200\2N(N\206", "byte 5: nothing on the stack");
	REFUSED("\200\2(NNs", "byte 5: nothing on the stack");
	REFUSED("\200\2}(N(Ns", "byte 7: nothing on the stack");
	REFUSED("\200\2(Na", "byte 4: nothing on the stack");
	REFUSED("\200\2(e", "byte 3: nothing on the stack");
	REFUSED("\200\2((e", "byte 4: a mark, want a list to add to");
	REFUSED("\200\2NNa", "byte 4: None, want a list to add to");
	REFUSED("\200\2](NNu", "byte 6: a list, want a dict to add to");
	REFUSED("\200\2}(Nu", "byte 5: a key without a value");
	REFUSED("\200\2(R", "byte 3: nothing on the stack");
	REFUSED("\200\2Q", "byte 2: nothing on the stack");
	REFUSED("\200\2NQ", "byte 3: a storage without a name");
	REFUSED("\200\2h\0", "byte 2: number 0 of the memo, which holds 0");
	REFUSED("\200\2Nq\1", "byte 3: number 1 of the memo, which holds 0");
	REFUSED("\200\2Nr\377\377\377\377",
	    "byte 3: number 4294967295 of the memo, which holds 0");
	REFUSED("\200\2q\0", "byte 2: nothing on the stack");
	REFUSED("\200\2X\377\377\377\377aa",
	    "byte 2: the pickle ends in the middle");
	REFUSED("\200\2\212\11" "123456789",
	    "byte 2: an integer of 9 bytes, want at most 8");
}

/* A tensor of storage 0, n numbers, from offset on; ops of its shape. */
#define TENSOR(n, offset, size, stride) "\200\2ctorch._utils\n" \
	"_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n" \
	"X\1\0\0\0" "0X\3\0\0\0cpu" n "tQ" offset size stride \
	"\211ccollections\nOrderedDict\n)RtR."

static void
test_tensors(void)
{
	static const char leaves[] =
	    "byte 128: a tensor that leaves its storage of 6 numbers";
	const char *got;

	got = pickle(TENSOR("K\6", "K\0", "K\2K\3\206", "K\3K\1\206"),
	    sizeof(TENSOR("K\6", "K\0", "K\2K\3\206", "K\3K\1\206")) - 1);
	ok(*got == '\0', "a tensor of 2 x 3 numbers %s", got);
	REFUSED(TENSOR("K\6", "K\1", "K\2K\3\206", "K\3K\1\206"), leaves);
	REFUSED(TENSOR("K\6", "K\0", "K\2K\3\206", "K\4K\1\206"), leaves);
	REFUSED(TENSOR("K\6", "K\0", "K\2\205", "K\6\205"),
	    "byte 124: a tensor that leaves its storage of 6 numbers");
	REFUSED(TENSOR("K\6", "J\377\377\377\377", "K\2\205", "K\1\205"),
	    "byte 127: a tensor that leaves its storage of 6 numbers");
	REFUSED(TENSOR("K\6", "K\0", "J\377\377\377\377\205", "K\1\205"),
	    "byte 127: a tensor whose size is no number of 0 or more");
	REFUSED(TENSOR("K\6", "K\0", "K\1\205", "J\377\377\377\377\205"),
	    "byte 127: a tensor whose stride is no number of 0 or more");
	REFUSED(TENSOR("K\6", "K\0", "\212\10\0\0\0\0\0\0\0\100\205",
	    "K\10\205"),
	    "byte 132: a tensor that leaves its storage of 6 numbers");
	REFUSED(TENSOR("K\6", "K\0", "(K\1K\1K\1K\1K\1t",
	    "(K\1K\1K\1K\1K\1t"),
	    "byte 142: a tensor of 5 dimensions, want at most 4");
	REFUSED(TENSOR("K\6", "K\0", "K\1\205", "K\1K\1\206"),
	    "byte 126: a tensor without a storage or a shape");
	REFUSED(TENSOR("J\377\377\377\377", "K\0", "K\1\205", "K\1\205"),
	    "byte 89: a storage of -1 numbers");
	REFUSED(TENSOR("\212\10\377\377\377\377\377\377\377\177", "K\0",
	    "K\1\205", "K\1\205"),
	    "byte 94: a storage of 9223372036854775807 numbers");
	REFUSED(TENSOR("N", "K\0", "K\1\205", "K\1\205"),
	    "byte 85: a storage that is none");
}

/* Many of one opcode: bounded in memory, and not by a call a level. */
static void
test_many(void)
{
	size_t n = 5u << 20, i;
	char *s = room(n, 1);

	memset(s, '(', n);
	pickle(s, n);
	ok(strstr(err.msg, "values in one place") != NULL, "%s", err.msg);
	memset(s, ']', n);
	pickle(s, n);
	ok(strstr(err.msg, "more than 4194304 values") != NULL, "%s",
	    err.msg);
	memset(s, '\205', n);
	s[0] = 'N';
	pickle(s, n);
	ok(strstr(err.msg, "more than 4194304 values") != NULL, "%s",
	    err.msg);
	/* A list that holds itself, over and over. */
	memcpy(s, "]q\0", 3);
	for (i = 3; i + 3 <= n; i += 3)
		memcpy(s + i, "h\0a", 3);
	s[i] = '.';
	ok(*pickle(s, i + 1) == '\0', "a list that holds itself %s",
	    err.msg);
	nf_free(s);
}

/* ---- archives --------------------------------------------------------- */

static unsigned char *
slurp(const char *path, size_t *n)
{
	struct stat st;
	unsigned char *s;
	int fd = open(path, O_RDONLY);

	if (fd == -1 || fstat(fd, &st) == -1) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
	s = room((size_t)st.st_size, 1);
	must(nf_read_full(fd, s, (size_t)st.st_size, n, path, &err), &err);
	close(fd);
	return s;
}

static void
spill(const void *s, size_t n)
{
	if (ftruncate(bad_fd, 0) == -1 ||
	    pwrite(bad_fd, s, n, 0) != (ssize_t)n)
		ok(false, "a file in memory");
}

/* Import path: 1 taken, 0 refused as bad input, with a line. */
static int
take(const char *path, struct nf_model **m)
{
	struct nf_import how = { 0 };
	struct nf_list notes = { 0, NULL };
	int rc;

	err.msg[0] = '\0';
	rc = nf_import(m, path, &how, &notes, &err);
	nf_list_free(&notes);
	if (rc == -1 && err.code != NF_EDATA)
		ok(false, "refused as bad input: %s", err.msg);
	return rc == 0;
}

static int
taken(const char *path)
{
	struct nf_model *m;

	if (!take(path, &m))
		return 0;
	nf_model_free(m);
	return 1;
}

static int
says(const char *want)
{
	if (strstr(err.msg, want) != NULL)
		return ok(true, "%s", err.msg);
	return ok(false, "%s: %s", want, err.msg);
}

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

/* ---- the good archive, changed ----------------------------------------- */

static uint64_t
get(const unsigned char *s, int n)
{
	uint64_t x = 0;

	while (n-- > 0)
		x = x << 8 | s[n];
	return x;
}

static void
put(unsigned char *s, uint64_t x, int n)
{
	for (; n-- > 0; x >>= 8)
		*s++ = (unsigned char)x;
}

/* The directory's entry whose name ends so, in the archive s. */
static unsigned char *
entry(unsigned char *s, size_t n, const char *end)
{
	unsigned char *e = s + get(s + n - 6, 4);
	size_t len = strlen(end), k;

	for (; memcmp(e, "PK\1\2", 4) == 0; e += 46 + k + get(e + 30, 2) +
	    get(e + 32, 2)) {
		k = get(e + 28, 2);
		if (k >= len && memcmp(e + 46 + k - len, end, len) == 0)
			return e;
	}
	printf("Bail out! no %s\n", end);
	exit(1);
}

/* Where the bytes of an entry's member begin. */
static unsigned char *
bytes(unsigned char *s, const unsigned char *e)
{
	unsigned char *local = s + get(e + 42, 4);

	return local + 30 + get(local + 26, 2) + get(local + 28, 2);
}

static void
changed(const unsigned char *s, size_t n, const char *want)
{
	spill(s, n);
	ok(!taken(bad), "refused");
	says(want);
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

/* Pickles that nearly are one: any answer will do, but soon and no crash. */
static void
test_nearly(void)
{
	unsigned char *s, *pkl, *p, *was;
	size_t n, len, k;
	uint64_t r;
	int i, j, good = 0;

	s = slurp(GOOD, &n);
	pkl = entry(s, n, "data.pkl");
	p = bytes(s, pkl);
	len = get(pkl + 24, 4);
	was = room(len, 1);
	memcpy(was, p, len);
	for (i = 0; i < 4000; i++) {
		for (j = 0; j <= i % 3; j++) {
			r = nf_philox_u64(2, 0, (uint64_t)i, (uint32_t)j);
			k = r % len;
			p[k] = i % 2 == 0 ? (unsigned char)(r >> 56) :
			    was[(r >> 32) % len];
		}
		if (i % 8 != 0)
			good += *pickle(p, len) == '\0';
		else {			/* and the rest of the way */
			put(pkl + 16, libdeflate_crc32(0, p, len), 4);
			spill(s, n);
			good += taken(bad);
		}
		memcpy(p, was, len);
	}
	ok(true, "4000 pickles, %d taken", good);
	for (k = 0; k < len; k++)
		if (*pickle(p, k) == '\0')
			break;
	ok(k == len, "a pickle cut anywhere is refused");
	nf_free(was);
	nf_free(s);
}

/* Replace a text of the pickle by one as long. */
static void
replaced(const char *from, const char *to, const char *want)
{
	unsigned char *s, *pkl, *p, *at;
	size_t n, len;

	s = slurp(GOOD, &n);
	pkl = entry(s, n, "data.pkl");
	p = bytes(s, pkl);
	len = get(pkl + 24, 4);
	at = memmem(p, len, from, strlen(from));
	if (at == NULL) {
		printf("Bail out! no %s\n", from);
		exit(1);
	}
	memcpy(at, to, strlen(to));
	put(pkl + 16, libdeflate_crc32(0, p, len), 4);
	if (want != NULL)
		changed(s, n, want);
	else {
		spill(s, n);
		ok(taken(bad), "%s: taken %s", to, err.msg);
	}
	nf_free(s);
}

static void
test_contents(void)
{
	replaced("0._permutation", "0.xpermutation", "not a flow as FlashSim "
	    "builds it");
	replaced("model_state_dict", "xodel_state_dict", "not a flow as "
	    "FlashSim builds it");
	replaced("1.bias", "1.bios", "no tensor _transform._transforms.0."
	    "_transforms.0._transforms.1.bias");
	replaced("upper_entries", "lower_entries", "stands there twice");
	replaced("num_batches_tracked", "num_batches_trackxx", "no such "
	    "tensor in a flow as FlashSim builds it");
	replaced("rq-coupling", "rq-couplinx", "base_transform_type is "
	    "'rq-couplinx', want 'rq-coupling'");
	replaced("relu", "selu", "activation is 'selu', want 'relu', 'elu' "
	    "or 'leaky_relu'");
	replaced("exp_avg_sq", "exp_avg_xx", "missing, want Adam's");
	replaced("paramsr", "paramxr", "not of 40 parameters in one group");
	replaced("train_history", "train_historx", NULL);
	replaced("model_hyperparams", "model_hyperparamx", NULL);
	replaced("optimizer_state_dict", "optimizer_state_dicx", NULL);
	replaced("identity_features", "identity_featurex", "no tensor");
	replaced("linear_layers.0.weight", "linear_layers.9.weight",
	    "no such tensor");
}

/* Other numbers in a storage, with the right checksum. */
static void
other_numbers(const char *storage, size_t at, uint64_t x, int n,
    const char *want)
{
	unsigned char *s, *e;
	size_t size;

	s = slurp(GOOD, &size);
	e = entry(s, size, storage);
	put(bytes(s, e) + at, x, n);
	put(e + 16, libdeflate_crc32(0, bytes(s, e), get(e + 24, 4)), 4);
	changed(s, size, want);
	nf_free(s);
}

static void
test_numbers(void)
{
	other_numbers("/data/0", 8, 7, 8, "permutation: element 1 is -1");
	other_numbers("/data/0", 8, 2, 8, "permutation: element 1 is 2");
	other_numbers("/data/0", 8, UINT64_MAX, 8,
	    "permutation: element 1 is -1");
	other_numbers("/data/1", 0, 0x7fc00000, 4,
	    "step_00/lu/bias: element 0 is nan");
	other_numbers("/data/1", 8, 0xff800000, 4,
	    "step_00/lu/bias: element 2 is -inf");
	other_numbers("/data/5", 0, 2, 8, "identity_features: feature 0 is 2, "
	    "want 1: a mask that alternates");
}

/* ---- a large archive -------------------------------------------------- */

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

/* ---- what PyTorch wrote ----------------------------------------------- */

/* Rows and log densities of the golden vectors. */
static void
test_density(const struct nf_flow *f)
{
	static const double logp[] = { -7.031569617075, -6.832069625769,
		-7.162323494822, -8.243517113416 };
	nf_real x[4 * 3], context[4 * 2], z[4 * 3];
	struct nf_dev *d = open_device(1);
	double got[4];
	int i, j;

	for (i = 0; i < 4; i++) {
		for (j = 0; j < 3; j++)
			x[i * 3 + j] = (nf_real)(1.5 * sin(0.9 * i + 1.1 * j +
			    0.5));
		for (j = 0; j < 2; j++)
			context[i * 2 + j] = (nf_real)cos(0.6 * i - 0.8 * j);
	}
	density(d, f, 4, x, context, z, got);
	for (i = 0; i < 4; i++)
		near(got[i], logp[i], 1.2e-5, "log p of row %d", i);
	nf_dev_close(d);
}

/* Moments of equal gradients: m = (1 - b1^n) g, v = (1 - b2^n) g^2. */
static void
test_moments(const struct nf_model *m)
{
	static const double bias[] = { -1.042257533803, 0.681786360483,
		-0.103417687871 };
	static const double last[] = { 0.591181899292, 0.172619542650,
		0.218739777884 };
	const struct nf_train_state *st = &m->state;
	size_t a = m->flow->step[0].lu.bias, b = m->flow->step[2].lu.bias;
	double rise = 1 - pow(0.9, 12), square = 1 - pow(0.999, 12);
	int j;

	ok(m->has_train && st->step == 12 && st->epoch == 3 &&
	    st->batch == 0, "12 steps in 3 epochs");
	for (j = 0; j < 3; j++) {
		near((double)st->adam_m[a + (size_t)j], rise * bias[j], 4e-6,
		    "first moment %d", j);
		near((double)st->adam_v[b + (size_t)j], square * last[j] *
		    last[j], 1e-6, "second moment %d", j);
	}
}

static void
test_golden(void)
{
	struct nf_shape s;
	struct nf_flow *f;
	struct nf_model *m;
	const double *row;
	double most = 0;
	size_t k;

	golden_shape(&s);
	f = flow_of(&s);
	golden_init(f);
	must(take(GOOD, &m) - 1, &err);
	ok(m->flow->ntensor == 48 && memcmp(&m->flow->shape, &s,
	    sizeof(s)) == 0, "the golden flow's shape");
	ok(memcmp(m->flow->perm, f->perm, 9 * sizeof(*f->perm)) == 0,
	    "its permutations");
	for (k = 0; k < f->nall; k++)
		most = fmax(most, fabs((double)(m->flow->param[k] -
		    f->param[k])));
	near(most, 0, 1.2e-7, "its numbers");
	test_density(m->flow);
	test_moments(m);
	ok(m->history.nrow == 3, "three epochs");
	row = m->history.row[2];
	near(row[NF_HISTORY_EPOCH], 3, 0, "the third");
	near(row[NF_HISTORY_STEP], 12, 0, "after 12 steps");
	near(row[NF_HISTORY_TRAIN_NLL], 7.295236807084828, 4e-6, "loss");
	near(row[NF_HISTORY_VALID_NLL], 7.317370000748, 4e-6, "validation");
	near(row[NF_HISTORY_LR], 1e-3 * (1 + cos(0.2 * M_PI)) / 2, 1e-9,
	    "learning rate");
	ok(m->context.n == 2 && strcmp(m->context.s[1], "y1") == 0 &&
	    m->target.n == 3 && strcmp(m->target.s[2], "x2") == 0,
	    "columns without names are y0, .. and x0, ..");
	nf_model_free(m);
	nf_flow_free(f);
}

int
main(void)
{
	bad_fd = memfd_create("damaged", 0);
	snprintf(bad, sizeof(bad), "/proc/self/fd/%d", bad_fd);
	alarm(SECONDS);
	test_globals();
	test_opcodes();
	test_stack();
	test_tensors();
	test_many();
	test_golden();
	test_archive();
	test_contents();
	test_numbers();
	test_damage();
	test_nearly();
	test_large();
	test_many_members();
	return done();
}
