/* Parity again, in double. */
#include "parity.c"
