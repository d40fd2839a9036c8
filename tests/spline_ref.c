/* The spline again, in double. */
#include "spline.c"
