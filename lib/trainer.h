/* What the files of the trainer (train.h) share. */
#ifndef NF_TRAINER_H
#define NF_TRAINER_H

#include "eval.h"
#include "train.h"
#include "train_rows.h"

/* The rows of a batch that go through the network together. */
struct nf_share {
	struct nf_work *work;
	nf_real *grad;			/* [nparam] */
	uint32_t lo, n;			/* which rows */
};

struct nf_trainer {
	struct nf_dev *dev;
	struct nf_flow *flow;
	struct nf_train_opt opt;
	struct nf_net *net;
	uint32_t nshare;
	struct nf_share *share;		/* the first has t->grad */
	struct nf_eval *eval;
	uint32_t nrow, batch, epoch;
	double mean_weight;
	struct nf_train_rows rows;	/* on the device */
	struct nf_rowset valid;		/* as given; where there is room, */
	struct nf_train_rows valid_rows;	/* there too */
	struct nf_mat batch_x, batch_context;
	nf_real *batch_weight;		/* [batch] */
	nf_real *grad, *m, *v;		/* [nparam] */
	struct nf_tally *tally;
	struct nf_tally host;		/* as last downloaded */
	void *unit;			/* a captured step */
	int warm;			/* one has run as it is */
};

/* Take a batch, the one that the tally counts next. */
void nf_trainer_step(struct nf_trainer *t);

#endif
