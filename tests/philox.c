/* Philox 4x32-10 against the known answers that its authors publish. */
#include <string.h>

#include "philox.h"
#include "tap.h"

static const struct {
	uint32_t ctr[4], key[2], out[4];
} known[] = {
	{ { 0, 0, 0, 0 }, { 0, 0 },
	    { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
	{ { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
	    { 0xffffffff, 0xffffffff },
	    { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
	{ { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
	    { 0xa4093822, 0x299f31d0 },
	    { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

int
main(void)
{
	uint32_t out[4];
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		nf_philox(known[i].key, known[i].ctr, out);
		ok(memcmp(out, known[i].out, sizeof(out)) == 0,
		    "known answer %zu", i);
	}
	nf_philox((uint32_t[]){ 2, 1 }, (uint32_t[]){ 4, 3, 5,
	    NF_FOR_COLUMNS }, out);
	ok(nf_philox_u64(0x100000002, NF_FOR_COLUMNS, 0x300000004, 5) ==
	    ((uint64_t)out[1] << 32 | out[0]),
	    "seed, purpose, index and draw have their places");
	return done();
}
