/*
 * Columns of streams found by name, a few rows at a time, as doubles; and
 * pictures of them.  Included by nfio.h.
 */
#ifndef NF_TILES_H
#define NF_TILES_H

#include "nfio.h"
#include "views.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_NO_COLUMN	UINT32_MAX

/* Files one after another, each with its columns in an order of its own. */
struct nf_tiles {
	int (*open)(const char *file, struct nf_reader **r,
	    struct nf_err *err);
	char *const *file;	/* nfile of them; none: open(NULL) is one */
	int nfile, at;
	struct nf_reader *r;
	struct nf_rows rows;	/* the frame at hand, taken up to row */
	uint64_t row;
	struct nf_list names;	/* of the columns that are read */
	bool optional;
	uint32_t *col;		/* where they stand, or NF_NO_COLUMN */
	double *x;		/* a tile: column j begins at j * NF_TILE */
	struct nf_writer *copy;	/* all rows go there too, or NULL */
};

/* Set open, file and nfile of a zeroed struct; this opens the first. */
int nf_tiles_open(struct nf_tiles *t, struct nf_err *err) NF_CHECKED;
/*
 * Read the columns names.  One that is missing is NF_EDATA and names the
 * nearest; or, where optional, is left out of the tiles of that file.
 */
int nf_tiles_choose(struct nf_tiles *t, const struct nf_list *names,
    bool optional, struct nf_err *err) NF_CHECKED;
/* The next 1 to NF_TILE rows into t->x: how many, 0 at the end, or -1. */
int nf_tiles_next(struct nf_tiles *t, struct nf_err *err) NF_CHECKED;
void nf_tiles_close(struct nf_tiles *t);

/* What is drawn, and how it is counted. */
struct nf_views_spec {
	enum nf_view_kind kind;
	const char *columns;	/* COLUMNS, NULL for all; of a pair, two */
	const char *weight;	/* a column, or NULL */
	const char *fold;	/* a column that tells events, or NULL */
	double truth;		/* see struct nf_view */
	struct nf_binning bx, by;
};

/*
 * Pictures of a sample and, if its open is set, of a reference.  A column
 * that the reference lacks is drawn without it, unless columns asked for it;
 * a reference without the weight or the events counts every row once.  The
 * names are the first of side[NF_SAMPLE].names.
 */
int nf_views_read(struct nf_views *t, struct nf_tiles side[2],
    const struct nf_views_spec *s, struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
