/* latency_graph.h: a series of slow moments as a drawing, and all of them in words. */
#pragma once

#include "core/base/buf.h"
#include "core/config/config.h"
#include "shards/latency.h"

/* Draws the series with a summary above and ages below each column. */
void latency_graph_draw(const char *name, const struct latency_series *series, int64_t now_s,
                        struct buf *text);

/* What LATENCY DOCTOR says. */
void latency_doctor_write(const struct latency *latency, const struct config *config, struct buf *text);
