/*
 * Rows through a flow in tiles, each tile on one lane.  A lane is asked for
 * its next tile while it works on one, and what comes and goes does so beside
 * the work; so the calling thread's part of a tile costs nothing where a
 * device is slower than it.
 */
#ifndef NF_TILE_H
#define NF_TILE_H

#include "net.h"

/* What a lane has in hand: tiles that it was asked for, of this call. */
struct nf_lane {
	struct nf_work *work;		/* made when first needed */
	struct nf_tile {
		uint64_t lo;
		uint32_t n;		/* 0: none */
	} tile[NF_WAYS];
	uint32_t turn;			/* the next tile's */
	void *unit[2];			/* a full tile, captured: both ways */
	int warm[2];			/* one has run as it is */
};

/* What a call asks of every tile. */
struct nf_call {
	struct nf_net *net;
	struct nf_lane *lane;		/* [nlane], kept between calls */
	int inverse;
	uint64_t n;
	struct nf_noise noise;
	const nf_real *in, *context;
	int here;			/* they are in the device's memory */
	nf_real *out;
	double *logp;
	uint64_t clamped;
	struct nf_err err;		/* the first */
	int failed;
};

/* All tiles of a call; clamped counts the numbers that were bounded. */
int nf_tile_run(struct nf_call *c, struct nf_err *err) NF_CHECKED;
/* What a lane holds; its units alone, after the precision has changed. */
void nf_tile_forget(struct nf_lane *l);
void nf_tile_forget_units(struct nf_lane *l);

#endif
