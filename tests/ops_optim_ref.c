/* The same, in double. */
#include "ops_optim.c"
