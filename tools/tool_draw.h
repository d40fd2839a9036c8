/* What programs share that draw: the terminal, bins, images. */
#ifndef TOOL_DRAW_H
#define TOOL_DRAW_H

#include "tool.h"

/* Columns of a panel on fd: COLUMNS, the terminal's, or 80; within bounds. */
int tool_width(int fd);
/* Colours on fd: on a terminal, unless NO_COLOR is set. */
bool tool_colour(int fd);

/* LO:HI, of which either may be left out and is then left alone. */
void tool_range(char *arg, double *lo, double *hi, const char *opt);
/* How many bins, or their edges separated by commas. */
void tool_bins(char *arg, struct nf_binning *b, const char *opt);

/* What a path's end asks for; any other is wrong usage. */
enum nf_image tool_image_kind(const char *path, const char *opt);
/* Writes what gnuplot does to draw into file. */
typedef int tool_script(struct nf_page *page, enum nf_image image,
    const char *file, const void *arg, struct nf_err *err);
/* An image that appears under its name when whole, drawn by gnuplot. */
int tool_image(const char *path, tool_script *script, const void *arg,
    struct nf_err *err) NF_CHECKED;

#endif
