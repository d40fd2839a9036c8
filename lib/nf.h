/*
 * nf: draw from conditional normalizing flows, and ask for their densities.
 * For programs in C and C++ that have a model file; nf(3) is the manual.
 *
 * A function that can fail returns -1 (or NULL) and fills a struct nf_err,
 * or says nothing if that is NULL; none prints or exits.  Arrays are
 * row-major and the caller's, in the columns' own units, those of nf_ncontext
 * conditions or of nf_ntarget targets a row.
 */
#ifndef NF_H
#define NF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ----------------------------------------------------------- */

enum nf_code {
	NF_ESYS = 1,		/* the system failed: memory, disk, device */
	NF_EUSE,		/* the caller asked for what cannot be */
	NF_EDATA		/* the input is damaged or does not fit */
};

/* One line that says where, what was found and what was wanted. */
struct nf_err {
	enum nf_code code;
	char msg[1024];		/* no newline, no program name */
};

/* ---- models ----------------------------------------------------------- */

/* A model file, open.  Calls on one from several threads wait for one
 * another; several are independent. */
struct nf_handle;

/* All 0 is the default.  reserved must be 0. */
struct nf_options {
	const char *device;	/* "cpu", "cuda", "cuda:N"; NULL: "auto" */
	uint32_t threads;	/* of the CPU; 0: as many as may run */
	uint32_t reserved[13];
};

/* Open the model file at path; options may be NULL. */
struct nf_handle *nf_open(const char *path, const struct nf_options *options,
    struct nf_err *err);
void nf_close(struct nf_handle *h);		/* h may be NULL */

uint32_t nf_ncontext(const struct nf_handle *h);	/* may be 0 */
uint32_t nf_ntarget(const struct nf_handle *h);
/* Column j's name, from 0, as long as h is open; NULL where there is none. */
const char *nf_context_name(const struct nf_handle *h, uint32_t j);
const char *nf_target_name(const struct nf_handle *h, uint32_t j);
/* What does the work: "cpu (2 threads, avx512)". */
const char *nf_device_name(const struct nf_handle *h);
const char *nf_version(void);			/* "0.1.0" */

/* ---- rows ------------------------------------------------------------- */

/*
 * Which random numbers a call takes: those of draw number draw of the rows
 * row, row + 1, ..  The same numbers give the same result, bit for bit,
 * however rows are shared among calls.  All 0 is the default; reserved must
 * be 0.
 */
struct nf_random {
	uint64_t seed;
	uint64_t row;		/* number of the call's first row */
	double temperature;	/* of nf_sample, up to 100; 0 means 1 */
	uint32_t draw;		/* of nf_sample */
	uint32_t reserved[9];
};

/* Draw target[n][ntarget] for context[n][ncontext]; random may be NULL. */
int nf_sample(struct nf_handle *h, const struct nf_random *random, size_t n,
    const double *context, double *target, struct nf_err *err);
int nf_sample_f32(struct nf_handle *h, const struct nf_random *random,
    size_t n, const float *context, float *target, struct nf_err *err);

/* logp[n] = ln of the density of target, given context, per unit of each. */
int nf_log_density(struct nf_handle *h, const struct nf_random *random,
    size_t n, const double *context, const double *target, double *logp,
    struct nf_err *err);

/* Targets to latents z[n][ntarget], which are standard normal, and back. */
int nf_latent(struct nf_handle *h, const struct nf_random *random, size_t n,
    const double *context, const double *target, double *z,
    struct nf_err *err);
int nf_from_latent(struct nf_handle *h, const struct nf_random *random,
    size_t n, const double *context, const double *z, double *target,
    struct nf_err *err);

/* Numbers that had to be bounded since the last call of nf_bounded: too
 * great for a float in the flow, or out of the range seen in training. */
uint64_t nf_bounded(struct nf_handle *h);

#ifdef __cplusplus
}
#endif
#endif
