/* oom_score.c: /proc/self/oom_score_adj. A process may always make itself more likely to be killed; the opposite needs a
 * privilege, so failing is normal and reported. */
#include "shards/oom_score.h"

#include "shards/logger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OOM_SCORE_PATH "/proc/self/oom_score_adj"

enum { OOM_SCORE_MIN = -1000, OOM_SCORE_MAX = 1000 };

void oom_score_init(struct oom_score *score) {
    *score = (struct oom_score){0};
    FILE *file = fopen(OOM_SCORE_PATH, "re");
    if (!file)
        return;
    if (fscanf(file, "%d", &score->base) != 1)
        score->base = 0;
    fclose(file);
}

static bool oom_score_write(int value) {
    FILE *file = fopen(OOM_SCORE_PATH, "we");
    if (!file)
        return false;
    bool is_written = fprintf(file, "%d\n", value) > 0;
    return fclose(file) == 0 && is_written;
}

static int oom_score_wanted(const struct oom_score *score, const struct config *config) {
    int value = config->oom_score_adj_values.of[0];
    switch (config->oom_score_adj) {
    case OOM_SCORE_ADJ_NO: value = score->base; break;
    case OOM_SCORE_ADJ_YES:
    case OOM_SCORE_ADJ_RELATIVE: value += score->base; break;
    case OOM_SCORE_ADJ_ABSOLUTE: break;
    }
    return value < OOM_SCORE_MIN ? OOM_SCORE_MIN : value > OOM_SCORE_MAX ? OOM_SCORE_MAX : value;
}

bool oom_score_apply(struct oom_score *score, const struct config *config, const struct logger *logger) {
    if (config->oom_score_adj == OOM_SCORE_ADJ_NO && !score->is_changed)
        return true;
    if (!oom_score_write(oom_score_wanted(score, config))) {
        logger_say(logger, LOGLEVEL_WARNING, "Unable to write oom_score_adj: %s", strerror(errno));
        return false;
    }
    score->is_changed = config->oom_score_adj != OOM_SCORE_ADJ_NO;
    return true;
}
