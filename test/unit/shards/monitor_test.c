/* How MONITOR writes arguments. */
#include "shards/monitor.h"

#include <criterion/criterion.h>

Test(monitor, arguments_are_quoted_so_that_a_line_stays_a_line) {
    static const struct {
        struct bytes text;
        const char *shown;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"key:1 ~", 7}, "\"key:1 ~\""},
        {{"a\"b\\", 4}, "\"a\\\"b\\\\\""},
        {{"\n\r\t\a\b", 5}, "\"\\n\\r\\t\\a\\b\""},
        {{"\0\x1f\x7f\xff", 4}, "\"\\x00\\x1f\\x7f\\xff\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf line;
        buf_init(&line);
        monitor_put_quoted(&line, rows[i].text);
        cr_assert(bytes_equal(buf_bytes(&line), bytes_cstr(rows[i].shown)), "%.*s, not %s", (int)line.len,
                  line.ptr, rows[i].shown);
        buf_deinit(&line);
    }
}
