/* Pickles that somebody may hand over as a checkpoint: forged, damaged. */
#include <libdeflate.h>

#include "archive.h"
#include "philox.h"
#include "pickle.h"

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

int
main(void)
{
	begin();
	test_globals();
	test_opcodes();
	test_stack();
	test_tensors();
	test_many();
	test_nearly();
	return done();
}
