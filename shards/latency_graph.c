/* latency_graph.c: a column for each sample, scaled between the lowest and the highest: '_' is the floor, '#' the top, '|'
 * what is below a top, 'o' and '.' tops a half and a quarter full. Below it stands how long ago that was, written
 * downwards. */
#include "shards/latency_graph.h"

#include <inttypes.h>
#include <stdio.h>

enum { GRAPH_ROWS = 4, GRAPH_STEPS = 3, GRAPH_AGE_MAX = 8 };

struct range {
    uint64_t low;
    uint64_t high;
};

static struct range latency_range(const struct latency_series *series) {
    struct range range = {UINT64_MAX, 0};
    for (unsigned i = 0; i < series->count; i++) {
        uint64_t ms = series->samples[i].ms;
        range.low = ms < range.low ? ms : range.low;
        range.high = ms > range.high ? ms : range.high;
    }
    return range;
}

/* The height of a sample in steps, from 0 to GRAPH_ROWS * GRAPH_STEPS - 1. */
static unsigned latency_height(struct range range, uint64_t ms) {
    uint64_t width = range.high > range.low ? range.high - range.low : 1;
    return (unsigned)((ms - range.low) * (GRAPH_ROWS * GRAPH_STEPS - 1) / width);
}

static char latency_mark(unsigned height, unsigned row) {
    static const char tops[GRAPH_STEPS] = {'.', 'o', '#'};
    unsigned top = height / GRAPH_STEPS;
    if (row > top)
        return ' ';
    if (row < top)
        return '|';
    return height == 0 ? '_' : tops[height % GRAPH_STEPS];
}

static void latency_age(int64_t age_s, char *text) {
    if (age_s < 60)
        snprintf(text, GRAPH_AGE_MAX, "%ds", (int)age_s);
    else if (age_s < 3600)
        snprintf(text, GRAPH_AGE_MAX, "%dm", (int)(age_s / 60));
    else if (age_s < 86400)
        snprintf(text, GRAPH_AGE_MAX, "%dh", (int)(age_s / 3600));
    else
        snprintf(text, GRAPH_AGE_MAX, "%dd", (int)(age_s / 86400 % 100000));
}

static void latency_put_ages(const struct latency_series *series, int64_t now_s, struct buf *text) {
    buf_put_char(text, '\n');
    bool has_more = true;
    for (unsigned row = 0; has_more; row++) {
        size_t before = text->len;
        has_more = false;
        for (unsigned i = 0; i < series->count; i++) {
            char age[GRAPH_AGE_MAX];
            int64_t age_s = now_s - series->samples[i].unix_s;
            latency_age(age_s > 0 ? age_s : 0, age);
            bool is_here = row < strlen(age);
            buf_put_char(text, is_here ? age[row] : ' ');
            has_more = has_more || is_here;
        }
        if (has_more)
            buf_put_char(text, '\n');
        else
            text->len = before;
    }
}

void latency_graph_draw(const char *name, const struct latency_series *series, int64_t now_s,
                        struct buf *text) {
    struct range range = latency_range(series);
    buf_printf(text, "%s - high %" PRIu64 " ms, low %" PRIu64 " ms (all time high %" PRIu64 " ms)\n", name,
               range.high, range.low, series->worst_ms);
    for (int i = 0; i < 80; i++)
        buf_put_char(text, '-');
    buf_put_char(text, '\n');
    for (unsigned row = GRAPH_ROWS; row-- > 0;) {
        for (unsigned i = 0; i < series->count; i++)
            buf_put_char(text, latency_mark(latency_height(range, series->samples[i].ms), row));
        buf_put_char(text, '\n');
    }
    latency_put_ages(series, now_s, text);
}

/* ---- in words ---- */

static void latency_describe(unsigned number, enum latency_event event, const struct latency_series *series,
                             struct buf *text) {
    uint64_t sum = 0;
    uint64_t deviation = 0;
    for (unsigned i = 0; i < series->count; i++)
        sum += series->samples[i].ms;
    uint64_t mean = sum / series->count;
    for (unsigned i = 0; i < series->count; i++) {
        uint64_t ms = series->samples[i].ms;
        deviation += ms > mean ? ms - mean : mean - ms;
    }
    int64_t span_s = series->samples[series->count - 1].unix_s - series->samples[0].unix_s;
    buf_printf(text,
               "%u. %s: %u slow moments (mean %" PRIu64 " ms, mean deviation %" PRIu64
               " ms, one every %.2f seconds). The worst took %" PRIu64 " ms. This kind is %s.\n",
               number, latency_event_name(event), series->count, mean, deviation / series->count,
               (double)span_s / series->count, series->worst_ms, latency_event_meaning(event));
}

static void latency_advise(const struct latency *latency, const struct config *config, struct buf *text) {
    BUF_PUT_LIT(text, "\nWhat may help:\n\n");
    if (latency->of[LATENCY_COMMAND] || latency->of[LATENCY_FAST_COMMAND]) {
        if (config->slowlog_log_slower_than < 0)
            BUF_PUT_LIT(
                text,
                "- The slow log is off. Set slowlog-log-slower-than to learn which commands are slow.\n");
        else
            BUF_PUT_LIT(text,
                        "- SLOWLOG GET names the slow commands. Commands over many keys or elements can be "
                        "divided, for instance KEYS into SCAN.\n");
    }
    if (latency->of[LATENCY_FAST_COMMAND])
        BUF_PUT_LIT(
            text, "- Fast commands were slow: look for other programs on the same processors, for swapping, "
                  "and for transparent huge pages.\n");
    if (latency->of[LATENCY_EXPIRE_CYCLE])
        BUF_PUT_LIT(text, "- Many keys expire at the same moment. Spread their times to live.\n");
    if (latency->of[LATENCY_EVICTION_CYCLE])
        BUF_PUT_LIT(text, "- Eviction takes long. A higher maxmemory, or smaller values, would help.\n");
    if (latency->of[LATENCY_AOF_WRITE] || latency->of[LATENCY_AOF_FSYNC_ALWAYS] ||
        latency->of[LATENCY_AOF_FSYNC])
        BUF_PUT_LIT(text,
                    "- The disk is slow. Use a faster one, or appendfsync everysec, if losing a second of "
                    "writes is acceptable.\n");
}

void latency_doctor_write(const struct latency *latency, const struct config *config, struct buf *text) {
    unsigned number = 0;
    if (config->latency_monitor_threshold == 0) {
        BUF_PUT_LIT(
            text, "Slow moments are not being recorded. CONFIG SET latency-monitor-threshold <milliseconds> "
                  "records those that take at least so long.\n");
        return;
    }
    for (unsigned e = 0; e < LATENCY_EVENT_COUNT; e++)
        if (latency->of[e])
            latency_describe(++number, (enum latency_event)e, latency->of[e], text);
    if (number == 0)
        BUF_PUT_LIT(text, "No slow moment was recorded so far.\n");
    else
        latency_advise(latency, config, text);
}
