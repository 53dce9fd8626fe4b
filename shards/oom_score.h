/* oom_score.h: telling the kernel how readily it may kill this process when memory runs out. */
#pragma once

#include "core/config/config.h"

struct logger;

struct oom_score {
    int base;        /* what the process was started with */
    bool is_changed; /* by us: "no" puts the base back */
};

/* Reads the score that the process was started with. */
void oom_score_init(struct oom_score *score);

/* Sets what oom-score-adj and oom-score-adj-values ask for (the first value: this server is a primary). False: the kernel
 * refused, which the log explains. */
bool oom_score_apply(struct oom_score *score, const struct config *config, const struct logger *logger);
