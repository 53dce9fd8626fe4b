/* info_text_test.c: names of sections and numbers as people read them. */
#include "shards/info.h"

#include <criterion/criterion.h>

Test(info_text, bytes_are_shown_as_redis_shows_them) {
    static const struct {
        uint64_t bytes;
        const char *text;
    } table[] = {
        {0, "0B"},
        {1023, "1023B"},
        {1024, "1.00K"},
        {1536, "1.50K"},
        {1024 * 1024 - 1, "1024.00K"},
        {1024 * 1024, "1.00M"},
        {UINT64_C(5) << 30, "5.00G"},
        {UINT64_C(3) << 40, "3.00T"},
        {UINT64_C(2) << 50, "2.00P"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct buf text;
        buf_init(&text);
        info_put_human(&text, table[i].bytes);
        buf_put_char(&text, '\0');
        cr_assert_str_eq(text.ptr, table[i].text);
        buf_deinit(&text);
    }
}

Test(info_text, words_name_sections_without_regard_to_case) {
    cr_assert_eq(info_sections_named(BYTES_LIT("memory")), 1u << INFO_MEMORY);
    cr_assert_eq(info_sections_named(BYTES_LIT("CPU")), 1u << INFO_CPU);
    cr_assert_eq(info_sections_named(BYTES_LIT("memor")), 0);
    cr_assert_eq(info_sections_named(BYTES_LIT("")), 0);
}

Test(info_text, default_is_part_of_all_and_all_of_everything) {
    unsigned of_default = info_sections_named(BYTES_LIT("default"));
    unsigned of_all = info_sections_named(BYTES_LIT("ALL"));
    unsigned of_everything = info_sections_named(BYTES_LIT("Everything"));
    cr_assert_eq(of_everything, (unsigned)INFO_SECTIONS_ALL);
    cr_assert_eq(of_all & of_default, of_default);
    cr_assert_neq(of_all, of_default);
    cr_assert_eq(of_everything & ~of_all, 1u << INFO_MODULES);
    cr_assert_eq(of_default & (1u << INFO_COMMANDSTATS), 0);
}
