/* latency_test.c: series of slow moments. */
#include "shards/latency.h"
#include "shards/latency_graph.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct latency_series *series_of(const struct latency_sample *samples, size_t count) {
    struct latency_series *series = calloc(1, sizeof *series);
    for (size_t i = 0; i < count; i++)
        latency_add(series, samples[i]);
    return series;
}

Test(latency, one_second_keeps_its_worst_moment) {
    struct latency_series *s = series_of((struct latency_sample[]){{10, 5}, {10, 9}, {10, 7}, {11, 1}}, 4);
    cr_assert_eq(s->count, 2);
    cr_assert_eq(s->samples[0].ms, 9);
    cr_assert_eq(s->samples[1].ms, 1);
    cr_assert_eq(s->worst_ms, 9);
    free(s);
}

Test(latency, a_full_series_forgets_the_oldest_but_not_the_worst) {
    struct latency_series *s = calloc(1, sizeof *s);
    latency_add(s, (struct latency_sample){0, 1000});
    for (int64_t t = 1; t <= LATENCY_SAMPLES; t++)
        latency_add(s, (struct latency_sample){t, (uint64_t)t});
    cr_assert_eq(s->count, LATENCY_SAMPLES);
    cr_assert_eq(s->samples[0].unix_s, 1);
    cr_assert_eq(s->samples[LATENCY_SAMPLES - 1].unix_s, LATENCY_SAMPLES);
    cr_assert_eq(s->worst_ms, 1000);
    free(s);
}

Test(latency, merging_puts_samples_in_order_of_time) {
    struct latency_series *a = series_of((struct latency_sample[]){{1, 5}, {3, 5}, {5, 8}}, 3);
    struct latency_series *b = series_of((struct latency_sample[]){{2, 7}, {3, 6}, {9, 1}}, 3);
    static const struct latency_sample wanted[] = {{1, 5}, {2, 7}, {3, 6}, {5, 8}, {9, 1}};
    latency_merge(a, b);
    cr_assert_eq(a->count, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(a->samples[i].unix_s, wanted[i].unix_s);
        cr_assert_eq(a->samples[i].ms, wanted[i].ms);
    }
    cr_assert_eq(a->worst_ms, 8);
    free(a);
    free(b);
}

Test(latency, a_graph_has_a_column_for_each_sample_and_its_age_below) {
    struct latency_series *s = series_of((struct latency_sample[]){{100, 10}, {140, 20}, {150, 15}}, 3);
    struct buf text;
    buf_init(&text);
    latency_graph_draw("command", s, 160, &text);
    buf_put_char(&text, '\0');
    char lines[81];
    memset(lines, '-', 80);
    lines[80] = '\0';
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "command - high 20 ms, low 10 ms (all time high 20 ms)\n%s\n"
             " # \n | \n |#\n_||\n\n121\nm00\n ss\n",
             lines);
    cr_assert_str_eq(text.ptr, wanted, "%s", text.ptr);
    buf_deinit(&text);
    free(s);
}

Test(latency, every_event_has_a_name_and_a_meaning) {
    for (unsigned e = 0; e < LATENCY_EVENT_COUNT; e++) {
        cr_assert(latency_event_name((enum latency_event)e)[0] != '\0');
        cr_assert(latency_event_meaning((enum latency_event)e)[0] != '\0');
    }
}
