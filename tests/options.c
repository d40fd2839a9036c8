/* What a flow and its training may choose: defaults, bounds, learning rate. */
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "tap.h"
#include "train.h"

static struct nf_err err;

static void
test_shape(void)
{
	static const struct {
		size_t at;
		int real;
		double v;
		const char *msg;
	} bad[] = {
#define COUNT(f, v, m) { offsetof(struct nf_shape, f), 0, v, m }
#define REAL(f, v, m) { offsetof(struct nf_shape, f), 1, v, m }
		COUNT(features, 1, "features is 1, want 2 to 4096"),
		COUNT(context, 65537, "context is 65537, want 0 to 65536"),
		COUNT(steps, 0, "steps is 0, want 1 to 1000"),
		COUNT(hidden, 0, "hidden is 0, want 1 to 65536"),
		COUNT(blocks, 1001, "blocks is 1001, want 0 to 1000"),
		COUNT(bins, 1, "bins is 1, want 2 to 1024"),
		COUNT(bins, 1000, "min_bin_width is 0.001, want 0 to less "
		    "than 1 / bins = 0.001"),
		COUNT(hidden, 65536, "parameters, want at most 4.29e+09: "
		    "fewer steps, hidden, blocks or bins"),
		COUNT(batch_norm, 2, "batch_norm is 2, want 0 or 1"),
		COUNT(activation, 3, "activation is number 3, want 0 to 2"),
		REAL(tail_bound, 0, "tail_bound is 0, want 0.001 to 1e+06"),
		REAL(tail_bound, NAN, "tail_bound is nan"),
		REAL(dropout, 1, "dropout is 1, want 0 to 0.99"),
		REAL(min_bin_width, -1, "min_bin_width is -1"),
		REAL(min_bin_height, 0.5, "min_bin_height is 0.5"),
		REAL(min_derivative, 1, "min_derivative is 1"),
	};
	struct nf_shape s;
	uint32_t v;
	size_t k;

	nf_shape_default(&s);
	ok(nf_shape_check(&s, &err) == -1, "features are not a default");
	s.features = 17;
	ok(nf_shape_check(&s, &err) == 0, "the default shape");
	for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		nf_shape_default(&s);
		s.features = 17;
		v = (uint32_t)bad[k].v;
		if (bad[k].real)
			memcpy((char *)&s + bad[k].at, &bad[k].v,
			    sizeof(double));
		else
			memcpy((char *)&s + bad[k].at, &v, sizeof(v));
		ok(nf_shape_check(&s, &err) == -1 && err.code == NF_EDATA &&
		    strstr(err.msg, bad[k].msg) != NULL, "%s", err.msg);
	}
}

static void
test_names(void)
{
	int k;

	for (k = 0; nf_act_name((enum nf_act)k) != NULL; k++)
		ok(nf_act_find(nf_act_name((enum nf_act)k)) == k, "%s",
		    nf_act_name((enum nf_act)k));
	ok(k == 3 && nf_act_find("tanh") == -1, "three activations");
	ok(strcmp(nf_schedule_name(NF_COSINE_RESTARTS), "cosine_restarts") ==
	    0 && nf_schedule_name(3) == NULL && nf_schedule_name(-1) == NULL,
	    "schedules");
	ok(strcmp(nf_precision_name(NF_BF16), "bf16") == 0 &&
	    nf_precision_name(3) == NULL, "precisions");
	ok(strcmp(nf_init_name(NF_INIT_NFLOWS), "nflows") == 0 &&
	    nf_init_name(2) == NULL, "initial weights");
	ok(strcmp(nf_perm_name(NF_PERM_REVERSE), "reverse") == 0 &&
	    nf_perm_name(2) == NULL, "permutations");
}

static void
test_rate(void)
{
	struct nf_train_opt o;
	uint32_t e;

	nf_train_default(&o);
	ok(o.schedule == NF_COSINE && o.epochs > 0 && o.batch > 0 &&
	    o.lr > 0, "defaults train");
	o.lr = 2;
	o.lr_min = 1;
	o.epochs = 100;
	near(nf_train_lr(&o, 0), 2, 0, "cosine: the start");
	near(nf_train_lr(&o, 50), 1.5, 1e-15, "cosine: half way");
	near(nf_train_lr(&o, 25), 1.5 + 0.5 * sqrt(0.5), 1e-15,
	    "cosine: a quarter");
	ok(nf_train_lr(&o, 99) > 1 && nf_train_lr(&o, 99) < 1.001,
	    "cosine: the last epoch");
	near(nf_train_lr(&o, 100), 1, 0, "cosine: past the end");
	near(nf_train_lr(&o, 4000000000u), 1, 0, "cosine: far past it");
	o.warmup = 4;
	for (e = 0; e < 4; e++)
		near(nf_train_lr(&o, e), 2 * (e + 1) / 5.0, 1e-15,
		    "warm-up: epoch %u", e);
	near(nf_train_lr(&o, 4), 2, 0, "warm-up: then the start");
	near(nf_train_lr(&o, 52), 1.5, 1e-15, "warm-up: half of the rest");
	o.schedule = NF_CONSTANT;
	near(nf_train_lr(&o, 77), 2, 0, "constant");
	o.schedule = NF_COSINE_RESTARTS;
	o.warmup = 0;
	o.restart = 10;
	o.restart_mult = 2;
	near(nf_train_lr(&o, 0), 2, 0, "restarts: the first");
	near(nf_train_lr(&o, 5), 1.5, 1e-15, "restarts: half of it");
	near(nf_train_lr(&o, 10), 2, 0, "restarts: the second");
	near(nf_train_lr(&o, 20), 1.5, 1e-15, "restarts: is twice as long");
	near(nf_train_lr(&o, 30), 2, 0, "restarts: the third");
	o.restart_mult = 1;
	near(nf_train_lr(&o, 4000000005u), 1.5, 1e-15, "restarts: all alike");
}

int
main(void)
{
	test_shape();
	test_names();
	test_rate();
	return done();
}
