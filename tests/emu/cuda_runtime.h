/* What stands where the toolkit's header would. */
#include "../cuda_emu.h"
