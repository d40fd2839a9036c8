/* Errors: a code and one line. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

int
nf_fail(struct nf_err *err, enum nf_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int
nf_fail_in(struct nf_err *err, const char *fmt, ...)
{
	char prefix[sizeof(err->msg) / 2];
	char msg[sizeof(err->msg)];
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(msg, err->msg, sizeof(msg));
	snprintf(err->msg, sizeof(err->msg), "%s: %.*s", prefix,
	    (int)(sizeof(err->msg) - strlen(prefix) - 3), msg);
	return -1;
}
