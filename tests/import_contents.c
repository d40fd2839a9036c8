/* Good archives of what is no flow, or of one with wrong numbers. */
#include <libdeflate.h>

#include "archive.h"

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

int
main(void)
{
	begin();
	test_contents();
	test_numbers();
	return done();
}
