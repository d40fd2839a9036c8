/* The same, in double. */
#include "ops_linear.c"
