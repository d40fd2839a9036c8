/* The same, in double. */
#include "ops_rows.c"
