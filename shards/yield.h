/* yield.h: the places where another shard may come in between, for the simulator.
 *
 * Real threads are interrupted anywhere; the simulator (test/sim) runs all shards in one thread and needs to be told where.
 * A build with -DBASALT_YIELD=1 calls hooks that the simulator defines, and it switches to another shard if its seed says
 * so. In every real build the macros are nothing.
 *
 *   YIELD_POINT()     somebody may come in between: between two steps that others can observe
 *   YIELD_SPIN()      nothing goes on here until somebody else has done something; in the body of every unbounded spin
 *   YIELD_SLEEP()     the shard's thread goes to sleep in the kernel, if nothing is due
 *   YIELD_RANDOM(r)   the value r, unless the simulator wants another: for what a real process draws from the kernel
 *   YIELD_EXIT()      the process would end here at once */
#pragma once

#ifndef BASALT_YIELD
#define BASALT_YIELD 0
#endif

#if BASALT_YIELD
#include <stdint.h>

void yield_point(void);
void yield_spin(void);
void yield_sleep(void);
uint64_t yield_random(void);
void yield_exit(void);

#define YIELD_POINT()      yield_point()
#define YIELD_SPIN()       yield_spin()
#define YIELD_SLEEP()      yield_sleep()
#define YIELD_RANDOM(real) yield_random()
#define YIELD_EXIT()       yield_exit()
#else
#define YIELD_POINT()      ((void)0)
#define YIELD_SPIN()       ((void)0)
#define YIELD_SLEEP()      ((void)0)
#define YIELD_RANDOM(real) (real)
#define YIELD_EXIT()       ((void)0)
#endif
