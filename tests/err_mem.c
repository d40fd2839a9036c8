/* lib/err.c and lib/mem.c: messages that fit, memory that is checked. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "tap.h"

static void
test_fail(void)
{
	struct nf_err err;
	char longer[3000];

	ok(nf_fail(&err, NF_EDATA, "%s: %d", "x", 3) == -1, "nf_fail is -1");
	ok(err.code == NF_EDATA, "nf_fail keeps the code");
	ok(strcmp(err.msg, "x: 3") == 0, "nf_fail formats");
	ok(nf_fail(NULL, NF_ESYS, "x") == -1, "nobody need listen");

	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	nf_fail(&err, NF_ESYS, "%s", longer);
	ok(strlen(err.msg) == sizeof(err.msg) - 1, "a long message is cut");
}

static void
test_fail_in(void)
{
	struct nf_err err;
	char longer[3000];

	nf_fail(&err, NF_EUSE, "no column pt");
	ok(nf_fail_in(&err, "%s:%d", "f", 7) == -1, "nf_fail_in is -1");
	ok(strcmp(err.msg, "f:7: no column pt") == 0, "it goes before");
	ok(err.code == NF_EUSE, "it leaves the code");
	ok(nf_fail_in(NULL, "x") == -1, "nobody need listen to it");

	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	nf_fail(&err, NF_ESYS, "%s", longer);
	nf_fail_in(&err, "here");
	ok(strncmp(err.msg, "here: yyy", 9) == 0 &&
	    strlen(err.msg) == sizeof(err.msg) - 1, "a full one is cut");
	nf_fail(&err, NF_ESYS, "the end");
	nf_fail_in(&err, "%s", longer);
	ok(strstr(err.msg, "y: the end") != NULL,
	    "a long prefix leaves room for the message");
}

static void
test_alloc(void)
{
	static const size_t huge[][2] = {
		{ SIZE_MAX, 2 }, { SIZE_MAX / 2, 3 }, { SIZE_MAX / 2 + 1, 1 },
		{ SIZE_MAX, SIZE_MAX }, { (size_t)1 << 32, (size_t)1 << 32 },
	};
	struct nf_err err;
	unsigned char *p;
	size_t n, k, sum;

	for (n = 0; n < 200; n += 33) {
		p = nf_alloc(n, 3, "test", &err);
		for (k = 0, sum = 0; p != NULL && k < 3 * n; k++)
			sum += p[k];
		ok(p != NULL && (uintptr_t)p % 64 == 0 && sum == 0,
		    "%zu x 3 bytes, aligned and zero", n);
		nf_free(p);
	}
	for (k = 0; k < sizeof(huge) / sizeof(huge[0]); k++) {
		err.code = NF_EUSE;
		p = nf_alloc(huge[k][0], huge[k][1], "rows", &err);
		ok(p == NULL && err.code == NF_ESYS &&
		    strstr(err.msg, "rows") != NULL,
		    "%zx x %zx bytes are refused", huge[k][0], huge[k][1]);
		nf_free(p);
	}
	ok(nf_alloc(SIZE_MAX, 2, "rows", NULL) == NULL, "without err too");
	nf_free(NULL);
}

/* What was used before, and given back, is as clean as what was not. */
static void
test_large(void)
{
	static const size_t size[] = { 1 << 20, (1 << 20) - 64,
		(1 << 20) + 1, 3000001, 4 << 20, (5 << 20) + 77, 33 << 20 };
	unsigned char *p;
	size_t i, k, bad;
	int again;

	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++)
		for (again = 0; again < 3; again++) {
			p = nf_alloc(size[i], 1, "test", NULL);
			for (k = 0, bad = 0; p != NULL && k < size[i]; k++)
				bad += p[k] != 0;
			ok(p != NULL && (uintptr_t)p % 64 == 0 && bad == 0,
			    "%zu bytes, aligned and zero", size[i]);
			if (p != NULL)
				memset(p, 0xa5, size[i]);
			nf_free(p);
		}
}

static void
test_strdup(void)
{
	struct nf_err err;
	char *s = nf_strdup("", &err), *t = nf_strdup("Jet_pt", &err);

	ok(s != NULL && *s == '\0', "nf_strdup of nothing");
	ok(t != NULL && strcmp(t, "Jet_pt") == 0, "nf_strdup");
	nf_free(s);
	nf_free(t);
}

static void
test_fault(void)
{
	struct nf_err err;
	void *p[3];
	int k;

	setenv("NF_FAULT", "alloc:2", 1);
	for (k = 0; k < 3; k++)
		p[k] = nf_alloc(1, 1, "fault", &err);
#ifdef NF_FAULTS
	ok(p[0] && !p[1] && p[2], "the second allocation fails, once");
	ok(err.code == NF_ESYS, "as the system's failure");
	setenv("NF_FAULT", "read:1", 1);
	ok(!nf_fault(NF_FAULT_WRITE) && nf_fault(NF_FAULT_READ),
	    "a fault hits its own site");
#else
	ok(p[0] && p[1] && p[2], "no faults in an ordinary build");
#endif
	for (k = 0; k < 3; k++)
		nf_free(p[k]);
	unsetenv("NF_FAULT");
}

int
main(void)
{
	test_fail();
	test_fail_in();
	test_alloc();
	test_large();
	test_strdup();
	test_fault();
	return done();
}
