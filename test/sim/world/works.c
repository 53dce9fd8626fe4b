/* works.c: the list. */
#include "test/sim/world/world.h"

extern const struct work work_ring, work_lock, work_databases, work_expiry, work_mortal, work_private,
    work_history, work_noise;

const struct work *const world_works[] = {
    &work_registers, &work_cause,   &work_ring,  &work_lock, &work_databases, &work_expiry, &work_mortal,
    &work_private,   &work_history, &work_noise, NULL,
};
