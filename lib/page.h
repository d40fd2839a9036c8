/* A page of text that grows in memory. */
#ifndef NF_PAGE_H
#define NF_PAGE_H

#include <stdbool.h>

#include "fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Starts as { 0 }; what fails is remembered until nf_page_check. */
struct nf_page {
	char *s;		/* n bytes and a NUL, or NULL while empty */
	size_t n, size;
	bool failed;
};

void nf_page_add(struct nf_page *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* s, cut to width columns of a terminal, and blanks that fill them. */
void nf_page_left(struct nf_page *t, const char *s, int width);
void nf_page_right(struct nf_page *t, const char *s, int width);
/* The fewest digits that read back as x. */
void nf_page_number(struct nf_page *t, double x);
/* -1 (NF_ESYS) where memory was wanting. */
int nf_page_check(const struct nf_page *t, struct nf_err *err) NF_CHECKED;
void nf_page_free(struct nf_page *t);

/* Columns of s on a terminal: characters of UTF-8, escapes none. */
int nf_page_width(const char *s, size_t nbyte);

#ifdef __cplusplus
}
#endif
#endif
