/* cfgshow FILE|- [SET...]: what a configuration says, one line a key. */
#include <stdio.h>
#include <string.h>

#include "nfio.h"

static void
show(const struct nf_cfg *c)
{
	const struct nf_shape *f = &c->flow;
	const struct nf_train_opt *t = &c->train;
	uint32_t i;

	printf("context=%s\n", c->context == NULL ? "(none)" : c->context);
	printf("target=%s\n", c->target == NULL ? "(none)" : c->target);
	printf("weight=%s\n", c->weight == NULL ? "(none)" : c->weight);
	printf("valid_fraction=%g\n", c->valid_fraction);
	for (i = 0; i < c->prep.n; i++)
		printf("prep=%s [%s]\n", c->prep.s[i], c->prep_where.s[i]);
	printf("steps=%u\nhidden=%u\nblocks=%u\nbins=%u\n", f->steps,
	    f->hidden, f->blocks, f->bins);
	printf("tail_bound=%g\nactivation=%s\nbatch_norm=%d\ndropout=%g\n",
	    f->tail_bound, nf_act_name(f->activation), f->batch_norm,
	    f->dropout);
	printf("min_bin_width=%g\nmin_bin_height=%g\nmin_derivative=%g\n",
	    f->min_bin_width, f->min_bin_height, f->min_derivative);
	printf("init=%s\npermutation=%s\n", nf_init_name((int)t->init),
	    nf_perm_name((int)t->permutation));
	printf("epochs=%u\nbatch=%u\nlr=%g\nlr_min=%g\nschedule=%s\n",
	    t->epochs, t->batch, t->lr, t->lr_min,
	    nf_schedule_name((int)t->schedule));
	printf("warmup=%u\nrestart=%u\nrestart_mult=%g\n", t->warmup,
	    t->restart, t->restart_mult);
	printf("beta1=%g\nbeta2=%g\neps=%g\nclip_norm=%g\n", t->beta1,
	    t->beta2, t->eps, t->clip_norm);
	printf("patience=%u\nmax_skipped=%u\nseed=%llu\nprecision=%s\n",
	    t->patience, t->max_skipped, (unsigned long long)t->seed,
	    nf_precision_name((int)t->precision));
}

int
main(int argc, char *argv[])
{
	struct nf_cfg *c, *again;
	struct nf_err err;

	if (argc < 2)
		return 99;
	if (nf_cfg_read(&c, strcmp(argv[1], "-") == 0 ? NULL : argv[1],
	    (const char *const *)argv + 2, (uint32_t)argc - 2, &err) == -1) {
		fprintf(stderr, "%s\n", err.msg);
		return (int)err.code;
	}
	show(c);
	/* The text that a model would keep. */
	if (nf_cfg_parse(&again, c->text, "text", NULL, 0, &err) == -1) {
		fprintf(stderr, "%s\n", err.msg);
		return 98;
	}
	printf("-- the text again\n");
	show(again);
	printf("-- the text\n%s", c->text);
	nf_cfg_free(again);
	nf_cfg_free(c);
	return 0;
}
