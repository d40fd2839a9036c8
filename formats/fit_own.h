/* What the files of a training run (fit.h) share. */
#ifndef NF_FIT_OWN_H
#define NF_FIT_OWN_H

#include "fit.h"

struct nf_fit {
	char *path, *last;
	const struct nf_cfg *cfg;
	struct nf_dev *dev;
	const struct nf_dataset *data;	/* once it has begun */
	struct nf_trainer *trainer;
	struct nf_model *model;		/* as it now is */
	int lent;			/* that is another's, until it has */
	float *best;			/* [nall], if not yet written */
	int best_new;
	double best_nll;
	uint32_t best_epoch;
	int rc;				/* of nf_fit_make, .. */
	struct nf_err err;		/* .. until somebody asks */
};

/* The figure that judges an epoch: validation's if there is any. */
double nf_fit_judged(const double *row);

#endif
