/* The golden vectors again, in double: all their digits. */
#include "golden.c"
