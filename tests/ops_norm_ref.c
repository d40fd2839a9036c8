/* The same, in double. */
#include "ops_norm.c"
