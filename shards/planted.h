/* planted.h: deliberate bugs, for checking the checkers.
 *
 * A build with -DBASALT_PLANTED=n leaves one rule of the message order or of the log out; the simulator or the history checker must then
 * report an anomaly (test/history, test/sim). Every real build has 0, and the compiler removes all of it. */
#pragma once

#ifndef BASALT_PLANTED
#define BASALT_PLANTED 0
#endif

enum planted {
    PLANTED_NOTHING,
    PLANTED_NO_ORDER_LOCK,   /* 1: a flush with several destinations takes no locks (R1) */
    PLANTED_NO_LOOK,         /* 2: single pushes and takers do not look at the lock (R2) */
    PLANTED_EARLY_UNLOCK,    /* 3: lent keys are unlocked when they are lent */
    PLANTED_LOCAL_OVERTAKES, /* 4: local commands run at once although others of the turn went elsewhere */
    PLANTED_EARLY_RELEASE,   /* 5: all order locks are released after the first push */
    PLANTED_NO_PART_WAIT,    /* 6: a part is acknowledged when it is durable here, whatever the others have */
    PLANTED_NO_READ_WAIT,    /* 7: under always a read does not wait for what it has seen */
    PLANTED_LOOSE_MARK,      /* 8: a mark is sent without order locks */
    PLANTED_TRUST_CACHE,     /* 9: recovery does not write again what a failed fsync may have left out */
    PLANTED_LAST_FIRST,      /* 10: of those who wait for a key, the last is served first */
    PLANTED_LATE_TICKET,     /* 11: after a lent look, tickets are taken after the keys were unlocked */
};

#define PLANTED(bug) (BASALT_PLANTED == PLANTED_##bug)

#if BASALT_PLANTED
#include <sched.h>
/* Widens the window in which a planted bug does harm. */
#define PLANTED_PAUSE() sched_yield()
#else
#define PLANTED_PAUSE() ((void)0)
#endif
