/*
 * A GPU made of loops, so that the kernels of cuda/ can be compiled as they
 * stand by a C++ compiler for the host and tested where there is no GPU.
 *
 * Blocks run one after another, threads as fibers that yield at barriers and
 * warp operations.  What a real device leaves open is varied on purpose: the
 * order of blocks and threads, what fresh memory holds, and, between streams
 * that no event orders, which goes first.  What a real device would refuse,
 * or get wrong in silence, ends the program with a line on standard error:
 * threads that part at a barrier, a launch out of bounds, a synchronisation
 * in a capture, a stream that is never joined.
 *
 * With EMU_RACE (make race) every access of a thread, a copy or the host is
 * held against what was done before: whatever the order was that it ran in,
 * two that nothing puts in an order are reported (emu/race.cc).
 *
 * Everything is done under one lock, and nothing before it must be: work is
 * queued and runs when somebody waits for it.  NF_EMU_SEED in the environment
 * chooses among the orders.
 */
#ifndef CUDA_EMU_H
#define CUDA_EMU_H

#include "emu/device.h"
#include "emu/mma.h"

#ifdef EMU_RACE
#define memcpy		race_memcpy
#define memset		race_memset
#define pthread_create	race_thread_create
#define pthread_join	race_thread_join
#define pthread_mutex_lock	race_lock
#define pthread_mutex_unlock	race_unlock
#endif

#endif
