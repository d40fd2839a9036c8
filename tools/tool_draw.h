/* What programs share that draw: the terminal, and ranges. */
#ifndef TOOL_DRAW_H
#define TOOL_DRAW_H

#include <stdbool.h>

/* Columns of a panel on fd: COLUMNS, the terminal's, or 80; within bounds. */
int tool_width(int fd);
/* Colours on fd: on a terminal, unless NO_COLOR is set. */
bool tool_colour(int fd);
/* LO:HI, of which either may be left out and is then left alone. */
void tool_range(char *arg, double *lo, double *hi, const char *opt);

#endif
