/* The same, in double. */
#include "ops_spline.c"
