/* What programs share that draw: the terminal, and ranges. */
#include <sys/ioctl.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "tool_draw.h"

int
tool_width(int fd)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	int n = s == NULL ? 0 : atoi(s);

	if (n <= 0 && ioctl(fd, TIOCGWINSZ, &w) == 0)
		n = w.ws_col;
	if (n <= 0)
		n = 80;
	if (n < NF_PLOT_MIN)
		return NF_PLOT_MIN;
	return n > NF_PLOT_MAX ? NF_PLOT_MAX : n;
}

bool
tool_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no == NULL || *no == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

void
tool_range(char *arg, double *lo, double *hi, const char *opt)
{
	char *colon = strchr(arg, ':');

	if (colon == NULL)
		tool_usage("%s: '%s' is not LO:HI", opt, arg);
	*colon = '\0';
	if (*arg != '\0')
		*lo = tool_double(arg, opt);
	if (colon[1] != '\0')
		*hi = tool_double(colon + 1, opt);
	if (*lo >= *hi)
		tool_usage("%s: %s is not below %s", opt, arg, colon + 1);
}
