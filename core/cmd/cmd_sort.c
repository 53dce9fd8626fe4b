/* cmd_sort.c: SORT and SORT_RO where every key is within reach: on one shard, or without keys that patterns name.
 *
 * What is stored is logged as the list that came out, not as the command: the other keys may have changed by the time a log is
 * replayed, and elements of equal weight have no order that lasts. */
#include "core/cmd/sort_job.h"

static void sort(struct exec *x) {
    struct sort_job job;
    if (sort_job_begin(&job, x)) {
        sort_job_look_here(&job, x);
        if (sort_job_sort(&job, x)) {
            sort_job_look_here(&job, x);
            sort_job_finish(&job, x);
        }
    }
    sort_job_deinit(&job);
}

/* SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination] */
void cmd_sort(struct exec *x) {
    sort(x);
}

/* SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] */
void cmd_sort_ro(struct exec *x) {
    sort(x);
}
