/* The operations again, in double. */
#include "ops.c"
