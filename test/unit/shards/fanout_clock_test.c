/* The trailer of a part's reply: what it carries, and how keys are judged by it. */
#include "shards/fanout_clock.h"

#include "core/base/mem.h"
#include "core/value/entry.h"

#include <criterion/criterion.h>

enum { NOW_MS = 1000000 };

static void note(struct exec_part *part, int64_t expire_ms) {
    struct entry *e = entry_new_str(BYTES_LIT("k"), BYTES_LIT("v"), expire_ms);
    exec_part_note(part, e, NOW_MS);
    entry_free(e);
}

Test(fanout_clock, a_part_without_keys_that_expire_soon_has_an_empty_trailer) {
    struct exec_part part = {0};
    struct buf reply;
    buf_init(&reply);
    BUF_PUT_LIT(&reply, "*1\r\n$1\r\nv\r\n");
    note(&part, ENTRY_NO_EXPIRE);
    note(&part, NOW_MS + EXEC_SOON_MS + 1);
    exec_part_note(&part, NULL, NOW_MS);
    fanout_clock_close(&part, NOW_MS, &reply);
    struct fanout_clock clock;
    struct bytes text = fanout_clock_split(buf_bytes(&reply), &clock);
    cr_assert(bytes_equal(text, BYTES_LIT("*1\r\n$1\r\nv\r\n")));
    cr_assert_eq(clock.now_ms, NOW_MS);
    cr_assert_eq(clock.soon_count, 0);
    cr_assert_eq(fanout_clock_gone_count(&clock, INT64_MAX), 0);
    buf_deinit(&reply);
}

Test(fanout_clock, keys_are_judged_by_their_place_and_by_the_clock_that_is_asked_for) {
    struct exec_part part = {0};
    struct buf reply;
    buf_init(&reply);
    BUF_PUT_LIT(&reply, ":4\r\n");
    note(&part, NOW_MS + 1);             /* 0 */
    exec_part_note(&part, NULL, NOW_MS); /* 1: absent */
    note(&part, NOW_MS + 3);             /* 2 */
    note(&part, ENTRY_NO_EXPIRE);        /* 3 */
    note(&part, NOW_MS + 2);             /* 4 */
    fanout_clock_close(&part, NOW_MS, &reply);
    struct fanout_clock clock;
    fanout_clock_split(buf_bytes(&reply), &clock);
    static const struct {
        int64_t at_ms;
        uint32_t gone;
        bool is_gone[6];
    } table[] = {
        {NOW_MS, 0, {false, false, false, false, false, false}},
        {NOW_MS + 1, 1, {true, false, false, false, false, false}},
        {NOW_MS + 2, 2, {true, false, false, false, true, false}},
        {NOW_MS + 3, 3, {true, false, true, false, true, false}},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        cr_assert_eq(fanout_clock_gone_count(&clock, table[i].at_ms), table[i].gone);
        for (uint32_t nth = 0; nth < 6; nth++)
            cr_assert_eq(fanout_clock_is_gone(&clock, nth, table[i].at_ms), table[i].is_gone[nth],
                         "row %zu key %u", i, nth);
    }
    buf_deinit(&reply);
}
