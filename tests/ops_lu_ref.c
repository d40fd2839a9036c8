/* The same, in double. */
#include "ops_lu.c"
