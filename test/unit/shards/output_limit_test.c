/* Limits of unsent output: when they are over, and from how many bytes on somebody must look. */
#include "shards/output_limit.h"

#include <criterion/criterion.h>

Test(output_limit, a_hard_limit_is_over_at_its_bytes) {
    struct config_output_limit limit = {.hard_bytes = 100};
    int64_t since = 0;
    cr_assert_not(output_limit_is_over(&limit, 99, 5, &since));
    cr_assert(output_limit_is_over(&limit, 100, 5, &since));
    cr_assert_eq(since, 0);
}

Test(output_limit, no_limit_is_never_over) {
    struct config_output_limit limit = {0};
    int64_t since = 0;
    cr_assert_not(output_limit_is_over(&limit, SIZE_MAX, INT64_MAX, &since));
}

Test(output_limit, a_soft_limit_is_over_when_it_was_exceeded_all_the_time) {
    struct config_output_limit limit = {.soft_bytes = 100, .soft_seconds = 2};
    static const struct {
        int64_t at_ms;
        size_t bytes;
        bool is_over;
    } steps[] = {
        {1000, 99, false},  {2000, 100, false}, {3500, 500, false}, {4000, 99, false},
        {4100, 100, false}, {6000, 100, false}, {6100, 100, false}, {6101, 100, true},
    };
    int64_t since = 0;
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        cr_assert_eq(output_limit_is_over(&limit, steps[i].bytes, steps[i].at_ms, &since), steps[i].is_over,
                     "step %zu", i);
}

Test(output_limit, the_smallest_limit_is_watched) {
    struct config config;
    config_init_defaults(&config);
    cr_assert_eq(output_limit_watch_bytes(&config), 8388608 - 1); /* pubsub's soft limit */
    config.client_output_buffer_limit = (struct config_output_limits){0};
    cr_assert_eq(output_limit_watch_bytes(&config), SIZE_MAX);
    config.client_output_buffer_limit.of[CONFIG_CLASS_NORMAL].hard_bytes = 5000;
    cr_assert_eq(output_limit_watch_bytes(&config), 4999);
    config.client_output_buffer_limit.of[CONFIG_CLASS_NORMAL].hard_bytes = 1 << 20;
    struct buf error;
    buf_init(&error);
    cr_assert(config_put(&config, CONFIG_requirepass, BYTES_LIT("secret"), &error));
    cr_assert_eq(output_limit_watch_bytes(&config), OUTPUT_LIMIT_STRANGER_BYTES);
    buf_deinit(&error);
    config_deinit(&config);
}
