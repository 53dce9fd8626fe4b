/* baton.c: the owner's wait for its baton.
 *
 * Visits are short (one inbox), so the owner spins first; a visitor that runs a long command, or was descheduled, is
 * waited for with sched_yield so that it can have this core. */
#include "shards/baton.h"

#include "shards/order_lock.h"
#include "shards/yield.h"

#include <sched.h>

enum { BATON_SPINS = 2000 };

void baton_take_back(struct baton *baton) {
    for (unsigned spins = 0; !baton_try_take(baton, BATON_OWNER); spins++) {
        if (spins < BATON_SPINS)
            order_lock_pause();
        else
            sched_yield();
        YIELD_SPIN();
    }
}
