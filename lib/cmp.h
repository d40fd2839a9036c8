/*
 * Two samples compared, column by column and over all columns; beside each
 * figure its floor, what the two halves of the first sample give.
 */
#ifndef NF_CMP_H
#define NF_CMP_H

#include "page.h"
#include "sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NF_CMP_MAX_COLS	512

/* Of a column. */
enum nf_cmp_figure {
	NF_CMP_W1, NF_CMP_W1_STD,	/* in units, in the first's std */
	NF_CMP_KS, NF_CMP_KS_P,
	NF_CMP_CHI2, NF_CMP_CHI2_P,	/* chi2 over ndf */
	NF_CMP_SHIFT,			/* difference of means, in std */
	NF_CMP_SPREAD,			/* ratio of std */
	NF_CMP_MEAN_A, NF_CMP_MEAN_B, NF_CMP_STD_A, NF_CMP_STD_B, /* no floor */
	NF_CMP_NFIGURE
};

/* Of all columns together. */
enum nf_cmp_joint {
	NF_CMP_CORR,		/* largest difference of correlations */
	NF_CMP_SLICED,		/* mean W1 of projections, in std */
	NF_CMP_FPD,		/* Frechet distance of normal fits */
	NF_CMP_AUC,		/* of a classifier that tells them apart */
	NF_CMP_NJOINT
};

struct nf_figure {
	double value, floor;	/* NAN: there is none */
};

struct nf_cmp {
	uint32_t ncol;
	double lo, hi;		/* of the condition; infinite: open */
	uint64_t nrow[2], nkept[2];
	struct nf_figure (*column)[NF_CMP_NFIGURE];	/* [ncol] */
	struct nf_figure joint[NF_CMP_NJOINT];
	uint32_t pair[2];	/* the columns of NF_CMP_CORR */
};

/* Compare s[1] with s[0]: of as many columns, at most NF_CMP_MAX_COLS. */
int nf_cmp_init(struct nf_cmp *c, const struct nf_sample s[2],
    struct nf_err *err) NF_CHECKED;
/*
 * Compare s, at least two columns, with standard normal numbers that are
 * independent of each other; the last column is nf_cmp_radius of the others.
 * Floors are those of normal numbers drawn, as many rows as are kept.  SHIFT
 * is the mean, SPREAD the std; no means and std else, no FPD, no AUC.
 */
int nf_cmp_normal(struct nf_cmp *c, const struct nf_sample *s,
    struct nf_err *err) NF_CHECKED;
void nf_cmp_free(struct nf_cmp *c);

/*
 * How far n latents are from the origin, as a standard normal number: that
 * which is exceeded as often as their sum of squares is by a chi2.
 */
double nf_cmp_radius(const double *z, uint32_t n);

/*
 * All comparisons wanted: c[0] of all rows, then one for each of about nbin
 * bins of the condition that hold equal numbers of the first's kept rows.
 * nbin 0: none.
 */
struct nf_cmps {
	int n;
	struct nf_cmp *c;
	int nside;	/* 2, or 1: with the standard normal distribution */
};

int nf_cmps_init(struct nf_cmps *t, const struct nf_sample s[], int nside,
    int nbin, struct nf_err *err) NF_CHECKED;
void nf_cmps_free(struct nf_cmps *t);

/* ---- the parts -------------------------------------------------------- */

/* Rows ncol wide as they lie in memory, in units of the first's spread. */
struct nf_cloud {
	uint32_t ncol;
	size_t n;
	double *x;		/* [n * ncol] */
	double *w;		/* [n] */
};

/*
 * The largest difference of the correlations of two columns, and which they
 * are; a pair of which one has no spread in a or b does not count.  NAN
 * without pairs.
 */
double nf_cmp_corr(const struct nf_moments *a, const struct nf_moments *b,
    uint32_t pair[2]);

/*
 * The kept rows of s (half: 0 or 1; -1 both) in an order by lot, each column
 * less the mean of m and divided by its std; a column without spread is 0
 * where it has its one value, and 1 elsewhere.
 */
int nf_cloud_init(struct nf_cloud *c, const struct nf_sample *s, int half,
    const struct nf_moments *m, struct nf_err *err) NF_CHECKED;
void nf_cloud_free(struct nf_cloud *c);

/*
 * The mean W1 of both clouds, or of a and (b NULL) the standard normal
 * distribution, along directions drawn by seed.
 */
int nf_cmp_sliced(const struct nf_cloud *a, const struct nf_cloud *b,
    uint64_t seed, double *w1, struct nf_err *err) NF_CHECKED;
/*
 * The Frechet distance of normal fits, extrapolated to samples of infinite
 * size; may be below 0 by chance.  NAN for fewer than 20 rows a column.
 */
int nf_cmp_fpd(const struct nf_cloud *a, const struct nf_cloud *b,
    double *fpd, struct nf_err *err) NF_CHECKED;
/*
 * The area under the ROC curve of boosted trees, of the first 20000 rows of
 * each at most: the mean over two halves, either scored by trees that learnt
 * from the other.  Rows of weight below 0 take away from the area what they
 * take from their sample; NAN where a half's weights have no sum above 0.
 */
int nf_cmp_auc(const struct nf_cloud *a, const struct nf_cloud *b,
    double *auc, struct nf_err *err) NF_CHECKED;

/* ---- limits and pages ------------------------------------------------- */

struct nf_cmp_limits {
	double w1, ks, auc;	/* NAN: none; w1 in std */
};

/*
 * How many figures are above a limit or cannot be told.  A line about the
 * worst of each kind goes to page.
 */
int nf_cmp_exceeds(const struct nf_cmps *t, const struct nf_cmp_limits *l,
    const char *const *name, struct nf_page *page);

/* A column's limit, NAN for a figure that has none; is a value above one? */
double nf_cmp_limit(const struct nf_cmp_limits *l, int figure);
bool nf_cmp_above(double value, double limit);

enum nf_cmp_form { NF_CMP_TEXT, NF_CMP_TSV, NF_CMP_JSON };

/* All of it; by is the condition's name or NULL. */
int nf_cmp_print(struct nf_page *page, const struct nf_cmps *t,
    enum nf_cmp_form form, const char *const *name, const char *by,
    const struct nf_cmp_limits *l, struct nf_err *err) NF_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
